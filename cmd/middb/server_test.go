package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// A served is a run of middb server.
type served struct {
	t     *testing.T
	dir   string
	cmd   *exec.Cmd
	lines chan string       // of standard error
	at    map[string]string // addresses by setting
	seen  []string
}

// startServer starts a server of the database db in dir and waits until it listens.
func startServer(t *testing.T, dir string, args ...string) *served {
	t.Helper()
	s := &served{t: t, dir: dir, cmd: command(dir, append([]string{"server", "--data-dir", "db"}, args...)...), at: map[string]string{}}
	return s.start()
}

func (s *served) start() *served {
	s.t.Helper()
	if s.cmd.Env == nil {
		s.cmd.Env = os.Environ()
	}
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.lines = make(chan string, 1000)
	go func() {
		defer close(s.lines)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			s.lines <- lines.Text()
		}
	}()
	s.t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	line := s.await("middb: listening on ")
	for _, l := range strings.Split(strings.TrimPrefix(line, "middb: listening on "), ", ") {
		setting, address, _ := strings.Cut(l, " ")
		s.at[setting] = address
	}
	return s
}

// await waits until the server says something, and returns the line.
func (s *served) await(text string) string {
	s.t.Helper()
	for line := range s.lines {
		s.seen = append(s.seen, line)
		if strings.Contains(line, text) {
			return line
		}
	}
	s.t.Fatalf("the server did not say %q, but\n%s", text, strings.Join(s.seen, "\n"))
	return ""
}

// wait waits until the server has ended and returns its exit code.
func (s *served) wait() int {
	s.t.Helper()
	for line := range s.lines {
		s.seen = append(s.seen, line)
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

func (s *served) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// stop stops the server as systemd does.
func (s *served) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		s.t.Fatalf("exit code %d\n%s", code, strings.Join(s.seen, "\n"))
	}
}

// open connects to a server by a URL without the place, such as "middb://ada:pw@?tls=…".
func open(t *testing.T, url string) (*client.Client, error) {
	t.Helper()
	c, err := client.Open(t.Context(), url, client.Options{Attempts: 1})
	if err == nil {
		t.Cleanup(func() { c.Close() })
		_, err = c.Ping(t.Context())
	}
	return c, err
}

