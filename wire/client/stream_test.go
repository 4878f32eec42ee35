package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/middb/middb/wire"
)

// rows is the body of a ROWS frame.
func rows(entries ...string) raw {
	b := wire.AppendArray(nil, len(entries))
	for _, e := range entries {
		b = wire.AppendBin(b, []byte(e))
	}
	return b
}

func end(n int) *wire.End { return &wire.End{Rows: uint64(n)} }

func TestASlowReaderHoldsUpNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			scan := p.expect(wire.TypeScan)
			var m wire.Scan
			if err := m.Decode(scan.Body); err != nil || string(m.Prefix) != "p" || m.Limit != 99 || m.Flags != wire.ScanReverse {
				t.Errorf("%+v, %v", m, err)
			}
			sent := 0
			for credit := int(m.Credit); credit > 0; credit-- {
				p.send(wire.TypeRows, wire.More, scan.ID, rows(fmt.Sprint("k", sent), "v"))
				sent++
			}
			p.echoOne(p.expect(wire.TypeGet)) // there is no FETCH: nobody has read
			for sent < 10 {
				var m wire.Fetch
				if err := m.Decode(p.expect(wire.TypeFetch).Body); err != nil || m.Cursor != scan.ID || m.Credit != window/2 {
					t.Errorf("%+v, %v", m, err)
				}
				for range m.Credit {
					p.send(wire.TypeRows, wire.More, scan.ID, rows(fmt.Sprint("k", sent), "v"))
					sent++
				}
			}
			p.send(wire.TypeEnd, 0, scan.ID, end(sent))
			p.echo()
		})
		c := f.open(urlA, Options{Connections: 1})
		defer c.Close()
		r, err := c.Scan(t.Context(), ScanOptions{Range: Range{Prefix: []byte("p")}, Reverse: true, Limit: 99})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		gets(t, c, "x", "x")
		var got []string
		for k, v := range r.All() {
			got = append(got, string(k)+string(v))
		}
		if err := r.Close(); err != nil || len(got) != 10 || got[9] != "k9v" {
			t.Errorf("%q, %v", got, err)
		}
		if r.Next() || r.Key() != nil || r.Close() != nil {
			t.Error("a closed cursor moves")
		}
	})
}

func TestClosingACursorHalfWaySendsClose(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			scan := p.expect(wire.TypeScan)
			p.send(wire.TypeRows, wire.More, scan.ID, rows("a", "b"))
			closing := p.expect(wire.TypeClose)
			var id wire.ID
			if err := id.Decode(closing.Body); err != nil || uint32(id) != scan.ID || !closing.Flags.Has(wire.NoReply) {
				t.Errorf("CLOSE %d, %v; want %d", id, err, scan.ID)
			}
			p.send(wire.TypeRows, wire.More, scan.ID, rows("c", "d")) // was on its way
			p.send(wire.TypeEnd, 0, scan.ID, end(2))
			p.echo()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		r, err := c.Scan(t.Context(), ScanOptions{KeysOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range r.All() {
			if string(k) != "a" || v != nil {
				t.Errorf("%q %q", k, v)
			}
			break
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		gets(t, c, "k", "k")
	})
}

func TestACursorFailsWithItsConnectionAndItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			scan := p.expect(wire.TypeScan)
			p.send(wire.TypeRows, wire.More, scan.ID, rows("a", "b"))
		}, func(p *peer) {
			p.hello()
			p.expect(wire.TypeScan) // repeated: nothing had come
		}, func(p *peer) {
			p.hello()
			scan := p.expect(wire.TypeScan)
			p.send(wire.TypeRows, wire.More, scan.ID, rows("a", "b"))
			p.expect(wire.TypeClose)
			p.send(wire.TypeEnd, 0, scan.ID, end(1))
			p.refuse(p.expect(wire.TypeScan), wire.ErrKeyspaceMissing, "no")
			p.gone()
		}))
		c := f.open(urlA, Options{})
		defer c.Close()
		r, err := c.Scan(t.Context(), ScanOptions{})
		if err != nil || !r.Next() || r.Next() {
			t.Fatal(err)
		}
		wants(t, r.Err(), wire.ErrConnection)
		wants(t, r.Close(), wire.ErrConnection)

		ctx, stop := context.WithCancel(t.Context())
		r, err = c.Scan(ctx, ScanOptions{})
		if err != nil || !r.Next() {
			t.Fatal(err)
		}
		stop()
		if r.Next() {
			t.Error("it goes on")
		}
		wants(t, r.Err(), context.Canceled)
		_, err = c.Scan(t.Context(), ScanOptions{})
		wants(t, err, wire.ErrKeyspaceMissing)
	})
}

