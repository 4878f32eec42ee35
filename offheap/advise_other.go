//go:build unix && !linux && !race

package offheap

import "golang.org/x/sys/unix"

const mapFlags = unix.MAP_ANON | unix.MAP_PRIVATE

func adviseHuge([]byte) {}

// What MADV_DONTNEED and MADV_FREE leave in the pages differs from system to system.
func releasePages(b []byte) { clear(b) }
