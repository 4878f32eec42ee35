package catalog

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

// unhex reads the bytes of the examples in the package's documentation.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	goldenTable = `01 05 01 75 01 05 04 01 02 69 64 01 01 00 00 02 04 6e 61 6d 65 05 00 00 00 00 03 03 61 67 65 01 00 00 00
		04 04 6e 6f 74 65 05 00 00 00 00 01 01 00 00 00 00 01 03 03 01 02 05 00 04 05 00`
	goldenRow   = `00 04 24 00 00 00 00 00 00 00 03 03 41 64 61`
	goldenEntry = `80 41 64 61 00 01 7e db 81 07`
)

// TestFormatExample holds the examples of the documentation. If it fails, what users have on disk is not read any more:
// the format needs another version.
func TestFormatExample(t *testing.T) {
	d, err := NewTable("u").Column("id", "BIGINT").Column("name", "TEXT").Column("age", "BIGINT").Column("note", "TEXT").
		PrimaryKey("id").Build()
	if err != nil {
		t.Fatal(err)
	}
	table, err := d.Resolve(5, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Encode(); !reflect.DeepEqual(got, unhex(t, goldenTable)) {
		t.Errorf("schema:\n% x, want\n% x", got, unhex(t, goldenTable))
	}
	if read, err := DecodeTable(unhex(t, goldenTable)); err != nil || !reflect.DeepEqual(read, table) {
		t.Errorf("schema read: %+v, %v", read, err)
	}
	row := []Value{Int(7), Str("Ada"), Int(36), Null()}
	primary, err := table.AppendPrimaryKey(nil, row)
	if err != nil || hex.EncodeToString(primary) != "8107" {
		t.Errorf("primary key: % x, %v", primary, err)
	}
	stored, err := table.AppendRow(nil, row)
	if err != nil || !reflect.DeepEqual(stored, unhex(t, goldenRow)) {
		t.Errorf("row:\n% x, %v, want\n% x", stored, err, unhex(t, goldenRow))
	}
	got, err := table.NewRowDecoder([]int{0, 1, 2, 3}).Decode(nil, primary, unhex(t, goldenRow))
	if err != nil || !reflect.DeepEqual(got, row) {
		t.Errorf("row read: %v, %v", got, err)
	}
	ix := &Index{Columns: []IndexColumn{{Column: 2}, {Column: 3, Descending: true, NullsFirst: true}}}
	entry, value, err := table.AppendIndexKey(nil, ix, row, primary)
	if err != nil || len(value) > 0 || !reflect.DeepEqual(entry, unhex(t, goldenEntry)) {
		t.Errorf("entry: % x, % x, %v", entry, value, err)
	}
}

// TestFormatOfEveryType pins how each type is stored in rows and keys.
func TestFormatOfEveryType(t *testing.T) {
	for _, c := range []struct{ sql, text, row, key string }{
		{"BIGINT", "-2", "00 00 fe ff ff ff ff ff ff ff", "7e fe"},
		{"DOUBLE PRECISION", "1.5", "00 00 00 00 00 00 00 00 f8 3f", "80 bf f8 00 00 00 00 00 00"},
		{"DECIMAL(5,2)", "1.5", "00 00 96 00 00 00 00 00 00 00", "81 96"},
		{"BOOLEAN", "true", "00 00 01 00 00 00 00 00 00 00", "81"},
		{"TEXT", "a", "00 00 01 61", "80 61 00 01"},
		{"BYTEA", `\x00ff`, "00 00 02 00 ff", "80 00 ff ff 00 01"},
		{"DATE", "1970-01-03", "00 00 02 00 00 00 00 00 00 00", "81 02"},
		{"TIMESTAMPTZ", "1970-01-01 00:00:00.000256", "00 00 00 01 00 00 00 00 00 00", "82 01 00"},
		{
			"UUID", "00112233-4455-6677-8899-aabbccddeeff", "00 00 00112233445566778899aabbccddeeff",
			"80 00112233445566778899aabbccddeeff",
		},
		{"JSON", "{}", "00 00 02 7b 7d", ""},
		{"TEXT", strings.Repeat("x", 300), "01 00 2c 01" + strings.Repeat("78", 300), ""},
		{"TEXT", strings.Repeat("x", 1<<16), "02 00 00 00 01 00" + strings.Repeat("78", 1<<16), ""},
	} {
		d, err := NewTable("t").Column("v", c.sql).Build()
		if err != nil {
			t.Fatal(err)
		}
		v, err := Parse(d.Table.Columns[0].Type, c.text)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := d.Table.AppendRow(nil, []Value{v})
		if err != nil || !reflect.DeepEqual(stored, unhex(t, c.row)) {
			t.Errorf("%s: row % x, %v, want % x", c.sql, stored[:min(len(stored), 40)], err, unhex(t, c.row[:min(len(c.row), 80)]))
		}
		if k := AppendKeyValue(nil, v, 0); c.key != "" && !reflect.DeepEqual(k, unhex(t, c.key)) {
			t.Errorf("%s: key % x, want % x", c.sql, k, unhex(t, c.key))
		}
		if got, err := d.Table.NewRowDecoder([]int{0}).Decode(nil, nil, stored); err != nil || Compare(got[0], v) != 0 {
			t.Errorf("%s: read %v, %v", c.sql, got, err)
		}
	}
}
