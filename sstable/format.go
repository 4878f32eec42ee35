package sstable

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/middb/middb/integrity"
	"github.com/middb/middb/key"
	"github.com/middb/middb/vfs"
)

// On disk; never renumber.
const (
	magic         = "middbsst"
	formatVersion = 2
	footerBytes   = 40
	trailerBytes  = 9 // after each stored block: raw length, codec, checksum
)

// Kinds of blocks that the metaindex names. On disk; never renumber.
const (
	metaFilter     = 1
	metaIndex      = 2
	metaProperties = 3
	metaRanges     = 4
)

// maxRawBlock is the largest block that a reader accepts: one entry of the largest key and value,
// beside a block that was nearly full.
const maxRawBlock = key.MaxStoredValueBytes + 2*key.MaxStoredKeyBytes + 64<<20

// ErrNewerFormat is matched by the error of Open for a table that a later version of middb wrote.
var ErrNewerFormat = errors.New("written by a newer version of middb")

// blockHandle says where a stored block is.
type blockHandle struct {
	offset uint64
	length uint64 // with its trailer
}

// blockChecksum is the CRC-32C of the file number, the offset of the block in the file, and its
// bytes, so that a block read from the wrong place fails.
func blockChecksum(fileNum, offset uint64, p []byte) uint32 {
	var seed [16]byte
	binary.LittleEndian.PutUint64(seed[:], fileNum)
	binary.LittleEndian.PutUint64(seed[8:], offset)
	return integrity.ExtendCRC(integrity.CRC(seed[:]), p)
}

// A footer is the last bytes of the file.
type footer struct {
	meta    blockHandle
	fileNum uint64
	version uint32
}

// append appends the footer of a file, which stands at offset at.
func (f footer) append(dst []byte, at uint64) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, f.meta.offset)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(f.meta.length))
	dst = binary.LittleEndian.AppendUint64(dst, f.fileNum)
	dst = binary.LittleEndian.AppendUint32(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, formatVersion)
	dst = append(dst, magic...)
	crc := blockChecksum(f.fileNum, at, dst[start:])
	return binary.LittleEndian.AppendUint32(dst, crc)
}

// decodeFooter reads the footer in p, which stands at offset at of the named file.
func decodeFooter(p []byte, name string, fileNum uint64, at int64) (footer, error) {
	if len(p) != footerBytes {
		return footer{}, integrity.Corrupt(name, at, "footer of %d bytes, want %d", len(p), footerBytes)
	}
	body, stored := p[:footerBytes-4], binary.LittleEndian.Uint32(p[footerBytes-4:])
	if string(body[28:36]) != magic {
		return footer{}, integrity.Corrupt(name, at, "not an sstable: magic % x", body[28:36])
	}
	f := footer{
		meta: blockHandle{
			offset: binary.LittleEndian.Uint64(body),
			length: uint64(binary.LittleEndian.Uint32(body[8:])),
		},
		fileNum: binary.LittleEndian.Uint64(body[12:]),
		version: binary.LittleEndian.Uint32(body[24:]),
	}
	if got := blockChecksum(f.fileNum, uint64(at), body); got != stored {
		return footer{}, integrity.Corrupt(name, at, "footer checksum %08x, want %08x", got, stored)
	}
	if f.version > formatVersion {
		return footer{}, fmt.Errorf("%s has format version %d, this program reads up to %d: %w",
			name, f.version, formatVersion, ErrNewerFormat)
	} else if f.version == 0 {
		return footer{}, integrity.Corrupt(name, at, "format version 0")
	}
	if f.fileNum != fileNum {
		return footer{}, integrity.Corrupt(name, at, "this is table %d, want %d", f.fileNum, fileNum)
	}
	if f.meta.length < trailerBytes || f.meta.offset > uint64(at) || f.meta.length > uint64(at)-f.meta.offset {
		return footer{}, integrity.Corrupt(name, at, "metaindex at %d+%d lies outside of the file",
			f.meta.offset, f.meta.length)
	}
	return f, nil
}

// A corruptor makes errors for one file.
type corruptor struct {
	name string
}

func (c corruptor) at(offset uint64, format string, args ...any) error {
	return integrity.Corrupt(c.name, int64(offset), format, args...)
}

// readFull reads len(p) bytes at offset, or says what was missing.
func readFull(f vfs.File, p []byte, offset uint64) error {
	n, err := f.ReadAt(p, int64(offset))
	if n == len(p) {
		return nil
	}
	return fmt.Errorf("read %d bytes at %d of %s: %w", len(p), offset, f.Name(), err)
}

// uvarint decodes an unsigned varint at p[i:end]. It returns the position after it, or -1.
func uvarint(p []byte, i, end int) (v uint64, next int) {
	for shift := uint(0); i < end && shift < 64; shift += 7 {
		b := p[i]
		i++
		if b < 0x80 {
			if shift == 63 && b > 1 {
				return 0, -1
			}
			return v | uint64(b)<<shift, i
		}
		v |= uint64(b&0x7f) << shift
	}
	return 0, -1
}
