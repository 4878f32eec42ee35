package main

import (
	"strings"
	"testing"

	"github.com/middb/middb/wire/server"
)

func TestTopPrintsWhereThereIsNoTerminal(t *testing.T) {
	s := serve(t, spawnMem(t), "127.0.0.1:0", server.Options{})
	dir := t.TempDir()
	for _, key := range []string{"a", "b", "c"} {
		if out, err := command(dir, "put", "--server", s.address, key, "1").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	out, err := command(dir, "top", "--server", s.address, "-n", "2", "--interval", "10ms").Output()
	if err != nil {
		t.Fatal(err)
	}
	views := strings.Split(string(out), "middb "+s.address)
	if len(views) != 3 || strings.Contains(string(out), "\x1b") {
		t.Fatalf("%d views instead of 2, or colors:\n%s", len(views)-1, out)
	}
	for _, want := range []string{"\nput ", "\nLEVEL", "coordinator", "log writer", "\nstalls     none"} {
		if !strings.Contains(views[1], want) {
			t.Errorf("there is no %q in\n%s", want, views[1])
		}
	}
	for _, args := range [][]string{{"--interval", "0s"}, {"-n", "-1"}, {"more"}} {
		cmd := command(dir, append([]string{"top", "--server", s.address}, args...)...)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, cmd.ProcessState.ExitCode(), out)
		}
	}
	s.stop()
	cmd := command(dir, "top", "--server", s.address, "-n", "1")
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != exitOpen {
		t.Errorf("without a server: exit code %d: %s", cmd.ProcessState.ExitCode(), out)
	}
}
