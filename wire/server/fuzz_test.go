package server

import (
	"context"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

// overPipe has a whole session fed with bytes, and checks that it ends with nothing left.
func overPipe(t testing.TB, s *Server, b []byte) {
	t.Helper()
	here, there := net.Pipe()
	s.accept(there, &ListenerOptions{})
	done := make(chan struct{})
	go func() { // whatever comes, it is read
		defer close(done)
		buf := make([]byte, 4096)
		for {
			if _, err := here.Read(buf); err != nil {
				return
			}
		}
	}()
	_, _ = here.Write(b) // it may be cut off
	_ = here.Close()
	<-done
	eventually(t, "the session has ended", func() bool { return len(s.connections()) == 0 })
}

// aSession is what begins every session.
func aSession() []byte {
	hello := wire.Hello{Client: "fuzz", Compress: []string{wire.Zlib}}
	return wire.EndFrame(hello.Append(wire.BeginFrame(wire.AppendPreface(nil), wire.TypeHello, 0, 1)), wire.PrefaceBytes)
}

func fuzzServer(t testing.TB) *Server {
	t.Helper()
	s, err := New(openMem(t, nil), Options{MaxConnections: 8, MaxFrame: 1 << 20, MaxMemory: 8<<20 + 8*connBytes, TxnTimeout: -1, CursorTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		leaksNothing(t, s)
		if n := s.panics.Load(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
	return s
}

// typesOfRequests are those that a random session is made of, but for what the tests have added.
var typesOfRequests = func() (types []wire.Type) {
	for t := range wire.Type(0x80) {
		if t.IsRequest() {
			types = append(types, t)
		}
	}
	return types
}()

// randomBody is a body that is mostly near to what a request takes.
func randomBody(r *rand.Rand) []byte {
	b := wire.AppendArray(nil, 1+r.IntN(6))
	for range b[0] & 0x0f {
		switch r.IntN(8) {
		case 0:
			b = wire.AppendNil(b)
		case 1:
			b = wire.AppendStr(b, []string{"", "default", "red", "snapshot", "append"}[r.IntN(5)])
		case 2, 3:
			b = wire.AppendUint(b, uint64(r.IntN(6)))
		case 4:
			b = wire.AppendArray(b, 2)
			b = append(b, "\x93\x01\xc4\x01k\xc4\x01v\x92\x02\xc4\x01k"...)
		default:
			b = wire.AppendBin(b, []byte("abcdefgh")[:r.IntN(9)])
		}
	}
	if r.IntN(10) == 0 && len(b) > 1 {
		b[r.IntN(len(b))] = byte(r.Uint32())
	}
	if r.IntN(4) == 0 {
		m := []interface{ Append([]byte) []byte }{
			&wire.Begin{Isolation: wire.Serializable}, &wire.Begin{ReadOnly: true}, &wire.Set{}, &wire.Keyspaces{Op: "open", Name: "red", Create: true},
			&wire.Keyspaces{Op: "list"}, &wire.Keyspaces{Op: "drop", Name: "red"}, &wire.Users{Op: "list"}, &wire.Hello{}, &wire.Auth{Mechanism: wire.ScramSHA256},
		}[r.IntN(9)]
		b = m.Append(nil)
	}
	return b
}

// Random requests, most of them well-formed, in whatever order.
func TestRandomSessionsEndAndLeaveNothing(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	goroutines := runtime.NumGoroutine()
	t.Run("sessions", func(t *testing.T) {
		s := fuzzServer(t)
		for range 60 {
			b := aSession()
			for id := range uint32(100 + r.IntN(200)) {
				start := len(b)
				flags := wire.Flags(0)
				if r.IntN(3) == 0 {
					flags = wire.AnyOrder
				}
				b = wire.BeginFrame(b, typesOfRequests[r.IntN(len(typesOfRequests))], flags, id+2)
				if b[start+8] == byte(wire.TypeGoodbye) && r.IntN(20) > 0 {
					b[start+8] = byte(wire.TypeScan)
				}
				b = wire.EndFrame(append(b, randomBody(r)...), start)
			}
			overPipe(t, s, b)
		}
	})
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= goroutines })
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), false)
	f.Add(wire.AppendPreface(nil), false)
	f.Add(aSession(), false)
	f.Add([]byte(strings.Repeat("\x00\x00\x00\x04\x00\x00\x00\x07\x10\x00\x00\x00\x91\xc4\x01k", 3)), true)
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x07\x15\x00\x00\x00\x90\x00\x00\x00\x01\x00\x00\x00\x08\x50\x04\x00\x00\x90"), true)
	r := rand.New(rand.NewPCG(1, 2))
	for _, t := range typesOfRequests {
		f.Add(wire.EndFrame(append(wire.BeginFrame(nil, t, 0, 7), randomBody(r)...), 0), true)
	}
	s := fuzzServer(f)
	f.Fuzz(func(t *testing.T, b []byte, inside bool) {
		if inside {
			b = append(aSession(), b...)
		}
		overPipe(t, s, b)
		if st := s.db.Stats(); st.Views != 0 || st.Txns != 0 || s.memory.used() != 0 || s.panics.Load() != 0 {
			t.Errorf("left: %d views, %d transactions, %d bytes; %d panics", st.Views, st.Txns, s.memory.used(), s.panics.Load())
		}
	})
}
