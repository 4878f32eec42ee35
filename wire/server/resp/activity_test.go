package resp

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestEveryCommandIsMeasuredOnce(t *testing.T) {
	s := newServer(t, Options{Info: func() []Section { return []Section{{"Extra", [][2]string{{"answer", "42"}}}} }})
	c := s.client()
	c.send(bytes.Join([][]byte{
		encode("SET", "a", "x"), encode("INCR", "a"), encode("GET", "a"), encode("GET"), encode("NOSUCH"),
		encode("MULTI"), encode("INCR", "a"), encode("GET", "a"), encode("EXEC"),
	}, nil))
	for range 9 {
		c.receive()
	}
	c.want(`"# Extra\r\nanswer:42\r\n"`, "INFO", "extra")
	c.want("+PONG", "PING") // what came before it was counted
	var got []string
	ran, failed := int64(0), int64(0)
	for _, o := range s.front.Activity().Operations {
		n := int64(o.Latency.Count())
		if n == 0 || o.Name == "ping" {
			continue
		}
		got = append(got, fmt.Sprintf("%s %d %d", o.Name, n, o.Errors))
		ran, failed = ran+n, failed+o.Errors
		if o.Latency.Sum <= 0 || o.Latency.Quantile(1) > int64(time.Minute) {
			t.Errorf("%s took %v", o.Name, time.Duration(o.Latency.Sum))
		}
	}
	if want := "unknown 1 1, get 3 1, incr 2 2, set 1 0, exec 1 0, multi 1 0, info 1 0"; strings.Join(got, ", ") != want {
		t.Errorf("measured %q, want %q", strings.Join(got, ", "), want)
	}
	if all := s.front.Stats(); all.Commands-1 != ran || all.FailedCommands != failed { // all but PING
		t.Errorf("%d commands, %d failed, and measured %d and %d", all.Commands, all.FailedCommands, ran, failed)
	}
}

func TestSlowRequestsAreLogged(t *testing.T) {
	var log bytes.Buffer
	s := newServer(t, Options{SlowRequest: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c := s.client()
	c.send(append(bytes.Repeat(encode("SET", "a", "x"), 3), encode("QUIT")...))
	for range 4 {
		c.receive()
	}
	if _, err := readReply(c.r); err != io.EOF {
		t.Fatal(err)
	}
	for _, want := range []string{"slow request", `request="3 set, quit"`, "took=", "remote=127.0.0.1:", "session=1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log.String())
		}
	}
}
