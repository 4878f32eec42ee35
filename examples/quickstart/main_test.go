package main

import (
	"os"
	"path/filepath"
	"testing"
)

func Example() {
	dir, err := os.MkdirTemp("", "quickstart")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	if err := run(filepath.Join(dir, "db")); err != nil {
		panic(err)
	}
	// Output:
	// user/1 is gone
	// user/1 was Ada
	// user/3 = Edsger
	// user/2 = Grace
}

func TestSecondRunStartsFromTheFirst(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		if err := run(dir); err != nil {
			t.Fatal(err)
		}
	}
}
