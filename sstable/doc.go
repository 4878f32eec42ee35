// Package sstable writes and reads the sorted files in which middb keeps most of its data.
//
// A table holds entries in the order of their user keys (bytes.Compare), each key once, with its
// trailer: the sequence number and the kind, such as put or delete. It also holds range deletes, apart
// from each other, which hide what older tables have; the entries of the table itself are newer. A
// table may have only one of the two. It is written once, from the first key to the last, and never
// changes. A [Writer] makes one; a [Reader] serves point reads and iterators from it, from any number
// of goroutines.
//
// Promises: what Finish returned nil for is on disk. Every byte is under a checksum that also
// covers the number of the file and the place in it; whatever byte of a table changes, whichever
// block is found elsewhere than where it was written, a read gives the right answer or a
// *integrity.CorruptionError with file and offset. A table of a later format is refused with
// [ErrNewerFormat]. A point read takes no lock, and allocates nothing while its block is cached.
//
// Callers: levels writes tables and reads them; cmd dumps and verifies them.
//
// # Format, version 2
//
// All integers of fixed size are little-endian. A uvarint is an unsigned varint of encoding/binary.
//
//	data block 0 | data block 1 | ... | filter | ranges | index | properties | metaindex | footer
//
// The data blocks begin at offset 0 and lie one behind the other; there may be none. Filter and ranges may
// be missing. Every block is stored as its payload, compressed or not, and a trailer of 9 bytes:
//
//	offset  size  field
//	     0     n  payload
//	     n     4  length of the block before compression
//	   n+4     1  codec: 0 none, 1 S2 (block format), 2 LZ4 (block format), 3 zstd (one frame)
//	   n+5     4  CRC-32C of: file number (8 bytes), offset of the block in the file (8 bytes),
//	              and the n+5 bytes before this field
//
// The length of a block, wherever one is named, includes the trailer. Each block has its own
// codec: one that compression does not shrink by an eighth is stored plain.
//
// # Data block
//
// Entries, one behind the other, then a tail for searching:
//
//	size  field of an entry
//	   1  tag: bits 0, 4 and 5 are the kind, lowest first: 0 delete, 1 put, 3 merge, 4 put with
//	      expiry; bits 1 to 3: s, 0 to 7; other bits 0
//	   v  uvarint: how many bytes the key shares with that of the entry before; at a restart point 0
//	   v  uvarint: u, length of the rest of the key
//	   v  uvarint: m, length of the value, which packages key and merge specify; 0 for a delete
//	   s  sequence number, low byte first, without the zero bytes at its high end
//	   u  rest of the key
//	   m  value
//
//	 size  field of the tail
//	  4·r  offset in the block of each restart point, where an entry has its whole key. The first
//	       entry is one; the Writer makes one every RestartInterval entries
//	  4·r  hint of each restart point: the four bytes of its key behind the first p, padded with
//	       zero bytes, as a big-endian number
//	    4  p, number of bytes that all keys of the block share
//	    4  r, number of restart points, at least 1
//
// A search compares the p bytes once, then the hints, which share a cache line or two; keys only
// among equal hints. Then it scans forward from the restart point.
//
// # Filter, ranges, index, properties, metaindex
//
// The filter is specified in package bloom; its hashes are xxh3-64 of the user keys. The block of
// ranges has those in ascending order, with a gap between two:
//
//	v  uvarint: how many bytes the start shares with the end of the range before
//	v  uvarint: u, length of the rest
//	u  rest of the start, which is in the range
//	v  uvarint: how many bytes the end shares with the start
//	v  uvarint: u, length of the rest
//	u  rest of the end, which is not in the range
//	v  uvarint: sequence number
//
// The index has an entry for each data block:
//
//	v  uvarint: how many bytes the separator shares with the one before
//	v  uvarint: u, length of the rest
//	u  rest of the separator: not below the last key of the block, below the first of the next
//	v  uvarint: length of the data block
//
// Properties are {uvarint id, uvarint length, bytes}; numbers are uvarints. Readers skip ids that
// they do not know.
//
//	1 entries                  7 bytes of all keys            13 ranges
//	2 deletes among them       8 bytes of all values          14 puts with expiry among the entries
//	3 smallest key             9 data blocks                  15 earliest expiry, as in the values
//	4 greatest key            10 bytes of the data blocks     16 latest expiry
//	5 smallest sequence number  11 codec asked for
//	6 greatest sequence number  12 order of the keys: "bytes"
//
// Keys 3 and 4 are inclusive, and take in the ranges: start and end, but for an end whose last byte is
// zero, which counts without that byte: it is the key just below. Without expiries 15 and 16 are 0.
//
// The metaindex names the blocks behind the data, each by {kind (1 byte), offset (8), length (4)}.
// Kinds: 1 filter, 2 index, 3 properties, 4 ranges. Readers skip kinds that they do not know.
//
// # Footer
//
// The last 40 bytes of the file, of this shape in every version of the format:
//
//	offset  size  field
//	     0     8  offset of the metaindex
//	     8     4  length of the metaindex
//	    12     8  number of the file
//	    20     4  0, ignored by readers
//	    24     4  format version, 1 or 2; version 1 has no ranges and no kinds but put and delete
//	    28     8  magic "middbsst"
//	    36     4  CRC-32C of: file number (8), offset of the footer (8), and the 36 bytes before
//
// A file that is torn or damaged anywhere is corrupt: tables are synced before anything names them,
// so unlike a log they have no tail to lose.
//
// # Example
//
// File 12, without filter and compression: apple = red, put at 7, apply, deleted at 300, and all from b to
// c, exclusive, deleted at 301.
//
//	0000  03 00 05 03 07                            put, shares 0, key 5, value 3, sequence number 7
//	0005  61 70 70 6c 65 72 65 64                   apple red
//	000d  04 04 01 00 2c 01 79                      delete, shares 4, key 1, value 0, 300, y
//	0014  00 00 00 00 00 00 00 65                   restart point at 0; its hint: e, three zeros
//	001c  04 00 00 00 01 00 00 00                   shared prefix of 4 bytes; 1 restart point
//	0024  24 00 00 00 00 d6 80 09 c2                36 bytes, plain, checksum
//	002d  00 01 62 00 01 63 ad 02                   range from b to c at 301
//	0035  08 00 00 00 00 3f ab b6 77                8 bytes, plain, checksum
//	003e  00 05 61 70 70 6c 79 2d                   index: apply, block of 45 bytes
//	0046  08 00 00 00 00 51 ea d0 b0                8 bytes, plain, checksum
//	004f  01 01 02 02 01 01 05 01 07 06 02 ad 02    2 entries, 1 delete, sequence numbers 7 to 301
//	005c  07 01 0a 08 01 03 09 01 01 0a 01 2d       10 bytes of keys, 3 of values, 1 block of 45
//	0068  0b 01 00 0d 01 01                         codec none, 1 range
//	006e  0e 01 00 0f 01 00 10 01 00                0 entries expire
//	0077  03 05 61 70 70 6c 65                      smallest key apple
//	007e  04 01 63                                  greatest key c
//	0081  0c 05 62 79 74 65 73                      order bytes
//	0088  39 00 00 00 00 e0 ce 22 cb                57 bytes, plain, checksum
//	0091  04 2d 00 00 00 00 00 00 00 11 00 00 00    ranges at 45, 17 bytes
//	009e  02 3e 00 00 00 00 00 00 00 11 00 00 00    index at 62, 17 bytes
//	00ab  03 4f 00 00 00 00 00 00 00 42 00 00 00    properties at 79, 66 bytes
//	00b8  27 00 00 00 00 e4 05 72 0b                39 bytes, plain, checksum
//	00c1  91 00 00 00 00 00 00 00 30 00 00 00       metaindex at 145, 48 bytes
//	00cd  0c 00 00 00 00 00 00 00 00 00 00 00       file 12, reserved
//	00d9  02 00 00 00 6d 69 64 64 62 73 73 74       version 2, magic
//	00e5  5f cc f9 38                               checksum
package sstable
