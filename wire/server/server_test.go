package server

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

// openMem opens a database in memory, closed at the end of the test.
func openMem(t testing.TB, change func(*engine.Config)) *engine.DB {
	t.Helper()
	cfg := engine.Config{Dir: "/db", FS: vfs.NewMem(), MemoryBudget: 32 << 20}
	if change != nil {
		change(&cfg)
	}
	db, err := engine.Spawn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// A running server, and the address of its one listener.
type running struct {
	*Server
	db   *engine.DB
	addr string
}

// serve runs a server over a database in memory. At the end of the test it is shut down, and has left nothing.
func serve(t testing.TB, o Options) *running {
	t.Helper()
	return serveDB(t, openMem(t, nil), o, ListenerOptions{})
}

func serveDB(t testing.TB, db *engine.DB, o Options, lo ListenerOptions) *running {
	t.Helper()
	return serveOn(t, db, o, lo, func(l net.Listener) net.Listener { return l })
}

func serveOn(t testing.TB, db *engine.DB, o Options, lo ListenerOptions, wrap func(net.Listener) net.Listener) *running {
	t.Helper()
	s, err := New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), wrap(l), lo) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != ErrShutdown {
			t.Errorf("serve: %v", err)
		}
		leaksNothing(t, s)
	})
	return &running{s, db, l.Addr().String()}
}

