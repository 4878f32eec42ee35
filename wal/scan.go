package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/vfs"
)

const pieceBytes = 1 << 20 // what a scanner reads at once; a multiple of the file block

// errBad is what a scanner returns at a place where no valid chunk is; the scanner knows more.
var errBad = errors.New("no valid chunk")

// A scanner walks the records of one file, from its beginning or from any chunk. It trusts nothing
// that it reads. What it returns aliases its buffers until the next call.
type scanner struct {
	f      io.ReaderAt
	name   string
	number uint32
	seed   uint32
	limit  int64  // bytes from here on are not looked at
	piece  int64  // how much is read at once; a power of two, at least a file block
	buf    []byte // a piece of the file
	base   int64  // offset of buf in the file, -1 when it holds nothing
	joined []byte // a record put together from several chunks

	off   int64  // where the next chunk begins
	start int64  // where the last record began
	end   int64  // where the last record ended
	sum   uint64 // rolling checksum of the chunks through end

	bad        int64  // after errBad: the offset of the first bad chunk
	why        string // after errBad: what is wrong with it
	misordered bool   // after errBad: the chunk is valid but has no place here
}

// newScanner returns a scanner that looks at the first limit bytes of f. It uses buf if that is large
// enough, so that scanners of several files can share it one after the other.
func newScanner(f vfs.File, number, id uint64, limit int64, buf []byte) *scanner {
	if size := int(min(limit, pieceBytes)); len(buf) < size {
		buf = make([]byte, size)
	}
	return &scanner{
		f: f, name: f.Name(), number: uint32(number), seed: fileSeed(number, id),
		limit: limit, piece: pieceBytes, buf: buf, base: -1,
	}
}

// next returns the next record: io.EOF where the limit is reached, errBad where no valid chunk is,
// other errors when the file cannot be read.
func (s *scanner) next() ([]byte, error) {
	payload, typ, crc, err := s.chunk()
	if err != nil {
		return nil, err
	}
	sum, start := roll(s.sum, crc), s.off-int64(chunkHeaderBytes+len(payload))
	if typ != chunkFull {
		payload, sum, err = s.join(payload, typ, sum, start)
		if err != nil {
			return nil, err
		}
	}
	s.start, s.end, s.sum = start, s.off, sum
	return payload, nil
}

// join collects the chunks of a record whose first one has just been read.
func (s *scanner) join(payload []byte, typ byte, sum uint64, start int64) ([]byte, uint64, error) {
	if typ != chunkFirst {
		s.misordered = true
		return nil, 0, s.reject(start, "a record cannot begin in the middle")
	}
	s.joined = append(s.joined[:0], payload...)
	for typ != chunkLast {
		var crc uint32
		var err error
		payload, typ, crc, err = s.chunk()
		if errors.Is(err, io.EOF) {
			return nil, 0, s.reject(s.off, "the record does not end")
		}
		if err != nil {
			return nil, 0, err
		}
		if typ != chunkMiddle && typ != chunkLast {
			s.misordered = true
			return nil, 0, s.reject(s.off-int64(chunkHeaderBytes+len(payload)), "a record begins inside another")
		}
		sum = roll(sum, crc)
		s.joined = append(s.joined, payload...)
	}
	return s.joined, sum, nil
}

// chunk returns the chunk at off and moves off behind it.
func (s *scanner) chunk() (payload []byte, typ byte, crc uint32, err error) {
	if room := fileBlockBytes - s.off%fileBlockBytes; room < minRoom && s.off < s.limit {
		s.off += room
	}
	if s.off >= s.limit {
		return nil, 0, 0, io.EOF
	}
	b, err := s.block(s.off)
	if err != nil {
		return nil, 0, 0, err
	}
	payload, typ, crc, why := s.parse(b, s.off)
	if why != "" {
		return nil, 0, 0, s.reject(s.off, why)
	}
	s.off += int64(chunkHeaderBytes + len(payload))
	return payload, typ, crc, nil
}

// parse checks the chunk that b begins with, at offset off of the file. A non-empty why says that
// there is none.
func (s *scanner) parse(b []byte, off int64) (payload []byte, typ byte, crc uint32, why string) {
	if len(b) < chunkHeaderBytes {
		return nil, 0, 0, "the file ends inside a chunk header"
	}
	n, typ := int(binary.LittleEndian.Uint16(b[4:])), b[6]
	if typ < chunkFull || typ > chunkLast {
		return nil, 0, 0, "not a chunk"
	}
	if binary.LittleEndian.Uint32(b[7:]) != s.number {
		return nil, 0, 0, "a chunk of another file"
	}
	if chunkHeaderBytes+n > len(b) {
		return nil, 0, 0, "the chunk is longer than its block or the file"
	}
	b = b[:chunkHeaderBytes+n]
	crc = binary.LittleEndian.Uint32(b)
	if chunkCRC(b, s.seed, off) != crc {
		return nil, 0, 0, "checksum mismatch"
	}
	return b[chunkHeaderBytes:], typ, crc, ""
}

// block returns the bytes from off to the end of its block or to the limit. A file that turns out
// shorter than the limit lowers it.
func (s *scanner) block(off int64) ([]byte, error) {
	if base := off &^ (s.piece - 1); base != s.base {
		want := min(s.piece, s.limit-base)
		n, err := s.f.ReadAt(s.buf[:want], base)
		if errors.Is(err, io.EOF) {
			s.limit, err = base+int64(n), nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s at offset %d: %w", s.name, base, err)
		}
		s.base = base
	}
	end := min(off-off%fileBlockBytes+fileBlockBytes, s.limit)
	if end <= off {
		return nil, nil
	}
	return s.buf[off-s.base : end-s.base], nil
}

// reject notes a bad place.
func (s *scanner) reject(off int64, why string) error {
	s.bad, s.why = off, why
	return errBad
}

// corrupt returns the error for the bad place that was met last.
func (s *scanner) corrupt() error {
	return integrity.Corrupt(s.name, s.bad, "%s", s.why)
}

// search calls visit with every valid chunk at or after offset from, wherever it begins, until
// visit returns false or the limit is reached. It does not move the scanner, but overwrites its buffer.
func (s *scanner) search(from int64, visit func(off int64, typ byte, payload []byte) bool) error {
	var number [4]byte
	binary.LittleEndian.PutUint32(number[:], s.number)
	for from < s.limit {
		b, err := s.block(from)
		if err != nil {
			return err
		}
		for i := 0; len(b)-i >= chunkHeaderBytes; {
			payload, typ, _, why := s.parse(b[i:], from+int64(i))
			if why == "" {
				if !visit(from+int64(i), typ, payload) {
					return nil
				}
				i += chunkHeaderBytes + len(payload)
				continue
			}
			// The file's number is the last field of a header: look for it instead of trying
			// every byte.
			i++
			next := bytes.Index(b[min(i+7, len(b)):], number[:])
			if next < 0 {
				break
			}
			i += next
		}
		from += fileBlockBytes - from%fileBlockBytes
	}
	return nil
}

// resume moves the scanner to the first valid chunk at or after offset from that begins a record. It
// reports whether there is one.
func (s *scanner) resume(from int64) (found bool, err error) {
	err = s.search(from, func(off int64, typ byte, _ []byte) bool {
		found = typ == chunkFull || typ == chunkFirst
		s.off = off
		return !found
	})
	return found, err
}
