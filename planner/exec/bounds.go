package exec

import (
	"bytes"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/sqlstate"
)

// A keyPart is a column of a key.
type keyPart struct {
	place    int // in the table; negative: the hidden row id
	typ      catalog.Type
	order    key.Order
	nullable bool
}

// keyOf returns the columns of the primary key or of an index, and whether no two rows have the same values there, if none
// is NULL.
func keyOf(t *catalog.Table, index string) (parts []keyPart, unique bool, err error) {
	columns, unique := t.PrimaryKey, true
	if index != "" {
		ix, ok := t.Index(index)
		if !ok {
			return nil, false, sqlstate.New(sqlstate.InternalError, -1, "table %s has no index %q", t.Name, index)
		}
		columns, unique = ix.Columns, ix.Unique
	}
	for _, k := range columns {
		c, at, ok := t.ColumnByID(k.Column)
		if !ok {
			return nil, false, sqlstate.New(sqlstate.InternalError, -1, "table %s has no column %d of a key", t.Name, k.Column)
		}
		parts = append(parts, keyPart{at, c.Type, k.Order(), !c.NotNull && index != ""})
	}
	if len(parts) == 0 {
		parts = []keyPart{{place: -1, typ: catalog.Type{Kind: catalog.Int64}}}
	}
	return parts, unique, nil
}

// boundPrograms is a physical.Bounds to evaluate.
type boundPrograms struct {
	*physical.Bounds
	prefix       []*expr.Program
	lower, upper *expr.Program
}

