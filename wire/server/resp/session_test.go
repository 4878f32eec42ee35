package resp

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

// playSession sends bytes to a connection and returns what it answers, until it has read them all.
func playSession(t testing.TB, front *Front, in []byte) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- front.ServeConn(context.Background(), theirs) }()
	answers := make(chan []byte, 1)
	go func() {
		out, _ := io.ReadAll(ours)
		answers <- out
	}()
	ours.SetWriteDeadline(time.Now().Add(20 * time.Second))
	_, err := ours.Write(in)
	if err == nil {
		// A last command that is whole however the stream stands, or the end if it is in the middle of one.
		_, err = ours.Write([]byte("\r\nQUIT\r\n"))
	}
	if err != nil && !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("send: %v", err)
	}
	front.mu.Lock()
	for _, c := range front.conns {
		c.stop() // it waits for the rest of a command
	}
	front.mu.Unlock()
	<-ended
	ours.Close()
	return <-answers
}

// Whatever is sent: no panic, and what comes back is the protocol, with an end.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"SET a 1\r\nGET a\r\n", "MULTI\r\nINCR a\r\nEXEC\r\n", "WATCH a\r\nMULTI\r\nGET a\r\nEXEC\r\n", "HELLO 3\r\nGET b\r\nINFO\r\n",
		"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\nab\r\nSCAN 0 MATCH a* COUNT 5\r\n", "COMMAND\r\nCOMMAND DOCS\r\nCLIENT LIST\r\nCONFIG GET *\r\n",
		"SET a 5 EX 10 NX GET\r\nTTL a\r\nEXPIRE a 5 GT\r\nGETEX a PERSIST\r\n", "INCRBYFLOAT a 1e3\r\nAPPEND a x\r\nMSETNX a 1 b 2\r\n",
		"KEYS [a-\r\nRANDOMKEY\r\nDBSIZE\r\nFLUSHALL\r\nSELECT 3\r\nSET x y\r\nRESET\r\n", "MULTI\r\nSELECT 1\r\nFLUSHALL\r\nUNWATCH\r\nRESET\r\nDISCARD\r\n",
		"GETDEL a\r\nGETSET a b\r\nDEL a b c\r\nEXISTS a a\r\nPEXPIREAT a 1\r\n", "CLIENT KILL ID 1\r\nPING\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem(), Durability: engine.NoSync})
	must(f, err)
	f.Cleanup(func() { db.Close() })
	front, err := New(db, Options{Databases: 4, Limits: Limits{CommandBytes: 1 << 16, QueuedBytes: 1 << 16, ReplyBytes: 1 << 20}})
	must(f, err)
	f.Fuzz(func(t *testing.T, in []byte) {
		out := playSession(t, front, in)
		r := bufio.NewReader(bytes.NewReader(out))
		for {
			_, err := readReply(r)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v in the answers %q", err, out)
			}
		}
		if n := front.shared.used.Load(); n != 0 {
			t.Fatalf("%d bytes of the budget are not given back", n)
		}
		if s := db.Stats(); s.Views != 0 {
			t.Fatalf("%d views are left open: %v", s.Views, s.OldestView)
		}
	})
}

