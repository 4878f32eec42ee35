package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire/server"
	"github.com/middb/middb/wire/server/users"
)

// TestTranscriptsOverTheNetwork runs the transcripts of what servers can do, too, with a server on the directory:
// the same commands give the same answers. What is for the directory itself finds it closed.
func TestTranscriptsOverTheNetwork(t *testing.T) {
	for _, name := range []string{"local", "transactions", "watch"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			running := map[string]string{} // addresses by directory
			var stops []func()
			stop := func() {
				for _, s := range stops {
					s()
				}
				stops, running = nil, map[string]string{}
			}
			defer stop()
			play(t, filepath.Join("testdata", name), dir, func(args []string) []string {
				on, rest := onServer(args)
				if on == "" {
					stop()
					return args
				}
				if running[on] == "" {
					db, err := engine.Spawn(engine.Config{Dir: filepath.Join(dir, on)})
					if err != nil {
						t.Fatal(err)
					}
					s := serve(t, db, "127.0.0.1:0", server.Options{})
					running[on] = s.address
					stops = append(stops, s.stop, func() { db.Close() })
				}
				return append(rest, "--server", running[on])
			})
		})
	}
}

// onServer returns the directory of a command line that a server can do as well, and the rest of the line for that.
func onServer(args []string) (dir string, rest []string) {
	for i, arg := range args {
		switch {
		case i > 0 && args[i-1] == "--data-dir" || args[0] == "local" && i == 1 && arg != "--data-dir":
			if dir != "" {
				return "", nil
			}
			dir = arg
		case arg == "--data-dir":
		default:
			rest = append(rest, arg)
		}
	}
	switch {
	case args[0] == "local" && len(rest) > 1 && !strings.HasPrefix(rest[1], "-"): // a mistake
		return "", nil
	case dir != "db" && dir != "new", !slices.Contains([]string{"local", "put", "get", "delete", "scan", "compact", "flush"}, args[0]):
		return "", nil
	case args[0] == "local":
		rest[0] = "client"
	}
	return dir, rest
}

// TestAShellGoesOnAfterItsServerWasReplaced loses the connection, and a transaction with it.
func TestAShellGoesOnAfterItsServerWasReplaced(t *testing.T) {
	db := spawnMem(t)
	s := serve(t, db, "127.0.0.1:0", server.Options{})
	cmd := command(t.TempDir(), "client", "--server", s.address)
	errs := &strings.Builder{}
	cmd.Stderr = errs
	in, out := start(t, cmd)
	lines := bufio.NewReader(out)
	says := func(command, want string) {
		t.Helper()
		fmt.Fprintln(in, command)
		if line, err := lines.ReadString('\n'); line != want+"\n" {
			t.Fatalf("%s: got %q, %v, want %q; %s", command, line, err, want, errs)
		}
	}
	says("put a 1", "OK")
	says("begin", "OK")
	says("put a 2", "OK")
	s.stop()
	fmt.Fprintln(in, "put a 3") // lost, with the transaction
	fmt.Fprintln(in, "get a")   // still in it
	fmt.Fprintln(in, "commit")  // of the script: refuses
	fmt.Fprintln(in, "put b 1") // nobody is there
	says("help ping", "ping      print how long the server takes to answer")
	s = serve(t, db, s.address, server.Options{})
	says("get a", "1")
	says("get b", "(nil)")
	in.Close()
	if err := cmd.Wait(); err == nil {
		t.Error("the script has not failed")
	}
	s.stop()
	for i, want := range []string{
		"line 4: put: the transaction was lost with its connection to " + s.address + ": ",
		"line 5: the transaction was lost with its connection to " + s.address + ": ",
		"line 6: nothing of this transaction was committed, because a line of it was wrong",
		"line 7: cannot connect to " + s.address + ": connect: connection refused",
	} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("error %d is missing: %s\nin\n%s", i, want, errs)
		}
	}
}

