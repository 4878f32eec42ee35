package client

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/middb/middb/wire"
)

// leavesSoon ends its connection a millisecond after the login.
func leavesSoon(p *peer) {
	p.hello()
	time.Sleep(time.Millisecond)
}

const urlA, urlAB = "middb://a", "middb://a,b"

func TestAReadIsRepeatedWhenTheConnectionIsLost(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			p.expect(wire.TypeGet)
		}, echoServer))
		c := f.open(urlA, Options{})
		defer c.Close()
		gets(t, c, "k", "k")
	})
}

func TestAWriteThatWasSentIsUnknownWhenTheConnectionIsLost(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		puts := 0
		f.serve("a:7878", func(p *peer) {
			p.hello()
			p.expect(wire.TypePut)
			puts++
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		err := c.Put(t.Context(), []byte("k"), []byte("v"))
		wants(t, err, wire.ErrCommitUnknown)
		if puts != 1 || !strings.Contains(err.Error(), "a:7878 was lost before the answer came: the server closed the connection") {
			t.Errorf("%d puts, %v", puts, err)
		}
		var e *wire.Error
		if !errors.As(err, &e) || e.Hint == "" || e.Retry {
			t.Errorf("the error is %+v", e)
		}
	})
}

func TestAWriteIsRepeatedThatWasNotSent(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			p.nc.Read(make([]byte, 1)) // the first PUT is being written; the second one waits behind it
			time.Sleep(time.Second)
		}, func(p *peer) {
			p.hello()
			if f := p.expect(wire.TypePut); keyOf(t, f) != "second" {
				t.Errorf("the client repeats %q", f.Body)
			} else {
				p.ok(f, null)
			}
			p.gone()
		}))
		c := f.open(urlA, Options{Connections: 1})
		first := make(chan error)
		go func() { first <- c.Put(t.Context(), []byte("first"), nil) }()
		synctest.Wait()
		if err := c.Put(t.Context(), []byte("second"), []byte("v")); err != nil {
			t.Error(err)
		}
		wants(t, <-first, wire.ErrCommitUnknown)
		c.Close()
	})
}

func TestWhatAServerRefusesBecauseItShutsDownGoesToAnother(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			p.refuse(p.expect(wire.TypePut), wire.ErrShuttingDown, "the server is shutting down")
			p.gone() // nothing more comes here
		})
		f.serve("b:7878", echoServer)
		c := f.open(urlAB, Options{})
		defer c.Close()
		for range 3 {
			if err := c.Put(t.Context(), []byte("k"), []byte("v")); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAStreamThatAServerRefusesBecauseItShutsDownGoesToAnother(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			p.refuse(p.expect(wire.TypeScan), wire.ErrShuttingDown, "the server is shutting down")
			p.gone() // nothing more comes here
		})
		f.serve("b:7878", func(p *peer) {
			p.hello()
			p.send(wire.TypeEnd, 0, p.expect(wire.TypeScan).ID, &wire.End{})
			p.gone()
		})
		c := f.open(urlAB, Options{})
		defer c.Close()
		rows, err := c.Scan(t.Context(), ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if rows.Next() || rows.Close() != nil {
			t.Error(rows.Err())
		}
	})
}

func TestAfterANoticeNewRequestsGoElsewhereAndOldOnesAreAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			if h := p.hello(); !h.Notices {
				t.Error("the client wants no notices")
			}
			old := p.expect(wire.TypeGet)
			p.send(wire.TypeNotice, 0, 0, &wire.Notice{Kind: wire.NoticeShutdown})
			time.Sleep(time.Minute)
			p.ok(old, value("old"))
			p.gone()
		})
		f.serve("b:7878", echoServer)
		c := f.open(urlAB, Options{Timeout: time.Hour})
		defer c.Close()
		old := make(chan string)
		go func() {
			v, _ := c.Get(t.Context(), []byte("k"))
			old <- string(v)
		}()
		synctest.Wait()
		gets(t, c, "new", "new")
		if v := <-old; v != "old" || time.Since(f.begin) != time.Minute {
			t.Errorf("got %q after %v", v, time.Since(f.begin))
		}
	})
}

