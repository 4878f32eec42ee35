package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/middb/middb/wire"
)

// A server that breaks the protocol fails the connection, not the client.
func TestViolationsEndTheConnection(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(p *peer, get wire.Frame)
		says   string
	}{
		"another number":       {func(p *peer, f wire.Frame) { p.send(wire.TypeOK, 0, f.ID+1, value("x")) }, "which is not in flight"},
		"a request":            {func(p *peer, f wire.Frame) { p.send(wire.TypeGet, 0, f.ID, value("x")) }, "GET with flags 0x0 for GET"},
		"more":                 {func(p *peer, f wire.Frame) { p.send(wire.TypeOK, wire.More, f.ID, value("x")) }, "OK with flags 0x1 for GET"},
		"a stream":             {func(p *peer, f wire.Frame) { p.send(wire.TypeRows, 0, f.ID, rows("a", "b")) }, "ROWS"},
		"twice":                {func(p *peer, f wire.Frame) { p.ok(f, value("x")); p.ok(f, value("y")); p.ok(f, value("z")) }, ""},
		"unknown flags":        {func(p *peer, f wire.Frame) { p.send(wire.TypeOK, 1<<5, f.ID, value("x")) }, "which are not defined"},
		"noise":                {func(p *peer, _ wire.Frame) { p.nc.Write([]byte("\xff\xff\xff\xffnoise and more noise")) }, ""},
		"too large":            {func(p *peer, f wire.Frame) { p.nc.Write(largeHeader(f.ID)) }, "the limit is 16777216"},
		"compressed":           {func(p *peer, f wire.Frame) { p.send(wire.TypeOK, wire.Compressed, f.ID, value("x")) }, "not agreed on"},
		"unasked":              {func(p *peer, _ wire.Frame) { p.send(wire.TypeOK, 0, 0, null) }, "OK without a request"},
		"half a frame":         {func(p *peer, f wire.Frame) { p.nc.Write(largeHeader(f.ID)[:7]) }, "closed the connection"},
		"an error for it":      {func(p *peer, _ wire.Frame) { p.send(wire.TypeError, 0, 0, wire.Errorf(wire.ErrKilled, "an admin did")) }, "an admin did"},
		"an error that is nil": {func(p *peer, _ wire.Frame) { p.send(wire.TypeError, 0, 0, raw{0x01}) }, "the body is"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.serve("a:7878", inTurn(func(p *peer) {
					p.hello()
					c.answer(p, p.expect(wire.TypeGet))
				}, echoServer))
				cl := f.open(urlA, Options{Attempts: 1})
				defer cl.Close()
				_, err := cl.Get(t.Context(), []byte("k"))
				if c.says != "" {
					wants(t, err, wire.ErrConnection)
					if err != nil && !strings.Contains(err.Error(), c.says) {
						t.Errorf("got %v, want %q in it", err, c.says)
					}
				}
				synctest.Wait()
				gets(t, cl, "k", "k")
			})
		})
	}
}

func largeHeader(id uint32) []byte {
	h := wire.AppendHeader(nil, wire.Header{ID: id, Type: wire.TypeOK})
	binary.BigEndian.PutUint32(h, 1<<31)
	return h
}

// A reply that cannot be read is the failure of its request alone.
func TestBadRepliesFailTheirRequest(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		bodies := []raw{
			{0xc4, 0x09, 'x'}, {0xc1}, {}, {0x01}, {0x91}, value("x")[:1], // of GET
			{0x92, 0xc4, 0x00}, {0x91, 0xc4, 0x00}, {0x93, 0xc4, 0x00, 0x01, 0x02, 0x03}, // of GET with more, after these
		}
		f.serve("a:7878", func(p *peer) {
			p.hello()
			for _, b := range bodies {
				p.ok(p.next(), b)
			}
			p.ok(p.expect(wire.TypeMGet), rows("a"))
			p.ok(p.expect(wire.TypeStats), raw{0x81, 0xa6, 's', 'e', 'r', 'v', 'e', 'r', 0x01})
			p.ok(p.expect(wire.TypeBegin), raw{0x90})
			p.ok(p.expect(wire.TypeSessions), raw{0x80})
			scan := p.expect(wire.TypeScan)
			p.send(wire.TypeRows, wire.More, scan.ID, rows("a"))
			p.expect(wire.TypeClose)
			p.send(wire.TypeEnd, 0, scan.ID, end(0))
			w := p.expect(wire.TypeWatch)
			p.send(wire.TypeEvent, wire.More, w.ID, &wire.Event{})
			p.expect(wire.TypeUnwatch)
			p.send(wire.TypeEnd, 0, w.ID, end(0))
			p.echo()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		ctx := t.Context()
		for range 6 {
			_, err := c.Get(ctx, []byte("k"))
			wants(t, err, wire.ErrBadMessage)
		}
		for range 2 {
			_, _, err := c.GetWithSeq(ctx, []byte("k"))
			wants(t, err, wire.ErrBadMessage)
		}
		if _, _, err := c.GetWithSeq(ctx, []byte("k")); err == nil {
			t.Error("a body with bytes behind it is taken")
		}
		_, err := c.MGet(ctx, []byte("a"), []byte("b"))
		wants(t, err, wire.ErrBadMessage)
		_, err = c.Stats(ctx)
		wants(t, err, wire.ErrBadMessage)
		_, err = c.Begin(ctx, TxnOptions{})
		wants(t, err, wire.ErrBadMessage)
		_, err = c.Sessions(ctx)
		wants(t, err, wire.ErrBadMessage)
		r, err := c.Scan(ctx, ScanOptions{})
		if err != nil || r.Next() {
			t.Fatal("a row without a value is taken", err)
		}
		wants(t, r.Close(), wire.ErrBadMessage)
		_, err = c.Watch(ctx, 0, nil)
		wants(t, err, wire.ErrProtocol)
		gets(t, c, "k", "k")
		if len(f.dialed) != 1 {
			t.Errorf("dialed %q", f.dialed)
		}
	})
}

