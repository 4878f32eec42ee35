// Package environment reads what environment variables ask of tests: which seeds, for how long, and
// where data lies that is not in the repository. CONTRIBUTING lists the variables.
//
// Tests of any package may call it. A variable that cannot be understood fails the test.
package environment

import (
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Number returns the number in the variable called name, byDefault if it is not set or empty.
func Number(t testing.TB, name string, byDefault uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return byDefault
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// Nightly reports whether tests may take hours: MIDDB_NIGHTLY is set.
func Nightly() bool { return os.Getenv("MIDDB_NIGHTLY") != "" }

// Seed returns the seed of a test with one: MIDDB_SEED, or 1.
func Seed(t testing.TB) uint64 {
	t.Helper()
	return Number(t, "MIDDB_SEED", 1)
}

// Seeds yields the seeds of a test with many: so many, from MIDDB_BASE_SEED or 1; or MIDDB_SEED alone.
func Seeds(t testing.TB, count uint64) iter.Seq[uint64] {
	t.Helper()
	first := Number(t, "MIDDB_BASE_SEED", 1)
	if Single() {
		first, count = Seed(t), 1
	}
	return func(yield func(uint64) bool) {
		for i := uint64(0); i < count && yield(first+i); i++ {
		}
	}
}

// Single reports whether MIDDB_SEED asks for one seed alone.
func Single() bool { return os.Getenv("MIDDB_SEED") != "" }

// openFlights is where the OpenFlights files are looked for, relative to the root of the repository.
const openFlights = "../shared/data/openflights"

// OpenFlights returns the folder of the OpenFlights files: MIDDB_OPENFLIGHTS, or shared/data/openflights
// beside the repository. It skips the test where that is absent.
func OpenFlights(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("MIDDB_OPENFLIGHTS"); dir != "" {
		return dir
	}
	dir := filepath.Join(root(t), openFlights)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the OpenFlights files are not there (%v); MIDDB_OPENFLIGHTS can name their folder", err)
	}
	return dir
}

// Shared returns a folder of shared, beside the repository or where MIDDB_SHARED says: sqllogictest, tpch, data/chinook. It
// skips the test where that is absent.
func Shared(t testing.TB, folder string) string {
	t.Helper()
	dir := os.Getenv("MIDDB_SHARED")
	if dir == "" {
		dir = filepath.Join(root(t), "../shared")
	}
	dir = filepath.Join(dir, folder)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("%s is not there (%v); MIDDB_SHARED can name the folder that it is in", folder, err)
	}
	return dir
}

// root returns the root of the repository, where go.mod is, as seen from the folder of a package,
// in which its tests run.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		_, err = os.Stat(filepath.Join(dir, "go.mod"))
		parent := filepath.Dir(dir)
		switch {
		case err == nil:
			return dir
		case !errors.Is(err, fs.ErrNotExist) || parent == dir:
			t.Fatalf("look for the root of the repository: %v", err)
		}
		dir = parent
	}
}
