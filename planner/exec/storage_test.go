package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
)

// fakeStorage keeps tables in memory and is strict about what it is asked for.
type fakeStorage struct {
	tables map[string]*fakeTable
	r      *rand.Rand // whether it uses what it may use
	read   int        // how many rows scans have given
	open   int        // cursors
}

// A fakeTable has its rows in no order; behind the columns of a row is its number.
type fakeTable struct {
	*catalog.Table
	rows [][]catalog.Value
}

type fakeKey struct {
	place             int
	descending, first bool
	typ               catalog.Type
}

func (t *fakeTable) key(index string) (keys []fakeKey) {
	columns := t.PrimaryKey
	if index != "" {
		ix, ok := t.Index(index)
		if !ok {
			panic(index)
		}
		columns = ix.Columns
	}
	for _, k := range columns {
		c, at, _ := t.ColumnByID(k.Column)
		keys = append(keys, fakeKey{at, k.Descending, k.NullsFirst, c.Type})
	}
	if len(keys) == 0 {
		keys = append(keys, fakeKey{place: len(t.Columns), typ: bigint})
	}
	return keys
}

func (k *fakeKey) compare(a, b catalog.Value) int {
	if a.IsNull() != b.IsNull() {
		if a.IsNull() == k.first {
			return -1
		}
		return 1
	}
	c := catalog.Compare(a, b)
	if k.descending {
		c = -c
	}
	return c
}

func (k *fakeKey) check(values ...catalog.Value) error {
	for _, v := range values {
		_, scale := v.AsDecimal()
		switch {
		case v.IsNull():
		case v.Kind() != k.typ.Kind, v.Kind() == catalog.Decimal && scale != k.typ.Scale:
			return fmt.Errorf("%v is no %v", v, k.typ)
		case v.Kind() == catalog.String && k.typ.Length > 0 && len([]rune(v.AsString())) > int(k.typ.Length):
			return fmt.Errorf("%q is too long", v)
		}
	}
	return nil
}

// Scan implements Storage.
func (s *fakeStorage) Scan(_ context.Context, r *ScanRequest) (Cursor, error) {
	t := s.tables[r.Table.Name]
	keys := t.key(r.Index)
	for i, v := range r.Prefix {
		if err := keys[i].check(v); err != nil {
			return nil, err
		}
	}
	c := &fakeCursor{storage: s, places: r.Columns}
	for _, row := range t.rows {
		in, err := inRange(keys, r, row)
		if err != nil {
			return nil, err
		}
		for _, x := range r.Simple {
			v, kind := row[len(row)-1], catalog.Int64
			if at := r.Columns[x.Column]; at != plan.HiddenRowID {
				v, kind = row[at], r.Table.Columns[at].Type.Kind
			}
			if x.Value.Kind() != kind {
				return nil, fmt.Errorf("%v is of another kind", x.Value)
			}
			if s.r.IntN(2) == 0 && (v.IsNull() || !holds(x.Op, catalog.Compare(v, x.Value))) {
				in = false
			}
		}
		if in {
			c.rows = append(c.rows, row)
		}
	}
	primary := append(keys, t.key("")...)
	slices.SortFunc(c.rows, func(a, b []catalog.Value) int {
		for _, k := range primary {
			if c := k.compare(a[k.place], b[k.place]); c != 0 {
				return c
			}
		}
		return 0
	})
	if r.Reverse {
		slices.Reverse(c.rows)
	}
	if r.Limit > 0 && len(c.rows) > r.Limit {
		c.rows = c.rows[:r.Limit]
	}
	s.open++
	return c, nil
}

func inRange(keys []fakeKey, r *ScanRequest, row []catalog.Value) (bool, error) {
	for i, v := range r.Prefix {
		if keys[i].compare(row[keys[i].place], v) != 0 {
			return false, nil
		}
	}
	for i, v := range r.Lower {
		k := keys[len(r.Prefix)+i]
		if err := k.check(v); err != nil {
			return false, err
		}
		if c := k.compare(row[k.place], v); c < 0 || c == 0 && r.LowerExclusive {
			return false, nil
		}
	}
	for i, v := range r.Upper {
		k := keys[len(r.Prefix)+i]
		if err := k.check(v); err != nil {
			return false, err
		}
		if c := k.compare(row[k.place], v); c > 0 || c == 0 && r.UpperExclusive {
			return false, nil
		}
	}
	return true, nil
}

// A fakeCursor gives rows in batches of any length, and uses its vectors again.
type fakeCursor struct {
	storage *fakeStorage
	places  []int
	rows    [][]catalog.Value
	closed  bool
}

