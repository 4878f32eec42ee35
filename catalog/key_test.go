package catalog

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/tests/environment"
)

// keyTypes are those that can be in keys.
var keyTypes = slices.DeleteFunc(slices.Clone(types), func(t Type) bool { return !t.Key() })

// orders are all ways to sort.
var orders = []key.Order{0, key.Descending, key.NullsFirst, key.Descending | key.NullsFirst}

// compareInOrder compares as a key of an order should.
func compareInOrder(a, b Value, o key.Order) int {
	c := Compare(a, b)
	switch {
	case a.IsNull() != b.IsNull():
		if o&key.NullsFirst != 0 {
			return -c
		}
		return c
	case o&key.Descending != 0:
		return -c
	default:
		return c
	}
}

func TestKeysSortAsCompareDoes(t *testing.T) {
	for seed := range environment.Seeds(t, 10) {
		r := source(seed)
		for _, typ := range keyTypes {
			values := append(extremes(typ), Null())
			for range 20 {
				values = append(values, random(r, typ))
			}
			for _, o := range orders {
				keys := make([][]byte, len(values))
				for i, v := range values {
					keys[i] = AppendKeyValue(nil, v, o)
					tuple := key.NewTuple(append(bytes.Clone(keys[i]), 0x55))
					got, err := DecodeKeyValue(&tuple, typ, o)
					if err != nil || !equal(got, v) || !bytes.Equal(tuple.Rest(), []byte{0x55}) {
						t.Fatalf("MIDDB_SEED=%d: %s %.50q in order %d is read as %.50q, %v, before % x", seed, typ, v, o, got, err, tuple.Rest())
					}
				}
				for i := range values {
					for j := range values {
						if got, want := bytes.Compare(keys[i], keys[j]), compareInOrder(values[i], values[j], o); got != want {
							t.Fatalf("MIDDB_SEED=%d: %s %.50q and %.50q in order %d: keys %d, want %d", seed, typ, values[i], values[j], o, got, want)
						}
					}
				}
			}
		}
	}
}

// keyed returns a table with a primary key and two indexes of random columns, and one that has none.
func keyed(t *testing.T, r *rand.Rand, unique bool) *Table {
	t.Helper()
	table := &Table{Name: "k", Version: 1, NextColumn: 1}
	for i := range 6 {
		table.Columns = append(table.Columns, Column{
			ID: table.NextColumn, Name: string(rune('a' + i)), Type: keyTypes[r.IntN(len(keyTypes))], NotNull: true,
		})
		table.NextColumn++
	}
	columns := func(n int) (k []IndexColumn) {
		for _, i := range r.Perm(len(table.Columns))[:n] {
			k = append(k, IndexColumn{table.Columns[i].ID, r.IntN(2) == 0, r.IntN(2) == 0})
		}
		return k
	}
	table.PrimaryKey = columns(1 + r.IntN(3))
	for i := range table.Columns {
		table.Columns[i].NotNull = table.inPrimaryKey(table.Columns[i].ID)
	}
	table.Indexes = []Index{{ID: 1, Name: "ix", Columns: columns(1 + r.IntN(3)), Unique: unique, State: Ready}}
	table.Layouts = []Layout{table.layout()}
	if err := table.Validate(); err != nil {
		t.Fatal(err)
	}
	return table
}

func randomRow(r *rand.Rand, table *Table) (row []Value) {
	for _, c := range table.Columns {
		v := random(r, c.Type)
		for c.NotNull && v.IsNull() {
			v = random(r, c.Type)
		}
		row = append(row, v)
	}
	return row
}

func TestIndexEntriesGiveBackWhatTheyHave(t *testing.T) {
	for seed := range environment.Seeds(t, 300) {
		r := source(seed)
		table := keyed(t, r, seed%2 == 0)
		ix := &table.Indexes[0]
		for range 10 {
			row := randomRow(r, table)
			primary, err := table.AppendPrimaryKey(nil, row)
			if err != nil {
				t.Fatal(err)
			}
			k, value, err := table.AppendIndexKey([]byte("before"), ix, row, primary)
			if err != nil || !bytes.HasPrefix(k, []byte("before")) {
				t.Fatal(string(k), err)
			}
			k = k[len("before"):]
			got, err := table.IndexEntryPrimaryKey(ix, k, value)
			if err != nil || !bytes.Equal(got, primary) {
				t.Fatalf("MIDDB_SEED=%d: % x, %v, want % x", seed, got, err, primary)
			}
			var want []Value
			var wantKey []byte
			null := false
			for _, c := range ix.Columns {
				_, at, _ := table.ColumnByID(c.Column)
				want = append(want, row[at])
				wantKey = AppendKeyValue(wantKey, row[at], c.Order())
				null = null || row[at].IsNull()
			}
			if null || !ix.Unique {
				wantKey = append(wantKey, primary...)
			}
			if !bytes.Equal(k, wantKey) || ix.Unique != (len(value) > 0) {
				t.Fatalf("MIDDB_SEED=%d: the key of the entry % x: % x, want % x", seed, value, k, wantKey)
			}
			values, err := table.IndexEntryValues(nil, ix, k)
			if err != nil || !slices.EqualFunc(values, want, equal) {
				t.Fatalf("MIDDB_SEED=%d: values %v, %v, want %v", seed, values, err, want)
			}
			checkEntry(t, seed, r, table, ix, row, k, value)
			for cut := range k[:min(len(k), 40)] { // and what is damaged is no panic
				_, _ = table.IndexEntryPrimaryKey(ix, k[:cut], value)
			}
		}
	}
}

