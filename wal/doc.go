// Package wal is the write-ahead log: what makes a commit durable before anything else does.
//
// It promises that after any crash [Recover] gives back a prefix of the commit groups that were
// framed, with at least all those that were synced, or else names the file and the offset where
// bytes that were synced are not what was written. It never gives back a record that was not written.
//
// The coordinator frames groups with an [Encoder], in memory; the log writer puts the bytes into
// segment files with a [Writer]; the engine calls [Recover] at open; the tools call [Verify],
// [Dump] and [Salvage]; a feed follows the log with a [Tail]. The manifest shares the chunk layer through [ChunkWriter] and [ChunkReader].
// There are no goroutines here, no clock, and no allocation per record.
//
// # Files
//
// A segment is a file 000007.wal, named by its number, at least six digits. Numbers ascend and are
// never used twice. A segment is created with its full size, of zeros or, when the file of a segment
// that is not needed any more is renamed and reused, with the stale bytes of that one. It is written
// from its beginning, only once, and never appended to after recovery. After the end of the log
// anything may follow. Integers are little-endian.
//
// # Chunks
//
// A file is a sequence of blocks of 32 KiB. No chunk crosses their ends. A block whose rest is shorter
// than 32 bytes after a record is filled with zeros, which readers skip unseen.
//
//	offset  size  field
//	     0     4  CRC-32C of the bytes from offset 4 to the end of the chunk, started not from
//	              0 but from s xor the low 32 bits of the chunk's offset in the file, where s
//	              is the CRC-32C of 16 bytes: the file's number and the log id, 8 bytes each
//	     4     2  payload length n
//	     6     1  type: 1 = FULL, 2 = FIRST, 3 = MIDDLE, 4 = LAST
//	     7     4  low 32 bits of the file's number
//	    11     n  payload
//
// A record is the payload of a FULL chunk, or those of a FIRST, any MIDDLE and a LAST chunk, in
// consecutive blocks. The checksum's start makes a chunk valid in one place of one file only: a stale
// chunk of a reused file is not, nor is anything that users store. The rolling checksum of a
// sequence of chunks is 64 bits, at first 0; each chunk makes it (sum xor CRC) × 0x9e3779b97f4a7c15.
//
// # Records
//
// The first byte of a record is its kind. An unknown kind that has a good checksum was written by a
// newer version and is refused as such. The first record of a segment is its start:
//
//	offset  size  field
//	     0     1  kind: 1 = start
//	     1     8  "middbwal"
//	     9     4  format version: 1
//	    13     8  number of this segment
//	    21     8  log id, random, the same in all segments of a log
//	    29     8  predecessor: its number, 0 if there is none
//	    37     8               its length in bytes, as accepted
//	    45     8               the last sequence number of the log up to there
//	    53     8               the rolling checksum of its chunks up to there
//	    61     8  manifest: the number of the one in use
//	    69     8            how many bytes of it are synced
//
// A commit group takes the sequence numbers from the first one on, which follows on the last group's:
//
//	offset  size  field
//	     0     1  kind: 2 = group
//	     1     8  first sequence number
//	     9     4  how many it takes, at least 1
//	    13     8  offset up to which this segment was known to be synced when this was framed
//	    21        operations
//
// A segment that was ended in order has a last record, behind which nothing counts:
//
//	offset  size  field
//	     0     1  kind: 3 = seal
//	     1     8  last sequence number of the log
//	     9     4  0
//	    13     8  synced offset, as in a group
//	    21     8  rolling checksum of the chunks before this one
//
// An operation is a kind (1 byte, numbered in package key), the length of the key (unsigned varint), the
// key, and except in a delete, a tree-delete and a tree-clear the length of what follows (unsigned varint) and
//
//	kind             what follows
//	put, tree-put    the value
//	put-with-expiry  when it expires (8 bytes, signed, nanoseconds since 1970), the value
//	range-delete     the end: all keys from the key, inclusive, to it, exclusive, are gone; it is greater
//	merge            a merge list, as package merge defines it
//
// The kinds of B+Trees are of entries that are in pages instead of sstables; the key of a tree-clear is what all keys of
// the tree begin with.
//
// Each operation takes one sequence number, in order. A program that does not know a kind refuses
// the operation as written by a newer version; those after put came later than format version 1.
//
// # Order of writing
//
// A segment's file and its directory are synced before anything is written to it. A segment is sealed
// and synced before the first record of the next one is written. A segment is deleted, or reused, when
// everything in it is flushed and a later start record is durable, unless it is retained for those who
// follow the log; then what lies behind its end may be cut off.
//
// # Following
//
// A reader that knows a sequence number to be synced, and whose next record ends there or before, finds
// it where the last one ended, or in the last segment whose start names an earlier last sequence number
// than the one that it wants. What it reads at a wrong place or time, a stale chunk or one that is half
// written, has no valid checksum. So a record that should be there and is not was either read too soon
// (the buffer is older than the sequence number), or its segment's file has been deleted or renamed,
// which is looked for after reading, or it is damaged. Where a segment is left its length, last
// sequence number and rolling checksum must be what the successor's start says.
//
// # Recovery
//
// The newest segment with a valid start record is judged by itself, the others by their successors.
//
//   - A segment that has a successor must be what the successor's start says: that many bytes, of
//     valid records only, to that sequence number, with that rolling checksum. Everything else is
//     damage. What lies behind the accepted length is of no meaning. If all of it is flushed, its start
//     and its size are checked and the rest is not read.
//   - A predecessor that is missing is damage, unless all of it is flushed. So is a segment with a valid
//     start between two that name each other.
//   - The newest segment ends with its seal record or before the first bad chunk: a crash may leave
//     anything there. It is damage, though, if a valid record follows whose synced offset lies beyond
//     the bad chunk, for then that was whole once. A flip in a tail that no later record knows to be
//     synced cannot be told from a torn write and gives a prefix.
//   - Newer files without a valid start record are left by a crash during rotation or recovery. They are
//     ignored, under the same rule for the synced offset.
//   - Sequence numbers without gap are required, and that the log reaches what is flushed: nothing is
//     flushed that was not synced here before.
//
// A torn tail is cut by the successor, which names the length that was accepted; no byte is changed.
// Before it returns, recovery syncs every segment that it accepted, so that the successor's claim
// holds after the next crash too.
//
// # Example
//
// Segment 7, which follows segment 6 of 0x3000 bytes, last sequence number 41. One group: sequence
// numbers 42 (put ant = red) and 43 (delete bee), framed when 88 bytes were synced. Then the seal.
//
//	0000  cc 44 b1 0b 4d 00 01 07 00 00 00                  FULL chunk, 77 bytes, of file 7
//	000b  01 6d 69 64 64 62 77 61 6c 01 00 00 00            start, "middbwal", version 1
//	0018  07 00 00 00 00 00 00 00 ef cd ab 89 67 45 23 01   number 7, log 0123456789abcdef
//	0028  06 00 00 00 00 00 00 00 00 30 00 00 00 00 00 00   predecessor 6, length 0x3000
//	0038  29 00 00 00 00 00 00 00 10 32 54 76 98 ba dc fe   sequence 41, rolling checksum
//	0048  03 00 00 00 00 00 00 00 00 02 00 00 00 00 00 00   manifest 3, 0x200 bytes synced
//	0058  83 99 25 a5 23 00 01 07 00 00 00                  FULL chunk, 35 bytes, of file 7
//	0063  02 2a 00 00 00 00 00 00 00 02 00 00 00            group, from 42, takes 2
//	0070  58 00 00 00 00 00 00 00                           0x58 bytes synced
//	0078  01 03 61 6e 74 03 72 65 64 00 03 62 65 65         put ant = red, delete bee
//	0086  38 e6 6f e5 1d 00 01 07 00 00 00                  FULL chunk, 29 bytes, of file 7
//	0091  03 2b 00 00 00 00 00 00 00 00 00 00 00            seal, sequence 43
//	009e  58 00 00 00 00 00 00 00                           0x58 bytes synced
//	00a6  2b fa e3 d7 c1 ee 30 c5                           rolling checksum so far
package wal