func TestNotTheProtocolIsToldSo(t *testing.T) {
	s := newServer(t, Options{})
	for _, c := range []struct{ in, want string }{
		{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "-ERR wrong number of arguments for 'get' command\r\n-ERR Protocol error: this port speaks the protocol of Redis, not HTTP\r\n"},
		{"POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n", "-ERR Protocol error: this port speaks the protocol of Redis, not HTTP\r\n"},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n", "-ERR unknown command '\x16\x03\x01\x02', with args beginning with: '\x01' '\x01\xfc' \r\n"},
	} {
		got := playSession(t, s.front, []byte(c.in))
		if !strings.HasPrefix(string(got), c.want) {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestShutdownFinishesWhatHasCome(t *testing.T) {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	must(t, err)
	defer db.Close()
	front, err := New(db, Options{})
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- front.Serve(t.Context(), l) }()
	idle, busy := dial(t, l.Addr().String()), dial(t, l.Addr().String())
	idle.want("+PONG", "PING")
	busy.want("+PONG", "PING")
	busy.send(bytes.Repeat(encode("INCR", "n"), 1000))
	busy.receive() // so that all of it may have come, and some of it has
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, front.Shutdown(ctx))
	if err := <-served; err != ErrClosed {
		t.Errorf("serve: %v, want ErrClosed", err)
	}
	if r, err := readReply(idle.r); err != io.EOF {
		t.Errorf("idle connection: %s, %v; want the end", r, err)
	}
	n := 1
	for {
		if _, err := readReply(busy.r); err != nil {
			break
		}
		n++
	}
	v, err := db.Get([]byte("n"))
	must(t, err)
	if got, _ := parseInt(v); int(got) != n {
		t.Errorf("%d answers, and the counter is %s", n, v)
	}
	if err := front.ServeConn(t.Context(), idle.nc); err != ErrClosed {
		t.Errorf("serve a connection after the end: %v", err)
	}
	if err := front.Serve(t.Context(), l); err != ErrClosed {
		t.Errorf("serve after the end: %v", err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s := newServer(t, Options{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.front.Serve(ctx, l) }()
	c := dial(t, l.Addr().String())
	c.want("+PONG", "PING")
	cancel(cause)
	if err := <-served; err != cause {
		t.Errorf("serve: %v, want %v", err, cause)
	}
	if r, err := readReply(c.r); err == nil {
		t.Errorf("the connection goes on: %s", r)
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	s := newServer(t, Options{})
	for _, o := range []Options{
		{Databases: -1},
		{Durability: 9},
		{Limits: Limits{Connections: -1}},
		{Limits: Limits{CommandBytes: maxCommandBytes + 1}},
		{Limits: Limits{IdleTimeout: -1}},
		{Limits: Limits{WriteTimeout: -1}},
	} {
		if _, err := New(s.db, o); !errors.Is(err, ErrInvalidOptions) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := New(s.db, Options{Keyspace: strings.Repeat("x", 300)}); !errors.Is(err, engine.ErrKeyspaceName) {
		t.Errorf("a long name: %v", err)
	}
}

func TestDatabasesAreKeyspaces(t *testing.T) {
	s := newServer(t, Options{Keyspace: "cache", Databases: 3})
	c := s.client()
	c.want("+OK", "SET", "k", "zero")
	c.want("+OK", "SELECT", "2")
	c.want("+OK", "SET", "k", "two")
	c.want("-"+string(errDBRange), "SELECT", "3")
	names, err := s.db.Keyspaces()
	must(t, err)
	if got := strings.Join(names, " "); got != "default cache cache.2" {
		t.Errorf("keyspaces: %s", got)
	}
	must(t, s.db.DropKeyspace("cache.2"))
	if got := c.do("GET", "k"); !strings.Contains(got, "dropped") {
		t.Errorf("of a keyspace that was dropped: %s", got)
	}
	c.want("nil", "GET", "k") // and now there is a new one
	c.want("+OK", "SET", "k", "again")
	c.want(`"again"`, "GET", "k")
}

// Whoever takes this port for that of middb's own protocol is told.
func TestClientsOfTheOtherProtocolAreTold(t *testing.T) {
	s := newServer(t, Options{})
	c := s.client()
	c.send(wire.AppendPreface(nil))
	if got := c.receive(); got != "-ERR Protocol error: this port speaks the protocol of Redis, and middb's own has another port" {
		t.Error(got)
	}
	if _, err := readReply(c.r); err != io.EOF {
		t.Errorf("%v, want the end", err)
	}
	c = s.client()
	c.want("-ERR unknown command 'MIDB', with args beginning with: ", "MIDB")
	c.send([]byte("MIDB\r\n"))
	c.receive()
	c.want("+PONG", "PING")
}