// leaksNothing checks that a server that was shut down holds nothing of the database, and no memory.
func leaksNothing(t testing.TB, s *Server) {
	t.Helper()
	if st := s.db.Stats(); st.Views != 0 || st.Txns != 0 {
		t.Errorf("left: %d views, %d transactions; the oldest is %+v", st.Views, st.Txns, st.OldestView)
	}
	if n := s.memory.used(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
	if n := len(s.connections()); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// A client speaks frames.
type client struct {
	testing.TB
	net.Conn
	frames *wire.FrameReader
	out    []byte
	next   uint32
}

// dial connects, and exchanges prefaces.
func dial(t testing.TB, s *running) *client {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	return newClient(t, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Helper()
	t.Cleanup(func() { _ = nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c := &client{TB: t, Conn: nc, frames: wire.NewFrameReader(bufio.NewReader(nc), 64<<20)}
	if _, err := nc.Write(wire.AppendPreface(nil)); err != nil {
		t.Fatal(err)
	}
	var p [wire.PrefaceBytes]byte
	if _, err := io.ReadFull(nc, p[:]); err != nil {
		t.Fatalf("preface: %v", err)
	}
	return c
}

// session connects and says hello.
func session(t testing.TB, s *running) *client {
	t.Helper()
	c := dial(t, s)
	c.hello(wire.Hello{Client: "test", Notices: true})
	return c
}

// A body is what can be sent.
type body interface{ Append(dst []byte) []byte }

func (c *client) hello(m wire.Hello) wire.HelloReply {
	c.Helper()
	var reply wire.HelloReply
	if err := reply.Decode(c.ok(wire.TypeHello, &m)); err != nil {
		c.Fatal(err)
	}
	return reply
}

// push puts a request into what flush sends, and returns its number.
func (c *client) push(t wire.Type, f wire.Flags, m body) uint32 {
	c.next++
	start := len(c.out)
	c.out = wire.BeginFrame(c.out, t, f, c.next)
	if m == nil {
		c.out = wire.AppendNil(c.out)
	} else {
		c.out = m.Append(c.out)
	}
	c.out = wire.EndFrame(c.out, start)
	return c.next
}

func (c *client) flush() {
	c.Helper()
	if _, err := c.Write(c.out); err != nil {
		c.Fatal(err)
	}
	c.out = c.out[:0]
}

// read reads a frame; its body is a copy.
func (c *client) read() wire.Frame {
	c.Helper()
	f, err := c.frames.Next()
	if err != nil {
		c.Fatalf("read a frame: %v", err)
	}
	f.Body = append([]byte(nil), f.Body...)
	return f
}

// want reads a frame of a request.
func (c *client) want(id uint32, t wire.Type) []byte {
	c.Helper()
	f := c.read()
	if f.ID != id || f.Type != t {
		c.Fatalf("got %s, want %v of %d", show(f), t, id)
	}
	return f.Body
}

func show(f wire.Frame) string {
	if f.Type == wire.TypeError {
		if e, err := wire.DecodeError(f.Body); err == nil {
			return fmt.Sprintf("ERROR of %d: %s: %s", f.ID, e.Code.Name(), e.Message)
		}
	}
	return fmt.Sprintf("%v of %d: %x", f.Type, f.ID, f.Body[:min(len(f.Body), 100)])
}

// ok sends a request and returns the body of its OK.
func (c *client) ok(t wire.Type, m body) []byte {
	c.Helper()
	id := c.push(t, 0, m)
	c.flush()
	return c.want(id, wire.TypeOK)
}

// fails sends a request that is answered with an error.
func (c *client) fails(t wire.Type, m body, code wire.Code) *wire.Error {
	c.Helper()
	id := c.push(t, 0, m)
	c.flush()
	return c.wantError(id, code)
}

func (c *client) wantError(id uint32, code wire.Code) *wire.Error {
	c.Helper()
	e, err := wire.DecodeError(c.want(id, wire.TypeError))
	if err != nil {
		c.Fatal(err)
	}
	if e.Code != code {
		c.Fatalf("error %s: %s; want %s", e.Code.Name(), e.Message, code.Name())
	}
	return e
}

// closed checks that the server has closed the connection, perhaps after frames that are of no interest.
func (c *client) closed() {
	c.Helper()
	for {
		if _, err := c.frames.Next(); err == io.EOF {
			return
		} else if err != nil {
			c.Fatalf("the connection is not closed: %v", err)
		}
	}
}

// value asks for a key.
func (c *client) value(k string) string {
	c.Helper()
	d := wire.NewDecoder(c.ok(wire.TypeGet, &wire.Get{Key: []byte(k)}))
	if d.Nil() {
		return "none"
	}
	return string(d.Bytes("the value"))
}

func (c *client) put(k, v string) {
	c.Helper()
	c.ok(wire.TypePut, &wire.Put{Key: []byte(k), Value: []byte(v), Durability: wire.NoSync})
}

// stream reads the frames of a stream through END, and returns its entries as text.
func (c *client) stream(id uint32, keysOnly bool) (entries []string, frames int) {
	c.Helper()
	for {
		f := c.read()
		if f.ID != id {
			c.Fatalf("got %s within a stream", show(f))
		}
		if f.Type == wire.TypeEnd {
			var end wire.End
			if err := end.Decode(f.Body); err != nil || end.Rows != uint64(len(entries)) {
				c.Fatalf("END says %d rows of %d: %v", end.Rows, len(entries), err)
			}
			return entries, frames
		}
		if f.Type != wire.TypeRows || f.Flags != wire.More {
			c.Fatalf("got %s with flags %x", show(f), f.Flags)
		}
		frames++
		entries = append(entries, rows(c, f.Body, keysOnly)...)
	}
}

func rows(t testing.TB, body []byte, keysOnly bool) (entries []string) {
	t.Helper()
	r, err := wire.NewRowReader(body, keysOnly)
	if err != nil {
		t.Fatal(err)
	}
	for {
		k, v, more, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return entries
		}
		entries = append(entries, string(k)+"="+string(v))
	}
}

// eventually waits until cond holds: without sleeping, and not for ever.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !cond(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("it never came true that %s", what)
		}
	}
}

func TestHelloGetPutScan(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	for i := range 10 {
		c.ok(wire.TypePut, &wire.Put{Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "v%d", i)})
	}
	if got := c.value("k3"); got != "v3" {
		t.Errorf("k3 is %s", got)
	}
	if got := c.value("none"); got != "none" {
		t.Errorf("what is not there is %s", got)
	}
	id := c.push(wire.TypeScan, 0, &wire.Scan{Lower: []byte("k2"), Upper: []byte("k5")})
	c.flush()
	if got, _ := c.stream(id, false); fmt.Sprint(got) != "[k2=v2 k3=v3 k4=v4]" {
		t.Errorf("the scan yields %s", got)
	}
}
