package wal

import (
	"encoding/binary"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/invariant"
)

// BlockBytes is the size of a Block: two blocks of the file.
const BlockBytes = 2 * fileBlockBytes

// A Block is a buffer that an Encoder fills with bytes of a segment just as they will be in the
// file. The encoder hands parts of it out as Ranges; whoever writes them reads only those parts, and
// gives the block back when the Range marked Last has been written.
type Block struct {
	buf       [BlockBytes]byte
	offset    int64 // of buf in its segment
	segment   uint64
	temporary bool
}

// NewBlocks makes n blocks, their memory touched.
func NewBlocks(n int) []*Block {
	blocks := make([]*Block, n)
	for i := range blocks {
		blocks[i] = new(Block)
		for j := 0; j < BlockBytes; j += 4096 {
			blocks[i].buf[j] = 1
		}
	}
	return blocks
}

// A Range is a run of framed bytes that is ready to be written. It keeps its meaning until its block
// is recycled.
type Range struct {
	Block    *Block
	From, To int  // in the block
	Last     bool // the block will get no more bytes: recycle it once this range is written
}

// Bytes returns the bytes to write.
func (r Range) Bytes() []byte { return r.Block.buf[r.From:r.To] }

// FileOffset returns where in the segment they belong.
func (r Range) FileOffset() int64 { return r.Block.offset + int64(r.From) }

// Segment returns the number of the segment they belong to.
func (r Range) Segment() uint64 { return r.Block.segment }

// An Encoder frames commit groups into records of the current segment, in memory. It does no I/O,
// takes no time and, but for AddTemporary, no memory. It is for one goroutine, its owner, who
// makes sure with BlocksNeeded and Free that there is room before starting a record: to frame a
// record without free blocks is a bug in the caller and panics.
type Encoder struct {
	free []*Block
	out  []Range // finished blocks that Take has not returned

	cur   *Block // nil: the next byte goes to a new block
	pos   int    // in cur
	taken int    // what precedes it in cur was returned by Take

	chunk     int // where in cur the current chunk begins
	chunkEnd  int // where it will end
	remaining int // payload bytes of the record behind chunkEnd
	open      bool

	number  uint64
	seed    uint32
	base    int64 // offset in the segment of the next block
	length  int64 // of the segment, through the last record
	lastSeq uint64
	synced  int64
	sum     uint64
	sealed  bool
}

// NewEncoder returns an encoder that owns blocks. Start comes first.
func NewEncoder(blocks []*Block) *Encoder {
	return &Encoder{
		free:   append(make([]*Block, 0, 2*len(blocks)+2), blocks...),
		out:    make([]Range, 0, 2*len(blocks)+2),
		sealed: true,
	}
}

// Start begins a segment and frames its first record, for which it takes one free block. The
// segment before must have been sealed; bytes of it that were not taken come first in Take.
func (e *Encoder) Start(s SegmentStart) {
	invariant.Check(e.sealed, "segment %d is sealed before segment %d starts", e.number, s.Number)
	e.number, e.seed, e.sealed = s.Number, fileSeed(s.Number, s.LogID), false
	e.base, e.length, e.sum, e.synced, e.lastSeq = 0, 0, 0, 0, s.Predecessor.LastSeq
	b := s.encode()
	e.begin(startBytes)
	e.Append(b[:])
	e.end()
}

// Segment returns the number of the current segment.
func (e *Encoder) Segment() uint64 { return e.number }

// Offset returns the length of the current segment through the last record.
func (e *Encoder) Offset() int64 { return e.length }

// LastSeq returns the last sequence number framed.
func (e *Encoder) LastSeq() uint64 { return e.lastSeq }

// Free returns how many blocks are free.
func (e *Encoder) Free() int { return len(e.free) }

// BlocksNeeded returns how many free blocks a commit group with this many bytes of operations takes,
// beyond the room in the current block. A seal record takes what 8 bytes of operations take.
func (e *Encoder) BlocksNeeded(payload int) int {
	n := payload + groupHeaderBytes
	if e.cur != nil {
		n -= e.room() - chunkHeaderBytes
		if e.pos < fileBlockBytes { // the block's second half
			n -= fileBlockBytes - chunkHeaderBytes
		}
		if n <= 0 {
			return 0
		}
	}
	const perBlock = 2 * (fileBlockBytes - chunkHeaderBytes)
	return (n + perBlock - 1) / perBlock
}

// AddTemporary adds n free blocks, which are dropped when they are recycled. It is for a record
// that does not fit into all blocks there are.
func (e *Encoder) AddTemporary(n int) {
	for range n {
		e.free = append(e.free, &Block{temporary: true})
	}
}

// Begin starts the record of a commit group that takes count sequence numbers from firstSeq, which
// follows on the last group's. payloadLen bytes of operations will be appended. Of the current
// segment synced bytes are known to be on disk; 0 is always safe, the number of another segment
// never: it would make a torn tail look like damage.
func (e *Encoder) Begin(firstSeq uint64, count uint32, synced int64, payloadLen int) {
	if e.sealed || count == 0 || firstSeq != e.lastSeq+1 || synced < 0 || synced > e.length+minRoom {
		e.badBegin(firstSeq, count, synced)
	}
	e.lastSeq += uint64(count)
	e.synced = max(e.synced, synced)
	e.begin(groupHeaderBytes + payloadLen)
	putHeader(e.cur.buf[e.pos:], header{recordGroup, firstSeq, count, e.synced})
	e.pos += groupHeaderBytes
}

