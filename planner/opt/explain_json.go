package opt

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/middb/middb/planner/physical"
)

// ExplainJSON returns a plan as EXPLAIN (FORMAT JSON) of PostgreSQL does: an array of one object. Costs and times are in
// milliseconds.
func ExplainJSON(q *physical.Query, o ExplainOptions) string {
	e := newExplainer(q, &o)
	top := object{{"Plan", e.object(e.root())}}
	if o.Planning > 0 {
		top = append(top, field{"Planning Time", rounded(o.Planning.Seconds() * 1e3)})
	}
	if o.Execution > 0 {
		top = append(top, field{"Execution Time", rounded(o.Execution.Seconds() * 1e3)})
	}
	var b strings.Builder
	writeJSON(&b, []object{top}, "")
	return b.String()
}

// An object is a JSON object whose fields have an order.
type object []field

type field struct {
	name  string
	value any // string, float64, bool, []string, object or []object
}

func (e *explainer) object(s *shown) object {
	o := object{{"Node Type", s.kind}}
	if s.relationship != "" {
		o = append(o, field{"Parent Relationship", s.relationship})
	}
	if s.label != "" {
		o = append(o, field{"Subplan Name", s.label})
	}
	for _, p := range s.properties {
		if p.hidden {
			o = append(o, field{p.name, p.value})
		}
	}
	if s.node != nil && !e.options.NoCosts {
		est := s.node.Estimate()
		o = append(o, field{"Startup Cost", rounded(est.First / 1e6)}, field{"Total Cost", rounded(est.Cost / 1e6)},
			field{"Plan Rows", whole(est.Rows)}, field{"Plan Width", whole(est.Width)})
	}
	if s.node != nil && e.options.Measured != nil {
		loops := max(1, float64(s.measure.Loops))
		o = append(o, field{"Actual Total Time", rounded(s.measure.Time.Seconds() * 1e3 / loops)},
			field{"Actual Rows", whole(float64(s.measure.Rows) / loops)}, field{"Actual Loops", whole(float64(s.measure.Loops))})
	}
	for _, p := range s.properties {
		if !p.hidden {
			o = append(o, field{p.name, p.value})
		}
	}
	if len(s.below) > 0 {
		list := make([]object, len(s.below))
		for i, b := range s.below {
			list[i] = e.object(b)
		}
		o = append(o, field{"Plans", list})
	}
	return o
}

func rounded(f float64) json.Number { return json.Number(fmt.Sprintf("%.3f", f)) }
func whole(f float64) json.Number   { return json.Number(fmt.Sprintf("%.0f", f)) }

// writeJSON writes a value over several lines, which begin with indent.
func writeJSON(b *strings.Builder, value any, indent string) {
	inner := indent + "  "
	switch v := value.(type) {
	case []object:
		b.WriteString("[")
		for i, o := range v {
			separate(b, i, inner)
			writeJSON(b, o, inner)
		}
		b.WriteString("\n" + indent + "]")
	case object:
		b.WriteString("{")
		for i, f := range v {
			separate(b, i, inner)
			writeJSON(b, f.name, "")
			b.WriteString(": ")
			writeJSON(b, f.value, inner)
		}
		b.WriteString("\n" + indent + "}")
	default:
		var text strings.Builder
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if enc.Encode(v) != nil {
			text.Reset()
			text.WriteString("null")
		}
		b.WriteString(strings.TrimSuffix(text.String(), "\n"))
	}
}

func separate(b *strings.Builder, i int, indent string) {
	if i > 0 {
		b.WriteByte(',')
	}
	b.WriteString("\n" + indent)
}
