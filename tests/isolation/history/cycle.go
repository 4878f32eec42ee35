package history

import (
	"slices"
	"strings"
)

// A search looks for cycles that have at least one edge of one kind among edges of some kinds.
type search struct {
	first edgeKind // a cycle begins with one of this kind
	among edgeKind
	apart bool // no two rw edges next to one another; else only cycles that have such a pair count
}

// searches go from the worst cycles to the most harmless. Those that need real-time order come last,
// because what is wrong without it is worse.
var searches = []search{
	{first: ww, among: ww, apart: true},
	{first: wr, among: ww | wr, apart: true},
	{first: rw, among: ww | wr | rw, apart: true},
	{first: rw, among: ww | wr | rw},
	{first: rt, among: ww | wr | rw | rt, apart: true},
	{first: rt, among: ww | wr | rw | rt},
}

// maxTried bounds the beginnings from which the shortest cycle is looked for.
const maxTried = 50

// findCycles reports cycles of every kind.
func (h *checker) findCycles() {
	g := h.buildGraph()
	for _, s := range searches {
		if s.first == rt && !h.options.RealTime {
			continue
		}
		for _, c := range h.shortest(g, s) {
			h.reportCycle(h.withoutMoments(c), s)
		}
	}
}

// A state is where a walk through the graph stands: 2 n at node n, 2 n + 1 at node n after an rw
// edge. Only a search for cycles without adjacent rw edges makes the difference.
func (s search) next(g graph, state int, yield func(to int, e edge)) {
	after := state%2 == 1
	for _, e := range g[state/2] {
		switch {
		case e.kind&s.among == 0, s.apart && after && e.kind == rw:
		case s.apart && e.kind == rw:
			yield(2*e.to+1, e)
		default:
			yield(2*e.to, e)
		}
	}
}

// shortest returns the shortest cycle in each strongly connected component, for the components
// with the shortest ones.
func (h *checker) shortest(g graph, s search) [][]step {
	component := components(2*len(g), func(state int, yield func(int)) {
		s.next(g, state, func(to int, _ edge) { yield(to) })
	})
	best := map[int][]step{}
	tried := map[int]int{}
	for state := range 2 * len(h.txns) {
		s.next(g, state, func(to int, e edge) {
			c := component[to]
			if e.kind != s.first || component[state] != c || tried[c] == maxTried {
				return
			}
			tried[c]++
			cycle := append([]step{{state / 2, e}}, s.path(g, component, to, state)...)
			if best[c] == nil || len(cycle) < len(best[c]) {
				best[c] = cycle
			}
		})
	}
	var cycles [][]step
	for _, c := range best {
		cycles = append(cycles, c)
	}
	slices.SortFunc(cycles, func(a, b []step) int { return cmpOr(len(a)-len(b), a[0].from-b[0].from) })
	return cycles
}

// path returns the shortest path between two states of one component.
func (s search) path(g graph, component []int, from, to int) []step {
	type arrival struct {
		state int
		step  step
	}
	came := map[int]arrival{from: {}}
	for queue := []int{from}; len(queue) > 0; queue = queue[1:] {
		state := queue[0]
		if state == to {
			var path []step
			for at := to; at != from; at = came[at].state {
				path = append(path, came[at].step)
			}
			slices.Reverse(path)
			return path
		}
		s.next(g, state, func(next int, e edge) {
			if _, seen := came[next]; !seen && component[next] == component[from] {
				came[next] = arrival{state, step{state / 2, e}}
				queue = append(queue, next)
			}
		})
	}
	return nil
}

// classify names a cycle, and tells whether a phantom is part of it.
func classify(cycle []step) (kind Kind, predicate bool) {
	var kinds edgeKind
	var count, adjacent int
	for i, s := range cycle {
		kinds |= s.kind
		if s.kind != rw {
			continue
		}
		count++
		if cycle[(i+1)%len(cycle)].kind == rw {
			adjacent++
		}
		predicate = predicate || s.reading.scan != nil && len(s.reading.list) == 0
	}
	switch {
	case count == 1:
		kind = GSingle
	case count > 1 && adjacent == 0:
		kind = GNonadjacent
	case count > 1:
		kind = G2
	case kinds&wr != 0:
		kind = G1c
	default:
		kind = G0
	}
	if kinds&rt != 0 {
		kind += Realtime
	}
	return kind, predicate
}

// reportCycle reports what a search found, unless it is what another search finds.
func (h *checker) reportCycle(cycle []step, s search) {
	kind, predicate := classify(cycle)
	if apart := kind != G2 && kind != G2+Realtime; apart != s.apart {
		return
	}
	var lines []string
	var txns []int
	for _, s := range cycle {
		lines = append(lines, "    "+h.describe(s))
		txns = append(txns, s.from)
	}
	h.report(kind, predicate, txns, "a cycle of %d\n%s\n  where", len(cycle), strings.Join(lines, "\n"))
}

// withoutMoments replaces the way over the ends of transactions by one edge.
func (h *checker) withoutMoments(cycle []step) []step {
	var out []step
	for _, s := range cycle {
		if s.from < len(h.txns) {
			out = append(out, s)
		} else {
			out[len(out)-1].to = s.to
		}
	}
	return out
}
