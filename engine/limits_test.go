package engine

import (
	"testing"

	"github.com/middb/middb/memtable"
	"github.com/middb/middb/wal"
)

// Hundreds of millions of tiny operations fit the limit of bytes, and no memtable.
func TestBatchOfTooManyTinyOperationsIsRefused(t *testing.T) {
	b := Batch{charge: maxBatchCharge - memtable.EntryBytes(1, 0)}
	if err := b.Delete([]byte("a")); err != nil {
		t.Fatal(err)
	}
	wantError(t, b.Delete([]byte("a")), ErrBatchTooLarge)
	wantError(t, b.Put([]byte("a"), nil), ErrBatchTooLarge)
	if b.Len() != 1 {
		t.Fatalf("refused operations left %d", b.Len())
	}
}

func TestReplayReservesWhatOperationsAreCharged(t *testing.T) {
	for k := 1; k < 40; k++ {
		key := make([]byte, k)
		rec := wal.Record{Count: 1, Ops: wal.AppendDelete(nil, key)}
		if got, want := chargeBound(rec), memtable.EntryBytes(k, 0); got < want {
			t.Errorf("delete of a key of %d bytes: %d reserved, %d charged", k, got, want)
		}
		for v := range 40 {
			rec.Ops = wal.AppendPut(nil, key, make([]byte, v))
			if got, want := chargeBound(rec), memtable.EntryBytes(k, v); got < want {
				t.Errorf("put of %d+%d bytes: %d reserved, %d charged", k, v, got, want)
			}
		}
	}
}
