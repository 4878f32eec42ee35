package crash

import (
	"fmt"
	"iter"
	"os"
	"strconv"
	"testing"
)

func nightly() bool { return os.Getenv("MIDDB_NIGHTLY") != "" }

// seeds yields the seeds of a test: so many by day and by night, from MIDDB_BASE_SEED or 1; or just
// MIDDB_SEED.
func seeds(t *testing.T, day, night uint64) iter.Seq[uint64] {
	first, count := environment(t, "MIDDB_BASE_SEED", 1), day
	if nightly() {
		count = night
	}
	if os.Getenv("MIDDB_SEED") != "" {
		first, count = environment(t, "MIDDB_SEED", 0), 1
	}
	return func(yield func(uint64) bool) {
		for seed := first; seed < first+count && yield(seed); seed++ {
		}
	}
}

func environment(t *testing.T, name string, byDefault uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return byDefault
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
	return n
}
