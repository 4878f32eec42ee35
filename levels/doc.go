// Package levels is the log-structured tree as a whole: which sstables are live and in which level
// they lie, how that changes, and how it is remembered on disk.
//
// A [Version] is the immutable set of live tables; readers use it without locks. An [Edit] leads
// from one Version to the next. The [Set] makes edits durable in the manifest, publishes Versions,
// and knows when a file is named by none that is still in use. A [Picker] plans compactions from
// metadata alone; [Compaction.Run] carries one out, and [Flush] writes a memtable to L0. Levels are
// sized as RocksDB's with level_compaction_dynamic_level_bytes: the last level holds nine tenths of
// the data or more, L0 is compacted into the base level, and the levels above that are empty.
//
// It promises that an edit which Apply returned survives any crash, whole, and no edit survives in
// part; that what is damaged is reported with file and offset and never passed over; and that each
// level below L0 has at most one entry of a key, and the last one no tombstones and no range deletes.
//
// Who may call: the versions actor owns the Set. The flusher calls Flush, compactors a Picker and
// Run; both send it the edit that they return. Readers call methods of Version from any goroutine.
// Nothing here starts goroutines, waits or looks at a clock.
//
// # Why tombstones may go
//
// Snapshots hold the memtables and Versions that they read, so a compaction may forget whatever is
// shadowed. A tombstone may go once nothing that is older than it can hold its key. Inputs are
// always complete: of L0 all tables older than its newest input that overlap the range, below that
// all tables down to the output that do. So what is older lies below the output level, in the
// Version at the time of the claim; data only sinks, and nothing can sink past a claimed range.
//
// For the same reason a merge becomes a value once nothing older can hold its key. A put that has expired
// becomes a tombstone first, since an older value would come back if it just went; then the rules for
// tombstones hold.
//
// # Range deletes
//
// A range delete of a table hides what older tables hold, not what its own table does: whatever writes a
// table leaves out the entries that its range deletes are newer than. So readers compare no sequence
// numbers. A compaction writes the union of the range deletes of its inputs beside their entries, without
// the parts where nothing lies deeper; that hides nothing more, for an entry is among the outputs only if
// no newer input covers it, and an older input that covers it is below it in the output too. What newer
// inputs cover is passed by seeking, and a table that they cover whole is not even opened: a wide range
// delete costs little more than the tables at its ends.
//
// The bounds of a table take in its range deletes, so overlaps, claims and completeness are about them
// just as about entries. Bounds are inclusive and the end of a range is not, so it counts as if it was, but
// for an end with a last byte of zero, which counts as the key before it. Where an output is cut behind a
// key, a range that goes on is cut at that key with a zero appended, so that the bounds of the two tables
// do not meet.
//
// Range deletes can give back much more space than they take, which metadata do not tell. So a table that
// has one is compacted as one that is mostly tombstones, and settling brings it to the last level.
//
// # Files
//
// A database directory has sstables 000012.sst, at most one file of pages 000013.pages with the B+Trees, one
// manifest MANIFEST-000003 and one file CURRENT-000001 that says which manifest counts. Sstables, pages and
// manifests share one space of numbers;
// CURRENT files have their own. Other files of these names are strays: what a crash left of a flush,
// a compaction or a rotation. Opening for writing removes them. Log segments are package wal's.
//
// All integers below are little-endian; a uvarint is seven bits a byte, lowest first.
//
// A CURRENT file has 44 bytes:
//
//	offset  size  field
//	     0     8  magic "middbcur"
//	     8     4  format version, 3
//	    12     4  zero
//	    16     8  number of this file, as in its name
//	    24     8  number of the manifest
//	    32     8  bytes of the manifest that were durable when this was written
//	    40     4  CRC-32C of the 40 bytes before
//
// The one with the highest number counts. It appears by renaming CURRENT.tmp once that is synced, so
// it is whole or not there: a bad one is damage, and the next lower one is never a substitute. Newer
// versions of the format keep these 44 bytes where they are. Version 1, of pre-releases, is refused as
// such ([ErrOlderFormat]).
//
// A manifest is a sequence of records in the chunk format of package wal, with the manifest's number
// as file number and 0 as identity. The first record is the 8 bytes "middbman", the format version
// in 4 bytes, and an edit that leads from nothing to the state when the manifest was begun. Every
// other record is one edit. Each record is synced before the next is written. Hence a reader takes a
// bad last record behind what CURRENT names for an edit that was never acknowledged, and leaves it
// out; anything else that is bad is damage. The log repeats how much of the manifest was durable, so
// that an acknowledged end which got lost later is damage as well ([Set.CheckManifestAtLeast]). A
// manifest is never appended to after it was read: opening for writing begins a new one.
//
// An edit is a sequence of fields, each one byte that says which and its content:
//
//	field  content
//	    0  end of the edit, which must be the end of the record
//	    1  next file number: uvarint; no file at or above it was in use
//	    2  flushed sequence number: uvarint; commits up to it are in sstables
//	    3  identity, in the first record only: log identity, epoch, cluster, node; 8 bytes each
//	    4  table deleted: level in 1 byte; file number as uvarint
//	    5  table added: level in 1 byte; uvarints file number, file size in bytes, lowest and highest
//	       sequence number, entries, tombstones, range deletes, entries that are puts with an expiry,
//	       earliest and latest of the expiries as package sstable has them, bytes of keys and values
//	       before compression; compression in 1 byte; xxh3-128 of the file, big-endian, 16 bytes; then
//	       smallest and largest key, each its length as uvarint and its bytes
//	    6  time by which values have expired: uvarint, nanoseconds since 1970
//	    7  B+Trees, since version 3: uvarints number of the file of pages, and generation, pages and free list
//	       of its checkpoint, as page.State has them; number of trees; then, ascending, for each its number,
//	       the page of its root, and its entries. It takes the place of what an earlier edit said
//
// Deletions apply before additions; a table that is in both moves. Unknown fields are damage: what
// adds one raises the format version.
//
// This manifest, number 3, begins empty, and then replaces table 4 of L0 by table 5 of L6:
//
//	0000  c7 19 b5 1e 30 00 01 03 00 00 00 6d 69 64 64 62  chunk: CRC, 48 bytes, FULL, file 3; "middb
//	0010  6d 61 6e 03 00 00 00 03 88 77 66 55 44 33 22 11  man", version 3; identity: log,
//	0020  01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  epoch 1, cluster 0,
//	0030  00 00 00 00 00 00 00 00 01 04 00 fa e8 69 cc 32  node 0; next file 4; end. Chunk: CRC, 50
//	0040  00 01 03 00 00 00 01 06 02 ac 02 04 00 04 05 06  bytes; next file 6; flushed 300; L0 -4; L6
//	0050  05 80 20 ab 02 ac 02 02 00 00 01 e8 07 e8 07 18  +5: 4096 bytes, seq 299-300, 2 entries, 1
//	0060  03 c0 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e  expires, at 1000; 24 bytes; zstd; checksum;
//	0070  0f 02 61 62 02 63 64 00                          "ab", "cd"; end
//
// And this is the CURRENT file, number 2, that names it:
//
//	0000  6d 69 64 64 62 63 75 72 03 00 00 00 00 00 00 00  magic; version 3
//	0010  02 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00  number 2; manifest 3
//	0020  3b 00 00 00 00 00 00 00 19 4c 1a e1              59 bytes; CRC
package levels