func (b *builder) boundPrograms(list []physical.Bounds) ([]boundPrograms, error) {
	all := make([]boundPrograms, len(list))
	for i := range list {
		p := &all[i]
		p.Bounds = &list[i]
		for _, n := range list[i].Prefix {
			e, err := b.constant(n)
			if err != nil {
				return nil, err
			}
			p.prefix = append(p.prefix, e)
		}
		var err error
		if p.lower, err = b.constant(list[i].Lower); err != nil {
			return nil, err
		}
		if p.upper, err = b.constant(list[i].Upper); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// A keyRange is what a ScanRequest says of keys.
type keyRange struct {
	prefix       []catalog.Value
	lower, upper []catalog.Value // at most one
	lowerOpen    bool
	upperOpen    bool
	from, to     []byte // keys that begin with these: from the first to behind the last; nil: no bound
}

// A valueRange is a range of a column, in terms of its values; NULL is no bound.
type valueRange struct {
	low, high         catalog.Value
	lowOpen, highOpen bool
	notNull           bool
}

// evaluate returns the range, or false if it is empty.
func (p *boundPrograms) evaluate(parts []keyPart, env *expr.Env) (r keyRange, some bool, err error) {
	for i, e := range p.prefix {
		var v catalog.Value
		v, err = e.Eval(nil, env)
		if err != nil || v.IsNull() {
			return r, false, err
		}
		if i >= len(parts) {
			return r, false, sqlstate.New(sqlstate.InternalError, -1, "a range has more columns than its key")
		}
		f := fitting(v, parts[i].typ)
		switch {
		case f.exact:
			r.prefix = append(r.prefix, f.below)
		case f.loose:
			r.limit(parts, valueRange{low: f.below, high: f.above, notNull: true})
			return r, true, nil
		default:
			return r, false, nil
		}
	}
	if len(r.prefix) == len(parts) {
		return r, true, nil
	}
	values := valueRange{notNull: p.NotNull}
	if some, err = p.between(&values, parts[len(r.prefix)].typ, env); some {
		r.limit(parts, values)
	}
	return r, some, err
}

// between evaluates Lower and Upper. It reports whether anything can be between them.
func (p *boundPrograms) between(r *valueRange, t catalog.Type, env *expr.Env) (bool, error) {
	if p.lower != nil {
		v, err := p.lower.Eval(nil, env)
		if err != nil || v.IsNull() {
			return false, err
		}
		f := fitting(v, t)
		switch {
		case f.exact:
			r.low, r.lowOpen = f.below, p.LowerExclusive
		case f.loose:
			r.low = f.below
		case f.above.IsNull():
			return false, nil
		default:
			r.low = f.above
		}
		r.notNull = true
	}
	if p.upper != nil {
		v, err := p.upper.Eval(nil, env)
		if err != nil || v.IsNull() {
			return false, err
		}
		f := fitting(v, t)
		switch {
		case f.exact:
			r.high, r.highOpen = f.below, p.UpperExclusive
		case f.loose:
			r.high = f.above
		case f.below.IsNull():
			return false, nil
		default:
			r.high = f.below
		}
		r.notNull = true
	}
	return true, nil
}

// limit has the column behind the prefix be within a range of values.
func (r *keyRange) limit(parts []keyPart, v valueRange) {
	part := parts[len(r.prefix)]
	low, high := v.low, v.high
	r.lowerOpen, r.upperOpen = v.lowOpen, v.highOpen
	if part.order&key.Descending != 0 {
		low, high = high, low
		r.lowerOpen, r.upperOpen = r.upperOpen, r.lowerOpen
	}
	if !low.IsNull() {
		r.lower = []catalog.Value{low}
	}
	if !high.IsNull() {
		r.upper = []catalog.Value{high}
	}
	if !v.notNull || !part.nullable {
		return
	}
	if first := part.order&key.NullsFirst != 0; first && r.lower == nil {
		r.lower, r.lowerOpen = []catalog.Value{{}}, true
	} else if !first && r.upper == nil {
		r.upper, r.upperOpen = []catalog.Value{{}}, true
	}
}

// encode sets the keys between which the range is.
func (r *keyRange) encode(parts []keyPart) {
	var prefix []byte
	for i, v := range r.prefix {
		prefix = catalog.AppendKeyValue(prefix, v, parts[i].order)
	}
	r.from, r.to = prefix, behind(prefix)
	if len(r.lower) > 0 {
		if r.from = catalog.AppendKeyValue(slices.Clone(prefix), r.lower[0], parts[len(r.prefix)].order); r.lowerOpen {
			r.from = behind(r.from)
		}
	}
	if len(r.upper) > 0 {
		if r.to = catalog.AppendKeyValue(slices.Clone(prefix), r.upper[0], parts[len(r.prefix)].order); !r.upperOpen {
			r.to = behind(r.to)
		}
	}
}

// behind returns the first key behind those that begin with k; nil: there is none.
func behind(k []byte) []byte {
	end := slices.Clone(k)
	for len(end) > 0 {
		if end[len(end)-1]++; end[len(end)-1] != 0 {
			return end
		}
		end = end[:len(end)-1]
	}
	return nil
}

// evaluateAll returns ranges that ascend and do not overlap, whatever the parameters are.
func evaluateAll(list []boundPrograms, parts []keyPart, env *expr.Env) ([]keyRange, error) {
	var all []keyRange
	for i := range list {
		r, some, err := list[i].evaluate(parts, env)
		if err != nil {
			return nil, err
		}
		if some {
			all = append(all, r)
		}
	}
	if len(all) < 2 {
		return all, nil
	}
	for i := range all {
		all[i].encode(parts)
	}
	slices.SortStableFunc(all, func(a, b keyRange) int {
		if c := bytes.Compare(a.from, b.from); c != 0 {
			return c
		}
		return compareEnds(b.to, a.to) // the wider one first
	})
	kept := all[:1]
	for _, r := range all[1:] {
		last := &kept[len(kept)-1]
		switch {
		case r.to != nil && bytes.Compare(r.from, r.to) >= 0: // nothing is in it
		case last.to != nil && bytes.Compare(last.to, r.from) <= 0:
			kept = append(kept, r)
		case compareEnds(r.to, last.to) <= 0: // it is within the last one
		default: // they overlap, and so have one prefix: see below
			last.upper, last.upperOpen, last.to = r.upper, r.upperOpen, r.to
		}
	}
	// A range with a longer prefix than another lies within one value of the other's next column, so that it is in the other
	// or outside of it.
	return kept, nil
}

// compareEnds compares ends of ranges, of which nil is behind all others.
func compareEnds(a, b []byte) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	default:
		return bytes.Compare(a, b)
	}
}

// decodeKey appends the values of a key.
func decodeKey(dst []catalog.Value, parts []keyPart, k string) ([]catalog.Value, error) {
	tuple := key.NewTuple([]byte(k))
	for _, p := range parts {
		v, err := catalog.DecodeKeyValue(&tuple, p.typ, p.order)
		if err != nil {
			return dst, err
		}
		dst = append(dst, v)
	}
	return dst, nil
}
