package offheap

import (
	"slices"
	"testing"
)

func TestAllocReturnsZeroedCountedMemory(t *testing.T) {
	before := Allocated()
	for _, n := range []int{1, 4096, 4097, 3 << 20} {
		for _, huge := range []bool{false, true} {
			b, err := Alloc(n, huge)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) != n || Allocated() != before+int64(n) {
				t.Fatalf("%d bytes of %d, %d counted", len(b), n, Allocated()-before)
			}
			if !isZero(b) {
				t.Fatalf("%d new bytes are not zero", n)
			}
			fill(b)
			Free(b)
		}
	}
	if got := Allocated(); got != before {
		t.Fatalf("%d bytes counted after Free", got-before)
	}
}

func TestReleasedMemoryReadsAsZeroAndStaysUsable(t *testing.T) {
	b, err := Alloc(1<<20+100, true)
	if err != nil {
		t.Fatal(err)
	}
	defer Free(b)
	before := Allocated()
	for range 2 {
		fill(b)
		Release(b)
		if !isZero(b) {
			t.Fatal("released memory keeps its content")
		}
	}
	if Allocated() != before {
		t.Fatal("Release changed the count")
	}
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0xa5
	}
}

func isZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}
