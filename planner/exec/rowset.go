package exec

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
)

// A rowSet is the rows of a subquery that depends on nothing, to be compared with many values.
type rowSet struct {
	rows  [][]catalog.Value
	known map[string]bool // identities of rows without NULL
	nulls [][]catalog.Value
	key   []byte
}

// collect reads all rows. Rows that are equal are kept once.
func (r *runner) collect() (*rowSet, error) {
	s := &rowSet{known: map[string]bool{}}
	r.begin(nil, r.env)
	for {
		b, err := r.root.Next(r.run.ctx)
		if b == nil || err != nil {
			return s, err
		}
		for _, i := range selected(b) {
			row := make([]catalog.Value, len(r.places))
			null := false
			for j, at := range r.places {
				row[j] = b.Columns[at].Value(int(i))
				null = null || row[j].IsNull()
			}
			if s.key = appendEqualities(s.key[:0], row); s.known[string(s.key)] {
				continue
			}
			s.known[string(s.key)] = true
			if s.rows = append(s.rows, row); null {
				s.nulls = append(s.nulls, row)
			}
			if r.kept.Grow(int64(100+len(s.key)+40*len(row))) != nil {
				return nil, r.run.tooMuch("the rows of a subquery that values are compared with")
			}
		}
	}
}

// compare returns the value of an OpAny or OpAll for values.
func (s *rowSet) compare(n *expr.Node, args []catalog.Value) (catalog.Value, error) {
	all := n.Op == expr.OpAll
	rows := s.rows
	if n.Operator == expr.OpEqual && !all || n.Operator == expr.OpNotEqual && all {
		null := false
		for _, v := range args {
			null = null || v.IsNull()
		}
		if !null {
			if s.key = appendEqualities(s.key[:0], args); s.known[string(s.key)] {
				return catalog.BoolOf(!all), nil
			}
			rows = s.nulls
		}
	}
	unknown := false
	for _, row := range rows {
		v := compareRows(n.Operator, args, row)
		if unknown = unknown || v.IsNull(); !v.IsNull() && v.AsBool() != all {
			return v, nil
		}
	}
	if unknown {
		return catalog.Null(), nil
	}
	return catalog.BoolOf(all), nil
}

// compareRows compares rows as SQL does: NULL if that depends on a NULL.
func compareRows(op expr.Op, x, y []catalog.Value) catalog.Value {
	unknown := false
	for i := range x {
		if x[i].IsNull() || y[i].IsNull() {
			if op != expr.OpEqual && op != expr.OpNotEqual {
				return catalog.Null() // the order depends on it, as all before are equal
			}
			unknown = true
			continue
		}
		c := catalog.Compare(x[i], y[i])
		if c == 0 {
			continue
		}
		return catalog.BoolOf(holds(op, c))
	}
	if unknown {
		return catalog.Null()
	}
	return catalog.BoolOf(holds(op, 0))
}

// holds reports whether a comparison is true of values that compare as c says.
func holds(op expr.Op, c int) bool {
	switch op {
	case expr.OpEqual:
		return c == 0
	case expr.OpNotEqual:
		return c != 0
	case expr.OpLess:
		return c < 0
	case expr.OpLessEqual:
		return c <= 0
	case expr.OpGreater:
		return c > 0
	default:
		return c >= 0
	}
}

// appendEqualities appends values so that those of others differ exactly if Compare says so.
func appendEqualities(dst []byte, values []catalog.Value) []byte {
	for i, v := range values {
		switch v.Kind() {
		case catalog.Float64:
			if v.AsFloat() == 0 {
				v = catalog.Float(0)
			}
		case catalog.Decimal, catalog.Int64:
			n, scale := v.AsDecimal()
			for ; scale > 0 && n%10 == 0; scale-- {
				n /= 10
			}
			v = catalog.DecimalOf(n, scale)
		default:
		}
		dst = appendIdentities(dst, append(values[:i:i], v)[i:])
	}
	return dst
}
