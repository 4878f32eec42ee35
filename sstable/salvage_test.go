package sstable

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestSalvageReadsAllBlocksThatAreNotDamaged(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 6))
	kvs := sortedKVs(randomKVs(rng, 3000))
	fs, _ := build(t, WriterOptions{FileNum: 1, BlockBytes: 1 << 10}, kvs)
	p := readAll(t, fs)
	whole := open(t, fs, 1, ReaderOptions{})
	blocks := whole.index.blocks()
	if blocks < 10 {
		t.Fatal(blocks)
	}
	bad := map[int]bool{0: true, blocks / 2: true, blocks/2 + 1: true, blocks - 3: true}
	for i := range bad {
		p[whole.index.handle(i).offset] ^= 1
	}
	r := open(t, writeAll(t, p), 1, ReaderOptions{})
	at, lost := 0, 0
	damaged, err := r.Salvage(func(it *Iter) error {
		for !bytes.Equal(it.Key(), kvs[at].k) {
			if !bad[r.index.find(kvs[at].k)] {
				t.Fatalf("key %q of a good block is lost", kvs[at].k)
			}
			at, lost = at+1, lost+1
		}
		err := checkAt(it, kvs, at)
		at++
		return err
	})
	if err != nil || len(damaged) != len(bad) || lost == 0 || at != len(kvs) {
		t.Errorf("%v, %v; %d of %d, %d lost", damaged, err, at, len(kvs), lost)
	}
	stop := errors.New("stop")
	if _, err := r.Salvage(func(*Iter) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}
