package bloom

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/zeebo/xxh3"
)

func TestFormatExample(t *testing.T) {
	want := make([]byte, 65)
	want[0], want[64] = 1, 1
	got := Build(nil, []uint64{1}, 1)
	if string(got) != string(want) {
		t.Fatalf("got % x, the specification says % x", got, want)
	}
	f, ok := Parse(want)
	if !ok || !f.MayContain(1) || f.MayContain(1<<31) {
		t.Fatalf("example: parsed %v, has 1 %v, has 1<<31 %v", ok, f.MayContain(1), f.MayContain(1<<31))
	}
}

func hashOf(i int) uint64 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(i))
	return xxh3.Hash(b[:])
}

func TestFalsePositivesAreAboutOnePercent(t *testing.T) {
	for _, n := range []int{1, 1000, 100_000, 600_000} {
		hashes := make([]uint64, n)
		for i := range hashes {
			hashes[i] = hashOf(i)
		}
		f, ok := Parse(Build(nil, hashes, 10))
		if !ok {
			t.Fatal("the built filter does not parse")
		}
		for _, h := range hashes {
			if !f.MayContain(h) {
				t.Fatalf("n=%d: a key that was added is denied", n)
			}
		}
		wrong, asked := 0, 200_000
		for i := range asked {
			if f.MayContain(hashOf(1<<40 + i)) {
				wrong++
			}
		}
		rate := float64(wrong) / float64(asked)
		t.Logf("n=%d: %.2f %% false positives, saturation %.2f", n, 100*rate, f.Saturation())
		if rate > 0.014 {
			t.Errorf("n=%d: %.2f %% false positives at 10 bits a key", n, 100*rate)
		}
	}
}

func TestParseRefusesWhatIsNoFilter(t *testing.T) {
	for _, p := range [][]byte{nil, {1}, make([]byte, 64), make([]byte, 65), append(make([]byte, 64), 17)} {
		if _, ok := Parse(p); ok {
			t.Errorf("accepted %d bytes ending in % x", len(p), p[max(0, len(p)-1):])
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Build(nil, []uint64{1, 2, 3}, 10), uint64(7))
	f.Fuzz(func(_ *testing.T, p []byte, h uint64) {
		if flt, ok := Parse(p); ok {
			flt.MayContain(h)
			flt.Saturation()
		}
	})
}

func BenchmarkMayContain(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	hashes := make([]uint64, 600_000)
	for i := range hashes {
		hashes[i] = rng.Uint64()
	}
	f, _ := Parse(Build(nil, hashes, 10))
	b.Run("present", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			f.MayContain(hashes[i%len(hashes)])
		}
	})
	b.Run("absent", func(b *testing.B) {
		for i := 0; i < b.N; i++ {
			f.MayContain(uint64(i) * 0x9e3779b97f4a7c15)
		}
	})
}
