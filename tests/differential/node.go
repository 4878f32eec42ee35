package differential

import (
	"slices"
	"strings"
)

// A Node is a piece of a query: texts, and pieces in between.
type Node struct {
	kind  kind
	parts []part
}

// A part is a text or a Node.
type part struct {
	text string
	node *Node
}

// A kind says what can stand for a Node when a query is made smaller: another one of its kind that is within it, or the
// simplest there is.
type kind uint8

const (
	fixed    kind = iota // nothing
	optional             // nothing at all
	integer
	text
	condition
	query
	table
)

// simplest is what can stand for any Node of a kind.
var simplest = map[kind]string{optional: "", integer: "1", text: "'a'", condition: "(1 = 1)"}

// String returns the piece as SQL.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	for _, p := range n.parts {
		if p.node != nil {
			p.node.write(b)
		} else {
			b.WriteString(p.text)
		}
	}
}

// piece makes a Node of texts and Nodes.
func piece(k kind, parts ...any) *Node {
	n := &Node{kind: k}
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			n.parts = append(n.parts, part{text: p})
		case *Node:
			n.parts = append(n.parts, part{node: p})
		}
	}
	return n
}

// list puts Nodes in a row with a separator between them.
func list(k kind, separator string, nodes []*Node) *Node {
	n := &Node{kind: k}
	for i, e := range nodes {
		if i > 0 {
			n.parts = append(n.parts, part{text: separator})
		}
		n.parts = append(n.parts, part{node: e})
	}
	return n
}

// Shrink returns the smallest query that it finds for which fails is still true, as it is for the query itself.
func Shrink(q *Node, fails func(sql string) bool) *Node {
	for again := true; again; {
		again = false
		for smaller := range q.smaller() {
			if fails(smaller.String()) {
				q, again = smaller, true
				break
			}
		}
	}
	return q
}

// smaller yields queries in which one Node is replaced by something shorter, the greatest steps first.
func (n *Node) smaller() func(yield func(*Node) bool) {
	return func(yield func(*Node) bool) {
		n.replace(func(m *Node) []*Node {
			var all []*Node
			if s, ok := simplest[m.kind]; ok && m.String() != s {
				all = append(all, piece(m.kind, s))
			}
			if m.kind != fixed && m.kind != optional {
				all = append(all, m.within(m.kind)...)
			}
			return all
		}, yield)
	}
}

// within returns the Nodes of a kind below this one, each but not those below it again.
func (n *Node) within(k kind) (all []*Node) {
	for _, p := range n.parts {
		switch {
		case p.node == nil:
		case p.node.kind == k:
			all = append(all, p.node)
		default:
			all = append(all, p.node.within(k)...)
		}
	}
	return all
}

// replace yields copies in which one Node is replaced by each of what stand for returns.
func (n *Node) replace(standFor func(*Node) []*Node, yield func(*Node) bool) bool {
	for _, s := range standFor(n) {
		if !yield(s) {
			return false
		}
	}
	for i, p := range n.parts {
		if p.node == nil {
			continue
		}
		goOn := p.node.replace(standFor, func(m *Node) bool {
			c := &Node{kind: n.kind, parts: slices.Clone(n.parts)}
			c.parts[i].node = m
			return yield(c)
		})
		if !goOn {
			return false
		}
	}
	return true
}