// Next implements Cursor.
func (c *fakeCursor) Next(b *catalog.Batch, most int) (bool, error) {
	if c.closed || most <= 0 || b.Sel != nil || len(b.Columns) != len(c.places) {
		return false, fmt.Errorf("closed %v, most %d, %d columns for %d", c.closed, most, len(b.Columns), len(c.places))
	}
	n := min(most, len(c.rows))
	if n > 0 {
		n = 1 + c.storage.r.IntN(n)
	}
	for i, at := range c.places {
		b.Columns[i].Reset(0, 0, n)
		for j, row := range c.rows[:n] {
			if at == plan.HiddenRowID {
				at = len(row) - 1
			}
			b.Columns[i].Set(j, n, row[at])
		}
	}
	b.Len = n
	c.storage.read += n
	c.rows = c.rows[n:]
	return n > 0, nil
}

// Close implements Cursor.
func (c *fakeCursor) Close() error {
	if c.closed {
		return fmt.Errorf("closed twice")
	}
	c.closed = true
	c.storage.open--
	return nil
}

// Lookup implements Storage.
func (s *fakeStorage) Lookup(table *catalog.Table, index string, places []int) (Lookup, error) {
	t := s.tables[table.Name]
	if ix, ok := t.Index(index); ok && !ix.Unique {
		return nil, fmt.Errorf("index %s is not unique", index)
	}
	return &fakeLookup{t, t.key(index), places}, nil
}

type fakeLookup struct {
	table  *fakeTable
	keys   []fakeKey
	places []int
}

// Get implements Lookup.
func (l *fakeLookup) Get(dst, key []catalog.Value) ([]catalog.Value, bool, error) {
	if len(key) != len(l.keys) {
		return dst, false, fmt.Errorf("a key of %d values", len(key))
	}
	r := &ScanRequest{Prefix: key}
	for i, v := range key {
		if err := l.keys[i].check(v); err != nil || v.IsNull() {
			return dst, false, fmt.Errorf("%v in a key: %w", v, err)
		}
	}
	for _, row := range l.table.rows {
		if in, _ := inRange(l.keys, r, row); !in {
			continue
		}
		for _, at := range l.places {
			if at == plan.HiddenRowID {
				at = len(row) - 1
			}
			dst = append(dst, row[at])
		}
		return dst, true, nil
	}
	return dst, false, nil
}

// fakeColumns are the columns of fakeTables.
var fakeColumns = []struct{ name, sql string }{
	{"i", "BIGINT"}, {"d", "DECIMAL(5,1)"}, {"s", "VARCHAR(2)"}, {"f", "DOUBLE PRECISION"}, {"t", "DATE"}, {"z", "TIMESTAMPTZ"},
}

const dayOne = 20_000 // days since 1970

// stored returns a value of a column, of which there are few.
func stored(r *rand.Rand, t catalog.Type) catalog.Value {
	if r.IntN(8) == 0 {
		return catalog.Null()
	}
	return storedValue(t, int64(r.IntN(9)-4))
}

func storedValue(t catalog.Type, n int64) catalog.Value {
	switch t.Kind {
	case catalog.Decimal:
		return catalog.DecimalOf(n*5, t.Scale)
	case catalog.String:
		return catalog.Str([]string{"", "a", "aa", "ab", "b", "ba", "é", "éa", "z"}[n+4])
	case catalog.Float64:
		return catalog.Float(float64(n) / 2)
	case catalog.Date:
		return catalog.DateOf(dayOne + n)
	case catalog.Timestamp:
		return catalog.TimestampOf(catalog.DateOf(dayOne).AsTime().Add(time.Duration(n) * 12 * time.Hour))
	default:
		return catalog.Int(n)
	}
}

// newFakeTable returns a table with random rows and indexes.
func newFakeTable(r *rand.Rand, name string, n int) *fakeTable {
	b := catalog.NewTable(name)
	for _, c := range fakeColumns {
		b.Column(c.name, c.sql)
	}
	b.Column("id", "BIGINT", catalog.NotNull)
	primary := r.IntN(2) == 0
	if primary {
		b.PrimaryKey([]string{"id", "id DESC"}[r.IntN(2)])
	}
	b.UniqueIndex("ids", "id")
	for k := range 3 {
		var columns []string
		for _, at := range r.Perm(len(fakeColumns))[:1+r.IntN(2)] {
			columns = append(columns, fakeColumns[at].name+[]string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"}[r.IntN(4)])
		}
		b.Index(fmt.Sprint("ix", k), columns...)
	}
	d, err := b.Build()
	if err != nil {
		panic(err)
	}
	t := &fakeTable{Table: &d.Table}
	for i := range n {
		var row []catalog.Value
		for _, c := range t.Columns[:len(fakeColumns)] {
			row = append(row, stored(r, c.Type))
		}
		t.rows = append(t.rows, append(row, catalog.Int(int64(i)), catalog.Int(int64(100+i))))
	}
	r.Shuffle(n, func(i, j int) { t.rows[i], t.rows[j] = t.rows[j], t.rows[i] })
	return t
}
