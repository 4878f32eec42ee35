package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

func TestOtherProtocolsGetALine(t *testing.T) {
	s := serve(t, Options{})
	for name, x := range map[string]struct{ send, want string }{
		"HTTP":         {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
		"RESP":         {"*1\r\n$4\r\nPING\r\n", "middb: this port speaks the middb protocol"},
		"TLS":          {"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0", "middb: this port speaks the middb protocol"},
		"a short line": {"hi\n", "middb: this port speaks the middb protocol"},
		"almost":       {"MIDX", "middb: this port speaks the middb protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = nc.Close() }()
			_, _ = io.WriteString(nc, x.send)
			_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
			if got, err := io.ReadAll(nc); err != nil || !strings.HasPrefix(string(got), x.want) || !strings.Contains(string(got), foreignLine) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestOtherVersionsAreTold(t *testing.T) {
	s := serve(t, Options{})
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = nc.Write([]byte("MIDB\x02\x00\x00\x00")); err != nil {
		t.Fatal(err)
	}
	c := &client{TB: t, Conn: nc, frames: wire.NewFrameReader(nc, 1<<20)}
	var preface [wire.PrefaceBytes]byte
	if _, err = io.ReadFull(nc, preface[:]); err != nil || string(preface[:]) != "MIDB\x01\x00\x00\x00" {
		t.Errorf("preface %x: %v", preface, err)
	}
	c.closedBecause(wire.ErrUnsupportedVersion)
}

func TestTheFirstRequestIsHello(t *testing.T) {
	s := serve(t, Options{})
	for _, first := range []wire.Type{wire.TypePing, wire.TypeGet, wire.TypeGoodbye, wire.TypeCancel, 0x7f} {
		c := dial(t, s)
		c.push(first, 0, nil)
		c.flush()
		c.closedBecause(wire.ErrProtocol)
	}
	c := dial(t, s)
	put := wire.Put{Key: []byte("k"), Value: make([]byte, loginFrameBytes)}
	c.push(wire.TypePut, 0, &put)
	go func() { _, _ = c.Write(c.out) }() // it may be cut off
	c.closedBecause(wire.ErrFrameTooLarge)
}

func TestWhoSaysNothingIsClosed(t *testing.T) {
	s := serve(t, Options{LoginTimeout: 30 * time.Millisecond})
	for _, said := range []string{"", "M", "MIDB\x01\x00\x00"} {
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(nc, said)
		_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		// What it is told comes as to anybody: after a preface.
		answer, err := io.ReadAll(nc)
		if err != nil || !strings.HasPrefix(string(answer), "MIDB\x01\x00\x00\x00") || !strings.Contains(string(answer), "AUTH_TIMEOUT") {
			t.Errorf("after %q: %q, %v", said, answer, err)
		}
		_ = nc.Close()
	}
	c := dial(t, s)
	c.closedBecause(wire.ErrAuthTimeout)
	c = session(t, s) // whoever has said hello has all the time
	first := time.Now()
	eventually(t, "time passes", func() bool { return time.Since(first) > 60*time.Millisecond })
	c.ok(wire.TypePing, nil)
}

func TestSlowFramesAndIdleConnectionsAreClosed(t *testing.T) {
	s := serve(t, Options{FrameTimeout: 20 * time.Millisecond})
	c := session(t, s)
	c.ok(wire.TypePing, nil)
	if _, err := c.Write([]byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	c.closedBecause(wire.ErrTimeout)

	const idle = 200 * time.Millisecond // more than this test itself is ever idle
	s = serve(t, Options{IdleTimeout: idle})
	c = session(t, s)
	block, release := newBlock()
	id := c.push(typeBlock, 0, block)
	c.flush()
	first := time.Now()
	eventually(t, "time passes", func() bool { return time.Since(first) > 2*idle })
	release()
	c.want(id, wire.TypeOK) // it was not idle, as it waited for an answer
	c.closedBecause(wire.ErrTimeout)
}

// The time that a frame may take is that of one, not of all that arrive without a break between them.
func TestEveryFrameHasItsOwnTime(t *testing.T) {
	s := serve(t, Options{FrameTimeout: 200 * time.Millisecond})
	c := session(t, s)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	const number = 1 << 20
	ping := wire.EndFrame(wire.AppendNil(wire.BeginFrame(nil, wire.TypePing, 0, number)), 0)
	rest, begin := ping[5:], ping[:5]
	_, err := c.Write(begin)
	for first := time.Now(); err == nil && time.Since(first) < 500*time.Millisecond; <-tick.C {
		_, err = c.Write(append(slices.Clone(rest), begin...))
		c.want(number, wire.TypeOK)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTooManyConnectionsAreTold(t *testing.T) {
	s := serve(t, Options{MaxConnections: 3})
	var open []*client
	for range 3 {
		open = append(open, session(t, s))
	}
	for range 20 {
		c := dial(t, s)
		if e := c.closedBecause(wire.ErrTooManyConnections); !e.Retry {
			t.Error("it cannot be tried again")
		}
		_ = c.Close()
	}
	open[0].ok(wire.TypePing, nil)
	_ = open[0].Close()
	eventually(t, "there is room", func() bool { return s.Activity().Connections < 3 })
	session(t, s)
	if a := s.Activity(); a.Refused != 20 || a.Accepted != 24 {
		t.Errorf("%d of %d were refused", a.Refused, a.Accepted)
	}
}

// A client that sends and never reads is cut off; what it asked for does not stay in memory.
func TestWhoNeverReadsIsCutOff(t *testing.T) {
	for name, x := range map[string]struct {
		o     Options
		t     wire.Type
		flags wire.Flags
		body  body
	}{
		"by time":                      {Options{WriteTimeout: 50 * time.Millisecond}, wire.TypeGet, 0, get("k", 0)},
		"by time, beside the reader":   {Options{WriteTimeout: 50 * time.Millisecond}, typeLong, 0, wire.ID(1 << 20)},
		"by time, a stream":            {Options{WriteTimeout: 50 * time.Millisecond}, wire.TypeScan, 0, &wire.Scan{Credit: 1000}},
		"by size, many on their way":   {Options{MaxUnsent: 4 << 20}, typeLong, wire.AnyOrder, wire.ID(1 << 20)},
		"by size, one that is greater": {Options{MaxUnsent: 1 << 20}, wire.TypeGet, 0, get("k", 0)},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, x.o)
			if err := s.db.Put([]byte("k"), make([]byte, 2<<20)); err != nil {
				t.Fatal(err)
			}
			reader, c := session(t, s), session(t, s)
			for range 64 {
				c.push(x.t, x.flags, x.body)
			}
			go func() {
				for {
					if _, err := c.Write(c.out); err != nil {
						return
					}
				}
			}()
			eventually(t, "it is cut off", func() bool { return s.Activity().Connections == 1 })
			reader.ok(wire.TypePing, nil)
			if n := s.memory.used(); n > 64<<10 {
				t.Errorf("%d bytes are still charged", n)
			}
		})
	}
}

// Clients that read late, but do, get everything, whatever they sent before they began.
func TestWhoReadsLateGetsEverything(t *testing.T) {
	certificate := selfSigned(t)
	for name, wrap := range map[string]struct {
		server func(net.Listener) net.Listener
		client func(net.Conn) net.Conn
	}{
		"TCP": {func(l net.Listener) net.Listener { return l }, func(c net.Conn) net.Conn { return c }},
		"TLS": {
			func(l net.Listener) net.Listener {
				return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{certificate}})
			},
			func(c net.Conn) net.Conn { return tls.Client(c, &tls.Config{InsecureSkipVerify: true}) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveOn(t, openMem(t, nil), Options{}, ListenerOptions{}, wrap.server)
			nc, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			c := newClient(t, wrap.client(nc))
			c.hello(wire.Hello{})
			c.ok(wire.TypePut, &wire.Put{Key: []byte("k"), Value: make([]byte, 10_000)})
			const n = 2000 // 20 MB of replies, in no socket's buffer
			for range n {
				c.push(wire.TypeGet, 0, get("k", 0))
			}
			c.flush() // before the first reply is read
			eventually(t, "the server cannot write any more", func() bool { return s.Activity().UnsentBytes > 1<<20 })
			first := time.Now()
			eventually(t, "its patience ends", func() bool { return time.Since(first) > 2*(patience+patienceSlack) })
			for id := c.next - n + 1; id <= c.next; id++ {
				c.want(id, wire.TypeOK)
			}
		})
	}
}

func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestMemoryOfConnectionsIsBounded(t *testing.T) {
	const limit = 16 << 20
	s := serve(t, Options{MaxConnections: 16, MaxFrame: 2 << 20, MaxMemory: limit + 16*connBytes})
	seed := session(t, s)
	seed.ok(wire.TypePut, &wire.Put{Key: []byte("k"), Value: make([]byte, 1<<20)})
	const clients, rounds = 12, 3
	done := make(chan error, clients)
	var all []*client
	for range clients {
		all = append(all, session(t, s))
	}
	for _, c := range all {
		go func() { // which asks for 8 MiB, and sends as much, at a time
			for range rounds {
				c.push(wire.TypeGet, 0, get("k", 0))
				c.push(wire.TypePut, 0, &wire.Put{Key: []byte("k"), Value: make([]byte, 1<<20), Durability: wire.NoSync})
			}
			go func() { _, _ = c.Write(c.out) }() // an error shows in what is read
			for range 2 * rounds {
				f, err := c.frames.Next()
				if err == nil && f.Type == wire.TypeError {
					e, _ := wire.DecodeError(f.Body)
					if e.Code == wire.ErrLimit && f.ID != 0 {
						continue // it was told to try again
					}
					err = e
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	var peak int64
	for left := clients; left > 0; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			left--
		default:
			peak = max(peak, s.memory.used())
			runtime.Gosched()
		}
	}
	// What is being appended right now may be above it.
	if peak > limit+4<<20 {
		t.Errorf("they took %d bytes", peak)
	}
	if peak < limit/4 {
		t.Errorf("they took %d bytes only: the test tests nothing", peak)
	}
}

func TestAFloodOfRequestsThatAreCancelled(t *testing.T) {
	s := serve(t, Options{MaxConnections: 8, MaxFrame: 512 << 10, MaxMemory: 4<<20 + 8*connBytes})
	other := session(t, s)
	c := session(t, s)
	go func() {
		for range 5000 {
			block, _ := newBlockOf(1 << 40)
			id := c.push(typeBlock, wire.AnyOrder, block)
			c.push(wire.TypeCancel, 0, wire.ID(id))
		}
		_, _ = c.Write(c.out) // an error shows in what is read
	}()
	canceled, found := 0, 0
	for range 10_000 {
		switch f := c.read(); {
		case f.Type == wire.TypeError:
			canceled++
		case string(f.Body) == "\xc3":
			found++
		}
	}
	if canceled != 5000 || found == 0 {
		t.Errorf("%d were cancelled, %d in flight", canceled, found)
	}
	other.ok(wire.TypePing, nil)
	if a := s.Activity(); a.InFlight != 0 {
		t.Errorf("%d are in flight", a.InFlight)
	}
}

// newBlockOf returns a request that blocks until it is cancelled.
func newBlockOf(id wire.ID) (wire.ID, func()) {
	blocks.LoadOrStore(id, make(chan struct{}))
	return id, func() {}
}

func TestShutdownLetsWhatIsInFlightFinish(t *testing.T) {
	db := openMem(t, nil)
	s, err := New(db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l, ListenerOptions{}) }()
	run := &running{s, db, l.Addr().String()}
	c, idle := session(t, run), session(t, run)
	c.fill(40, 20_000)
	txn := c.begin(wire.Begin{})
	c.ok(wire.TypePut, put("never", "v", txn))
	cursor := c.push(wire.TypeScan, 0, &wire.Scan{Credit: 1})
	c.flush()
	c.want(cursor, wire.TypeRows)
	block, release := newBlock()
	first := c.push(typeBlock, 0, block)
	write := c.push(wire.TypePut, 0, put("k", "v", 0))
	c.flush()
	eventually(t, "both are in flight", func() bool { return s.Activity().InFlight == 3 })
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	for _, x := range []*client{c, idle} {
		f := x.read()
		var n wire.Notice
		if err := n.Decode(f.Body); f.Type != wire.TypeNotice || err != nil || n.Kind != wire.NoticeShutdown {
			t.Fatalf("got %s", show(f))
		}
	}
	idle.closedBecause(wire.ErrShuttingDown)
	if err = <-served; err != ErrShutdown {
		t.Errorf("Serve returns %v", err)
	}
	if _, err = net.Dial("tcp", run.addr); err == nil {
		t.Error("it still accepts connections")
	}
	release()
	c.want(first, wire.TypeOK)
	c.want(write, wire.TypeOK)
	c.wantError(cursor, wire.ErrShuttingDown)
	c.closedBecause(wire.ErrShuttingDown)
	if err = <-down; err != nil {
		t.Errorf("Shutdown returns %v", err)
	}
	leaksNothing(t, s)
	if _, err = db.Get([]byte("never")); err == nil {
		t.Error("an open transaction was committed")
	}
	if _, err = db.Get([]byte("k")); err != nil {
		t.Errorf("a write that was in flight: %v", err)
	}
}

func TestShutdownEndsAtOnceWithItsContext(t *testing.T) {
	db := openMem(t, nil)
	s, err := New(db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	client, server := net.Pipe() // the server's writes block until they are read
	l := &onePipe{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	l.conns <- server
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l, ListenerOptions{}) }()
	c := newClient(t, client)
	c.hello(wire.Hello{})
	block, _ := newBlock()
	c.push(typeBlock, 0, block)
	c.flush()
	eventually(t, "it is in flight", func() bool { return s.Activity().InFlight == 1 })
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err = s.Shutdown(ctx); err == nil {
		t.Error("Shutdown returns nil")
	}
	leaksNothing(t, s)
	<-served
	if err = s.Serve(context.Background(), l, ListenerOptions{}); err != ErrShutdown {
		t.Errorf("another Serve returns %v", err)
	}
}

// onePipe is a listener that accepts what is sent to it.
type onePipe struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *onePipe) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *onePipe) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *onePipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// A few bytes may inflate to much: that is charged before it is there.
func TestInflatedBodiesAreWithinTheMemory(t *testing.T) {
	s := serve(t, Options{MaxConnections: 8, MaxFrame: 1 << 20, MaxMemory: 8<<20 + 8*connBytes})
	put := wire.Put{Key: []byte("k"), Value: make([]byte, 1000_000)}
	bomb := new(wire.Deflater).EndFrame(put.Append(wire.BeginFrame(nil, wire.TypePut, 0, 1)), 0)
	if len(bomb) > 20_000 {
		t.Fatalf("it has %d bytes", len(bomb))
	}
	c := dial(t, s)
	c.hello(wire.Hello{Compress: []string{wire.Zlib}})
	held := s.memory.arrivals.limit - 1000_000
	s.memory.arrivals.use(held)
	if _, err := c.Write(bomb); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it waits for memory", func() bool { return s.memory.arrivals.waiting.Load() == 1 })
	s.memory.arrivals.free(held)
	c.want(1, wire.TypeOK)
	c.ok(wire.TypePing, nil)
	eventually(t, "the memory is given back", func() bool { return s.memory.arrivals.used.Load() == 0 })
}
