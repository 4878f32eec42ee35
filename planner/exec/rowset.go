package exec

import (
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
)

// A rowSet is the rows of a subquery that depends on nothing, to be compared with many values: those that fit into memory,
// each once, and the others in a file, which is read for each value that the former do not decide about.
type rowSet struct {
	rows  [][]catalog.Value
	known map[string]bool // identities of rows without NULL
	nulls [][]catalog.Value
	key   []byte
	bytes int64      // about what all of that takes
	file  *spillFile // other rows, which did not fit; nil: none
	width int
}

// collect reads all rows. Rows that are equal are kept once.
func (r *runner) collect() (*rowSet, error) {
	s := &rowSet{known: map[string]bool{}, width: len(r.places)}
	hold := r.run.holding(r.kept)
	var some catalog.Batch
	r.begin(nil, r.env)
	for {
		b, err := r.root.Next(r.run.ctx)
		if b == nil || err != nil {
			return s, errors.Join(err, s.file.finish())
		}
		choose(&some, b, r.places)
		if s.file != nil {
			if err = s.file.write(some.Columns, selected(&some)); err != nil {
				return s, err
			}
			continue
		}
		for _, i := range selected(b) {
			row := make([]catalog.Value, len(r.places))
			null := false
			for j, v := range some.Columns {
				row[j] = v.Value(int(i))
				null = null || row[j].IsNull()
			}
			if s.key = appendEqualities(s.key[:0], row); s.known[string(s.key)] {
				continue
			}
			s.known[string(s.key)] = true
			if s.rows = append(s.rows, row); null {
				s.nulls = append(s.nulls, row)
			}
			s.bytes += int64(100 + len(s.key) + 40*len(row))
		}
		if !hold.fits(s.bytes) {
			if s.file, err = r.run.newSpillFile(r.kept, "the rows of a subquery that values are compared with"); err != nil {
				return s, err
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
	c := comparison{op: n.Operator, all: all}
	for _, row := range rows {
		if c.decides(args, row) {
			return catalog.BoolOf(!all), nil
		}
	}
	return s.compareFile(&c, args)
}

// compareFile compares with the rows in the file too.
func (s *rowSet) compareFile(c *comparison, args []catalog.Value) (catalog.Value, error) {
	if s.file == nil {
		return c.value(), nil
	}
	r, row := s.file.reader(s.width), make([]catalog.Value, s.width)
	for {
		b, err := r.next()
		if b == nil || err != nil {
			return c.value(), err
		}
		for i := range b.Len {
			for j, v := range b.Columns {
				row[j] = v.Value(i)
			}
			if c.decides(args, row) {
				return catalog.BoolOf(!c.all), nil
			}
		}
	}
}

// A comparison is an ANY or ALL that is being evaluated.
type comparison struct {
	op      expr.Op
	all     bool
	unknown bool // it is NULL, if no row decides
}

// decides compares with one more row, and reports whether the result is known: not what it is without rows.
func (c *comparison) decides(args, row []catalog.Value) bool {
	v := compareRows(c.op, args, row)
	c.unknown = c.unknown || v.IsNull()
	return !v.IsNull() && v.AsBool() != c.all
}

// value returns the result if no row has decided.
func (c *comparison) value() catalog.Value {
	if c.unknown {
		return catalog.Null()
	}
	return catalog.BoolOf(c.all)
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
