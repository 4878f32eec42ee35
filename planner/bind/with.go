package bind

import (
	"slices"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A with is the queries of a WITH, and those of the ones around it.
type with struct {
	outer  *with
	tree   *ast.With
	tables []*common
	// apart: what names its queries now is computed apart from them, and they must take the place of their names.
	apart bool
}

// A common is a query of a WITH.
type common struct {
	tree    *ast.Common
	around  around // what its query sees
	plan    *plan.Common
	result  *relation
	inline  bool // it takes the place of its name
	placed  bool // and did so once
	refs    int  // how often it is referred to
	working *recursion
}

// find returns the query of a name, or nil, and the WITH that it is of.
func (w *with) find(name string) (*common, *with) {
	for ; w != nil; w = w.outer {
		for _, c := range w.tables {
			if c.tree.Name == name {
				return c, w
			}
		}
	}
	return nil, nil
}

// declares reports whether a query has the name that cannot be named yet, or not by itself.
func (w *with) declares(r *ast.Relation) bool {
	for ; w != nil && r.Schema == ""; w = w.outer {
		if w.tree != nil && slices.ContainsFunc(w.tree.Tables, func(c ast.Common) bool { return c.Name == r.Name }) {
			return true
		}
	}
	return false
}

// names returns all names, for hints.
func (w *with) names() []string {
	var all []string
	for ; w != nil; w = w.outer {
		for _, c := range w.tables {
			all = append(all, c.tree.Name)
		}
	}
	return all
}

// with binds the queries of a WITH. It is nil if there is none. Rest is what can name them.
func (b *binder) with(tree *ast.With, a around, rest ...any) (*with, error) {
	if tree == nil {
		return nil, nil
	}
	w := &with{outer: a.with, tree: tree}
	a.with = w
	for i := range tree.Tables {
		t := &tree.Tables[i]
		if slices.ContainsFunc(w.tables, func(c *common) bool { return c.tree.Name == t.Name }) {
			return nil, sqlstate.New(sqlstate.DuplicateAlias, t.At, "the name %q is there twice in WITH", t.Name)
		}
		c := &common{tree: t, around: a}
		var err error
		if tree.Recursive && mentions(t.Query, t.Name) > 0 {
			err = b.recursive(c)
		} else if err = b.bindCommon(c); err == nil {
			c.inline = c.canInline(append(rest, tree.Tables[i+1:]))
		}
		if err != nil {
			return nil, err
		}
		w.tables = append(w.tables, c)
	}
	return w, nil
}

// canInline reports whether the query may take the place of its name: that is there once at most, or it was said so.
func (c *common) canInline(rest []any) bool {
	switch c.tree.Mode {
	case ast.Materialized:
		return false
	case ast.NotMaterialized:
		return true
	default:
		return mentions(rest, c.tree.Name) <= 1 && !used(c.plan.Plan).volatile
	}
}

// bindCommon binds a query of a WITH that does not name itself.
func (b *binder) bindCommon(c *common) error {
	r, err := b.query(c.tree.Query, c.around)
	if err != nil {
		return err
	}
	rel, err := b.relation(r, c.tree.Name, c.tree.At)
	if err != nil {
		return err
	}
	if c.result, err = renamed(rel, &ast.Alias{At: c.tree.At, Name: c.tree.Name, Columns: c.tree.Columns}, c.tree.At); err != nil {
		return err
	}
	b.keep(c)
	return nil
}

// keep notes the plan of a query of a WITH.
func (b *binder) keep(c *common) {
	b.commons++
	c.plan = &plan.Common{Number: b.commons, Name: c.tree.Name, Plan: c.result.node}
	for _, col := range c.result.columns {
		c.plan.Output = append(c.plan.Output, col.ID)
	}
}

// common returns the rows of a query of a WITH where its name stands.
func (b *binder) common(c *common, w *with, a around, at int) (*relation, error) {
	if err := b.part(at); err != nil {
		return nil, err
	}
	switch {
	case c.working != nil:
		return b.workTable(c, a, at)
	case c.inline && !c.placed && !w.apart:
		c.placed = true
		return c.result, nil
	case c.inline, w.apart: // once more, with columns of its own
		again := &common{tree: c.tree, around: c.around}
		again.around.with = &with{outer: w.outer, tables: w.tables[:max(slices.Index(w.tables, c), 0)], apart: w.apart}
		bind := b.bindCommon
		if c.recursive() {
			bind = b.recursive
		}
		err := bind(again)
		return again.result, err
	}
	c.refs++
	src := &source{at: at, name: c.tree.Name}
	n := &plan.Reference{Number: c.plan.Number, Name: c.tree.Name}
	for _, col := range c.result.columns {
		with := *col
		with.ID = b.id()
		src.columns = append(src.columns, &with)
		n.Output = append(n.Output, with.Column)
	}
	return &relation{node: n, sources: []*source{src}, columns: src.columns}, nil
}

// referred reports whether a query of the WITH is computed by itself.
func (w *with) referred() bool {
	return w != nil && slices.ContainsFunc(w.tables, func(c *common) bool { return c.refs > 0 })
}

// commons returns the plan with those queries of the WITH that it refers to.
func (w *with) commons(body plan.Node) plan.Node {
	if !w.referred() {
		return body
	}
	n := &plan.With{Body: body}
	for _, c := range w.tables {
		if c.refs > 0 {
			n.Common = append(n.Common, c.plan)
		}
	}
	return n
}
