// Package memtable holds the newest writes in memory, in key order, until they are flushed.
//
// It promises: one goroutine at a time writes (Add, AddHint, AddMerge, DeleteRange); any number read
// meanwhile, without locks and without waiting; a read that begins after a write returned sees it; what
// an iterator shows at its sequence number never changes. A memtable made for n bytes takes every write until
// the sum of what EntryBytes, MergeBytes and RangeBytes charge reaches n. The memtable's owner writes
// it; callers of the engine read it through a view, which keeps it reachable; the flusher walks it once
// it is sealed.
//
// # Structure
//
// A Memtable is a B-link tree (Lehman and Yao, 1981) of nodes with 15 slots, keyed by user key, in an
// arena outside the Go heap. The versions of a key are chained behind its newest one, so that a scan
// steps over a hot key in one move. Places in the arena are 32-bit counts of 8 bytes; place 0 holds
// an empty entry, which stands for "none" and, in an inner node, for a key below all others. Memory
// is native-endian; none of it is ever written to disk.
//
// An entry is one version of a key. It never changes once it can be seen.
//
//	offset  size  field
//	     0     8  trailer: sequence number << 8 | kind
//	     8     4  place of the version before this one, or 0
//	    12     4  key length k
//	    16     4  value length v
//	    20     k  key
//	  20+k     v  value
//	20+k+v     4  in a merge only: place of the version where its chain goes on, or 0
//
// The next entry begins at a multiple of 8.
//
// A node begins at a multiple of 64. Slots are filled in order of arrival; the permutation gives
// their order by key, and one atomic store of it publishes an insert.
//
//	offset  size  field
//	     0     8  permutation: count in the low 4 bits, then slot numbers in key order, 4 bits each
//	     8     4  place of the right neighbour, or 0
//	    12     4  place of the left neighbour, or 0; all ones once frozen; for the writer only
//	    16   120  15 words: 8 bytes of each key, see below
//	   136    60  15 places: the newest version of each key; in an inner node, some version of it
//
// A leaf goes on with 4 unused bytes and
//
//	offset  size  field
//	   200     8  high fence: the word of the first key right of this leaf; for the writer only
//
// and an inner node with
//
//	offset  size  field
//	   196    60  15 places of children; child s has the keys from slot s's key to the next one's
//
// In the first inner node of each level the first slot has word 0 and place 0: it is below every key.
// In every other node the first key is the separator that the level above has for it.
//
// # Words
//
// A slot's word is the 8 bytes of its key that follow the tree's prefix, big-endian, padded with
// zeros. Keys below the prefix have word 0, keys above it the greatest. So words order as keys do,
// as far as they differ; whole keys are compared only where words are equal. The prefix is a guess: it
// comes from the memtable before, and after 256 keys and each 16 times as many the keys there are
// sampled; if they suggest another prefix, a new tree is built over the same entries and replaces the
// old one by one atomic store.
//
// # Who sees what
//
// Insert: the slot is written, then the permutation stored. Overwrite: the new entry names the old
// one, then the slot's place is stored. Split: two new nodes take 8 entries each, the left neighbour
// is linked to the new left node, and the old node, frozen, is never changed again; its links lead on
// to nodes that hold all it was followed by. Then the level above gets the separator of the right node
// first and the left node in place of the old one second. A reader that loads a child looks at the
// permutation again: if a separator came in between, it chooses anew. So it never takes a left half
// for the whole. A node that is frozen, like a tree that is replaced, still holds everything that was
// published before the reader came to it, which is all that its snapshot may see. A full node at
// the right edge is not split for a key beyond it: the key gets a node of its own, so that ascending
// keys fill their nodes.
//
// Iterators go right by links. They go left by a descent from the root for the greatest key below
// the leaf, because links to the left change when a neighbour splits.
//
// # Range deletes
//
// The tree knows nothing of them. Beside it there is a list of what they cover, as package treap has it: one
// version for each range delete, under its sequence number, which shares most of its nodes with the version
// before. The list only grows, and an atomic store of a new slice publishes each. A reader finds the
// version of its snapshot, mostly the last, and takes for deleted what has a lower sequence number than
// the stretch it lies in. Without range deletes there is no list, which is all that writers and readers
// then look at. What is covered stays in the tree, and iterators walk over it: whoever deletes a range with
// many keys in it, as CountIn tells, better begins the next memtable. Ranges tells readers, and RangeDeletes
// the flusher, what of older sources is hidden.
//
// # Merges
//
// A version of key.KindMerge has a merge list, and what its key is depends on the versions before it. The
// writer folds it with the one before if the result is short, so that the versions of a counter are sums of all
// before them. What is left are chains, which Iter shows as one entry, and which AppendEntries gives
// one by one. They leave out what was folded into a newer version, which therefore names where its chain goes
// on, and end at a version that is no merge, at a complete list, or at a range delete; if at none of
// these, older sources matter.
//
// # Memory
//
// A split uses two nodes, of 256 bytes with alignment, for the at least 8 keys that came into a leaf
// since it was made: at most 64 bytes a key, and 10 for the inner nodes above. Rebuilding leaves
// half full uses at most 39 bytes a key over all times. EntryBytes charges 48 beyond the entry itself,
// which is at least 24; so twice the charge always suffices, and that much address space is reserved.
// It becomes memory as it is touched. For keys in random order the charge is what is used. The 4 bytes
// of a merge are not charged: an entry that is one has at least 32 bytes, so twice the charge suffices for them
// too. Range deletes are charged what they take, on average, of the Go heap.
//
// Arenas come from a pool and go back by a cleanup when the Memtable is unreachable; every method
// that reads the arena keeps the Memtable alive until it has done so.
package memtable
