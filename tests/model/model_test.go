package model

import (
	"fmt"
	"slices"
	"testing"

	"github.com/middb/middb/tests/environment"
)

const (
	defaultOperations = 1_000_000
	operationsPerSeed = 20_000
)

func TestEngineAgreesWithModel(t *testing.T) {
	seeds := slices.Collect(environment.Seeds(t, seedCount(t)))
	t.Logf("%d seeds from %d, %d operations each", len(seeds), seeds[0], operationsPerSeed)
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			if err := play(seed, operationsPerSeed, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// seedCount returns how many seeds together make the operations that were asked for.
func seedCount(t *testing.T) uint64 {
	operations := uint64(defaultOperations)
	if testing.Short() {
		operations /= 20
	}
	n := environment.Number(t, "MIDDB_MODEL_OPS", operations)
	return max(1, (n+operationsPerSeed-1)/operationsPerSeed)
}
