package resp

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A client speaks RESP for the tests. Its replies are text: "str" a bulk string, +str a simple one, -ERR an error, 12 an
// integer, nil, [a, b] an array, {k: v} a map, ~[a] a set, =text a text.
type client struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	return &client{t, nc, bufio.NewReader(nc)}
}

// encode returns a command as an array of bulk strings.
func encode(args ...string) []byte {
	out := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		out = fmt.Appendf(out, "$%d\r\n%s\r\n", len(a), a)
	}
	return out
}

func (c *client) send(b []byte) {
	c.t.Helper()
	c.nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// do runs a command.
func (c *client) do(args ...string) string {
	c.t.Helper()
	c.send(encode(args...))
	return c.receive()
}

// want runs a command and fails the test if the reply is another one.
func (c *client) want(reply string, args ...string) {
	c.t.Helper()
	if got := c.do(args...); got != reply {
		c.t.Fatalf("%q: %s, want %s", args, got, reply)
	}
}

// words splits a line as redis-cli does.
func words(line string) []string {
	args, ok := splitWords(nil, []byte(line))
	if !ok {
		panic("unbalanced quotes: " + line)
	}
	var out []string
	for _, a := range args {
		out = append(out, string(a))
	}
	return out
}

func (c *client) receive() string {
	c.t.Helper()
	s, err := readReply(c.r)
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return s
}

// readReply reads one reply and returns its text.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(line, "\r\n") || len(line) < 3 {
		return "", fmt.Errorf("bad line %q", line)
	}
	kind, rest := line[0], line[1:len(line)-2]
	n, numErr := strconv.Atoi(rest)
	switch kind {
	case '+', '-':
		return line[:len(line)-2], nil
	case ':':
		return rest, numErr
	case '_':
		return "nil", nil
	}
	if numErr != nil {
		return "", fmt.Errorf("bad line %q", line)
	}
	if n < 0 {
		return "nil", nil
	}
	switch kind {
	case '$', '=':
		b := make([]byte, n+2)
		if _, err := io.ReadFull(r, b); err != nil {
			return "", err
		}
		if !bytes.HasSuffix(b, []byte("\r\n")) {
			return "", fmt.Errorf("no CRLF behind %q", b)
		}
		if kind == '=' {
			return "=" + string(b[4:n]), nil
		}
		return strconv.Quote(string(b[:n])), nil
	case '*', '~', '%':
		return readMany(r, kind, n)
	}
	return "", fmt.Errorf("unknown reply %q", line)
}

func readMany(r *bufio.Reader, kind byte, n int) (string, error) {
	var parts []string
	for range n {
		s, err := readReply(r)
		if err != nil {
			return "", err
		}
		if kind == '%' {
			v, err := readReply(r)
			if err != nil {
				return "", err
			}
			s += ": " + v
		}
		parts = append(parts, s)
	}
	all := strings.Join(parts, ", ")
	switch kind {
	case '%':
		return "{" + all + "}", nil
	case '~':
		return "~[" + all + "]", nil
	}
	return "[" + all + "]", nil
}
