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
	Size           int64    // bytes of the file
	Entries        uint64   // of keys, tombstones too
	Tombstones     uint64   // deletes among them
	Ranges         uint64   // range deletes
	Expiring       uint64   // entries that are puts with an expiry
	Smallest       []byte   // first key, or start of a range
	Largest        []byte   // last key, or Range.Last of a range: no key that the table speaks of is above
	MinSeq         uint64   // smallest sequence number of an entry or range
	MaxSeq         uint64   // greatest one
	EarliestExpiry int64    // first expiry, in nanoseconds since 1970; 0 if nothing expires
	LatestExpiry   int64    // last one
	RawKeyBytes    uint64   // sum of the lengths of the keys
	RawValueBytes  uint64   // sum of the lengths of the values, as they are stored
	Checksum       [16]byte // xxh3-128 of the file, big-endian
}

// Properties is what a table says about itself.
type Properties struct {
	Info                  // without Checksum, which cannot be in the file itself
	Blocks    uint64      // data blocks
	DataBytes uint64      // of the data blocks as stored
	Codec     Compression // asked for; single blocks may be stored without
	Comparer  string      // always "bytes"
}

// noteSeq takes a sequence number into account; first: it is the first one.
func (i *Info) noteSeq(seq uint64, first bool) {
	if first {
		i.MinSeq = seq
	}
	i.MinSeq, i.MaxSeq = min(i.MinSeq, seq), max(i.MaxSeq, seq)
}

// note takes an entry into account, but for the bounds.
func (i *Info) note(k []byte, t key.Trailer, v []byte) {
	i.noteSeq(t.Seq(), i.Entries == 0)
	i.Entries++
	i.RawKeyBytes += uint64(len(k))
	i.RawValueBytes += uint64(len(v))
	switch t.Kind() {
	case key.KindDelete:
		i.Tombstones++
	case key.KindPutWithExpiry:
		expiry, _, _ := key.SplitExpiring(v)
		if i.Expiring == 0 {
			i.EarliestExpiry, i.LatestExpiry = expiry, expiry
		}
		i.Expiring++
		i.EarliestExpiry, i.LatestExpiry = min(i.EarliestExpiry, expiry), max(i.LatestExpiry, expiry)
	default:
	}
}

// bound sets the bounds, given the first and the last key, if there is one, and the ranges.
func (i *Info) bound(first, last []byte, ranges []Range) {
	i.Smallest, i.Largest = bytes.Clone(first), bytes.Clone(last)
	if len(ranges) == 0 {
		return
	}
	if start := ranges[0].Start; i.Entries == 0 || bytes.Compare(start, first) < 0 {
		i.Smallest = bytes.Clone(start)
	}
	if end := ranges[len(ranges)-1].Last(); i.Entries == 0 || bytes.Compare(end, last) > 0 {
		i.Largest = bytes.Clone(end)
	}
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
	propRanges     = 13
	propExpiring   = 14
	propEarliest   = 15
	propLatest     = 16
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
		{propRanges, p.Ranges},
		{propExpiring, p.Expiring},
		{propEarliest, uint64(p.EarliestExpiry)},
		{propLatest, uint64(p.LatestExpiry)},
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
	var earliest, latest uint64
	numbers := map[uint64]*uint64{
		propEntries: &p.Entries, propTombstones: &p.Tombstones, propMinSeq: &p.MinSeq,
		propMaxSeq: &p.MaxSeq, propRawKeys: &p.RawKeyBytes, propRawValues: &p.RawValueBytes,
		propBlocks: &p.Blocks, propDataBytes: &p.DataBytes,
		propRanges: &p.Ranges, propExpiring: &p.Expiring, propEarliest: &earliest, propLatest: &latest,
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
	p.EarliestExpiry, p.LatestExpiry = int64(earliest), int64(latest)
	switch {
	case p.Comparer != comparerName:
		return p, "unknown key order " + p.Comparer
	case len(p.Smallest) > maxBoundBytes || len(p.Largest) > maxBoundBytes,
		bytes.Compare(p.Smallest, p.Largest) > 0, p.Tombstones+p.Expiring > p.Entries,
		p.MinSeq > p.MaxSeq, p.EarliestExpiry > p.LatestExpiry:
		return p, "properties contradict one another"
	}
	return p, ""
}
