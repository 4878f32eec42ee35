package ratio

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func example(goal float64) *Command {
	return &Command{Name: "example", Unit: "keys", Size: 10, Measure: func(*Config) (*Report, error) {
		r := NewReport([]Row{{Name: "put", Per: 2, Peers: []string{"peer"}, Goals: map[string]float64{"peer": goal}}})
		for i, ours := range []time.Duration{10, 20, 40} {
			r.Add(0, Middb, ours)
			r.Add(0, "peer", ours*time.Duration(i+1))
		}
		return r, nil
	}}
}

func TestReport(t *testing.T) {
	var out, diagnostics bytes.Buffer
	if code := example(2).Run([]string{"--check"}, &out, &diagnostics); code != 0 {
		t.Fatal(code, diagnostics.String())
	}
	row := strings.Join(strings.Fields(strings.Split(out.String(), "\n")[1]), " ")
	if want := "put 10 ns peer 20 ns 2.00 1.00-3.00 2.0"; row != want {
		t.Errorf("got %q, want %q", row, want)
	}
}

func TestGoalIsMissed(t *testing.T) {
	var out, diagnostics bytes.Buffer
	if code := example(2.1).Run([]string{"--check"}, &out, &diagnostics); code != 1 {
		t.Fatal(code)
	}
	if want := "example: below the goal: put beside peer\n"; diagnostics.String() != want {
		t.Errorf("got %q, want %q", diagnostics.String(), want)
	}
	if code := example(2.1).Run(nil, &out, &diagnostics); code != 0 {
		t.Error("a goal was missed without --check, and the exit code is", code)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, args := range [][]string{{"--keys", "0"}, {"--rounds", "x"}, {"word"}, {"--rows", "1"}} {
		if code := example(1).Run(args, &bytes.Buffer{}, &bytes.Buffer{}); code != 2 {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}

func TestFailureIsReported(t *testing.T) {
	c := &Command{Name: "example", Unit: "keys", Size: 1, Measure: func(*Config) (*Report, error) { return nil, errors.New("no disk") }}
	var diagnostics bytes.Buffer
	if code := c.Run(nil, &bytes.Buffer{}, &diagnostics); code != 1 || diagnostics.String() != "example: no disk\n" {
		t.Error(code, diagnostics.String())
	}
}
