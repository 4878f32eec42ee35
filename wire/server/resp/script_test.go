package resp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/middb/middb/engine"
)

// A script is run by several connections, which are made when they are first named.
//
//	run [conn=name] [pipe]   the lines are commands; with pipe they are sent at once; v3 makes it a connection of
//	                         version 3
//	raw [conn=name] [n=1]    the lines are sent as they are, with \r\n and the like escaped; n replies come, and
//	                         with closes the end of the connection
//	advance d                moves the clock
type script struct {
	dial  func() *client
	clock *testClock
	conns map[string]*client
}

func (s *script) conn(t *testing.T, d *datadriven.TestData) *client {
	name := "a"
	if d.HasArg("conn") {
		d.ScanArgs(t, "conn", &name)
	}
	c := s.conns[name]
	if c == nil {
		c = s.dial()
		s.conns[name] = c
		if d.HasArg("v3") {
			c.do("hello", "3") // the reply has the number of the connection
		}
	}
	return c
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "run":
		c := s.conn(t, d)
		c.t = t
		var out strings.Builder
		lines := strings.Split(d.Input, "\n")
		if d.HasArg("pipe") {
			var all []byte
			for _, l := range lines {
				all = append(all, encode(words(l)...)...)
			}
			c.send(all)
		}
		for _, l := range lines {
			if !d.HasArg("pipe") {
				c.send(encode(words(l)...))
			}
			fmt.Fprintln(&out, c.receive())
		}
		return out.String()
	case "raw":
		c := s.conn(t, d)
		c.t = t
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(d.Input, "\n", "") + `"`)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		c.send([]byte(text))
		n := 1
		if d.HasArg("n") {
			d.ScanArgs(t, "n", &n)
		}
		var out strings.Builder
		for range n {
			fmt.Fprintln(&out, c.receive())
		}
		if d.HasArg("closes") {
			if r, err := readReply(c.r); err != io.EOF {
				d.Fatalf(t, "%q, %v; want the end", r, err)
			}
		}
		return out.String()
	case "advance":
		step, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.clock.advance(step)
		return ""
	}
	d.Fatalf(t, "unknown command %q", d.Cmd)
	return ""
}

func TestScripts(t *testing.T) {
	for _, durability := range []string{"sync", "nosync"} {
		t.Run(durability, func(t *testing.T) {
			for _, dir := range []string{"testdata/redis", "testdata/middb"} {
				datadriven.Walk(t, dir, func(t *testing.T, path string) {
					server := newServerAt(t, optionsOf(path, durability))
					s := &script{dial: server.client, clock: server.clock, conns: map[string]*client{}}
					datadriven.RunTest(t, path, s.run)
				})
			}
		})
	}
}

// optionsOf returns the options that a script is run with: files named users* have some.
func optionsOf(path, durability string) Options {
	o := Options{Durability: engine.Sync}
	if durability == "nosync" {
		o.Durability = engine.NoSync
	}
	if strings.HasPrefix(filepath.Base(path), "users") {
		o.Authenticator = testUsers{}
	}
	return o
}

// testUsers are ada, who may do everything, and bob, who may read database 0 and write database 1.
type testUsers struct{}

func (testUsers) Open() bool                            { return false }
func (testUsers) Generation() uint64                    { return 1 }
func (testUsers) Refresh(id Identity) (Identity, error) { return id, nil }

func (testUsers) Authenticate(_ context.Context, _ net.Addr, user, password string) (Identity, error) {
	if (user == "ada" || user == "bob") && password == user+"pw" {
		return testUser(user), nil
	}
	return nil, errors.New("wrong user or password")
}

type testUser string

func (u testUser) Name() string { return string(u) }

func (u testUser) May(role Role, keyspace string) error {
	if u == "ada" || role == Read && keyspace == "default" || role <= Write && keyspace == "default.1" {
		return nil
	}
	return fmt.Errorf("user %s lacks the role %v on keyspace %s", u, role, keyspace)
}

// The scripts under testdata/redis do not say what we think that Redis does: Redis says the same.
func TestScriptsAgreeWithRedis(t *testing.T) {
	addr := startRedis(t)
	files, err := filepath.Glob("testdata/redis/*")
	must(t, err)
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			dial(t, addr).want("+OK", "FLUSHALL")
			s := &script{dial: func() *client { return dial(t, addr) }, conns: map[string]*client{}}
			datadriven.RunTest(t, path, s.run)
		})
	}
}

// What COMMAND INFO tells is what Redis does: how many arguments a command takes, where its keys are, and the flags that
// clients go by.
func TestCommandInfoAgreesWithRedis(t *testing.T) {
	theirs, ours := dial(t, startRedis(t)), newServer(t, Options{}).client()
	shown := regexp.MustCompile(`^\[\["\w+", (-?\d+), \[([^]]*)\], (-?\d+, -?\d+, -?\d+),`)
	tell := func(c *client, name string) string {
		m := shown.FindStringSubmatch(c.do("COMMAND", "INFO", name))
		if m == nil {
			t.Fatalf("COMMAND INFO %s is something else", name)
		}
		flags := slices.DeleteFunc(strings.Split(m[2], ", "), func(f string) bool {
			return !slices.Contains([]string{"+write", "+readonly", "+denyoom", "+fast"}, f)
		})
		slices.Sort(flags)
		return fmt.Sprint(m[1], flags, m[3])
	}
	for i := range table {
		if name := table[i].name; tell(ours, name) != tell(theirs, name) {
			t.Errorf("%s: %s, and Redis says %s", name, tell(ours, name), tell(theirs, name))
		}
	}
}

// startRedis starts a redis-server without persistence, and returns where it listens. Without the program the test is
// skipped.
func startRedis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	must(t, l.Close())
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", t.TempDir(), "--daemonize", "no")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	// It says so when it listens.
	var said strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(said.String(), "Ready to accept connections") {
		n, err := out.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			t.Fatalf("redis-server: %v\n%s", err, said.String())
		}
	}
	go func() { // so that it can go on writing
		for {
			if _, err := out.Read(buf); err != nil {
				return
			}
		}
	}()
	return addr
}
