// Package page holds the memory in which middb keeps what it read from disk, the block cache, and stores of pages of 4 KiB
// for B+Trees.
//
// A [Cache] hands out [Buffer]s of memory outside the Go heap, up to a capacity that it keeps as
// a hard limit: memory is taken from the system in spans, every span counts in full, and nothing
// is taken beyond the limit unless pinned buffers fill it. What may hold a block is a [Slot]: an
// open table has one for each of its data blocks. So a hit is an atomic load of the slot and an
// atomic add to the buffer, without a lock, a hash or a list; only misses take the cache's mutex.
//
// A buffer is pinned while somebody reads it. Eviction is CLOCK over the resident buffers: each
// hit raises a small counter, the passing hand lowers it, and an unpinned buffer at zero goes.
// The memory of a buffer is reused only when no pin is left, so a pinned buffer never changes.
// Under the race detector freed memory is overwritten, which makes a use after release visible.
//
// A [Store] has pages that trees are made of: [Memory], or a [File], which reads pages on demand through a Cache and makes
// them durable by checkpoints.
//
// Callers: sstable, bplustree, and the engine, which sets the capacity and reads the statistics. A Cache is
// safe for concurrent use; of a Store only what readers need is.
package page