func TestClientsThatCannotConnect(t *testing.T) {
	dir := t.TempDir()
	db := spawnMem(t)
	s := serve(t, db, "127.0.0.1:0", server.Options{})
	defer s.stop()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"client", "--server", "127.0.0.1:1", "-c", "ping"}, exitOpen, "cannot connect to 127.0.0.1:1: connect: connection refused\n  check the address"},
		{[]string{"get", "--server", "127.0.0.1:1", "a"}, exitOpen, "cannot connect to 127.0.0.1:1"},
		{[]string{"client", "--server", "./no.sock"}, exitOpen, "no.sock: connect: no such file"},
		{[]string{"client", "--server", "http://h"}, exitOpen, "the URL's scheme"},
		{[]string{"client", "--server", "h:port"}, exitOpen, "the URL's port: it is no number"},
		{[]string{"client", "--server", s.address, "--tls", "verify-full"}, exitOpen, "the server may not use TLS"},
		{[]string{"client", "--server", s.address, "--data-dir", "db"}, exitUsage, "--data-dir is for a database that no server has open"},
		{[]string{"client", "--server", "middb://ada@h", "--user", "bob"}, exitUsage, "two users"},
		{[]string{"client", "--durability", "never"}, exitUsage, "it is sync or nosync"},
		{[]string{"client", "db"}, exitUsage, `"db" is too much: it takes no words; name the server with --server, and a command with -c`},
		{[]string{"top", "h:1"}, exitUsage, `"h:1" is too much: it takes no words; name the server with --server`},
		{[]string{"server", "d"}, exitUsage, `"d" is too much: it takes no words; name the directory with --data-dir`},
		{[]string{"user", "list", "x"}, exitUsage, `"x" is too much: it takes no words` + "\n"},
		{[]string{"scan", "--limit", "many"}, exitUsage, "invalid syntax\nSee"},
		{[]string{"client", "--server", s.address, "--user", "ada", "--password-stdin"}, exitFailed, "standard input has no password"},
		{[]string{"scan", "--server", s.address, "db"}, exitUsage, `"db" is too much`},
		{[]string{"put", "--user", "ada", "a", "1"}, exitUsage, "--user, --password-stdin and the flags for TLS are for a server"},
		{[]string{"get", "--data-dir", "db", "--tls", "require", "a"}, exitUsage, "the flags for TLS are for a server"},
		{[]string{"user", "list", "--data-dir", "db", "--user", "ada"}, exitUsage, "are for a server; name it with --server"},
		{[]string{"get", "--server", s.address, "--keyspace", "none", "a"}, exitFailed, "there is no such keyspace"},
	} {
		_, errs, code := middb(t, dir, "", c.args...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("middb %q: exit code %d, %s; want %d and %q", c.args, code, errs, c.code, c.says)
		}
	}
	if out := must(t, dir, "put a 1\nget a\n", "client", "--server", "middb://"+s.address+"/new", "--durability", "nosync"); out != "OK\n1\n" {
		t.Errorf("got %q", out)
	}
	if out := must(t, dir, "", "get", "--server", "middb://"+s.address+"/new", "a"); out != "1\n" {
		t.Errorf("got %q", out)
	}
	if out := must(t, dir, "", "client", "--server", s.address, "-c", "ping"); !strings.HasSuffix(out, "s\n") {
		t.Errorf("got %q", out)
	}
	for _, name := range []string{"stats", "levels"} {
		if out := must(t, dir, "", name, "--server", s.address); !strings.Contains(out, "\t") {
			t.Errorf("%s prints %q", name, out)
		}
	}
}

