package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to start, or to stop.
const patience = 30 * time.Second

// A server is a running redis-server or middb.
type server struct {
	name    string // redis or middb
	mode    mode
	command string // as it was started, without the paths of this machine
	resp    string // address of its RESP port
	native  string // of middb's own port

	cmd    *exec.Cmd
	exited chan struct{} // closed when the process has ended
	exit   error         // how it ended; valid then, as is output
	output bytes.Buffer
}

// startRedis starts a redis-server with an empty directory.
func startRedis(ctx context.Context, m mode, dir string) (*server, error) {
	fsync := map[mode]string{unsynced: "everysec", synced: "always"}[m]
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{name: "redis", mode: m, resp: net.JoinHostPort("127.0.0.1", port)}
	settings := []string{"--save", "", "--appendonly", "yes", "--appendfsync", fsync}
	s.command = fmt.Sprintf("redis-server --save '' --appendonly yes --appendfsync %s", fsync)
	return s, s.start(ctx, exec.Command("redis-server", append(settings, "--bind", "127.0.0.1", "--port", port, "--dir", dir)...))
}

// startMiddb starts middb's server with an empty directory.
func startMiddb(ctx context.Context, c config, m mode, program, dir string) (*server, error) {
	durability := map[mode]string{unsynced: "nosync", synced: "sync"}[m]
	native, err := freePort()
	if err != nil {
		return nil, err
	}
	resp, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &server{name: "middb", mode: m, resp: net.JoinHostPort("127.0.0.1", resp), native: net.JoinHostPort("127.0.0.1", native)}
	s.command = fmt.Sprintf("GOMAXPROCS=%d middb server --durability %s", c.procs, durability)
	cmd := exec.Command(program, "server", "--data-dir", dir, "--bind", s.native, "--resp", s.resp, "--durability", durability)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(c.procs))
	return s, s.start(ctx, cmd)
}

// start starts the process and waits until it answers. A server that does not is stopped.
func (s *server) start(ctx context.Context, cmd *exec.Cmd) error {
	s.cmd, s.exited = cmd, make(chan struct{})
	cmd.Stdout, cmd.Stderr = &s.output, &s.output
	// A signal from the terminal is for this program, which then stops the servers.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.name, err)
	}
	go func() {
		s.exit = cmd.Wait()
		close(s.exited)
	}()
	deadline := time.Now().Add(patience)
	for {
		err := s.ping()
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("%s ended at once (%w): %s", s.name, s.exit, strings.TrimSpace(s.output.String()))
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.stop())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("%s does not answer on %s: %w", s.name, s.resp, err), s.stop())
		}
	}
}

func (s *server) ping() error {
	conn, err := net.DialTimeout("tcp", s.resp, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err = conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err = io.WriteString(conn, "PING\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && line != "+PONG\r\n" {
		err = fmt.Errorf("PING is answered with %q", line)
	}
	return err
}

// pause stops the process until resume is called: it takes no processor time.
func (s *server) pause() error  { return s.cmd.Process.Signal(syscall.SIGSTOP) }
func (s *server) resume() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

// stop ends the process.
func (s *server) stop() error {
	_ = s.resume() // it may not be paused, or gone
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
		return nil
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.exited
		return fmt.Errorf("%s did not end within %v after SIGTERM, and was killed", s.name, patience)
	}
}

// load puts every key that redis-benchmark may draw.
func (s *server) load(keys, valueBytes int) error {
	conn, err := net.Dial("tcp", s.resp)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	value := strings.Repeat("x", valueBytes)
	const batch = 1000
	for at := 0; at < keys; at += batch {
		end := min(at+batch, keys)
		var b bytes.Buffer
		for i := at; i < end; i++ {
			fmt.Fprintf(&b, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n", i, valueBytes, value)
		}
		if _, err := conn.Write(b.Bytes()); err != nil {
			return fmt.Errorf("load %s: %w", s.name, err)
		}
		for range end - at {
			line, err := answers.ReadString('\n')
			if err != nil {
				return fmt.Errorf("load %s: %w", s.name, err)
			}
			if line != "+OK\r\n" {
				return fmt.Errorf("load %s: SET is answered with %q", s.name, line)
			}
		}
	}
	return nil
}

// cpu returns the processor time that the process has taken.
func (s *server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(text))
}

// parseCPU reads user and system time from a /proc/PID/stat, in which the name of the program, in parentheses, may
// hold anything.
func parseCPU(stat string) (time.Duration, error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on Linux
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("a /proc/PID/stat of %d fields", len(fields))
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * tick, err
}

// freePort returns a port that nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
