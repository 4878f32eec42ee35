package levels

import (
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/sstable"
)

// Many readers of few keys spill all the time, and somebody looks meanwhile.
func TestTallyLosesNothingAndNeverGoesBack(t *testing.T) {
	const readers, each = 4, 200_000
	var c tally
	var done sync.WaitGroup
	sums := make([]Lookups, readers)
	for g := range sums {
		done.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(g)))
			for range each {
				n := sstable.Lookups{Excluded: rng.IntN(30), Found: rng.IntN(2), Missed: rng.IntN(3)}
				c.add(rng.Uint64N(2)<<32, n)
				sums[g].Gets++
				sums[g].Excluded += int64(n.Excluded)
				sums[g].Found += int64(n.Found)
				sums[g].Missed += int64(n.Missed)
			}
		})
	}
	looked := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(looked)
		var before Lookups
		for {
			now := c.read()
			if now.Gets < before.Gets || now.Excluded < before.Excluded || now.Found < before.Found || now.Missed < before.Missed {
				t.Errorf("%+v after %+v", now, before)
			}
			before = now
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	done.Wait()
	close(stop)
	<-looked
	var want Lookups
	for _, s := range sums {
		want.Gets += s.Gets
		want.Excluded += s.Excluded
		want.Found += s.Found
		want.Missed += s.Missed
	}
	if got := c.read(); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
}

// A read of a database with very many tables counts as many as fit, and disturbs no other count.
func TestTallyBoundsWhatOneReadAdds(t *testing.T) {
	var c tally
	for range 10 {
		c.add(0, sstable.Lookups{Excluded: 1 << 40, Found: 1})
	}
	if got := c.read(); got.Gets != 10 || got.Found != 10 || got.Missed != 0 || got.Excluded != 10*fieldLimit {
		t.Fatalf("%+v", got)
	}
}

func TestGetCountsWhatItAsks(t *testing.T) {
	tables := NewTables(newMem(t), "db", nil)
	build := &Builder{Tables: tables, NextFileNum: counter(1), BloomBitsPerKey: 10}
	var levels [NumLevels][]*Table
	for level, ks := range [][]string{{"a", "c", "z"}, {"a", "b", "z"}} {
		var es []memEntry
		for _, k := range ks {
			es = append(es, memEntry{k: []byte(k), t: key.MakeTrailer(uint64(2-level), key.KindPut)})
		}
		e, err := Flush(build, &sliceIter{es: es}, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		levels[level] = append(levels[level], tables.NewTable(e.Added[0].TableMeta))
	}
	v, err := NewVersion(levels)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"a", "b", "c", "0", "zz"} { // the last two are outside of every table
		if _, _, _, err := v.Get([]byte(k), sstable.Hash([]byte(k)), nil); err != nil {
			t.Fatal(err)
		}
	}
	got := tables.Lookups()
	// b is not in level 0; a filter of ten bits a key may say that it is.
	if got.Gets != 5 || got.Found != 3 || got.Excluded+got.Missed != 1 {
		t.Fatalf("%+v", got)
	}
	for i := range 1000 {
		k := []byte{'a', byte(i), byte(i >> 8)}
		if _, _, found, err := v.Get(k, sstable.Hash(k), nil); found || err != nil {
			t.Fatalf("%v %v", found, err)
		}
	}
	unknown := tables.Lookups()
	if n := unknown.Excluded - got.Excluded; n < 1900 || n+unknown.Missed-got.Missed != 2000 {
		t.Fatalf("1000 reads of unknown keys in two tables: %+v after %+v", unknown, got)
	}
}