// What has arrived is not read any more, and no more is asked for.
func TestACursorEndsWithItsContextHoweverMuchHasArrived(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			scan := p.expect(wire.TypeScan)
			for range window {
				p.send(wire.TypeRows, wire.More, scan.ID, rows("a", "b"))
			}
			p.expect(wire.TypeClose)
			p.send(wire.TypeEnd, 0, scan.ID, end(window))
			p.echo()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		ctx, stop := context.WithCancel(t.Context())
		r, err := c.Scan(ctx, ScanOptions{})
		if err != nil || !r.Next() {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		if r.Next() {
			t.Error("it goes on")
		}
		wants(t, r.Err(), context.Canceled)
		gets(t, c, "k", "k")
	})
}

// A keyspace that is only named costs no request.
func TestKeyspaceNamedAsksTheServerForNothing(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			p.refuse(p.expect(wire.TypeGet), wire.ErrKeyspaceMissing, "no")
			p.gone()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		ks := c.KeyspaceNamed("orders")
		if ks.Name() != "orders" {
			t.Error(ks.Name())
		}
		_, err := ks.Get(t.Context(), []byte("k"))
		wants(t, err, wire.ErrKeyspaceMissing)
	})
}

// events sends what a watch gets from position from on, one change at a time.
func events(p *peer, id uint32, changes ...wire.Change) {
	p.send(wire.TypeEvent, wire.More, id, &wire.Event{Position: changes[len(changes)-1].Seq + 1, Changes: changes})
}

func put(seq uint64) wire.Change {
	return wire.Change{Seq: seq, Kind: wire.OpPut, Key: []byte("k"), Value: []byte("v")}
}

// watch answers a WATCH, which must begin at from.
func watch(p *peer, from uint64) (id uint32) {
	f := p.expect(wire.TypeWatch)
	var m wire.Watch
	if err := m.Decode(f.Body); err != nil || m.From != from {
		p.f.t.Errorf("a watch from %d, %v; want %d", m.From, err, from)
	}
	p.send(wire.TypeOK, wire.More, f.ID, wire.ID(max(from, 5)))
	return f.ID
}

func seqs(t *testing.T, f *Feed, n int) (got []uint64) {
	t.Helper()
	for range n {
		c, err := f.Next()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c.Seq)
	}
	return got
}

