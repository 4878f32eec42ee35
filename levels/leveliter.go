package levels

import (
	"bytes"
	"errors"
	"runtime"
	"sort"
	"sync"

	"github.com/middb/middb/invariant"
	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/sstable"
)

// A levelIter walks the tables of a sorted level as one source, and tells what their range deletes
// hide. It opens a table when it comes to it and closes the table's iterator when it leaves.
type levelIter struct {
	tables []*Table
	ranged []*Table      // those that have range deletes
	behind [][]byte      // for each of them, the key that follows its last one; made when asked for
	i      int           // the table that it is on, if it is not nil
	it     *sstable.Iter // stands on tables[i]; nil: before the first or after the last table
	o      IterOptions
	err    error
}

var (
	_ iterator.Iterator = (*levelIter)(nil)
	_ iterator.Ranges   = (*levelIter)(nil)
)

var levelIters = sync.Pool{New: func() any { return new(levelIter) }}

// newLevelIter returns an iterator over tables, which are sorted and disjoint. ranged are those of them
// that have range deletes.
func newLevelIter(tables, ranged []*Table, o IterOptions) *levelIter {
	l := levelIters.Get().(*levelIter)
	*l = levelIter{tables: tables, ranged: ranged, o: o}
	return l
}

// source returns the iterator with its ranges, if it has any.
func (l *levelIter) source() iterator.Source {
	if len(l.ranged) == 0 {
		return iterator.Source{Iterator: l}
	}
	return iterator.Source{Iterator: l, Ranges: l}
}

// goTo makes table i the current one.
func (l *levelIter) goTo(i int) bool {
	if l.err != nil {
		return false
	}
	if l.it != nil && l.i == i {
		return true
	}
	l.leave()
	if i < 0 || i >= len(l.tables) || l.err != nil {
		return false
	}
	r, err := l.tables[i].Reader()
	if err != nil {
		l.err = err
		return false
	}
	l.i, l.it = i, r.NewIter(l.o)
	return true
}

// leave closes the current table's iterator.
func (l *levelIter) leave() {
	if l.it == nil {
		return
	}
	if err := l.it.Close(); err != nil && l.err == nil {
		l.err = err
	}
	runtime.KeepAlive(l.tables)
	l.it = nil
}

// forward returns ok, or goes to the following tables until one has an entry.
func (l *levelIter) forward(ok bool) bool {
	for !ok {
		if l.it == nil || l.it.Err() != nil || !l.goTo(l.i+1) {
			l.leave()
			return false
		}
		ok = l.it.First()
	}
	return true
}

// backward returns ok, or goes to the preceding tables until one has an entry.
func (l *levelIter) backward(ok bool) bool {
	for !ok {
		if l.it == nil || l.it.Err() != nil || !l.goTo(l.i-1) {
			l.leave()
			return false
		}
		ok = l.it.Last()
	}
	return true
}

// First implements iterator.Iterator.
func (l *levelIter) First() bool { return l.goTo(0) && l.forward(l.it.First()) }

// Last implements iterator.Iterator.
func (l *levelIter) Last() bool { return l.goTo(len(l.tables)-1) && l.backward(l.it.Last()) }

// SeekGE implements iterator.Iterator.
func (l *levelIter) SeekGE(k []byte) bool {
	i := l.i
	if l.it == nil || bytes.Compare(k, l.tables[i].Smallest) < 0 || bytes.Compare(k, l.tables[i].Largest) > 0 {
		i = sort.Search(len(l.tables), func(i int) bool { return bytes.Compare(l.tables[i].Largest, k) >= 0 })
	}
	return l.goTo(i) && l.forward(l.it.SeekGE(k))
}

// SeekLT implements iterator.Iterator.
func (l *levelIter) SeekLT(k []byte) bool {
	i := sort.Search(len(l.tables), func(i int) bool { return bytes.Compare(l.tables[i].Smallest, k) >= 0 })
	return l.goTo(i-1) && l.backward(l.it.SeekLT(k))
}

// Next implements iterator.Iterator.
func (l *levelIter) Next() bool {
	if l.it.Next() {
		return true
	}
	return l.forward(false)
}

// Prev implements iterator.Iterator.
func (l *levelIter) Prev() bool {
	if l.it.Prev() {
		return true
	}
	return l.backward(false)
}

// Valid implements iterator.Iterator.
func (l *levelIter) Valid() bool { return l.it != nil && l.it.Valid() }

// Key implements iterator.Iterator.
func (l *levelIter) Key() []byte { return l.it.Key() }

// Trailer implements iterator.Iterator.
func (l *levelIter) Trailer() key.Trailer { return l.it.Trailer() }

// Value implements iterator.Iterator.
func (l *levelIter) Value() []byte { return l.it.Value() }

// Err implements iterator.Iterator.
func (l *levelIter) Err() error {
	if l.err == nil && l.it != nil {
		return l.it.Err()
	}
	return l.err
}

// Close implements iterator.Iterator.
func (l *levelIter) Close() error {
	invariant.Check(l.i >= 0, "a level iterator is closed twice")
	err := l.Err()
	l.leave()
	err = errors.Join(err, l.err)
	*l = levelIter{i: -1}
	levelIters.Put(l)
	return err
}

var _ iterator.Taker = (*levelIter)(nil)

// Take implements iterator.Taker.
func (l *levelIter) Take(e *iterator.Entries, most int, limit []byte) bool {
	return l.it.Take(e, most, limit)
}
