package history

import (
	"cmp"
	"fmt"
	"slices"
)

// An edgeKind says how the second of two transactions depends on the first.
type edgeKind uint8

const (
	ww edgeKind = 1 << iota
	wr
	rw
	rt // to, along and from the moments at which transactions ended
)

func (k edgeKind) String() string {
	return map[edgeKind]string{ww: "ww", wr: "wr", rw: "rw", rt: "rt"}[k]
}

// An edge leads to another node of the graph.
type edge struct {
	to   int
	kind edgeKind
	// Of ww and rw: what was appended next. Of wr: what was read last.
	element element
	reading *reading // of wr and rw
}

// A graph has the transactions as its nodes, and behind them the moments at which one ended, which
// keep the number of rt edges small: a transaction leads to its end, an end to the next one, and
// the last end before a transaction began to that transaction.
type graph [][]edge

// buildGraph makes the graph of all dependencies.
func (h *checker) buildGraph() graph {
	g := make(graph, len(h.txns), 2*len(h.txns))
	type edgeID struct {
		from, to int
		kind     edgeKind
	}
	seen := map[edgeID]bool{}
	add := func(from int, e edge) {
		if id := (edgeID{from, e.to, e.kind}); from != e.to && !seen[id] {
			seen[id] = true
			g[from] = append(g[from], e)
		}
	}
	for _, k := range h.keys {
		order := h.orders[k]
		for i := range order[:max(0, len(order)-1)] {
			before, after := h.writes[order[i]], h.writes[order[i+1]]
			if before != nil && after != nil {
				add(before.txn, edge{to: after.txn, kind: ww, element: order[i+1]})
			}
		}
	}
	for i := range h.readings {
		r := &h.readings[i]
		if n := len(r.list); n > 0 {
			e := element{r.key, r.list[n-1]}
			if w := h.writes[e]; w != nil {
				add(w.txn, edge{to: r.txn, kind: wr, element: e, reading: r})
			}
		}
		order := h.orders[r.key]
		if n := len(r.list); n < len(order) {
			if w := h.writes[order[n]]; w != nil {
				add(r.txn, edge{to: w.txn, kind: rw, element: order[n], reading: r})
			}
		}
	}
	if h.options.RealTime {
		g = h.addRealTime(g)
	}
	return g
}

// addRealTime adds the moments at which transactions ended.
func (h *checker) addRealTime(g graph) graph {
	var ended []int
	for t := range h.txns {
		reader := h.options.AbortedReads && h.txns[t].Status == Aborted
		if reader || h.counts[t] && h.txns[t].Status != Unknown {
			ended = append(ended, t)
		}
	}
	slices.SortFunc(ended, func(a, b int) int { return cmp.Compare(h.txns[a].End, h.txns[b].End) })
	moment := len(g)
	g = append(g, make(graph, len(ended))...)
	for i, t := range ended {
		g[t] = append(g[t], edge{to: moment + i, kind: rt})
		if i > 0 {
			g[moment+i-1] = append(g[moment+i-1], edge{to: moment + i, kind: rt})
		}
	}
	for t := range h.txns {
		before, _ := slices.BinarySearchFunc(ended, h.txns[t].Begin, func(e int, begin int64) int {
			return cmp.Compare(h.txns[e].End, begin)
		})
		if before > 0 {
			g[moment+before-1] = append(g[moment+before-1], edge{to: t, kind: rt})
		}
	}
	return g
}

// A step is an edge with where it begins.
type step struct {
	from int
	edge
}

// describe explains an edge of a cycle.
func (h *checker) describe(s step) string {
	from, to := h.txns[s.from].Name, h.txns[s.to].Name
	what := ""
	switch s.kind {
	case ww:
		what = fmt.Sprintf("%s appended %d to %s next", to, s.element.value, s.element.key)
	case wr:
		what = fmt.Sprintf("%s %s, which %s left", to, s.reading.saw(), from)
	case rw:
		what = fmt.Sprintf("%s %s, before %s appended %d", from, s.reading.saw(), to, s.element.value)
	case rt:
		what = fmt.Sprintf("%s had ended before %s began", from, to)
	}
	return fmt.Sprintf("%s -%v-> %s: %s", from, s.kind, to, what)
}

func (r *reading) saw() string {
	if r.scan != nil {
		return fmt.Sprintf("scanned %s and saw %s = %v", r.scan.bounds(), r.key, r.list)
	}
	return fmt.Sprintf("read %s = %v", r.key, r.list)
}

// components returns for each node of a graph the number of its strongly connected component, by
// Tarjan's algorithm. next calls yield for each successor of a node.
func components(nodes int, next func(node int, yield func(int))) []int {
	const unseen = -1
	component := make([]int, nodes)
	index, low := make([]int, nodes), make([]int, nodes)
	for n := range nodes {
		component[n], index[n] = unseen, unseen
	}
	var stack []int
	visited, found := 0, 0
	var visit func(n int)
	visit = func(n int) {
		index[n], low[n] = visited, visited
		visited++
		stack = append(stack, n)
		next(n, func(m int) {
			switch {
			case index[m] == unseen:
				visit(m)
				low[n] = min(low[n], low[m])
			case component[m] == unseen:
				low[n] = min(low[n], index[m])
			}
		})
		if low[n] != index[n] {
			return
		}
		for {
			m := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			component[m] = found
			if m == n {
				break
			}
		}
		found++
	}
	for n := range nodes {
		if index[n] == unseen {
			visit(n)
		}
	}
	return component
}