func (e *Encoder) badBegin(firstSeq uint64, count uint32, synced int64) {
	invariant.Check(!e.sealed, "segment %d is not sealed when a group comes", e.number)
	invariant.Check(count > 0 && firstSeq == e.lastSeq+1, "group %d+%d follows sequence %d", firstSeq, count, e.lastSeq)
	invariant.Check(synced >= 0 && synced <= e.length+minRoom, "%d of %d bytes are synced", synced, e.length)
}

// Append adds bytes of operations to the record begun.
func (e *Encoder) Append(p []byte) {
	for {
		n := copy(e.cur.buf[e.pos:e.chunkEnd], p)
		e.pos += n
		if n == len(p) {
			return
		}
		p = p[n:]
		e.nextChunk()
	}
}

// End completes the record. All the bytes announced to Begin must have been appended.
func (e *Encoder) End() { e.end() }

// Seal frames the seal record and returns what the successor's Start must say about this segment.
// synced is as in Begin: if it covers everything before, recovery will know any change of that for
// damage, though there is no successor.
func (e *Encoder) Seal(synced int64) SegmentEnd {
	invariant.Check(!e.sealed, "segment %d is not sealed twice", e.number)
	invariant.Check(synced >= 0 && synced <= e.length+minRoom, "%d of %d bytes are synced", synced, e.length)
	e.synced = max(e.synced, synced)
	var b [sealBytes]byte
	putHeader(b[:], header{recordSeal, e.lastSeq, 0, e.synced})
	binary.LittleEndian.PutUint64(b[groupHeaderBytes:], e.sum)
	e.begin(sealBytes)
	e.Append(b[:])
	e.end()
	if e.cur != nil {
		e.finishBlock()
	}
	e.sealed = true
	return SegmentEnd{Number: e.number, Length: e.length, LastSeq: e.lastSeq, Checksum: e.sum}
}

// Take appends to dst the ranges framed since the last call, in the order of the log, and returns
// it. It is not called between Begin and End.
func (e *Encoder) Take(dst []Range) []Range {
	if len(e.out) > 0 {
		dst = append(dst, e.out...)
		clear(e.out)
		e.out = e.out[:0]
	}
	if e.cur != nil && e.pos > e.taken {
		dst = append(dst, Range{Block: e.cur, From: e.taken, To: e.pos})
		e.taken = e.pos
	}
	return dst
}

// Recycle takes back a block whose last range was written.
func (e *Encoder) Recycle(b *Block) {
	if !b.temporary {
		e.free = append(e.free, b)
	}
}

// room returns how much of the current file block is left.
func (e *Encoder) room() int { return fileBlockBytes - e.pos&(fileBlockBytes-1) }

// begin starts a record of n bytes.
func (e *Encoder) begin(n int) {
	if e.open {
		invariant.Unreachable("record begun inside another in segment %d", e.number)
	}
	e.open = true
	if e.cur == nil {
		e.newBlock()
	}
	e.remaining = n
	e.beginChunk(chunkFirst)
}

// beginChunk puts a chunk header at pos. Of typ, FIRST or MIDDLE, it makes FULL or LAST where the
// record ends in this chunk.
func (e *Encoder) beginChunk(typ byte) {
	n := min(e.remaining, e.room()-chunkHeaderBytes)
	e.remaining -= n
	if e.remaining == 0 {
		if typ == chunkFirst {
			typ = chunkFull
		} else {
			typ = chunkLast
		}
	}
	e.chunk = e.pos
	putChunkHeader(e.cur.buf[e.pos:], typ, uint32(e.number), n)
	e.pos += chunkHeaderBytes
	e.chunkEnd = e.pos + n
}

// endChunk puts the checksum into the current chunk's header.
func (e *Encoder) endChunk() {
	b := e.cur.buf[e.chunk:e.chunkEnd]
	crc := integrity.ExtendCRC(e.seed^uint32(e.cur.offset+int64(e.chunk)), b[4:])
	binary.LittleEndian.PutUint32(b, crc)
	e.sum = roll(e.sum, crc)
}

// nextChunk goes on with the record in the next file block.
func (e *Encoder) nextChunk() {
	if e.remaining == 0 {
		invariant.Unreachable("more bytes appended than announced in segment %d", e.number)
	}
	e.endChunk()
	if e.pos == BlockBytes {
		e.finishBlock()
		e.newBlock()
	}
	e.beginChunk(chunkMiddle)
}

// end completes the record and pads the file block if no chunk fits behind it.
func (e *Encoder) end() {
	if !e.open || e.pos != e.chunkEnd || e.remaining != 0 {
		invariant.Unreachable("record of segment %d has %d bytes to come at its end", e.number, e.chunkEnd-e.pos+e.remaining)
	}
	e.open = false
	e.endChunk()
	e.length = e.cur.offset + int64(e.pos)
	if room := e.room(); room < minRoom {
		clear(e.cur.buf[e.pos : e.pos+room])
		e.pos += room
	}
	if e.pos == BlockBytes {
		e.finishBlock()
	}
}

func (e *Encoder) newBlock() {
	n := len(e.free)
	if n == 0 {
		invariant.Unreachable("no free log block in segment %d", e.number)
	}
	e.cur, e.free = e.free[n-1], e.free[:n-1]
	e.cur.offset, e.cur.segment = e.base, e.number
	e.base += BlockBytes
	e.pos, e.taken = 0, 0
}

func (e *Encoder) finishBlock() {
	e.out = append(e.out, Range{Block: e.cur, From: e.taken, To: e.pos, Last: true})
	e.cur = nil
}
