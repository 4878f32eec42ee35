package levels

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/integrity"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

// verifyBytes is how much of a file is read at once.
const verifyBytes = 1 << 20

// A Report is what Verify found.
type Report struct {
	Tables   int   // tables that the manifest names
	Bytes    int64 // their size
	Entries  int64 // their entries
	Trees    bplustree.Census
	Strays   []string // files that belong to nothing, which opening for writing removes
	Problems []error  // one for each damaged table
}

// Verify reads the manifest, every sstable and every page of the B+Trees of the database in dir, and compares each file with
// its checksums and with what the manifest says of it. It writes nothing. progress, which may be
// nil, is called now and then with the bytes done and to do. The error is of the manifest, without
// which nothing can be verified; damaged tables are in the Report.
func Verify(fs vfs.FS, dir string, progress func(done, total int64)) (Report, error) {
	cache := page.NewCache(8 << 20)
	s, err := Load(Options{FS: fs, Dir: dir, Cache: cache})
	if err != nil {
		return Report{}, err
	}
	v := s.current
	r := Report{Tables: v.NumTables(), Bytes: v.TotalBytes(), Strays: s.strays}
	var done int64
	report := func(n int64) {
		done += n
		if progress != nil {
			progress(done, r.Bytes)
		}
	}
	for _, ts := range v.Levels {
		for _, t := range ts {
			r.Entries += t.Entries
			if err := t.verify(report); err != nil {
				r.Problems = append(r.Problems, err)
			}
		}
	}
	s.verifyTrees(&r)
	return r, nil
}

// verify reads the whole table twice: as a file, and as a table.
func (t *Table) verify(report func(int64)) error {
	err := t.verifyFile(report)
	r, rerr := t.Reader()
	if rerr != nil {
		return errors.Join(err, rerr)
	}
	defer runtime.KeepAlive(t)
	return errors.Join(err, r.Verify(sstable.VerifyOptions{}), t.compare(r.Properties()))
}

// verifyFile compares the file's checksum with the manifest's.
func (t *Table) verifyFile(report func(int64)) (err error) {
	path := t.files.fs.Join(t.files.dir, TableName(t.Num))
	f, err := t.files.fs.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = joinClose(err, f) }()
	h := xxh3.New()
	buf := make([]byte, verifyBytes)
	for off := int64(0); off < t.Size; {
		n, err := f.ReadAt(buf[:min(verifyBytes, t.Size-off)], off)
		if n == 0 {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("read %s at offset %d: %w", path, off, err)
		}
		_, _ = h.Write(buf[:n])
		off += int64(n)
		report(int64(n))
	}
	if got := h.Sum128().Bytes(); got != t.Checksum {
		return integrity.Corrupt(path, -1, "its xxh3-128 is %x, the manifest says %x", got, t.Checksum)
	}
	return nil
}

// compare compares what the table says of itself with what the manifest says.
func (t *Table) compare(p *sstable.Properties) error {
	if int64(p.Entries) == t.Entries && int64(p.Tombstones) == t.Tombstones &&
		int64(p.Ranges) == t.Ranges && int64(p.Expiring) == t.Expiring &&
		p.EarliestExpiry == t.EarliestExpiry && p.LatestExpiry == t.LatestExpiry &&
		bytes.Equal(p.Smallest, t.Smallest) && bytes.Equal(p.Largest, t.Largest) &&
		p.MinSeq == t.MinSeq && p.MaxSeq == t.MaxSeq && p.Codec == t.Compression {
		return nil
	}
	path := t.files.fs.Join(t.files.dir, TableName(t.Num))
	return integrity.Corrupt(path, -1, "its properties are not those in the manifest: %s", t)
}
