package bind

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

var (
	textType = catalog.Type{Kind: catalog.String}
	boolType = catalog.Type{Kind: catalog.Bool}
	intType  = catalog.Type{Kind: catalog.Int64}
)

// A result is a query whose types may still be open: items are computed of the columns of node.
type result struct {
	node  plan.Node
	items []item
}

// An item is a column of a result.
type item struct {
	at   int
	name string
	expr *expr.Node
}

// settle gives items that are open their type, which is TEXT.
func (b *binder) settle(items []item) (err error) {
	for i := range items {
		if items[i].expr, err = b.types.Settle(items[i].expr, textType); err != nil {
			return err
		}
	}
	return nil
}

// close decides all types, sees to it that every item is a column of the node, and returns them.
func (b *binder) close(r *result) ([]plan.Column, error) {
	if err := b.settle(r.items); err != nil {
		return nil, err
	}
	p := b.project(r.node)
	output := make([]plan.Column, len(r.items))
	for i := range r.items {
		it := &r.items[i]
		output[i] = p.column(it.expr, it.name)
	}
	r.node = p.only(output)
	for i := range output {
		c := &output[i]
		r.items[i].expr = columnNode(c, r.items[i].at)
		c.Name = r.items[i].name
	}
	return output, nil
}

// columns makes columns of items that are not open, if the node is to be within a WITH: their queries may name it.
func (b *binder) columns(r *result, w *with) {
	if !w.referred() {
		return
	}
	p := b.project(r.node)
	r.node = p.only(p.closed(r.items))
}

// columnNode returns the expression that is a column.
func columnNode(c *plan.Column, at int) *expr.Node {
	n := expr.Column(c.ID, c.Type, c.Table, c.Name)
	n.At = at
	return n
}

// A projection collects expressions that must be columns.
type projection struct {
	b       *binder
	input   plan.Node
	passed  []plan.Column
	columns map[expr.ColumnID]*plan.Column
	added   []plan.Item
	byKey   map[string]int // places in added
}

func (b *binder) project(input plan.Node) *projection {
	p := &projection{b: b, input: input, passed: input.Columns(), byKey: make(map[string]int)}
	p.columns = make(map[expr.ColumnID]*plan.Column, len(p.passed))
	for i := range p.passed {
		p.columns[p.passed[i].ID] = &p.passed[i]
	}
	return p
}

// column returns the column that is the expression, or computes it. Equal ones are computed once, unless they are volatile.
func (p *projection) column(n *expr.Node, name string) plan.Column {
	if n.Op == expr.OpColumn {
		if c := p.find(n.Column); c != nil && c.Type == n.Type {
			return *c
		}
	}
	var key string
	if !n.Volatile {
		key = n.Key()
		if i, ok := p.byKey[key]; ok {
			return p.added[i].Column
		}
		p.byKey[key] = len(p.added)
	}
	c := plan.Column{ID: p.b.id(), Name: name, Type: n.Type, NotNull: n.Op == expr.OpConstant && !n.Value.IsNull() || n.Op == expr.OpExists}
	p.added = append(p.added, plan.Item{Column: c, Expr: n})
	return c
}

// find returns a column of the input, or one that was added; nil if there is none.
func (p *projection) find(id expr.ColumnID) *plan.Column {
	if c, ok := p.columns[id]; ok {
		return c
	}
	for i := range p.added {
		if p.added[i].Column.ID == id {
			return &p.added[i].Column
		}
	}
	return nil
}

// closed makes columns of those items that are not open, and returns the columns.
func (p *projection) closed(items []item) []plan.Column {
	var all []plan.Column
	for i := range items {
		if it := &items[i]; !it.expr.Open() {
			c := p.column(it.expr, it.name)
			it.expr = columnNode(&c, it.at)
			all = append(all, c)
		}
	}
	return all
}

// key returns the column of an expression that sorts or groups.
func (p *projection) key(n *expr.Node) expr.ColumnID { return p.column(n, "").ID }

// passing returns a node that has the columns of the input and those that were added.
func (p *projection) passing() plan.Node {
	if len(p.added) == 0 {
		return p.input
	}
	items := make([]plan.Item, 0, len(p.passed)+len(p.added))
	for i := range p.passed {
		items = append(items, pass(&p.passed[i]))
	}
	return &plan.Project{Input: p.input, Items: append(items, p.added...)}
}

// only returns a node that has the columns, and others only if nothing was added.
func (p *projection) only(columns []plan.Column) plan.Node {
	if len(p.added) == 0 {
		return p.input
	}
	return p.exactly(columns)
}

// exactly returns a node that has the columns, each once, and no others.
func (p *projection) exactly(columns []plan.Column) plan.Node {
	n := &plan.Project{Input: p.input}
	seen := make(map[expr.ColumnID]bool, len(columns))
	for i := range columns {
		c := &columns[i]
		if seen[c.ID] {
			continue
		}
		seen[c.ID] = true
		if from, ok := p.columns[c.ID]; ok {
			n.Items = append(n.Items, pass(from))
			continue
		}
		for _, a := range p.added {
			if a.Column.ID == c.ID {
				n.Items = append(n.Items, a)
			}
		}
	}
	return n
}

// pass returns the item that passes a column on.
func pass(c *plan.Column) plan.Item { return plan.Item{Column: *c, Expr: columnNode(c, -1)} }
