package engine

import (
	"bytes"
	"testing"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/wal"
)

// Hundreds of millions of tiny operations fit the limit of bytes, and no memtable.
func TestBatchOfTooManyTinyOperationsIsRefused(t *testing.T) {
	b := Batch{overlay: overlay{writes: writes{charge: maxBatchCharge - memtable.EntryBytes(1, 0), count: 1}}}
	if err := b.Delete([]byte("a")); err != nil {
		t.Fatal(err)
	}
	wantError(t, b.Delete([]byte("a")), ErrBatchTooLarge)
	wantError(t, b.Put([]byte("a"), nil), ErrBatchTooLarge)
	if b.Len() != 2 {
		t.Fatalf("refused operations left %d", b.Len())
	}
}

func TestReplayReservesWhatOperationsAreCharged(t *testing.T) {
	arenas := memtable.NewArenas()
	defer arenas.Close()
	m, err := memtable.New(arenas, memtable.Options{Bytes: 64 << 20})
	must(t, err)
	seq := uint64(0)
	for k := 1; k < 40; k++ {
		for v := range 40 {
			a, b := make([]byte, k), bytes.Repeat([]byte{1}, v+1)
			for i, ops := range [][]byte{
				wal.AppendPut(nil, a, b),
				wal.AppendDelete(nil, a),
				wal.AppendPutWithExpiry(nil, a, 1, b),
				wal.AppendRangeDelete(nil, a, b),
				wal.AppendMerge(nil, a, merge.AppendOperand(nil, merge.Append, b)),
			} {
				bound, err := chargeBound(wal.Record{Count: 1, Ops: ops})
				must(t, err)
				before := m.Bytes()
				seq++
				kind, key, value, _, err := wal.DecodeOp(ops)
				must(t, err)
				actors.ApplyOp(m, kind, key, value, seq, nil)
				if m.Bytes()-before > bound {
					t.Errorf("operation %d of %d+%d bytes: %d reserved, %d charged", i, k, v, bound, m.Bytes()-before)
				}
			}
		}
	}
}
