package expr

import (
	"github.com/middb/middb/catalog"
)

// Constant returns the node of a value.
func Constant(v catalog.Value, t catalog.Type) *Node { return constant(-1, t, v) }

// Column returns the node of a column. The names are for people; that of the table may be empty.
func Column(id ColumnID, t catalog.Type, table, name string) *Node {
	return &Node{Op: OpColumn, At: -1, Type: t, Column: id, Table: table, Name: name}
}

// And returns the node that is true if all of the list are. Those of the list that are ANDs themselves are taken apart,
// and nothing else is made simpler. It is nil of no nodes.
func And(list ...*Node) *Node { return joined(OpAnd, list) }

// Or returns the node that is true if one of the list is, as And does.
func Or(list ...*Node) *Node { return joined(OpOr, list) }

func joined(op Op, list []*Node) *Node {
	var flat []*Node
	for _, n := range list {
		switch {
		case n == nil:
		case n.Op == op:
			flat = append(flat, n.Args...)
		default:
			flat = append(flat, n)
		}
	}
	switch len(flat) {
	case 0:
		return nil
	case 1:
		return flat[0]
	default:
		return plain(op, flat[0].At, boolType, nil, flat...)
	}
}

// Not returns the node that is true if n is false.
func Not(n *Node) *Node { return plain(OpNot, n.At, boolType, nil, n) }

// Equal returns the node x = y. Both are of one kind, or of BIGINT and DECIMAL.
func Equal(x, y *Node) *Node { return plain(OpEqual, x.At, boolType, nil, x, y) }

// IsNull returns the node x IS NULL or, if not is set, x IS NOT NULL.
func IsNull(x *Node, not bool) *Node {
	n := plain(OpIsNull, x.At, boolType, nil, x)
	n.Not = not
	return n
}

// constant returns a node that has one value.
func constant(at int, t catalog.Type, v catalog.Value) *Node {
	return &Node{Op: OpConstant, At: at, Type: t, Value: v, pure: true}
}

// plain returns a node as it is described, and does not compute it.
func plain(op Op, at int, t catalog.Type, build builder, args ...*Node) *Node {
	n := &Node{Op: op, At: at, Type: t, Args: args, build: build}
	n.describe()
	return n
}

// describe sets what follows from the operands.
func (n *Node) describe() {
	n.eval, n.pure = nil, n.Op != OpColumn && n.Op != OpParameter && n.Sub == nil
	if n.Sub == nil { // else whoever made it knows
		n.Volatile, n.Unstable = n.mood >= stable, n.mood >= unstable
	}
	for _, x := range n.Args {
		n.pure = n.pure && x.pure
		n.Volatile = n.Volatile || x.Volatile
		n.Unstable = n.Unstable || x.Unstable
	}
	n.pure = n.pure && !n.Volatile
}

// fold returns a node, as a constant if all that it depends on are. What fails stays as it is and fails when, and if, it
// is evaluated.
func fold(op Op, at int, t catalog.Type, build builder, args ...*Node) *Node {
	return plain(op, at, t, build, args...).folded()
}

// foldCall returns a node of a function.
func foldCall(c *call, t catalog.Type, build builder, args ...*Node) *Node {
	n := plain(OpCall, c.at, t, build, args...)
	n.Name = c.name
	return n.folded()
}

// A mood says whether a function returns the same of the same arguments.
type mood uint8

const (
	immutable mood = iota
	stable         // within a statement
	unstable       // not even there
)

// moody returns a node of a function that depends on what Env has.
func moody(m mood, c *call, t catalog.Type, build builder, args ...*Node) *Node {
	n := &Node{Op: OpCall, At: c.at, Name: c.name, Type: t, Args: args, build: build, mood: m}
	n.describe()
	return n
}

// folded returns the constant that the node is, or the node.
func (n *Node) folded() *Node {
	if !n.pure || n.Op == OpConstant || n.eval != nil {
		return n
	}
	eval, err := compileNode(n, &Slots{})
	if err != nil {
		return n
	}
	if v, err := eval(frame{}); err == nil {
		return constant(n.At, n.Type, v)
	}
	failed := *n // others may see the node already
	failed.eval = eval
	return &failed
}

// retyped returns the node with another type.
func (n *Node) retyped(t catalog.Type) *Node {
	c := *n
	c.Type = t
	return &c
}
