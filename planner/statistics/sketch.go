package statistics

import (
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/middb/middb/catalog"
)

// sketchBits is the logarithm of how many registers a sketch has: the error is 1.04/sqrt(2^14), or 0.8 %.
const sketchBits = 14

// A sketch counts different values: HyperLogLog (Flajolet and others, 2007), with the estimator that Ertl (2017) found to be
// good for all counts.
type sketch struct{ registers []uint8 }

// add adds the hash of a value.
func (s *sketch) add(h uint64) {
	if s.registers == nil {
		s.registers = make([]uint8, 1<<sketchBits)
	}
	at := h >> (64 - sketchBits)
	// The bits behind those of the place, and a one so that there is an end.
	zeros := uint8(bits.LeadingZeros64(h<<sketchBits|1<<(sketchBits-1))) + 1
	if s.registers[at] < zeros {
		s.registers[at] = zeros
	}
}

// count returns about how many different values were added.
func (s *sketch) count() float64 {
	if s.registers == nil {
		return 0
	}
	const q = 64 - sketchBits
	const m = 1 << sketchBits
	var counts [q + 2]float64
	for _, r := range s.registers {
		counts[r]++
	}
	z := m * tau(1-counts[q+1]/m)
	for k := q; k >= 1; k-- {
		z = 0.5 * (z + counts[k])
	}
	z += m * sigma(counts[0]/m)
	return m * m / (2 * math.Ln2 * z)
}

// sigma and tau are those of Ertl, algorithm 6.
func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	z, y := x, 1.0
	for {
		x *= x
		before := z
		z += x * y
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == before {
			return z / 3
		}
	}
}

// hashOf returns a hash of a value of a vector that is not NULL, and its width in bytes. Values that are equal have one hash.
func hashOf(v *catalog.Vector, i int) (h uint64, width int) {
	switch v.Kind {
	case catalog.String, catalog.Bytes, catalog.UUID, catalog.JSON:
		return xxh3.HashString(v.Texts[i]), len(v.Texts[i])
	case catalog.Float64:
		f := v.Floats[i]
		switch {
		case f == 0:
			f = 0 // -0 too
		case f != f:
			f = math.NaN()
		}
		return mix(math.Float64bits(f)), 8
	case catalog.Decimal:
		n, scale := v.Value(i).AsDecimal()
		for n%10 == 0 && scale > 0 {
			n, scale = n/10, scale-1
		}
		return mix(uint64(n) ^ uint64(scale)<<56), 8
	case catalog.Bool:
		return mix(uint64(v.Ints[i])), 1
	default:
		return mix(uint64(v.Ints[i])), 8
	}
}

// mix is the finalizer of splitmix64.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
