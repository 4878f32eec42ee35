package resp

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/engine"
)

// together runs fn n times at once.
func together(n int, fn func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { fn(i) })
	}
	all.Wait()
}

func bothDurabilities(t *testing.T, fn func(t *testing.T, d engine.Durability)) {
	t.Run("sync", func(t *testing.T) { fn(t, engine.Sync) })
	t.Run("nosync", func(t *testing.T) { fn(t, engine.NoSync) })
}

// Clients increment one key by INCR, pipelines of it, EXEC, and WATCH, and others of the database do as well, while
// somebody sets another key that the same transactions read.
func TestNoUpdateIsLost(t *testing.T) {
	bothDurabilities(t, func(t *testing.T, d engine.Durability) {
		const rounds = 60
		s := newServer(t, Options{Durability: d})
		var want sync.Map
		add := func(i, n int) { want.Store(i, n) }
		stop := make(chan struct{})
		var noise sync.WaitGroup
		noise.Go(func() {
			c := s.client()
			for {
				select {
				case <-stop:
					return
				default:
					c.want("+OK", "SET", "noise", "x")
				}
			}
		})
		together(10, func(i int) {
			c := s.client()
			switch i % 5 {
			case 0:
				for range rounds {
					if got := c.do("INCR", "n"); strings.HasPrefix(got, "-") {
						t.Errorf("INCR: %s", got)
					}
				}
				add(i, rounds)
			case 1:
				for range rounds / 10 {
					c.send(bytes.Repeat(append(encode("INCRBY", "n", "1"), encode("GET", "noise")...), 10))
					for range 20 {
						if got := c.receive(); strings.HasPrefix(got, "-") {
							t.Errorf("in a pipeline: %s", got)
						}
					}
				}
				add(i, rounds/10*10)
			case 2:
				for range rounds {
					c.do("MULTI")
					c.do("GET", "noise")
					c.do("INCRBY", "n", "2")
					if got := c.do("EXEC"); !strings.HasPrefix(got, `["x", `) && !strings.HasPrefix(got, "[nil, ") {
						t.Errorf("EXEC: %s", got)
					}
				}
				add(i, 2*rounds)
			case 3:
				add(i, incrementByWatch(c, rounds))
			case 4:
				add(i, incrementNatively(t, s.db, rounds))
			}
		})
		close(stop)
		noise.Wait()
		sum := 0
		want.Range(func(_, n any) bool { sum += n.(int); return true })
		s.client().want(strconv.Quote(strconv.Itoa(sum)), "GET", "n")
	})
}

// incrementByWatch increments as a client that has no INCR would, and returns by how much.
func incrementByWatch(c *client, rounds int) int {
	n := 0
	for range rounds {
		c.do("WATCH", "n")
		was, _ := strconv.Atoi(strings.Trim(c.do("GET", "n"), `"`))
		c.do("MULTI")
		c.do("SET", "n", strconv.Itoa(was+1))
		if got := c.do("EXEC"); got == "[+OK]" {
			n++
		} else if got != "nil" {
			c.t.Errorf("EXEC: %s", got)
		}
	}
	return n
}

// incrementNatively increments by transactions of the engine, and returns by how much.
func incrementNatively(t *testing.T, db *engine.DB, rounds int) int {
	n := 0
	for range rounds {
		err := db.Update(t.Context(), func(txn *engine.Txn) error {
			v, err := txn.Get([]byte("n"))
			if err != nil && !errors.Is(err, engine.ErrNotFound) {
				return err
			}
			was, _ := strconv.Atoi(string(v))
			return txn.Put([]byte("n"), strconv.AppendInt(nil, int64(was+1), 10))
		})
		switch {
		case err == nil:
			n++
		case !errors.Is(err, engine.ErrConflict):
			t.Errorf("update: %v", err)
		}
	}
	return n
}

// Two accounts are changed by EXEC only, in pairs that sum up to nothing: whoever reads both sees that.
func TestReadersSeeNoHalfOfATransaction(t *testing.T) {
	s := newServer(t, Options{Durability: engine.NoSync})
	s.client().want("+OK", "MSET", "a", "1000", "b", "1000")
	together(6, func(i int) {
		c := s.client()
		for n := range 200 {
			if i%2 == 0 {
				by := strconv.Itoa(n%7 - 3)
				c.send(bytes.Join([][]byte{encode("MULTI"), encode("INCRBY", "a", by), encode("DECRBY", "b", by), encode("EXEC")}, nil))
				for range 4 {
					c.receive()
				}
				continue
			}
			var got string
			if n%2 == 0 {
				got = c.do("MGET", "a", "b")
			} else {
				c.do("MULTI")
				c.do("GET", "a")
				c.do("GET", "b")
				got = c.do("EXEC")
			}
			var a, b int
			if _, err := fmt.Sscanf(got, `["%d", "%d"]`, &a, &b); err != nil || a+b != 2000 {
				t.Errorf("%s: %d, %v", got, a+b, err)
			}
		}
	})
}

