package page

import (
	"encoding/binary"
	"fmt"
)

// String says what a page is that the store itself uses, and returns "" for others.
func (p *Page) String() string {
	switch {
	case p.isHeader():
		return fmt.Sprintf("the first page of file %d of pages, format version %d", binary.LittleEndian.Uint64(p[headerBytes+12:]), formatVersion)
	case p[atKind] == kindFreeList:
		n := int(binary.LittleEndian.Uint16(p[atCount:]))
		if n > perListPage {
			return fmt.Sprintf("a page of the list of free pages that names %d pages, which cannot be", n)
		}
		ids := make([]uint32, n)
		for i := range ids {
			ids[i] = binary.LittleEndian.Uint32(p[atListed+4*i:])
		}
		return fmt.Sprintf("free list, generation %d: %d pages %v, goes on in page %d", p.Generation(), n, ids, binary.LittleEndian.Uint32(p[atNextList:]))
	}
	return ""
}
