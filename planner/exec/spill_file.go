package exec

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sync/atomic"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/vfs"
)

// spillNumber makes the names of temporary files differ within the process; the lock of the database does so beyond it.
var spillNumber atomic.Uint64

// spillBufferBytes is how much is written to a file at once, at least.
const spillBufferBytes = 16 << 10

// spillFile is a temporary file of batches. They are written, and then read by any number of readers; close removes it.
type spillFile struct {
	run    *run
	budget *budget
	file   vfs.File
	name   string
	size   int64 // that is in the file
	buffer []byte
	rows   int64
}

// newSpillFile makes a temporary file. What is written to it is noted in the budget. Whoever calls it closes it.
// What says whose rows need one, for the error if there can be none.
func (r *run) newSpillFile(b *budget, what string) (*spillFile, error) {
	fs := r.options.FS
	if fs == nil {
		return nil, r.tooMuch(what)
	}
	if r.options.Directory != "" {
		if err := fs.MkdirAll(r.options.Directory); err != nil {
			return nil, spillFault("make the directory of", r.options.Directory, err)
		}
	}
	name := fs.Join(r.options.Directory, fmt.Sprintf("query-%d.tmp", spillNumber.Add(1)))
	f, err := fs.Create(name)
	if err != nil {
		return nil, spillFault("make", name, err)
	}
	r.files++
	return &spillFile{run: r, budget: b, file: f, name: name}, nil
}

func spillFault(what, name string, err error) error {
	e := sqlstate.New(sqlstate.IOError, -1, "cannot %s the temporary file %s: %v", what, name, err)
	e.Cause = err
	return e
}

// write appends rows of columns: at the places of rows. It returns how many bytes that took.
func (f *spillFile) write(columns []*catalog.Vector, rows []int32) error {
	if len(rows) == 0 {
		return nil
	}
	before := len(f.buffer)
	f.buffer = appendRecord(f.buffer, columns, rows)
	f.rows += int64(len(rows))
	f.budget.Spilled(int64(len(f.buffer) - before))
	if len(f.buffer) >= spillBufferBytes {
		return f.flush()
	}
	return nil
}

// flush writes what is buffered.
func (f *spillFile) flush() error {
	if len(f.buffer) == 0 {
		return nil
	}
	if _, err := f.file.WriteAt(f.buffer, f.size); err != nil {
		return spillFault("write", f.name, err)
	}
	f.size += int64(len(f.buffer))
	f.buffer = f.buffer[:0]
	return nil
}

// finish writes what is buffered and gives the buffer back. Nothing is written afterwards. Finishing nil does nothing.
func (f *spillFile) finish() error {
	if f == nil {
		return nil
	}
	err := f.flush()
	f.buffer = nil
	return err
}

// reader returns a reader of batches of so many columns. The file was finished, and stays open as long as it is read.
func (f *spillFile) reader(columns int) *spillReader {
	r := &spillReader{file: f}
	r.batch.Columns = newVectors(columns)
	return r
}

// close closes the file and removes it. Closing nil does nothing.
func (f *spillFile) close() error {
	if f == nil || f.file == nil {
		return nil
	}
	err := f.file.Close()
	if gone := f.run.options.FS.Remove(f.name); err == nil {
		err = gone
	}
	f.file, f.buffer = nil, nil
	if err != nil {
		return spillFault("remove", f.name, err)
	}
	return nil
}

// spillReader reads a temporary file from its beginning.
type spillReader struct {
	file   *spillFile
	offset int64
	buffer []byte
	batch  catalog.Batch
}

// next returns the next batch, which is lent until the next call, except for its texts, or nil at the end.
func (r *spillReader) next() (*catalog.Batch, error) {
	f := r.file
	if r.offset >= f.size {
		return nil, nil
	}
	var head [spillHeaderBytes]byte
	if _, err := f.file.ReadAt(head[:], r.offset); err != nil {
		return nil, spillFault("read", f.name, err)
	}
	n := int64(binary.LittleEndian.Uint32(head[4:]))
	if n > f.size-r.offset-spillHeaderBytes {
		return nil, r.damaged()
	}
	r.buffer = extend(r.buffer[:0], int(n)+4)
	copy(r.buffer, head[4:])
	if _, err := f.file.ReadAt(r.buffer[4:], r.offset+spillHeaderBytes); err != nil {
		return nil, spillFault("read", f.name, err)
	}
	d := recordDecoder{rest: r.buffer[4:]}
	if crc32.Checksum(r.buffer, castagnoli) != binary.LittleEndian.Uint32(head[:]) || !d.batch(&r.batch) {
		return nil, r.damaged()
	}
	r.offset += spillHeaderBytes + n
	return &r.batch, nil
}

func (r *spillReader) damaged() error {
	return sqlstate.New(sqlstate.IOError, -1, "the temporary file %s is damaged at offset %d", r.file.name, r.offset)
}
