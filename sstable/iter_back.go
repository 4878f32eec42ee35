package sstable

import "bytes"

// A backward is the entries of one restart interval, decoded to be walked backwards: entries can
// only be decoded forward.
type backward struct {
	restart int // which interval
	entries []backEntry
	at      int    // the current one
	keys    []byte // of the entries
}

type backEntry struct {
	off, seq, value, end uint32
	key, keyEnd          uint32 // in keys
	tag                  byte
}

func (b *backward) forget() { b.entries, b.at = b.entries[:0], 0 }

// Prev implements iterator.Iterator.
func (it *Iter) Prev() bool {
	b := &it.back
	// Entries forgotten or not of the current one: find the interval that holds the entry before.
	if b.at >= len(b.entries) || int(b.entries[b.at].off) != it.off {
		return it.prevInterval(it.b.intervalBefore(it.off), it.off)
	}
	if b.at == 0 {
		return it.prevInterval(b.restart-1, it.limit)
	}
	b.at--
	it.standBack()
	return true
}

// intervalBefore returns the last restart point before off, or -1.
func (b *block) intervalBefore(off int) int {
	lo, hi := 0, b.restarts
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if b.restart(mid) < off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1
}

// prevInterval stands at the last entry before end of restart interval i, or at the last entry of
// the block before if i is -1.
func (it *Iter) prevInterval(i, end int) bool {
	if i < 0 {
		return it.prevBlock()
	}
	if !it.decodeInterval(i, nil, min(end, it.b.restart(i+1))) {
		return false
	}
	it.back.at = len(it.back.entries) - 1
	it.standBack()
	return true
}

// prevBlock stands at the last entry of the block before the current one.
func (it *Iter) prevBlock() bool {
	return it.bi > 0 && it.open(it.bi-1, -1) && it.prevInterval(it.b.restarts-1, it.limit) || it.exhausted()
}

// standBack makes the entry of back at its position current.
func (it *Iter) standBack() {
	e := &it.back.entries[it.back.at]
	it.key = append(it.key[:0], it.back.keys[e.key:e.keyEnd]...)
	it.tag, it.off, it.seq, it.value, it.end = e.tag, int(e.off), int(e.seq), int(e.value), int(e.end)
	it.valid = true
}

// decodeInterval decodes the entries of restart interval i that begin before end and, unless k is
// nil, are below k. It fails the iterator when they are malformed or there are none.
func (it *Iter) decodeInterval(i int, k []byte, end int) bool {
	b := &it.back
	b.restart, b.entries, b.keys, b.at = i, b.entries[:0], b.keys[:0], 0
	last := 0 // where the key before begins in keys
	from := it.b.restart(i)
	it.b.touch(from, max(from, end))
	for off := from; off < end; {
		e, ok := it.b.entryAt(off)
		if !ok || e.shared > len(b.keys)-last {
			return it.damaged()
		}
		next := len(b.keys)
		b.keys = append(b.keys, b.keys[last:last+e.shared]...)
		b.keys = append(b.keys, it.b.data[e.key:e.value]...)
		if k != nil && bytes.Compare(b.keys[next:], k) >= 0 {
			break
		}
		b.entries = append(b.entries, backEntry{
			off: uint32(off), seq: uint32(e.seq), value: uint32(e.value), end: uint32(e.end),
			key: uint32(next), keyEnd: uint32(len(b.keys)), tag: e.tag,
		})
		last, off = next, e.end
	}
	if len(b.entries) == 0 {
		return it.damaged()
	}
	return true
}

// Last implements iterator.Iterator.
func (it *Iter) Last() bool {
	if it.err != nil {
		return false
	}
	n := it.r.index.blocks()
	return n > 0 && it.open(n-1, 0) && it.prevInterval(it.b.restarts-1, it.limit) || it.exhausted()
}

// SeekLT implements iterator.Iterator.
func (it *Iter) SeekLT(k []byte) bool {
	if it.err != nil {
		return false
	}
	i := it.r.index.find(k)
	if i == it.r.index.blocks() {
		return it.Last()
	}
	if !it.open(i, 0) {
		return false
	}
	r, ok := it.b.searchRestarts(k, false)
	if !ok {
		return it.damaged()
	}
	if r < 0 {
		return it.prevBlock()
	}
	if !it.decodeInterval(r, k, it.b.restart(r+1)) {
		return false
	}
	it.back.at = len(it.back.entries) - 1
	it.standBack()
	return true
}
