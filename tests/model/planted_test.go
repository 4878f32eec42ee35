package model

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// The test must be able to fail: whatever is not synced although the engine says so is missed.
func TestMissingSyncsAreFound(t *testing.T) {
	const ofFiles = vfs.OpSync | vfs.OpSyncData
	for _, skipped := range []vfs.Rule{
		{Ops: ofFiles, Path: "*.wal"}, {Ops: ofFiles, Path: "*.sst"}, {Ops: ofFiles, Path: "MANIFEST-*"}, {Ops: vfs.OpSyncDir},
	} {
		skipped.Sticky, skipped.Silent = true, true
		t.Run(fmt.Sprintf("%v %s", skipped.Ops, skipped.Path), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 40; seed++ {
				err := play(seed, operationsPerSeed, func(c *engine.Config) { c.FS = vfs.NewFault(c.FS, skipped) })
				if err != nil {
					t.Logf("found: %.200s", err)
					return
				}
			}
			t.Error("40 seeds found nothing wrong")
		})
	}
}

// What depends on the time or on an operator is compared with a clock and an operator of the model's own. Package
// planted plants the bugs that are in the engine itself.
func TestWrongClocksAndOperatorsAreFound(t *testing.T) {
	for name, plant := range map[string]func(*engine.Config){
		"clock that stands still": func(c *engine.Config) {
			c.Clock = func() time.Time { return time.Unix(0, began) }
		},
		"slow clock": func(c *engine.Config) {
			right := c.Clock
			c.Clock = func() time.Time { return time.Unix(0, began+(right().UnixNano()-began)/2) }
		},
		"clock of its own": func(c *engine.Config) { c.Clock = nil },
		"operands in the wrong order": func(c *engine.Config) {
			swapped := tailOperator
			swapped.Merge = func(dst, older, newer []byte) ([]byte, error) { return tailOperator.Merge(dst, newer, older) }
			c.MergeOperators = []merge.Operator{swapped}
		},
		"operator that refuses nothing": func(c *engine.Config) {
			lenient := tailOperator
			lenient.Check = nil
			c.MergeOperators = []merge.Operator{lenient}
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 10; seed++ {
				if err := play(seed, operationsPerSeed, plant); err != nil {
					t.Logf("found: %.300s", err)
					return
				}
			}
			t.Error("10 seeds found nothing wrong")
		})
	}
}
