package levels

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

// newRand returns a generator whose seed a failing test prints.
func newRand(t testing.TB) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

func testOptions(fs vfs.FS) Options {
	return Options{FS: fs, Dir: "db", Cache: page.NewCache(1 << 20)}
}

func newMem(t testing.TB) *vfs.Mem {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("db"); err != nil {
		t.Fatal(err)
	}
	if err := fs.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	return fs
}

var testIdentity = Identity{LogID: 0x1122334455667788, Epoch: 1}

// counter returns a source of file numbers for tests without a Set.
func counter(from uint64) func() uint64 {
	var n atomic.Uint64
	n.Store(from - 1)
	return func() uint64 { return n.Add(1) }
}

func randomMeta(rng *rand.Rand, num uint64) TableMeta {
	a, b := fmt.Sprintf("k%05d", rng.IntN(100000)), fmt.Sprintf("k%05d", rng.IntN(100000))
	if a > b {
		a, b = b, a
	}
	seq := rng.Uint64N(1 << 40)
	m := TableMeta{
		Num: num, Size: rng.Int64N(1 << 30), Smallest: []byte(a), Largest: []byte(b),
		MinSeq: seq, MaxSeq: seq + rng.Uint64N(1000), Entries: 1 + rng.Int64N(1<<20),
		RawBytes: rng.Int64N(1 << 30), Compression: sstable.Compression(rng.IntN(4)),
	}
	m.Tombstones = rng.Int64N(m.Entries + 1)
	m.Expiring = rng.Int64N(m.Entries - m.Tombstones + 1)
	m.EarliestExpiry = rng.Int64() - rng.Int64()
	m.LatestExpiry = max(m.EarliestExpiry, rng.Int64())
	m.Ranges = rng.Int64N(3)
	for i := range m.Checksum {
		m.Checksum[i] = byte(rng.Uint32())
	}
	return m
}
