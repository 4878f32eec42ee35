package bplustree

import (
	"bytes"
	"encoding/binary"

	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
)

// MaxEntryBytes is how long a key and its value may be together.
const MaxEntryBytes = 1000

// A node is a page of a tree, in the format of the package's documentation.
type node page.Page

// Where things are in a page.
const (
	atKind      = 4
	atLevel     = 5
	atCount     = 6
	atHeap      = 16
	atDead      = 18
	atPrefixLen = 20
	atPrefix    = 22
	atFirst     = 24
	atSlots     = 32

	slotBytes = 8
	roomBytes = page.Size - atSlots // for slots and heap
)

const (
	kindLeaf   = 1
	kindBranch = 2
)

// Overheads of cells.
const (
	leafHead   = 2
	branchHead = 4
)

func (p *node) u16(at int) int      { return int(binary.LittleEndian.Uint16(p[at:])) }
func (p *node) setU16(at, v int)    { binary.LittleEndian.PutUint16(p[at:], uint16(v)) }
func (p *node) isLeaf() bool        { return p[atKind] == kindLeaf }
func (p *node) level() int          { return int(p[atLevel]) }
func (p *node) count() int          { return int(binary.LittleEndian.Uint16(p[atCount:])) }
func (p *node) generation() uint64  { return (*page.Page)(p).Generation() }
func (p *node) stamp(g uint64)      { (*page.Page)(p).Stamp(g) }
func (p *node) prefixLen() int      { return int(binary.LittleEndian.Uint16(p[atPrefixLen:])) }
func (p *node) prefix() []byte      { n := p.u16(atPrefix); return p[n : n+p.prefixLen()] }
func (p *node) first() page.ID      { return page.ID(binary.LittleEndian.Uint32(p[atFirst:])) }
func (p *node) setFirst(id page.ID) { binary.LittleEndian.PutUint32(p[atFirst:], uint32(id)) }
func (p *node) slot(i int) slot     { return slot(binary.LittleEndian.Uint64(p[atSlots+slotBytes*i:])) }

func (p *node) setSlot(i int, s slot) {
	binary.LittleEndian.PutUint64(p[atSlots+slotBytes*i:], uint64(s))
}

// head returns the length of what a cell has before its key.
func (p *node) head() int {
	if p.isLeaf() {
		return leafHead
	}
	return branchHead
}

// A slot says where a cell is, and how its key begins.
type slot uint64

func newSlot(offset, keyLen int, head uint32) slot {
	return slot(offset) | slot(keyLen)<<16 | slot(head)<<32
}

func (s slot) offset() int  { return int(s & 0xffff) }
func (s slot) keyLen() int  { return int(s >> 16 & 0xffff) }
func (s slot) head() uint32 { return uint32(s >> 32) }

// headOf returns the first bytes of a key as a number.
func headOf(k []byte) uint32 { return uint32(key.Head(k) >> 32) }

// suffix returns the key of slot i without the prefix.
func (p *node) suffix(i int) []byte {
	s := p.slot(i)
	at := s.offset() + p.head()
	return p[at : at+s.keyLen()]
}

// appendKey appends the key of slot i.
func (p *node) appendKey(dst []byte, i int) []byte {
	return append(append(dst, p.prefix()...), p.suffix(i)...)
}

// value returns the value of slot i of a leaf.
func (p *node) value(i int) []byte {
	s := p.slot(i)
	at := s.offset() + leafHead + s.keyLen()
	return p[at : at+p.u16(s.offset())]
}

// child returns child i of a branch, of count+1.
func (p *node) child(i int) page.ID {
	if i == 0 {
		return p.first()
	}
	return page.ID(binary.LittleEndian.Uint32(p[p.slot(i-1).offset():]))
}

func (p *node) setChild(i int, id page.ID) {
	if i == 0 {
		p.setFirst(id)
		return
	}
	binary.LittleEndian.PutUint32(p[p.slot(i-1).offset():], uint32(id))
}