func TestURLsOfFlags(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote    remote
		url, show string
	}{
		{remote{server: "h:1"}, "middb://h:1", "h:1"},
		{remote{server: "h:1,[::1]:2", user: "a b"}, "middb://a%20b@h:1,[::1]:2", "h:1,[::1]:2"},
		{remote{server: "h:1", user: "a:b@c/d"}, "middb://a%3Ab%40c%2Fd@h:1", "h:1"},
		{remote{server: "/run/a b"}, "unix:///run/a%20b", "/run/a b"},
		{remote{server: "./s", user: "ada"}, "unix://ada@" + wd + "/s", "./s"},
		{remote{server: "middb://ada:x@h:1/ks?pool=2", params: []*param{{"tls", "require"}, {"ca", ""}}}, "middb://ada:x@h:1/ks?pool=2&tls=require", "h:1/ks"},
		{remote{server: "middb://h?ca=a@b"}, "middb://h?ca=a@b", "h"},
		{remote{server: "h", params: []*param{{"ca", "a&b"}}}, "middb://h?ca=a%26b", "h"},
	} {
		if got, err := c.remote.url(); got != c.url || err != nil {
			t.Errorf("%+v: %s, %v, want %s", c.remote, got, err, c.url)
		}
		if got := c.remote.String(); got != c.show {
			t.Errorf("%+v is shown as %s, want %s", c.remote, got, c.show)
		}
	}
}

// withLogin serves a database with the users ada and ada:eu, whose password is s3cret.
func withLogin(t *testing.T) *serving {
	t.Helper()
	db := spawnMem(t)
	store, err := users.Open(db)
	if err == nil {
		err = store.Add(t.Context(), "ada:eu", "s3cret", []users.Grant{{Keyspace: users.All, Role: users.Admin}})
	}
	if err == nil {
		err = store.Add(t.Context(), "ada", "s3cret", []users.Grant{{Keyspace: users.All, Role: users.Admin}})
	}
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, db, "127.0.0.1:0", server.Options{Users: store})
	t.Cleanup(s.stop)
	return s
}

func TestPasswordsComeFromWhereTheyAreSaid(t *testing.T) {
	s := withLogin(t)
	dir := t.TempDir()
	for _, c := range []struct {
		name  string
		env   string
		stdin string
		args  []string
		code  int
		says  string // of standard output and standard error
	}{
		{"standard input", "", "s3cret\nput a 1\nget a\n", []string{"client", "--user", "ada", "--password-stdin"}, 0, "OK\n1\n"},
		{"with a line end of another system", "", "s3cret\r\n", []string{"get", "--user", "ada", "--password-stdin", "a"}, 0, "1\n"},
		{"the environment", "s3cret", "get a\n", []string{"client", "--user", "ada"}, 0, "1\n"},
		{"standard input before the environment", "wrong", "s3cret\n", []string{"get", "--user", "ada", "--password-stdin", "a"}, 0, "1\n"},
		{"of a user with a colon", "s3cret", "", []string{"get", "--user", "ada:eu", "a"}, 0, "1\n"},
		{"none", "", "", []string{"get", "--user", "ada", "a"}, exitOpen, "user ada has no password here\n  --user names who logs in; MIDDB_PASSWORD has the password"},
		{"no user", "s3cret", "", []string{"get", "a"}, exitOpen, "requires a login, and the URL names no user\n  --user names who logs in;"},
		{"a wrong one", "wr0ng", "", []string{"get", "--user", "ada", "a"}, exitOpen, "the user or the password is wrong"},
	} {
		cmd := command(dir, append(c.args, "--server", s.address)...)
		cmd.Env = append(cmd.Env, "MIDDB_PASSWORD="+c.env)
		cmd.Stdin = strings.NewReader(c.stdin)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: exit code %d, %s; want %d, %q", c.name, code, out, c.code, c.says)
		}
		if strings.Contains(string(out), "s3cret") || strings.Contains(string(out), "wr0ng") {
			t.Errorf("%s: the password is shown: %s", c.name, out)
		}
	}
	out := must(t, dir, "", "get", "--server", "middb://ada:s3cret@"+s.address, "a")
	if out != "1\n" {
		t.Errorf("from the URL: %q", out)
	}
}

