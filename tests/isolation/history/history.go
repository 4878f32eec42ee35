package history

import (
	"fmt"
	"slices"
	"strings"
)

// A Status says how a transaction ended.
type Status uint8

// How transactions end.
const (
	Committed Status = iota
	Aborted          // rolled back, or refused
	Unknown          // it may have been committed: it counts as such if anyone saw its appends
)

// A Txn is a transaction and what it observed.
type Txn struct {
	Name   string // for messages
	Ops    []Op   // in order
	Status Status
	// Begin and End are moments of one clock, a counter say, at which the transaction had not yet
	// begun and had ended. Of two transactions with an Unknown one first, there is no real-time order.
	Begin, End int64
}

// An Op is an operation of a transaction.
type Op struct {
	kind  opKind
	key   string // of a scan: the lower bound, inclusive
	upper string // of a scan: the upper bound, exclusive
	value int64
	list  []int64
	lists map[string][]int64
}

type opKind uint8

const (
	opRead opKind = iota
	opAppend
	opScan
)

// Read is a read of the list under a key, empty if the key is missing.
func Read(key string, list []int64) Op { return Op{kind: opRead, key: key, list: list} }

// Append is an append of a value that is appended nowhere else in the history.
func Append(key string, value int64) Op { return Op{kind: opAppend, key: key, value: value} }

// Scan is a read of all lists under keys in [lower, upper). Keys that are not in lists were missing.
func Scan(lower, upper string, lists map[string][]int64) Op {
	return Op{kind: opScan, key: lower, upper: upper, lists: lists}
}

// String prints the operation with its result.
func (o Op) String() string {
	switch o.kind {
	case opAppend:
		return fmt.Sprintf("append %s %d", o.key, o.value)
	case opScan:
		var found []string
		for k, list := range o.lists {
			found = append(found, fmt.Sprintf("%s=%v", k, list))
		}
		slices.Sort(found)
		return fmt.Sprintf("scan %s {%s}", o.bounds(), strings.Join(found, " "))
	default:
		return fmt.Sprintf("read %s %v", o.key, o.list)
	}
}

// bounds prints the bounds of a scan.
func (o Op) bounds() string { return o.key + ".." + strings.ReplaceAll(o.upper, "\x00", `\x00`) }

// String prints the transaction with all its operations.
func (t Txn) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s, %d to %d):", t.Name, [...]string{"committed", "aborted", "unknown"}[t.Status], t.Begin, t.End)
	for _, o := range t.Ops {
		fmt.Fprintf(&b, " %s;", o)
	}
	return strings.TrimSuffix(b.String(), ";")
}

// Options say what counts as an anomaly.
type Options struct {
	// RealTime demands that a transaction sees all that had ended before it began.
	RealTime bool
	// AbortedReads demands of aborted transactions that what they read is as consistent as if they
	// had read only and been committed.
	AbortedReads bool
}

// A Kind names an anomaly, as explained at the package.
type Kind string

// The anomalies. Cycles that need real-time order have the suffix Realtime.
const (
	G0                Kind = "G0"
	G1a               Kind = "G1a"
	G1b               Kind = "G1b"
	G1c               Kind = "G1c"
	GSingle           Kind = "G-single"
	GNonadjacent      Kind = "G-nonadjacent"
	G2                Kind = "G2"
	Internal          Kind = "internal"
	IncompatibleOrder Kind = "incompatible order"
	LostUpdate        Kind = "lost update"
	Duplicate         Kind = "duplicate"
	Garbage           Kind = "garbage"

	Realtime = "-realtime"
)

// An Anomaly is one thing that is wrong with a history.
type Anomaly struct {
	Kind Kind
	// Text tells what happened and ends with the transactions that took part.
	Text string
	// Predicate tells that a scan that did not find a key is part of the cycle: a phantom.
	Predicate bool
}

// String prints the anomaly over several lines.
func (a Anomaly) String() string { return string(a.Kind) + ": " + a.Text }

// Check returns the anomalies of a history, of each kind a few of the shortest ones.
func Check(txns []Txn, o Options) []Anomaly {
	h := &checker{txns: txns, options: o, reported: map[Kind]int{}}
	h.collectWrites()
	h.collectReadings()
	h.settleUnknown()
	h.checkReadings()
	h.inferOrders()
	h.findCycles()
	return h.found
}