func TestMoreFramesThanCreditEndTheConnection(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			scan := p.expect(wire.TypeScan)
			for range window + 1 {
				p.send(wire.TypeRows, wire.More, scan.ID, rows("a", "b"))
			}
			p.gone()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		r, err := c.Scan(t.Context(), ScanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range r.All() {
		}
		wants(t, r.Close(), wire.ErrConnection, wire.ErrProtocol)
	})
}

func TestServersOfAnotherKindAreNamed(t *testing.T) {
	for says, want := range map[string]string{
		"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n": "a:7878 does not speak the middb protocol; it says: HTTP/1.1 400 Bad Request",
		"-ERR unknown command\r\n":                              "it says: -ERR unknown command",
		"hi\n":                                                  "it says: hi",
		"middb: this port speaks TLS\n":                         "it says: middb: this port speaks TLS",
		"\x15\x03\x01\x00\x02\x02\x46":                          "a:7878 does not speak the middb protocol",
		"MIDB\x02\x00\x00\x00":                                  "the other side speaks version 2.0",
		"":                                                      "the server closed the connection",
	} {
		bubble(t, func(t *testing.T, f *fake) {
			f.serve("a:7878", func(p *peer) {
				p.nc.Read(make([]byte, 100))
				p.nc.Write([]byte(says))
			})
			_, err := f.tryOpen(urlA, Options{})
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v, want %q in it", says, err, want)
			}
		})
	}
}

func TestWhatAServerSaysInPlaceOfHello(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		refusals := []wire.Code{wire.ErrTooManyConnections, wire.ErrUnsupportedVersion, wire.ErrKeyspaceMissing}
		f.serve("a:7878", func(p *peer) {
			p.nc.Read(make([]byte, 100))
			p.nc.Write(wire.AppendPreface(nil))
			p.send(wire.TypeNotice, 0, 0, &wire.Notice{})
			code := refusals[0]
			refusals = refusals[1:]
			p.send(wire.TypeError, 0, 0, wire.Errorf(code, "no"))
		})
		for len(refusals) > 0 {
			want := refusals[0]
			_, err := f.tryOpen(urlA, Options{})
			wants(t, err, want)
		}
	})
}

func TestRepliesOutOfOrderFindTheirRequests(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			var all []wire.Frame
			for range 10 {
				all = append(all, p.expect(wire.TypeGet))
			}
			for i := range all {
				r := all[len(all)-1-i]
				if !r.Flags.Has(wire.AnyOrder) {
					t.Error("the order of independent requests is to be kept")
				}
				p.ok(r, value(keyOf(t, r)))
			}
			p.gone()
		})
		c := f.open(urlA, Options{Connections: 1})
		defer c.Close()
		var work sync.WaitGroup
		for i := range 10 {
			work.Go(func() { gets(t, c, fmt.Sprint(i), fmt.Sprint(i)) })
		}
		work.Wait()
	})
}

func TestNoMoreRequestsAreInFlightThanTheServerTakes(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.limits.InFlight = 8 // of which one is kept for CANCEL
			p.hello()
			for range 3 {
				var all []wire.Frame
				for range 7 {
					all = append(all, p.expect(wire.TypeGet))
				}
				p.nc.SetReadDeadline(time.Now().Add(time.Second))
				if extra := p.next(); extra.Type != 0 {
					t.Errorf("there is also %v", extra.Type)
				}
				p.nc.SetReadDeadline(time.Time{})
				for _, r := range all {
					p.echoOne(r)
				}
			}
			p.gone()
		})
		c := f.open(urlA, Options{Connections: 1})
		defer c.Close()
		var work sync.WaitGroup
		for range 21 {
			work.Go(func() { gets(t, c, "k", "k") })
		}
		work.Wait()
	})
}

