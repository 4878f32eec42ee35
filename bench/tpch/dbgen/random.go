package dbgen

import "math/bits"

// A random is a stream of numbers of its own for each table and row: wyrand by Wang Yi.
type random uint64

// newRandom returns the stream of a row.
func newRandom(table, row int) random {
	r := random(uint64(table)<<56 ^ uint64(row)*0x9e3779b97f4a7c15)
	r.next()
	return r
}

func (r *random) next() uint64 {
	*r += 0xa0761d6478bd642f
	hi, lo := bits.Mul64(uint64(*r), uint64(*r)^0xe7037ed1a0b428db)
	return hi ^ lo
}

// between returns a number from low to high.
func (r *random) between(low, high int) int {
	hi, _ := bits.Mul64(r.next(), uint64(high-low+1))
	return low + int(hi)
}

// one returns one of a list.
func (r *random) one(list []string) string { return list[r.between(0, len(list)-1)] }
