package bind

import (
	"slices"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// join binds two parts of a FROM with JOIN between them.
func (f *from) join(t *ast.Join) (*relation, error) {
	left := f.left
	defer func() { f.left = left }()
	l, err := f.table(t.Left)
	if err != nil {
		return nil, err
	}
	if err = f.addLeft(l); err != nil {
		return nil, err
	}
	r, err := f.table(t.Right)
	if err != nil {
		return nil, err
	}
	if err = unique(l, r); err != nil {
		return nil, err
	}
	j := &joining{b: f.b, tree: t, scope: f.b.scope(f.around, l, r), l: l, r: r}
	j.scope.hidden = left
	joined, err := j.bind()
	if err != nil || t.Alias == nil {
		return joined, err
	}
	return renamed(joined, t.Alias, t.Alias.At)
}

// A joining is a join that is being bound.
type joining struct {
	b      *binder
	tree   *ast.Join
	scope  *scope
	l, r   *relation
	on     []*expr.Node
	merged []*column        // that stand for one of each side
	hide   map[*column]bool // that are in merged
	made   []plan.Item      // those of merged that must be computed
}

func (j *joining) bind() (*relation, error) {
	t := j.tree
	using := t.Using
	if t.Natural {
		using = j.common()
	}
	j.hide = make(map[*column]bool)
	for _, name := range using {
		if err := j.using(name); err != nil {
			return nil, err
		}
	}
	if t.On != nil {
		n, err := j.scope.condition(inOn, t.On)
		if err != nil {
			return nil, err
		}
		j.on = append(j.on, conditions(n)...)
	}
	node, err := j.node()
	if err != nil {
		return nil, err
	}
	joined := &relation{node: node, sources: slices.Concat(j.l.sources, j.r.sources)}
	joined.columns = append(joined.columns, j.merged...)
	for _, c := range slices.Concat(j.l.columns, j.r.columns) {
		if !j.hide[c] {
			joined.columns = append(joined.columns, c)
		}
	}
	return joined, nil
}

// node returns the join itself, and notes which columns are NULL in rows without a partner.
func (j *joining) node() (plan.Node, error) {
	lateral := j.b.laterals > 0 && dependsOn(j.r.node, j.l.node)
	n := &plan.Join{Kind: plan.InnerJoin, Left: j.l.node, Right: j.r.node, On: j.on, Lateral: lateral}
	switch j.tree.Kind {
	case ast.Left:
		n.Kind = plan.LeftJoin
		j.r.nullable()
	case ast.Right:
		n.Kind, n.Left, n.Right = plan.LeftJoin, j.r.node, j.l.node
		j.l.nullable()
	case ast.Full:
		n.Kind = plan.FullJoin
		j.l.nullable()
		j.r.nullable()
	default:
	}
	if lateral && (j.tree.Kind == ast.Right || j.tree.Kind == ast.Full) {
		return nil, sqlstate.New(sqlstate.InvalidColumnReference, j.tree.At, "the right side of a %s names columns of the left one", j.tree.Kind).
			WithHint("with LATERAL, the join must be INNER or LEFT")
	}
	if len(j.made) == 0 {
		return n, nil
	}
	p := j.b.project(n)
	p.added = j.made
	return p.passing(), nil
}

// common returns the names that both sides have.
func (j *joining) common() []ast.Name {
	var names []ast.Name
	seen := make(map[string]bool)
	for _, c := range j.l.columns {
		if !seen[c.Name] && slices.ContainsFunc(j.r.columns, func(o *column) bool { return o.Name == c.Name }) {
			seen[c.Name] = true
			names = append(names, ast.Name{At: j.tree.At, Name: c.Name})
		}
	}
	return names
}

// using makes one column of those that have a name.
func (j *joining) using(name ast.Name) error {
	l, err := j.side(j.l, name, "left")
	if err != nil {
		return err
	}
	r, err := j.side(j.r, name, "right")
	if err != nil {
		return err
	}
	if j.hide[l] {
		return sqlstate.New(sqlstate.DuplicateColumn, name.At, "USING has column %q twice", name.Name)
	}
	j.hide[l], j.hide[r] = true, true
	both := []*expr.Node{columnNode(&l.Column, name.At), columnNode(&r.Column, name.At)}
	equal, err := j.scope.types.Compare(name.At, ast.Equal, both[0], both[1])
	if err != nil {
		return err
	}
	j.on = append(j.on, equal.Conjuncts()...)
	kept := l
	if j.tree.Kind == ast.Right {
		kept = r
	}
	if j.tree.Kind != ast.Full && l.Type.Kind == r.Type.Kind {
		j.merged = append(j.merged, kept)
		return nil
	}
	return j.compute(name, kept, both)
}

// side returns the column of a name.
func (j *joining) side(r *relation, name ast.Name, which string) (found *column, err error) {
	for _, c := range r.columns {
		switch {
		case c.Name != name.Name:
		case found != nil:
			return nil, sqlstate.New(sqlstate.AmbiguousColumn, name.At, "column %q is there twice on the %s side of the join", name.Name, which)
		default:
			found = c
		}
	}
	if found != nil {
		return found, nil
	}
	var names []string
	for _, c := range r.columns {
		names = append(names, c.Name)
	}
	e := sqlstate.New(sqlstate.UndefinedColumn, name.At, "there is no column %q on the %s side of the join", name.Name, which)
	return nil, meant(e, name.Name, names)
}

// compute makes a merged column that is neither of its two: they have different types, or either may be missing.
func (j *joining) compute(name ast.Name, kept *column, both []*expr.Node) error {
	if _, err := j.scope.types.Unify("JOIN", both); err != nil {
		return err
	}
	n := both[0]
	switch j.tree.Kind {
	case ast.Right:
		n = both[1]
	case ast.Full:
		var err error
		if n, err = j.scope.types.BindOpen(&ast.Call{At: name.At, Name: "coalesce", Args: []ast.Expr{node(both[0]), node(both[1])}}); err != nil {
			return err
		}
	default:
	}
	c := plan.Column{ID: j.b.id(), Name: name.Name, Type: n.Type, NotNull: j.tree.Kind != ast.Full && kept.NotNull}
	j.made = append(j.made, plan.Item{Column: c, Expr: n})
	j.merged = append(j.merged, &column{c})
	return nil
}
