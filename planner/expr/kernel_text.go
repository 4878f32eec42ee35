package expr

import (
	"unicode/utf8"

	"github.com/middb/middb/catalog"
)

// textFunction returns what computes a function of TEXT and whole numbers, of those that queries use much, or nil.
func textFunction(n *Node) func(args []catalog.Value) (catalog.Value, error) {
	if n.Op != OpCall || len(n.Args) == 0 || n.Args[0].Type.Kind != catalog.String || n.Type.Kind != catalog.String {
		return nil
	}
	switch n.Name {
	case "substr", "substring":
		for _, x := range n.Args[1:] {
			if x.Type.Kind != catalog.Int64 {
				return nil
			}
		}
		return substring
	case "left":
		return left
	case "right":
		return right
	case "lower":
		return lower
	case "upper":
		return upper
	default:
		return nil
	}
}

func lengthFunction(n *Node) bool {
	return n.Op == OpCall && (n.Name == "length" || n.Name == "char_length" || n.Name == "character_length") &&
		n.Args[0].Type.Kind == catalog.String
}

// newTextStep returns the step of a function of texts, or nil.
func newTextStep(n *Node, args []operand) step {
	s := &elementStep{typ: n.Type, args: args}
	switch {
	case n.Op == OpConcat && n.Type.Kind == catalog.String:
		s.of = func(v []catalog.Value) (catalog.Value, error) { return joinTexts(v[0], v[1]) }
	case lengthFunction(n):
		s.of = func(v []catalog.Value) (catalog.Value, error) {
			return catalog.Int(int64(utf8.RuneCountInString(v[0].AsString()))), nil
		}
	default:
		if s.of = textFunction(n); s.of == nil {
			return nil
		}
	}
	return s
}