func TestABusyClientMakesMoreConnections(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		release := make(chan struct{})
		f.serve("a:7878", func(p *peer) {
			p.hello()
			var waiting sync.WaitGroup
			var answers sync.Mutex
			for r := p.next(); r.Type != 0; r = p.next() {
				waiting.Go(func() {
					<-release
					answers.Lock()
					defer answers.Unlock()
					p.echoOne(r)
				})
				if keyOf(t, r) == "last" {
					close(release)
				}
			}
			waiting.Wait()
		})
		c := f.open(urlA, Options{Connections: 3})
		defer c.Close()
		var work sync.WaitGroup
		for i := range 100 {
			work.Go(func() { gets(t, c, fmt.Sprint(i), fmt.Sprint(i)) })
			synctest.Wait()
		}
		for _, conn := range *c.pool.live.Load() {
			if load := conn.load.Load(); load < 30 || load > 40 {
				t.Errorf("a connection has %d of 100 requests", load)
			}
		}
		work.Go(func() { gets(t, c, "last", "last") })
		work.Wait()
		if len(f.dialed) != 3 {
			t.Errorf("dialed %q", f.dialed)
		}
	})
}

func TestFramesAreCompressedIfAgreedOn(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		large := strings.Repeat("value", 10_000)
		f.serve("a:7878", func(p *peer) {
			p.hello()
			header := make([]byte, wire.HeaderBytes)
			p.nc.Read(header)
			h, err := wire.ParseHeader(header)
			if err != nil || !h.Flags.Has(wire.Compressed) || h.Length > 1000 {
				t.Errorf("%+v, %v", h, err)
			}
			p.nc.Read(make([]byte, h.Length))
			var d wire.Deflater
			p.ok(wire.Frame{Header: h}, null)
			get := p.expect(wire.TypeGet)
			reply := value(large).Append(wire.BeginFrame(nil, wire.TypeOK, 0, get.ID))
			p.nc.Write(d.EndFrame(reply, 0))
			p.gone()
		})
		c := f.open(urlA+"?compress=zlib", Options{})
		defer c.Close()
		if err := c.Put(context.Background(), []byte("k"), []byte(large)); err != nil {
			t.Error(err)
		}
		gets(t, c, "k", large)
	})
}

func TestRequestsAboveTheFrameLimitAreRefusedHere(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.limits.Frame = 1000
			p.hello()
			p.echo()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		wants(t, c.Put(t.Context(), []byte("k"), make([]byte, 1000)), wire.ErrFrameTooLarge)
		p := c.Pipeline()
		large, small := p.Put([]byte("k"), make([]byte, 1000)), p.Get([]byte("k"))
		if p.Len() != 2 || errors.Is(small.Err(), wire.ErrNotFound) || small.Err() == nil {
			t.Error("a request that was not made has an answer")
		}
		wants(t, p.Run(t.Context()), wire.ErrFrameTooLarge)
		wants(t, large.Err(), wire.ErrFrameTooLarge)
		if v, err := small.Value(); string(v) != "k" || err != nil || p.Len() != 0 || p.Run(t.Context()) != nil {
			t.Errorf("%q, %v", v, err)
		}
	})
}

func TestAPipelineKeepsOrderAndSaysWhatBecameOfEach(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			for _, typ := range []wire.Type{wire.TypePut, wire.TypeGet, wire.TypeDel, wire.TypeGet, wire.TypeMerge} {
				r := p.expect(typ)
				switch {
				case r.Flags.Has(wire.AnyOrder):
					t.Error("the order may change")
				case typ == wire.TypeDel:
					p.refuse(r, wire.ErrPermissionDenied, "no")
				case typ == wire.TypeMerge: // is not answered
				default:
					p.echoOne(r)
				}
			}
			p.expect(wire.TypeGet)
		}))
		c := f.open(urlA, Options{})
		defer c.Close()
		p := c.Pipeline()
		put, get, del := p.Put([]byte("a"), nil, NoSync), p.Get([]byte("b")), p.Delete([]byte("c"))
		get2, merge, last := p.Get([]byte("d")), p.Merge([]byte("e"), "counter", nil), p.Get([]byte("f"))
		wants(t, p.Run(t.Context()), wire.ErrPermissionDenied)
		if v, err := put.Value(); v != nil || err != nil {
			t.Errorf("put: %q, %v", v, err)
		}
		for want, r := range map[string]*Reply{"b": get, "d": get2} {
			if v, err := r.Value(); string(v) != want || err != nil {
				t.Errorf("%q, %v", v, err)
			}
		}
		wants(t, del.Err(), wire.ErrPermissionDenied)
		wants(t, merge.Err(), wire.ErrCommitUnknown)
		wants(t, last.Err(), wire.ErrConnection)
		if _, err := p.PutTTL(nil, nil, 0); !errors.Is(err, wire.ErrInvalidTTL) {
			t.Error(err)
		}
	})
}
