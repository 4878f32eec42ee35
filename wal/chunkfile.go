package wal

import (
	"errors"
	"fmt"

	"github.com/middb/middb/vfs"
)

// A ChunkWriter appends records to a file that only grows, such as a manifest, in the chunk format
// of the log. It is for one goroutine.
type ChunkWriter struct {
	f      vfs.File
	number uint64
	seed   uint32
	off    int64
	buf    []byte
}

// NewChunkWriter returns a writer that appends to f at offset: 0 in a new file, or where a
// [ChunkReader] of the same file ended, once the caller has cut what lies behind. The file number
// and the id (any value that all readers of the file know, such as the database's identity; 0 will
// do) go into every checksum.
func NewChunkWriter(f vfs.File, number, id uint64, offset int64) *ChunkWriter {
	return &ChunkWriter{f: f, number: number, seed: fileSeed(number, id), off: offset}
}

// Append writes one record, with one call to the file, and syncs nothing. The record may be empty.
// After an error nothing counts as appended, and Append may be tried again: it then writes at the
// same offset.
func (w *ChunkWriter) Append(record []byte) error {
	w.buf, _ = appendRecord(w.buf[:0], record, uint32(w.number), w.seed, w.off, 0)
	if _, err := w.f.WriteAt(w.buf, w.off); err != nil {
		return fmt.Errorf("append record to %s: %w", w.f.Name(), err)
	}
	w.off += int64(len(w.buf))
	if cap(w.buf) > 1<<20 {
		w.buf = nil
	}
	return nil
}

// Offset returns where the last record ends, which is the length of the file.
func (w *ChunkWriter) Offset() int64 { return w.off }

// ErrTorn is returned by [ChunkReader.Next] where an append was under way when the system stopped.
var ErrTorn = errors.New("torn tail")

// A ChunkReader reads what a [ChunkWriter] wrote. It is for one goroutine.
type ChunkReader struct {
	s   scanner
	err error // what ended the reading; later calls say it again
}

// NewChunkReader returns a reader of f from its beginning; number and id must be those given to the
// writer.
func NewChunkReader(f vfs.File, number, id uint64) (*ChunkReader, error) {
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return &ChunkReader{s: *newScanner(f, number, id, size, nil)}, nil
}

// Next returns the next record, which stays valid until the next call. At the end of the file it
// returns io.EOF. Where the file goes on with something that is no record, it returns ErrTorn if no
// record begins later in the file, and a corruption error if one does: the caller is taken to sync
// after each record, so a crash can tear only the last.
func (r *ChunkReader) Next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	record, err := r.s.next()
	if errors.Is(err, errBad) {
		err = r.judge()
	}
	r.err = err
	return record, err
}

// judge tells a torn tail from damage.
func (r *ChunkReader) judge() error {
	damage := r.s.corrupt()
	damaged := r.s.misordered
	err := r.s.search(r.s.bad, func(_ int64, typ byte, _ []byte) bool {
		damaged = damaged || typ == chunkFull || typ == chunkFirst
		return !damaged
	})
	switch {
	case err != nil:
		return err
	case damaged:
		return damage
	default:
		return ErrTorn
	}
}

// Offset returns where the last record that Next returned ends.
func (r *ChunkReader) Offset() int64 { return r.s.end }
