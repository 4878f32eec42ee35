package catalog

import (
	"testing"
	"time"
)

// wide is a table of ten columns, and a row of it.
func wide(t testing.TB) (*Table, []Value) {
	t.Helper()
	d, err := NewTable("wide").
		Column("id", "BIGINT").Column("name", "TEXT", NotNull).Column("age", "INT").Column("score", "DOUBLE PRECISION").
		Column("price", "DECIMAL(10,2)").Column("active", "BOOLEAN").Column("born", "DATE").Column("seen", "TIMESTAMPTZ").
		Column("mail", "VARCHAR(40)").Column("note", "TEXT").
		PrimaryKey("id").Index("by_name", "name").Build()
	if err != nil {
		t.Fatal(err)
	}
	return &d.Table, []Value{
		Int(123456), Str("Ada Lovelace"), Int(36), Float(0.25), DecimalOf(199, 2), BoolOf(true), DateOf(19000),
		TimestampOf(time.Unix(1700000000, 0)), Str("ada@example.com"), Str("the first programmer of all"),
	}
}

func BenchmarkDecodeRow(b *testing.B) {
	table, row := wide(b)
	primary, err := table.AppendPrimaryKey(nil, row)
	if err != nil {
		b.Fatal(err)
	}
	stored, err := table.AppendRow(nil, row)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		columns []int
	}{
		{"two numbers of ten columns", []int{2, 4}},
		{"a number and text of ten columns", []int{3, 8}},
		{"key and text of ten columns", []int{0, 1}},
		{"ten columns", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
	} {
		b.Run(c.name, func(b *testing.B) {
			d := table.NewRowDecoder(c.columns)
			var values []Value
			b.ReportAllocs()
			for b.Loop() {
				if values, err = d.Decode(values[:0], primary, stored); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendRow(b *testing.B) {
	table, row := wide(b)
	var dst []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = table.AppendRow(dst[:0], row); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendKeys(b *testing.B) {
	table, row := wide(b)
	var dst []byte
	var err error
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = table.AppendPrimaryKey(dst[:0], row); err != nil {
			b.Fatal(err)
		}
		n := len(dst)
		if dst, _, err = table.AppendIndexKey(dst, &table.Indexes[0], row, dst[:n]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, c := range []struct {
		name string
		a, b Value
	}{
		{"integers", Int(1), Int(2)},
		{"text", Str("Ada Lovelace"), Str("Ada Byron")},
		{"decimals of two scales", DecimalOf(199, 2), DecimalOf(20, 1)},
		{"decimal and float", DecimalOf(199, 2), Float(1.99)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Compare(c.a, c.b)
			}
		})
	}
}
