package sstable

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/middb/middb/key"
)

// The tag byte of an entry. On disk; never renumber.
const (
	tagKindLow  = 1                                       // the lowest bit of the kind
	tagSeqShift = 1                                       // three bits: how many bytes the sequence number has
	tagKindHigh = 0x30                                    // the other bits of the kind,
	kindShift   = 3                                       // moved up by these
	tagReserved = 0xc0                                    // must be zero
	longLengths = 0x80808000                              // bits of an entry's first word that say that a length has more than one byte
	slowHeader  = longLengths | tagKindHigh | tagReserved // bits that the fast path cannot have
)

// The end of a block: the restart offsets, as many hints, the prefix length and the count.
const (
	restartBytes = 4
	hintBytes    = 4
	prefixBytes  = 4
	countBytes   = 4
	minTail      = restartBytes + hintBytes + prefixBytes + countBytes
)

// A blockBuilder makes data blocks.
type blockBuilder struct {
	interval     int
	buf          []byte
	restarts     []uint32
	sinceRestart int
	last         []byte // key of the last entry
	entries      int
}

// size returns the length of the finished block.
func (b *blockBuilder) size() int {
	return len(b.buf) + (restartBytes+hintBytes)*len(b.restarts) + prefixBytes + countBytes
}

// add appends an entry; shared is the length of the common prefix of k and the last key.
func (b *blockBuilder) add(k []byte, shared int, t key.Trailer, v []byte) {
	if b.sinceRestart == b.interval || b.entries == 0 {
		b.restarts = append(b.restarts, uint32(len(b.buf)))
		b.sinceRestart, shared = 0, 0
	}
	b.sinceRestart++
	b.entries++
	seq := t.Seq()
	seqBytes := (bits.Len64(seq) + 7) / 8
	kind := byte(t.Kind())
	tag := byte(seqBytes<<tagSeqShift) | kind&tagKindLow | kind<<kindShift&tagKindHigh
	unshared := len(k) - shared
	if shared|unshared|len(v) < 0x80 {
		b.buf = append(b.buf, tag, byte(shared), byte(unshared), byte(len(v)))
	} else {
		b.buf = append(b.buf, tag)
		b.buf = binary.AppendUvarint(b.buf, uint64(shared))
		b.buf = binary.AppendUvarint(b.buf, uint64(unshared))
		b.buf = binary.AppendUvarint(b.buf, uint64(len(v)))
	}
	n := len(b.buf)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, seq)[:n+seqBytes]
	b.buf = append(b.buf, k[shared:]...)
	b.buf = append(b.buf, v...)
	b.last = append(b.last[:shared], k[shared:]...)
}

// finish appends the tail and returns the block, valid until reset.
func (b *blockBuilder) finish() []byte {
	entries := block{data: append(b.buf, make([]byte, minTail)...), limit: len(b.buf)}
	first, _ := entries.entryAt(0)
	prefix := key.SharedPrefix(b.buf[first.key:first.value], b.last)
	for _, r := range b.restarts {
		b.buf = binary.LittleEndian.AppendUint32(b.buf, r)
	}
	for _, r := range b.restarts {
		e, _ := entries.entryAt(int(r))
		b.buf = binary.LittleEndian.AppendUint32(b.buf, hintOf(entries.data[e.key+prefix:e.value]))
	}
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(prefix))
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(len(b.restarts)))
	return b.buf
}

// hintOf returns the first four bytes of p as a big-endian number, padded with zeros.
func hintOf(p []byte) uint32 {
	if len(p) >= 4 {
		return binary.BigEndian.Uint32(p)
	}
	var v uint32
	for i, c := range p {
		v |= uint32(c) << (24 - 8*i)
	}
	return v
}

// reset forgets the entries but not the last key.
func (b *blockBuilder) reset() {
	b.buf, b.restarts, b.sinceRestart, b.entries = b.buf[:0], b.restarts[:0], 0, 0
	if cap(b.buf) > keepBuffer {
		b.buf = nil
	}
}

