package resp

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// A testClock stands still until it is moved.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A testServer is a front on a database in memory, which ends with the test.
type testServer struct {
	t     testing.TB
	db    *engine.DB
	front *Front
	clock *testClock // of the database and the front; nil: the real one
	addr  string
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newServer(t testing.TB, o Options) *testServer {
	t.Helper()
	return serverOn(t, engine.Config{Dir: "/db", FS: vfs.NewMem()}, o)
}

func newServerAt(t testing.TB, o Options) *testServer {
	t.Helper()
	clock := &testClock{now: time.UnixMilli(1_700_000_000_000)}
	o.Clock = clock.Now
	s := serverOn(t, engine.Config{Dir: "/db", FS: vfs.NewMem(), Clock: clock.Now}, o)
	s.clock = clock
	return s
}

func serverOn(t testing.TB, cfg engine.Config, o Options) *testServer {
	t.Helper()
	db, err := engine.Spawn(cfg)
	must(t, err)
	front, err := New(db, o)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- front.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := front.Shutdown(ctx); err != nil {
			t.Errorf("shut down: %v", err)
		}
		if err := <-served; err != ErrClosed {
			t.Errorf("serve: %v, want ErrClosed", err)
		}
		if n := front.shared.used.Load(); n != 0 {
			t.Errorf("%d bytes of the shared budget are not given back", n)
		}
		if s := db.Stats(); s.Views != 0 {
			t.Errorf("%d views are open: %+v", s.Views, s.OldestView)
		}
		must(t, db.Close())
	})
	return &testServer{t: t, db: db, front: front, addr: l.Addr().String()}
}

func (s *testServer) client() *client {
	s.t.Helper()
	return dial(s.t, s.addr)
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	must(t, err)
	return newClient(t, nc)
}
