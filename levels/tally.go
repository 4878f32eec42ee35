package levels

import (
	"sync"
	"sync/atomic"

	"github.com/middb/middb/sstable"
)

// Lookups counts reads of single keys that memtables did not answer, and what they did to tables whose bounds
// hold the key.
type Lookups struct {
	Gets     int64 // reads
	Excluded int64 // tables that a filter spared a read
	Found    int64 // tables that were read and had the key
	Missed   int64 // tables that were read in vain
}

// A tally counts Lookups without slowing them down: every read adds once, to one of several cache lines. Which
// one is up to the key, so those who share a line read the same block often, and share its pin count anyway.
type tally struct {
	stripes [tallyStripes]stripe

	mu   sync.Mutex // guards told
	told Lookups
}

const tallyStripes = 16

// A stripe has its counts in one word, so that one addition counts all of a read. Whoever sees a field of the
// word half full empties it.
type stripe struct {
	word   atomic.Uint64
	totals [tallyFields]atomic.Int64
	_      [64 - 8 - 8*tallyFields]byte
}

const (
	tallyFields = 4
	fieldBits   = 64 / tallyFields
	fieldMask   = 1<<fieldBits - 1
	halfFull    = 0x8000_8000_8000_8000
	fieldLimit  = fieldMask / 4 // what a single read may add
)

// add counts a read of a key with a hash.
func (t *tally) add(hash uint64, n sstable.Lookups) {
	s := &t.stripes[hash>>32%tallyStripes]
	w := 1 | uint64(min(n.Excluded, fieldLimit))<<fieldBits | uint64(min(n.Found, fieldLimit))<<(2*fieldBits) |
		uint64(min(n.Missed, fieldLimit))<<(3*fieldBits)
	if s.word.Add(w)&halfFull != 0 {
		s.spill()
	}
}

// spill empties the word into the totals.
func (s *stripe) spill() {
	w := s.word.Swap(0)
	for i := range s.totals {
		s.totals[i].Add(int64(w >> (i * fieldBits) & fieldMask))
	}
}

// read returns what was counted so far, which is never less than before.
func (t *tally) read() Lookups {
	var sum [tallyFields]int64
	for i := range t.stripes {
		s := &t.stripes[i]
		for f := range sum {
			sum[f] += s.totals[f].Load()
		}
		w := s.word.Load()
		for f := range sum {
			sum[f] += int64(w >> (f * fieldBits) & fieldMask)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// What is spilled while we look is missing, and may have been told before.
	for f, told := range []*int64{&t.told.Gets, &t.told.Excluded, &t.told.Found, &t.told.Missed} {
		*told = max(*told, sum[f])
	}
	return t.told
}
