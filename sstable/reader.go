package sstable

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable/bloom"
	"github.com/middb/middb/vfs"
)

// tailBytes is how much of the end of a file Open reads at once.
const tailBytes = 4 << 10

// ReaderOptions configures a Reader.
type ReaderOptions struct {
	// Cache keeps data blocks. nil: every block is read from the file each time.
	Cache *page.Cache
}

// A Reader reads one table. Its methods but Close are safe for concurrent use. Index and filter
// are in memory; data blocks come from the cache or the file.
type Reader struct {
	f       vfs.File
	file    corruptor
	fileNum uint64
	size    uint64
	cache   *page.Cache
	index   *tableIndex
	slots   []page.Slot // by data block
	filter  bloom.Filter
	ranges  *tableRanges // nil: there are none
	props   Properties
	version uint32
	meta    map[byte]blockHandle
	charged int64 // bytes reserved in the cache
}

// Open reads the table with number fileNum in f. The Reader owns f from then on, and closes it in
// Close; if Open fails f remains the caller's. Damage is a *integrity.CorruptionError; a table of
// a later version of middb fails with ErrNewerFormat.
func Open(f vfs.File, fileNum uint64, o ReaderOptions) (*Reader, error) {
	size, err := f.Size()
	if err != nil {
		return nil, fmt.Errorf("size of %s: %w", f.Name(), err)
	}
	r := &Reader{f: f, file: corruptor{f.Name()}, fileNum: fileNum, size: uint64(size), cache: o.Cache}
	if size < footerBytes {
		return nil, r.file.at(0, "file of %d bytes is too short for a table", size)
	}
	t := tail{r: r, buf: make([]byte, min(size, tailBytes))}
	t.start = r.size - uint64(len(t.buf))
	if err := readFull(f, t.buf, t.start); err != nil {
		return nil, err
	}
	if err := r.load(&t); err != nil {
		return nil, err
	}
	r.charged = r.index.bytes() + int64(r.filter.Bytes()) + r.ranges.bytes() + int64(len(r.props.Smallest)+len(r.props.Largest))
	r.cache.Reserve(r.charged)
	return r, nil
}

// A tail is the end of the file, read at once because it often holds all that Open needs.
type tail struct {
	r     *Reader
	buf   []byte
	start uint64 // offset of buf
}

// block returns the verified, decompressed block, in memory of its own.
func (t *tail) block(h blockHandle) ([]byte, error) {
	var p []byte
	if h.offset >= t.start {
		p = t.buf[h.offset-t.start:][:h.length]
	} else {
		p = make([]byte, h.length)
		if err := readFull(t.r.f, p, h.offset); err != nil {
			return nil, err
		}
	}
	s, err := openStored(p, t.r.file, t.r.fileNum, h.offset)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, s.raw)
	if err := decompress(raw, s.payload, s.codec); err != nil {
		return nil, t.r.file.at(h.offset, "decompress %v block: %v", s.codec, err)
	}
	return raw, nil
}

// load reads everything but the data blocks.
func (r *Reader) load(t *tail) error {
	at := r.size - footerBytes
	ft, err := decodeFooter(t.buf[len(t.buf)-footerBytes:], r.file.name, r.fileNum, int64(at))
	if err != nil {
		return err
	}
	r.version = ft.version
	raw, err := t.block(ft.meta)
	if err != nil {
		return err
	}
	if r.meta, err = parseMeta(raw, ft.meta, r.file); err != nil {
		return err
	}
	h := r.meta[metaProperties]
	if raw, err = t.block(h); err != nil {
		return err
	}
	var wrong string
	if r.props, wrong = parseProperties(raw); wrong != "" {
		return r.file.at(h.offset, "properties: %s", wrong)
	}
	r.props.Size = int64(r.size)
	h = r.meta[metaIndex]
	if raw, err = t.block(h); err != nil {
		return err
	}
	dataEnd := h.offset
	for _, kind := range []byte{metaFilter, metaRanges} {
		if before, ok := r.meta[kind]; ok {
			dataEnd = min(dataEnd, before.offset)
		}
	}
	if r.index, wrong = parseIndex(raw, dataEnd); wrong != "" {
		return r.file.at(h.offset, "index: %s", wrong)
	}
	r.slots = make([]page.Slot, r.index.blocks())
	if err := r.loadRanges(t); err != nil {
		return err
	}
	return r.loadFilter(t)
}

func (r *Reader) loadRanges(t *tail) error {
	h, ok := r.meta[metaRanges]
	if !ok {
		return nil
	}
	raw, err := t.block(h)
	if err != nil {
		return err
	}
	ranges, wrong := parseRanges(raw)
	if wrong != "" {
		return r.file.at(h.offset, "range deletes: %s", wrong)
	}
	r.ranges = &tableRanges{ranges}
	return nil
}

func (r *Reader) loadFilter(t *tail) error {
	h, ok := r.meta[metaFilter]
	if !ok {
		return nil
	}
	raw, err := t.block(h)
	if err != nil {
		return err
	}
	if r.filter, ok = bloom.Parse(raw); !ok {
		return r.file.at(h.offset, "filter of %d bytes is not one", len(raw))
	}
	return nil
}

// metaEntryBytes is the size of an entry of the metaindex: kind, offset, length.
const metaEntryBytes = 1 + 8 + 4