func TestAFeedGoesOnOverAnotherConnectionFromItsPosition(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			id := watch(p, 0)
			events(p, id, put(5), put(6))
			events(p, id, put(7), put(8), put(9))
			time.Sleep(time.Second)
		}, func(p *peer) {
			p.hello()
			id := watch(p, 10) // all that had come was delivered
			events(p, id, put(10))
			p.send(wire.TypeError, 0, id, wire.Errorf(wire.ErrShuttingDown, "bye"))
			p.gone()
		}, func(p *peer) {
			p.hello()
			watch(p, 11)
		}, func(p *peer) {
			p.hello()
			id := watch(p, 11)
			p.send(wire.TypeEvent, wire.More, id, &wire.Event{Position: 20})
			time.Sleep(time.Second)
		}, func(p *peer) {
			p.hello()
			id := watch(p, 20)
			e := wire.Errorf(wire.ErrFeedTruncated, "cut off")
			e.Next, e.Oldest, e.HasPosition = 20, 30, true
			p.send(wire.TypeError, 0, id, e)
			p.gone()
		}))
		c := f.open(urlA, Options{})
		defer c.Close()
		feed, err := c.Watch(t.Context(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer feed.Close()
		if feed.Position() != 5 {
			t.Errorf("begins at %d", feed.Position())
		}
		if got := seqs(t, feed, 4); !slices.Equal(got, []uint64{5, 6, 7, 8}) || feed.Position() != 9 {
			t.Errorf("%d, then %d", got, feed.Position())
		}
		if got := seqs(t, feed, 2); !slices.Equal(got, []uint64{9, 10}) {
			t.Errorf("%d", got)
		}
		_, err = feed.Next()
		wants(t, err, wire.ErrFeedTruncated)
		var e *wire.Error
		if !errors.As(err, &e) || e.Oldest != 30 || feed.Position() != 20 {
			t.Errorf("%+v at %d", e, feed.Position())
		}
		_, again := feed.Next()
		wants(t, again, wire.ErrFeedTruncated)
	})
}

func TestAFeedTriesAsLongAsItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			watch(p, 0)
		}))
		c := f.open(urlA, Options{})
		defer c.Close()
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		feed, err := c.Watch(ctx, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.serve("a:7878", nil)
		_, err = feed.Next()
		wants(t, err, context.DeadlineExceeded)
		if time.Since(f.begin) != time.Hour || len(f.dialed) < 1000 || len(f.dialed) > 3000 {
			t.Errorf("%v, %d attempts", time.Since(f.begin), len(f.dialed))
		}
	})
}

func TestAFeedWithAttemptsGivesUp(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			watch(p, 0)
		}))
		c := f.open(urlA, Options{Attempts: 3})
		defer c.Close()
		feed, err := c.Watch(t.Context(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.serve("a:7878", nil)
		_, err = feed.Next()
		wants(t, err, wire.ErrConnection)
	})
}

func TestDrainEndsAFeedAlsoOverALostConnection(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		drained := func(p *peer) {
			var m wire.Unwatch
			if err := m.Decode(p.expect(wire.TypeUnwatch).Body); err != nil || !m.Drain {
				t.Errorf("%+v, %v", m, err)
			}
		}
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			events(p, watch(p, 0), put(5))
			drained(p)
		}, func(p *peer) {
			p.hello()
			id := watch(p, 6)
			drained(p)
			events(p, id, put(6))
			p.send(wire.TypeEnd, 0, id, end(1))
			p.gone()
		}))
		c := f.open(urlA, Options{})
		defer c.Close()
		feed, err := c.Watch(t.Context(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		feed.Drain()
		var got []uint64
		for c, err := range feed.All() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, c.Seq)
		}
		if !slices.Equal(got, []uint64{5, 6}) {
			t.Error(got)
		}
		if _, err := feed.Next(); err != io.EOF {
			t.Error(err)
		}
	})
}

func TestAFeedEndsOnTheServerWhenItIsClosed(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			id := watch(p, 0)
			var m wire.Unwatch
			if err := m.Decode(p.expect(wire.TypeUnwatch).Body); err != nil || m.Drain || m.Watch != id {
				t.Errorf("%+v, %v", m, err)
			}
			p.gone()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		feed, err := c.Watch(t.Context(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err = feed.NextContext(ctx) // which does not end the feed
		wants(t, err, context.DeadlineExceeded)
		failed := make(chan error)
		go func() {
			_, err := feed.NextContext(t.Context())
			failed <- err
		}()
		synctest.Wait()
		feed.Close()
		wants(t, <-failed, wire.ErrClosed)
		feed.Close()
		synctest.Wait()
	})
}
