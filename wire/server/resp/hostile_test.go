package resp

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// held returns the bytes of the heap that are reachable.
func held() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A client that asks for much and reads nothing is cut off, holds little until then, and delays nobody else.
func TestWhoDoesNotReadIsCutOff(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{WriteTimeout: 200 * time.Millisecond}})
	other := s.client()
	other.want("+OK", "SET", "big", strings.Repeat("v", 1<<20))
	before := held()
	for range 4 {
		nc, err := net.Dial("tcp", s.addr)
		must(t, err)
		defer nc.Close()
		nc.SetWriteDeadline(time.Now().Add(20 * time.Second))
		_, _ = nc.Write(bytes.Repeat(encode("GET", "big"), 1000)) // a gigabyte of replies
	}
	most := int64(0)
	for s.front.Stats().SlowClients < 4 {
		other.want("+PONG", "PING")
		most = max(most, held()-before)
	}
	if most > 64<<20 {
		t.Errorf("%d bytes were held for those who do not read", most)
	}
	for s.front.Stats().Connections > 1 {
		other.want("+PONG", "PING")
	}
}

// Many clients that begin great commands hold what all may share, and are refused beyond; then others go on.
func TestGreatCommandsShareTheirMemory(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{SharedBytes: 4 << 20}})
	begun := append(fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", 8<<20), bytes.Repeat([]byte("v"), 3<<20)...)
	refused := 0
	for range 8 {
		nc, err := net.Dial("tcp", s.addr)
		must(t, err)
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = nc.Write(begun)
	}
	c := s.client()
	for s.front.Stats().Connections > 2 { // one of them fits, and waits for the rest of its command
		c.want("+PONG", "PING")
		refused++
	}
	if used := s.front.Stats().SharedBytes; used > 4<<20 {
		t.Errorf("%d bytes are shared", used)
	}
	c.want("+OK", "SET", "k", strings.Repeat("v", 60_000))
}

func TestTooManyConnectionsAreRefused(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{Connections: 2}})
	a, b := s.client(), s.client()
	a.want("+PONG", "PING")
	b.want("+PONG", "PING")
	c := s.client()
	if got := c.receive(); got != "-"+string(errMaxClients) {
		t.Errorf("third connection: %s", got)
	}
	if r, err := readReply(c.r); err != io.EOF {
		t.Errorf("third connection: %s, %v; want the end", r, err)
	}
	b.do("QUIT")
	for s.front.Stats().Connections > 1 {
		a.want("+PONG", "PING")
	}
	s.client().want("+PONG", "PING")
	if n := s.front.Stats().Refused; n != 1 {
		t.Errorf("%d connections refused", n)
	}
}

func TestWhoDoesNotLogInIsCutOff(t *testing.T) {
	s := newServer(t, Options{Authenticator: testUsers{}, Limits: Limits{LoginTimeout: 50 * time.Millisecond}})
	slow := s.client()
	slow.send([]byte("*2\r\n$4\r\nAU"))
	if got := slow.receive(); got != "-ERR no login within 50ms" {
		t.Errorf("slow: %s", got)
	}
}

// A deadlineConn notes the deadline for reads.
type deadlineConn struct {
	net.Conn
	set chan time.Time
}

func (c *deadlineConn) SetReadDeadline(at time.Time) error {
	c.set <- at
	return c.Conn.SetReadDeadline(at)
}

func TestTheTimeToLogInEndsWithTheLogin(t *testing.T) {
	s := newServer(t, Options{Authenticator: testUsers{}})
	ours, theirs := net.Pipe()
	watched := &deadlineConn{theirs, make(chan time.Time, 10)}
	ended := make(chan error, 1)
	go func() { ended <- s.front.ServeConn(t.Context(), watched) }()
	if at := <-watched.set; time.Until(at) > 10*time.Second {
		t.Errorf("%v to log in", time.Until(at))
	}
	c := newClient(t, ours)
	c.want("+OK", "AUTH", "ada", "adapw")
	if at := <-watched.set; !at.IsZero() {
		t.Errorf("a deadline after the login: %v", at)
	}
	c.want("+RESET", "RESET")
	if at := <-watched.set; at.IsZero() {
		t.Error("no deadline after RESET")
	}
	ours.Close()
	<-ended
}

func TestIdleConnectionsEnd(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{IdleTimeout: 30 * time.Millisecond}})
	c := s.client()
	if r, err := readReply(c.r); err != io.EOF {
		t.Errorf("idle: %s, %v; want the end", r, err)
	}
}

func TestPeersNeedNoLogin(t *testing.T) {
	s := newServer(t, Options{Authenticator: testUsers{}, Peer: func(nc net.Conn) Identity {
		if nc.RemoteAddr() == nil {
			return nil
		}
		return testUser("bob")
	}})
	c := s.client()
	c.want("nil", "GET", "a")
	if got := c.do("SET", "a", "1"); !strings.HasPrefix(got, "-NOPERM") {
		t.Errorf("bob writes: %s", got)
	}
}