// parseMeta reads the metaindex, which stands at h, behind all the blocks that it names.
func parseMeta(p []byte, h blockHandle, file corruptor) (map[byte]blockHandle, error) {
	if len(p)%metaEntryBytes != 0 {
		return nil, file.at(h.offset, "metaindex of %d bytes", len(p))
	}
	m := make(map[byte]blockHandle)
	for ; len(p) > 0; p = p[metaEntryBytes:] {
		b := blockHandle{
			offset: binary.LittleEndian.Uint64(p[1:]),
			length: uint64(binary.LittleEndian.Uint32(p[9:])),
		}
		if b.offset > h.offset || b.length > h.offset-b.offset || b.length < trailerBytes {
			return nil, file.at(h.offset, "metaindex: block %d at %d+%d lies outside of the file", p[0], b.offset, b.length)
		}
		m[p[0]] = b
	}
	for _, kind := range []byte{metaIndex, metaProperties} {
		if _, ok := m[kind]; !ok {
			return nil, file.at(h.offset, "metaindex names no block of kind %d", kind)
		}
	}
	return m, nil
}

// Properties returns what the table says about itself. Its slices must not be changed.
func (r *Reader) Properties() *Properties { return &r.props }

// MemoryBytes returns how much memory the open table takes beside its cached blocks.
func (r *Reader) MemoryBytes() int64 { return r.charged }

// MayContain asks the filter for the key with the given Hash.
func (r *Reader) MayContain(hash uint64) bool { return r.filter.MayContain(hash) }

// Lookups counts how Gets of tables ended.
type Lookups struct {
	Excluded int // the filter said that the key is not there: the table was not read
	Found    int // a block was read and had the key
	Missed   int // a block was read in vain: the filter was wrong, or there is none
}

// Get looks for user key k, whose Hash is hash. When the table has an entry for it, found is set,
// t is its trailer and out is dst with the value appended; a tombstone is found with an empty
// value, and so is a key without an entry that a range delete covers. Otherwise out is dst. It counts in
// n. Nothing is locked, nor allocated while the block is cached and dst has room.
func (r *Reader) Get(k []byte, hash uint64, dst []byte, n *Lookups) (out []byte, t key.Trailer, found bool, err error) {
	if r.filter.MayContain(hash) {
		if out, t, found, err = r.getPoint(k, dst); err != nil {
			return out, t, found, err
		}
		if found {
			n.Found++
			return out, t, true, nil
		}
		n.Missed++
	} else {
		n.Excluded++
	}
	if r.ranges != nil {
		if i, covered := r.ranges.find(k); covered {
			return dst, key.MakeTrailer(r.ranges.list[i].Seq, key.KindDelete), true, nil
		}
	}
	return dst, 0, false, nil
}

// getPoint is Get for the entries.
func (r *Reader) getPoint(k, dst []byte) (out []byte, t key.Trailer, found bool, err error) {
	i := r.index.find(k)
	if i == len(r.slots) {
		return dst, 0, false, nil
	}
	buf := r.slots[i].Acquire()
	if buf == nil {
		if buf, err = r.loadBlock(i); err != nil {
			return dst, 0, false, err
		}
	}
	b, ok := parseBlock(buf.Bytes())
	if ok {
		var e entry
		if _, e, found, ok = b.seekGE(k); found {
			t = b.trailer(e.tag, e.seq)
			dst = append(dst, b.data[e.value:e.end]...)
		}
	}
	buf.Unpin()
	if !ok {
		return dst, 0, false, r.malformed(i)
	}
	return dst, t, found, nil
}

// malformed reports a block whose checksum is right and whose content is not.
func (r *Reader) malformed(i int) error {
	return r.file.at(r.index.handle(i).offset, "data block %d is malformed", i)
}

// A scratch is memory for blocks as stored.
type scratch struct{ p []byte }

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

func getScratch(n int) *scratch {
	s := scratchPool.Get().(*scratch)
	if cap(s.p) < n {
		s.p = make([]byte, n)
	}
	s.p = s.p[:n]
	return s
}

func putScratch(s *scratch) {
	if cap(s.p) <= keepBuffer {
		scratchPool.Put(s)
	}
}

// loadBlock reads data block i into the cache and returns it pinned.
func (r *Reader) loadBlock(i int) (*page.Buffer, error) {
	h := r.index.handle(i)
	s := getScratch(int(h.length))
	defer putScratch(s)
	if err := readFull(r.f, s.p, h.offset); err != nil {
		return nil, err
	}
	return r.decode(i, s.p, true)
}

// decode makes a buffer of data block i from its stored bytes, pinned, and publishes it if keep is
// set.
func (r *Reader) decode(i int, stored []byte, keep bool) (*page.Buffer, error) {
	offset := r.index.offsets[i]
	s, err := openStored(stored, r.file, r.fileNum, offset)
	if err != nil {
		return nil, err
	}
	cache := r.cache
	if !keep {
		cache = nil
	}
	buf, err := cache.Alloc(s.raw)
	if err != nil {
		return nil, fmt.Errorf("memory for block of %d bytes of %s: %w", s.raw, r.file.name, err)
	}
	if err := decompress(buf.Bytes(), s.payload, s.codec); err != nil {
		buf.Unpin()
		return nil, r.file.at(offset, "decompress %v block: %v", s.codec, err)
	}
	if keep {
		buf = cache.Publish(&r.slots[i], buf)
	}
	return buf, nil
}

// Close drops the table's blocks from the cache and closes the file. Nobody may be in a call of
// the Reader; iterators on it must be closed or never used again.
func (r *Reader) Close() error {
	for i := range r.slots {
		r.cache.Drop(&r.slots[i])
	}
	r.cache.Reserve(-r.charged)
	if err := r.f.Close(); err != nil {
		return fmt.Errorf("close %s: %w", r.file.name, err)
	}
	return nil
}
