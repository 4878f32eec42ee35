package sstable

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/key"
	"github.com/middb/middb/sstable/bloom"
	"github.com/middb/middb/vfs"
)

const (
	writeBytes     = 512 << 10 // one write to the file
	writebackBytes = 4 << 20   // between two hints to start writing to disk
	keepBuffer     = 4 << 20   // larger buffers are not kept for reuse

	defaultBlockBytes      = 8 << 10
	defaultRestartInterval = 8
	defaultBloomBits       = 10
)

// WriterOptions configures a Writer. The zero value of each field but FileNum is its default.
type WriterOptions struct {
	FileNum         uint64      // number of the file, which its checksums cover
	BlockBytes      int         // limit of a data block before compression; 0: 8 KiB
	RestartInterval int         // entries between two restart points; 0: 8
	Compression     Compression // of data, range and index blocks
	BloomBitsPerKey int         // 0: 10; negative: no filter
}

func (o *WriterOptions) setDefaults() {
	if o.BlockBytes <= 0 {
		o.BlockBytes = defaultBlockBytes
	}
	if o.RestartInterval <= 0 {
		o.RestartInterval = defaultRestartInterval
	}
	if o.BloomBitsPerKey == 0 {
		o.BloomBitsPerKey = defaultBloomBits
	}
}

// A Writer makes a table from entries that come in key order. It is for one goroutine. After an
// error it stays failed: every later call returns that error.
type Writer struct {
	f     vfs.File
	o     WriterOptions
	err   error
	block blockBuilder
	index indexBuilder
	props Properties
	buf   *writerBuffers

	first      []byte // key
	ranges     []Range
	rangeBytes int

	offset    uint64 // in the file, of the end of what was written or is in buf.out
	flushed   uint64 // bytes given to the file
	hinted    uint64 // bytes whose writeback was begun
	pending   uint64 // length of the last data block, whose separator waits for the next key
	separator []byte
	hash      *xxh3.Hasher
}

// writerBuffers are the large buffers of a Writer, which the next one takes over.
type writerBuffers struct {
	out        []byte // stored blocks not yet given to the file
	compressed []byte
	hashes     []uint64 // of the keys, for the filter
	block      blockBuilder
	index      indexBuilder
}

var writerPool = sync.Pool{New: func() any { return &writerBuffers{out: make([]byte, 0, writeBytes+64<<10)} }}

// NewWriter returns a Writer of a table in f, which must be empty and stays the caller's to close.
func NewWriter(f vfs.File, o WriterOptions) *Writer {
	o.setDefaults()
	w := &Writer{f: f, o: o, hash: xxh3.New(), buf: writerPool.Get().(*writerBuffers)}
	w.block, w.index = w.buf.block, w.buf.index
	w.block.interval = o.RestartInterval
	return w
}

// Add appends an entry. Keys must come in ascending order, each once; neither slice is kept.
func (w *Writer) Add(k []byte, t key.Trailer, v []byte) error {
	if w.err != nil {
		return w.err
	}
	last := w.block.last
	shared := key.SharedPrefix(k, last)
	switch {
	case shared == len(k), shared < len(last) && k[shared] < last[shared]:
		return w.fail(fmt.Errorf("add key %s after %s: out of order", key.Format(k), key.Format(last)))
	case len(k) > key.MaxStoredKeyBytes || len(v) > key.MaxStoredValueBytes || !t.Kind().Point() || noExpiry(t, v):
		return w.fail(fmt.Errorf("add %v with a key of %d and a value of %d bytes", t, len(k), len(v)))
	}
	if w.block.entries > 0 && w.block.size()+len(k)-shared+len(v)+16 > w.o.BlockBytes {
		if err := w.finishBlock(); err != nil {
			return err
		}
	}
	if w.pending > 0 {
		w.separator = key.Separator(w.separator[:0], last, k)
		w.index.add(w.separator, w.pending)
		w.pending = 0
	}
	w.count(k, t, v)
	w.block.add(k, shared, t, v)
	return nil
}

// noExpiry reports whether a value lacks the expiry that its kind promises.
func noExpiry(t key.Trailer, v []byte) bool {
	if t.Kind() != key.KindPutWithExpiry {
		return false
	}
	_, _, ok := key.SplitExpiring(v)
	return !ok
}

// count keeps the statistics of the table.
func (w *Writer) count(k []byte, t key.Trailer, v []byte) {
	if w.props.Entries == 0 {
		w.first = append([]byte(nil), k...)
	}
	w.props.note(k, t, v)
	if w.o.BloomBitsPerKey > 0 {
		w.buf.hashes = append(w.buf.hashes, Hash(k))
	}
}

// EstimatedSize returns about how large the file would be if it was finished now, without its
// filter and index.
func (w *Writer) EstimatedSize() int64 { return int64(w.offset) + int64(w.block.size()+w.rangeBytes) }

// Entries returns the number of entries added.
func (w *Writer) Entries() int { return int(w.props.Entries) }

// finishBlock stores the data block being built.
func (w *Writer) finishBlock() error {
	h, err := w.store(w.block.finish(), w.o.Compression)
	w.block.reset()
	w.pending = h.length
	w.props.Blocks++
	return err
}

