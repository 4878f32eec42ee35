package wal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/middb/middb/integrity"
)

// torn looks at what follows the bad place. A record that was framed when the bad place was already
// synced proves damage; otherwise the result is how many bytes of the segment follow its end.
func torn(sc *scanner, bad int64) (int64, error) {
	expected, why := sc.end, sc.why
	if room := fileBlockBytes - expected%fileBlockBytes; room < minRoom {
		expected += room
	}
	last := sc.end
	if bad > expected { // whole chunks of a record that has no end
		last = bad
	}
	b, err := sc.block(bad)
	if err != nil {
		return 0, err
	}
	if len(b) >= chunkHeaderBytes && binary.LittleEndian.Uint32(b[7:]) == sc.number && b[6] >= chunkFull && b[6] <= chunkLast {
		last = bad + min(int64(len(b)), chunkHeaderBytes+int64(binary.LittleEndian.Uint16(b[4:])))
	}
	var damage error
	err = sc.search(bad, func(off int64, typ byte, payload []byte) bool {
		last = max(last, off+int64(chunkHeaderBytes+len(payload)))
		if typ != chunkFull && typ != chunkFirst || len(payload) < groupHeaderBytes {
			return true
		}
		if payload[0] != recordGroup && payload[0] != recordSeal {
			return true
		}
		if synced := int64(binary.LittleEndian.Uint64(payload[13:])); synced > bad {
			damage = integrity.Corrupt(sc.name, bad, "%s, though the record at offset %d says that %d bytes were synced",
				cmp.Or(why, "no valid segment start"), off, synced)
		}
		return damage == nil
	})
	return last - sc.end, errors.Join(err, damage)
}

// walk passes the records of a segment to fn until something stops it: io.EOF, errBad, damage, or
// nil after the seal record. It returns the last sequence number.
func (r *recovery) walk(sc *scanner, s *segment) (seq uint64, sealed bool, err error) {
	seq = s.start.Predecessor.LastSeq
	if _, err := sc.next(); err != nil { // the start record, which readStart has decoded
		return seq, false, err
	}
	for {
		before := sc.sum
		record, err := sc.next()
		if err != nil {
			return seq, false, err
		}
		h, why, err := checkRecord(record, sc.start, seq, before)
		switch {
		case err != nil:
			return seq, false, fmt.Errorf("read %s at offset %d: %w", s.path, sc.start, err)
		case why != "":
			return seq, false, integrity.Corrupt(s.path, sc.start, "%s", why)
		case h.kind == recordSeal:
			return seq, true, nil
		}
		seq += uint64(h.count)
		if r.fn == nil || seq <= r.o.FlushedSeq && !r.all {
			continue
		}
		err = r.fn(Record{Segment: s.number, Offset: sc.start, FirstSeq: h.seq, Count: h.count, Ops: record[groupHeaderBytes:]})
		if err != nil {
			return seq, false, replayError(s.path, sc.start, err)
		}
	}
}

// checkRecord decodes the header of a group or seal record that begins at offset start of its segment,
// when seq is the last sequence number before it and sum the rolling checksum of the chunks before it.
// A non-empty why says what is wrong with it.
func checkRecord(record []byte, start int64, seq, sum uint64) (h header, why string, err error) {
	h, why, err = decodeHeader(record)
	switch {
	case err != nil || why != "":
	case h.synced > start || h.synced < 0:
		why = fmt.Sprintf("it says that %d bytes before it were synced", h.synced)
	case h.kind == recordSeal:
		if h.seq != seq || binary.LittleEndian.Uint64(record[groupHeaderBytes:]) != sum {
			why = "the seal record seals something else"
		}
	case h.seq != seq+1:
		why = fmt.Sprintf("sequence %d follows sequence %d", h.seq, seq)
	}
	return h, why, err
}

// replayError says where the operations were that a callback did not like.
func replayError(path string, off int64, err error) error {
	if errors.Is(err, ErrMalformed) {
		return integrity.Corrupt(path, off, "%v", err)
	}
	return fmt.Errorf("replay %s at offset %d: %w", path, off, err)
}
