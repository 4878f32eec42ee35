package model

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/merge"
)

// directory is where every database of this package lives.
const directory = "data/db"

// options are what a seed chooses before its first operation.
type options struct {
	config      engine.Config
	syncPercent int  // how many of the writes that ask for anything ask for Sync
	bigValues   bool // values beyond a block, a log block, a memtable
	keyCount    int
	keyStyle    string
	wrong       int           // how many in a thousand values and operands do not fit their key's operator
	tick        time.Duration // about how far the clock moves at a time
}

func chooseOptions(rng *rand.Rand) options {
	compressions := []engine.Compression{engine.NoCompression, engine.S2, engine.LZ4, engine.Zstd}
	pick := func(choices ...int64) int64 { return choices[rng.IntN(len(choices))] }
	o := options{
		config: engine.Config{
			Dir:                 directory,
			MemtableBytes:       pick(4<<10, 8<<10, 16<<10, 64<<10, 1<<20),
			MemoryBudget:        pick(4<<20, 8<<20),
			BlockBytes:          int(pick(32, 128, 512, 4096)),
			BloomBitsPerKey:     int(pick(-1, 0, 2, 10)),
			L0CompactionTrigger: int(pick(2, 3, 4)),
			TargetFileBytes:     pick(2<<10, 8<<10, 32<<10),
			BaseLevelBytes:      pick(4<<10, 32<<10, 128<<10),
			ManifestBytes:       pick(256, 2<<10, 64<<10),
			Durability:          engine.Durability(pick(int64(engine.Default), int64(engine.Sync), int64(engine.NoSync))),
		},
		syncPercent: int(pick(0, 5, 50, 100)),
		bigValues:   rng.IntN(4) == 0,
		keyCount:    int(pick(5, 50, 500, 3000)),
		keyStyle:    []string{"binary", "decimal", "mixed", "words"}[rng.IntN(4)],
		wrong:       int(pick(0, 0, 2, 20)),
		tick:        time.Duration(pick(100, 1e6, 3600e9)),
	}
	o.config.MergeOperators = []merge.Operator{tailOperator}
	for range rng.IntN(4) {
		o.config.Compression = append(o.config.Compression, compressions[rng.IntN(len(compressions))])
	}
	return o
}

// String prints the options for a failure's report.
func (o options) String() string {
	c := o.config
	return fmt.Sprintf("memtable %d, budget %d, block %d, compression %v, bloom %d, L0 trigger %d, table %d, base level %d, manifest %d, durability %d, %d%% sync, big values %v, %d %s keys, %d/1000 wrong, tick %v",
		c.MemtableBytes, c.MemoryBudget, c.BlockBytes, c.Compression, c.BloomBitsPerKey, c.L0CompactionTrigger,
		c.TargetFileBytes, c.BaseLevelBytes, c.ManifestBytes, c.Durability, o.syncPercent, o.bigValues, o.keyCount, o.keyStyle, o.wrong, o.tick)
}

// otherKeys is how many keys a keyspace other than the default one has at most.
const otherKeys = 200

// makeKeys returns distinct keys in ascending order, for each keyspace. Small alphabets give no more than they
// have.
func (o options) makeKeys(rng *rand.Rand) (all [][][]byte) {
	n := o.keyCount
	for range spaceNames {
		var keys [][]byte
		for range n {
			keys = append(keys, o.makeKey(rng))
		}
		slices.SortFunc(keys, bytes.Compare)
		all = append(all, slices.CompactFunc(keys, bytes.Equal))
		n = min(n, otherKeys)
	}
	return all
}

func (o options) makeKey(rng *rand.Rand) []byte {
	switch o.keyStyle {
	case "binary": // prefixes of one another, bytes at both ends of the range
		alphabet := []byte{0x00, 0x01, 'a', 0xfe, 0xff}
		k := make([]byte, 1+rng.IntN(10))
		for i := range k {
			k[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return k
	case "decimal": // a common prefix and nothing but tails
		return fmt.Appendf(nil, "table/users/row/%08d", rng.IntN(o.keyCount*10))
	case "words": // 16 bytes without anything in common
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, rng.Uint64()), rng.Uint64())
	default: // several prefixes, some long keys
		k := fmt.Appendf(nil, "%c/%d", "abc\xff"[rng.IntN(4)], rng.IntN(o.keyCount*4))
		if rng.IntN(50) == 0 {
			k = append(k, bytes.Repeat([]byte{'z'}, rng.IntN(1<<(1+rng.IntN(16))))...)
		}
		return k
	}
}

// operatorOf returns the operator that changes a key, unless something is wrong.
func operatorOf(id int) string {
	return []string{merge.Append, merge.Counter, merge.Append, tail}[id%4]
}

// makeOperator returns an operator for a key, now and then one that does not fit what the key has.
func (o options) makeOperator(rng *rand.Rand, id int) string {
	if rng.IntN(1000) < o.wrong {
		id = rng.IntN(4)
	}
	return operatorOf(id)
}

// makeOperand returns an operand that an operator takes.
func makeOperand(rng *rand.Rand, operator string, commit int) []byte {
	switch operator {
	case merge.Counter:
		return merge.AppendCount(nil, rng.Int64N(2000)-1000)
	case merge.Append:
		return fmt.Appendf(nil, "+%d", commit)[:rng.IntN(3)]
	default:
		return fmt.Appendf(nil, "c%d.", commit)
	}
}

// makeValue returns a value for a key that a commit writes. It fits the operator of the key, unless something
// is wrong.
func (o options) makeValue(rng *rand.Rand, commit, id int) []byte {
	operator := operatorOf(id)
	if rng.IntN(1000) < o.wrong {
		operator = merge.Append
	}
	switch operator {
	case merge.Counter:
		return merge.AppendCount(nil, int64(commit))
	case tail:
		return fmt.Appendf(nil, "c%dk%d", commit, id)
	default:
		return o.makeBytes(rng, commit, id)
	}
}

// makeBytes returns a value that says which commit wrote it to which key, and half of which can be
// compressed.
func (o options) makeBytes(rng *rand.Rand, commit, id int) []byte {
	n := rng.IntN(120)
	if o.bigValues {
		switch p := rng.IntN(2000); {
		case p == 0:
			n = rng.IntN(1 << (10 + rng.IntN(13)))
		case p < 40:
			n = rng.IntN(20 << 10)
		case p < 500:
			n = rng.IntN(2 << 10)
		}
	}
	if n == 0 {
		return []byte{}
	}
	v := fmt.Appendf(make([]byte, 0, n+32), "c%dk%d.", commit, id)
	for len(v) < n/2 {
		v = binary.LittleEndian.AppendUint64(v, rng.Uint64())
	}
	for len(v) < n {
		v = append(v, "compressible "...)
	}
	return v[:n]
}
