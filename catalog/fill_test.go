package catalog

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// vectorsOf returns n vectors.
func vectorsOf(n int) (out []*Vector) {
	for range n {
		out = append(out, &Vector{})
	}
	return out
}

// checkVectors decodes rows into vectors, and compares them with what Decode makes of them.
func checkVectors(t testing.TB, d *RowDecoder, keys, values [][]byte) {
	t.Helper()
	v := d.Vectors()
	columns := vectorsOf(len(d.columns))
	v.Begin(columns, len(values))
	if err := v.Add(keys, values); err != nil {
		for i := range values {
			if _, rowErr := d.Decode(nil, keys[i], values[i]); rowErr != nil && rowErr.Error() == err.Error() {
				return
			}
		}
		t.Fatalf("%v, which is an error of no row", err)
	}
	v.End()
	for i := range values {
		want, err := d.Decode(nil, keys[i], values[i])
		if err != nil {
			t.Fatalf("row %d is %v, and no error as vectors", i, err)
		}
		for c := range columns {
			if got := columns[c].Value(i); !equal(got, want[c]) {
				t.Fatalf("row %d, column %d: %v, want %v", i, c, got, want[c])
			}
		}
	}
}

// readVectors reads rows into vectors, some at a time, with conditions or without.
func (l *life) readVectors(columns []int) {
	l.t.Helper()
	d := l.table.NewVectorDecoder(columns)
	var allowed []func(w storedRow) bool
	for l.r.IntN(3) == 0 && len(allowed) < 3 {
		place := l.r.IntN(len(l.table.Columns))
		c := l.table.Columns[place]
		x := l.rows[l.r.IntN(len(l.rows))].values[c.ID]
		less, equal, greater := l.r.IntN(2) == 0, l.r.IntN(2) == 0, l.r.IntN(2) == 0
		if d.Where(place, less, equal, greater, x) {
			allowed = append(allowed, func(w storedRow) bool {
				v := w.values[c.ID]
				order := Compare(v, x)
				return !v.IsNull() && (order < 0 && less || order == 0 && equal || order > 0 && greater)
			})
		} else if !x.IsNull() && !l.table.inPrimaryKey(c.ID) {
			l.fatal("column %s is not filtered by %v", c.Name, x)
		}
	}
	var want []storedRow
	for _, w := range l.rows {
		if !slices.ContainsFunc(allowed, func(f func(storedRow) bool) bool { return !f(w) }) {
			want = append(want, w)
		}
	}
	b := Batch{Columns: vectorsOf(len(columns))}
	for next := 0; next < len(l.rows); {
		most := 1 + l.r.IntN(len(l.rows))
		d.Begin(b.Columns, most)
		for room := most; room > 0 && next < len(l.rows); {
			n := min(1+l.r.IntN(room), len(l.rows)-next)
			var keys, values [][]byte
			for _, w := range l.rows[next : next+n] {
				keys, values = append(keys, bytes.Clone(w.primary)), append(values, bytes.Clone(w.stored))
			}
			if !d.Keyed() {
				keys = nil
			}
			if err := d.Add(keys, values); err != nil {
				l.fatal("%v", err)
			}
			for i := range values { // texts must not alias them
				clear(values[i])
				if keys != nil {
					clear(keys[i])
				}
			}
			next, room = next+n, most-d.Len()
		}
		d.End()
		for i := range d.Len() {
			for out, place := range columns {
				c := l.table.Columns[place]
				if got, w := b.Columns[out].Value(i), want[i].values[c.ID]; !equal(got, w) {
					l.fatal("column %s %s is %.50q, want %.50q", c.Name, c.Type, got, w)
				}
			}
		}
		want = want[d.Len():]
	}
	if len(want) > 0 {
		l.fatal("%d rows are missing", len(want))
	}
}

// Texts stay as they are when the vectors are filled again.
func TestTextsInVectorsStay(t *testing.T) {
	table, row := wide(t)
	d := table.NewVectorDecoder([]int{0, 1, 9})
	columns := vectorsOf(3)
	var kept, want []string
	for i := range 500 {
		row[0], row[1], row[9] = Int(int64(i)), Str(strings.Repeat("x", i%7)+string(rune('a'+i%26))), Str(strings.Repeat("y", i))
		primary, _ := table.AppendPrimaryKey(nil, row)
		stored, err := table.AppendRow(nil, row)
		if err != nil {
			t.Fatal(err)
		}
		d.Begin(columns, 3)
		if err := d.Add([][]byte{primary}, [][]byte{stored}); err != nil {
			t.Fatal(err)
		}
		d.End()
		kept = append(kept, columns[1].Texts[0], columns[2].Texts[0])
		want = append(want, row[1].s, row[9].s)
	}
	if !slices.Equal(kept, want) {
		t.Error("texts have changed")
	}
}

func TestVectorsHaveRowIDs(t *testing.T) {
	table := one(t, Type{Kind: String})
	d := table.NewVectorDecoder([]int{RowIDPlace, 0, 77, RowIDPlace})
	columns := vectorsOf(4)
	stored, err := table.AppendRow(nil, []Value{Str("a")})
	if err != nil {
		t.Fatal(err)
	}
	d.Begin(columns, 2)
	err = d.Add([][]byte{AppendRowID(nil, 5), AppendRowID(nil, -6)}, [][]byte{stored, stored})
	d.End()
	if err != nil || columns[0].Ints[1] != -6 || columns[3].Ints[0] != 5 || columns[1].Texts[1] != "a" || !columns[2].IsNull(1) {
		t.Error(columns, err)
	}
	d.Begin(columns, 2)
	if err := d.Add([][]byte{{1, 2}}, [][]byte{stored}); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

func BenchmarkDecodeVectors(b *testing.B) {
	table, row := wide(b)
	const rows = 1000
	var keys, values [][]byte
	for i := range int64(rows) {
		row[0], row[2] = Int(i), Int(i%90)
		primary, err := table.AppendPrimaryKey(nil, row)
		if err != nil {
			b.Fatal(err)
		}
		stored, err := table.AppendRow(nil, row)
		if err != nil {
			b.Fatal(err)
		}
		keys, values = append(keys, primary), append(values, stored)
	}
	for _, c := range []struct {
		name    string
		columns []int
		where   bool
	}{
		{"two numbers", []int{2, 4}, false},
		{"key and number", []int{0, 4}, false},
		{"three numbers and text", []int{2, 3, 4, 8}, false},
		{"three numbers and text where one in 90", []int{2, 3, 4, 8}, true},
		{"ten columns", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, false},
	} {
		for _, batch := range []int{rows, 40} {
			b.Run(c.name+map[bool]string{true: ", whole", false: ", in pieces"}[batch == rows], func(b *testing.B) {
				d := table.NewVectorDecoder(c.columns)
				if c.where && !d.Where(2, false, true, false, Int(7)) {
					b.Fatal("no condition")
				}
				columns := vectorsOf(len(c.columns))
				b.ReportAllocs()
				for b.Loop() {
					d.Begin(columns, rows)
					for i := 0; i < rows; i += batch {
						if err := d.Add(keys[i:i+batch], values[i:i+batch]); err != nil {
							b.Fatal(err)
						}
					}
					d.End()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			})
		}
	}
}
