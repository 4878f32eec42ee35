package wal

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

// RecoverOptions say what the rest of the database knows about its log.
type RecoverOptions struct {
	LogID      uint64 // identity that every segment must carry; 0: any
	FlushedSeq uint64 // the manifest has everything through this sequence number
	ReadOnly   bool   // sync nothing
	// AllowMissing accepts a directory without any segment although FlushedSeq is not zero, as in
	// a copy that was made of the sstables only. Otherwise that is damage.
	AllowMissing bool
}

// A Record is one commit group of the log.
type Record struct {
	Segment  uint64 // number of its segment
	Offset   int64  // where its first chunk begins in there
	FirstSeq uint64 // the sequence numbers it takes are FirstSeq, FirstSeq+1, …
	Count    uint32 // so many, at least one
	Ops      []byte // its operations, for DecodeOp; valid during the callback only
}

// A SegmentInfo describes a segment that has ended.
type SegmentInfo struct {
	Number    uint64
	Length    int64  // accepted bytes; 0 if Abandoned, or not known any more because all is flushed
	AfterSeq  uint64 // nothing through it is in this segment or in newer ones; 0 where Length is
	LastSeq   uint64 // nothing above it is in this segment or in older ones
	Abandoned bool   // never got a valid first record; holds nothing

	trimmed bool // its file gave back the space behind the end, or has none
}

// A State is what Recover found: what the next segment must be told, and which ones exist.
type State struct {
	LastSeq        uint64        // last sequence number of the log
	Segments       []SegmentInfo // every segment file, oldest first: for WriterOptions.Old
	NextNumber     uint64        // number for the next segment
	Predecessor    SegmentEnd    // for its SegmentStart
	Clean          bool          // the log ends with a seal record, or is empty
	TornBytes      int64         // framed bytes behind its end that are lost, as far as can be told
	ManifestNumber uint64        // the manifest named by the newest start record; 0: none
	ManifestSynced int64         // a manifest of that number must have at least so many valid bytes
}

// Recover reads the log in dir: it judges each segment by what its successor says about it, calls fn
// (which may be nil) with each record that reaches beyond o.FlushedSeq in the order of the log, and
// says where the log goes on. The package comment has the rules. Damage is an
// *integrity.CorruptionError that names file and offset; records before it may have been passed to
// fn. Recover changes no file; unless o.ReadOnly, it syncs what it accepts. fn must decode the
// operations with DecodeOp and return its errors, which Recover completes with the place.
func Recover(fs vfs.FS, dir string, o RecoverOptions, fn func(Record) error) (State, error) {
	r := &recovery{fs: fs, dir: dir, o: o, fn: fn, logID: o.LogID}
	return r.run()
}

// A recovery is one run of Recover or Verify.
type recovery struct {
	fs    vfs.FS
	dir   string
	o     RecoverOptions
	fn    func(Record) error
	all   bool       // read flushed segments too
	logID uint64     // 0: not known yet
	buf   []byte     // for scanners
	segs  []*segment // by number
	state State
}

// A segment is what recovery knows about one file.
type segment struct {
	number uint64
	path   string
	size   int64
	start  SegmentStart
	why    string     // why it has no valid start record; empty: it has one
	end    SegmentEnd // what the successor says; Number 0: nothing
	fate   fate
}

type fate uint8

const (
	abandoned fate = iota // has no valid start record, and no successor names it
	flushed               // not needed any more
	needed
)

func (r *recovery) run() (State, error) {
	if err := r.list(); err != nil {
		return State{}, err
	}
	newest := len(r.segs) - 1
	for newest >= 0 && r.segs[newest].why != "" {
		newest--
	}
	if err := r.chain(newest); err != nil {
		return State{}, err
	}
	r.state.LastSeq, r.state.Clean = r.o.FlushedSeq, true
	r.state.Predecessor.LastSeq = r.o.FlushedSeq
	for i, s := range r.segs {
		var err error
		switch {
		case i == newest:
			err = r.readNewest(s)
		case i > newest:
			err = r.checkAbandoned(s)
		case s.fate == needed:
			err = r.readOld(s)
		}
		if err != nil {
			return State{}, err
		}
	}
	if err := r.finish(newest); err != nil {
		return State{}, err
	}
	return r.state, nil
}