// store appends a block to the file.
func (w *Writer) store(raw []byte, c Compression) (blockHandle, error) {
	if w.err != nil {
		return blockHandle{}, w.err
	}
	compressed, ok, err := compress(w.buf.compressed, raw, c)
	if err != nil {
		return blockHandle{}, w.fail(err)
	}
	w.buf.compressed = compressed
	payload := raw
	if ok {
		payload = compressed
	} else {
		c = None
	}
	start := len(w.buf.out)
	w.buf.out = append(w.buf.out, payload...)
	w.buf.out = appendTrailer(w.buf.out, start, len(raw), c, w.o.FileNum, w.offset)
	h := blockHandle{offset: w.offset, length: uint64(len(w.buf.out) - start)}
	w.offset += h.length
	if len(w.buf.out) >= writeBytes {
		err = w.flush()
	}
	return h, err
}

// flush gives the buffered bytes to the file.
func (w *Writer) flush() error {
	out := w.buf.out
	if len(out) == 0 {
		return nil
	}
	_, _ = w.hash.Write(out) // never fails
	if _, err := w.f.WriteAt(out, int64(w.flushed)); err != nil {
		return w.fail(fmt.Errorf("write %d bytes at %d of %s: %w", len(out), w.flushed, w.f.Name(), err))
	}
	w.flushed += uint64(len(out))
	w.buf.out = out[:0]
	if w.flushed-w.hinted >= writebackBytes {
		// A hint, but its error is final: the system reports a failed write to disk only once, and
		// the sync that follows might then succeed.
		if err := w.f.StartWriteback(int64(w.hinted), int64(w.flushed-w.hinted)); err != nil {
			return w.fail(fmt.Errorf("start writeback of %s: %w", w.f.Name(), err))
		}
		w.hinted = w.flushed
	}
	return nil
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}

// Finish completes the file and syncs it. The Writer must not be used afterwards.
func (w *Writer) Finish() (Info, error) {
	defer w.release()
	if err := w.finishData(); err != nil {
		return Info{}, err
	}
	meta := make([]byte, 0, 64)
	add := func(kind byte, raw []byte, c Compression) error {
		h, err := w.store(raw, c)
		meta = append(meta, kind)
		meta = binary.LittleEndian.AppendUint64(meta, h.offset)
		meta = binary.LittleEndian.AppendUint32(meta, uint32(h.length))
		return err
	}
	if w.o.BloomBitsPerKey > 0 {
		if err := add(metaFilter, bloom.Build(nil, w.buf.hashes, w.o.BloomBitsPerKey), None); err != nil {
			return Info{}, err
		}
	}
	if len(w.ranges) > 0 {
		if err := add(metaRanges, appendRanges(nil, w.ranges), w.o.Compression); err != nil {
			return Info{}, err
		}
	}
	if err := add(metaIndex, w.index.buf, w.o.Compression); err != nil {
		return Info{}, err
	}
	if err := add(metaProperties, w.props.append(nil), None); err != nil {
		return Info{}, err
	}
	h, err := w.store(meta, None)
	if err != nil {
		return Info{}, err
	}
	f := footer{meta: h, fileNum: w.o.FileNum}
	w.buf.out = f.append(w.buf.out, w.offset)
	w.offset += footerBytes
	if err := w.flush(); err != nil {
		return Info{}, err
	}
	if err := w.f.Sync(); err != nil {
		return Info{}, w.fail(fmt.Errorf("sync %s: %w", w.f.Name(), err))
	}
	info := w.props.Info
	info.Size = int64(w.offset)
	info.Checksum = w.hash.Sum128().Bytes()
	return info, nil
}

// finishData stores the last data block and completes the properties.
func (w *Writer) finishData() error {
	if w.err != nil {
		return w.err
	}
	last := append([]byte(nil), w.block.last...)
	w.props.noteRanges(w.ranges)
	w.props.bound(w.first, last, w.ranges)
	if w.block.entries > 0 {
		if err := w.finishBlock(); err != nil {
			return err
		}
	}
	if w.pending > 0 {
		w.index.add(last, w.pending)
		w.pending = 0
	}
	w.props.DataBytes = w.offset
	w.props.Codec = w.o.Compression
	w.props.Comparer = comparerName
	return nil
}

// Abort gives the Writer's memory back without completing the file, which the caller removes.
func (w *Writer) Abort() { w.release() }

// release passes the buffers on to the next Writer. It may be called more than once.
func (w *Writer) release() {
	b := w.buf
	if b == nil {
		return
	}
	w.buf = nil
	_ = w.fail(errFinished) // what calls from now on get
	b.block, b.index = w.block, indexBuilder{buf: w.index.buf[:0], last: w.index.last[:0]}
	b.block.reset()
	b.block.last = b.block.last[:0]
	b.hashes, b.out = b.hashes[:0], b.out[:0]
	if cap(b.out) > keepBuffer {
		b.out = make([]byte, 0, writeBytes+64<<10)
	}
	if cap(b.compressed) > keepBuffer {
		b.compressed = nil
	}
	writerPool.Put(b)
}
