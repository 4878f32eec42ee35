package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A store is an open database as the workloads see it. Put and Get are called by many goroutines
// at once; a scan belongs to one.
type store interface {
	// Put writes one entry; how durable it is when Put returns was decided at open.
	Put(key, value []byte) error
	// Load writes many entries at once without waiting for durability. It is not measured.
	Load(keys, values [][]byte) error
	// Get returns a copy of the value of key, made in dst's memory if it fits, and whether
	// there is one.
	Get(dst, key []byte) ([]byte, bool, error)
	// Scan returns an iterator over everything, in descending order if reverse.
	Scan(reverse bool) (scan, error)
	// Settle flushes and returns when no flush or compaction runs or is due.
	Settle() error
	Close() error
}

// A scan walks the entries in its order. Key and Value are valid until it moves.
type scan interface {
	First() bool
	Seek(key []byte) bool
	Next() bool
	Key() []byte
	Value() []byte
	// Close ends the scan and returns what made it fail, if anything did.
	Close() error
}

// An ability is something that not every engine has, as a bit.
type ability uint8

const (
	// transactions read and write, and fail if another one wrote meanwhile what they write: a [transactor].
	transactions ability = 1 << iota
	// serializable transactions also fail if another one wrote meanwhile what they read.
	serializable
	// rangeDeletes delete any number of keys in one operation: a [rangeDeleter].
	rangeDeletes
)

// A statser can describe its inner state, for --stats.
type statser interface{ Stats() string }

// Options are the settings that all engines are opened with, as far as they have them.
type Options struct {
	Sync          bool  // Put returns when the entry is durable, else when it is visible
	Callers       int   // goroutines that will call Put
	Transactions  bool  // transactions will run, which must notice conflicts
	Serializable  bool  // they must notice those with what they only read, too
	MemtableBytes int64 // size at which a memtable is sealed
	CacheBytes    int64 // decompressed blocks kept in memory
	BlockBytes    int   // target size of a data block before compression
}

const (
	bloomBits       = 10        // bits a key, on every level
	l0Trigger       = 4         // tables in level 0 that start a compaction
	baseLevelBytes  = 64 << 20  // size of the first level below 0
	sealedLimit     = 4         // memtables at which writes stop, the active one included
	compactionLimit = 3         // compactions at a time
	settleTimeout   = time.Hour // a store that does not settle by then fails the measurement
)

// An opener opens the stores of one engine.
type opener struct {
	name   string
	module string // whose version the report prints
	open   func(dir string, o Options) (store, error)
	// has is what the engine has, beyond what all have; it is not measured where it lacks what a workload needs.
	has ability
	// settings says in one line how o and what else matters is set.
	settings func(o Options) string
	// onRequest engines run only when named: they answer a question about a peer's settings.
	onRequest bool
}

// engines are all the engines, in the order of the report.
var engines = []opener{middbEngine, pebbleEngine, pebbleDefaultFormat, badgerEngine, goleveldbEngine, bboltEngine}

// selectEngines returns the engines of a comma-separated list, in its order; of the empty one, all
// that do not run on request only.
func selectEngines(list string) ([]opener, error) {
	var chosen []opener
	if list == "" {
		for _, e := range engines {
			if !e.onRequest {
				chosen = append(chosen, e)
			}
		}
		return chosen, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		e, ok := engineNamed(strings.TrimSpace(name))
		if !ok {
			return nil, fmt.Errorf("no engine %q; there are %s", name, strings.Join(engineNames(), ", "))
		}
		if !slices.ContainsFunc(chosen, func(c opener) bool { return c.name == e.name }) {
			chosen = append(chosen, e)
		}
	}
	return chosen, nil
}

func engineNamed(name string) (opener, bool) {
	for _, e := range engines {
		if e.name == name {
			return e, true
		}
	}
	return opener{}, false
}

func engineNames() []string {
	names := make([]string, len(engines))
	for i, e := range engines {
		names[i] = e.name
	}
	return names
}

// settleByPolling returns when idle has reported true, and the same state, for a whole quiet
// period. It serves engines that cannot be asked to wait.
func settleByPolling(quiet time.Duration, idle func() (state string, ok bool, err error)) error {
	last := "never looked"
	since, deadline := time.Now(), time.Now().Add(settleTimeout)
	for {
		state, ok, err := idle()
		if err != nil {
			return err
		}
		at := time.Now()
		if !ok || state != last {
			since, last = at, state
		}
		if at.Sub(since) >= quiet {
			return nil
		}
		if at.After(deadline) {
			return fmt.Errorf("not settled after %v: %s", settleTimeout, state)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// mib prints a size in MiB for the settings lines.
func mib(n int64) string {
	if n%(1<<20) != 0 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// kib prints a size in KiB for the settings lines.
func kib(n int) string { return fmt.Sprintf("%d KiB", n>>10) }
