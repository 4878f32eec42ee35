package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func Example() {
	dir, err := os.MkdirTemp("", "transactions")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), filepath.Join(dir, "db")); err != nil {
		panic(err)
	}
	// Output:
	// ada has 50, bob has 150
	// another commit wrote bob
	// 3 visits
	// merge visits
	// merge visits
	// put session/7
	// delete range session/
}

func TestSecondRunStartsFromTheFirst(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := run(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
}
