package iterator

import (
	"bytes"
	"sync"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

var _ Iterator = (*Merging)(nil)

// A Merging shows the entries of several sources as one. Of entries with the same key it shows the
// one of the newest source, tombstones too; if that is an incomplete merge, the older ones are folded
// into it. What range deletes of a newer source hide is skipped. The failure of any source ends it.
//
// It keeps the sources that stand at an entry in an array sorted by their keys. Moving on moves
// the first source and puts it back in order, which costs one comparison while that source leads,
// as it does most of the time when one level holds most of the data. When a source comes to a key
// at which another one stands, the older of the two moves on at once: keys in the array are
// distinct, so nothing needs to remember what was shown, but for what a merge still needs: see held.
type Merging struct {
	sources []source  // all of them, newest first
	order   []*source // those at an entry, in the order of their keys in the direction of travel
	ranges  []Ranges  // of the sources that have any, newest first
	ops     *merge.Operators
	reverse bool
	err     error
}

// A source is an iterator with its age and, while it is in order, its current key.
type source struct {
	it    Iterator
	taker Taker // it, if it is one
	key   []byte
	age   int     // 0 is the newest
	masks int     // how many of the Merging's ranges are of newer sources
	held  held    // what older sources say of the key
	clear stretch // around the key: no newer source hides any of it
}

var mergingPool = sync.Pool{New: func() any { return new(Merging) }}

// NewMerging returns a Merging over the sources, newest first, which it owns: Close closes them.
// It keeps no reference to the slice.
func NewMerging(ops *merge.Operators, sources ...Source) *Merging {
	m := mergingPool.Get().(*Merging)
	m.err, m.reverse, m.ops = nil, false, ops
	for i, s := range sources {
		if n := len(m.sources); n < cap(m.sources) {
			m.sources = m.sources[:n+1] // with the memory that its last user left
		} else {
			m.sources = append(m.sources, source{})
		}
		into := &m.sources[i]
		into.it, into.age, into.masks = s.Iterator, i, len(m.ranges)
		into.taker, _ = s.Iterator.(Taker)
		if s.Ranges != nil {
			m.ranges = append(m.ranges, s.Ranges)
		}
	}
	return m
}

// Close closes all sources. It returns Err, or else the first error of closing one.
func (m *Merging) Close() error {
	err := m.err
	for i := range m.sources {
		if e := m.sources[i].it.Close(); err == nil {
			err = e
		}
	}
	m.recycle()
	return err
}

// recycle gives m back without its sources.
func (m *Merging) recycle() {
	for i := range m.sources {
		s := &m.sources[i]
		*s = source{held: s.held}
		s.held.clear()
		s.held.trim()
	}
	clear(m.order[:cap(m.order)])
	clear(m.ranges)
	m.sources, m.order, m.ranges, m.ops = m.sources[:0], m.order[:0], m.ranges[:0], nil
	mergingPool.Put(m)
}

// Valid implements Iterator.
func (m *Merging) Valid() bool { return len(m.order) > 0 }

// Key implements Iterator.
func (m *Merging) Key() []byte { return m.order[0].key }

// Trailer implements Iterator. Of a merge that was folded it has the newest sequence number, and the
// kind of the result.
func (m *Merging) Trailer() key.Trailer {
	s := m.order[0]
	if len(s.held.entries) > 0 {
		return s.fold(m.ops).t
	}
	return s.it.Trailer()
}

// Value implements Iterator.
func (m *Merging) Value() []byte {
	s := m.order[0]
	if len(s.held.entries) > 0 {
		return s.fold(m.ops).value
	}
	return s.it.Value()
}

// Err implements Iterator.
func (m *Merging) Err() error { return m.err }

// First implements Iterator.
func (m *Merging) First() bool {
	m.start(false)
	for i := range m.sources {
		s := &m.sources[i]
		m.enter(s, s.it.First(), 0)
	}
	return len(m.order) > 0
}

// Last implements Iterator.
func (m *Merging) Last() bool {
	m.start(true)
	for i := range m.sources {
		s := &m.sources[i]
		m.enter(s, s.it.Last(), 0)
	}
	return len(m.order) > 0
}

// SeekGE implements Iterator.
func (m *Merging) SeekGE(k []byte) bool {
	m.start(false)
	for i := range m.sources {
		s := &m.sources[i]
		m.enter(s, s.it.SeekGE(k), 0)
	}
	return len(m.order) > 0
}

// SeekLT implements Iterator.
func (m *Merging) SeekLT(k []byte) bool {
	m.start(true)
	for i := range m.sources {
		s := &m.sources[i]
		m.enter(s, s.it.SeekLT(k), 0)
	}
	return len(m.order) > 0
}

// start empties the order before all sources are positioned anew.
func (m *Merging) start(reverse bool) {
	for _, s := range m.order {
		s.held.clear()
	}
	m.order, m.reverse = m.order[:0], reverse
}

// Next implements Iterator.
func (m *Merging) Next() bool {
	if m.reverse {
		return m.turn(false)
	}
	s := m.order[0]
	if len(s.held.entries) > 0 {
		s.held.clear()
	}
	if !s.it.Next() || s.masks > 0 && !m.uncover(s) {
		return m.drop(s)
	}
	s.key = s.it.Key()
	if len(m.order) == 1 {
		return true
	}
	if c := bytes.Compare(s.key, m.order[1].key); c < 0 {
		return true
	} else if c == 0 {
		return m.collide(s)
	}
	return m.reorder(s)
}

// Prev implements Iterator.
func (m *Merging) Prev() bool {
	if !m.reverse {
		return m.turn(true)
	}
	s := m.order[0]
	if len(s.held.entries) > 0 {
		s.held.clear()
	}
	if !s.it.Prev() || s.masks > 0 && !m.uncover(s) {
		return m.drop(s)
	}
	s.key = s.it.Key()
	if len(m.order) == 1 {
		return true
	}
	if c := bytes.Compare(s.key, m.order[1].key); c > 0 {
		return true
	} else if c == 0 {
		return m.collide(s)
	}
	return m.reorder(s)
}

// drop removes the first source, which has come to its end or failed.
func (m *Merging) drop(s *source) bool {
	if m.err != nil {
		return false
	}
	if err := s.it.Err(); err != nil {
		return m.fail(err)
	}
	m.order = append(m.order[:0], m.order[1:]...)
	return len(m.order) > 0
}

// reorder puts the first source, which has moved past the key of the second, in its place.
func (m *Merging) reorder(s *source) bool {
	i, met := m.search(s.key, 2)
	if met {
		return m.collide(s)
	}
	// The sources between move up by one; they are few, mostly one.
	for j := 1; j < i; j++ {
		m.order[j-1] = m.order[j]
	}
	m.order[i-1] = s
	return true
}

// collide puts the first source, which has moved to the key of another one, in its place.
func (m *Merging) collide(s *source) bool {
	m.order = append(m.order[:0], m.order[1:]...)
	m.enter(s, true, 0)
	return len(m.order) > 0
}

// fail ends the merge.
func (m *Merging) fail(err error) bool {
	m.start(m.reverse)
	m.err = err
	return false
}

// enter puts a source that was just moved, and stands at an entry if valid, in its place at or
// behind index from. Where it meets a source at the same key the older of the two moves on.
func (m *Merging) enter(s *source, valid bool, from int) {
	for m.err == nil {
		if !valid || s.masks > 0 && !m.uncover(s) {
			if err := s.it.Err(); err != nil && m.err == nil {
				m.fail(err)
			}
			return
		}
		s.key = s.it.Key()
		i, met := m.search(s.key, from)
		if !met {
			m.order = append(m.order, nil)
			copy(m.order[i+1:], m.order[i:])
			m.order[i] = s
			return
		}
		newer := m.order[i]
		if s.age < newer.age {
			m.order[i], newer, s = s, s, newer
		}
		newer.shadow(s)
		from = i + 1
		if m.reverse {
			valid = s.it.Prev()
		} else {
			valid = s.it.Next()
		}
	}
}

// search returns the first index not below from whose source comes at or after k in the direction
// of travel, and whether it stands at k itself.
func (m *Merging) search(k []byte, from int) (i int, met bool) {
	lo, hi := min(from, len(m.order)), len(m.order)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		c := bytes.Compare(m.order[mid].key, k)
		if c == 0 {
			return mid, true
		}
		if c < 0 != m.reverse {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, false
}

// turn changes the direction of travel and moves one step in the new one. Each source but the
// current one stands somewhere ahead in the old direction, so it is positioned anew.
func (m *Merging) turn(reverse bool) bool {
	lead := m.order[0]
	m.start(reverse) // forgets what was held, of the lead too
	for i := range m.sources {
		s := &m.sources[i]
		if s == lead || m.err != nil {
			continue
		}
		// The key belongs to the lead, which moves last.
		if reverse {
			m.enter(s, s.it.SeekLT(lead.key), 0)
			continue
		}
		valid := s.it.SeekGE(lead.key)
		if valid && bytes.Equal(s.it.Key(), lead.key) {
			valid = s.it.Next()
		}
		m.enter(s, valid, 0)
	}
	if m.err != nil {
		return false
	}
	if reverse {
		m.enter(lead, lead.it.Prev(), 0)
	} else {
		m.enter(lead, lead.it.Next(), 0)
	}
	return len(m.order) > 0
}
