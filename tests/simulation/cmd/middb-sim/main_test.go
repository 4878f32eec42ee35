package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"--seed 3", 0, []string{"seed 3: ", "trace ", "ok: 1 seeds"}},
		{"--seed 3 --trace", 0, []string{"life 1 begins", "posts Commit to coordinator", "ok: 1 seeds"}},
		{"--seed 3 --count 20", 0, []string{"ok: 20 seeds"}},
		{"--count 2 --trace", exitUsage, []string{"leave --count away"}},
		{"--seed x", exitUsage, []string{"invalid argument"}},
		{"3", exitUsage, []string{"unknown command"}},
	} {
		var out bytes.Buffer
		if code := run(strings.Fields(c.args), &out, &out); code != c.code {
			t.Errorf("%q: exit code %d, want %d", c.args, code, c.code)
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q prints no %q:\n%.2000s", c.args, want, out.String())
			}
		}
	}
}
