package server

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

// Requests that only tests make.
const (
	typeBlock wire.Type = 0x70 // runs until its channel is closed, or it is cancelled
	typePanic wire.Type = 0x71
	typeLong  wire.Type = 0x72 // answers with as many bytes as are asked for
)

// blocks has the channels of requests that block, by the number in their body.
var blocks sync.Map

func init() {
	kinds[typeBlock] = kind{run: func(_ *conn, r *request, dst []byte) ([]byte, error) {
		var id wire.ID
		if err := id.Decode(r.body); err != nil {
			return dst, err
		}
		release, _ := blocks.LoadOrStore(id, make(chan struct{}))
		select {
		case <-release.(chan struct{}):
			return wire.AppendUint(dst, uint64(id)), nil
		case <-r.ctx.Done():
			return dst, context.Cause(r.ctx)
		}
	}}
	kinds[typePanic] = kind{run: func(*conn, *request, []byte) ([]byte, error) { panic("planted") }, class: quickRequest}
	kinds[typeLong] = kind{run: func(_ *conn, r *request, dst []byte) ([]byte, error) {
		var id wire.ID
		if err := id.Decode(r.body); err != nil {
			return dst, err
		}
		return wire.AppendBin(dst, make([]byte, id)), nil
	}, repeat: true}
}

var lastBlock wire.ID

// newBlock returns what a request is sent with to block, and what lets it go on.
func newBlock() (wire.ID, func()) {
	lastBlock++
	release := make(chan struct{})
	blocks.Store(lastBlock, release)
	return lastBlock, sync.OnceFunc(func() { close(release) })
}

func TestRequestsAreAnsweredInOrder(t *testing.T) {
	c := session(t, serve(t, Options{}))
	c.put("k", "v")
	block, release := newBlock()
	first := c.push(typeBlock, 0, block)
	get := c.push(wire.TypeGet, 0, &wire.Get{Key: []byte("k")})
	del := c.push(wire.TypeDel, 0, &wire.Del{Key: []byte("k")})
	again := c.push(wire.TypeGet, 0, &wire.Get{Key: []byte("k")})
	unknown := c.push(0x2f, 0, nil)
	ping := c.push(wire.TypePing, wire.AnyOrder, wire.ID(7))
	c.flush()
	if got := c.want(ping, wire.TypeOK); string(got) != "\x91\x07" {
		t.Errorf("PING answers %x", got)
	}
	release()
	c.want(first, wire.TypeOK)
	if got := c.want(get, wire.TypeOK); string(got) != "\xc4\x01v" {
		t.Errorf("before the delete: %x", got)
	}
	c.want(del, wire.TypeOK)
	if got := c.want(again, wire.TypeOK); string(got) != "\xc0" {
		t.Errorf("after the delete: %x", got)
	}
	c.wantError(unknown, wire.ErrUnknownRequest)
}

func TestAnyOrderRequestsRunBesideOthers(t *testing.T) {
	c := session(t, serve(t, Options{}))
	var ids []uint32
	var releases []func()
	for range 3 {
		block, release := newBlock()
		ids = append(ids, c.push(typeBlock, wire.AnyOrder, block))
		releases = append(releases, release)
	}
	c.flush()
	for i := 2; i >= 0; i-- {
		releases[i]()
		c.want(ids[i], wire.TypeOK)
	}
}

func TestCancelEndsARequestThatRunsAndOneThatWaits(t *testing.T) {
	c := session(t, serve(t, Options{}))
	block, release := newBlock()
	runs := c.push(typeBlock, 0, block)
	waits := c.push(wire.TypePut, 0, &wire.Put{Key: []byte("k"), Value: []byte("v")})
	after := c.push(wire.TypeGet, 0, &wire.Get{Key: []byte("k")})
	cancel := c.push(wire.TypeCancel, 0, wire.ID(waits))
	c.flush()
	if got := c.want(cancel, wire.TypeOK); string(got) != "\xc3" {
		t.Fatalf("CANCEL of a request in flight answers %x", got)
	}
	if got := c.ok(wire.TypeCancel, wire.ID(12345)); string(got) != "\xc2" {
		t.Fatalf("CANCEL of nothing answers %x", got)
	}
	release()
	c.want(runs, wire.TypeOK)
	c.wantError(waits, wire.ErrCanceled)
	if got := c.want(after, wire.TypeOK); string(got) != "\xc0" {
		t.Errorf("the write was cancelled before it began, and there is %x", got)
	}
	block, _ = newBlock()
	runs = c.push(typeBlock, 0, block)
	cancel = c.push(wire.TypeCancel, 0, wire.ID(runs))
	c.flush()
	got := []uint32{c.read().ID, c.read().ID} // the two race
	if got[0]+got[1] != runs+cancel {
		t.Errorf("got answers to %d, want %d and %d", got, runs, cancel)
	}
}

func TestTimeoutEndsARequest(t *testing.T) {
	c := session(t, serve(t, Options{RequestTimeout: time.Nanosecond}))
	block, _ := newBlock()
	c.fails(typeBlock, block, wire.ErrTimeout)
	hour := uint64(time.Hour / time.Millisecond)
	c.ok(wire.TypeSet, &wire.Set{TimeoutMS: &hour})
	block, release := newBlock()
	release()
	c.ok(typeBlock, block)
}

