package wal

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/middb/middb/key"
)

// Record kinds, the first byte of each record. On disk; never renumber.
const (
	recordStart = 1 // first of a segment
	recordGroup = 2 // one commit group
	recordSeal  = 3 // last of a segment that was ended in order
)

const (
	magic         = "middbwal"
	formatVersion = 1

	startBytes       = 77
	groupHeaderBytes = 21
	sealBytes        = 29
	logIDOffset      = chunkHeaderBytes + 21 // of the log id in a segment
)

// A SegmentEnd says where a segment ends and pins the bytes before: it is what the successor's first
// record says about its predecessor. The zero value stands for no segment.
type SegmentEnd struct {
	Number   uint64
	Length   int64  // bytes accepted, from the segment's beginning
	LastSeq  uint64 // last sequence number through here
	Checksum uint64 // rolling checksum of the chunks accepted
}

// A SegmentStart is the content of a segment's first record.
type SegmentStart struct {
	Number         uint64     // of this segment, at least 1
	LogID          uint64     // random identity of the log, the same in all its segments
	Predecessor    SegmentEnd // Number 0: there is none, and LastSeq is what the log goes on from
	ManifestNumber uint64     // the manifest in use when the segment was started
	ManifestSynced int64      // and how much of it was synced
}

// FileName returns the name of segment num.
func FileName(num uint64) string { return fmt.Sprintf("%06d.wal", num) }

// ParseFileName returns the number of the segment that has this name, if it is one.
func ParseFileName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".wal")
	if !ok {
		return 0, false
	}
	num, err := strconv.ParseUint(digits, 10, 64)
	return num, err == nil && num > 0 && FileName(num) == name
}

func (s *SegmentStart) encode() (b [startBytes]byte) {
	b[0] = recordStart
	copy(b[1:], magic)
	binary.LittleEndian.PutUint32(b[9:], formatVersion)
	for i, v := range [...]uint64{
		s.Number, s.LogID,
		s.Predecessor.Number, uint64(s.Predecessor.Length), s.Predecessor.LastSeq, s.Predecessor.Checksum,
		s.ManifestNumber, uint64(s.ManifestSynced),
	} {
		binary.LittleEndian.PutUint64(b[13+8*i:], v)
	}
	return b
}

// decodeStart returns the content of a start record, and in why what is wrong with one that has a
// good checksum. A version from the future is an error that matches ErrNewerFormat.
func decodeStart(b []byte) (s SegmentStart, why string, err error) {
	if len(b) < 13 || b[0] != recordStart || string(b[1:9]) != magic {
		return s, "the first record is not a segment start", nil
	}
	if v := binary.LittleEndian.Uint32(b[9:]); v > formatVersion {
		return s, "", fmt.Errorf("log format %d: %w", v, ErrNewerFormat)
	}
	if len(b) != startBytes {
		return s, "the segment start has a wrong length", nil
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(b[13+8*i:]) }
	s = SegmentStart{
		Number: word(0), LogID: word(1),
		Predecessor: SegmentEnd{
			Number: word(2), Length: int64(word(3)), LastSeq: word(4), Checksum: word(5),
		},
		ManifestNumber: word(6), ManifestSynced: int64(word(7)),
	}
	p := s.Predecessor
	if s.Number == 0 || p.Number >= s.Number || p.Length < 0 || p.LastSeq > key.MaxSeq || s.ManifestSynced < 0 {
		return s, "the segment start contradicts itself", nil
	}
	return s, "", nil
}

// header is what group and seal records begin with.
type header struct {
	kind   byte
	seq    uint64 // group: the first sequence number; seal: the last one of the log
	count  uint32 // group: how many it takes; seal: 0
	synced int64  // this much of the segment was known to be synced when the record was framed
}

func putHeader(b []byte, h header) {
	_ = b[groupHeaderBytes-1]
	b[0] = h.kind
	binary.LittleEndian.PutUint64(b[1:], h.seq)
	binary.LittleEndian.PutUint32(b[9:], h.count)
	binary.LittleEndian.PutUint64(b[13:], uint64(h.synced))
}

// decodeHeader decodes the header of a group or seal record. A kind from the future is an error that
// matches ErrNewerFormat.
func decodeHeader(b []byte) (h header, why string, err error) {
	if len(b) == 0 {
		return h, "empty record", nil
	}
	h.kind = b[0]
	switch h.kind {
	case recordStart:
		return h, "a second segment start", nil
	case recordGroup, recordSeal:
	default:
		return h, "", fmt.Errorf("record of kind %d: %w", h.kind, ErrNewerFormat)
	}
	if len(b) < groupHeaderBytes || h.kind == recordSeal && len(b) != sealBytes {
		return h, "wrong record length", nil
	}
	h.seq = binary.LittleEndian.Uint64(b[1:])
	h.count = binary.LittleEndian.Uint32(b[9:])
	h.synced = int64(binary.LittleEndian.Uint64(b[13:]))
	if h.kind == recordGroup && (h.count == 0 || h.seq == 0 || h.seq+uint64(h.count)-1 > key.MaxSeq || h.seq > key.MaxSeq) {
		return h, "bad sequence numbers", nil
	}
	return h, "", nil
}
