package resp

import (
	"net"
	"os/exec"
	"strings"
	"testing"

	"github.com/middb/middb/engine"
)

// runTool runs a program against a server and returns what it prints. Without the program the test is skipped.
func runTool(t *testing.T, s *testServer, input, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	host, port, err := net.SplitHostPort(s.addr)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), path, append([]string{"-h", host, "-p", port}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestRedisCli(t *testing.T) {
	s := newServer(t, Options{})
	for _, c := range []struct {
		input string
		args  []string
		want  []string // in what is printed
	}{
		{"SET a 1\nINCR a\nGET a\n", nil, []string{"OK\n2\n2\n"}},
		{"MULTI\nINCR a\nEXEC\n", []string{"--no-raw"}, []string{"1) (integer) 3\n"}},
		{"HELLO 3\nCONFIG GET save\n", []string{"-3", "--no-raw"}, []string{`"server" => "redis"`, `"save" => ""`}},
		{"", []string{"--scan"}, []string{"a\n"}},
		{"", []string{"--bigkeys"}, []string{"Biggest string found"}},
		{"", []string{"-x", "SET", "from-stdin"}, []string{"OK\n"}},
		{strings.Repeat("*3\r\n$3\r\nSET\r\n$2\r\npk\r\n$1\r\nv\r\n", 1000), []string{"--pipe"}, []string{"errors: 0, replies: 1000"}},
		{"", []string{"--user", "default", "--pass", "any", "--no-auth-warning", "DBSIZE"}, []string{"3\n"}},
		{"", []string{"INFO", "server"}, []string{"redis_version:" + redisVersion}},
		{"", []string{"-n", "5", "SET", "x", "y"}, []string{"OK\n"}},
		{"", []string{"COMMAND", "COUNT"}, []string{"5"}},
	} {
		got := runTool(t, s, c.input, "redis-cli", c.args...)
		for _, want := range c.want {
			if !strings.Contains(strings.ReplaceAll(got, "\r", ""), want) {
				t.Errorf("redis-cli %q, %q: %q, want %q", c.args, c.input, got, want)
			}
		}
	}
}

func TestRedisBenchmark(t *testing.T) {
	s := newServer(t, Options{Durability: engine.NoSync})
	for _, args := range [][]string{
		{"-t", "ping_inline,ping_mbulk,set,get,incr,mset"},
		{"-t", "set,get,incr", "-P", "16", "-r", "1000"},
		{"-3", "-t", "get,set"},
		{"-r", "100", "-P", "4", "set", "key:__rand_int__", "__rand_int__", "ex", "100"},
	} {
		out := runTool(t, s, "", "redis-benchmark", append([]string{"-n", "2000", "-c", "10", "--csv"}, args...)...)
		lower := strings.ToLower(out)
		if strings.Contains(lower, "error") || strings.Contains(lower, "warning") || strings.Count(out, "\n") < 2 {
			t.Errorf("redis-benchmark %q:\n%s", args, out)
		}
	}
	if n := s.front.Stats().FailedCommands; n != 0 {
		t.Errorf("%d commands failed", n)
	}
}
