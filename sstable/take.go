package sstable

import (
	"bytes"
	"encoding/binary"

	"github.com/middb/middb/iterator"
)

var _ iterator.Taker = (*Iter)(nil)

// tagKind has the bits of a tag that say the kind, and tagPut those of a put.
const (
	tagKind = tagKindLow | tagKindHigh
	tagPut  = tagKindLow
)

// Take implements iterator.Taker. It stays within the block, whose bytes it lends.
func (it *Iter) Take(e *iterator.Entries, most int, limit []byte) bool {
	if limit != nil && it.r.index.below(it.bi, limit) {
		limit = nil // as no key of the block reaches it
	}
	from := e.Len()
	if e.Keyless {
		e.Values = append(e.Values, it.Value())
		if !it.takeValues(e, most-1, limit) {
			e.Truncate(from)
			it.damaged()
		}
		return false
	}
	e.AddShared(it.key, nil, it.Value())
	if !it.takeEntries(e, most-1, limit) {
		e.Truncate(from)
		it.damaged()
		return false
	}
	it.key = append(it.key[:0], e.Keys[e.Len()-1]...)
	return false
}

// takeEntries takes what follows the current entry, which is the last one of e. It reports false if the block is malformed.
func (it *Iter) takeEntries(e *iterator.Entries, most int, limit []byte) bool {
	data, off, last := it.b.data, it.end, e.Keys[e.Len()-1]
	for ; most > 0 && off < it.limit; most-- {
		var n entry
		if w := binary.LittleEndian.Uint32(data[off:]); w&slowHeader == 0 { // as in Next
			if w&tagPut == 0 {
				return true
			}
			n.tag, n.shared, n.seq = byte(w), int(w>>8&0xff), off+4
			n.key = n.seq + int(w>>tagSeqShift&7)
			n.value = n.key + int(w>>16&0xff)
			n.end = n.value + int(w>>24)
		} else {
			var ok bool
			if n, ok = it.b.longEntryAt(off); !ok {
				return false
			}
			if n.tag&tagKind != tagPut {
				return true
			}
		}
		if n.end > it.limit || n.shared > len(last) {
			return false
		}
		last = e.AddShared(last[:n.shared], data[n.key:n.value], data[n.value:n.end:n.end])
		if limit != nil && bytes.Compare(last, limit) >= 0 {
			e.Truncate(e.Len() - 1)
			return true
		}
		it.tag, it.off, it.seq, it.value, it.end = n.tag, off, n.seq, n.value, n.end
		off = n.end
	}
	return true
}

// takeValues is takeEntries for values alone. Without a limit it makes no keys but the last one.
func (it *Iter) takeValues(e *iterator.Entries, most int, limit []byte) bool {
	data, from, base, length := it.b.data, it.end, -1, len(it.key)
	for off := from; most > 0 && off < it.limit; most-- {
		var n entry
		if w := binary.LittleEndian.Uint32(data[off:]); w&slowHeader == 0 { // as in Next
			if w&tagPut == 0 {
				break
			}
			n.tag, n.shared, n.seq = byte(w), int(w>>8&0xff), off+4
			n.key = n.seq + int(w>>tagSeqShift&7)
			n.value = n.key + int(w>>16&0xff)
			n.end = n.value + int(w>>24)
		} else {
			var ok bool
			if n, ok = it.b.longEntryAt(off); !ok {
				return false
			}
			if n.tag&tagKind != tagPut {
				break
			}
		}
		if n.end > it.limit || n.shared > length {
			return false
		}
		if limit != nil {
			if !it.before(n, limit) {
				break
			}
			it.key = append(it.key[:n.shared], data[n.key:n.value]...)
		} else if n.shared == 0 {
			base = off
		}
		length = n.shared + n.value - n.key
		it.tag, it.off, it.seq, it.value, it.end = n.tag, off, n.seq, n.value, n.end
		e.Values = append(e.Values, data[n.value:n.end:n.end])
		off = n.end
	}
	if limit == nil {
		it.replay(max(from, base))
	}
	return true
}

// replay makes the key of the current entry, where the key is that of the entry before the one at off or that one has all of its
// own. All between are sound.
func (it *Iter) replay(off int) {
	for off < it.end {
		n, _ := it.b.entryAt(off)
		it.key = append(it.key[:n.shared], it.b.data[n.key:n.value]...)
		off = n.end
	}
}

// before reports whether the key of an entry that follows the current one is below a limit.
func (it *Iter) before(n entry, limit []byte) bool {
	shared := min(n.shared, len(limit))
	c := bytes.Compare(it.key[:n.shared], limit[:shared])
	if c == 0 {
		c = bytes.Compare(it.b.data[n.key:n.value], limit[shared:])
	}
	return c < 0
}

// below reports whether all keys of block i are below k, as far as its separator tells.
func (ix *tableIndex) below(i int, k []byte) bool {
	p := len(ix.prefix)
	if len(k) < p || string(k[:p]) != string(ix.prefix) {
		return bytes.Compare(ix.prefix, k) < 0
	}
	return bytes.Compare(ix.tail(i), k[p:]) < 0
}
