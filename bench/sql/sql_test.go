package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRunMeasuresEveryRow(t *testing.T) {
	var out, diagnostics bytes.Buffer
	if code := command.Run([]string{"--rows", "2000", "--rounds", "1", "--dir", t.TempDir()}, &out, &diagnostics); code != 0 {
		t.Fatalf("exit code %d: %s", code, &diagnostics)
	}
	for _, w := range workloads(2000) {
		if strings.Count(out.String(), " "+w.name+"  ") != 2 {
			t.Errorf("not a row for each peer: %q\n%s", w.name, &out)
		}
	}
}
