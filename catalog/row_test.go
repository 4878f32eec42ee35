package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/middb/middb/tests/environment"
)

// A stored row is one that some version of the table has written, and what its columns have by id.
type storedRow struct {
	primary, stored []byte
	values          map[uint16]Value
}

// A life is a table that changes, and the rows that were written meanwhile.
type life struct {
	t       *testing.T
	r       *rand.Rand
	seed    uint64
	table   *Table
	rows    []storedRow
	history []string
}

func (l *life) fatal(format string, args ...any) {
	l.t.Helper()
	l.t.Fatalf("MIDDB_SEED=%d: %s\nafter\n%s", l.seed, fmt.Sprintf(format, args...), strings.Join(l.history, "\n"))
}

// TestRowsOutliveChangesOfTheSchema has tables change at random, and reads rows of all versions after every change.
func TestRowsOutliveChangesOfTheSchema(t *testing.T) {
	for seed := range environment.Seeds(t, 150) {
		r := source(seed)
		l := &life{t: t, r: r, seed: seed, table: keyed(t, r, true)}
		if seed%5 == 0 { // rows found by ids
			l.table.PrimaryKey = nil
			l.table.Layouts = []Layout{l.table.layout()}
		}
		for range 25 {
			l.write()
			l.change()
			l.read()
		}
	}
}

func (l *life) write() {
	row := randomRow(l.r, l.table)
	w := storedRow{values: map[uint16]Value{}}
	var err error
	if len(l.table.PrimaryKey) > 0 {
		if w.primary, err = l.table.AppendPrimaryKey(nil, row); err != nil {
			l.fatal("%v", err)
		}
	}
	if w.stored, err = l.table.AppendRow(nil, row); err != nil {
		l.fatal("%v", err)
	}
	for i, c := range l.table.Columns {
		w.values[c.ID] = row[i]
	}
	l.rows = append(l.rows, w)
}

// change changes the schema, and what the rows should have.
func (l *life) change() {
	before := l.table.Encode()
	c := l.table.Columns[l.r.IntN(len(l.table.Columns))]
	var next *Table
	var err error
	what := ""
	switch l.r.IntN(6) {
	case 0, 1:
		typ := types[l.r.IntN(len(types))]
		added := Column{Name: fmt.Sprintf("n%d", l.table.NextColumn), Type: typ, Missing: random(l.r, typ)}
		what = fmt.Sprintf("add %s %s, missing %.20q", added.Name, typ, added.Missing)
		if next, err = l.table.AddColumn(added); err != nil {
			l.fatal("%s: %v", what, err)
		}
		for _, w := range l.rows {
			w.values[l.table.NextColumn] = added.Missing
		}
	case 2:
		what = "drop " + c.Name
		next, err = l.table.DropColumn(c.Name)
		switch used := l.table.user(c.ID) != "" || len(l.table.Columns) == 1; {
		case used != (err != nil):
			l.fatal("%s: %v", what, err)
		case err == nil:
			for _, w := range l.rows {
				delete(w.values, c.ID)
			}
		}
	case 3, 4:
		to := types[l.r.IntN(len(types))]
		what = fmt.Sprintf("widen %s from %s to %s", c.Name, c.Type, to)
		next, err = l.widen(c, to)
	default:
		what = "rename " + c.Name
		next, err = l.table.RenameColumn(c.Name, fmt.Sprintf("r%d_%d", c.ID, l.table.Version))
	}
	if !bytes.Equal(before, l.table.Encode()) {
		l.fatal("%s changed the table that it should return another of", what)
	}
	if err != nil {
		l.history = append(l.history, what+": "+err.Error())
		return
	}
	l.history = append(l.history, what)
	if next.Version != l.table.Version+1 {
		l.fatal("version %d after %d", next.Version, l.table.Version)
	}
	read, err := DecodeTable(next.Encode())
	if err != nil || !reflect.DeepEqual(read, next) {
		l.fatal("the schema is read as %+v, %v, and was %+v", read, err, next)
	}
	l.table = read
}

