//go:build linux

package main

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
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

func TestShellPromptsAndKeepsHistoryOnATerminal(t *testing.T) {
	screen, program := terminal(t)
	dir := t.TempDir()
	cmd := command(dir, "local", "db")
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // so that Ctrl-C comes as a signal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	program.Close()
	out := bufio.NewReader(screen)
	var seen strings.Builder
	await := func(text string) {
		t.Helper()
		for !strings.Contains(seen.String(), text) {
			c, err := out.ReadByte()
			if err != nil {
				t.Fatalf("%v before %q; the screen shows %q", err, text, seen.String())
			}
			seen.WriteByte(c)
		}
		seen.Reset()
	}
	enter := func(line string) {
		t.Helper()
		if _, err := screen.WriteString(line + "\r"); err != nil {
			t.Fatal(err)
		}
	}
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
