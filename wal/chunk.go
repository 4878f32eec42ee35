package wal

import (
	"encoding/binary"

	"github.com/middb/middb/integrity"
)

// Sizes of the chunk layer. On disk; never change.
const (
	fileBlockBytes   = 32 << 10 // no chunk crosses a multiple of this
	chunkHeaderBytes = 11
	minRoom          = 32 // a block with less room left is filled with zeros
)

// Chunk types. On disk; never renumber.
const (
	chunkFull   = 1 // a whole record
	chunkFirst  = 2 // the beginning of one
	chunkMiddle = 3
	chunkLast   = 4 // the end of one
)

// fileSeed is what the checksums of a file's chunks start from: the file's number and the identity
// of the log it belongs to. So no chunk of another file is valid in this one, nor are bytes which a
// user stored as a value and which look like a chunk.
func fileSeed(number, id uint64) uint32 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], number)
	binary.LittleEndian.PutUint64(b[8:], id)
	return integrity.CRC(b[:])
}

// putChunkHeader fills all of a chunk's header but the checksum.
func putChunkHeader(b []byte, typ byte, number uint32, n int) {
	_ = b[chunkHeaderBytes-1]
	binary.LittleEndian.PutUint16(b[4:], uint16(n))
	b[6] = typ
	binary.LittleEndian.PutUint32(b[7:], number)
}

// chunkCRC computes the checksum of the chunk that is all of b, at offset off of its file.
func chunkCRC(b []byte, seed uint32, off int64) uint32 {
	return integrity.ExtendCRC(seed^uint32(off), b[4:])
}

// roll adds a chunk's checksum to the rolling checksum of the chunks before it. Each step can be
// undone, so two logs that differ in one chunk never agree.
func roll(sum uint64, crc uint32) uint64 {
	return (sum ^ uint64(crc)) * 0x9e3779b97f4a7c15
}

// appendRecord appends to dst the chunks of a record whose first byte comes at or after offset off
// of its file, padding first where the block has no room, and returns the rolling checksum too.
func appendRecord(dst []byte, record []byte, number, seed uint32, off int64, sum uint64) ([]byte, uint64) {
	typ := byte(chunkFirst)
	for {
		room := fileBlockBytes - int(off%fileBlockBytes)
		if room < minRoom {
			dst = append(dst, make([]byte, room)...)
			off += int64(room)
			room = fileBlockBytes
		}
		n := min(len(record), room-chunkHeaderBytes)
		if n == len(record) {
			if typ == chunkFirst {
				typ = chunkFull
			} else {
				typ = chunkLast
			}
		}
		start := len(dst)
		dst = append(dst, make([]byte, chunkHeaderBytes)...)
		dst = append(dst, record[:n]...)
		b := dst[start:]
		putChunkHeader(b, typ, number, n)
		crc := chunkCRC(b, seed, off)
		binary.LittleEndian.PutUint32(b, crc)
		sum = roll(sum, crc)
		record = record[n:]
		off += int64(len(b))
		if typ == chunkFull || typ == chunkLast {
			return dst, sum
		}
		typ = chunkMiddle
	}
}
