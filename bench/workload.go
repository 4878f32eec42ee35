package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A start is the state of the database that a workload begins with.
type start uint8

const (
	// empty is a new directory.
	empty start = iota
	// loaded is the database loaded for this run, opened in place: the workload only reads.
	loaded
	// copied is a copy of the loaded database, thrown away after it.
	copied
)

// A workload is one kind of work, measured at one or more numbers of callers.
type workload struct {
	name    string
	about   string
	callers []int
	start   start
	sync    bool
	needs   ability // engines without it are left out
	peer    string  // ratios refer to it; empty: to the reference of the report
	ops     func(c Config, callers int) int
	run     func(m *measurement) error
	// check looks at what a writing workload left behind, after it settled.
	check func(m *measurement) error
}

// workloads are all the workloads, in the order of the report.
var workloads = []workload{
	{
		name: "fillseq", about: "put every key in ascending order into an empty database, NoSync",
		callers: []int{1}, ops: everyKey, run: runFill, check: checkFill,
	}, {
		name: "fillrandom", about: "put every key once in random order into an empty database, NoSync",
		callers: []int{1, 8}, ops: everyKey, run: runFill, check: checkFill,
	}, {
		name: "fillsync", about: "as fillrandom, each put durable before it returns; keys/20 puts a caller, for 8 callers at most",
		callers: []int{1, 8, 64}, sync: true, ops: syncedKeys, run: runFill, check: checkFill,
	}, {
		name: "overwrite", about: "put new values of randomly drawn keys into a loaded database, NoSync",
		callers: []int{1}, start: copied, ops: everyKey, run: runOverwrite, check: checkOverwrite,
	}, {
		name: "readrandom", about: "get randomly drawn keys that exist",
		callers: []int{1, 8}, start: loaded, ops: reads, run: runReadRandom,
	}, {
		name: "readmissing", about: "get randomly drawn keys that do not exist and lie between those that do",
		callers: []int{1}, start: loaded, ops: reads, run: runReadMissing,
	}, {
		name: "seekrandom", about: "open an iterator, seek to a randomly drawn key or gap, read that entry and the next 10, close it",
		callers: []int{1}, start: loaded, ops: seeks, run: runSeekRandom,
	}, {
		name: "readseq", about: "read all entries forwards, several times over; an operation is one entry, a latency is of 100",
		callers: []int{1}, start: loaded, ops: scans, run: runReadSeq,
	}, {
		name: "readreverse", about: "the same backwards",
		callers: []int{1}, start: loaded, ops: scans, run: runReadReverse,
	}, {
		name: "readwhilewriting", about: "readrandom while one more caller overwrites at a fixed rate, NoSync; operations and latencies are the readers'",
		callers: []int{2}, start: copied, ops: reads, run: runReadWhileWriting,
	}, {
		name: "txn", about: "transactions that read a randomly drawn key which nobody writes and put another of the caller's own: none conflict; NoSync",
		callers: []int{1, 8}, start: copied, needs: transactions, peer: "badger", ops: everyKey, run: runTxn, check: checkTxn,
	}, {
		name: "txnserializable", about: "the same where a change of what a transaction only read would be a conflict, too",
		callers: []int{8}, start: copied, needs: transactions | serializable, peer: "badger", ops: everyKey, run: runTxn, check: checkTxn,
	}, {
		name: "txnsync", about: "as txn, each transaction durable before it returns; keys/20 for each of up to 8 callers",
		callers: []int{1, 8}, start: copied, sync: true, needs: transactions, peer: "badger", ops: syncedKeys, run: runTxn, check: checkTxn,
	}, {
		name: "rangedelete", about: "delete all keys but the last in one operation, then open an iterator, seek from a random one over those deleted, close it; operations are the seeks",
		callers: []int{1}, start: copied, needs: rangeDeletes, ops: seeks, run: runRangeDelete, check: checkRangeDelete,
	},
}

func everyKey(c Config, _ int) int { return c.Keys }

// syncedKeys is less than every key: a put that waits for the disk takes a hundred others' time.
func syncedKeys(c Config, callers int) int {
	return min(c.Keys, max(c.Keys/20, 50)*min(callers, 8))
}

// reads is at least a million where the database is not tiny: fewer would be over in no time.
func reads(c Config, _ int) int {
	if c.Reads > 0 {
		return c.Reads
	}
	return max(c.Keys, min(10*c.Keys, 1_000_000))
}

func seeks(c Config, callers int) int { return max(reads(c, callers)/4, 1) }

// scans is a whole number of passes over all keys.
func scans(c Config, callers int) int {
	return max(3*reads(c, callers)/c.Keys, callers) * c.Keys
}

// A row is a line of the report: a workload at a number of callers.
type row struct {
	workload workload
	callers  int
}

// name is "fillrandom-8"; the number is left out where there is only one by default.
func (r row) name() string {
	if len(r.workload.callers) == 1 && r.callers == r.workload.callers[0] {
		return r.workload.name
	}
	return r.workload.name + "-" + strconv.Itoa(r.callers)
}

// runs reports whether an engine has what the row needs.
func (r row) runs(e opener) bool { return e.has&r.workload.needs == r.workload.needs }

// selectRows returns the rows of a comma-separated list of workloads, in the order of the report;
// of the empty list, all. A name may say its number of callers ("fillrandom-8"); else callers do,
// if given, or the workload's own.
func selectRows(list string, callers []int) ([]row, error) {
	var rows []row
	wanted := func(string) bool { return true }
	if list != "" {
		names := strings.Split(strings.ReplaceAll(list, " ", ""), ",")
		for _, n := range names {
			if _, _, err := parseRow(n); err != nil {
				return nil, err
			}
		}
		wanted = func(name string) bool { return slices.Contains(names, name) }
	}
	for _, w := range workloads {
		counts := w.callers
		if len(callers) > 0 {
			counts = callers
		}
		// A row named with its number of callers is meant, whatever the defaults.
		for name := range strings.SplitSeq(strings.ReplaceAll(list, " ", ""), ",") {
			if n, c, err := parseRow(name); err == nil && n == w.name && c > 0 && !slices.Contains(counts, c) {
				rows = append(rows, row{w, c})
			}
		}
		for _, c := range counts {
			if wanted(w.name) || wanted(w.name+"-"+strconv.Itoa(c)) {
				rows = append(rows, row{w, c})
			}
		}
	}
	return rows, nil
}

// parseRow splits "fillrandom-8" into its workload and its callers, 0 if not said.
func parseRow(name string) (workload string, callers int, err error) {
	base, count, dashed := strings.Cut(name, "-")
	if _, ok := workloadNamed(base); !ok {
		return "", 0, fmt.Errorf("no workload %q; there are %s", name, strings.Join(workloadNames(), ", "))
	}
	if dashed {
		callers, err = strconv.Atoi(count)
		if err != nil || callers < 1 {
			return "", 0, fmt.Errorf("workload %q: %q is not a number of callers", name, count)
		}
	}
	return base, callers, nil
}

func workloadNamed(name string) (workload, bool) {
	i := slices.IndexFunc(workloads, func(w workload) bool { return w.name == name })
	if i < 0 {
		return workload{}, false
	}
	return workloads[i], true
}

func workloadNames() []string {
	names := make([]string, len(workloads))
	for i, w := range workloads {
		names[i] = w.name
	}
	return names
}