func TestTopPrintsViewsIntoAPipe(t *testing.T) {
	dir := t.TempDir()
	s := serve(t, spawnMem(t), "127.0.0.1:0", server.Options{})
	must(t, dir, "", "put", "--server", s.address, "a", "1")
	out := must(t, dir, "", "top", "--server", s.address, "--count", "2", "--interval", "1ms")
	if strings.Count(out, s.address) != 2 || !strings.Contains(out, "put") || strings.Contains(out, "\x1b") {
		t.Errorf("it prints\n%s", out)
	}
	s.stop()
	for _, args := range [][]string{{"--interval", "0s"}, {"--count", "-1"}} {
		if _, errs, code := middb(t, dir, "", append([]string{"top"}, args...)...); code != exitUsage || !strings.Contains(errs, args[0]) {
			t.Errorf("%q: exit code %d, %s", args, code, errs)
		}
	}
	if _, errs, code := middb(t, dir, "", "top", "--server", s.address); code != exitOpen || !strings.Contains(errs, "cannot connect") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// Who has one role, or one keyspace, works there; what takes more is refused by name, and nothing else is.
func TestUsersNeedNoMoreThanWhatTheyDo(t *testing.T) {
	db := spawnMem(t)
	store, err := users.Open(db)
	for name, grant := range map[string]users.Grant{
		"ada":    {Keyspace: users.All, Role: users.Admin},
		"reader": {Keyspace: users.All, Role: users.Read},
		"shop":   {Keyspace: "orders", Role: users.Write},
		"guest":  {Keyspace: "orders", Role: users.Read},
	} {
		if err == nil {
			err = store.Add(t.Context(), name, "pw", []users.Grant{grant}, users.Force)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, db, "127.0.0.1:0", server.Options{Users: store})
	defer s.stop()
	denied := func(user, role, keyspace string) string {
		return "user " + user + " needs the role " + role + " in keyspace " + keyspace
	}
	inAll := func(user string) string { return "user " + user + " needs the role admin in all keyspaces" }
	for _, c := range []struct {
		user  string
		args  []string // before --server and --user
		stdin string
		code  int
		says  string
	}{
		// The keyspace of shop is made by the first write to it.
		{"guest", []string{"get", "--keyspace", "orders", "o"}, "", exitFailed, "there is no such keyspace"},
		{"guest", []string{"client", "--keyspace", "orders", "-c", "get o"}, "", exitFailed, "there is no such keyspace; to make it " + denied("guest", "write", "orders")},
		{"shop", []string{"put", "--keyspace", "orders", "o", "1"}, "", 0, "OK"},
		{"ada", []string{"put", "a", "2"}, "", 0, "OK"},

		{"shop", []string{"get", "--keyspace", "orders", "o"}, "", 0, "1"},
		{"shop", []string{"scan", "--keyspace", "orders"}, "", 0, "o\t1"},
		{"shop", []string{"client", "--keyspace", "orders", "-c", "get o"}, "", 0, "1"},
		{"shop", []string{"client", "-c", "use orders", "-c", "incr n", "-c", "count n"}, "", 0, "1"},
		{"shop", []string{"client"}, "keyspaces\nuse orders\nput p 3\nbegin\nput p 4\ncommit\nget p\n", 0, "orders\nOK\nOK\nOK\nOK\nOK\n4\n"},
		{"shop", []string{"stats"}, "", 0, "last_seq"},
		{"shop", []string{"levels"}, "", 0, "tombstones"},
		{"shop", []string{"client", "-c", "stats"}, "", 0, "last_seq"},
		{"shop", []string{"client", "-c", "ping"}, "", 0, "s\n"},
		{"shop", []string{"get", "a"}, "", exitFailed, denied("shop", "read", "default")},
		{"shop", []string{"client", "-c", "put a 1"}, "", exitFailed, denied("shop", "write", "default") + "\n  an admin can grant it with middb user grant; --keyspace, or use in the shell,"},
		{"shop", []string{"client", "-c", "use stock"}, "", exitFailed, denied("shop", "read", "stock")},
		{"shop", []string{"delete", "--keyspace", "orders", "p"}, "", 0, "OK"},
		{"shop", []string{"flush"}, "", exitFailed, inAll("shop")},
		{"shop", []string{"compact"}, "", exitFailed, inAll("shop")},

		{"guest", []string{"get", "--keyspace", "orders", "o"}, "", 0, "1"},
		{"guest", []string{"put", "--keyspace", "orders", "o", "2"}, "", exitFailed, denied("guest", "write", "orders")},

		{"reader", []string{"get", "a"}, "", 0, "2"},
		{"reader", []string{"scan"}, "", 0, "a\t2"},
		{"reader", []string{"get", "--keyspace", "orders", "o"}, "", 0, "1"},
		{"reader", []string{"client", "--keyspace", "orders", "-c", "scan"}, "", 0, "o\t1"},
		{"reader", []string{"client"}, "use orders\nget o\nuse default\nget a\nstats\n", 0, "OK\n1\nOK\n2\nlast_seq"},
		{"reader", []string{"put", "a", "1"}, "", exitFailed, denied("reader", "write", "default")},
		{"reader", []string{"client", "-c", "use new"}, "", exitFailed, "there is no such keyspace; to make it " + denied("reader", "write", "new")},
		{"reader", []string{"stats"}, "", 0, "last_seq"},
		{"reader", []string{"client", "-c", "sessions"}, "", exitFailed, inAll("reader")},
		{"reader", []string{"client", "-c", "kill 1"}, "", exitFailed, inAll("reader")},
		{"reader", []string{"flush"}, "", exitFailed, inAll("reader")},
	} {
		cmd := command(t.TempDir(), append(c.args, "--server", s.address, "--user", c.user)...)
		cmd.Env = append(cmd.Env, "MIDDB_PASSWORD=pw")
		cmd.Stdin = strings.NewReader(c.stdin)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %q: exit code %d, %s; want %d, %q", c.user, c.args, code, out, c.code, c.says)
		}
	}
}

func TestAnAdminSeesAndEndsSessions(t *testing.T) {
	s := withLogin(t)
	victim := middbAs(t, s, "client")
	var errs strings.Builder
	victim.Stderr = &errs
	in, out := start(t, victim)
	fmt.Fprintln(in, "begin")
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "OK\n" {
		t.Fatal(line, err)
	}
	list, err := middbAs(t, s, "client", "-c", "sessions").Output()
	lines := strings.Split(strings.TrimSpace(string(list)), "\n")
	if err != nil || len(lines) != 3 || !strings.HasPrefix(lines[0], "session\tuser\tremote") {
		t.Fatalf("%s, %v", list, err)
	}
	cells := strings.Split(lines[1], "\t")
	if cells[1] != "ada" || !strings.HasPrefix(cells[3], "middb ") || cells[7] != "1" {
		t.Errorf("%q", cells)
	}
	kill := "kill " + cells[0]
	if text, err := middbAs(t, s, "client", "-c", kill).CombinedOutput(); err != nil || string(text) != "OK\n" {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := middbAs(t, s, "client", "-c", kill).CombinedOutput(); err == nil || !strings.Contains(string(text), "there is no session "+cells[0]) {
		t.Errorf("once more: %s, %v", text, err)
	}
	fmt.Fprintln(in, "commit")
	in.Close()
	if err := victim.Wait(); err == nil || !strings.Contains(errs.String(), "an admin has ended the session") {
		t.Errorf("%v, %s", err, errs.String())
	}
}

// middbAs returns a run of the program as ada of withLogin.
func middbAs(t *testing.T, s *serving, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(t.TempDir(), append(args, "--server", s.address, "--user", "ada")...)
	cmd.Env = append(cmd.Env, "MIDDB_PASSWORD=s3cret")
	return cmd
}
