package main

import (
	"bytes"
	"math/rand/v2"
)

// maxHeight is how many lists there are at most, one above the other.
const maxHeight = 20

// A skiplist is an ordered map: a linked list of all entries, above it one of about a quarter of them, and so on. (William
// Pugh, "Skip lists: a probabilistic alternative to balanced trees", 1990.)
type skiplist struct {
	head tower
	rng  *rand.Rand
	len  int
}

// A tower is an entry, in as many lists as it is high.
type tower struct {
	key, value []byte
	next       []*tower
}

func newSkiplist() *skiplist {
	return &skiplist{head: tower{next: make([]*tower, maxHeight)}, rng: rand.New(rand.NewPCG(1, 2))}
}

// seek returns the first entry that is not before k. Of each list, before holds the last one that is, if it is not nil.
func (s *skiplist) seek(k []byte, before *[maxHeight]*tower) *tower {
	at := &s.head
	for h := maxHeight - 1; h >= 0; h-- {
		for at.next[h] != nil && bytes.Compare(at.next[h].key, k) < 0 {
			at = at.next[h]
		}
		if before != nil {
			before[h] = at
		}
	}
	return at.next[0]
}

func (s *skiplist) put(k, v []byte) {
	var before [maxHeight]*tower
	if t := s.seek(k, &before); t != nil && bytes.Equal(t.key, k) {
		t.value = bytes.Clone(v)
		return
	}
	height := 1
	for height < maxHeight && s.rng.IntN(4) == 0 {
		height++
	}
	t := &tower{key: bytes.Clone(k), value: bytes.Clone(v), next: make([]*tower, height)}
	for h := range height {
		t.next[h] = before[h].next[h]
		before[h].next[h] = t
	}
	s.len++
}

func (s *skiplist) get(k []byte) (v []byte, found bool) {
	if t := s.seek(k, nil); t != nil && bytes.Equal(t.key, k) {
		return t.value, true
	}
	return nil, false
}
