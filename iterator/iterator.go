// Package iterator defines how sorted sources of entries are read, and combines them.
//
// A source (memtable at a snapshot, sstable, level) holds at most one entry per user key: a
// memtable shows the newest version that its snapshot sees, and flush and compaction write only
// the newest version of each key, with what it adds to by merging. Sources are ordered by age, and
// whatever a newer source says of a key hides what older ones say, except that an incomplete merge
// adds to it. Range deletes of a source hide what older sources say of the keys that they cover, and
// nothing of the source itself. So merging compares user keys only, and a tie goes to the newer
// source; sequence numbers need not be compared at read time at all.
package iterator

import "github.com/middb/middb/key"

// An Iterator walks the entries of one source in user key order. A new one stands nowhere; it must
// be positioned first. The positioning methods report whether the iterator now stands at an entry;
// when they report false, Err tells whether the end was reached (nil) or the source failed.
//
// Key and Value may be called only while Valid; their slices belong to the iterator and are valid
// until it moves. Iterators are for one goroutine. Tombstones are shown like any other entry.
type Iterator interface {
	// First stands at the smallest key.
	First() bool
	// Last stands at the greatest key.
	Last() bool
	// SeekGE stands at the smallest key that is not below k.
	SeekGE(k []byte) bool
	// SeekLT stands at the greatest key below k.
	SeekLT(k []byte) bool
	// Next stands at the following key. It requires Valid.
	Next() bool
	// Prev stands at the preceding key. It requires Valid.
	Prev() bool
	// Valid reports whether the iterator stands at an entry.
	Valid() bool
	// Key returns the user key.
	Key() []byte
	// Trailer returns the sequence number and kind of the entry.
	Trailer() key.Trailer
	// Value returns the value; it is empty for a tombstone.
	Value() []byte
	// Err returns the failure that made the iterator invalid, or nil. It is sticky.
	Err() error
	// Close releases what the iterator holds and returns Err. The iterator must not be used after.
	Close() error
}

// Ranges are the range deletes of a source. Safe for one goroutine.
type Ranges interface {
	// Covering tells whether the source hides whatever older sources hold of k, and of the keys around it:
	// the answer is the same for all from start, inclusive, to end, exclusive; nil is no bound. The slices are
	// valid until the source is closed.
	Covering(k []byte) (start, end []byte, covered bool, err error)
}

// A Source is an iterator and what it hides of older sources. What it shows itself lies above its own
// ranges.
type Source struct {
	Iterator
	Ranges Ranges // nil: it has no range deletes
}
