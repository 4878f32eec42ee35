package opt

import (
	"fmt"
	"strings"
	"time"

	"github.com/middb/middb/planner/physical"
)

// ExplainOptions say what is shown of a plan.
type ExplainOptions struct {
	Verbose bool // the columns of each node too, and nodes that only choose columns
	NoCosts bool // no estimates
	// Statement is what is done with the rows, such as "Insert on t". Empty: they are returned.
	Statement string
	// Measured returns what a node has done, and false if it was never begun. Nil: the query was not run.
	Measured func(physical.Node) (Measure, bool)
	// Planning and Execution are how long those took. Zero: that is not shown.
	Planning, Execution time.Duration
}

// A Measure is what a node has done in all of its loops. Its fields are those of exec.Measure.
type Measure struct {
	Rows, Batches int64
	Loops         int64
	Time          time.Duration // what is below it included
	Memory        int64         // bytes that it kept at most
	Spilled       int64         // bytes that it wrote to temporary files
}

// Explain returns a plan as EXPLAIN of PostgreSQL shows one: a line for each node, indented below what reads it. Costs and
// times are in milliseconds. There is a line feed at the end of each line.
func Explain(q *physical.Query, o ExplainOptions) string {
	e := newExplainer(q, &o)
	w := &textWriter{options: &o}
	w.node(e.root(), "", "")
	w.times()
	return w.String()
}

// A textWriter writes nodes as text.
type textWriter struct {
	strings.Builder
	options *ExplainOptions
}

// node writes a node. What comes before its name is in head, and rest before all lines that follow.
func (w *textWriter) node(s *shown, head, rest string) {
	w.WriteString(head + s.title)
	if s.node != nil {
		w.estimate(s)
	}
	w.WriteByte('\n')
	rest += "  "
	for _, p := range s.properties {
		if !p.hidden {
			fmt.Fprintf(w, "%s%s: %s\n", rest, p.name, p.text())
		}
	}
	for _, c := range s.below {
		at := rest
		if c.label != "" {
			w.WriteString(rest + c.label + "\n")
			at += "  "
		}
		w.node(c, at+"->  ", at+"    ")
	}
}

// estimate writes what was believed and what was measured.
func (w *textWriter) estimate(s *shown) {
	if e := s.node.Estimate(); !w.options.NoCosts {
		fmt.Fprintf(w, "  (cost=%.3f..%.3f rows=%.0f width=%.0f)", milliseconds(e.First), milliseconds(e.Cost), e.Rows, e.Width)
	}
	if w.options.Measured == nil {
		return
	}
	m := s.measure
	if m.Loops == 0 {
		w.WriteString(" (never executed)")
		return
	}
	loops := float64(m.Loops)
	fmt.Fprintf(w, " (actual time=%.3f rows=%.0f loops=%d)", milliseconds(float64(m.Time))/loops, float64(m.Rows)/loops, m.Loops)
}

// times writes how long it all took.
func (w *textWriter) times() {
	if w.options.Planning > 0 {
		fmt.Fprintf(w, "Planning Time: %.3f ms\n", milliseconds(float64(w.options.Planning)))
	}
	if w.options.Execution > 0 {
		fmt.Fprintf(w, "Execution Time: %.3f ms\n", milliseconds(float64(w.options.Execution)))
	}
}

func milliseconds(nanoseconds float64) float64 { return nanoseconds / 1e6 }