// widen changes a type, if all numbers fit.
func (l *life) widen(c Column, to Type) (*Table, error) {
	converted := make([]Value, len(l.rows))
	fits := true
	for i, w := range l.rows {
		var err error
		if converted[i], err = Cast(w.values[c.ID], to); err != nil {
			fits = false
		}
	}
	if to.widens(c.Type) && !fits && (to.Kind != Decimal || c.Type.Kind != Int64) {
		l.fatal("not every %s is a %s", c.Type, to)
	}
	if !fits {
		return nil, errors.New("not all numbers fit")
	}
	next, err := l.table.WidenType(c.Name, to)
	if err == nil {
		for i, w := range l.rows {
			w.values[c.ID] = converted[i]
		}
	}
	return next, err
}

// read reads all rows, with some of the columns in any order, and damages one.
func (l *life) read() {
	columns := l.r.Perm(len(l.table.Columns))[:l.r.IntN(len(l.table.Columns)+1)]
	if len(columns) > 0 {
		columns = append(columns, columns[0])
	}
	d := l.table.NewRowDecoder(columns)
	values := []Value{Str("before")}
	for _, w := range l.rows {
		var err error
		if values, err = d.Decode(values[:1], w.primary, w.stored); err != nil || len(values) != 1+len(columns) {
			l.fatal("%d values, %v", len(values), err)
		}
		for i, place := range columns {
			c := l.table.Columns[place]
			if want := w.values[c.ID]; !equal(values[1+i], want) {
				l.fatal("column %s %s is %.50q, want %.50q", c.Name, c.Type, values[1+i], want)
			}
		}
	}
	l.readVectors(columns)
	w := l.rows[l.r.IntN(len(l.rows))]
	broken := bytes.Clone(w.stored)
	broken[l.r.IntN(min(len(broken), 64))] ^= 1 << l.r.IntN(8)
	_, _ = d.Decode(nil, w.primary, broken)
}

