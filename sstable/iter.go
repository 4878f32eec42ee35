package sstable

import (
	"encoding/binary"
	"sync"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
)

// IterOptions configures an iterator.
type IterOptions struct {
	// FillCache keeps the blocks that are read in the cache. Without it, blocks are looked for
	// there, but read into memory of the iterator.
	FillCache bool
	// Readahead reads large ranges from the start, for callers that read most of the table.
	// Without it, reading ahead begins when a few blocks were read in sequence.
	Readahead bool
}

var _ iterator.Iterator = (*Iter)(nil)

// An Iter walks a table. See iterator.Iterator for its contract. Make one with Reader.NewIter.
type Iter struct {
	r *Reader

	// The current block: b.data is nil when none is loaded.
	b     block
	bi    int          // its number
	buf   *page.Buffer // its pinned memory; nil when it is in own
	own   []byte
	limit int // of the entries; 0 without a block

	// The current entry.
	valid bool
	tag   byte
	off   int // where it begins
	seq   int
	value int
	end   int // where the next one begins
	key   []byte

	back  backward
	ahead readahead
	fill  bool
	err   error
}

var iterPool = sync.Pool{New: func() any { return new(Iter) }}

// NewIter returns an iterator over the table, which stands nowhere.
func (r *Reader) NewIter(o IterOptions) *Iter {
	it := iterPool.Get().(*Iter)
	it.r, it.bi, it.fill, it.err, it.valid = r, -1, o.FillCache && r.cache != nil, nil, false
	it.ahead.start(o.Readahead)
	return it
}

// Close implements iterator.Iterator.
func (it *Iter) Close() error {
	err := it.err
	if it.r == nil {
		return err
	}
	it.dropBlock()
	it.ahead.stop()
	it.r = nil
	if cap(it.key)+cap(it.back.keys)+cap(it.own) <= keepBuffer {
		iterPool.Put(it)
	}
	return err
}

// Valid implements iterator.Iterator.
func (it *Iter) Valid() bool { return it.valid }

// Key implements iterator.Iterator.
func (it *Iter) Key() []byte { return it.key }

// Value implements iterator.Iterator.
func (it *Iter) Value() []byte { return it.b.data[it.value:it.end:it.end] }

// Trailer implements iterator.Iterator.
func (it *Iter) Trailer() key.Trailer { return it.b.trailer(it.tag, it.seq) }

// Err implements iterator.Iterator.
func (it *Iter) Err() error { return it.err }

// Next implements iterator.Iterator.
func (it *Iter) Next() bool {
	off := it.end
	if off >= it.limit {
		return it.nextBlock()
	}
	// This is block.entryAt for short lengths, written out because it is the innermost loop of
	// every scan and compaction.
	w := binary.LittleEndian.Uint32(it.b.data[off:])
	if w&slowHeader != 0 {
		return it.nextLong(off)
	}
	shared := int(w >> 8 & 0xff)
	seq := off + 4
	suffix := seq + int(w>>tagSeqShift&7)
	value := suffix + int(w>>16&0xff)
	end := value + int(w>>24)
	if end > it.limit || shared > len(it.key) {
		return it.damaged()
	}
	it.key = append(it.key[:shared], it.b.data[suffix:value]...)
	it.tag, it.off, it.seq, it.value, it.end = byte(w), off, seq, value, end
	return true
}

// nextLong is Next for an entry with a length of more than one byte, or of a kind beside put and delete.
func (it *Iter) nextLong(off int) bool {
	e, ok := it.b.longEntryAt(off)
	if !ok {
		return it.damaged()
	}
	return it.stand(off, e, it.key)
}

// stand makes the entry at off current; prefix begins with the bytes that it shares with the key
// before it.
func (it *Iter) stand(off int, e entry, prefix []byte) bool {
	if e.shared > len(prefix) {
		return it.damaged()
	}
	it.key = append(append(it.key[:0], prefix[:e.shared]...), it.b.data[e.key:e.value]...)
	it.tag, it.off, it.seq, it.value, it.end = e.tag, off, e.seq, e.value, e.end
	it.valid = true
	return true
}

// nextBlock stands at the first entry of the block after the current one.
func (it *Iter) nextBlock() bool {
	return it.bi+1 < it.r.index.blocks() && it.open(it.bi+1, 1) && it.firstInBlock() || it.exhausted()
}

func (it *Iter) firstInBlock() bool {
	e, ok := it.b.entryAt(0)
	if !ok || it.limit == 0 {
		return it.damaged()
	}
	return it.stand(0, e, nil)
}

// First implements iterator.Iterator.
func (it *Iter) First() bool {
	if it.err != nil {
		return false
	}
	return it.r.index.blocks() > 0 && it.open(0, 0) && it.firstInBlock() || it.exhausted()
}

// SeekGE implements iterator.Iterator.
func (it *Iter) SeekGE(k []byte) bool {
	if it.err != nil {
		return false
	}
	i := it.r.index.find(k)
	if i == it.r.index.blocks() {
		return it.exhausted()
	}
	if !it.open(i, 0) {
		return false
	}
	off, e, _, ok := it.b.seekGE(k)
	if !ok {
		return it.damaged()
	}
	if off == it.limit {
		return it.nextBlock() // k lies between the last key of the block and its separator
	}
	return it.stand(off, e, k)
}

// exhausted makes the iterator stand nowhere.
func (it *Iter) exhausted() bool {
	it.valid = false
	return false
}

// damaged fails the iterator because the current block is malformed.
func (it *Iter) damaged() bool {
	return it.fail(it.r.malformed(it.bi))
}

func (it *Iter) fail(err error) bool {
	it.err = err
	it.dropBlock()
	return false
}

// dropBlock lets the current block go.
func (it *Iter) dropBlock() {
	if it.buf != nil {
		it.buf.Unpin()
		it.buf = nil
	}
	it.b, it.bi, it.limit, it.end, it.valid = block{}, -1, 0, 0, false
	it.back.forget()
}

// open makes block i current, which direction (1: the next one, -1: the one before, 0: another)
// led to.
func (it *Iter) open(i, direction int) bool {
	if i == it.bi {
		return true
	}
	it.dropBlock()
	data, err := it.fetch(i, direction)
	if err != nil {
		return it.fail(err)
	}
	b, ok := parseBlock(data)
	if !ok {
		return it.fail(it.r.malformed(i))
	}
	it.b, it.bi, it.limit = b, i, b.limit
	return true
}