func TestUniqueIndexesDoNotCollideInNulls(t *testing.T) {
	d, err := NewTable("u").Column("id", "INT").Column("mail", "TEXT").PrimaryKey("id").Unique("mail").Build()
	if err != nil {
		t.Fatal(err)
	}
	entry := func(id int64, mail Value) []byte {
		row := []Value{Int(id), mail}
		primary, err := d.Table.AppendPrimaryKey(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		k, value, err := d.Table.AppendIndexKey(nil, &d.Table.Indexes[0], row, primary)
		if err != nil || !bytes.Equal(value, primary) {
			t.Fatal(value, err)
		}
		return k
	}
	if !bytes.Equal(entry(1, Str("a")), entry(2, Str("a"))) {
		t.Error("rows with the same value have different keys")
	}
	if bytes.Equal(entry(1, Null()), entry(2, Null())) {
		t.Error("rows with NULL have the same key")
	}
}

func TestDamagedEntriesAreRefused(t *testing.T) {
	d, err := NewTable("u").Column("id", "INT").Column("mail", "TEXT").PrimaryKey("id").
		Unique("mail").Index("plain", "mail").Build()
	if err != nil {
		t.Fatal(err)
	}
	unique, plain := &d.Table.Indexes[0], &d.Table.Indexes[1]
	mail, null := AppendKeyValue(nil, Str("m"), 0), AppendKeyValue(nil, Null(), 0)
	primary := AppendKeyValue(nil, Int(7), 0)
	for name, c := range map[string]struct {
		ix       *Index
		k, value []byte
	}{
		"no value in a unique index":  {unique, mail, nil},
		"something behind the values": {unique, slices.Concat(mail, primary), primary},
		"two primary keys":            {unique, slices.Concat(null, primary), mail},
		"a value in a plain index":    {plain, slices.Concat(mail, primary), primary},
		"no primary key":              {plain, mail, nil},
		"no tuple":                    {plain, []byte{0x80, 0x61}, nil},
		"empty":                       {plain, nil, nil},
	} {
		if got, err := d.Table.IndexEntryPrimaryKey(c.ix, c.k, c.value); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: % x, %v", name, got, err)
		}
		entries := d.Table.NewEntryDecoder(c.ix, []int{1, 0})
		entries.Begin(vectorsOf(2), 1)
		if err := entries.Add([][]byte{c.k}, [][]byte{c.value}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s, as vectors: %v", name, err)
		}
	}
}

func TestPrimaryKeysAreChecked(t *testing.T) {
	table, row := wide(t)
	for want, change := range map[string]func(row []Value) []Value{
		"table wide, column id: expected BIGINT, given NULL: it is in the primary key": func(row []Value) []Value {
			row[0] = Null()
			return row
		},
		`table wide, column id: expected BIGINT, given text "x"`: func(row []Value) []Value { row[0] = Str("x"); return row },
		"table wide: it has 10 columns, and a row 2 values":      func(row []Value) []Value { return row[:2] },
	} {
		if k, err := table.AppendPrimaryKey([]byte("k"), change(slices.Clone(row))); err == nil || err.Error() != want || string(k) != "k" {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := one(t, types[0]).AppendPrimaryKey(nil, []Value{Int(1)}); !errors.Is(err, ErrSchema) {
		t.Error(err)
	}
	for _, id := range []int64{-1 << 63, -1, 0, 1, 1<<63 - 1} {
		if got, err := DecodeRowID(AppendRowID(nil, id)); got != id || err != nil {
			t.Error(id, got, err)
		}
	}
	for _, k := range [][]byte{nil, {0}, {0x81}, {0x80, 1}} {
		if _, err := DecodeRowID(k); !errors.Is(err, ErrDamaged) {
			t.Errorf("% x: %v", k, err)
		}
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	table, row := wide(t)
	dst := make([]byte, 0, 1000)
	d := table.NewRowDecoder([]int{0, 1, 2, 5, 9})
	stored, err := table.AppendRow(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	var values []Value
	if n := testing.AllocsPerRun(100, func() {
		k, err := table.AppendPrimaryKey(dst, row)
		if err != nil {
			t.Fatal(err)
		}
		if values, err = d.Decode(values[:0], k, stored); err != nil {
			t.Fatal(err)
		}
		if dst, _, err = table.AppendIndexKey(k, &table.Indexes[0], row, k); err != nil {
			t.Fatal(err)
		}
		if dst, err = table.AppendRow(dst[:0], row); err != nil {
			t.Fatal(err)
		}
		dst = dst[:0]
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if !reflect.DeepEqual(values, []Value{row[0], row[1], row[2], row[5], row[9]}) {
		t.Error(values)
	}
}
