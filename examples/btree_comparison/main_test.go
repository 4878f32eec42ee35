package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(&out, 10_000); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"insert", "look up", "scan", "memory", "500 entries, 3 leaves", "50 entries, 1 leaves"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, &out)
		}
	}
}
