package memtable

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/key"
)

// TestReadersMissNothing runs readers of all kinds beside the writer. The i-th commit writes key
// keyOf(i) with sequence number i; once it is published, a reader must find at least that version at
// every snapshot from it on, and whoever scans one snapshot again, either way, must see the same.
func TestReadersMissNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	commits := uint64(60000)
	if testing.Short() {
		commits = 10000
	}
	for name, keyOf := range map[string]func(i uint64) []byte{
		"random":     func(i uint64) []byte { return binary.BigEndian.AppendUint64([]byte("user"), i*0x9E3779B97F4A7C15) },
		"ascending":  func(i uint64) []byte { return fmt.Appendf(nil, "%020d", i) },
		"descending": func(i uint64) []byte { return binary.BigEndian.AppendUint64(nil, -i) },
		"overwrite":  func(i uint64) []byte { return fmt.Appendf(nil, "%06d", i*7919%5003) },
		"moving":     func(i uint64) []byte { return fmt.Appendf(nil, "%03d/abcdefghijkl/%05d", i/1000, i*7919%10007) },
	} {
		t.Run(name, func(t *testing.T) {
			mem, err := New(NewArenas(), Options{Bytes: 24 << 20})
			if err != nil {
				t.Fatal(err)
			}
			readBeside(t, mem, keyOf, commits, seed)
		})
	}
}

func readBeside(t *testing.T, mem *Memtable, keyOf func(uint64) []byte, commits, seed uint64) {
	var published atomic.Uint64
	var hints [64]atomic.Uint64 // found by readers, used by the writer
	var wg sync.WaitGroup
	for id := range uint64(3) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, id))
			var it Iter
			for published.Load() < commits && !t.Failed() {
				seq := published.Load()
				if seq == 0 {
					continue
				}
				for range 60 {
					seq := published.Load()
					i := 1 + r.Uint64N(seq)
					if r.IntN(2) == 0 { // where the writer splits
						i = 1 + max(seq, 16) - 16 + r.Uint64N(min(seq, 16))
					}
					v, tr, ok := mem.Get(keyOf(i), seq)
					if !ok || tr.Seq() < i || tr.Seq() > seq || binary.BigEndian.Uint64(v) != tr.Seq() {
						t.Errorf("key of commit %d at %d: %v %v", i, seq, tr, ok)
						return
					}
					ahead := published.Load() + r.Uint64N(30)
					h := mem.Hint(keyOf(ahead))
					hints[ahead%64].Store(uint64(h.gen)<<32 | uint64(h.leaf))
				}
				from := keyOf(1 + r.Uint64N(seq))
				it.Reset(mem, seq, nil)
				if a, b := scan(t, &it, from), scanBack(&it, from); a != b {
					t.Errorf("from %q at %d: forward %+v, backward %+v", from, seq, a, b)
				}
			}
		})
	}
	for i := uint64(1); i <= commits; i++ {
		h := hints[i%64].Load()
		var v [8]byte
		binary.BigEndian.PutUint64(v[:], i)
		mem.AddHint(keyOf(i), v[:], key.MakeTrailer(i, key.KindPut), Hint{uint32(h >> 32), place(h)})
		published.Store(i)
	}
	wg.Wait()
}

// digest sums up a stretch of keys in a way that does not depend on the direction.
type digest struct {
	count int
	sum   uint64
}

var digestSeed = maphash.MakeSeed()

func (d *digest) add(it *Iter) {
	d.count++
	d.sum += maphash.Bytes(digestSeed, it.Key()) ^ uint64(it.Trailer())
}

// scan walks up to 300 keys from the first that is not below from.
func scan(t *testing.T, it *Iter, from []byte) (d digest) {
	var last []byte
	for ok := it.SeekGE(from); ok && d.count < 300; ok = it.Next() {
		if last != nil && bytes.Compare(last, it.Key()) >= 0 {
			t.Errorf("order: %q after %q", it.Key(), last)
		}
		last = it.Key()
		d.add(it)
	}
	return d
}

// scanBack walks the keys that scan walked, in reverse.
func scanBack(it *Iter, from []byte) (d digest) {
	n := 0
	ok := it.SeekGE(from)
	for ; ok && n < 300; ok = it.Next() {
		n++
	}
	if ok {
		ok = it.Prev()
	} else {
		ok = it.Last()
	}
	for ; ok && bytes.Compare(it.Key(), from) >= 0; ok = it.Prev() {
		d.add(it)
	}
	return d
}
