package session

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A point is a query for the one row of a primary key. It is run without operators: the key is computed, the row read, and
// what is wanted computed of it.
type point struct {
	text    string
	table   *catalog.Table
	columns []int           // that are read of the row, by their places in the table
	key     []*expr.Program // of no columns
	fitted  []bool          // which columns of the key bound the length of texts
	filter  []*expr.Program // of the columns, as all below
	outputs []output
	plain   bool // the outputs are the columns
}

// An output is a column of the result: a column of the table, or a program.
type output struct {
	place   int
	program *expr.Program // nil: place
}

// pointOf returns the point that a query is, or nil. Of a row that is to be written all columns are read.
func pointOf(q *plan.Query, whole bool) *point {
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
	rest, found := p.find(conditions, places)
	if !found {
		return nil
	}
	outputs := make([]*expr.Node, len(q.Output))
	for i, c := range q.Output {
		if outputs[i] = items[c.ID]; outputs[i] == nil {
			outputs[i] = expr.Column(c.ID, c.Type, "", c.Name)
		}
	}
	if !p.compute(rest, outputs, places, whole) {
		return nil
	}
	return p
}

// compute compiles what is computed of the row. It reports whether that can be done.
func (p *point) compute(rest, outputs []*expr.Node, places map[expr.ColumnID]int, whole bool) bool {
	slots := map[expr.ColumnID]int{} // places in p.columns
	for _, n := range slices.Concat(outputs, rest) {
		for _, id := range n.Columns() {
			place, found := places[id]
			if !found || place < 0 {
				return false
			}
			at := slices.Index(p.columns, place)
			if at < 0 {
				at = len(p.columns)
				p.columns = append(p.columns, place)
			}
			slots[id] = at
		}
	}
	if whole {
		p.columns = nil
		for i := range p.table.Columns {
			p.columns = append(p.columns, i)
		}
		for id := range slots {
			slots[id] = places[id]
		}
	}
	var err error
	if p.filter, err = compile(rest, slots); err != nil || p.filter == nil {
		return false
	}
	p.plain = len(outputs) == len(p.columns)
	for i, n := range outputs {
		if n.Op == expr.OpColumn {
			p.outputs = append(p.outputs, output{place: slots[n.Column]})
			p.plain = p.plain && slots[n.Column] == i
			continue
		}
		programs, err := compile([]*expr.Node{n}, slots)
		if err != nil || programs == nil {
			return false
		}
		p.outputs, p.plain = append(p.outputs, output{program: programs[0]}), false
	}
	return true
}

// find finds the conditions that say what the key is, and returns the others. It reports whether they say all of it.
func (p *point) find(conditions []*expr.Node, places map[expr.ColumnID]int) (rest []*expr.Node, found bool) {
	keys := make([]*expr.Node, len(p.table.PrimaryKey))
	for _, c := range conditions {
		at, value := p.keyed(c, places)
		if value == nil || keys[at] != nil {
			rest = append(rest, c)
			continue
		}
		keys[at] = value
	}
	for i, k := range keys {
		if k == nil {
			return nil, false
		}
		c, _, _ := p.table.ColumnByID(p.table.PrimaryKey[i].Column)
		p.fitted = append(p.fitted, c.Type.Kind == catalog.String)
	}
	var err error
	p.key, err = compile(keys, nil)
	return rest, err == nil && p.key != nil
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

// keyOf returns the key of the row, in memory of the execution. It reports false if there can be no such row.
func (p *point) keyOf(x *execution) (key []catalog.Value, possible bool, err error) {
	x.key = x.key[:0]
	for i, k := range p.key {
		v, err := k.Eval(nil, &x.env)
		if err != nil || v.IsNull() {
			return nil, false, inText(err, p.text)
		}
		if p.fitted[i] {
			c, _, _ := p.table.ColumnByID(p.table.PrimaryKey[i].Column)
			if v, err = catalog.Cast(v, c.Type); err != nil {
				return nil, false, nil // it is too long, and so in no row
			}
		}
		x.key = append(x.key, v)
	}
	return x.key, true, nil
}

// read appends what the point wants of its row to dst, and reports whether there is one. The texts stay good.
func (p *point) read(x *execution, dst []catalog.Value) (out []catalog.Value, found bool, err error) {
	key, possible, err := p.keyOf(x)
	if err != nil || !possible {
		return dst, false, err
	}
	l, err := x.lookup(p)
	if err != nil {
		return dst, false, err
	}
	if p.plain && len(p.filter) == 0 {
		return l.Get(dst, key)
	}
	x.row, found, err = l.Get(x.row[:0], key)
	if err != nil || !found {
		return dst, false, err
	}
	if found, err = p.passes(x, x.row); err != nil || !found {
		return dst, false, err
	}
	dst, err = p.results(x, x.row, p.outputs, dst)
	return dst, err == nil, err
}

// passes reports whether a row satisfies the conditions beside the key.
func (p *point) passes(x *execution, row []catalog.Value) (bool, error) {
	for _, f := range p.filter {
		v, err := f.Eval(row, &x.env)
		if err != nil || !v.AsBool() {
			return false, inText(err, p.text)
		}
	}
	return true, nil
}

// results appends some outputs of a row to dst.
func (p *point) results(x *execution, row []catalog.Value, outputs []output, dst []catalog.Value) ([]catalog.Value, error) {
	for _, o := range outputs {
		if o.program == nil {
			dst = append(dst, row[o.place])
			continue
		}
		v, err := o.program.Eval(row, &x.env)
		if err != nil {
			return dst, inText(err, p.text)
		}
		dst = append(dst, v)
	}
	return dst, nil
}