// A block is a data block as readers see it.
type block struct {
	data     []byte
	limit    int // end of the entries, start of the restart offsets
	hints    int // start of the hints
	restarts int // number of restart points, at least 1
	prefix   int // bytes that all keys of the block share, which the hints leave out
	touched  byte
}

// parseBlock finds the parts of a block. It reports false when there are none.
func parseBlock(data []byte) (b block, ok bool) {
	n := len(data) - countBytes - prefixBytes
	if n < restartBytes+hintBytes {
		return b, false
	}
	tail := binary.LittleEndian.Uint64(data[n:])
	count, prefix := int(tail>>32), int(tail&(1<<32-1))
	if count == 0 || count > n/(restartBytes+hintBytes) || prefix > key.MaxStoredKeyBytes {
		return b, false
	}
	b.data, b.restarts, b.prefix = data, count, prefix
	b.hints = n - count*hintBytes
	b.limit = b.hints - count*restartBytes
	return b, true
}

// restart returns the offset of the i-th restart point, or the end of the entries.
func (b *block) restart(i int) int {
	if i >= b.restarts {
		return b.limit
	}
	return min(int(binary.LittleEndian.Uint32(b.data[b.limit+i*restartBytes:])), b.limit)
}

// An entry is where the parts of an entry are in its block.
type entry struct {
	shared int // bytes of the key taken from the key before
	seq    int // offset of the sequence number, and
	key    int // of the rest of the key, and
	value  int // of the value
	end    int // of the entry: where the next one begins
	tag    byte
}

// entryAt decodes the entry at off, which is below limit. It reports false when the bytes there
// are not an entry; where they are one, all its offsets lie within the entries of the block.
func (b *block) entryAt(off int) (e entry, ok bool) {
	// Four bytes can be loaded: at least as many follow the entries.
	w := binary.LittleEndian.Uint32(b.data[off:])
	if w&slowHeader == 0 {
		e.tag = byte(w)
		e.shared = int(w >> 8 & 0xff)
		e.seq = off + 4
		e.key = e.seq + int(w>>tagSeqShift&7)
		e.value = e.key + int(w>>16&0xff)
		e.end = e.value + int(w>>24)
		return e, e.end <= b.limit
	}
	return b.longEntryAt(off)
}

// longEntryAt is entryAt for lengths of more than one byte and for kinds beside put and delete.
func (b *block) longEntryAt(off int) (e entry, ok bool) {
	w := binary.LittleEndian.Uint32(b.data[off:])
	e.tag = byte(w)
	if e.tag&tagReserved != 0 || !kindOf(e.tag).Point() {
		return e, false
	}
	if w&longLengths == 0 {
		e.shared = int(w >> 8 & 0xff)
		e.seq = off + 4
		e.key = e.seq + int(w>>tagSeqShift&7)
		e.value = e.key + int(w>>16&0xff)
		e.end = e.value + int(w>>24)
		return e, e.end <= b.limit
	}
	shared, i := uvarint(b.data, off+1, b.limit)
	if i < 0 {
		return e, false
	}
	unshared, i := uvarint(b.data, i, b.limit)
	if i < 0 {
		return e, false
	}
	value, i := uvarint(b.data, i, b.limit)
	if i < 0 || shared > key.MaxStoredKeyBytes || unshared > key.MaxStoredKeyBytes || value > uint64(b.limit) {
		return e, false
	}
	e.shared, e.seq = int(shared), i
	e.key = e.seq + int(e.tag>>tagSeqShift&7)
	e.value = e.key + int(unshared)
	e.end = e.value + int(value)
	return e, e.end <= b.limit
}

// kindOf returns the kind that a tag says.
func kindOf(tag byte) key.Kind { return key.Kind(tag&tagKindLow | tag&tagKindHigh>>kindShift) }

// trailer returns the trailer of an entry with the given tag and offset of its sequence number.
func (b *block) trailer(tag byte, seq int) key.Trailer {
	// Eight bytes can be loaded: restart points and their count follow.
	v := binary.LittleEndian.Uint64(b.data[seq:])
	v &= 1<<(8*(tag>>tagSeqShift&7)) - 1
	return key.MakeTrailer(v, kindOf(tag))
}

