//go:build linux

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/middb/middb/wire/server"
)

// terminal opens a pseudo-terminal: what is written to screen is typed, what the program at the
// other end prints is read from it.
func terminal(t *testing.T) (screen, program *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { screen.Close() })
	if err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	return screen, program
}

// A person sits before a run of the program on a terminal.
type person struct {
	t      *testing.T
	cmd    *exec.Cmd
	screen *os.File
	out    *bufio.Reader
}

// sit starts a run of the program in dir on a terminal.
func sit(t *testing.T, dir string, args ...string) *person {
	t.Helper()
	screen, end := terminal(t)
	cmd := command(dir, args...)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = end, end, end
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // so that Ctrl-C comes as a signal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end.Close()
	return &person{t, cmd, screen, bufio.NewReader(screen)}
}

// await reads the screen until it shows text, and returns what it shows up to there.
func (p *person) await(text string) string {
	p.t.Helper()
	var seen strings.Builder
	for !strings.Contains(seen.String(), text) {
		c, err := p.out.ReadByte()
		if err != nil {
			p.t.Fatalf("%v before %q; the screen shows %q", err, text, seen.String())
		}
		seen.WriteByte(c)
	}
	return seen.String()
}

func (p *person) enter(line string) {
	p.t.Helper()
	if _, err := p.screen.WriteString(line + "\r"); err != nil {
		p.t.Fatal(err)
	}
}

func TestShellPromptsAndKeepsHistoryOnATerminal(t *testing.T) {
	dir := t.TempDir()
	p := sit(t, dir, "local", "db")
	await, enter, screen, cmd := p.await, p.enter, p.screen, p.cmd
	await("middb> ")
	enter("put a 1")
	await("OK")
	await("middb> ")
	enter("levels")
	await("┌")
	await("middb> ")
	enter("get a")
	await("\n1")
	await("middb> ")
	enter("watch from 1")
	await("put\ta\t1")
	if _, err := screen.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	await("middb> ")
	enter("use users")
	await("middb:users> ")
	enter("begin")
	await("middb:users*> ")
	enter("keyspaces")
	await("│ users")
	await("middb:users*> ")
	enter("quit")
	await("rolled back")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	history, err := os.ReadFile(filepath.Join(dir, "state", "middb", "history"))
	if err != nil || string(history) != "put a 1\nlevels\nget a\nwatch from 1\nuse users\nbegin\nkeyspaces\nquit\n" {
		t.Errorf("the history is %q, %v", history, err)
	}
}

func TestPasswordsAreAskedForAndNotShown(t *testing.T) {
	dir := t.TempDir()
	echoes := func(p *person) bool {
		state, err := unix.IoctlGetTermios(int(p.screen.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return state.Lflag&unix.ECHO != 0
	}
	for _, c := range []struct {
		first, second string
		want          string
		code          int
	}{
		{"s3cret", "s3cret\r", "OK", 0},
		{"s3cret", "other\r", "two passwords", exitFailed},
		{"s3cret", "\x03", "no password was given", exitFailed},
	} {
		p := sit(t, dir, "user", "add", "ada", "--data-dir", "db", "--role", "admin", "--force")
		seen := p.await("Password for ada: ")
		p.enter(c.first)
		seen += p.await("Once more: ")
		if echoes(p) {
			t.Error("the terminal shows what is typed")
		}
		if _, err := p.screen.WriteString(c.second); err != nil {
			t.Fatal(err)
		}
		if seen += p.await(c.want); strings.Contains(seen, "s3cret") {
			t.Errorf("the password is shown: %q", seen)
		}
		_ = p.cmd.Wait() // the code is looked at
		if got := p.cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%q: exit code %d, want %d", c.second, got, c.code)
		}
		if !echoes(p) {
			t.Error("the terminal is left without echo")
		}
	}
	p := sit(t, dir, "user", "list", "--data-dir", "db")
	p.await("│ ada")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAClientAsksForThePasswordAndCtrlCEndsItsCommand(t *testing.T) {
	s := withLogin(t)
	p := sit(t, t.TempDir(), "client", "--server", s.address, "--user", "ada")
	p.await("Password for ada: ")
	p.enter("s3cret")
	if seen := p.await("middb> "); strings.Contains(seen, "s3cret") || !strings.Contains(seen, "at "+s.address+", user ada") {
		t.Errorf("the screen shows %q", seen)
	}
	p.enter("put a 1")
	p.await("OK")
	p.await("middb> ")
	p.enter("watch from 1")
	p.await("put\ta\t1")
	if _, err := p.screen.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	p.await("middb> ")
	p.enter("ping")
	p.await("s\r\n")
	p.await("middb> ") // what is typed before the prompt may be lost
	p.enter("help ping")
	p.await("how long the server takes")
	p.await("middb> ")
	p.enter("quit")
	if err := p.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestTopIsDrawnAnewAndLeavesTheTerminalAsItWas(t *testing.T) {
	s := serve(t, spawnMem(t), "127.0.0.1:0", server.Options{})
	for _, end := range []string{"q", "\x03"} {
		p := sit(t, t.TempDir(), "top", "--server", s.address, "--interval", "20ms")
		resize := func(lines, columns uint16) {
			t.Helper()
			if err := unix.IoctlSetWinsize(int(p.screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns}); err != nil {
				t.Fatal(err)
			}
		}
		resize(40, 100)
		p.await("\x1b[?1049h")
		p.await("amplified")
		resize(10, 30)
		for frame := p.await("q ends"); strings.Contains(frame, "amplified"); {
			frame = p.await("q ends")
		}
		if _, err := p.screen.WriteString("x" + end); err != nil {
			t.Fatal(err)
		}
		p.await("\x1b[?25h\x1b[?1049l")
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("%q: %v", end, err)
		}
		state, err := unix.IoctlGetTermios(int(p.screen.Fd()), unix.TCGETS)
		if err != nil || state.Lflag&unix.ECHO == 0 || state.Lflag&unix.ICANON == 0 {
			t.Errorf("the terminal is left raw: %+v, %v", state, err)
		}
	}
	p := sit(t, t.TempDir(), "top", "--server", s.address, "--interval", "20ms")
	p.await("q ends")
	s.stop()
	p.await("no answer: ")
	if _, err := p.screen.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	p.await("\x1b[?1049l")
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestSQLIsTypedOverSeveralLinesOnATerminal(t *testing.T) {
	dir := t.TempDir()
	p := sit(t, dir, "sql", "--data-dir", "db")
	p.await("middb> ")
	p.enter("CREATE TABLE users (id INT PRIMARY KEY,")
	p.await(".....> ")
	p.enter("name TEXT);")
	p.await("CREATE TABLE")
	p.await("middb> ")
	p.enter("INSERT INTO users VALUES (1, 'Åsa');")
	p.await("INSERT 0 1")
	p.await("middb> ")
	p.enter("SELECT * FROM users;")
	p.await("│  1 │ Åsa")
	p.await("(1 row)")
	p.await("middb> ")
	p.enter("BEGIN;")
	p.await("middb*> ")
	p.enter("SELECT nope;")
	p.await("there is no column")
	p.await("middb!> ")
	p.enter(".quit")
	p.await("rolled back")
	if err := p.cmd.Wait(); err == nil {
		t.Error("a transaction that was lost is no failure")
	}
	history, err := os.ReadFile(filepath.Join(dir, "state", "middb", "history"))
	if err != nil || !strings.Contains(string(history), "\nname TEXT);\n") {
		t.Errorf("the history is %q, %v", history, err)
	}
}
