package levels

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
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
	BlockBytes      int // 0: the default of sstable
	BloomBitsPerKey int // 0: the default of sstable; negative: no filters
}

// Flush writes the entries of src, which is closed then, to tables of L0: normally one, none if
// src is empty. On return the files and the directory are synced. The caller adds the flushed
// sequence number to the edit.
func Flush(b *Builder, src iterator.Iterator) (Edit, error) {
	out := output{b: b, limit: flushTableBytes}
	for ok := src.First(); ok; ok = src.Next() {
		if err := out.add(src.Key(), src.Trailer(), src.Value()); err != nil {
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

// Run carries the compaction out: it merges the inputs into new tables of the output level, drops
// what is shadowed, and drops tombstones where nothing lies deeper. On return the files and the
// directory are synced; the edit is to be applied before the claim is released. stop is polled;
// once it reports true, and on every error, the files written so far are removed.
func (c *Compaction) Run(b *Builder, stop func() bool) (Edit, error) {
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
	m, err := c.open()
	if err != nil {
		return Edit{}, fmt.Errorf("compact: %w", err)
	}
	out := output{b: b, level: c.Output, limit: c.targetBytes}
	err = c.merge(m, &out, stop)
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

// open returns the merged inputs.
func (c *Compaction) open() (*iterator.Merging, error) {
	o := IterOptions{Readahead: true}
	var its []iterator.Source
	for _, in := range c.Inputs {
		if in.Level > 0 {
			its = append(its, iterator.Source{Iterator: newLevelIter(in.Tables, o)})
			continue
		}
		for _, t := range in.Tables {
			its = append(its, iterator.Source{Iterator: newLevelIter([]*Table{t}, o)})
		}
	}
	return iterator.NewMerging(nil, its...), nil
}

// merge copies the entries of m to out.
func (c *Compaction) merge(m *iterator.Merging, out *output, stop func() bool) error {
	deeper := deeperLevels(c.version, c.Output)
	grand := grandparents{limit: c.grandparentBytes}
	if c.Output < lastLevel {
		grand.tables = c.version.overlapping(c.Output+1, c.Smallest, c.Largest)
	}
	left := stopEvery
	for ok := m.First(); ok; ok = m.Next() {
		if left--; left == 0 {
			if stop() {
				return ErrStopped
			}
			left = stopEvery
		}
		k, t := m.Key(), m.Trailer()
		if t.Kind() == key.KindDelete && !deeper.hold(k) {
			continue
		}
		if grand.full(k) {
			if err := out.cut(); err != nil {
				return err
			}
		}
		if err := out.add(k, t, m.Value()); err != nil {
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

// An output writes entries to a sequence of tables of one level.
type output struct {
	b     *Builder
	level int
	limit int64 // a table ends once it has this many bytes
	added []Added

	w    *sstable.Writer
	f    vfs.File
	num  uint64
	made []uint64 // every file that was created
}

// add appends an entry; keys must ascend.
func (o *output) add(k []byte, t key.Trailer, v []byte) error {
	if o.w != nil && o.w.EstimatedSize() >= o.limit {
		if err := o.cut(); err != nil {
			return err
		}
	}
	if o.w == nil {
		if err := o.begin(); err != nil {
			return err
		}
	}
	return o.w.Add(k, t, v)
}

func (o *output) begin() error {
	ts := o.b.Tables
	o.num = o.b.NextFileNum()
	f, err := ts.fs.Create(ts.fs.Join(ts.dir, TableName(o.num)))
	if err != nil {
		return fmt.Errorf("create table %d: %w", o.num, err)
	}
	o.made = append(o.made, o.num)
	o.f = f
	o.w = sstable.NewWriter(f, sstable.WriterOptions{
		FileNum:         o.num,
		BlockBytes:      o.b.BlockBytes,
		BloomBitsPerKey: o.b.BloomBitsPerKey,
		Compression:     o.b.Compression[o.level],
	})
	return nil
}

// cut finishes the current table, if there is one.
func (o *output) cut() error {
	if o.w == nil {
		return nil
	}
	info, err := o.w.Finish()
	o.w = nil
	if err = joinClose(err, o.f); err != nil {
		return fmt.Errorf("finish table %d: %w", o.num, err)
	}
	o.added = append(o.added, Added{Level: o.level, TableMeta: TableMeta{
		Num:         o.num,
		Size:        info.Size,
		Smallest:    info.Smallest,
		Largest:     info.Largest,
		MinSeq:      info.MinSeq,
		MaxSeq:      info.MaxSeq,
		Entries:     int64(info.Entries),
		Tombstones:  int64(info.Tombstones),
		RawBytes:    int64(info.RawKeyBytes + info.RawValueBytes),
		Compression: o.b.Compression[o.level],
		Checksum:    info.Checksum,
	}})
	return nil
}

// finish ends the last table and makes the names of all durable.
func (o *output) finish() error {
	if err := o.cut(); err != nil {
		return err
	}
	if len(o.made) == 0 {
		return nil
	}
	if err := o.b.Tables.fs.SyncDir(o.b.Tables.dir); err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// abandon removes what was written, because of err, which it returns with what else failed.
func (o *output) abandon(err error) error {
	if o.w != nil {
		o.w.Abort()
		err = joinClose(err, o.f)
		o.w = nil
	}
	return errors.Join(err, o.b.Tables.Remove(o.made))
}

// Remove deletes the files of tables. Those that are missing already are no failure. It goes on
// after a failure and returns all of them; a file left behind is removed at the next open.
func (ts *Tables) Remove(nums []uint64) error {
	var errs error
	for _, num := range nums {
		err := ts.fs.Remove(ts.fs.Join(ts.dir, TableName(num)))
		if err != nil && !vfs.IsNotExist(err) {
			errs = errors.Join(errs, fmt.Errorf("remove table %d: %w", num, err))
		}
	}
	return errs
}

// joinClose closes f and returns err with what that failed of.
func joinClose(err error, f io.Closer) error {
	if cerr := f.Close(); cerr != nil {
		return errors.Join(err, cerr)
	}
	return err
}
