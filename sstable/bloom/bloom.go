// Package bloom builds and asks the filters that tell which keys an sstable does not hold.
//
// A filter is blocked: an array of 64-byte lines. Each key belongs to one line and sets a few bits
// in it, so that asking costs one cache miss. It never denies a key that was added, and wrongly
// affirms about 1 % of the others at 10 bits a key.
//
// On disk a filter is its lines and then one byte:
//
//	offset  size  field
//	     0  64·n  lines; bit b of a line is bit b%8 of its byte b/8
//	  64·n     1  k, the number of bits that a key sets, 1 to 16
//
// A key with 64-bit hash h belongs to line ⌊h·n / 2^64⌋. Its i-th bit, i from 0, is the upper nine
// bits of the 32-bit word x·φ^i mod 2^32, where x is the lower half of h and φ = 0x9e3779b9.
//
// Example: the filter of one key whose hash is 1, with n = 1 and k = 1: x = 1, so its bit is
// 1 >> 23 = 0, and the filter is 01, 63 bytes 00, then 01.
//
// Callers: sstable. Values of type Filter are safe for concurrent use.
package bloom

import (
	"encoding/binary"
	"math/bits"
)

const (
	lineBytes = 64
	phi       = 0x9e3779b9
	maxProbes = 16
)

// Build appends to dst the filter of the keys with these hashes, at bitsPerKey bits each.
func Build(dst []byte, hashes []uint64, bitsPerKey int) []byte {
	lines := max((len(hashes)*bitsPerKey+lineBytes*8-1)/(lineBytes*8), 1)
	k := probes(bitsPerKey)
	start, n := len(dst), lines*lineBytes
	if cap(dst)-start < n+1 {
		dst = append(make([]byte, 0, start+n+1), dst...)
	}
	dst = dst[:start+n+1]
	body := dst[start : start+n]
	clear(body)
	for _, h := range hashes {
		line := body[lineOf(h, uint64(lines)):][:lineBytes]
		x := uint32(h)
		for range k {
			b := x >> 23
			line[b>>3] |= 1 << (b & 7)
			x *= phi
		}
	}
	dst[start+n] = byte(k)
	return dst
}

// probes chooses the number of bits a key sets. In a line of 512 bits the best number is a little
// below bitsPerKey·ln 2, because lines fill unevenly.
func probes(bitsPerKey int) int {
	return min(max(bitsPerKey*6/10, 1), maxProbes)
}

// lineOf returns the byte offset of the line of hash h among n.
func lineOf(h, n uint64) uint64 {
	hi, _ := bits.Mul64(h, n)
	return hi * lineBytes
}

// A Filter answers for the keys it was built from. The zero Filter affirms everything.
type Filter struct {
	body  []byte
	lines uint64
	k     int
}

// Parse returns the filter in p, which it keeps. It reports false when p is not a filter.
func Parse(p []byte) (Filter, bool) {
	n := len(p) - 1
	if n < lineBytes || n%lineBytes != 0 || p[n] == 0 || p[n] > maxProbes {
		return Filter{}, false
	}
	return Filter{body: p[:n:n], lines: uint64(n / lineBytes), k: int(p[n])}, true
}

// MayContain reports false only when no key with hash h was added.
func (f *Filter) MayContain(h uint64) bool {
	if f.lines == 0 {
		return true
	}
	line := f.body[lineOf(h, f.lines):][:lineBytes]
	x := uint32(h)
	for i := f.k; i > 0; i-- {
		b := x >> 23
		if line[b>>3]&(1<<(b&7)) == 0 {
			return false
		}
		x *= phi
	}
	return true
}

// Bytes returns the size of the filter in memory.
func (f *Filter) Bytes() int { return len(f.body) }

// Lines returns the number of lines, for tools.
func (f *Filter) Lines() int { return int(f.lines) }

// Saturation returns the fraction of bits that are set, for tools: a filter with more than half of
// them set affirms more than it should.
func (f *Filter) Saturation() float64 {
	if len(f.body) == 0 {
		return 0
	}
	ones := 0
	for i := 0; i+8 <= len(f.body); i += 8 {
		ones += bits.OnesCount64(binary.LittleEndian.Uint64(f.body[i:]))
	}
	return float64(ones) / float64(8*len(f.body))
}