// What MULTI queues and WATCH notes has a limit, and a transaction's replies have one.
func TestTransactionsHaveLimits(t *testing.T) {
	s := newServer(t, Options{Limits: Limits{QueuedBytes: 10_000, ReplyBytes: 200_000}})
	c := s.client()
	c.want("+OK", "MULTI")
	c.want("+QUEUED", "SET", "a", strings.Repeat("x", 5000))
	c.want("-"+string(errQueueLarge), "SET", "b", strings.Repeat("x", 5000))
	c.want("-"+string(errExecAbort), "EXEC")
	c.want("nil", "GET", "a")
	watched := []string{"WATCH"}
	for i := range 400 {
		watched = append(watched, strconv.Itoa(i))
	}
	c.want("-"+string(errQueueLarge), watched...)

	big := strings.Repeat("v", 90_000)
	c.want("+OK", "SET", "big", big)
	c.do("MULTI")
	for range 3 {
		c.do("GET", "big")
	}
	c.do("INCR", "n")
	if got, want := c.do("EXEC"), fmt.Sprintf("[%q, %q, -%s, 1]", big, big, errReplyLarge); got != want {
		t.Errorf("EXEC with large replies: %d bytes, %.60s ... %s", len(got), got, got[max(0, len(got)-150):])
	}
	c.do("MULTI") // without a write the replies are sent as they are made
	for range 5 {
		c.do("GET", "big")
	}
	if got := c.do("EXEC"); len(got) != 5*(len(big)+2)+4*2+2 {
		t.Errorf("EXEC of reads: %d bytes", len(got))
	}
}

func TestGreatValuesPassThrough(t *testing.T) {
	s := newServer(t, Options{})
	c := s.client()
	big := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	c.want("+OK", "SET", "big", big)
	c.want("1048576", "STRLEN", "big")
	c.want(strconv.Quote(big), "GET", "big")
	c.want("["+strconv.Quote(big)+", nil, "+strconv.Quote(big)+"]", "MGET", "big", "none", "big")
	c.want("1048577", "APPEND", "big", "!")
	c.want(strconv.Quote(big+"!"), "GETDEL", "big")
	c.want("0", "EXISTS", "big")
	c.send([]byte("*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$17000000\r\n"))
	if got := c.receive(); got != "-ERR Protocol error: invalid bulk length" {
		t.Errorf("beyond the limit: %s", got)
	}
}

// A slow client sends a byte at a time; it gets its answer.
func TestSlowBytes(t *testing.T) {
	s := newServer(t, Options{})
	c := s.client()
	for _, b := range encode("SET", "slow", "value") {
		c.send([]byte{b})
	}
	if got := c.receive(); got != "+OK" {
		t.Errorf("SET: %s", got)
	}
}

func TestCommandsThatDoNotEndAreCutOff(t *testing.T) {
	const limit = 50 * time.Millisecond
	for _, begun := range []string{"*2\r\n$3\r\nGET\r\n$1000\r\nabc", "GET a", "*", string(encode("PING")) + "*1\r"} {
		s := newServer(t, Options{Limits: Limits{FrameTimeout: limit}})
		c := s.client()
		c.want("+PONG", "PING")
		c.send([]byte(begun))
		if strings.Contains(begun, "PING") {
			c.receive()
		}
		if got := c.receive(); got != "-ERR the rest of a command has not come within 50ms" {
			t.Errorf("%q: %s", begun, got)
		}
		if _, err := readReply(c.r); err != io.EOF {
			t.Errorf("%q: %v, want the end", begun, err)
		}
		if n := s.front.Stats().SlowClients; n != 1 {
			t.Errorf("%q: %d slow clients", begun, n)
		}
	}
}

// The time that a command may take is that of one, not of all that come without a break, and nobody has to send any.
func TestEveryCommandHasItsOwnTime(t *testing.T) {
	const limit = 200 * time.Millisecond
	s := newServer(t, Options{Limits: Limits{FrameTimeout: limit}})
	c := s.client()
	ping := encode("PING")
	tick := time.NewTicker(limit / 20)
	defer tick.Stop()
	c.send(ping[:5])
	for first := time.Now(); time.Since(first) < 3*limit; <-tick.C {
		c.send(append(bytes.Clone(ping[5:]), ping[:5]...))
		if got := c.receive(); got != "+PONG" {
			t.Fatal(got)
		}
	}
	c.send(ping[5:])
	c.receive()
	for first := time.Now(); time.Since(first) < 2*limit; <-tick.C {
	}
	c.want("+PONG", "PING")
}
