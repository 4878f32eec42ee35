//go:build unix && !race

package offheap

import "testing"

func TestAllocReportsWhatCannotBeMapped(t *testing.T) {
	before := Allocated()
	if b, err := Alloc(1<<62, false); err == nil {
		Free(b)
		t.Fatal("mapped 4 EiB")
	}
	if Allocated() != before {
		t.Fatal("counted memory that it did not give")
	}
}
