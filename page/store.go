package page

import "encoding/binary"

// Size is the size of a page in bytes.
const Size = 4096

// An ID is the number of a page in its store. There is no page 0.
type ID uint32

// A Page is the memory of one. What its first 16 bytes are for is the same in all: a checksum, which is the store's; four
// bytes for the user of the page; and the generation in which it was made. All numbers are little-endian.
type Page [Size]byte

const (
	atGeneration = 8
	headerBytes  = 16
)

// Generation returns the generation in which the page was made.
func (p *Page) Generation() uint64 { return binary.LittleEndian.Uint64(p[atGeneration:]) }

// Stamp sets the generation in which the page was made.
func (p *Page) Stamp(g uint64) { binary.LittleEndian.PutUint64(p[atGeneration:], g) }

// A Store keeps the pages of trees, and counts their generations. Read may be called by anybody at any time, for pages
// that can be reached from a snapshot; the other methods are for the one writer of all the trees in the store.
type Store interface {
	// Read returns a page. Its caller unpins it when it does not look at it any more.
	Read(id ID) (Pinned, error)
	// Alloc returns a new page of the present generation, of undefined content. Its memory may be written until the
	// generation ends; Touch returns it again.
	Alloc() (ID, *Page, error)
	// Touch returns a page that may be written, as after Alloc: the page itself if it is of the present generation,
	// else a clone of it, and the page is freed.
	Touch(id ID) (ID, *Page, error)
	// Free frees a page that the present generation does not need.
	Free(id ID) error
	// Generation returns the present generation.
	Generation() uint64
}

// Pinned is a page that stays in memory, as it is, until Unpin is called.
type Pinned struct {
	*Page
	Buffer *Buffer // nil: the page stays anyway
}

// Unpin lets the page go.
func (p Pinned) Unpin() {
	if p.Buffer != nil {
		p.Buffer.Unpin()
	}
}
