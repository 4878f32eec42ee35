package exec

import (
	"encoding/binary"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/sqlstate"
)

// cachedBytes is how much the results of a correlated subquery may take that are kept for the same values around it.
const cachedBytes = 1 << 20

// A subplan is a query within expressions, with its operators. All expressions of a plan that have it share it.
type subplan struct {
	run     *run
	root    Operator
	places  []int // of the columns that expressions see
	env     *expr.Env
	alone   bool // it depends on nothing
	fresh   bool // nothing was read since it began
	repeats bool // equal values around it give equal rows
	rows    *rowSet
	kept    *budget // of rows
}

// A runner computes the value of a subquery in an expression. It implements expr.Runner.
type runner struct {
	*subplan
	node   *expr.Node
	known  bool // of one that depends on nothing
	value  catalog.Value
	cache  map[string]catalog.Value
	cached int
	key    []byte
}

// subquery is Slots.Subquery.
func (b *builder) subquery(n *expr.Node) (expr.Runner, error) {
	sub, ok := n.Sub.(*physical.Subquery)
	if !ok {
		return nil, sqlstate.New(sqlstate.InternalError, n.At, "a subquery has no physical plan")
	}
	if p := b.subplans[sub]; p != nil {
		return &runner{subplan: p, node: n}, nil
	}
	p := &subplan{run: b.run, env: &expr.Env{}, alone: len(sub.Depends) == 0, fresh: true, kept: &budget{account: &b.memory}}
	*p.env = b.options.Env
	inner := &scope{outer: map[expr.ColumnID]int{}, env: p.env}
	for i, id := range sub.Depends {
		inner.outer[id] = i
	}
	var err error
	if p.root, err = b.within(inner).build(sub.Root); err != nil {
		return nil, err
	}
	if p.places, err = placesOf(sub.Root.Columns(), sub.Output); err != nil {
		return nil, err
	}
	p.repeats = !volatile(sub.Root)
	b.subplans[sub] = p
	return &runner{subplan: p, node: n}, nil
}

// Run implements expr.Runner.
func (r *runner) Run(outer, args []catalog.Value, env *expr.Env) (catalog.Value, error) {
	if r.alone {
		return r.runAlone(args)
	}
	if !r.repeats {
		r.begin(outer, env)
		return r.compute(args)
	}
	r.key = appendIdentities(appendIdentities(r.key[:0], outer), args)
	if v, ok := r.cache[string(r.key)]; ok {
		return v, nil
	}
	r.begin(outer, env)
	v, err := r.compute(args)
	if err != nil {
		return catalog.Null(), err
	}
	const entry = 100 // about what a map and a Value take
	if r.cache == nil || r.cached+entry+len(r.key) > cachedBytes {
		r.cache, r.cached = map[string]catalog.Value{}, 0
	}
	r.cached += entry + len(r.key) + len(v.AsString())
	r.cache[string(r.key)] = v
	return v, nil
}

func (r *runner) runAlone(args []catalog.Value) (v catalog.Value, err error) {
	if r.node.Op == expr.OpAny || r.node.Op == expr.OpAll {
		if r.rows == nil {
			var rows *rowSet
			if rows, err = r.collect(); err != nil {
				return catalog.Null(), errors.Join(err, rows.file.close())
			}
			r.rows = rows
		}
		return r.rows.compare(r.node, args)
	}
	if !r.known {
		r.begin(nil, r.env)
		if r.value, err = r.compute(nil); err != nil {
			return catalog.Null(), err
		}
		r.known = true
	}
	return r.value, nil
}

// begin has the operators begin with other values around them.
func (p *subplan) begin(outer []catalog.Value, env *expr.Env) {
	kept := append(p.env.Outer[:0], outer...)
	*p.env = *env
	p.env.Outer = kept
	if !p.fresh {
		p.root.Reset()
	}
	p.fresh = false
}

// compute returns the value for the rows that there are now.
func (r *runner) compute(args []catalog.Value) (catalog.Value, error) {
	switch r.node.Op {
	case expr.OpExists:
		b, err := r.root.Next(r.run.ctx)
		return catalog.BoolOf(b != nil), err
	case expr.OpAny, expr.OpAll:
		return r.search(args)
	default:
		return r.scalar()
	}
}

// scalar returns the value of the only row.
func (r *runner) scalar() (v catalog.Value, err error) {
	for n := 0; ; {
		b, err := r.root.Next(r.run.ctx)
		if b == nil || err != nil {
			return v, err
		}
		if n += b.Rows(); n > 1 {
			return v, tooManyRows(r.node.At)
		}
		v = b.Columns[r.places[0]].Value(int(selected(b)[0]))
	}
}

// tooManyRows is the error for a row that has two partners where it may have one.
func tooManyRows(at int) error {
	e := sqlstate.New(sqlstate.CardinalityViolation, at, "more than one row returned by a subquery used as an expression")
	return e.WithHint("add LIMIT 1, or an aggregate function, or compare with IN")
}

// search compares values with each row until the result is clear.
func (r *runner) search(args []catalog.Value) (catalog.Value, error) {
	c := comparison{op: r.node.Operator, all: r.node.Op == expr.OpAll}
	row := make([]catalog.Value, len(r.places))
	for {
		b, err := r.root.Next(r.run.ctx)
		if err != nil {
			return catalog.Null(), err
		}
		if b == nil {
			break
		}
		for _, i := range selected(b) {
			for j, at := range r.places {
				row[j] = b.Columns[at].Value(int(i))
			}
			if c.decides(args, row) {
				return catalog.BoolOf(!c.all), nil
			}
		}
	}
	return c.value(), nil
}

// appendIdentities appends values so that others differ.
func appendIdentities(dst []byte, values []catalog.Value) []byte {
	for _, v := range values {
		dst = append(dst, byte(v.Kind()))
		switch v.Kind() {
		case 0:
		case catalog.Decimal:
			n, scale := v.AsDecimal()
			dst = binary.LittleEndian.AppendUint64(append(dst, scale), uint64(n))
		case catalog.Int64, catalog.Date, catalog.Timestamp:
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v.AsInt()))
		default:
			at := len(dst)
			dst = v.AppendText(append(dst, 0, 0, 0, 0))
			binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		}
	}
	return dst
}
