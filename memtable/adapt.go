package memtable

import (
	"bytes"
	"runtime"
	"sync/atomic"

	"github.com/middb/middb/key"
)

const (
	// firstAdapt is how many keys there are when the prefix is looked at first; adaptFactor how many
	// times more when it is looked at again.
	firstAdapt  = 256
	adaptFactor = 16
	// enoughSamples is how many keys, well spread, tell the prefix.
	enoughSamples = 64
)

// Prefix returns the prefix that most of the keys share, for the next memtable's Options. Any
// goroutine may call it.
func (m *Memtable) Prefix() []byte {
	t := m.tree.Load()
	p := append([]byte(nil), t.observe()...)
	runtime.KeepAlive(m)
	return p
}

// adapt rebuilds the tree if another prefix would tell keys apart better.
func (m *Memtable) adapt() {
	m.adaptAt *= adaptFactor
	t := m.tree.Load()
	if p := t.observe(); !bytes.Equal(p, t.prefix) {
		m.rebuild(t, append([]byte(nil), p...))
	}
}

// observe returns the prefix to cut from the keys there are. It leaves out a sixteenth of them at
// either end, which may be of another kind, and keeps what makes the word reach the end of the key:
// of keys that count up, the digits that are equal today will not be tomorrow.
func (t *tree) observe() []byte {
	refs := t.sample()
	if len(refs) == 0 {
		return t.prefix
	}
	cut := len(refs) / 16
	lo := t.entry(refs[cut]).key()
	hi := t.entry(refs[len(refs)-1-cut]).key()
	n := min(key.SharedPrefix(lo, hi), max(len(lo), len(hi))-8)
	return lo[:max(n, 0)]
}

// sample returns entries spread over the key space, in order: the separators of the highest level
// that has enough of them.
func (t *tree) sample() []place {
	root := t.root.Load()
	nodes := []place{place(root)}
	for level := root >> 32; ; level-- {
		var refs, below []place
		for _, at := range nodes {
			n := t.node(at)
			perm := atomic.LoadUint64(&n.perm)
			for r := range int(perm & 15) {
				s := slot(perm, r)
				if ref := atomic.LoadUint32(&n.refs[s]); ref != 0 {
					refs = append(refs, ref)
				}
				if level > 0 {
					below = append(below, atomic.LoadUint32(&n.children()[s]))
				}
			}
		}
		if level == 0 || len(refs) >= enoughSamples {
			return refs
		}
		nodes = below
	}
}

// rebuild replaces the tree by one with another prefix over the same entries. Iterators on the old
// one go on: it holds all they may see.
func (m *Memtable) rebuild(old *tree, prefix []byte) {
	t := &tree{base: old.base, prefix: prefix, gen: generations.Add(1)}
	seps := make([]separator, 0, m.Count())
	for at := old.edge(false); at != 0; at = old.node(at).next {
		n := old.node(at)
		for r := range int(n.perm & 15) {
			ref := n.refs[slot(n.perm, r)]
			seps = append(seps, separator{word: t.word(t.entry(ref).key()), ref: ref})
		}
	}
	level := 0
	for seps = m.pack(t, level, seps); len(seps) > 1; level++ {
		seps = m.pack(t, level+1, seps)
	}
	t.root.Store(uint64(level)<<32 | uint64(seps[0].child))
	m.tree.Store(t)
}

// pack writes one level of a new tree, half a node at a time, and returns its separators.
func (m *Memtable) pack(t *tree, level int, seps []separator) []separator {
	up := seps[:0] // each is written after the eight it stands for were read
	var last place
	for i := 0; i < len(seps); i += half {
		group := seps[i:min(i+half, len(seps))]
		first := group[0]
		at, n := m.newNode(t, level, last, 0)
		for s, sep := range group {
			n.set(uint64(s), sep)
		}
		count := uint64(len(group))
		n.perm = (identity&(1<<(4*count)-1))<<4 | count
		if last != 0 {
			l := t.node(last)
			l.next = at
			if level == 0 {
				l.asLeaf().high = first.word
			}
			up = append(up, separator{first.word, first.ref, at})
		} else {
			up = append(up, separator{child: at}) // below every key
		}
		last = at
	}
	return up
}