func TestPausesGrowAndAreJittered(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(leavesSoon))
		c := f.open(urlA, Options{Attempts: 12})
		defer c.Close()
		time.Sleep(2 * time.Millisecond)
		f.serve("a:7878", nil)
		_, err := c.Get(t.Context(), []byte("k"))
		wants(t, err, wire.ErrConnection)
		if !strings.Contains(err.Error(), "cannot connect to a:7878: connection refused") {
			t.Error(err)
		}
		last, longest := time.Millisecond, firstPause
		for _, d := range f.dialed[1:] {
			at, _ := time.ParseDuration(strings.Fields(d)[0])
			if pause := at - last; pause < longest/2 || pause > longest {
				t.Errorf("a pause of %v, want %v to %v", pause, longest/2, longest)
			}
			last, longest = at, min(2*longest, longPause)
		}
		if len(f.dialed) != 13 {
			t.Errorf("dialed %q", f.dialed)
		}
	})
}

func TestManyConnectionsLostTogetherAreOneFailure(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		down := make(chan struct{})
		f.serve("a:7878", func(p *peer) {
			p.hello()
			f.work.Go(func() { // what is sent is read, and not answered
				for p.next().Type != 0 {
				}
			})
			<-down
		})
		c := f.open(urlA, Options{Connections: 16})
		defer c.Close()
		var work sync.WaitGroup
		for range 16 * busy {
			work.Go(func() { gets(t, c, "k", "k") })
			synctest.Wait()
		}
		if len(f.dialed) != 16 {
			t.Fatalf("dialed %q", f.dialed)
		}
		f.serve("a:7878", echoServer)
		close(down)
		work.Wait()
		if took := time.Since(f.begin); took > firstPause {
			t.Errorf("going on took %v", took)
		}
	})
}

func TestPausesFollowTheRandomSource(t *testing.T) {
	var runs [2]string
	for i := range runs {
		bubble(t, func(t *testing.T, f *fake) {
			f.serve("a:7878", inTurn(leavesSoon))
			c := f.open(urlA, Options{})
			defer c.Close()
			time.Sleep(2 * time.Millisecond)
			f.serve("a:7878", nil)
			c.Get(t.Context(), []byte("k"))
			runs[i] = strings.Join(f.dialed, "\n")
		})
	}
	if runs[0] != runs[1] || !strings.Contains(runs[0], "ms a:7878") {
		t.Errorf("the same seed dials\n%s\nand\n%s", runs[0], runs[1])
	}
}

func TestAFailedServerIsLeftAloneForAWhile(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(leavesSoon))
		f.serve("b:7878", func(p *peer) {
			p.hello()
			p.echoOne(p.expect(wire.TypeGet))
		})
		c := f.open(urlAB, Options{})
		defer c.Close()
		time.Sleep(2 * time.Millisecond)
		f.serve("a:7878", nil)
		gets(t, c, "k", "k") // over b, at once
		if d := f.dialed[1]; d != "2ms b:7878" {
			t.Errorf("dialed %q", f.dialed)
		}
		// b ends its connection after each request, which makes the client come back to a when it may.
		for range 20 {
			gets(t, c, "k", "k")
		}
		tried := 0
		for _, d := range f.dialed[1:] {
			if strings.HasSuffix(d, " a:7878") {
				tried++
			}
		}
		if tried < 2 || tried > 10 {
			t.Errorf("a was tried %d times: %q", tried, f.dialed)
		}
	})
}

func TestOpenTriesEachServerOnce(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		_, err := f.tryOpen(urlAB, Options{})
		wants(t, err, wire.ErrConnection)
		if got := strings.Join(f.dialed, ", "); got != "0s a:7878, 0s b:7878" {
			t.Errorf("dialed %s", got)
		}
	})
}

