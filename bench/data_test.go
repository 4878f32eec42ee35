package main

import (
	"bytes"
	"testing"

	"github.com/golang/snappy"
)

func TestKeysAscendWithTheirIDs(t *testing.T) {
	for _, shape := range []string{shapeDecimal, shapeSpread} {
		for _, n := range []int{1, 2, 999, 100_000} {
			s := newKeySpace(n, 7, shape)
			var last []byte
			for id := range 2 * uint64(n) {
				k := make([]byte, keyBytes)
				s.key(k, id)
				if last != nil && bytes.Compare(last, k) >= 0 {
					t.Fatalf("%s, n %d: key %d is %q, not above %q", shape, n, id, k, last)
				}
				last = k
			}
		}
	}
}

func TestDecimalKeyIsZeroPadded(t *testing.T) {
	k := make([]byte, keyBytes)
	if newKeySpace(10, 1, shapeDecimal).key(k, 9_876_543_210); string(k) != "0000009876543210" {
		t.Fatalf("key %q", k)
	}
}

func TestPermutationMeetsEveryElementOnce(t *testing.T) {
	for _, n := range []uint64{1, 2, 3, 4, 5, 63, 64, 65, 1000, 65537} {
		for seed := range uint64(5) {
			p := newPermutation(n, seed)
			seen, fixed := make([]bool, n), uint64(0)
			for i := range n {
				at := p.at(i)
				if at >= n || seen[at] {
					t.Fatalf("n %d, seed %d: %d at place %d is out of range or met before", n, seed, at, i)
				}
				seen[at] = true
				if at == i {
					fixed++
				}
			}
			if n >= 1000 && fixed > n/100 {
				t.Errorf("n %d, seed %d: %d elements in their own place; not a random order", n, seed, fixed)
			}
		}
	}
}

// TestValuesAreHalfCompressible packs entries into blocks as an engine would and compresses them.
func TestValuesAreHalfCompressible(t *testing.T) {
	for _, n := range []int{100, 101, 1000} {
		s := newKeySpace(10_000, 3, shapeDecimal)
		var raw, packed int
		for first := uint64(0); first < 4000; first += 80 {
			var block []byte
			for id := first; id < first+80; id++ {
				v := make([]byte, n)
				s.value(v, id, filled)
				block = append(block, v...)
			}
			raw += len(block)
			packed += len(snappy.Encode(nil, block))
		}
		if share := float64(packed) / float64(raw); share < 0.48 || share > 0.6 {
			t.Errorf("values of %d bytes compress to %.2f of their size, want about a half", n, share)
		}
	}
}

func TestValuesFollowFromSeedIDAndGeneration(t *testing.T) {
	make1 := func(seed, id, gen uint64) string {
		v := make([]byte, 100)
		newKeySpace(10, seed, shapeDecimal).value(v, id, gen)
		return string(v)
	}
	if first, again := make1(1, 2, 0), make1(1, 2, 0); first != again {
		t.Error("the same value came out different")
	}
	seen := map[string]bool{}
	for seed := range uint64(4) {
		for id := range uint64(50) {
			for gen := range uint64(2) {
				seen[make1(seed, id, gen)] = true
			}
		}
	}
	if len(seen) != 400 {
		t.Errorf("%d different values of 400", len(seen))
	}
}

func TestRandomStreamsDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for _, stream := range []string{"warm", "readrandom"} {
		for w := range 8 {
			r := newRandom(1, stream, w)
			for range 100 {
				n := r.below(1 << 60)
				if n >= 1<<60 {
					t.Fatalf("%d is out of range", n)
				}
				seen[n] = true
			}
		}
	}
	if len(seen) != 1600 {
		t.Errorf("%d different numbers of 1600", len(seen))
	}
}
