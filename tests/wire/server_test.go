package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take that is bound to happen. On an idle machine it takes milliseconds.
const patience = 30 * time.Second

// A server is the program as a process, which can end and be started again on the same directory and addresses.
type server struct {
	t       testing.TB
	dir     string // the database
	address string // of the native port
	args    []string
	env     []string

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	log    *transcript   // what it prints, over all its lives
}

// newServer returns a server that was not started yet, on a new directory and a free port.
func newServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := &server{
		t: t, dir: filepath.Join(t.TempDir(), "db"), address: net.JoinHostPort("127.0.0.1", freePort(t)), args: args, log: &transcript{},
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.log.last(8000))
		}
		if found := panics.FindString(s.log.String()); found != "" {
			t.Errorf("the server's log says %q", found)
		}
	})
	return s
}

// startServer starts a server and waits until it answers.
func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	s := newServer(t, args...)
	s.start()
	return s
}

// panics is what no log may contain.
var panics = regexp.MustCompile(`(?m)^(panic:|fatal error:|WARNING: DATA RACE).*|.*\bpanick?ed\b.*`)

// start starts the process and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	check(s.t, s.launch())
}

// launch is start for goroutines that are not the test's.
func (s *server) launch() error {
	ready := s.dir + ".ready"
	if err := os.RemoveAll(ready); err != nil {
		return err
	}
	args := append([]string{"server", "--data-dir", s.dir, "--bind", s.address, "--ready-file", ready}, s.args...)
	s.cmd = exec.Command(program, args...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	cmd, exited := s.cmd, make(chan struct{})
	s.exited = exited
	go func() {
		_ = cmd.Wait() // how it ended is in cmd.ProcessState
		close(exited)
	}()
	for deadline := time.Now().Add(patience); ; {
		if _, err := os.Stat(ready); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended at once (%v):\n%s", s.cmd.ProcessState, s.log.last(2000))
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server is not ready after %v", patience)
		}
	}
}

// kill ends the process with SIGKILL, if it runs, and returns when it is gone.
func (s *server) kill() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Kill() // it may have ended
		<-s.exited
	}
}

// signal sends the process a signal.
func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	check(s.t, s.cmd.Process.Signal(sig))
}

// wait waits for the process to end by itself, and returns its exit code.
func (s *server) wait() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatalf("the server has not ended after %v", patience)
	}
	return s.cmd.ProcessState.ExitCode()
}

// terminate ends the process with SIGTERM, which must do.
func (s *server) terminate() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		s.t.Fatalf("after SIGTERM the exit code is %d", code)
	}
}

// middb runs another command of the program, with standard input, and returns what it prints.
func middb(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("middb %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// residentBytes returns the resident set of the process.
func (s *server) residentBytes() (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0, errors.New("/proc/PID/statm is too short")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// A transcript is what a process prints. Any goroutine may write and read it.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *transcript) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *transcript) last(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}
