package treap

import (
	"bytes"

	"github.com/zeebo/xxh3"
)

// A tree is an immutable map from byte strings to values of V, in the order of the keys. The zero tree
// is empty. A change returns a new one, which shares most of its memory with the old one. Keys are
// kept, not copied: whoever adds one does not change it afterwards. Safe for concurrent use.
type tree[V any] struct{ root *node[V] }

// node is never changed once a tree has it.
type node[V any] struct {
	key         []byte
	value       V
	priority    uint64
	left, right *node[V]
}

// An item is a key of a tree and its value.
type item[V any] struct {
	Key   []byte
	Value V
}

// empty reports whether there are no keys.
func (m tree[V]) empty() bool { return m.root == nil }

// get returns the value of k.
func (m tree[V]) get(k []byte) (v V, ok bool) {
	for n := m.root; n != nil; {
		switch c := bytes.Compare(k, n.key); {
		case c == 0:
			return n.value, true
		case c < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return v, false
}

// floor returns the item with the greatest key that is not above k.
func (m tree[V]) floor(k []byte) (item[V], bool) { return m.atMost(k, 1) }

// below returns the item with the greatest key below k.
func (m tree[V]) below(k []byte) (item[V], bool) { return m.atMost(k, 0) }

// atMost finds the greatest key whose comparison with k is below limit.
func (m tree[V]) atMost(k []byte, limit int) (it item[V], ok bool) {
	var best *node[V]
	for n := m.root; n != nil; {
		if bytes.Compare(n.key, k) < limit {
			best, n = n, n.right
		} else {
			n = n.left
		}
	}
	return best.item()
}

// above returns the item with the smallest key above k.
func (m tree[V]) above(k []byte) (item[V], bool) {
	var best *node[V]
	for n := m.root; n != nil; {
		if bytes.Compare(n.key, k) > 0 {
			best, n = n, n.left
		} else {
			n = n.right
		}
	}
	return best.item()
}

// min returns the item with the smallest key.
func (m tree[V]) min() (item[V], bool) {
	n := m.root
	for n != nil && n.left != nil {
		n = n.left
	}
	return n.item()
}

func (n *node[V]) item() (it item[V], ok bool) {
	if n == nil {
		return it, false
	}
	return item[V]{n.key, n.value}, true
}

// set returns a tree in which k has the value v.
func (m tree[V]) set(k []byte, v V) tree[V] {
	return tree[V]{set(m.root, &node[V]{key: k, value: v, priority: xxh3.Hash(k)})}
}

// set puts the fresh node into the tree under n.
func set[V any](n, fresh *node[V]) *node[V] {
	if n == nil {
		return fresh
	}
	c := bytes.Compare(fresh.key, n.key)
	if c == 0 {
		fresh.left, fresh.right = n.left, n.right
		return fresh
	}
	if fresh.priority > n.priority {
		fresh.left, fresh.right = split(n, fresh.key) // an equal key has an equal priority: it is not here
		return fresh
	}
	up := *n
	if c < 0 {
		up.left = set(n.left, fresh)
	} else {
		up.right = set(n.right, fresh)
	}
	return &up
}

// removeRange returns a tree without the keys from lower, inclusive, to upper, exclusive. A nil bound is
// none.
func (m tree[V]) removeRange(lower, upper []byte) tree[V] {
	var left, right *node[V]
	rest := m.root
	if lower != nil {
		left, rest = split(rest, lower)
	}
	if upper != nil {
		_, right = split(rest, upper)
	}
	return tree[V]{join(left, right)}
}

// remove returns a tree without k.
func (m tree[V]) remove(k []byte) tree[V] {
	if _, ok := m.get(k); !ok {
		return m
	}
	below, rest := split(m.root, k)
	return tree[V]{join(below, withoutFirst(rest))}
}

// withoutFirst returns all keys but the smallest.
func withoutFirst[V any](n *node[V]) *node[V] {
	if n.left == nil {
		return n.right
	}
	up := *n
	up.left = withoutFirst(n.left)
	return &up
}

// split returns the keys below k, and the others.
func split[V any](n *node[V], k []byte) (below, rest *node[V]) {
	if n == nil {
		return nil, nil
	}
	up := *n
	if bytes.Compare(n.key, k) < 0 {
		up.right, rest = split(n.right, k)
		return &up, rest
	}
	below, up.left = split(n.left, k)
	return below, &up
}

// join returns the keys of both; all of a are below all of b.
func join[V any](a, b *node[V]) *node[V] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority >= b.priority:
		up := *a
		up.right = join(a.right, b)
		return &up
	default:
		up := *b
		up.left = join(a, b.left)
		return &up
	}
}
