package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// Dump prints the records of one segment file, each with its offset, and with verbose each operation
// too. It goes on behind places that it cannot read, and returns an error only when reading or
// printing fails.
func Dump(w io.Writer, fs vfs.FS, path string, verbose bool) error {
	f, err := fs.Open(path)
	if err != nil {
		return fmt.Errorf("dump %s: %w", path, err)
	}
	p := &printer{w: w, verbose: verbose}
	err = p.segment(f)
	return errors.Join(err, p.err, f.Close())
}

// A printer prints one segment and keeps the first error of doing so.
type printer struct {
	w       io.Writer
	verbose bool
	err     error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) segment(f vfs.File) error {
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("dump %s: %w", f.Name(), err)
	}
	var head [logIDOffset + 8]byte
	if _, err := f.ReadAt(head[:], 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("dump %s: %w", f.Name(), err)
	}
	// Number and log are what the file says they are, and true if the checksums agree.
	number, id := binary.LittleEndian.Uint64(head[logIDOffset-8:]), binary.LittleEndian.Uint64(head[logIDOffset:])
	p.printf("%s: %d bytes\n", filepath.Base(f.Name()), size)
	sc := newScanner(f, number, id, size, nil)
	for p.err == nil {
		record, err := sc.next()
		switch {
		case errors.Is(err, io.EOF):
			p.printf("%10d  end of file\n", sc.end)
			return nil
		case errors.Is(err, errBad):
			bad, end := sc.bad, sc.end
			found, searchErr := sc.resume(bad)
			if searchErr != nil {
				return searchErr
			}
			if !found {
				p.printf("%10d  no more records: %s\n", end, sc.why)
				return nil
			}
			p.printf("%10d  DAMAGED or torn, %d bytes: %s\n", bad, sc.off-bad, sc.why)
		case err != nil:
			return err
		default:
			if p.record(record, sc) {
				return nil
			}
		}
	}
	return nil
}

// record prints one record and reports whether it seals the segment.
func (p *printer) record(b []byte, sc *scanner) (sealed bool) {
	if len(b) > 0 && b[0] == recordStart {
		s, why, err := decodeStart(b)
		if why != "" || err != nil {
			p.printf("%10d  bad start: %s%v\n", sc.start, why, err)
			return false
		}
		q := s.Predecessor
		p.printf("%10d  start    segment %d of log %016x, manifest %d through %d\n", sc.start, s.Number, s.LogID, s.ManifestNumber, s.ManifestSynced)
		p.printf("%10s           after segment %d, length %d, sequence %d, checksum %016x\n", "", q.Number, q.Length, q.LastSeq, q.Checksum)
		return false
	}
	h, why, err := decodeHeader(b)
	switch {
	case err != nil:
		p.printf("%10d  %v\n", sc.start, err)
	case why != "":
		p.printf("%10d  bad record: %s\n", sc.start, why)
	case h.kind == recordSeal:
		p.printf("%10d  seal     sequence %d, length %d, checksum %016x\n", sc.start, h.seq, sc.end, sc.sum)
		return true
	default:
		p.printf("%10d  group    sequence %d+%d, %d bytes of operations, synced %d\n", sc.start, h.seq, h.count, len(b)-groupHeaderBytes, h.synced)
		if p.verbose {
			p.ops(b[groupHeaderBytes:])
		}
	}
	return false
}

func (p *printer) ops(b []byte) {
	for len(b) > 0 {
		kind, k, v, rest, err := DecodeOp(b)
		if err != nil {
			p.printf("%10s           %v\n", "", err)
			return
		}
		p.printf("%10s           %v \"%s\"%s\n", "", kind, key.Format(k), operand(kind, v))
		b = rest
	}
}

// operand prints what an operation of a kind has beside its key.
func operand(kind key.Kind, v []byte) string {
	switch kind {
	case key.KindPut, key.KindPutWithExpiry:
		return " = " + merge.Entry{Kind: kind, Value: v}.String()
	case key.KindTreePut:
		return " = " + merge.Entry{Kind: key.KindPut, Value: v}.String()
	case key.KindRangeDelete:
		return fmt.Sprintf(" to \"%s\"", key.Format(v))
	case key.KindMerge:
		return ": " + merge.Format(v)
	default:
		return ""
	}
}
