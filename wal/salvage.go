package wal

import (
	"errors"
	"fmt"
	"io"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

// A Hole is a place where Salvage found no valid record and went on behind it.
type Hole struct {
	File     string
	Offset   int64
	Detail   string
	AfterSeq uint64 // last sequence number before the hole
}

// A SalvageReport says what Salvage saved and what it could not.
type SalvageReport struct {
	Segments int
	Records  int64
	LastSeq  uint64 // of the last record passed on
	Holes    []Hole // none: nothing is missing but, perhaps, a torn tail
}

// Salvage passes every valid record that can still be found in dir to fn, in ascending order of
// sequence numbers, and lists the places where something is missing. It is for repair, after Recover
// refused the log: what it saves need not be a state that the database ever had. It respects what a
// readable successor says about a segment's end, so that a tail which an earlier recovery cut does
// not come back. It changes nothing.
func Salvage(fs vfs.FS, dir string, o RecoverOptions, fn func(Record) error) (SalvageReport, error) {
	sv := &salvage{fn: fn, logID: o.LogID}
	r := &recovery{fs: fs, dir: dir, logID: o.LogID}
	names, err := fs.List(dir)
	if err != nil {
		return sv.rep, fmt.Errorf("list log segments: %w", err)
	}
	ends := map[uint64]SegmentEnd{}
	for _, name := range names {
		number, ok := ParseFileName(name)
		if !ok {
			continue
		}
		s := &segment{number: number, path: fs.Join(dir, name)}
		err := r.readStart(s)
		if err != nil && !errors.Is(err, integrity.ErrCorruption) {
			return sv.rep, err
		}
		if err != nil {
			s.why = err.Error()
		} else if s.why == "" {
			ends[s.start.Predecessor.Number] = s.start.Predecessor
		}
		r.segs = append(r.segs, s)
	}
	sv.logID = r.logID
	for _, s := range r.segs {
		err := r.with(s, func(f vfs.File) error {
			limit := s.size
			if end, ok := ends[s.number]; ok {
				s.end, limit = end, min(limit, end.Length)
			}
			return sv.segment(r.scan(f, s, limit), s)
		})
		if err != nil {
			return sv.rep, err
		}
	}
	return sv.rep, nil
}

// A salvage is one run of Salvage.
type salvage struct {
	fn    func(Record) error
	logID uint64
	rep   SalvageReport
}

func (sv *salvage) hole(path string, off int64, detail string) {
	sv.rep.Holes = append(sv.rep.Holes, Hole{path, off, detail, sv.rep.LastSeq})
}

// segment saves what is in one segment.
func (sv *salvage) segment(sc *scanner, s *segment) error {
	sv.rep.Segments++
	for {
		record, err := sc.next()
		if errors.Is(err, errBad) {
			bad, why := sc.bad, sc.why
			found, searchErr := sc.resume(bad)
			if searchErr != nil {
				return searchErr
			}
			if found || s.end.Number != 0 { // else it is a torn tail
				sv.hole(s.path, bad, why)
			}
			if !found {
				return nil
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			if sc.end < s.end.Length {
				sv.hole(s.path, sc.end, fmt.Sprintf("the file ends, but had %d bytes", s.end.Length))
			}
			return nil
		}
		if err != nil {
			return err
		}
		sealed, err := sv.record(record, sc, s)
		if err != nil || sealed {
			return err
		}
	}
}

// record passes on one record, if it is a group that is new and whole.
func (sv *salvage) record(record []byte, sc *scanner, s *segment) (sealed bool, err error) {
	if len(record) > 0 && record[0] == recordStart {
		return false, nil
	}
	h, why, err := decodeHeader(record)
	if err != nil {
		return false, fmt.Errorf("read %s at offset %d: %w", s.path, sc.start, err)
	}
	if why != "" {
		sv.hole(s.path, sc.start, why)
		return false, nil
	}
	if h.kind == recordSeal {
		return true, nil
	}
	if h.seq <= sv.rep.LastSeq {
		return false, nil
	}
	ops := record[groupHeaderBytes:]
	if _, err = countOps(ops); err != nil {
		if errors.Is(err, ErrMalformed) {
			sv.hole(s.path, sc.start, err.Error())
			return false, nil
		}
		return false, replayError(s.path, sc.start, err)
	}
	if h.seq > sv.rep.LastSeq+1 && sv.rep.Records > 0 {
		sv.hole(s.path, sc.start, fmt.Sprintf("sequence %d follows sequence %d", h.seq, sv.rep.LastSeq))
	}
	sv.rep.Records++
	sv.rep.LastSeq = h.seq + uint64(h.count) - 1
	err = sv.fn(Record{Segment: s.number, Offset: sc.start, FirstSeq: h.seq, Count: h.count, Ops: ops})
	if err != nil {
		return false, replayError(s.path, sc.start, err)
	}
	return false, nil
}
