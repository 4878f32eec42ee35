package sstable

import (
	"bytes"
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
)

// VerifyOptions configures Verify.
type VerifyOptions struct {
	// Checksum is that of the whole file as its manifest knows it; nil: it is not checked.
	Checksum *[16]byte
	// Progress, if not nil, is told how many bytes of how many are done.
	Progress func(done, total int64)
}

// Verify reads the whole file and checks all that can be checked: every checksum, the order of the
// keys, that index and filter lead to each of them, and that the properties tell the truth. It
// reads past the cache.
func (r *Reader) Verify(o VerifyOptions) error {
	if err := r.verifyFile(o); err != nil {
		return err
	}
	v := verification{r: r}
	it := r.fresh().NewIter(IterOptions{Readahead: true})
	for ok := it.First(); ok; ok = it.Next() {
		if err := v.entry(it); err != nil {
			_ = it.Close() // the error found comes first
			return err
		}
		if o.Progress != nil && v.newBlock {
			o.Progress(int64(r.size)/2+int64(r.index.offsets[it.bi])/2, int64(r.size))
		}
	}
	if err := it.Close(); err != nil {
		return err
	}
	if err := v.finish(); err != nil {
		return err
	}
	if o.Progress != nil {
		o.Progress(int64(r.size), int64(r.size))
	}
	return nil
}

// fresh returns a Reader of the same file that sees nothing of the cache.
func (r *Reader) fresh() *Reader {
	c := *r
	c.cache, c.slots = nil, make([]page.Slot, len(r.slots))
	return &c
}

// verifyFile checks the checksum of the file and those of the blocks that Open read.
func (r *Reader) verifyFile(o VerifyOptions) error {
	h := xxh3.New()
	p := make([]byte, min(r.size, writeBytes))
	for at := uint64(0); at < r.size; at += uint64(len(p)) {
		p = p[:min(uint64(len(p)), r.size-at)]
		if err := readFull(r.f, p, at); err != nil {
			return err
		}
		_, _ = h.Write(p) // never fails
		if o.Progress != nil {
			o.Progress(int64(at)/2, int64(r.size))
		}
	}
	if sum := h.Sum128().Bytes(); o.Checksum != nil && sum != *o.Checksum {
		return r.file.at(0, "checksum of the file is %x, the manifest says %x", sum, *o.Checksum)
	}
	again := &Reader{f: r.f, file: r.file, fileNum: r.fileNum, size: r.size}
	t := tail{r: again, buf: make([]byte, min(r.size, tailBytes))}
	t.start = r.size - uint64(len(t.buf))
	if err := readFull(r.f, t.buf, t.start); err != nil {
		return err
	}
	return again.load(&t)
}

// A verification compares the entries with what the table says of them.
type verification struct {
	r        *Reader
	first    []byte
	last     []byte
	seen     Info
	block    int
	newBlock bool
}

func (v *verification) entry(it *Iter) error {
	k, t, i := it.Key(), it.Trailer(), v.r.index
	offset := i.offsets[it.bi]
	v.newBlock = v.seen.Entries == 0 || it.bi != v.block
	v.block = it.bi
	switch {
	case v.seen.Entries > 0 && bytes.Compare(k, v.last) <= 0:
		return v.r.file.at(offset, "key %s follows %s", key.Format(k), key.Format(v.last))
	case i.find(k) != it.bi:
		return v.r.file.at(offset, "the index leads to block %d for key %s of block %d", i.find(k), key.Format(k), it.bi)
	case !it.b.leadsTo(k, it.off):
		return v.r.file.at(offset, "the search in block %d does not find key %s", it.bi, key.Format(k))
	case !v.r.MayContain(Hash(k)):
		return v.r.file.at(offset, "the filter denies key %s", key.Format(k))
	case t.Kind() == key.KindDelete && len(it.Value()) > 0:
		return v.r.file.at(offset, "the tombstone of %s has a value", key.Format(k))
	case noExpiry(t, it.Value()):
		return v.r.file.at(offset, "the value of %s is too short for its expiry", key.Format(k))
	}
	if v.seen.Entries == 0 {
		v.first = bytes.Clone(k)
	}
	v.seen.note(k, t, it.Value())
	v.last = append(v.last[:0], k...)
	return nil
}

// finish compares the sums.
func (v *verification) finish() error {
	s, p := &v.seen, &v.r.props
	s.noteRanges(v.r.RangeDeletes())
	s.bound(v.first, v.last, v.r.RangeDeletes())
	s.Size = p.Size
	describe := func(i *Info) string {
		return fmt.Sprintf("%d entries, %d tombstones, %d range deletes, %s to %s, sequence numbers %d to %d, "+
			"%d expiring from %d to %d, %d and %d bytes", i.Entries, i.Tombstones, i.Ranges, key.Format(i.Smallest),
			key.Format(i.Largest), i.MinSeq, i.MaxSeq, i.Expiring, i.EarliestExpiry, i.LatestExpiry, i.RawKeyBytes, i.RawValueBytes)
	}
	if got, want := describe(s), describe(&p.Info); got != want {
		return v.r.file.at(v.r.meta[metaProperties].offset, "the table holds %s; its properties say %s", got, want)
	}
	if p.Blocks != uint64(len(v.r.slots)) {
		return v.r.file.at(v.r.meta[metaProperties].offset, "the table has %d blocks; its properties say %d",
			len(v.r.slots), p.Blocks)
	}
	return nil
}
