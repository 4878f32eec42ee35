package engine

import (
	"encoding/binary"
	"sync"
)

// A space is the part of the stored keys that one keyspace has.
//
// A named keyspace stores a key behind a prefix of 6 bytes: 00 00 and its number, big-endian. Number 0 is the
// engine's own. The default keyspace stores a key as it is, unless it begins with 00 or ff: those get
// another two bytes in front, 00 01 or ff 00, which keeps the order and leaves room for the others. So
// every keyspace has two short bounds between which all its keys lie, and those with a prefix of their own lie
// before the default one.
type space struct {
	prefix       []byte // nil: the default keyspace
	lower, upper []byte // stored keys, inclusive and exclusive
}

var (
	spacePrefix  = []byte{0x00, 0x00}
	escapeLow    = []byte{0x00, 0x01} // before a key of the default keyspace that begins with 00
	escapeHigh   = []byte{0xff, 0x00} // before one that begins with ff
	defaultSpace = space{lower: escapeLow, upper: []byte{0xff, 0x01}}
	metaSpace    = numberedSpace(0)
)

// spaceBytes is the length of the prefix of a named keyspace.
const spaceBytes = 6

// numberedSpace returns the space of a named keyspace.
func numberedSpace(id uint32) space {
	prefix := func(id uint32) []byte {
		return binary.BigEndian.AppendUint32(append([]byte(nil), spacePrefix...), id)
	}
	return space{prefix: prefix(id), lower: prefix(id), upper: prefix(id + 1)}
}

// escape returns what the default keyspace stores before k.
func escape(k []byte) []byte {
	switch {
	case len(k) == 0 || k[0] != 0x00 && k[0] != 0xff:
		return nil
	case k[0] == 0x00:
		return escapeLow
	default:
		return escapeHigh
	}
}

// before returns what is stored before k.
func (s *space) before(k []byte) []byte {
	if s.prefix != nil {
		return s.prefix
	}
	return escape(k)
}

// stored returns the key that k is stored under: k itself, or a copy in the buffer, which the caller gives
// back with putKeyBuffer when it is done.
func (s *space) stored(k []byte) ([]byte, *keyBuffer) {
	if s.plain(k) {
		return k, nil
	}
	buf := keyBuffers.Get().(*keyBuffer)
	buf.p = append(append(buf.p[:0], s.before(k)...), k...)
	return buf.p, buf
}

// A keyBuffer is memory for a stored key while it is in use.
type keyBuffer struct{ p []byte }

var keyBuffers = sync.Pool{New: func() any { return new(keyBuffer) }}

func putKeyBuffer(buf *keyBuffer) {
	if buf != nil {
		keyBuffers.Put(buf)
	}
}

// appendStored appends the key that k is stored under.
func (s *space) appendStored(dst, k []byte) []byte { return append(append(dst, s.before(k)...), k...) }

// copyStored returns the key that k is stored under, in memory of its own.
func (s *space) copyStored(k []byte) []byte {
	return s.appendStored(make([]byte, 0, len(s.before(k))+len(k)), k)
}

// user returns the key whose stored form it is given, without copying. It takes anything for a stored key.
func (s *space) user(stored []byte) []byte {
	if s.plain(stored) {
		return stored
	}
	return s.cut(stored)
}

// cut is user for what does not store the key as it is.
func (s *space) cut(stored []byte) []byte {
	if s.prefix != nil {
		return stored[min(spaceBytes, len(stored)):]
	}
	return stored[min(len(escape(stored)), len(stored)):]
}

// plain reports whether k is stored as it is: that no prefix, and neither 00 nor ff, is in front of it.
func (s *space) plain(k []byte) bool { return s.prefix == nil && len(k) > 0 && k[0]-1 < 0xfe }

// bounds returns the stored keys of a lower and an upper bound, in memory of their own. nil is no bound.
func (s *space) bounds(lower, upper []byte) (from, to []byte) {
	from, to = s.lower, s.upper
	if len(lower) > 0 {
		from = s.copyStored(lower)
	}
	switch {
	case upper == nil:
	case len(upper) == 0:
		to = from
	default:
		to = s.copyStored(upper)
	}
	return from, to
}