// Each of many clients adds itself to a lock with SET NX and deletes it; only one may hold it.
func TestOneHoldsTheLock(t *testing.T) {
	s := newServer(t, Options{Durability: engine.NoSync})
	var mu sync.Mutex
	held, taken := 0, 0
	together(8, func(i int) {
		c := s.client()
		for range 100 {
			if c.do("SET", "lock", strconv.Itoa(i), "NX") != "+OK" {
				continue
			}
			mu.Lock()
			held++
			taken++
			if held != 1 {
				t.Errorf("%d hold the lock", held)
			}
			held--
			mu.Unlock()
			c.want("1", "DEL", "lock")
		}
	})
	if taken == 0 {
		t.Error("nobody took the lock")
	}
}

// A stream of durable SETs of a key, of which some are always under way, does not keep an INCR of it waiting for ever.
func TestIncrementsGetThroughAStreamOfSets(t *testing.T) {
	bothDurabilities(t, func(t *testing.T, d engine.Durability) {
		s := newServer(t, Options{Durability: d})
		stop := make(chan struct{})
		var setters sync.WaitGroup
		for range 4 {
			setters.Go(func() {
				c := s.client()
				for {
					select {
					case <-stop:
						return
					default:
						c.want("+OK", "SET", "n", "5")
					}
				}
			})
		}
		c := s.client()
		for range 50 {
			if got := c.do("INCR", "n"); strings.HasPrefix(got, "-") {
				t.Errorf("INCR: %s", got)
			}
		}
		close(stop)
		setters.Wait()
	})
}

// Every key that is there from the first SCAN to the last is returned, whatever happens to others, and from whatever
// connection each SCAN comes.
func TestScanReturnsWhatStays(t *testing.T) {
	s := newServer(t, Options{Durability: engine.NoSync})
	setup := s.client()
	for i := range 500 {
		setup.do("SET", fmt.Sprintf("stays-%03d", i), "x")
	}
	stop := make(chan struct{})
	var noise sync.WaitGroup
	noise.Go(func() {
		c := s.client()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				c.do("SET", fmt.Sprintf("stays-%03d-not", i%500), "x")
				c.do("DEL", fmt.Sprintf("stays-%03d-not", (i+250)%500))
			}
		}
	})
	conns := []*client{s.client(), s.client()}
	for round := range 5 {
		seen := map[string]bool{}
		cursor := "0"
		for n := 0; n == 0 || cursor != "0"; n++ {
			got := conns[n%2].do("SCAN", cursor, "COUNT", strconv.Itoa(7+round))
			cursor = strings.Trim(strings.SplitN(got[1:], ",", 2)[0], `"`)
			for _, w := range strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(`[]", `, r) })[1:] {
				seen[w] = true
			}
		}
		for i := range 500 {
			if k := fmt.Sprintf("stays-%03d", i); !seen[k] {
				t.Fatalf("round %d: %s is missing", round, k)
			}
		}
	}
	close(stop)
	noise.Wait()
	if n := s.front.Stats().ScanPositions; n == 0 {
		t.Error("no cursors are kept")
	}
}

func TestOldCursorsEndWhenThereAreTooMany(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{ScanCursors: 3}})
	c := s.client()
	c.want("+OK", "MSET", "a", "1", "b", "2", "c", "3")
	first := ""
	for i := range 4 {
		got := c.do("SCAN", "0", "COUNT", "1")
		if i == 0 {
			first = strings.Split(got, `"`)[1]
			c.want(strings.Replace(strings.Replace(got, first, "0", 1), `["a"]`, `["b", "c"]`, 1), "SCAN", first, "COUNT", "2")
		}
	}
	c.want("-"+string(errCursor), "SCAN", first)
	if n := s.front.Stats().ScanPositions; n != 3 {
		t.Errorf("%d cursors are kept", n)
	}
}

func TestWatchEndsWithItsTime(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{WatchTimeout: time.Nanosecond}})
	c := s.client()
	c.want("+OK", "WATCH", "a")
	// The transaction of WATCH is rolled back by its timer: then no view is open.
	for s.db.Stats().Views > 0 {
		c.want("+PONG", "PING")
	}
	c.want("+OK", "WATCH", "b")
	c.want("+OK", "MULTI")
	c.want("+QUEUED", "SET", "a", "1")
	c.want("nil", "EXEC")
	c.want("nil", "GET", "a")
}