// cacheLine and maxTouch bound what touch loads.
const (
	cacheLine = 64
	maxTouch  = 2 << 10
)

// touch loads a byte of each cache line from offset from to offset to. The loads do not depend on
// one another, so the processor has many under way at once. Decoding entries loads them too, but
// each only after the one before told where: from main memory that is several times slower.
func (b *block) touch(from, to int) {
	p := b.data[from:min(to, from+maxTouch, len(b.data))]
	var x byte
	for i := 0; i < len(p); i += cacheLine {
		x |= p[i]
	}
	b.touched = x // so that the loads are not optimised away
}

// restartKey returns the whole key at a restart point.
func (b *block) restartKey(i int) (k []byte, ok bool) {
	off := b.restart(i)
	if off >= b.limit {
		return nil, false
	}
	e, ok := b.entryAt(off)
	if !ok || e.shared != 0 {
		return nil, false
	}
	return b.data[e.key:e.value], true
}

// searchRestarts returns the last restart point whose key is below k, or at it when orEqual;
// -1 when there is none. It compares the hints, which lie close together, and touches keys only
// where hints are equal, and the first one for the prefix.
func (b *block) searchRestarts(k []byte, orEqual bool) (i int, ok bool) {
	// The first entry is at offset 0. Not asking the restart points saves a wait for memory.
	e, ok := b.entryAt(0)
	if p := e.value - e.key; !ok || e.shared != 0 || b.prefix > p {
		return 0, false
	}
	first, p := b.data[e.key:e.value], b.prefix
	if len(k) < p || string(k[:p]) != string(first[:p]) {
		if bytes.Compare(k, first) < 0 {
			return -1, true
		}
		return b.restarts - 1, true
	}
	// The answer is in [lo-1, hi-1].
	hint := hintOf(k[p:])
	lo, n := 0, b.restarts
	for n > 0 {
		half := n >> 1
		if b.hint(lo+half) < hint {
			lo += half + 1
			n -= half + 1
		} else {
			n = half
		}
	}
	hi := lo
	for step := 1; hi < b.restarts && b.hint(hi) == hint; step *= 2 {
		hi = min(hi+step, b.restarts) // may go beyond the equal ones
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		rk, ok := b.restartKey(mid)
		if !ok {
			return 0, false
		}
		c := bytes.Compare(rk, k)
		if c < 0 || c == 0 && orEqual {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo - 1, true
}

// hint returns the hint of the i-th restart point.
func (b *block) hint(i int) uint32 {
	return binary.LittleEndian.Uint32(b.data[b.hints+i*hintBytes:])
}

// seekGE finds the first entry whose key is not below k. Scanning from a restart point it never
// builds keys: it knows how many bytes m of k the entry before matched, being below k. An entry
// that shares more than m bytes with it is below k too; one that shares fewer is above; and one
// that shares m is compared from there on. For the same reason the first shared bytes of the
// entry found are those of k. off is the entry's offset, b.limit when there is none.
func (b *block) seekGE(k []byte) (off int, e entry, equal, ok bool) {
	r, ok := b.searchRestarts(k, true)
	if !ok {
		return 0, e, false, false
	}
	if r < 0 {
		e, ok = b.entryAt(0)
		return 0, e, false, ok && b.limit > 0
	}
	off = b.restart(r)
	matched := 0
	for off < b.limit {
		e, ok = b.entryAt(off)
		if !ok {
			return 0, e, false, false
		}
		switch {
		case e.shared > matched:
		case e.shared < matched:
			return off, e, false, true
		default:
			suffix, rest := b.data[e.key:e.value], k[matched:]
			n := key.SharedPrefix(suffix, rest)
			if n == len(rest) {
				return off, e, n == len(suffix), true
			}
			if n < len(suffix) && suffix[n] > rest[n] {
				return off, e, false, true
			}
			matched += n
		}
		off = e.end
	}
	return b.limit, e, false, true
}

// leadsTo reports whether a search for k ends at the entry at off.
func (b *block) leadsTo(k []byte, off int) bool {
	at, _, equal, ok := b.seekGE(k)
	return ok && equal && at == off
}
