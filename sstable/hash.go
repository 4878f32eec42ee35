package sstable

import (
	"errors"

	"github.com/zeebo/xxh3"
)

// errFinished is what a Writer answers after Finish or Abort.
var errFinished = errors.New("sstable writer is finished")

// Hash returns the hash of a user key that filters are asked with. A point read computes it once
// for all the tables it looks in.
func Hash(k []byte) uint64 { return xxh3.Hash(k) }
