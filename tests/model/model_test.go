package model

import (
	"fmt"
	"os"
	"strconv"
	"testing"
)

const (
	defaultOperations = 1_000_000
	operationsPerSeed = 20_000
)

func TestEngineAgreesWithModel(t *testing.T) {
	first, count := uint64(fromEnvironment(t, "MIDDB_BASE_SEED", 1)), seedCount(t)
	if seed := fromEnvironment(t, "MIDDB_SEED", -1); seed >= 0 {
		first, count = uint64(seed), 1
	}
	t.Logf("%d seeds from %d, %d operations each", count, first, operationsPerSeed)
	for seed := first; seed < first+uint64(count); seed++ {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			if err := play(seed, operationsPerSeed, nil); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// seedCount returns how many seeds together make the operations that were asked for.
func seedCount(t *testing.T) int {
	operations := defaultOperations
	if testing.Short() {
		operations /= 20
	}
	n := fromEnvironment(t, "MIDDB_MODEL_OPS", int64(operations))
	return int(max(1, (n+operationsPerSeed-1)/operationsPerSeed))
}

func fromEnvironment(t *testing.T, name string, byDefault int64) int64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return byDefault
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
