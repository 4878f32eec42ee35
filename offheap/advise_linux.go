//go:build linux && !race

package offheap

import "golang.org/x/sys/unix"

// Memory is mapped without a reservation, so that a generous arena costs only address space even
// where the system counts what it has promised.
const mapFlags = unix.MAP_ANON | unix.MAP_PRIVATE | unix.MAP_NORESERVE

func adviseHuge(b []byte) { _ = unix.Madvise(b, unix.MADV_HUGEPAGE) }

func releasePages(b []byte) {
	if unix.Madvise(b, unix.MADV_DONTNEED) != nil { // locked pages, for one
		clear(b)
	}
}
