package relation

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
)

// How many numbers are reserved at a time: twice as many each time.
const (
	firstBlock = 32
	lastBlock  = 16384
)

// endOfNumbers is behind the last number that a sequence can give.
const endOfNumbers = uint64(math.MaxInt64) + 1

// A sequence gives the numbers of a table, each once. It reserves them in blocks, by a small transaction of its own; a crash
// loses the rest of a block.
type sequence struct {
	id uint32

	mu     sync.Mutex
	spans  []span // reserved and not given yet
	beyond uint64 // all numbers from here on are free, as far as is known: it is stored
	block  uint64
}

// A span is the numbers in [from, to).
type span struct{ from, to uint64 }

// sequence returns that of a table.
func (c *Catalog) sequence(id uint32) *sequence {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.sequences[id]
	if s == nil {
		s = &sequence{id: id, block: firstBlock}
		c.sequences[id] = s
	}
	return s
}

// next returns a number that was not given before. Nothing is locked while a block is reserved, so several may be at a time.
func (s *sequence) next(ctx context.Context, db Database) (int64, error) {
	for {
		if n, ok := s.take(); ok {
			return n, nil
		}
		if err := s.reserve(ctx, db, 0); err != nil {
			return 0, err
		}
	}
}

func (s *sequence) take() (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.spans) > 0 {
		first := &s.spans[0]
		if first.from < first.to {
			first.from++
			return int64(first.from - 1), true
		}
		s.spans = s.spans[1:]
	}
	return 0, false
}

// moveOn has the sequence give only numbers above n from now on: a row has that one already.
func (s *sequence) moveOn(ctx context.Context, db Database, n int64) error {
	if n <= 0 || s.skip(uint64(n)) {
		return nil
	}
	return s.reserve(ctx, db, uint64(n))
}

// skip gives up what is reserved up to n. It reports whether n is below all numbers that may still be reserved.
func (s *sequence) skip(n uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.spans {
		s.spans[i].from = max(s.spans[i].from, n+1)
	}
	return n < s.beyond
}

// reserve reserves a block of numbers above least.
func (s *sequence) reserve(ctx context.Context, db Database, least uint64) error {
	s.mu.Lock()
	block := s.block
	s.block = min(2*block, lastBlock)
	s.mu.Unlock()
	var got span
	var stored uint64
	err := db.Update(ctx, func(txn Txn) error {
		k := idKey(sequencePrefix, s.id)
		next, err := number(txn, k)
		if err != nil {
			return err
		}
		stored, got = max(next, 1), span{}
		if least != 0 && least < stored {
			return nil
		}
		if stored >= endOfNumbers && least == 0 {
			return ErrExhausted
		}
		from := min(max(stored, least+1), endOfNumbers)
		got = span{from, min(from+block, endOfNumbers)}
		stored = got.to
		return txn.Put(catalogSpace, k, binary.BigEndian.AppendUint64(nil, stored))
	})
	if err != nil {
		return fmt.Errorf("reserve numbers: %w", err)
	}
	s.mu.Lock()
	s.beyond = max(s.beyond, stored)
	if got.from < got.to {
		s.spans = append(s.spans, got)
	}
	s.mu.Unlock()
	if least != 0 {
		s.skip(least)
	}
	return nil
}
