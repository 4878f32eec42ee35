package catalog

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// checkEntry decodes the entry of a row into vectors, and one that is damaged.
func checkEntry(t *testing.T, seed uint64, r *rand.Rand, table *Table, ix *Index, row []Value, k, value []byte) {
	t.Helper()
	var columns []int
	for _, c := range append(append([]IndexColumn(nil), ix.Columns...), table.PrimaryKey...) {
		if _, at, _ := table.ColumnByID(c.Column); r.IntN(4) > 0 {
			columns = append(columns, at)
		}
	}
	r.Shuffle(len(columns), func(i, j int) { columns[i], columns[j] = columns[j], columns[i] })
	d := table.NewEntryDecoder(ix, columns).Copy()
	vectors := vectorsOf(len(columns))
	d.Begin(vectors, 2)
	keys, values := [][]byte{bytes.Clone(k), bytes.Clone(k)}, [][]byte{bytes.Clone(value), bytes.Clone(value)}
	if err := d.Add(keys, values); err != nil || d.Len() != 2 {
		t.Fatalf("MIDDB_SEED=%d: %d rows, %v", seed, d.Len(), err)
	}
	d.End()
	clear(keys[1]) // texts must not alias it
	for i, at := range columns {
		if got := vectors[i].Value(1); !equal(got, row[at]) {
			t.Fatalf("MIDDB_SEED=%d: column %s is %v, want %v", seed, table.Columns[at].Name, got, row[at])
		}
	}
	want, err := table.IndexEntryPrimaryKey(ix, k, value)
	if got, ownErr := table.NewEntryDecoder(ix, nil).PrimaryKey(k, value); err != nil || ownErr != nil || !bytes.Equal(got, want) {
		t.Fatalf("MIDDB_SEED=%d: the primary key is % x, %v, want % x, %v", seed, got, ownErr, want, err)
	}
	d.Begin(vectors, 1)
	broken := bytes.Clone(k)
	broken[r.IntN(len(broken))] ^= 1 << r.IntN(8)
	broken = broken[:len(broken)-r.IntN(3)%len(broken)]
	if err := d.Add([][]byte{broken}, [][]byte{value}); err != nil && !errors.Is(err, ErrDamaged) {
		t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
	}
}

func TestEntriesWithoutTheColumnsAreNotDecoded(t *testing.T) {
	table, _ := wide(t)
	if d := table.NewEntryDecoder(&table.Indexes[0], []int{0, 2}); d != nil {
		t.Error("a column is decoded that the index does not have")
	}
	if d := table.NewEntryDecoder(&table.Indexes[0], []int{0, RowIDPlace}); d != nil {
		t.Error("a row id is decoded of a table that has a primary key")
	}
}
