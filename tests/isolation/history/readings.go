package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	maxReported = 3    // anomalies of one kind that are reported
	maxText     = 1000 // bytes of each transaction that are printed
)

// A checker works on one history.
type checker struct {
	txns    []Txn
	options Options

	keys     []string           // all that occur, sorted
	writes   map[element]*write // by what was appended
	readings []reading
	versions []version
	counts   []bool               // by transaction: its appends count as committed
	orders   map[string][]element // by key: its versions

	found    []Anomaly
	reported map[Kind]int
}

// An element is a number in the list of a key.
type element struct {
	key   string
	value int64
}

// A write is an append that took place.
type write struct {
	txn  int
	last bool // the transaction appended nothing to the same key afterwards
}

// A reading is what a transaction first saw of a key, without its own appends.
type reading struct {
	txn  int
	key  string
	list []int64
	scan *Op // not nil: seen by this scan
}

// A version is a list that a transaction left under a key that it had read before.
type version struct {
	txn  int
	key  string
	list []int64
}

// report notes an anomaly, with the transactions that took part.
func (h *checker) report(kind Kind, predicate bool, txns []int, format string, args ...any) {
	if h.reported[kind]++; h.reported[kind] > maxReported {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, format, args...)
	seen := map[int]bool{}
	for _, t := range txns {
		if !seen[t] {
			seen[t] = true
			text := h.txns[t].String()
			if len(text) > maxText {
				text = text[:maxText] + " ..."
			}
			b.WriteString("\n    " + text)
		}
	}
	h.found = append(h.found, Anomaly{Kind: kind, Text: b.String(), Predicate: predicate})
}

// collectWrites finds who appended what.
func (h *checker) collectWrites() {
	h.writes = map[element]*write{}
	keys := map[string]bool{}
	for t := range h.txns {
		latest := map[string]*write{}
		for _, o := range h.txns[t].Ops {
			if o.kind != opScan {
				keys[o.key] = true
			}
			for k := range o.lists {
				keys[k] = true
			}
			if o.kind != opAppend {
				continue
			}
			e := element{o.key, o.value}
			if before := h.writes[e]; before != nil {
				h.report(Duplicate, false, []int{before.txn, t}, "%d was appended to %s twice", e.value, e.key)
				continue
			}
			w := &write{txn: t, last: true}
			if before := latest[o.key]; before != nil {
				before.last = false
			}
			latest[o.key], h.writes[e] = w, w
		}
	}
	h.keys = slices.Sorted(maps.Keys(keys))
}

// collectReadings follows every transaction through its operations.
func (h *checker) collectReadings() {
	for t := range h.txns {
		f := follower{h: h, txn: t, known: map[string][]int64{}, own: map[string][]int64{}}
		for i := range h.txns[t].Ops {
			switch o := &h.txns[t].Ops[i]; o.kind {
			case opAppend:
				f.append(o)
			case opRead:
				f.read(o.key, o.list, nil)
			case opScan:
				first, _ := slices.BinarySearch(h.keys, o.key)
				for _, k := range h.keys[first:] {
					if k >= o.upper {
						break
					}
					f.read(k, o.lists[k], o)
				}
			}
		}
		for k, own := range f.own {
			if list, ok := f.known[k]; ok && len(own) > 0 && h.txns[t].Status != Aborted {
				h.versions = append(h.versions, version{txn: t, key: k, list: list})
			}
		}
	}
	slices.SortFunc(h.versions, func(a, b version) int {
		return cmpOr(a.txn-b.txn, strings.Compare(a.key, b.key))
	})
}

// A follower knows what a transaction must see next.
type follower struct {
	h     *checker
	txn   int
	known map[string][]int64 // lists as the transaction has read and changed them
	own   map[string][]int64 // its appends
}

func (f *follower) append(o *Op) {
	f.own[o.key] = append(f.own[o.key], o.value)
	if list, ok := f.known[o.key]; ok {
		f.known[o.key] = append(slices.Clone(list), o.value)
	}
}

// read takes a list that was seen; scan is nil for a read of this key alone.
func (f *follower) read(key string, list []int64, scan *Op) {
	known, ok := f.known[key]
	own := f.own[key]
	f.known[key] = list
	switch {
	case ok && !slices.Equal(known, list):
		f.h.report(Internal, false, []int{f.txn}, "%s saw %s = %v, where it had to see %v after what it saw and did before",
			f.h.txns[f.txn].Name, key, list, known)
	case ok:
	case len(list) < len(own) || !slices.Equal(list[len(list)-len(own):], own):
		f.h.report(Internal, false, []int{f.txn}, "%s saw %s = %v, without its own %v at the end",
			f.h.txns[f.txn].Name, key, list, own)
	default:
		list = list[:len(list)-len(own)]
		f.h.readings = append(f.h.readings, reading{txn: f.txn, key: key, list: list, scan: scan})
	}
}

// settleUnknown decides which transactions count as committed, and forgets what others saw and left,
// unless that matters too.
func (h *checker) settleUnknown() {
	h.counts = make([]bool, len(h.txns))
	for t := range h.txns {
		h.counts[t] = h.txns[t].Status == Committed
	}
	for _, r := range h.readings {
		for _, v := range r.list {
			if w := h.writes[element{r.key, v}]; w != nil && h.txns[w.txn].Status == Unknown {
				h.counts[w.txn] = true
			}
		}
	}
	h.readings = slices.DeleteFunc(h.readings, func(r reading) bool {
		return !h.counts[r.txn] && !h.options.AbortedReads
	})
	h.versions = slices.DeleteFunc(h.versions, func(v version) bool { return !h.counts[v.txn] })
}

// checkReadings looks at each list that was read by itself.
func (h *checker) checkReadings() {
	for _, r := range h.readings {
		name := h.txns[r.txn].Name
		seen := map[int64]bool{}
		for i, v := range r.list {
			w := h.writes[element{r.key, v}]
			switch {
			case seen[v]:
				h.report(Duplicate, false, []int{r.txn}, "%s saw %s = %v, with %d twice", name, r.key, r.list, v)
			case w == nil:
				h.report(Garbage, false, []int{r.txn}, "%s saw %s = %v, but nobody appended %d", name, r.key, r.list, v)
			case h.txns[w.txn].Status == Aborted:
				h.report(G1a, false, []int{r.txn, w.txn}, "%s saw %s = %v, with the %d of %s, which was aborted",
					name, r.key, r.list, v, h.txns[w.txn].Name)
			case i == len(r.list)-1 && !w.last && w.txn != r.txn:
				h.report(G1b, false, []int{r.txn, w.txn}, "%s saw %s = %v, which ends in the middle of what %s appended",
					name, r.key, r.list, h.txns[w.txn].Name)
			}
			seen[v] = true
		}
	}
}

func cmpOr(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}
