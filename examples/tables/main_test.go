package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func Example() {
	dir, err := os.MkdirTemp("", "tables")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), filepath.Join(dir, "db")); err != nil {
		panic(err)
	}
	// Output:
	// 1 ada@example.org 37
	// 2 bob@example.org 18
}

func TestSecondRunStartsFromTheFirst(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := run(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
}
