package plan

import "slices"

// Columns implements Node.
func (n *Scan) Columns() []Column { return n.Output }

// Columns implements Node.
func (n *Rows) Columns() []Column { return n.Output }

// Columns implements Node.
func (n *Function) Columns() []Column { return n.Output }

// Columns implements Node.
func (n *Filter) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Project) Columns() []Column {
	all := make([]Column, len(n.Items))
	for i := range n.Items {
		all[i] = n.Items[i].Column
	}
	return all
}

// Columns implements Node.
func (n *Join) Columns() []Column {
	switch n.Kind {
	case SemiJoin, AntiJoin, NullAntiJoin:
		return n.Left.Columns()
	case MarkJoin:
		return append(slices.Clone(n.Left.Columns()), n.Mark)
	case LeftJoin:
		return slices.Concat(n.Left.Columns(), nullable(n.Right.Columns()))
	case FullJoin:
		return slices.Concat(nullable(n.Left.Columns()), nullable(n.Right.Columns()))
	default:
		return slices.Concat(n.Left.Columns(), n.Right.Columns())
	}
}

func nullable(columns []Column) []Column {
	all := slices.Clone(columns)
	for i := range all {
		all[i].NotNull = false
	}
	return all
}

// Columns implements Node.
func (n *Aggregate) Columns() []Column {
	all := make([]Column, 0, len(n.Groups)+len(n.Aggregates))
	input := n.Input.Columns()
	for _, id := range n.Groups {
		if i := slices.IndexFunc(input, func(c Column) bool { return c.ID == id }); i >= 0 {
			all = append(all, input[i])
		}
	}
	for i := range n.Aggregates {
		all = append(all, n.Aggregates[i].Column)
	}
	return all
}

// Columns implements Node.
func (n *Window) Columns() []Column {
	all := slices.Clone(n.Input.Columns())
	for i := range n.Functions {
		all = append(all, n.Functions[i].Column)
	}
	return all
}

// Columns implements Node.
func (n *Distinct) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Sort) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *Limit) Columns() []Column { return n.Input.Columns() }

// Columns implements Node.
func (n *SetOperation) Columns() []Column { return n.Output }

// Columns implements Node.
func (n *With) Columns() []Column { return n.Body.Columns() }

// Columns implements Node.
func (n *Reference) Columns() []Column { return n.Output }

// Columns implements Node.
func (n *Recursive) Columns() []Column { return n.Output }

// Columns implements Node.
func (n *WorkTable) Columns() []Column { return n.Output }

// Inputs implements Node.
func (n *Scan) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Rows) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Function) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Filter) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Project) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Join) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node.
func (n *Aggregate) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Window) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Distinct) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Sort) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *Limit) Inputs() []Node { return []Node{n.Input} }

// Inputs implements Node.
func (n *SetOperation) Inputs() []Node { return []Node{n.Left, n.Right} }

// Inputs implements Node. The plans of Common come first, the Body last.
func (n *With) Inputs() []Node {
	all := make([]Node, 0, len(n.Common)+1)
	for _, c := range n.Common {
		all = append(all, c.Plan)
	}
	return append(all, n.Body)
}

// Inputs implements Node.
func (n *Reference) Inputs() []Node { return nil }

// Inputs implements Node.
func (n *Recursive) Inputs() []Node { return []Node{n.Base, n.Step} }

// Inputs implements Node.
func (n *WorkTable) Inputs() []Node { return nil }

// With implements Node.
func (n *Scan) With([]Node) Node { return n }

// With implements Node.
func (n *Rows) With([]Node) Node { return n }

// With implements Node.
func (n *Function) With([]Node) Node { return n }

// With implements Node.
func (n *Filter) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Project) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Join) With(in []Node) Node { c := *n; c.Left, c.Right = in[0], in[1]; return &c }

// With implements Node.
func (n *Aggregate) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Window) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Distinct) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Sort) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *Limit) With(in []Node) Node { c := *n; c.Input = in[0]; return &c }

// With implements Node.
func (n *SetOperation) With(in []Node) Node { c := *n; c.Left, c.Right = in[0], in[1]; return &c }

// With implements Node.
func (n *With) With(in []Node) Node {
	c := &With{Common: make([]*Common, len(n.Common)), Body: in[len(n.Common)]}
	for i, common := range n.Common {
		with := *common
		with.Plan = in[i]
		c.Common[i] = &with
	}
	return c
}

// With implements Node.
func (n *Reference) With([]Node) Node { return n }

// With implements Node.
func (n *Recursive) With(in []Node) Node { c := *n; c.Base, c.Step = in[0], in[1]; return &c }

// With implements Node.
func (n *WorkTable) With([]Node) Node { return n }
