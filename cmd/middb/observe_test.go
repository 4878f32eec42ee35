package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// fetch returns what an HTTP server answers.
func fetch(t *testing.T, url string) (status int, body string) {
	t.Helper()
	reply, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

func TestServerShowsWhatItDoes(t *testing.T) {
	s := startServer(t, t.TempDir(), "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--pprof", "127.0.0.1:0")
	c := mustOpen(t, "middb://"+s.at["bind"])
	if err := c.Put(t.Context(), []byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	for _, probe := range []string{"/livez", "/readyz"} {
		if status, body := fetch(t, "http://"+s.at["metrics"]+probe); status != http.StatusOK {
			t.Errorf("%s: %d %s", probe, status, body)
		}
	}
	_, shown := fetch(t, "http://"+s.at["metrics"]+"/metrics")
	for _, want := range []string{
		`middb_operation_duration_seconds_count{operation="put",protocol="middb"} 1`,
		`middb_connections_open{protocol="middb"} `,
		`middb_connections_open{protocol="resp"} 0`,
		`middb_actor_mailbox_depth{actor="log writer"}`,
		"middb_durable_sequence_number 1\n",
	} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s is missing in /metrics", want)
		}
	}
	if status, body := fetch(t, "http://"+s.at["pprof"]+"/debug/pprof/goroutine?debug=1"); status != http.StatusOK || !strings.Contains(body, "wire/server") {
		t.Errorf("/debug/pprof/goroutine: %d", status)
	}
	s.stop()
	if _, err := http.Get("http://" + s.at["metrics"] + "/livez"); err == nil {
		t.Error("a server that has stopped is alive")
	}
}

// What is set for requests holds for those of Redis' protocol, and what they do is shown where the others are.
func TestServerShowsWhatClientsOfRedisDo(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--slow-request", "1ns", "--frame-timeout", "100ms")
	rc, err := net.Dial("tcp", s.at["resp"])
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if got := redis(t, rc, "APPEND a 1"); got != ":1" {
		t.Errorf("APPEND: %s", got)
	}
	s.await(`msg="slow request" request=append`)
	redis(t, rc, "PING") // so that what came before it is counted
	if _, shown := fetch(t, "http://"+s.at["metrics"]+"/metrics"); !strings.Contains(shown, `middb_operation_duration_seconds_count{operation="append",protocol="resp"} 1`) {
		t.Error("APPEND is missing in /metrics")
	}
	view := must(t, dir, "", "top", "--server", s.at["bind"], "-n", "1")
	for _, want := range []string{"\nresp append ", "connections 2, "} {
		if !strings.Contains(view, want) {
			t.Errorf("there is no %q in\n%s", want, view)
		}
	}
	if _, err := io.WriteString(rc, "*2\r\n$3\r\nGET\r\n$1000\r\nabc"); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(rc); err != nil || string(said) != "-ERR the rest of a command has not come within 100ms\r\n" {
		t.Errorf("a command without end: %q, %v", said, err)
	}
	s.stop()
}
