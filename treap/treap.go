package treap

import (
	"bytes"

	"github.com/zeebo/xxh3"
)

// A Map is an immutable map from byte strings to values of V, in the order of the keys. The zero Map
// is empty. A change returns a new Map, which shares most of its memory with the old one. Keys are
// kept, not copied: whoever adds one does not change it afterwards. Safe for concurrent use.
type Map[V any] struct{ root *node[V] }

// node is never changed once a Map has it.
type node[V any] struct {
	key         []byte
	value       V
	priority    uint64
	left, right *node[V]
}

// An Item is a key of a Map and its value.
type Item[V any] struct {
	Key   []byte
	Value V
}

// Empty reports whether there are no keys.
func (m Map[V]) Empty() bool { return m.root == nil }

// Get returns the value of k.
func (m Map[V]) Get(k []byte) (v V, ok bool) {
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

// Floor returns the item with the greatest key that is not above k.
func (m Map[V]) Floor(k []byte) (Item[V], bool) { return m.atMost(k, 1) }

// Below returns the item with the greatest key below k.
func (m Map[V]) Below(k []byte) (Item[V], bool) { return m.atMost(k, 0) }

// Ceil returns the item with the smallest key that is not below k.
func (m Map[V]) Ceil(k []byte) (Item[V], bool) { return m.atLeast(k, 0) }

// Above returns the item with the smallest key above k.
func (m Map[V]) Above(k []byte) (Item[V], bool) { return m.atLeast(k, 1) }

// atMost finds the greatest key whose comparison with k is below limit.
func (m Map[V]) atMost(k []byte, limit int) (item Item[V], ok bool) {
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

// atLeast finds the smallest key whose comparison with k is not below limit.
func (m Map[V]) atLeast(k []byte, limit int) (item Item[V], ok bool) {
	var best *node[V]
	for n := m.root; n != nil; {
		if bytes.Compare(n.key, k) >= limit {
			best, n = n, n.left
		} else {
			n = n.right
		}
	}
	return best.item()
}

// Min returns the item with the smallest key.
func (m Map[V]) Min() (Item[V], bool) {
	n := m.root
	for n != nil && n.left != nil {
		n = n.left
	}
	return n.item()
}

// Max returns the item with the greatest key.
func (m Map[V]) Max() (Item[V], bool) {
	n := m.root
	for n != nil && n.right != nil {
		n = n.right
	}
	return n.item()
}

func (n *node[V]) item() (item Item[V], ok bool) {
	if n == nil {
		return item, false
	}
	return Item[V]{n.key, n.value}, true
}

// Set returns a Map in which k has the value v.
func (m Map[V]) Set(k []byte, v V) Map[V] {
	return Map[V]{set(m.root, &node[V]{key: k, value: v, priority: xxh3.Hash(k)})}
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

// Remove returns a Map without the keys from lower, inclusive, to upper, exclusive. A nil bound is
// none.
func (m Map[V]) Remove(lower, upper []byte) Map[V] {
	var left, right *node[V]
	rest := m.root
	if lower != nil {
		left, rest = split(rest, lower)
	}
	if upper != nil {
		_, right = split(rest, upper)
	}
	return Map[V]{join(left, right)}
}

// remove returns a Map without k.
func (m Map[V]) remove(k []byte) Map[V] {
	if _, ok := m.Get(k); !ok {
		return m
	}
	below, rest := split(m.root, k)
	return Map[V]{join(below, withoutFirst(rest))}
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
