//go:build unix && !race

package offheap

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Alloc returns n zero bytes, page-aligned; n must be positive. Memory is taken from the system as it is first touched,
// so a generous n costs only address space. Huge asks for huge pages where the system has them.
// Safe for concurrent use.
func Alloc(n int, huge bool) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, mapFlags)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of memory: %w", n, err)
	}
	if huge {
		adviseHuge(b)
	}
	allocated.Add(int64(n))
	return b, nil
}

// Free gives b back to the system. b must be a whole result of Alloc, and nobody may touch it again.
func Free(b []byte) {
	allocated.Add(-int64(len(b)))
	if err := unix.Munmap(b); err != nil {
		panic(fmt.Sprintf("offheap: unmap: %v", err)) // only a wrong slice can fail
	}
}

// Release gives the physical memory of b back to the system and keeps its addresses: it reads as
// zero afterwards. b must be a whole result of Alloc, and nobody may use it meanwhile.
func Release(b []byte) { releasePages(b) }
