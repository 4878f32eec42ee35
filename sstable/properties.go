package sstable

import (
	"bytes"
	"encoding/binary"

	"github.com/middb/middb/key"
)

// comparerName names the order of keys; there is one.
const comparerName = "bytes"

// Info describes a finished table. It is all that a manifest keeps of it.
type Info struct {
	Size          int64    // bytes of the file
	Entries       uint64   // puts and tombstones
	Tombstones    uint64   // deletes among them
	Smallest      []byte   // first user key
	Largest       []byte   // last user key
	MinSeq        uint64   // smallest sequence number of an entry
	MaxSeq        uint64   // greatest one
	RawKeyBytes   uint64   // sum of the lengths of the keys
	RawValueBytes uint64   // sum of the lengths of the values
	Checksum      [16]byte // xxh3-128 of the file, big-endian
}

// Properties is what a table says about itself.
type Properties struct {
	Info                  // without Checksum, which cannot be in the file itself
	Blocks    uint64      // data blocks
	DataBytes uint64      // of the data blocks as stored
	Codec     Compression // asked for; single blocks may be stored without
	Comparer  string      // always "bytes"
}

// Ids of properties. On disk; never renumber.
const (
	propEntries    = 1
	propTombstones = 2
	propSmallest   = 3
	propLargest    = 4
	propMinSeq     = 5
	propMaxSeq     = 6
	propRawKeys    = 7
	propRawValues  = 8
	propBlocks     = 9
	propDataBytes  = 10
	propCodec      = 11
	propComparer   = 12
)

func appendProp(dst []byte, id uint64, v []byte) []byte {
	dst = binary.AppendUvarint(dst, id)
	dst = binary.AppendUvarint(dst, uint64(len(v)))
	return append(dst, v...)
}

// append appends the properties block.
func (p *Properties) append(dst []byte) []byte {
	for _, n := range []struct{ id, v uint64 }{
		{propEntries, p.Entries},
		{propTombstones, p.Tombstones},
		{propMinSeq, p.MinSeq},
		{propMaxSeq, p.MaxSeq},
		{propRawKeys, p.RawKeyBytes},
		{propRawValues, p.RawValueBytes},
		{propBlocks, p.Blocks},
		{propDataBytes, p.DataBytes},
		{propCodec, uint64(p.Codec)},
	} {
		dst = appendProp(dst, n.id, binary.AppendUvarint(nil, n.v))
	}
	dst = appendProp(dst, propSmallest, p.Smallest)
	dst = appendProp(dst, propLargest, p.Largest)
	return appendProp(dst, propComparer, []byte(p.Comparer))
}

// parseProperties reads a properties block. It returns what is wrong with it, or "". Properties
// that it does not know are skipped.
func parseProperties(b []byte) (Properties, string) {
	var p Properties
	numbers := map[uint64]*uint64{
		propEntries: &p.Entries, propTombstones: &p.Tombstones, propMinSeq: &p.MinSeq,
		propMaxSeq: &p.MaxSeq, propRawKeys: &p.RawKeyBytes, propRawValues: &p.RawValueBytes,
		propBlocks: &p.Blocks, propDataBytes: &p.DataBytes,
	}
	for i := 0; i < len(b); {
		id, at := uvarint(b, i, len(b))
		if at < 0 {
			return p, "torn property"
		}
		n, at := uvarint(b, at, len(b))
		if at < 0 || n > uint64(len(b)-at) {
			return p, "property exceeds the block"
		}
		v := b[at : at+int(n)]
		i = at + int(n)
		switch id {
		case propSmallest:
			p.Smallest = bytes.Clone(v)
		case propLargest:
			p.Largest = bytes.Clone(v)
		case propComparer:
			p.Comparer = string(v)
		case propCodec:
			c, end := uvarint(v, 0, len(v))
			if end != len(v) || c >= numCompressions {
				return p, "unknown compression"
			}
			p.Codec = Compression(c)
		default:
			if dst := numbers[id]; dst != nil {
				x, end := uvarint(v, 0, len(v))
				if end != len(v) {
					return p, "property is not a number"
				}
				*dst = x
			}
		}
	}
	switch {
	case p.Comparer != comparerName:
		return p, "unknown key order " + p.Comparer
	case len(p.Smallest) > key.MaxKeyBytes || len(p.Largest) > key.MaxKeyBytes,
		bytes.Compare(p.Smallest, p.Largest) > 0, p.Tombstones > p.Entries, p.MinSeq > p.MaxSeq:
		return p, "properties contradict one another"
	}
	return p, ""
}