func TestNoReplyAnswersErrorsOnly(t *testing.T) {
	c := session(t, serve(t, Options{}))
	c.push(wire.TypePut, wire.NoReply, &wire.Put{Key: []byte("a"), Value: []byte("1")})
	c.push(wire.TypePut, wire.NoReply, &wire.Put{Key: []byte("b"), Value: []byte("2"), Durability: wire.NoSync})
	bad := c.push(wire.TypePut, wire.NoReply, &wire.Put{Value: []byte("2")})
	get := c.push(wire.TypeMGet, 0, &wire.MGet{Keys: [][]byte{[]byte("a"), []byte("b")}})
	c.flush()
	c.wantError(bad, wire.ErrEmptyKey)
	if got := c.want(get, wire.TypeOK); string(got) != "\x92\xc4\x011\xc4\x012" {
		t.Errorf("what was written is %x", got)
	}
}

func TestNumbersAreUniqueAmongRequestsInFlight(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	block, release := newBlock()
	c.push(typeBlock, 0, block)
	c.next--
	c.push(wire.TypePing, 0, nil)
	c.flush()
	c.closedBecause(wire.ErrProtocol)
	release()
	c = session(t, s)
	for range 3 { // a number can be used again
		c.next = 10
		c.put("k", "v")
		c.next = 10
		c.ok(wire.TypeCount, &wire.Count{})
	}
}

// closedBecause reads through the error that ends the connection.
func (c *client) closedBecause(code wire.Code) *wire.Error {
	c.Helper()
	for {
		f := c.read()
		if f.ID != 0 || f.Type == wire.TypeNotice {
			continue
		}
		e, err := wire.DecodeError(f.Body)
		if err != nil || f.Type != wire.TypeError {
			c.Fatalf("got %s: %v", show(f), err)
		}
		if e.Code != code {
			c.Fatalf("closed because of %s: %s; want %s", e.Code.Name(), e.Message, code.Name())
		}
		c.closed()
		return e
	}
}

func TestNoMoreRequestsAreReadThanMayBeInFlight(t *testing.T) {
	s := serve(t, Options{MaxInFlight: 4})
	c := session(t, s)
	var releases []func()
	for range 6 {
		block, release := newBlock()
		c.push(typeBlock, wire.AnyOrder, block)
		releases = append(releases, release)
	}
	ping := c.push(wire.TypePing, wire.AnyOrder, nil)
	c.flush()
	inFlight := func() int64 { return s.Activity().InFlight }
	eventually(t, "four requests are in flight", func() bool { return inFlight() == 4 })
	releases[0]()
	if f := c.read(); f.Type != wire.TypeOK || f.ID == ping {
		t.Fatalf("got %s", show(f))
	}
	eventually(t, "four requests are in flight again", func() bool { return inFlight() == 4 })
	for _, release := range releases {
		release()
	}
	for range 6 {
		c.read()
	}
	if n := inFlight(); n != 0 {
		t.Errorf("%d are in flight at the end", n)
	}
}

func TestAPanicIsAnErrorOfOneRequest(t *testing.T) {
	c := session(t, serve(t, Options{}))
	c.fails(typePanic, nil, wire.ErrInternal)
	c.put("k", "v")
	if got := c.value("k"); got != "v" {
		t.Errorf("afterwards k is %s", got)
	}
}

func TestFramingErrorsEndTheConnection(t *testing.T) {
	s := serve(t, Options{MaxFrame: 1 << 20})
	ping := wire.EndFrame(wire.AppendNil(wire.BeginFrame(nil, wire.TypePing, 0, 1)), 0)
	change := func(i int, b byte) []byte {
		out := append([]byte(nil), ping...)
		out[i] = b
		return out
	}
	for name, c := range map[string]struct {
		frame []byte
		code  wire.Code
	}{
		"a flag that is not defined":  {change(9, 0x80), wire.ErrProtocol},
		"reserved bytes":              {change(10, 1), wire.ErrProtocol},
		"request id 0":                {change(7, 0), wire.ErrProtocol},
		"further frames":              {change(9, byte(wire.More)), wire.ErrProtocol},
		"compressed without agreeing": {change(9, byte(wire.Compressed)), wire.ErrProtocol},
		"too long":                    {change(0, 1), wire.ErrFrameTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			cl := session(t, s)
			if _, err := cl.Write(c.frame); err != nil {
				t.Fatal(err)
			}
			cl.closedBecause(c.code)
		})
	}
}

func TestBadBodiesAreAnsweredInTheirPlace(t *testing.T) {
	c := session(t, serve(t, Options{}))
	block, release := newBlock()
	first := c.push(typeBlock, 0, block)
	bad := c.push(wire.TypePut, 0, raw("\x92\xc4\x01")) // ends within its key
	ext := c.push(wire.TypePut, 0, raw("\xd4\x01\x00"))
	shape := c.push(wire.TypeGet, 0, raw("\x91\x07"))
	last := c.push(wire.TypePing, 0, nil)
	c.flush()
	release()
	c.want(first, wire.TypeOK)
	c.wantError(bad, wire.ErrBadMessage)
	c.wantError(ext, wire.ErrBadMessage)
	c.wantError(shape, wire.ErrBadMessage)
	c.want(last, wire.TypeOK)
}

// raw is a body as it is.
type raw string

func (r raw) Append(dst []byte) []byte { return append(dst, r...) }

func TestGoodbyeIsTheLastAnswer(t *testing.T) {
	c := session(t, serve(t, Options{}))
	block, release := newBlock()
	first := c.push(typeBlock, 0, block)
	other := c.push(typeBlock, wire.AnyOrder, block)
	bye := c.push(wire.TypeGoodbye, 0, nil)
	c.push(wire.TypePing, 0, nil)
	c.flush()
	release()
	got := map[uint32]bool{c.read().ID: true, c.read().ID: true}
	if !got[first] || !got[other] {
		t.Errorf("answered are %v, want %d and %d", got, first, other)
	}
	c.want(bye, wire.TypeOK)
	c.closed()
}
