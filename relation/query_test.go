package relation

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/exec"
	"github.com/middb/middb/planner/plan"
)

// collect returns the rows of a scan as text, in batches of so many.
func collect(s exec.Storage, r *exec.ScanRequest, batch func() int) (rows []string, err error) {
	c, err := s.Scan(context.Background(), r)
	if err != nil {
		return nil, err
	}
	b := &catalog.Batch{}
	for range r.Columns {
		b.Columns = append(b.Columns, &catalog.Vector{})
	}
	for {
		more, err := c.Next(b, batch())
		if err != nil {
			return rows, errors.Join(err, c.Close())
		}
		if !more {
			return rows, c.Close()
		}
		for i := range b.Len {
			var values []catalog.Value
			for _, v := range b.Columns {
				values = append(values, v.Value(i))
			}
			rows = append(rows, formatValues(values))
		}
	}
}

// queried compares a scan by a query with what it should give, and reads rows singly.
func (m *model) queried(what string, h *Table, index string, o ScanOptions, want []string) {
	m.t.Helper()
	s := h.tables.Storage()
	got, err := collect(s, &exec.ScanRequest{
		Table: h.Schema(), Index: index, Columns: o.Places, Prefix: o.Prefix, Lower: o.Lower, Upper: o.Upper,
		LowerExclusive: o.LowerExclusive, UpperExclusive: o.UpperExclusive, Reverse: o.Reverse, Limit: o.Limit,
	}, func() int { return 1 + m.n(4) })
	if err != nil || !slices.Equal(got, want) {
		m.failf("%s:\ngot  %q %v\nwant %q", what, got, err, want)
	}
}

// single compares single rows with those of the oracle.
func (m *model) single(what string, h *Table, t *oracleTable, index string, columns []catalog.IndexColumn) {
	m.t.Helper()
	places := everyColumn(h.Schema())
	if m.chance(50) {
		places = places[:m.n(len(places)+1)]
	}
	l, err := h.tables.Storage().Lookup(h.Schema(), index, places)
	if err != nil {
		m.failf("%s: %v", what, err)
	}
	rows := t.order(columns)
	for range 4 {
		var values []catalog.Value
		null := false
		for _, k := range columns {
			c, at, _ := t.schema.ColumnByID(k.Column)
			v := m.value(c)
			if len(rows) > 0 && m.chance(80) {
				v = rows[m.n(len(rows))][at]
			}
			null = null || v.IsNull()
			values = append(values, v)
		}
		if null {
			continue
		}
		want := ""
		for _, r := range rows {
			if slices.EqualFunc(columns, values, func(k catalog.IndexColumn, v catalog.Value) bool {
				_, at, _ := t.schema.ColumnByID(k.Column)
				return catalog.Compare(r[at], v) == 0 && !r[at].IsNull()
			}) {
				want = formatValues(pick(r, places))
			}
		}
		row, found, err := l.Get([]catalog.Value{catalog.Int(7)}, values)
		if err != nil || found != (want != "" || len(places) == 0 && found) || found && formatValues(row[1:]) != want {
			m.failf("%s %v: %v %v %v, want %q", what, values, row, found, err, want)
		}
	}
}

func TestQueriesSeeHiddenRowIDs(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	update(t, c, func(tables *Tables) error {
		return tables.Create(definition(t, catalog.NewTable("t").Column("a", "BIGINT").Column("b", "TEXT").Index("by_a", "a")))
	})
	update(t, c, func(tables *Tables) error {
		h, err := tables.Table("t")
		for i := range int64(5) {
			err = errors.Join(err, h.Insert(catalog.Int(10-i), catalog.Str("x")))
		}
		return err
	})
	update(t, c, func(tables *Tables) error {
		schema, err := tables.Schema("t")
		if err != nil {
			return err
		}
		s := tables.Storage()
		for _, index := range []string{"", "by_a"} {
			for _, columns := range [][]int{{plan.HiddenRowID, 0}, {plan.HiddenRowID, 0, 1, plan.HiddenRowID}} {
				got, err := collect(s, &exec.ScanRequest{Table: schema, Index: index, Columns: columns, Limit: 2}, func() int { return 9 })
				want := []string{"1, 10", "2, 9"}
				if index != "" {
					want = []string{"5, 6", "4, 7"}
				}
				for i := range want {
					if len(columns) > 2 {
						want[i] += ", x, " + want[i][:1]
					}
				}
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("index %q: %q %v, want %q", index, got, err, want)
				}
			}
		}
		l, err := s.Lookup(schema, "", []int{plan.HiddenRowID, 1, 0})
		if err != nil {
			return err
		}
		row, found, err := l.Get(nil, []catalog.Value{catalog.Int(2)})
		if got := formatValues(row); !found || err != nil || got != "2, x, 9" {
			t.Errorf("looked up %q %v %v", got, found, err)
		}
		got, err := collect(s, &exec.ScanRequest{
			Table: schema, Columns: []int{0}, Lower: []catalog.Value{catalog.Int(3)}, LowerExclusive: true,
		}, func() int { return 1 })
		if err != nil || !slices.Equal(got, []string{"7", "6"}) {
			t.Errorf("above 3: %q %v", got, err)
		}
		return nil
	})
}

// A plan that was made for another schema is refused.
func TestQueriesRefuseStalePlans(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	var old *catalog.Table
	update(t, c, func(tables *Tables) (err error) {
		if err = tables.Create(definition(t, catalog.NewTable("t").Column("a", "BIGINT"))); err == nil {
			old, err = tables.Schema("t")
		}
		return err
	})
	update(t, c, func(tables *Tables) error { return tables.RenameColumn("t", "a", "b") })
	update(t, c, func(tables *Tables) error {
		s := tables.Storage()
		_, scanErr := s.Scan(context.Background(), &exec.ScanRequest{Table: old, Columns: []int{0}})
		_, lookupErr := s.Lookup(old, "", []int{0})
		if !errors.Is(scanErr, ErrStalePlan) || !errors.Is(lookupErr, ErrStalePlan) {
			t.Error(scanErr, lookupErr)
		}
		return nil
	})
}

// A scan ends with its context.
func TestQueriesEndWithTheirContext(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	update(t, c, func(tables *Tables) error {
		return tables.Create(definition(t, catalog.NewTable("t").Column("a", "BIGINT")))
	})
	update(t, c, func(tables *Tables) error {
		schema, err := tables.Schema("t")
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		cursor, err := tables.Storage().Scan(ctx, &exec.ScanRequest{Table: schema, Columns: []int{0}})
		if err != nil {
			return err
		}
		cancel()
		if _, err := cursor.Next(&catalog.Batch{Columns: []*catalog.Vector{{}}}, 5); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		return cursor.Close()
	})
}
