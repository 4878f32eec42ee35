package expr

import (
	"slices"

	"github.com/middb/middb/catalog"
)

// Conjuncts returns the conditions that must all be true for n to be: the operands of an AND and of those below it, or n.
func (n *Node) Conjuncts() []*Node {
	if n == nil {
		return nil
	}
	if n.Op != OpAnd {
		return []*Node{n}
	}
	var all []*Node
	for _, x := range n.Args {
		all = append(all, x.Conjuncts()...)
	}
	return all
}

// Map returns the node with f applied to it and to all below it, operands first. Only what changes is copied. What f
// returns must have the type of what it was given. Subplans stay as they are.
func (n *Node) Map(f func(*Node) *Node) *Node {
	var args []*Node
	for i, x := range n.Args {
		y := x.Map(f)
		if y != x && args == nil {
			args = slices.Clone(n.Args)
		}
		if args != nil {
			args[i] = y
		}
	}
	if args != nil {
		n = n.with(args)
	}
	return f(n)
}

// with returns the node with other operands, which have the same types.
func (n *Node) with(args []*Node) *Node {
	c := *n
	c.Args = args
	c.describe()
	return &c
}

// Walk calls f with the node and, as long as that returns true, with those below it.
func (n *Node) Walk(f func(*Node) (goOn bool)) {
	if !f(n) {
		return
	}
	for _, x := range n.Args {
		x.Walk(f)
	}
}

// Columns returns the columns that the node names, ascending, each once; those that its subplans depend on too.
func (n *Node) Columns() []ColumnID {
	var all []ColumnID
	n.Walk(func(x *Node) bool {
		if x.Op == OpColumn {
			all = append(all, x.Column)
		}
		if x.Sub != nil {
			all = append(all, x.Sub.Outer()...)
		}
		return true
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// Substitute returns the node with other expressions, of the same types, in the place of columns. Columns that subplans
// depend on stay.
func (n *Node) Substitute(by map[ColumnID]*Node) *Node {
	return n.Map(func(x *Node) *Node {
		if x.Op == OpColumn {
			if y, ok := by[x.Column]; ok {
				return y
			}
		}
		return x
	})
}

// Fold returns the node with everything computed that is constant. What fails stays as it is, and so does what is not
// evaluated in each case.
func (n *Node) Fold() *Node { return n.Map(simplified) }

// simplified returns a node whose operands are as simple as they can be.
func simplified(n *Node) *Node {
	if n.pure {
		if n = n.folded(); n.Op == OpConstant {
			return n
		}
	}
	switch n.Op {
	case OpAnd, OpOr:
		return simplifiedChain(n)
	case OpCase:
		return simplifiedCase(n)
	case OpCoalesce:
		return simplifiedCoalesce(n)
	default:
		return n
	}
}

// simplifiedChain leaves out of AND what is true, and what stands behind something false.
func simplifiedChain(n *Node) *Node {
	decisive := n.Op == OpOr
	var args []*Node
	changed, mayFail := false, false
	for _, x := range n.Args {
		switch {
		case x.Op == n.Op:
			args = append(args, x.Args...)
			changed = true
		case x.Op != OpConstant || x.Value.IsNull():
			args = append(args, x)
		case x.Value.AsBool() != decisive:
			changed = true
			continue
		case !mayFail:
			return x
		default:
			return n.with(append(args, x))
		}
		mayFail = mayFail || x.MayFail()
	}
	switch {
	case !changed:
		return n
	case len(args) == 0:
		return constant(n.At, boolType, catalog.BoolOf(!decisive))
	case len(args) == 1:
		return args[0]
	default:
		return n.with(args)
	}
}

// simplifiedCase leaves out branches whose condition is known.
func simplifiedCase(n *Node) *Node {
	var args []*Node
	last := len(n.Args) - 1
	otherwise := n.Args[last]
	for i := 0; i < last; i += 2 {
		condition := n.Args[i]
		if condition.Op != OpConstant {
			args = append(args, condition, n.Args[i+1])
			continue
		}
		if condition.Value.AsBool() {
			otherwise = n.Args[i+1]
			break
		}
	}
	if len(args) == 0 {
		return otherwise.as(n.Type)
	}
	if len(args) == last {
		return n
	}
	return n.with(append(args, otherwise))
}

// simplifiedCoalesce leaves out NULLs, and what stands behind a constant.
func simplifiedCoalesce(n *Node) *Node {
	var args []*Node
	for _, x := range n.Args {
		if x.Op != OpConstant {
			args = append(args, x)
			continue
		}
		if !x.Value.IsNull() {
			args = append(args, x)
			break
		}
	}
	switch len(args) {
	case len(n.Args):
		return n
	case 0:
		return constant(n.At, n.Type, catalog.Null())
	case 1:
		return args[0].as(n.Type)
	default:
		return n.with(args)
	}
}

// as returns the node with the type of what it takes the place of, if it is of that kind or NULL.
func (n *Node) as(t catalog.Type) *Node {
	if n.Type == t || n.Op != OpConstant {
		return n
	}
	return n.retyped(t)
}
