package catalog

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzDecodeTable has any bytes decoded as a schema.
func FuzzDecodeTable(f *testing.F) {
	parent, child := users(f)
	table, _ := wide(f)
	for _, t := range []*Table{parent, child, table} {
		f.Add(t.Encode())
	}
	f.Add(unhex(f, goldenTable))
	f.Fuzz(checkDecodeTable)
}

// FuzzDecodeRow has any bytes decoded as a row and its key: with some columns as with all, and written again the same.
func FuzzDecodeRow(f *testing.F) {
	old, row := wide(f)
	primary, err := old.AppendPrimaryKey(nil, row)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range [][]Value{row, make([]Value, len(row))} {
		stored, err := old.AppendRow(nil, r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(primary, stored)
	}
	table := changed(f, old)
	every := make([]int, len(table.Columns))
	for i := range every {
		every[i] = i
	}
	all, some := table.NewRowDecoder(every), table.NewRowDecoder([]int{2, 1})
	f.Fuzz(func(t *testing.T, primary, stored []byte) {
		whole, err := all.Decode(nil, primary, stored)
		part, partErr := some.Decode(nil, primary, stored)
		checkVectors(t, all, [][]byte{primary}, [][]byte{stored})
		checkVectors(t, some, [][]byte{primary, primary}, [][]byte{stored, stored})
		if err != nil {
			if !errors.Is(err, ErrDamaged) || partErr != nil && !errors.Is(partErr, ErrDamaged) {
				t.Fatal(err, partErr)
			}
			return
		}
		if partErr != nil || !equal(part[0], whole[2]) || !equal(part[1], whole[1]) {
			t.Fatalf("%v, %v, of %v", part, partErr, whole)
		}
		again, err := table.AppendRow(nil, whole)
		if err != nil {
			t.Fatal(err)
		}
		key, err := table.AppendPrimaryKey(nil, whole)
		if err != nil && !whole[0].IsNull() {
			t.Fatal(err)
		}
		if err == nil && !bytes.HasPrefix(primary, key) {
			t.Fatalf("the key % x is written again as % x", primary, key)
		}
		got, err := all.Decode(nil, primary, again)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if !equal(got[i], whole[i]) {
				t.Fatalf("column %d: %v, and written again %v", i, whole[i], got[i])
			}
			_ = got[i].String()
		}
	})
}

// changed returns a table that has been through changes of every sort.
func changed(f *testing.F, table *Table) *Table {
	f.Helper()
	for _, change := range []func() (*Table, error){
		func() (*Table, error) { return table.WidenType("age", Type{Kind: Decimal, Precision: 18, Scale: 2}) },
		func() (*Table, error) { return table.AddColumn(Column{Name: "id2", Type: Type{Kind: UUID}}) },
		func() (*Table, error) { return table.DropColumn("note") },
		func() (*Table, error) { return table.WidenType("age", Type{Kind: Float64}) },
		func() (*Table, error) {
			return table.AddColumn(Column{Name: "more", Type: Type{Kind: Bytes}, Missing: BytesOf([]byte("old"))})
		},
	} {
		next, err := change()
		if err != nil {
			f.Fatal(err)
		}
		table = next
	}
	return table
}
