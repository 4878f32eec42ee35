package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRunMeasuresEveryRow(t *testing.T) {
	var out, diagnostics bytes.Buffer
	if code := command.Run([]string{"--keys", "2000", "--rounds", "1", "--dir", t.TempDir()}, &out, &diagnostics); code != 0 {
		t.Fatalf("exit code %d: %s", code, &diagnostics)
	}
	lines := strings.Count(out.String(), "\n")
	want := 1
	for _, w := range workloads {
		want += len(w.peers)
		if !strings.Contains(out.String(), w.name) {
			t.Errorf("no row %q", w.name)
		}
	}
	if lines != want {
		t.Errorf("%d lines instead of %d:\n%s", lines, want, &out)
	}
}
