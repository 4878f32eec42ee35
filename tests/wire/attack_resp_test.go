package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A command is one of RESP.
type command []string

func (c command) append(dst []byte) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(c))
	for _, w := range c {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(w), w)
	}
	return dst
}

// errTurnedAway is returned for a login that failed although it was right: many at a time are not served.
var errTurnedAway = errors.New("the login was refused")

// respDial opens a connection to the RESP port, logged in if wanted.
func (a *attack) respDial(login bool) (*net.TCPConn, error) {
	c, err := net.Dial("tcp", a.RESP)
	if err != nil {
		return nil, err
	}
	conn := c.(*net.TCPConn)
	if err = conn.SetDeadline(time.Now().Add(patience)); err == nil && login {
		_, err = conn.Write(command{"AUTH", a.Name, a.Password}.append(nil))
		var ok [5]byte
		if err == nil {
			_, err = io.ReadFull(conn, ok[:])
		}
		if err == nil && string(ok[:]) != "+OK\r\n" {
			err = errTurnedAway
		}
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// respSlow sends commands byte by byte. Before a login that does not go on for ever.
func (a *attack) respSlow() error {
	slow := command{"SET", "key", strings.Repeat("v", 40)}.append(nil)
	return a.each(100, func(i int) error {
		for ; !a.over(); i++ {
			conn, err := a.respDial(i%4 == 0)
			if errors.Is(err, errTurnedAway) {
				continue
			}
			if err != nil {
				return err
			}
			_ = a.trickle(conn, slow[:len(slow)-1], a.Limits.Login/time.Duration(4*len(slow)))
			if i%4 > 0 {
				_, err = closed(conn, a.Limits.Login+slack)
			}
			reset(conn)
			if err != nil {
				return err
			}
			a.done.Add(1)
		}
		return nil
	})
}

// respFalseLengths announces what never comes.
func (a *attack) respFalseLengths() error {
	lies := []string{
		"*1000000000\r\n", "*2147483647\r\n", "*1048576\r\n", "*-2147483648\r\n", "*9223372036854775808\r\n",
		"*2\r\n$3\r\nGET\r\n$536870912\r\n", "*2\r\n$3\r\nGET\r\n$99999999999999999999\r\n", "*2\r\n$3\r\nGET\r\n$-5\r\n", "*1\r\n$16777000\r\n",
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16000000\r\n", "*1\r\n*1\r\n*1\r\n", "*1\r\n:5\r\n", "*x\r\n", "$5\r\nhello\r\n", strings.Repeat("a", 1<<20),
		strings.Repeat("*1\r\n", 1<<18), "*" + strings.Repeat("1", 1<<16),
	}
	return a.each(100, func(i int) error {
		for ; !a.over(); i++ {
			conn, err := a.respDial(i%4 == 0)
			if errors.Is(err, errTurnedAway) {
				continue
			}
			if err != nil {
				return err
			}
			_, _ = conn.Write([]byte(lies[i%len(lies)])) // it may be closed before the end
			a.pause(50 * time.Millisecond)
			reset(conn)
			a.done.Add(1)
		}
		return nil
	})
}

// respNeverReading asks for much and reads nothing.
func (a *attack) respNeverReading() error {
	if err := a.putBig(); err != nil {
		return err
	}
	return a.each(16, func(i int) error {
		for ; !a.over(); i++ {
			conn, err := a.respDial(true)
			if errors.Is(err, errTurnedAway) {
				continue
			}
			if err != nil {
				return err
			}
			var ask []byte
			mget := command{"MGET"}
			for n := range bigValues {
				mget = append(mget, bigKey(n))
			}
			for range 128 {
				ask = mget.append(ask)
			}
			unread, began := 2*a.Limits.Write, time.Now()
			err = conn.SetWriteDeadline(began.Add(unread))
			_, _ = conn.Write(ask)
			time.Sleep(unread - time.Since(began))
			err = errors.Join(err, a.mostlyUnsent(conn, fmt.Sprintf("a client that had read nothing for %v", unread)))
			reset(conn)
			if err != nil {
				return err
			}
			a.done.Add(1)
		}
		return nil
	})
}

// respCommands are what random ones are made from.
var respCommands = []command{
	{"HELLO", "3"},
	{"PING"},
	{"ECHO", "hello"},
	{"GET", "k1"},
	{"SET", "k1", "v"},
	{"SET", "k2", "v", "EX", "100", "NX", "GET"},
	{"SET", "k3", "v", "PX", "1"},
	{"MGET", "k1", "k2", "k3"},
	{"MSET", "k1", "1", "k2", "2"},
	{"DEL", "k1", "k2"},
	{"EXISTS", "k1", "k1"},
	{"INCR", "n"},
	{"INCRBY", "n", "5"},
	{"DECRBY", "n", "9223372036854775807"},
	{"INCRBYFLOAT", "f", "1.5e300"},
	{"APPEND", "k1", "x"},
	{"STRLEN", "k1"},
	{"EXPIRE", "k1", "100"},
	{"PEXPIREAT", "k1", "1"},
	{"PERSIST", "k1"},
	{"TTL", "k1"},
	{"SCAN", "0", "MATCH", "k*", "COUNT", "10"},
	{"KEYS", "k[1-"},
	{"DBSIZE"},
	{"TYPE", "k1"},
	{"MULTI"},
	{"EXEC"},
	{"DISCARD"},
	{"WATCH", "k1"},
	{"UNWATCH"},
	{"CLIENT", "SETNAME", "x"},
	{"CLIENT", "LIST"},
	{"COMMAND", "DOCS", "get"},
	{"COMMAND"},
	{"INFO", "all"},
	{"CONFIG", "GET", "*"},
	{"SELECT", "1"},
	{"RESET"},
	{"GETRANGE", "k1", "-1", "99999999999"},
	{"SETRANGE", "k1", "536870911", "x"},
	{"NOSUCH", "x"},
	{"get"},
}

// respRandom sends commands that are nearly right.
func (a *attack) respRandom() error {
	const senders = 32
	return a.each(senders, func(i int) error {
		rng := a.random(i)
		for taken := 0; taken < a.Count/senders; {
			conn, err := a.respDial(true)
			if errors.Is(err, errTurnedAway) {
				continue
			}
			if err != nil {
				return err
			}
			n := respBabble(conn, rng, a.Count/senders-taken)
			taken += n
			a.done.Add(int64(n))
		}
		return nil
	})
}

// respBabble sends random commands as long as the server takes them, and returns how many it took: in between it has
// the server echo how many there were.
func respBabble(conn *net.TCPConn, rng *rand.Rand, most int) (taken int) {
	const mark = "mark:"
	var answers sync.WaitGroup
	answers.Go(func() {
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if n, ok := strings.CutPrefix(lines.Text(), mark); ok {
				taken, _ = strconv.Atoi(n)
			}
		}
	})
	for sent := 0; sent < most; {
		var b []byte
		for range 32 {
			b = appendRandomCommand(b, rng)
		}
		sent += 32
		if _, err := conn.Write(command{"ECHO", mark + strconv.Itoa(sent)}.append(b)); err != nil {
			break
		}
	}
	_ = conn.CloseWrite() // it may be closed
	answers.Wait()
	conn.Close()
	return max(taken, 1)
}

func appendRandomCommand(dst []byte, rng *rand.Rand) []byte {
	c := slices.Clone(respCommands[rng.IntN(len(respCommands))])
	start := len(dst)
	switch rng.IntN(6) {
	case 0: // other arguments
		for i := 1; i < len(c); i++ {
			other := respCommands[rng.IntN(len(respCommands))]
			c[i] = other[rng.IntN(len(other))]
		}
	case 1: // too many, or too few
		c = append(c, c[rng.IntN(len(c)):]...)
	case 2:
		c = c[:rng.IntN(len(c)+1)]
	case 3:
		c[rng.IntN(len(c))] = strconv.FormatInt(rng.Int64()-rng.Int64(), 10)
	default:
	}
	dst = c.append(dst)
	if rng.IntN(3000) == 0 { // what is no RESP ends the connection
		dst[start+rng.IntN(len(dst)-start)] = byte(rng.Uint32())
	}
	return dst
}

// respQueues queues much behind MULTI, and watches much, and leaves.
func (a *attack) respQueues() error {
	set := command{"SET", "queued", strings.Repeat("q", 10_000)}.append(nil)
	return a.each(16, func(i int) error {
		for ; !a.over(); i++ {
			conn, err := a.respDial(true)
			if errors.Is(err, errTurnedAway) {
				continue
			}
			if err != nil {
				return err
			}
			go io.Copy(io.Discard, conn)
			var b []byte
			for n := range 1000 {
				b = command{"WATCH", "watched/" + strconv.Itoa(n)}.append(b)
			}
			b = append(command{"MULTI"}.append(b), bytes.Repeat(set, 3000)...)
			_, _ = conn.Write(b) // it may be more than the server puts up with
			reset(conn)
			a.done.Add(1)
		}
		return nil
	})
}

// respOtherProtocols speaks anything but RESP. The connection is closed.
func (a *attack) respOtherProtocols() error {
	words := []string{
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n0123456789",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00\n", 100), "MIDB\x01\x00\x00\x00\x00\x00\x00\x10\x00\x00\x00\x01\x01\x00\x00\x00\n", "\x00\x00\x00\n\n\n\xff\xfe\n",
	}
	return a.each(16, func(i int) error {
		for ; !a.over(); i++ {
			conn, err := a.respDial(false)
			if err != nil {
				return err
			}
			_, _ = conn.Write([]byte(words[i%len(words)]))
			_ = conn.CloseWrite()
			said, err := closed(conn, slack)
			reset(conn)
			if err != nil {
				return err
			}
			if bytes.Contains(said, []byte("+OK")) {
				return fmt.Errorf("%q is answered by %q", words[i%len(words)], said)
			}
			a.done.Add(1)
		}
		return nil
	})
}

