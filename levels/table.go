package levels

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

const (
	tableSuffix = ".sst"
	pagesSuffix = ".pages"
)

// TableName returns the name of sstable num, as 000012.sst.
func TableName(num uint64) string { return fmt.Sprintf("%06d%s", num, tableSuffix) }

// PagesName returns the name of the file of pages num, as 000013.pages.
func PagesName(num uint64) string { return fmt.Sprintf("%06d%s", num, pagesSuffix) }

// ParsePagesName returns the number of the file of pages that has the name.
func ParsePagesName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, pagesSuffix)
	if !ok {
		return 0, false
	}
	return parseNumber(digits, name, PagesName)
}

// ParseTableName returns the number of the sstable that has the name.
func ParseTableName(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, tableSuffix)
	if !ok {
		return 0, false
	}
	return parseNumber(digits, name, TableName)
}

// parseNumber accepts digits only if format gives back name, so that each number has one name.
func parseNumber(digits, name string, format func(uint64) string) (uint64, bool) {
	num, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || format(num) != name {
		return 0, false
	}
	return num, true
}

// Tables opens sstables of one directory and counts what is looked up in them; all handles of a database
// share one. Safe for concurrent use.
type Tables struct {
	fs    vfs.FS
	dir   string
	cache *page.Cache
	tally tally
}

// Lookups counts the reads of single keys in the tables so far.
func (ts *Tables) Lookups() Lookups { return ts.tally.read() }

// NewTables returns an opener of the sstables in dir, whose blocks are kept in cache.
func NewTables(fs vfs.FS, dir string, cache *page.Cache) *Tables {
	return &Tables{fs: fs, dir: dir, cache: cache}
}

// A Table is a handle to an sstable: its metadata, which never change, and its reader, opened when
// first needed. Versions share handles. The file is closed when the handle is collected, so who
// uses the reader must keep the handle, or a Version that has it, reachable.
type Table struct {
	TableMeta
	files  *Tables
	since  uint64 // id of the first Version that has it; set by Set before that is published
	reader atomic.Pointer[sstable.Reader]
	mu     sync.Mutex // held only to open
}

// NewTable returns a handle to the sstable that meta describes. It touches no file.
func (ts *Tables) NewTable(meta TableMeta) *Table {
	return &Table{TableMeta: meta, files: ts}
}

// Reader returns the open reader, opening the file at the first call. Safe for concurrent use; once
// open it takes no lock and allocates nothing. A file that a compaction has deleted meanwhile is
// fs.ErrNotExist: the Version is not the current one any more.
func (t *Table) Reader() (*sstable.Reader, error) {
	if r := t.reader.Load(); r != nil {
		return r, nil
	}
	return t.open()
}

func (t *Table) open() (*sstable.Reader, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.reader.Load(); r != nil {
		return r, nil
	}
	name := t.files.fs.Join(t.files.dir, TableName(t.Num))
	f, err := t.files.fs.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open table %d: %w", t.Num, err)
	}
	size, err := f.Size()
	if err == nil && size != t.Size {
		err = integrity.Corrupt(name, -1, "it has %d bytes, the manifest says %d", size, t.Size)
	}
	var r *sstable.Reader
	if err == nil {
		r, err = sstable.Open(f, t.Num, sstable.ReaderOptions{Cache: t.files.cache})
	}
	if err != nil {
		return nil, fmt.Errorf("open table %d: %w", t.Num, joinClose(err, f))
	}
	runtime.AddCleanup(t, func(r *sstable.Reader) { _ = r.Close() }, r)
	t.reader.Store(r)
	return r, nil
}

// holds reports whether k lies within the table's bounds.
func (t *Table) holds(k []byte) bool {
	return bytes.Compare(t.Smallest, k) <= 0 && bytes.Compare(k, t.Largest) <= 0
}

// overlaps reports whether the table's bounds and the inclusive range [lo, hi] share a key.
func (m *TableMeta) overlaps(lo, hi []byte) bool {
	return bytes.Compare(m.Smallest, hi) <= 0 && bytes.Compare(lo, m.Largest) <= 0
}
