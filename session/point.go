package session

import (
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/relation"
)

// A point is a query for the one row of a primary key. It is run without operators: the key is computed, the row read, and
// what is wanted computed of it.
type point struct {
	text    string
	table   *catalog.Table
	key     []*expr.Program // of no columns
	filter  []*expr.Program // of the row, in the order of the table, as all below
	outputs []output
}

// An output is a column of the result: a column of the table, or a program.
type output struct {
	place   int
	program *expr.Program // nil: place
}

// pointOf returns the point that a query is, or nil.
func pointOf(q *plan.Query) *point {
	items := map[expr.ColumnID]*expr.Node{}
	node := q.Root
	project, ok := node.(*plan.Project)
	if ok {
		for _, i := range project.Items {
			items[i.Column.ID] = i.Expr
		}
		node = project.Input
	}
	var conditions []*expr.Node
	for {
		f, filtered := node.(*plan.Filter)
		if !filtered {
			break
		}
		for _, c := range f.Conditions {
			conditions = append(conditions, c.Conjuncts()...)
		}
		node = f.Input
	}
	scan, ok := node.(*plan.Scan)
	if !ok || len(conditions) == 0 || scan.Relation.Virtual != nil || len(scan.Relation.Table.PrimaryKey) == 0 {
		return nil
	}
	p := &point{text: q.Text, table: scan.Relation.Table}
	places := map[expr.ColumnID]int{}
	for i, c := range scan.Output {
		places[c.ID] = scan.Places[i]
	}
	if !p.find(conditions, places) {
		return nil
	}
	for _, c := range q.Output {
		n := items[c.ID]
		if n == nil || n.Op == expr.OpColumn {
			id := c.ID
			if n != nil {
				id = n.Column
			}
			place, found := places[id]
			if !found {
				return nil
			}
			p.outputs = append(p.outputs, output{place: place})
			continue
		}
		programs, err := compile([]*expr.Node{n}, places)
		if err != nil || programs == nil {
			return nil
		}
		p.outputs = append(p.outputs, output{program: programs[0]})
	}
	return p
}

// find finds the conditions that say what the key is. It reports whether they say all of it.
func (p *point) find(conditions []*expr.Node, places map[expr.ColumnID]int) bool {
	keys := make([]*expr.Node, len(p.table.PrimaryKey))
	var rest []*expr.Node
	for _, c := range conditions {
		at, value := p.keyed(c, places)
		if value == nil || keys[at] != nil {
			rest = append(rest, c)
			continue
		}
		keys[at] = value
	}
	for _, k := range keys {
		if k == nil {
			return false
		}
	}
	var err error
	if p.key, err = compile(keys, nil); err != nil || p.key == nil {
		return false
	}
	p.filter, err = compile(rest, places)
	return err == nil && (p.filter != nil || len(rest) == 0)
}

// keyed returns which column of the key a condition says the value of, and the value; nil if it says none.
func (p *point) keyed(c *expr.Node, places map[expr.ColumnID]int) (at int, value *expr.Node) {
	if c.Op != expr.OpEqual {
		return 0, nil
	}
	for i, side := range c.Args {
		other := c.Args[1-i]
		if side.Op != expr.OpColumn || len(other.Columns()) > 0 || other.Volatile || hasQuery(other) || other.Type.Kind != side.Type.Kind {
			continue
		}
		place, found := places[side.Column]
		if !found || place < 0 {
			continue
		}
		for at, k := range p.table.PrimaryKey {
			if k.Column == p.table.Columns[place].ID && exactKind(side.Type.Kind) {
				return at, other
			}
		}
	}
	return 0, nil
}

// exactKind reports whether equal values of the kind have equal keys.
func exactKind(k catalog.Kind) bool {
	switch k {
	case catalog.Int64, catalog.Bool, catalog.String, catalog.Bytes, catalog.Date, catalog.Timestamp, catalog.UUID:
		return true
	default:
		return false
	}
}

// read appends what the point wants of its row to dst, and reports whether there is one.
func (p *point) read(tables *relation.Tables, env *expr.Env, dst []catalog.Value) (out []catalog.Value, found bool, err error) {
	var memory [4]catalog.Value
	key := memory[:0]
	for i, k := range p.key {
		v, e := k.Eval(nil, env)
		if e != nil || v.IsNull() {
			return dst, false, inText(e, p.text)
		}
		if c, _, _ := p.table.ColumnByID(p.table.PrimaryKey[i].Column); c.Type.Kind == catalog.String {
			if v, e = catalog.Cast(v, c.Type); e != nil {
				return dst, false, nil // it is too long, and so in no row
			}
		}
		key = append(key, v)
	}
	h, err := tables.Table(p.table.Name)
	if err != nil {
		return dst, false, err
	}
	row, err := h.Get(key...)
	if errors.Is(err, relation.ErrRowNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, err
	}
	values := row.Values()
	for _, f := range p.filter {
		v, e := f.Eval(values, env)
		if e != nil || !v.AsBool() {
			return dst, false, inText(e, p.text)
		}
	}
	for _, o := range p.outputs {
		var v catalog.Value
		if o.program == nil {
			v = values[o.place]
		} else if v, err = o.program.Eval(values, env); err != nil {
			return dst, false, inText(err, p.text)
		}
		dst = append(dst, v)
	}
	return dst, true, nil
}
