package environment

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSeedsStartAtBaseUnlessOneIsNamed(t *testing.T) {
	for _, c := range []struct {
		seed, base string
		want       []uint64
	}{
		{"", "", []uint64{1, 2, 3}},
		{"", "70", []uint64{70, 71, 72}},
		{"9", "70", []uint64{9}},
		{"0", "", []uint64{0}},
	} {
		t.Setenv("MIDDB_SEED", c.seed)
		t.Setenv("MIDDB_BASE_SEED", c.base)
		if got := slices.Collect(Seeds(t, 3)); !slices.Equal(got, c.want) {
			t.Errorf("MIDDB_SEED=%s MIDDB_BASE_SEED=%s: got %d, want %d", c.seed, c.base, got, c.want)
		}
	}
}

func TestOpenFlightsFolderIsFoundOrNamed(t *testing.T) {
	t.Setenv("MIDDB_OPENFLIGHTS", "")
	at := t.TempDir()
	repository := filepath.Join(at, "main")
	inside := filepath.Join(repository, "cmd", "program")
	want := filepath.Join(at, "shared", "data", "openflights")
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repository, "go.mod"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(inside)
	t.Run("absent", func(t *testing.T) {
		defer func() {
			if !t.Skipped() {
				t.Error("not skipped")
			}
		}()
		OpenFlights(t)
	})
	if err := os.MkdirAll(want, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := OpenFlights(t); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	t.Setenv("MIDDB_OPENFLIGHTS", "elsewhere")
	if got := OpenFlights(t); got != "elsewhere" {
		t.Errorf("got %s, want what MIDDB_OPENFLIGHTS says", got)
	}
}