// respWrongPasswords guesses.
func (a *attack) respWrongPasswords() error {
	guess := command{"AUTH", "victim", "guess"}.append(nil)
	ask := command{"GET", "big/0"}.append(nil)
	return a.each(16, func(i int) error {
		for ; !a.over(); i++ {
			conn, err := a.respDial(false)
			if err != nil {
				return err
			}
			_, _ = conn.Write(append(bytes.Repeat(guess, 5), ask...))
			_ = conn.CloseWrite()
			said, err := closed(conn, patience)
			reset(conn)
			if err != nil {
				return err
			}
			for line := range bytes.Lines(said) {
				if line[0] != '-' {
					return fmt.Errorf("a wrong password is answered by %.200q", said)
				}
			}
			a.done.Add(1)
		}
		return nil
	})
}

// respPipelines sends commands without an end, and reads nothing.
func (a *attack) respPipelines() error {
	pings := bytes.Repeat(command{"ECHO", strings.Repeat("e", 1000)}.append(nil), 1000)
	return a.each(16, func(i int) error {
		for ; !a.over(); i++ {
			conn, err := a.respDial(true)
			if errors.Is(err, errTurnedAway) {
				continue
			}
			if err != nil {
				return err
			}
			err = conn.SetWriteDeadline(time.Now().Add(2*a.Limits.Write + slack))
			for err == nil && !a.over() {
				_, err = conn.Write(pings)
			}
			reset(conn)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return errors.New("a client that reads nothing is not cut off")
			}
			a.done.Add(1)
		}
		return nil
	})
}