// Rows that are cut off anywhere are refused by every decoder, and flips of bits are no panic.
func TestDamagedRowsAreFoundOrHarmless(t *testing.T) {
	table, row := wide(t)
	row[3], row[8] = Null(), Null()
	primary, err := table.AppendPrimaryKey(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := table.AppendRow(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range [][]int{{}, {1}, {0, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}} {
		d := table.NewRowDecoder(columns)
		for n := range stored {
			if v, err := d.Decode(nil, primary, stored[:n]); !errors.Is(err, ErrDamaged) {
				t.Errorf("cut off at %d: %v, %v", n, v, err)
			}
		}
		if v, err := d.Decode(nil, primary, append(bytes.Clone(stored), 0)); !errors.Is(err, ErrDamaged) {
			t.Errorf("with another byte: %v, %v", v, err)
		}
		for i := range stored {
			for bit := range 8 {
				b := bytes.Clone(stored)
				b[i] ^= 1 << bit
				v, err := d.Decode(nil, primary, b)
				if err == nil && len(v) != len(columns) || err != nil && !errors.Is(err, ErrDamaged) {
					t.Errorf("byte %d, bit %d: %v, %v", i, bit, v, err)
				}
			}
		}
		if len(columns) > 0 && columns[0] == 0 {
			for n := range primary {
				if v, err := d.Decode(nil, primary[:n], stored); !errors.Is(err, ErrDamaged) {
					t.Errorf("key cut off at %d: %v, %v", n, v, err)
				}
			}
		}
	}
}

func TestDamageErrorsSayWhere(t *testing.T) {
	d, err := NewTable("t").Column("a", "BOOL").Column("b", "TEXT").Column("c", "TEXT").Column("d", "INT").PrimaryKey("d").Build()
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]string{
		"table t: the stored row is damaged at byte 0: it is empty":                                                     "",
		"table t: the stored row is damaged at byte 0: it begins with no number":                                        "80 00",
		"table t: the stored row is damaged at byte 0: there are 1 layouts, and this is number 1, with ends of width 0": "04",
		"table t: the stored row is damaged at byte 0: there are 1 layouts, and this is number 0, with ends of width 3": "03",
		"table t: the stored row is damaged at byte 1: it is cut off":                                                   "00 00",
		"table t: the stored row is damaged at byte 1: columns are NULL that it does not have":                          "00 08 0100000000000000 0000",
		"table t, column a: the stored row is damaged at byte 2: 2 is no boolean":                                       "00 00 0200000000000000 0000",
		"table t: the stored row is damaged at byte 1: its text has 0 bytes and should have 1":                          "00 00 0100000000000000 0001",
		"table t, column b: the stored row is damaged at byte 10: it goes from 0 to 2 of 1 bytes":                       "00 00 0100000000000000 0201 61",
	} {
		_, err := d.Table.NewRowDecoder([]int{0, 1, 2}).Decode(nil, nil, unhex(t, c))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n%v, want\n%s", c, err, want)
		}
	}
	_, err = d.Table.NewRowDecoder([]int{3}).Decode(nil, []byte{0x82, 1}, unhex(t, "00 00 0100000000000000 0000"))
	if want := "table t, column d: the stored key is damaged at byte 0: this is no BIGINT"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestIntegersThatDoNotFitAreDamage(t *testing.T) {
	table := one(t, Type{Kind: Int64})
	stored, err := table.AppendRow(nil, []Value{Int(1000)})
	if err != nil {
		t.Fatal(err)
	}
	next, err := table.WidenType("v", Type{Kind: Decimal, Precision: 4, Scale: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = next.NewRowDecoder([]int{0}).Decode(nil, nil, stored); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
}

func TestPlacesThatDoNotExistAreNull(t *testing.T) {
	table, row := wide(t)
	stored, err := table.AppendRow(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	got, err := table.NewRowDecoder([]int{-1, 99}).Decode(nil, nil, stored)
	if err != nil || len(got) != 2 || !got[0].IsNull() || !got[1].IsNull() {
		t.Error(got, err)
	}
}

// A table that was put together by hand, even wrongly, is no panic.
func TestTablesMadeByHandAreNoPanic(t *testing.T) {
	table, row := wide(t)
	byHand := &Table{Name: table.Name, Version: 1, Columns: table.Columns, PrimaryKey: table.PrimaryKey, Layouts: table.Layouts, NextColumn: table.NextColumn}
	a, err := table.AppendRow(nil, row)
	b, err2 := byHand.AppendRow(nil, row)
	if err != nil || err2 != nil || !bytes.Equal(a, b) {
		t.Error(err, err2)
	}
	for _, wrong := range []*Table{
		{},
		{Columns: table.Columns},
		{Columns: table.Columns, Layouts: table.Layouts},
		{Columns: []Column{{ID: 7, Type: Type{Kind: 99}}}, PrimaryKey: []IndexColumn{{Column: 9}}, Layouts: table.Layouts, NextColumn: 3},
	} {
		if err := wrong.Validate(); !errors.Is(err, ErrSchema) {
			t.Error(err)
		}
		_, _ = wrong.AppendRow(nil, row[:len(wrong.Columns)])
		_, _ = wrong.AppendPrimaryKey(nil, row[:len(wrong.Columns)])
		_, _ = wrong.NewRowDecoder([]int{0, 1}).Decode(nil, nil, a)
		_, _ = DecodeTable(wrong.Encode())
	}
}

// A decoder is shared by goroutines, also when it first meets a layout.
func TestDecodersAreShared(t *testing.T) {
	table, row := wide(t)
	stored, err := table.AppendRow(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	d := table.NewRowDecoder([]int{1, 2})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			var values []Value
			for range 100 {
				var err error
				if values, err = d.Decode(values[:0], nil, stored); err != nil || values[0] != row[1] || values[1] != row[2] {
					t.Error(values, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
