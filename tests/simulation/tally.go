package simulation

import (
	"fmt"
	"strings"

	"github.com/middb/middb/engine"
)

// A Tally counts what runs exercised.
type Tally struct {
	Lives, Steps, Events           int
	Crashes, Closes                int // ends of lives
	Commits, Reads                 int // acknowledged, checked
	Lost                           int // operations that a crash took back
	Conflicts                      int // transactions that were refused
	Changes                        int // that a feed yielded
	Flushes, Compactions           int64
	Stalls, Delayed, Queued, Fulls int64
}

// counts lists the fields, in words.
func (t *Tally) counts() []struct {
	what string
	n    int64
} {
	return []struct {
		what string
		n    int64
	}{
		{"lives", int64(t.Lives)},
		{"steps", int64(t.Steps)},
		{"events", int64(t.Events)},
		{"crashes", int64(t.Crashes)},
		{"clean closes", int64(t.Closes)},
		{"commits", int64(t.Commits)},
		{"reads", int64(t.Reads)},
		{"operations lost", int64(t.Lost)},
		{"conflicts", int64(t.Conflicts)},
		{"changes watched", int64(t.Changes)},
		{"flushes", t.Flushes},
		{"compactions", t.Compactions},
		{"stalls", t.Stalls},
		{"delayed writes", t.Delayed},
		{"writes waiting for room", t.Queued},
		{"full disks", t.Fulls},
	}
}

// Add adds another tally.
func (t *Tally) Add(o Tally) {
	t.Lives += o.Lives
	t.Steps += o.Steps
	t.Events += o.Events
	t.Crashes += o.Crashes
	t.Closes += o.Closes
	t.Commits += o.Commits
	t.Reads += o.Reads
	t.Lost += o.Lost
	t.Conflicts += o.Conflicts
	t.Changes += o.Changes
	t.Flushes += o.Flushes
	t.Compactions += o.Compactions
	t.Stalls += o.Stalls
	t.Delayed += o.Delayed
	t.Queued += o.Queued
	t.Fulls += o.Fulls
}

func (t *Tally) addStats(s engine.Stats) {
	t.Flushes += s.Flushes
	t.Compactions += s.Compactions
	t.Stalls += s.Stalls
	t.Delayed += s.WriteDelays
	t.Queued += s.WriteQueued
}

// Missing names what never happened: over many seeds everything should.
func (t *Tally) Missing() (what []string) {
	for _, c := range t.counts() {
		if c.n == 0 {
			what = append(what, c.what)
		}
	}
	return what
}

// String lists the counts.
func (t *Tally) String() string {
	var words []string
	for _, c := range t.counts() {
		words = append(words, fmt.Sprintf("%d %s", c.n, c.what))
	}
	return strings.Join(words, ", ")
}
