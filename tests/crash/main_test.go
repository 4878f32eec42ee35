package crash

import (
	"iter"
	"testing"

	"github.com/middb/middb/tests/environment"
)

// seeds yields the seeds of a test: so many by day and by night.
func seeds(t *testing.T, day, night uint64) iter.Seq[uint64] {
	if environment.Nightly() {
		return environment.Seeds(t, night)
	}
	return environment.Seeds(t, day)
}