// list finds the segments and reads their start records.
func (r *recovery) list() error {
	names, err := r.fs.List(r.dir)
	if err != nil {
		return fmt.Errorf("list log segments: %w", err)
	}
	for _, name := range names {
		number, ok := ParseFileName(name)
		if !ok {
			continue
		}
		s := &segment{number: number, path: r.fs.Join(r.dir, name)}
		if err := r.readStart(s); err != nil {
			return err
		}
		r.segs = append(r.segs, s)
	}
	slices.SortFunc(r.segs, func(a, b *segment) int { return cmp.Compare(a.number, b.number) })
	return nil
}

// readStart decodes the first record of a segment, if it is valid.
func (r *recovery) readStart(s *segment) error {
	return r.with(s, func(f vfs.File) error {
		size, err := f.Size()
		if err != nil {
			return err
		}
		s.size = size
		head := make([]byte, min(s.size, 512))
		n, err := f.ReadAt(head, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		head = head[:n]
		s.start, s.why, err = parseStart(head, s.number, s.path)
		if err != nil || s.why != "" {
			return err
		}
		if r.logID == 0 {
			r.logID = s.start.LogID
		}
		if s.start.LogID != r.logID {
			return integrity.Corrupt(s.path, 0, "segment of log %016x among those of %016x", s.start.LogID, r.logID)
		}
		return nil
	})
}

// parseStart decodes the start record that head begins with. A non-empty why says that there is no
// valid chunk; one that is valid and yet no start is damage.
func parseStart(head []byte, number uint64, path string) (s SegmentStart, why string, err error) {
	if len(head) < chunkHeaderBytes+startBytes {
		return s, "the segment start is cut short", nil
	}
	id := binary.LittleEndian.Uint64(head[logIDOffset:])
	sc := scanner{number: uint32(number), seed: fileSeed(number, id)}
	payload, typ, _, why := sc.parse(head, 0)
	if why != "" {
		return s, why, nil
	}
	if typ != chunkFull {
		return s, "", integrity.Corrupt(path, 0, "the first record is not a segment start")
	}
	s, why, err = decodeStart(payload)
	if err != nil {
		return s, "", fmt.Errorf("read %s: %w", path, err)
	}
	if why == "" && s.Number != number {
		why = fmt.Sprintf("the segment start says that it is of segment %d", s.Number)
	}
	if why != "" {
		err = integrity.Corrupt(path, 0, "%s", why)
	}
	return s, "", err
}

// chain follows the start records from the newest one back, and finds out which segments matter.
func (r *recovery) chain(newest int) error {
	if newest < 0 {
		if r.o.FlushedSeq > 0 && !r.o.AllowMissing {
			return integrity.Corrupt(r.dir, -1, "no log segment with a valid start, though sequence %d is flushed", r.o.FlushedSeq)
		}
		return nil
	}
	r.segs[newest].fate = needed
	for i := newest; ; {
		s := r.segs[i]
		p := s.start.Predecessor
		for i--; i >= 0 && r.segs[i].number > p.Number; i-- {
			if r.segs[i].why == "" {
				return integrity.Corrupt(s.path, 0, "its predecessor is said to be segment %d, but segment %d is there", p.Number, r.segs[i].number)
			}
			r.segs[i].end.LastSeq = p.LastSeq
		}
		if p.Number == 0 {
			return nil
		}
		needless := p.LastSeq <= r.o.FlushedSeq
		found := i >= 0 && r.segs[i].number == p.Number
		if found && r.segs[i].why == "" {
			r.segs[i].end, r.segs[i].fate = p, needed
			if needless && !r.all {
				r.segs[i].fate = flushed
			}
			if err := r.checkLink(r.segs[i]); err != nil {
				return err
			}
			continue
		}
		if needless { // and so is everything before
			for ; i >= 0; i-- {
				r.segs[i].end.LastSeq, r.segs[i].fate = p.LastSeq, flushed
			}
			return nil
		}
		if found {
			return integrity.Corrupt(r.segs[i].path, 0, "%s", r.segs[i].why)
		}
		return integrity.Corrupt(r.fs.Join(r.dir, FileName(p.Number)), -1, "segment is missing: segment %d goes on from its sequence %d", s.number, p.LastSeq)
	}
}

// checkLink compares what can be compared without reading the segment.
func (r *recovery) checkLink(s *segment) error {
	if s.size < s.end.Length {
		return integrity.Corrupt(s.path, s.size, "the file ends, but %d bytes of it were accepted", s.end.Length)
	}
	if s.start.Predecessor.LastSeq > s.end.LastSeq {
		return integrity.Corrupt(s.path, 0, "it begins after sequence %d and is said to end at %d", s.start.Predecessor.LastSeq, s.end.LastSeq)
	}
	return nil
}

// readOld reads a segment that has a successor: it must be just what the successor says.
func (r *recovery) readOld(s *segment) error {
	return r.with(s, func(f vfs.File) error {
		sc := r.scan(f, s, s.end.Length)
		seq, _, err := r.walk(sc, s)
		if errors.Is(err, errBad) {
			return sc.corrupt()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		got := SegmentEnd{Number: s.number, Length: sc.end, LastSeq: seq, Checksum: sc.sum}
		if got != s.end {
			return integrity.Corrupt(s.path, sc.end, "the segment is %+v, but was accepted as %+v", got, s.end)
		}
		return nil
	})
}

// readNewest reads the last segment, whose tail may be torn.
func (r *recovery) readNewest(s *segment) error {
	return r.with(s, func(f vfs.File) error {
		sc := r.scan(f, s, s.size)
		seq, sealed, err := r.walk(sc, s)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errBad) {
			return err
		}
		if errors.Is(err, errBad) {
			if sc.misordered {
				return sc.corrupt()
			}
			if r.state.TornBytes, err = torn(sc, sc.bad); err != nil {
				return err
			}
		}
		if seq < r.o.FlushedSeq {
			return integrity.Corrupt(s.path, sc.end, "the log ends at sequence %d, but everything through %d was synced and flushed", seq, r.o.FlushedSeq)
		}
		s.end = SegmentEnd{Number: s.number, Length: sc.end, LastSeq: seq, Checksum: sc.sum}
		r.state.LastSeq, r.state.Clean, r.state.Predecessor = seq, sealed, s.end
		r.state.ManifestNumber, r.state.ManifestSynced = s.start.ManifestNumber, s.start.ManifestSynced
		return nil
	})
}

// checkAbandoned makes sure that a last segment without a valid start record never counted.
func (r *recovery) checkAbandoned(s *segment) error {
	s.end.LastSeq = r.state.LastSeq
	return r.with(s, func(f vfs.File) error {
		n, err := torn(r.scan(f, s, s.size), 0)
		r.state.TornBytes += n
		return err
	})
}

// finish syncs what was accepted and describes what is there.
func (r *recovery) finish(newest int) error {
	r.state.NextNumber = 1
	for i, s := range r.segs {
		r.state.NextNumber = s.number + 1
		info := SegmentInfo{Number: s.number, Length: s.end.Length, LastSeq: s.end.LastSeq, Abandoned: s.fate == abandoned}
		if info.Length > 0 {
			info.AfterSeq = s.start.Predecessor.LastSeq
		}
		r.state.Segments = append(r.state.Segments, info)
		if s.fate != needed || r.o.ReadOnly {
			continue
		}
		if err := r.sync(s); err != nil {
			return fmt.Errorf("sync %s: %w", s.path, err)
		}
		if i == newest {
			if err := r.fs.SyncDir(r.dir); err != nil {
				return fmt.Errorf("sync log directory: %w", err)
			}
		}
	}
	return nil
}

// sync makes an accepted segment durable: what was read of it may have been in memory only, left by
// a process that was killed, and the successor will swear that it is there.
func (r *recovery) sync(s *segment) error {
	f, err := r.fs.OpenReadWrite(s.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// scan returns a scanner of the first limit bytes of a segment. It ends the use of the one before.
func (r *recovery) scan(f vfs.File, s *segment, limit int64) *scanner {
	sc := newScanner(f, s.number, r.logID, limit, r.buf)
	r.buf = sc.buf
	return sc
}

// with calls do with the opened file of a segment.
func (r *recovery) with(s *segment, do func(vfs.File) error) error {
	f, err := r.fs.Open(s.path)
	if err != nil {
		return fmt.Errorf("open segment %d: %w", s.number, err)
	}
	err = do(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
