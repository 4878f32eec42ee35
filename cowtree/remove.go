package cowtree

// Delete removes k and returns the value that it had.
func (m *Map[V]) Delete(k []byte) (old V, found bool) {
	if old, found = m.Get(k); !found {
		return old, false // and nothing is copied
	}
	if m.alone {
		*m = Map[V]{owner: m.owner}
		return old, true
	}
	if m.root.owner != m.owner {
		m.root = m.root.copied(m.owner, cap(m.root.heads))
	}
	m.remove(m.root, headOf(k), k)
	m.settle()
	return old, true
}

// remove takes out k, which is below n; n is owned.
func (m *Map[V]) remove(n *node[V], h head, k []byte) {
	if n.children == nil {
		i, _ := n.find(h, k)
		n.cutItems(i, i+1)
		return
	}
	i := n.child(h, k)
	c := m.own(n, i)
	m.remove(c, h, k)
	if c.empty() {
		n.cutChildren(i, i+1)
	}
}

// settle makes the tree as low as its root allows.
func (m *Map[V]) settle() {
	for m.root != nil && len(m.root.children) == 1 {
		m.root = m.root.children[0]
	}
	if m.root != nil && m.root.empty() {
		m.root = nil
	}
}

// RemoveRange removes the keys from lower, inclusive, to upper, exclusive. A nil bound is none. Nodes that lie between the
// bounds are not visited.
func (m *Map[V]) RemoveRange(lower, upper []byte) {
	if m.plant(); m.root == nil {
		return
	}
	m.root = m.prune(m.root, boundAt(lower), boundAt(upper))
	m.settle()
}

// A bound is one of a range; nil is none.
type bound struct {
	head
	key []byte
}

func boundAt(k []byte) *bound {
	if k == nil {
		return nil
	}
	return &bound{headOf(k), k}
}

// prune removes what is in a range and returns what is then in the place of n; nil: nothing.
func (m *Map[V]) prune(n *node[V], lower, upper *bound) *node[V] {
	if lower == nil && upper == nil {
		return nil
	}
	if n.children == nil {
		return m.pruneLeaf(n, lower, upper)
	}
	from, to := 0, len(n.children)-1 // the children that the bounds lie in
	if lower != nil {
		from = n.child(lower.head, lower.key)
	}
	if upper != nil {
		to = n.child(upper.head, upper.key)
	}
	if from > to {
		return n
	}
	first, last := n.children[from], n.children[to]
	if from == to {
		first = m.prune(first, lower, upper)
		last = first
	} else {
		first, last = m.prune(first, lower, nil), m.prune(last, nil, upper)
	}
	if first == n.children[from] && last == n.children[to] && to-from < 2 {
		return n
	}
	if n.owner != m.owner {
		n = n.copied(m.owner, 0)
	}
	n.children[from], n.children[to] = first, last
	if first != nil {
		from++
	}
	if last == nil {
		to++
	}
	n.cutChildren(from, max(from, to))
	if n.empty() {
		return nil
	}
	return n
}

func (m *Map[V]) pruneLeaf(n *node[V], lower, upper *bound) *node[V] {
	from, to := 0, len(n.heads)
	if lower != nil {
		from, _ = n.find(lower.head, lower.key)
	}
	if upper != nil {
		to, _ = n.find(upper.head, upper.key)
	}
	switch {
	case from >= to:
		return n
	case from == 0 && to == len(n.heads):
		return nil
	case n.owner != m.owner:
		n = n.copied(m.owner, cap(n.heads))
	}
	n.cutItems(from, to)
	return n
}
