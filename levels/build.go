package levels

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/treap"
)

// ErrStopped is returned by Compaction.Run when it was told to stop. It leaves no files behind.
var ErrStopped = errors.New("compaction stopped")

const (
	// flushTableBytes is where a flush begins another table. Memtables are smaller.
	flushTableBytes = 2 << 30
	// stopEvery is how many entries are merged between two looks at stop.
	stopEvery = 1024
)

// A Builder says where and how flush and compaction write tables. It is immutable, and may be used
// by many goroutines at once if NextFileNum may.
type Builder struct {
	Tables          *Tables
	NextFileNum     func() uint64 // returns a new file number at each call
	Compression     [NumLevels]sstable.Compression
	BlockBytes      int              // 0: the default of sstable
	BloomBitsPerKey int              // 0: the default of sstable; negative: no filters
	Operators       *merge.Operators // fold merges; nil: the built-in ones
}

// Flush writes the entries of src, which is closed then, and range deletes, which are sorted, disjoint and
// older than the entries that they cover, to tables of L0: normally one, none if there is nothing. What
// has expired by now, in nanoseconds since 1970, becomes tombstones. On return the files and the directory
// are synced. The caller adds the flushed sequence number to the edit.
func Flush(b *Builder, src iterator.Iterator, ranges []treap.Span, now int64) (Edit, error) {
	out := output{b: b, limit: flushTableBytes}
	for _, r := range ranges {
		out.ranges = append(out.ranges, sstable.Range(r))
	}
	f := finisher{ops: b.Operators, now: now}
	for ok := src.First(); ok; ok = src.Next() {
		t, v := f.finish(src.Trailer(), src.Value(), false)
		if err := out.add(src.Key(), t, v); err != nil {
			return Edit{}, errors.Join(out.abandon(fmt.Errorf("flush: %w", err)), src.Close())
		}
	}
	err := src.Close()
	if err == nil {
		err = out.finish()
	}
	if err != nil {
		return Edit{}, out.abandon(fmt.Errorf("flush: %w", err))
	}
	return Edit{Added: out.added}, nil
}

// A finisher turns entries into what is to be written of them.
type finisher struct {
	ops *merge.Operators
	now int64
}

// finish returns an entry as it is to be kept; bottom: nothing older exists. The value is v or new.
func (f *finisher) finish(t key.Trailer, v []byte, bottom bool) (key.Trailer, []byte) {
	if k := t.Kind(); k != key.KindMerge && k != key.KindPutWithExpiry {
		return t, v
	}
	e := f.ops.Finish(nil, merge.Entry{Kind: t.Kind(), Value: v}, f.now, bottom)
	return key.MakeTrailer(t.Seq(), e.Kind), e.Value
}

// Run carries the compaction out: it merges the inputs into new tables of the output level, drops
// what is shadowed, expired or covered by a range delete, and drops tombstones and range deletes where
// nothing lies deeper. now is in nanoseconds since 1970; what the picker saw expired is so in any case.
// On return the files and the directory are synced; the edit is to be applied before the claim is
// released. stop is polled; once it reports true, and on every error, the files written so far are
// removed.
func (c *Compaction) Run(b *Builder, stop func() bool, now int64) (Edit, error) {
	var e Edit
	for _, in := range c.Inputs {
		for _, t := range in.Tables {
			e.Deleted = append(e.Deleted, Deleted{Level: in.Level, Num: t.Num})
			if c.Move {
				e.Added = append(e.Added, Added{Level: c.Output, TableMeta: t.TableMeta})
			}
		}
	}
	if c.Move {
		return e, nil
	}
	m, ranges, err := c.open(b.Operators)
	if err != nil {
		return Edit{}, fmt.Errorf("compact: %w", err)
	}
	out := output{b: b, level: c.Output, limit: c.targetBytes, ranges: ranges, trim: c.trim}
	err = c.merge(m, &out, stop, max(now, c.now))
	err = errors.Join(err, m.Close())
	if err == nil {
		err = out.finish()
	}
	if err != nil {
		return Edit{}, out.abandon(fmt.Errorf("compact: %w", err))
	}
	e.Added = out.added
	return e, nil
}

