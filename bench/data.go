package main

import (
	"encoding/binary"
	"math/bits"
)

// keyBytes is the length of every key.
const keyBytes = 16

// A keySpace names the keys of one database. Entry i of n has the id 2i; the odd ids between them
// are keys that are never written, so a lookup that misses falls among the keys that exist and no
// engine can refuse it by its smallest and greatest key alone. Key order is id order.
type keySpace struct {
	entries uint64
	seed    uint64
	spread  bool   // shape: random-looking bytes rather than decimal digits
	stride  uint64 // distance between the first words of neighbouring ids, spread only
}

func newKeySpace(entries int, seed uint64, shape string) keySpace {
	s := keySpace{entries: uint64(entries), seed: seed, spread: shape == shapeSpread}
	s.stride = ^uint64(0) / (2*s.entries + 1)
	return s
}

// The shapes a key can have. Decimal keys share long prefixes, as those of db_bench and most
// applications do; spread ones fill the key space evenly and share next to nothing.
const (
	shapeDecimal = "decimal"
	shapeSpread  = "spread"
)

// key writes the key of id into dst, which has keyBytes bytes.
func (s keySpace) key(dst []byte, id uint64) {
	dst = dst[:keyBytes]
	if s.spread {
		binary.BigEndian.PutUint64(dst, id*s.stride)
		binary.BigEndian.PutUint64(dst[8:], mix(id^s.seed))
		return
	}
	for i := keyBytes - 2; i >= 0; i -= 2 {
		pair := id % 100 * 2
		id /= 100
		dst[i], dst[i+1] = digitPairs[pair], digitPairs[pair+1]
	}
}

const digitPairs = "00010203040506070809101112131415161718192021222324" +
	"25262728293031323334353637383940414243444546474849" +
	"50515253545556575859606162636465666768697071727374" +
	"75767778798081828384858687888990919293949596979899"

// value writes the value that generation gen of id has into dst. The first half is random bytes
// and the second repeats them, so that any compressor of the Lempel-Ziv family halves it.
func (s keySpace) value(dst []byte, id, gen uint64) {
	half := (len(dst) + 1) / 2
	state := mix(s.seed+gen*0x9e3779b97f4a7c15) ^ id*0xd6e8feb86659fd93
	i := 0
	for ; i+8 <= half; i += 8 {
		state += 0x9e3779b97f4a7c15
		binary.LittleEndian.PutUint64(dst[i:], mix(state))
	}
	word := mix(state + 1)
	for ; i < half; i++ {
		dst[i] = byte(word)
		word >>= 8
	}
	copy(dst[half:], dst[:half])
}

// mix is the finaliser of splitmix64, a bijection that looks random.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A random is a splitmix64 generator: two multiplications a number, and a seed decides all.
type random uint64

// newRandom returns the generator of one worker's stream in one workload.
func newRandom(seed uint64, stream string, worker int) *random {
	state := mix(seed)
	for i := range len(stream) {
		state = mix(state ^ uint64(stream[i]))
	}
	r := random(mix(state + uint64(worker)))
	return &r
}

// below returns a number in [0, n).
func (r *random) below(n uint64) uint64 {
	*r += 0x9e3779b97f4a7c15
	high, _ := bits.Mul64(mix(uint64(*r)), n)
	return high
}

// A permutation is a random-looking order of [0, n) that needs no memory: a bijection of the next
// power of two, walked until it falls below n.
type permutation struct {
	n     uint64
	mask  uint64
	shift uint
	keys  [3]uint64
}

func newPermutation(n, seed uint64) permutation {
	width := max(bits.Len64(n-1), 2)
	p := permutation{n: n, mask: 1<<width - 1, shift: uint(width+1) / 2}
	for i := range p.keys {
		seed = mix(seed + 0x9e3779b97f4a7c15)
		p.keys[i] = seed
	}
	return p
}

// at returns the element at place i.
func (p permutation) at(i uint64) uint64 {
	for {
		// Adding, multiplying by an odd number and folding the high half into the low one
		// are each invertible modulo a power of two.
		for _, k := range p.keys {
			i = (i + k) * (k | 1) & p.mask
			i ^= i >> p.shift
		}
		if i < p.n {
			return i
		}
	}
}
