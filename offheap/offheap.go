// Package offheap hands out large byte buffers that the garbage collector neither scans nor counts.
//
// Memtable arenas and cached blocks are most of the memory that middb holds. On the Go heap they
// would double the resident size before each collection; mapped from the system they cost exactly
// their size. A buffer must be given back with Free by its one owner, when nobody can reach it.
// Under the race detector buffers come from the Go heap, so that accesses to them are checked.
package offheap

import "sync/atomic"

var allocated atomic.Int64

// Allocated returns how many bytes are handed out and not freed in this process.
func Allocated() int64 { return allocated.Load() }