// cut returns a key without the prefix, which it must have.
func (p *node) cut(k []byte) []byte { return k[min(p.prefixLen(), len(k)):] }

// search returns the index of the first slot whose key is not below k, which may belong to this page, and whether it is k.
func (p *node) search(k []byte) (i int, found bool) {
	k = p.cut(k)
	h := headOf(k)
	lead := p.head()
	lo, hi := 0, p.count()
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		s := p.slot(mid)
		below := s.head() < h
		if s.head() == h {
			at := s.offset() + lead
			c := bytes.Compare(p[at:at+s.keyLen()], k)
			if c == 0 {
				return mid, true
			}
			below = c < 0
		}
		if below {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, false
}

// route returns which child of a branch is for k.
func (p *node) route(k []byte) int {
	i, found := p.search(k)
	if found {
		i++
	}
	return i
}

// format makes an empty page of it, whose keys will have the prefix.
func (p *node) format(kind, level int, generation uint64, prefix []byte) {
	clear(p[:atSlots])
	p[atKind], p[atLevel] = byte(kind), byte(level)
	p.stamp(generation)
	at := page.Size - len(prefix)
	copy(p[at:], prefix)
	p.setU16(atHeap, at)
	p.setU16(atPrefix, at)
	p.setU16(atPrefixLen, len(prefix))
}

// room returns how much a new slot and its cell may take.
func (p *node) room() int {
	return p.u16(atHeap) + p.u16(atDead) - atSlots - slotBytes*p.count()
}

// used returns what slots, cells and the prefix take.
func (p *node) used() int { return roomBytes - p.room() }

// insert puts a cell into a new slot i: its key without the prefix, and before or behind it what the kind wants. It
// reports whether there was room.
func (p *node) insert(i int, suffix []byte, child page.ID, value []byte) bool {
	n := p.head() + len(suffix) + len(value)
	if p.room() < n+slotBytes {
		return false
	}
	count := p.count()
	if p.u16(atHeap)-n < atSlots+slotBytes*(count+1) {
		p.compact()
	}
	at := p.u16(atHeap) - n
	p.setU16(atHeap, at)
	p.setU16(atCount, count+1)
	slots := p[atSlots : atSlots+slotBytes*(count+1)]
	copy(slots[slotBytes*(i+1):], slots[slotBytes*i:])
	p.setSlot(i, newSlot(at, len(suffix), headOf(suffix)))
	if p.isLeaf() {
		p.setU16(at, len(value))
		copy(p[at+leafHead:], suffix)
		copy(p[at+leafHead+len(suffix):], value)
		return true
	}
	binary.LittleEndian.PutUint32(p[at:], uint32(child))
	copy(p[at+branchHead:], suffix)
	return true
}

// cellBytes returns the length of the cell of a slot.
func (p *node) cellBytes(s slot) int {
	n := p.head() + s.keyLen()
	if p.isLeaf() {
		n += p.u16(s.offset())
	}
	return n
}

// remove removes slot i, and with a branch the child behind its key.
func (p *node) remove(i int) {
	s := p.slot(i)
	n := p.cellBytes(s)
	if s.offset() == p.u16(atHeap) {
		p.setU16(atHeap, s.offset()+n)
	} else {
		p.setU16(atDead, p.u16(atDead)+n)
	}
	count := p.count()
	copy(p[atSlots+slotBytes*i:], p[atSlots+slotBytes*(i+1):atSlots+slotBytes*count])
	p.setU16(atCount, count-1)
}

// compact moves the cells together at the end of the page.
func (p *node) compact() {
	old := *p
	at := page.Size - old.prefixLen()
	copy(p[at:], old.prefix())
	p.setU16(atPrefix, at)
	for i := range old.count() {
		s := old.slot(i)
		n := old.cellBytes(s)
		at -= n
		copy(p[at:], old[s.offset():s.offset()+n])
		p.setSlot(i, newSlot(at, s.keyLen(), s.head()))
	}
	p.setU16(atHeap, at)
	p.setU16(atDead, 0)
}