// An opening is the inputs of a compaction while they are being opened.
type opening struct {
	sources []iterator.Source
	ranges  []sstable.Range // of all of them, coalesced
}

// add opens tables that are one source and older than all before. A table that newer range deletes cover
// whole is left out, so that it is not even opened.
func (o *opening) add(ts []*Table) error {
	left := filter(ts, func(t *Table) bool { return !covers(o.ranges, t.Smallest, t.Largest) })
	ranged := withRanges(left)
	for _, t := range ranged {
		more, err := t.rangeDeletes()
		if err != nil {
			return err
		}
		o.ranges = append(o.ranges, more...)
	}
	o.ranges = coalesce(o.ranges)
	if len(left) > 0 {
		o.sources = append(o.sources, newLevelIter(left, ranged, IterOptions{Readahead: true}).source())
	}
	return nil
}

// open returns the merged inputs, and what their range deletes cover together.
func (c *Compaction) open(ops *merge.Operators) (*iterator.Merging, []sstable.Range, error) {
	var o opening
	for _, in := range c.Inputs {
		sources := [][]*Table{in.Tables}
		if in.Level == 0 {
			sources = slices.Collect(slices.Chunk(in.Tables, 1))
		}
		for _, ts := range sources {
			if err := o.add(ts); err != nil {
				return nil, nil, errors.Join(err, closeIters(o.sources))
			}
		}
	}
	return iterator.NewMerging(ops, o.sources...), o.ranges, nil
}

// merge copies the entries of m to out.
func (c *Compaction) merge(m *iterator.Merging, out *output, stop func() bool, now int64) error {
	deeper := deeperLevels(c.version, c.Output)
	grand := grandparents{limit: c.grandparentBytes}
	if c.Output < lastLevel {
		grand.tables = c.version.overlapping(c.Output+1, c.Smallest, c.Largest)
	}
	f := finisher{ops: out.b.Operators, now: now}
	left := stopEvery
	for ok := m.First(); ok; ok = m.Next() {
		if left--; left == 0 {
			if stop() {
				return ErrStopped
			}
			left = stopEvery
		}
		k, t, v := m.Key(), m.Trailer(), m.Value()
		if t.Kind() != key.KindPut {
			bottom := !deeper.hold(k)
			if t, v = f.finish(t, v, bottom); bottom && t.Kind() == key.KindDelete {
				continue
			}
		}
		if grand.full(k) {
			if err := out.cut(k); err != nil {
				return err
			}
		}
		if err := out.add(k, t, v); err != nil {
			return err
		}
	}
	return nil
}

// A cursor walks the tables of a sorted level beside ascending keys.
type cursor struct {
	tables []*Table
}

// deeper are the levels below a compaction's output that have tables.
type deeper []cursor

func deeperLevels(v *Version, output int) deeper {
	var d deeper
	for l := output + 1; l < NumLevels; l++ {
		if len(v.Levels[l]) > 0 {
			d = append(d, cursor{v.Levels[l]})
		}
	}
	return d
}

// hold reports whether a deeper level may have an entry of k. Keys must ascend from call to call.
func (d deeper) hold(k []byte) bool {
	for i := range d {
		c := &d[i]
		for len(c.tables) > 0 && bytes.Compare(c.tables[0].Largest, k) < 0 {
			c.tables = c.tables[1:]
		}
		if len(c.tables) > 0 && bytes.Compare(c.tables[0].Smallest, k) <= 0 {
			return true
		}
	}
	return false
}

// grandparents measures how much of the level below the output one output table overlaps.
type grandparents struct {
	tables []*Table
	passed int64 // bytes of tables that ended within the current output
	limit  int64
}

// full reports whether the output should be cut before k. Keys must ascend from call to call.
func (g *grandparents) full(k []byte) bool {
	for len(g.tables) > 0 && bytes.Compare(g.tables[0].Largest, k) < 0 {
		g.passed += g.tables[0].Size
		g.tables = g.tables[1:]
	}
	if g.passed <= g.limit {
		return false
	}
	g.passed = 0
	return true
}
