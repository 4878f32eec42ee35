package levels

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/middb/middb/key"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

// An output writes entries and range deletes to a sequence of tables of one level, whose bounds, both
// inclusive, stay apart.
type output struct {
	b      *Builder
	level  int
	limit  int64                                     // a table ends once it has this many bytes
	ranges []sstable.Range                           // coalesced; those that are not in a table yet
	trim   func(sstable.Range) (sstable.Range, bool) // what of a range is worth keeping; nil: all
	added  []Added

	w     *sstable.Writer
	f     vfs.File
	num   uint64
	bound []byte   // no key that the current table speaks of is above
	made  []uint64 // every file that was created
}

// add appends an entry; keys must ascend.
func (o *output) add(k []byte, t key.Trailer, v []byte) error {
	if err := o.addRangesBefore(k); err != nil {
		return err
	}
	if err := o.prepare(k); err != nil {
		return err
	}
	o.bound = append(o.bound[:0], k...)
	return o.w.Add(k, t, v)
}

// addRangesBefore appends the ranges that end before k or at it; all if k is nil.
func (o *output) addRangesBefore(k []byte) error {
	for len(o.ranges) > 0 && (k == nil || bytes.Compare(o.ranges[0].End, k) <= 0) {
		r, ok := o.trimmed(o.ranges[0])
		if o.ranges = o.ranges[1:]; !ok {
			continue
		}
		if err := o.prepare(r.Start); err != nil {
			return err
		}
		if err := o.addRange(r); err != nil {
			return err
		}
	}
	return nil
}

func (o *output) trimmed(r sstable.Range) (sstable.Range, bool) {
	if o.trim == nil {
		return r, true
	}
	return o.trim(r)
}

// addRange appends a range to the current table.
func (o *output) addRange(r sstable.Range) error {
	if last := r.Last(); bytes.Compare(last, o.bound) > 0 {
		o.bound = append(o.bound[:0], last...)
	}
	return o.w.AddRange(r.Start, r.End, r.Seq)
}

// prepare makes a table ready for what begins at k.
func (o *output) prepare(k []byte) error {
	if o.w != nil && o.w.EstimatedSize() >= o.limit {
		if err := o.cut(k); err != nil {
			return err
		}
	}
	if o.w == nil {
		return o.begin()
	}
	return nil
}

// cut ends the current table, if there is one, before k. If what the table has reaches to k it goes on. A
// range that begins in the table and goes on behind it is cut just behind the last key.
func (o *output) cut(k []byte) error {
	if o.w == nil || bytes.Compare(o.bound, k) >= 0 {
		return nil
	}
	if len(o.ranges) > 0 && bytes.Compare(o.ranges[0].Start, o.bound) <= 0 {
		r, at := o.ranges[0], following(o.bound)
		if o.ranges[0].Start = at; bytes.Equal(at, r.End) {
			o.ranges = o.ranges[1:]
		}
		if here, ok := o.trimmed(sstable.Range{Start: r.Start, End: at, Seq: r.Seq}); ok {
			if err := o.addRange(here); err != nil {
				return err
			}
		}
	}
	return o.end()
}

func (o *output) begin() error {
	ts := o.b.Tables
	o.num = o.b.NextFileNum()
	f, err := ts.fs.Create(ts.fs.Join(ts.dir, TableName(o.num)))
	if err != nil {
		return fmt.Errorf("create table %d: %w", o.num, err)
	}
	o.made = append(o.made, o.num)
	o.f, o.bound = f, o.bound[:0]
	o.w = sstable.NewWriter(f, sstable.WriterOptions{
		FileNum:         o.num,
		BlockBytes:      o.b.BlockBytes,
		BloomBitsPerKey: o.b.BloomBitsPerKey,
		Compression:     o.b.Compression[o.level],
	})
	return nil
}

// end finishes the current table, if there is one.
func (o *output) end() error {
	if o.w == nil {
		return nil
	}
	info, err := o.w.Finish()
	o.w = nil
	if err = joinClose(err, o.f); err != nil {
		return fmt.Errorf("finish table %d: %w", o.num, err)
	}
	o.added = append(o.added, Added{Level: o.level, TableMeta: TableMeta{
		Num:            o.num,
		Size:           info.Size,
		Smallest:       info.Smallest,
		Largest:        info.Largest,
		MinSeq:         info.MinSeq,
		MaxSeq:         info.MaxSeq,
		Entries:        int64(info.Entries),
		Tombstones:     int64(info.Tombstones),
		Ranges:         int64(info.Ranges),
		Expiring:       int64(info.Expiring),
		EarliestExpiry: info.EarliestExpiry,
		LatestExpiry:   info.LatestExpiry,
		RawBytes:       int64(info.RawKeyBytes + info.RawValueBytes),
		Compression:    o.b.Compression[o.level],
		Checksum:       info.Checksum,
	}})
	return nil
}

// finish adds the ranges that are left, ends the last table and makes the names of all durable.
func (o *output) finish() error {
	if err := o.addRangesBefore(nil); err != nil {
		return err
	}
	if err := o.end(); err != nil {
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
