package exec

import (
	"encoding/binary"
	"math/bits"
)

// Odd constants of hashing; the first is 2^64 divided by the golden ratio.
const (
	hashMultiplier = 0x9e3779b97f4a7c15
	hashSecond     = 0xd6e8feb86659fd93
	hashThird      = 0xa0761d6478bd642f
)

// hashInt returns a hash of a number, all bits of which depend on all of it.
func hashInt(n int64) uint64 {
	hi, lo := bits.Mul64(uint64(n)^hashThird, hashMultiplier)
	return hi ^ lo
}

// hashBytes returns a hash of bytes, all bits of which depend on all of them. It multiplies 16 of them at a time to 128
// bits and folds these, as wyhash does.
func hashBytes(b []byte) uint64 {
	h := uint64(len(b)) * hashSecond
	for ; len(b) > 16; b = b[16:] {
		h = fold(binary.LittleEndian.Uint64(b)^hashMultiplier, binary.LittleEndian.Uint64(b[8:])^h)
	}
	var x, y uint64
	switch {
	case len(b) >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[len(b)-8:])
	case len(b) >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))
	case len(b) > 0:
		x = uint64(b[0])<<16 | uint64(b[len(b)/2])<<8 | uint64(b[len(b)-1])
	}
	return fold(fold(x^hashThird, y^h)^hashSecond, hashMultiplier)
}

// fold returns both halves of a product, one over the other.
func fold(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x, y)
	return hi ^ lo
}

// rehash returns a hash for another level of partitions, where all rows share bits of the hash before.
func rehash(h uint64, level int) uint64 { return fold(h^hashThird, hashMultiplier+2*uint64(level)) }
