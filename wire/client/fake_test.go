package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/middb/middb/wire"
)

// A fake is servers that do what a test says. Time is that of the test's synctest bubble.
type fake struct {
	t *testing.T

	mu     sync.Mutex
	up     map[string]func(*peer) // what a server does with a connection; then it is closed
	dialed []string               // when and where connections were tried, "0s a:7878"
	begin  time.Time
	work   sync.WaitGroup
}

// bubble runs a test with fake servers. All that the client starts must have ended when it returns.
func bubble(t *testing.T, test func(t *testing.T, f *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fake{t: t, up: map[string]func(*peer){}, begin: time.Now()}
		defer f.work.Wait()
		test(t, f)
	})
}

// serve says what the server at an address does with each connection. nil: there is none.
func (f *fake) serve(address string, serve func(*peer)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.up[address] = serve
}

// inTurn serves the first connection by the first function and so on.
func inTurn(serve ...func(*peer)) func(*peer) {
	return func(p *peer) {
		p.f.mu.Lock()
		if len(serve) == 0 {
			p.f.mu.Unlock()
			p.f.t.Error("a connection too many")
			return
		}
		next := serve[0]
		serve = serve[1:]
		p.f.mu.Unlock()
		next(p)
	}
}

func (f *fake) dial(_ context.Context, _, address string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dialed = append(f.dialed, fmt.Sprintf("%v %s", time.Since(f.begin), address))
	serve := f.up[address]
	if serve == nil {
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	}
	ours, theirs := net.Pipe()
	f.work.Go(func() {
		defer theirs.Close()
		serve(&peer{f: f, nc: theirs, r: wire.NewFrameReader(theirs, wire.DefaultMaxFrame)})
	})
	return ours, nil
}

// open opens a client of servers a and b.
func (f *fake) open(url string, o Options) *Client {
	f.t.Helper()
	c, err := f.tryOpen(url, o)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *fake) tryOpen(url string, o Options) (*Client, error) {
	o.Dial = f.dial
	if o.Random == nil {
		o.Random = rand.NewPCG(1, 2)
	}
	return Open(f.t.Context(), url, o)
}

// A peer is the fake server's end of a connection.
type peer struct {
	f      *fake
	nc     net.Conn
	r      *wire.FrameReader
	limits wire.Limits // that hello announces; those that are 0 are the usual ones
}

// hello does what comes before the first request.
func (p *peer) hello() wire.Hello {
	var preface [wire.PrefaceBytes]byte
	if _, err := io.ReadFull(p.nc, preface[:]); err != nil {
		return wire.Hello{}
	}
	f := p.expect(wire.TypeHello)
	p.nc.Write(wire.AppendPreface(nil))
	var h wire.Hello
	if err := h.Decode(f.Body); err != nil {
		p.f.t.Error(err)
	}
	p.limits.InFlight = firstOf(p.limits.InFlight, 1024)
	reply := wire.HelloReply{Server: "middb", Session: 1, Limits: p.limits}
	if len(h.Compress) > 0 {
		reply.Compress = wire.Zlib
		p.r.AllowCompression()
	}
	p.ok(f, &reply)
	return h
}

// next returns the next request; its body is the caller's. At the end of the connection it has the type 0.
func (p *peer) next() wire.Frame {
	f, err := p.r.Next()
	if err != nil {
		return wire.Frame{}
	}
	f.Body = append([]byte(nil), f.Body...)
	return f
}

// expect returns the next request, which must be of a type.
func (p *peer) expect(t wire.Type) wire.Frame {
	f := p.next()
	if f.Type != t {
		p.f.t.Errorf("the client sends %v, want %v", f.Type, t)
	}
	return f
}

// gone waits until the client has closed the connection.
func (p *peer) gone() {
	if f := p.next(); f.Type != 0 {
		p.f.t.Errorf("the client sends %v, and was to close the connection", f.Type)
	}
}

type appender interface{ Append([]byte) []byte }

// raw is a body as it is sent.
type raw []byte

func (r raw) Append(dst []byte) []byte { return append(dst, r...) }

var null = raw{0xc0}

func value(v string) raw { return wire.AppendBin(nil, []byte(v)) }

func (p *peer) send(t wire.Type, flags wire.Flags, id uint32, body appender) {
	p.nc.Write(wire.EndFrame(body.Append(wire.BeginFrame(nil, t, flags, id)), 0))
}

// ok answers a request.
func (p *peer) ok(f wire.Frame, body appender) { p.send(wire.TypeOK, 0, f.ID, body) }

// refuse answers a request with an error.
func (p *peer) refuse(f wire.Frame, code wire.Code, message string) {
	p.send(wire.TypeError, 0, f.ID, wire.Errorf(code, "%s", message))
}

// echo answers GETs with their keys, and everything else with nil, until the connection ends.
func (p *peer) echo() {
	for f := p.next(); f.Type != 0; f = p.next() {
		p.echoOne(f)
	}
}

func (p *peer) echoOne(f wire.Frame) {
	var g wire.Get
	switch {
	case f.Flags.Has(wire.NoReply):
	case f.Type == wire.TypeGet && g.Decode(f.Body) == nil:
		p.ok(f, value(string(g.Key)))
	default:
		p.ok(f, null)
	}
}

// echoServer is a server that always works.
func echoServer(p *peer) {
	p.hello()
	p.echo()
}

// keyOf returns the key of a request for one.
func keyOf(t *testing.T, f wire.Frame) string {
	d := wire.NewDecoder(f.Body)
	d.Array("the request")
	k := string(d.Bytes("the key"))
	if d.Err() != nil {
		t.Error(d.Err())
	}
	return k
}

// wants checks an error.
func wants(t *testing.T, err error, codes ...error) {
	t.Helper()
	for _, c := range codes {
		if !errors.Is(err, c) {
			t.Errorf("got error %v, want one that is %v", err, c)
		}
	}
}

// gets checks what GET returns.
func gets(t *testing.T, c *Client, k, want string) {
	t.Helper()
	if v, err := c.Get(context.Background(), []byte(k)); err != nil || string(v) != want {
		t.Errorf("get %s: %q, %v, want %q", k, v, err, want)
	}
}
