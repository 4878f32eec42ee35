package sstable

import (
	"bytes"
	"encoding/binary"

	"github.com/middb/middb/key"
)

// An indexBuilder makes the index block: for each data block a separator, which is not below the
// block's last key and below the next block's first, and its stored length. Blocks lie one behind
// the other from the start of the file, so their offsets follow.
type indexBuilder struct {
	buf  []byte
	last []byte
	n    int
}

func (b *indexBuilder) add(separator []byte, length uint64) {
	shared := key.SharedPrefix(separator, b.last)
	b.buf = binary.AppendUvarint(b.buf, uint64(shared))
	b.buf = binary.AppendUvarint(b.buf, uint64(len(separator)-shared))
	b.buf = append(b.buf, separator[shared:]...)
	b.buf = binary.AppendUvarint(b.buf, length)
	b.last = append(b.last[:0], separator...)
	b.n++
}

// A tableIndex is the index of an open table in a form for searching: the prefix that all
// separators share is cut, and the eight bytes after it are kept as big-endian words, whose order
// is that of the bytes. A search runs over every sampleth word, then over the words between two
// samples; bytes are compared only among equal words. It is immutable.
type tableIndex struct {
	prefix  []byte
	words   []uint64 // by block; padded with zeros
	samples []uint64 // words[0], words[sample], words[2*sample], ...
	ends    []uint32 // by block: end of its separator, without the prefix, in rest
	rest    []byte
	offsets []uint64 // by block, then the end of the last one
}

const sample = 16

// parseIndex reads an index block whose data blocks must end at dataEnd. It returns what is wrong
// with the block, or "".
func parseIndex(p []byte, dataEnd uint64) (*tableIndex, string) {
	ix := &tableIndex{}
	offsets := []uint64{0}
	var keys []byte
	var ends []int
	start := 0 // of the separator before, in keys
	for i := 0; i < len(p); {
		shared, at := uvarint(p, i, len(p))
		if at < 0 {
			return nil, "torn index entry"
		}
		unshared, at := uvarint(p, at, len(p))
		if at < 0 || shared > uint64(len(keys)-start) || unshared > uint64(len(p)-at) ||
			shared+unshared > key.MaxStoredKeyBytes {
			return nil, "index separator exceeds its bounds"
		}
		next := len(keys)
		keys = append(keys, keys[start:start+int(shared)]...)
		keys = append(keys, p[at:at+int(unshared)]...)
		if n := len(ends); n > 0 && bytes.Compare(keys[start:next], keys[next:]) >= 0 {
			return nil, "index separators out of order"
		}
		length, at := uvarint(p, at+int(unshared), len(p))
		if at < 0 || length <= trailerBytes || length > dataEnd-offsets[len(offsets)-1] {
			return nil, "index names a block outside of the data"
		}
		start, i = next, at
		ends = append(ends, len(keys))
		offsets = append(offsets, offsets[len(offsets)-1]+length)
	}
	if offsets[len(offsets)-1] != dataEnd {
		return nil, "index does not cover the data"
	}
	ix.offsets = append(make([]uint64, 0, len(offsets)), offsets...)
	ix.cut(keys, ends)
	return ix, ""
}

// cut stores the separators, keys[:ends[0]], keys[ends[0]:ends[1]] and so on.
func (ix *tableIndex) cut(keys []byte, ends []int) {
	n := len(ends)
	if n == 0 {
		return
	}
	first, last := keys[:ends[0]], keys[:ends[0]]
	if n > 1 {
		last = keys[ends[n-2]:ends[n-1]]
	}
	p := key.SharedPrefix(first, last) // the separators are sorted, so all of them share it
	ix.prefix = bytes.Clone(first[:p])
	ix.rest = make([]byte, 0, len(keys)-n*p)
	ix.ends = make([]uint32, n)
	ix.words = make([]uint64, n)
	ix.samples = make([]uint64, 0, (n+sample-1)/sample)
	start := 0
	for i, end := range ends {
		rest := keys[start+p : end]
		ix.rest = append(ix.rest, rest...)
		ix.ends[i] = uint32(len(ix.rest))
		ix.words[i] = key.Head(rest)
		if i%sample == 0 {
			ix.samples = append(ix.samples, ix.words[i])
		}
		start = end
	}
}

// blocks returns the number of data blocks.
func (ix *tableIndex) blocks() int { return len(ix.words) }

// bytes returns the memory that the index and the slots of its blocks take.
func (ix *tableIndex) bytes() int64 {
	return int64(len(ix.prefix) + len(ix.rest) + 8*len(ix.words)*2 + 8*len(ix.samples) +
		4*len(ix.ends) + 8*len(ix.offsets))
}

// tail returns the i-th separator without the common prefix.
func (ix *tableIndex) tail(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = ix.ends[i-1]
	}
	return ix.rest[start:ix.ends[i]]
}

// separator returns the i-th separator in new memory.
func (ix *tableIndex) separator(i int) []byte {
	return append(bytes.Clone(ix.prefix), ix.tail(i)...)
}

// handle returns where block i is.
func (ix *tableIndex) handle(i int) blockHandle {
	return blockHandle{offset: ix.offsets[i], length: ix.offsets[i+1] - ix.offsets[i]}
}

// find returns the only block that can hold k: the first whose separator is not below it. The
// result is the number of blocks when k is above all separators.
func (ix *tableIndex) find(k []byte) int {
	p := len(ix.prefix)
	if len(k) < p || string(k[:p]) != string(ix.prefix) {
		if bytes.Compare(k, ix.prefix) <= 0 {
			return 0
		}
		return len(ix.words)
	}
	tail := k[p:]
	w := key.Head(tail)
	i := ix.lowerBound(w)
	if i == len(ix.words) || ix.words[i] != w {
		return i
	}
	hi := len(ix.words)
	if w != ^uint64(0) {
		hi = ix.lowerBound(w + 1)
	}
	for i < hi { // among equal words
		mid := int(uint(i+hi) >> 1)
		if bytes.Compare(ix.tail(mid), tail) < 0 {
			i = mid + 1
		} else {
			hi = mid
		}
	}
	return i
}

// lowerBound returns the first block whose word is not below w.
func (ix *tableIndex) lowerBound(w uint64) int {
	s := countBelow(ix.samples, w)
	if s == 0 {
		return 0
	}
	// samples[s-1] < w <= samples[s]: the answer lies behind the first and not behind the second.
	from := (s-1)*sample + 1
	to := min(s*sample, len(ix.words))
	return from + countBelow(ix.words[from:to], w)
}

// countBelow returns how many of the sorted words are below w, by a search without branches that
// depend on the words.
func countBelow(words []uint64, w uint64) int {
	base, n := 0, len(words)
	for n > 1 {
		half := n >> 1
		if words[base+half-1] < w {
			base += half
		}
		n -= half
	}
	if n == 1 && words[base] < w {
		base++
	}
	return base
}
