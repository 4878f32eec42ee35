// Package bplustree is a copy-on-write B+Tree of byte strings in pages of 4 KiB. It orders keys as [bytes.Compare] does.
//
// A [Tree] is what its one writer works on. [Tree.Snapshot] is what readers get: a root, whose pages do not change any
// more. What a page may be written in is decided by generations: a [Store] counts them, a page carries the one that it
// was made in, and the writer clones a page of an earlier generation before it first changes it, with all above it. So
// after [Store.Seal] everything reachable from the roots of that moment stays as it is, at the cost of one clone of a
// path per generation and region that is written, not per change. Trees that share a store share its generations, and
// so one seal fixes the states of all of them.
//
// A page that was cloned away or emptied is freed in the present generation and reused when no snapshot of an earlier
// generation is left, which the owner of the snapshots tells ([Memory.Release]).
//
// # Format of a page
//
// All numbers are little-endian.
//
//	 0  u32  checksum: left to the store
//	 4  u8   kind: 1 leaf, 2 branch
//	 5  u8   level: 0 for leaves, for branches one more than that of their children
//	 6  u16  number of slots
//	 8  u64  generation in which the page was made
//	16  u16  offset of the lowest byte of the heap
//	18  u16  bytes of the heap that no slot and no prefix refers to
//	20  u16  length of the prefix, which all keys of the page have in common
//	22  u16  offset of the prefix
//	24  u32  branch: the child for keys below that of slot 0; leaf: 0
//	28  u32  0
//	32  slots, ascending by key, 8 bytes each:
//	         u16 offset of the cell, u16 length of the key without the prefix, u32 the first four bytes of that,
//	         zeros behind a shorter one, as a number whose order is that of the bytes
//	    free space
//	    heap, which grows down: the prefix, and cells
//	         leaf:   u16 length of the value, key without the prefix, value
//	         branch: u32 child for keys from this one on, key without the prefix
//
// Most comparisons are decided by the numbers in the slots, without a look at the heap (Graefe and Larson, "B-tree
// indexes and CPU caches", 2001: poor man's normalized keys). The prefix is what the separators on both sides of a page
// in its ancestors have in common, and so every key that may come to the page has it (Bayer and Unterauer, "Prefix
// B-trees", 1977). Separators are the shortest strings that separate.
//
// A key and its value have at most [MaxEntryBytes] together, a quarter of a page: so a page that must be split always
// can be.
package bplustree