func TestOpenTriesEachServerAlsoWhenSomeTakeLong(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("b:7878", func(*peer) { time.Sleep(time.Hour) }) // a refuses, b is silent
		f.serve("c:7878", echoServer)
		c := f.open("middb://a,b,c", Options{})
		defer c.Close()
		if got := strings.Join(f.dialed, ", "); got != "0s a:7878, 0s b:7878, 5s c:7878" {
			t.Errorf("dialed %s", got)
		}
	})
}

func TestAServerThatDropsEveryRequestEndsTheAttempts(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			p.expect(wire.TypeGet)
		})
		c := f.open(urlA, Options{Attempts: 4})
		defer c.Close()
		_, err := c.Get(t.Context(), []byte("k"))
		wants(t, err, wire.ErrConnection)
		// Pauses of 50, 100 and 200 ms at most.
		if took := time.Since(f.begin); len(f.dialed) != 4 || took < 175*time.Millisecond || took > 350*time.Millisecond {
			t.Errorf("after %v, dialed %q", took, f.dialed)
		}
	})
}

func TestTheEndOfTheContextCancelsTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			for _, typ := range []wire.Type{wire.TypeGet, wire.TypePut} {
				request := p.expect(typ)
				cancel := p.expect(wire.TypeCancel)
				var id wire.ID
				if err := id.Decode(cancel.Body); err != nil || uint32(id) != request.ID {
					t.Errorf("CANCEL of %d, %v; want %d", id, err, request.ID)
				}
				p.ok(cancel, raw{0xc3})
				p.refuse(request, wire.ErrCanceled, "cancelled")
			}
			p.echo()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		cause := errors.New("the user has left")
		for _, run := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := c.Get(ctx, []byte("k")); return err },
			func(ctx context.Context) error { return c.Put(ctx, []byte("k"), []byte("v")) },
		} {
			ctx, stop := context.WithCancelCause(t.Context())
			failed := make(chan error)
			go func() { failed <- run(ctx) }()
			synctest.Wait()
			stop(cause)
			err := <-failed
			wants(t, err, cause)
			if strings.HasPrefix(err.Error(), "put") {
				wants(t, err, wire.ErrCommitUnknown)
			} else if err.Error() != "get: the user has left" {
				t.Error(err)
			}
			synctest.Wait()
		}
		gets(t, c, "k", "k") // on the same connection
		if len(f.dialed) != 1 {
			t.Errorf("dialed %q", f.dialed)
		}
	})
}

func TestWhoGivesUpWaitingForAConnectionLearnsWhyThereIsNone(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		within := func(d time.Duration) context.Context {
			ctx, stop := context.WithTimeout(t.Context(), d)
			t.Cleanup(stop)
			return ctx
		}
		says := func(err error, want string) {
			t.Helper()
			wants(t, err, wire.ErrConnection)
			if err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		f.serve("a:7878", inTurn(leavesSoon))
		c := f.open(urlA, Options{Timeout: time.Second})
		defer c.Close()
		time.Sleep(2 * time.Millisecond)
		f.serve("a:7878", nil)
		_, err := c.Get(within(time.Millisecond), []byte("k")) // the first pause is longer
		wants(t, err, context.DeadlineExceeded)
		says(err, "get: context deadline exceeded: the connection to a:7878 was lost: the server closed the connection")
		for _, run := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := c.Get(ctx, []byte("k")); return err },
			func(ctx context.Context) error { return c.Put(ctx, []byte("k"), nil) },
			func(ctx context.Context) error { _, err := c.Begin(ctx, TxnOptions{}); return err },
		} {
			err = run(within(300 * time.Millisecond))
			wants(t, err, context.DeadlineExceeded)
			name, _, _ := strings.Cut(err.Error(), ":")
			says(err, name+": context deadline exceeded: cannot connect to a:7878: connection refused")
			err = run(t.Context())
			wants(t, err, wire.ErrTimeout)
			says(err, name+": no answer: the call took longer than Options.Timeout: cannot connect to a:7878: connection refused")
		}
		f.serve("b:7878", func(*peer) { time.Sleep(time.Hour) })
		_, err = Open(within(time.Second), "middb://b", Options{Dial: f.dial})
		wants(t, err, context.DeadlineExceeded)
		says(err, "hello: context deadline exceeded: b:7878 has not answered yet")
	})
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			if p.next().Type != 0 {
				t.Error("a request was sent")
			}
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		ctx, stop := context.WithCancel(t.Context())
		stop()
		err := c.Put(ctx, []byte("k"), []byte("v"))
		wants(t, err, context.Canceled)
		if errors.Is(err, wire.ErrCommitUnknown) {
			t.Error(err)
		}
	})
}

func TestAServerThatNeverAnswersIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			for p.next().Type != 0 { // takes everything, says nothing
			}
		}, echoServer))
		c := f.open(urlA, Options{})
		defer c.Close()
		_, err := c.Get(t.Context(), []byte("k"))
		wants(t, err, wire.ErrTimeout)
		if took := time.Since(f.begin); took != defaultTimeout {
			t.Errorf("it took %v", took)
		}
		// The next one finds out that the connection is dead, and goes elsewhere.
		gets(t, c, "k", "k")
		if took := time.Since(f.begin) - defaultTimeout; took < probeTimeout || took > probeTimeout+firstPause {
			t.Errorf("the next one took %v", took)
		}
	})
}

func TestASlowServerIsNotTakenForGone(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			slow := p.expect(wire.TypeGet)
			p.ok(p.expect(wire.TypeCancel), raw{0xc3})
			time.Sleep(time.Minute)
			p.ok(slow, value("late"))
			p.echo()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := c.Get(ctx, []byte("slow"))
		wants(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Minute)
		gets(t, c, "k", "k")
		if len(f.dialed) != 1 {
			t.Errorf("dialed %q", f.dialed)
		}
	})
}

func TestAServerThatDoesNotReadDoesNotHoldUpCallers(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			time.Sleep(time.Hour)
		})
		c := f.open(urlA, Options{Timeout: time.Second, Connections: 1})
		defer c.Close()
		for range 3 { // the first is being written, the second waits to be, the third waits for room
			begin := time.Now()
			err := c.Put(t.Context(), []byte("k"), make([]byte, maxUnwritten))
			if took := time.Since(begin); err == nil || took != time.Second {
				t.Errorf("%v after %v", err, took)
			}
		}
	})
}

func TestALoginThatTakesTooLong(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(*peer) { time.Sleep(time.Hour) })
		_, err := f.tryOpen(urlA, Options{})
		wants(t, err, wire.ErrConnection)
		if took := time.Since(f.begin); took != defaultConnectTimeout || !strings.Contains(err.Error(), "no answer within 5s") {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestCallsThatWaitForAConnectionEndWithTheClient(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(leavesSoon, func(*peer) { time.Sleep(time.Hour) }))
		c := f.open(urlA, Options{Attempts: 1})
		time.Sleep(2 * time.Millisecond)
		failed := make(chan error)
		go func() { _, err := c.Get(t.Context(), []byte("k")); failed <- err }()
		go func() {
			p := c.Pipeline()
			p.Get([]byte("k"))
			failed <- p.Run(t.Context())
		}()
		time.Sleep(time.Second) // the login is under way
		c.Close()
		wants(t, <-failed, wire.ErrClosed)
		wants(t, <-failed, wire.ErrClosed)
	})
}

func TestCallsAfterCloseFail(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			for p.next().Type != 0 {
			}
		})
		c := f.open(urlA, Options{})
		read, write := make(chan error), make(chan error)
		go func() { _, err := c.Get(t.Context(), []byte("k")); read <- err }()
		go func() { write <- c.Put(t.Context(), []byte("k"), nil) }()
		synctest.Wait()
		c.Close()
		wants(t, <-read, wire.ErrClosed)
		wants(t, <-write, wire.ErrCommitUnknown, wire.ErrClosed)
		wants(t, c.Put(t.Context(), []byte("k"), nil), wire.ErrClosed)
		c.Close()
	})
}