func mustOpen(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := open(t, url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// addUser adds a user to the database db in dir, whose password is pw.
func addUser(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	must(t, dir, "pw\n", append([]string{"user", "add", name, "--data-dir", "db", "--password-stdin"}, args...)...)
}

// redis sends a line to the RESP server and returns the first line of the answer.
func redis(t *testing.T, c net.Conn, line string) string {
	t.Helper()
	if _, err := fmt.Fprintf(c, "%s\r\n", line); err != nil {
		t.Fatal(err)
	}
	out, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

func TestServerServesUntilItIsTold(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, dir, "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--ready-file", "ready.json")
	c := mustOpen(t, "middb://"+s.at["bind"])
	if err := c.Put(t.Context(), []byte("a"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	rc, err := net.Dial("tcp", s.at["resp"])
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if got := redis(t, rc, "APPEND a 2"); got != ":2" {
		t.Errorf("APPEND: %s", got)
	}
	var ready struct {
		PID        int
		TLS        bool
		Bind, RESP string
	}
	text, err := os.ReadFile(filepath.Join(dir, "ready.json"))
	if err == nil {
		err = json.Unmarshal(text, &ready)
	}
	if err != nil || ready.PID != s.cmd.Process.Pid || ready.TLS || ready.Bind != s.at["bind"] || ready.RESP != s.at["resp"] {
		t.Errorf("ready: %s, %v", text, err)
	}
	_, errs, code := middb(t, dir, "", "server", "--data-dir", "db", "--bind", "127.0.0.1:0")
	if code != exitOpen || !strings.Contains(errs, fmt.Sprintf("pid %d", s.cmd.Process.Pid)) {
		t.Errorf("a second server: exit code %d, %s", code, errs)
	}
	s.stop()
	if _, err := os.Stat(filepath.Join(dir, "ready.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the ready file is left: %v", err)
	}
	if got := must(t, dir, "", "get", "--data-dir", "db", "a"); got != "12\n" {
		t.Errorf("a is %q", got)
	}
}

func TestServerStopsWhenStandardInputEnds(t *testing.T) {
	s := &served{t: t, cmd: command(t.TempDir(), "server", "--data-dir", "db", "--bind", "off", "--unix", "s", "--stdin-eof"), at: map[string]string{}}
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.start()
	in.Close()
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, strings.Join(s.seen, "\n"))
	}
}

func TestServerWithUsersAsksForThem(t *testing.T) {
	dir := t.TempDir()
	addUser(t, dir, "root", "--role", "admin")
	addUser(t, dir, "app", "--role", "write", "--keyspace", "orders")
	s := startServer(t, dir, "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0")
	if _, err := open(t, "middb://"+s.at["bind"]); !errors.Is(err, wire.ErrAuthRequired) {
		t.Errorf("without a user: %v", err)
	}
	for _, who := range []string{"root:wrong", "eve:pw"} {
		if _, err := open(t, "middb://"+who+"@"+s.at["bind"]); !errors.Is(err, wire.ErrAuthFailed) {
			t.Errorf("%s: %v", who, err)
		}
	}
	ctx := t.Context()
	root := mustOpen(t, "middb://root:pw@"+s.at["bind"])
	orders, err := root.Keyspace(ctx, "orders", client.KeyspaceOptions{})
	if err == nil {
		err = orders.Put(ctx, []byte("a"), []byte("1"))
	}
	if err != nil {
		t.Fatal(err)
	}
	app := mustOpen(t, "middb://app:pw@"+s.at["bind"]+"/orders")
	if err := app.Put(ctx, []byte("b"), []byte("2")); err != nil {
		t.Error(err)
	}
	if err := mustOpen(t, "middb://app:pw@"+s.at["bind"]).Put(ctx, []byte("b"), []byte("2")); !errors.Is(err, wire.ErrPermissionDenied) {
		t.Errorf("app writes elsewhere: %v", err)
	}
	// What an admin changes holds at once, on both ports.
	rc, err := net.Dial("tcp", s.at["resp"])
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	for _, turn := range [][2]string{{"GET a", "-NOAUTH"}, {"AUTH app nope", "-WRONGPASS"}, {"AUTH app pw", "+OK"}, {"SET a 1", "-NOPERM"}} {
		if got := redis(t, rc, turn[0]); !strings.HasPrefix(got, turn[1]) {
			t.Errorf("%s: %s, want %s", turn[0], got, turn[1])
		}
	}
	if err := root.SetGrants(ctx, "app", wire.Grant{Keyspace: "default", Role: "write"}); err != nil {
		t.Fatal(err)
	}
	if got := redis(t, rc, "SET a 1"); got != "+OK" {
		t.Errorf("SET: %s", got)
	}
	if err := app.Put(ctx, []byte("b"), []byte("3")); !errors.Is(err, wire.ErrPermissionDenied) {
		t.Errorf("app still writes: %v", err)
	}
	if err := root.RemoveUser(ctx, "app"); err != nil {
		t.Fatal(err)
	}
	if got := redis(t, rc, "GET a"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("GET: %s", got)
	}
	if err := root.RemoveUser(ctx, "root"); !errors.Is(err, wire.ErrInvalidArgument) {
		t.Errorf("the last admin was removed: %v", err)
	}
	s.stop()
}

// Who came while there were no users has to log in once there is one.
func TestFirstUserClosesTheServer(t *testing.T) {
	s := startServer(t, t.TempDir(), "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0")
	ctx := t.Context()
	c := mustOpen(t, "middb://"+s.at["bind"])
	rc, err := net.Dial("tcp", s.at["resp"])
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if got := redis(t, rc, "SET a 1"); got != "+OK" {
		t.Errorf("SET: %s", got)
	}
	if err := c.Put(ctx, []byte("b"), []byte("1")); err != nil {
		t.Error(err)
	}
	if err := c.AddUser(ctx, "root", "pw", wire.Grant{Keyspace: "*", Role: "admin"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Put(ctx, []byte("b"), []byte("2")); !errors.Is(err, wire.ErrAuthRequired) {
		t.Errorf("nobody writes: %v", err)
	}
	if got := redis(t, rc, "SET a 2"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("SET: %s", got)
	}
	s.stop()
}

// As in Redis, while there are no users default is one whose password does not matter, and nobody else is.
func TestLoginsOfRedisWithoutUsers(t *testing.T) {
	s := startServer(t, t.TempDir(), "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0")
	rc, err := net.Dial("tcp", s.at["resp"])
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	for _, turn := range [][2]string{
		{"AUTH x", "-ERR AUTH <password> called without any password configured"},
		{"AUTH default x", "+OK"},
		{"SET a 1", "+OK"},
		{"AUTH eve x", "-WRONGPASS"},
		{"SET a 2", "+OK"},
		{"HELLO 3 AUTH eve x", "-WRONGPASS"},
		{"HELLO 3 AUTH default x", "%7"},
	} {
		if got := redis(t, rc, turn[0]); !strings.HasPrefix(got, turn[1]) {
			t.Errorf("%s: %s, want %s", turn[0], got, turn[1])
		}
	}
	s.stop()
	required := startServer(t, t.TempDir(), "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--auth", "required")
	if rc, err = net.Dial("tcp", required.at["resp"]); err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	for _, login := range []string{"AUTH x", "AUTH default x"} {
		if got := redis(t, rc, login); !strings.HasPrefix(got, "-WRONGPASS") {
			t.Errorf("%s, and logins are required: %s", login, got)
		}
	}
	required.stop()
}

func TestUsersAreNotWrittenAsAKeyspace(t *testing.T) {
	dir := t.TempDir()
	addUser(t, dir, "root", "--role", "admin")
	s := startServer(t, dir, "--bind", "off", "--unix", "s")
	c := mustOpen(t, "unix://"+filepath.Join(dir, "s")+"?keyspace=middb.users") // as our own account
	if err := c.Put(t.Context(), []byte("user/eve"), []byte("{}")); !errors.Is(err, wire.ErrPermissionDenied) {
		t.Error(err)
	}
	if err := c.DropKeyspace(t.Context(), "middb.users"); !errors.Is(err, wire.ErrPermissionDenied) {
		t.Error(err)
	}
	s.stop()
}

func TestUnixSocket(t *testing.T) {
	dir := t.TempDir()
	addUser(t, dir, "root", "--role", "admin")
	socket := filepath.Join(dir, "s")
	s := startServer(t, dir, "--bind", "off", "--unix", "s")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := mustOpen(t, "unix://"+socket).Users(t.Context()); err != nil {
		t.Errorf("our own account is no admin: %v", err)
	}
	_, errs, code := middb(t, dir, "", "server", "--data-dir", "other", "--bind", "off", "--unix", "s")
	if code != exitFailed || !strings.Contains(errs, "another program listens there") {
		t.Errorf("two on one socket: exit code %d, %s", code, errs)
	}
	s.signal(syscall.SIGKILL)
	s.wait()
	if _, err := os.Stat(socket); err != nil {
		t.Fatal("nothing is left of the socket to replace")
	}
	s = startServer(t, dir, "--bind", "off", "--unix", "s", "--unix-auth")
	if _, err := open(t, "unix://"+socket); !errors.Is(err, wire.ErrAuthRequired) {
		t.Errorf("with --unix-auth: %v", err)
	}
	mustOpen(t, "unix://root:pw@"+socket)
	s.stop()
	if _, err := os.Stat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
	if err := os.WriteFile(socket, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := middb(t, dir, "", "server", "--data-dir", "db", "--bind", "off", "--unix", "s"); code != exitFailed || !strings.Contains(errs, "no socket") {
		t.Errorf("over a file: exit code %d, %s", code, errs)
	}
	if text, err := os.ReadFile(socket); string(text) != "precious" {
		t.Error("the file is gone", err)
	}
}

func TestPrintConfig(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "m.yaml"), []byte("data-dir: db\nmax-txns: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := command(dir, "server", "--config", "m.yaml", "--bind", "off", "--unix", "s", "--print-config")
	cmd.Env = append(cmd.Env, "MIDDB_MAX_FRAME=1MiB")
	printed, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`data-dir = 'db' +# m\.yaml:1`, `max-txns = 5 +# m\.yaml:2`, `bind = 'off' +# --bind`, `max-frame = '1MiB' +# MIDDB_MAX_FRAME`} {
		if !regexp.MustCompile(`(?m)^` + want + `$`).Match(printed) {
			t.Errorf("%s is missing in\n%s", want, printed)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "printed.toml"), printed, 0o600); err != nil {
		t.Fatal(err)
	}
	again := must(t, dir, "", "server", "--config", "printed.toml", "--print-config")
	origins := regexp.MustCompile(` +# .*`)
	if got, want := origins.ReplaceAllString(again, ""), origins.ReplaceAllString(string(printed), ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "db")); err == nil {
		t.Error("it opened the database")
	}
}

func TestVariablesThatAreNoSettingsAreLogged(t *testing.T) {
	cmd := command(t.TempDir(), "server", "--data-dir", "db", "--print-config")
	cmd.Env = append(cmd.Env, "MIDDB_NOSUCH=1", "MIDDB_LOG_FORMAT=json")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if _, err := cmd.Output(); err != nil || !strings.Contains(errs.String(), `"name":"MIDDB_NOSUCH"`) {
		t.Errorf("%v, %s", err, errs.String())
	}
}

func TestServerSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{}, exitUsage, "the directory of the database is missing"},
		{[]string{"--data-dir", "db", "--bind", l.Addr().String()}, exitFailed, "address already in use"},
		{[]string{"--data-dir", "db", "--tls-cert", "none.crt", "--tls-key", "none.key"}, exitUsage, "none.crt"},
		{[]string{"--data-dir", "db", "--unix", "no/such/dir/s"}, exitFailed, "no/such/dir/s"},
		{[]string{"--data-dir", "db", "--config", "none.toml"}, exitUsage, "none.toml"},
		{[]string{"--data-dir", "db", "elsewhere"}, exitUsage, "elsewhere"},
		{[]string{"--data-dir", "db", "--max-frame", "64MB"}, exitUsage, "is not a size"},
		{[]string{"--data-dir", "new", "--max-frame", "64MiB"}, exitUsage, "need 576MiB or more"},
	} {
		out, errs, code := middb(t, dir, "", append([]string{"server"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || out != "" {
			t.Errorf("%q: exit code %d, %s", c.args, code, errs)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		t.Error("wrong settings made a database")
	}
}

func TestLogIsJSONIfAsked(t *testing.T) {
	s := startServer(t, t.TempDir(), "--bind", "127.0.0.1:0", "--log-format", "json")
	s.signal(syscall.SIGHUP)
	var entry struct{ Level, Msg string }
	if err := json.Unmarshal([]byte(s.await("no certificates")), &entry); err != nil || entry.Level != "INFO" {
		t.Error(entry, err)
	}
	s.stop()
}

// stuck starts a server with a client that has asked for more than it reads.
func stuck(t *testing.T, args ...string) *served {
	t.Helper()
	s := startServer(t, t.TempDir(), append([]string{"--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0"}, args...)...)
	if err := mustOpen(t, "middb://"+s.at["bind"]).Put(t.Context(), []byte("a"), make([]byte, 12<<20)); err != nil {
		t.Fatal(err)
	}
	rc, err := net.Dial("tcp", s.at["resp"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rc.Close() })
	if _, err := rc.Write(bytes.Repeat([]byte("GET a\r\n"), 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := rc.Read(make([]byte, 1)); err != nil { // the server is at it
		t.Fatal(err)
	}
	return s
}

func TestWhatTakesTooLongIsCutOff(t *testing.T) {
	s := stuck(t, "--stop-timeout", "50ms")
	s.signal(syscall.SIGTERM)
	s.await("cut off")
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, strings.Join(s.seen, "\n"))
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	s := stuck(t, "--stop-timeout", "0s", "--write-timeout", "1h")
	s.signal(syscall.SIGTERM)
	s.await("stopping")
	s.signal(os.Interrupt)
	s.await("ending at once")
	if code := s.wait(); code != exitFailed {
		t.Errorf("exit code %d\n%s", code, strings.Join(s.seen, "\n"))
	}
}

// timeout(1) sends the signal to the process and to its group.
func TestASignalThatComesTwiceIsOne(t *testing.T) {
	s := stuck(t, "--stop-timeout", "50ms")
	s.signal(syscall.SIGTERM)
	s.await("stopping")
	s.signal(syscall.SIGTERM)
	s.await("cut off")
	if code := s.wait(); code != 0 {
		t.Errorf("exit code %d\n%s", code, strings.Join(s.seen, "\n"))
	}
}

func TestAServerThatNobodyCanLogInToSaysSo(t *testing.T) {
	s := startServer(t, t.TempDir(), "--bind", "127.0.0.1:0", "--auth", "required")
	s.stop()
	if seen := strings.Join(s.seen, "\n"); !strings.Contains(seen, "nobody can log in over TCP") {
		t.Error(seen)
	}
}

func TestUserCommandsOnAServer(t *testing.T) {
	dir := t.TempDir()
	addUser(t, dir, "root", "--role", "admin")
	s := startServer(t, dir, "--bind", "127.0.0.1:0", "--unix", "s")
	run := func(who, password, stdin string, args ...string) (string, int) {
		t.Helper()
		cmd := command(dir, append([]string{"user"}, args...)...)
		cmd.Args = append(cmd.Args, "--server", s.at["bind"], "--user", who)
		cmd.Env = append(cmd.Env, "MIDDB_PASSWORD="+password)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		who, password, stdin, args, want string
		code                             int
	}{
		{"root", "wrong", "", "list", "the user or the password is wrong", exitOpen},
		{"root", "pw", "secret\n", "add app --role write --keyspace orders --password-stdin", "OK\n", 0},
		{"root", "pw", "secret\n", "add app --role write --password-stdin", "there is a user \"app\" already", exitFailed},
		{"root", "pw", "", "grant app --role read --keyspace logs", "OK\n", 0},
		{"root", "pw", "", "list", "user\trole\tkeyspace\napp\tread\tlogs\napp\twrite\torders\nroot\tadmin\t*\n", 0},
		{"app", "secret", "", "list", "user app needs the role admin in all keyspaces", exitFailed},
		{"app", "secret", "other\n", "passwd app --password-stdin", "OK\n", 0},
		{"app", "secret", "", "passwd app --password-stdin", "no password in its first line", exitFailed},
		{"app", "secret", "x\n", "passwd root --password-stdin", "the user or the password is wrong", exitOpen},
		{"app", "other", "x\n", "passwd root --password-stdin", "user app needs the role admin", exitFailed},
		{"root", "pw", "", "remove root", "no user would be an admin", exitFailed},
		{"root", "pw", "", "remove root --force", "a server does not lock all its admins out", exitFailed},
		{"root", "pw", "", "remove app", "OK\n", 0},
	} {
		out, code := run(c.who, c.password, c.stdin, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: user %s: exit code %d, %s", c.who, c.args, code, out)
		}
	}
	if got := must(t, dir, "", "user", "list", "--server", "./s"); got != "user\trole\tkeyspace\nroot\tadmin\t*\n" {
		t.Errorf("our own account sees %q", got)
	}
	_, errs, code := middb(t, dir, "", "user", "list", "--data-dir", "db")
	if code != exitOpen || !strings.Contains(errs, "pid") {
		t.Errorf("on the directory: exit code %d, %s", code, errs)
	}
	s.stop()
}
