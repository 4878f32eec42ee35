package relation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
)

// update runs f in a transaction that must be committed.
func update(t *testing.T, c *Catalog, f func(tables *Tables) error) {
	t.Helper()
	if err := try(c, f); err != nil {
		t.Fatal(err)
	}
}

// try runs f in a transaction.
func try(c *Catalog, f func(tables *Tables) error) error {
	var tables *Tables
	err := c.db.Update(context.Background(), func(txn Txn) error {
		tables = c.Tables(context.Background(), txn)
		err := f(tables)
		return errors.Join(err, tables.Err())
	})
	if err == nil {
		tables.Committed()
	}
	return err
}

// in runs f with a table.
func in(c *Catalog, table string, f func(table *Table) error) error {
	return try(c, func(tables *Tables) error {
		h, err := tables.Table(table)
		if err != nil {
			return err
		}
		return f(h)
	})
}

func create(t *testing.T, c *Catalog, b *catalog.Builder) {
	t.Helper()
	d, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	update(t, c, func(tables *Tables) error { return tables.Create(d) })
}

func insert(t *testing.T, c *Catalog, table string, rows ...[]catalog.Value) {
	t.Helper()
	err := in(c, table, func(h *Table) error {
		for _, r := range rows {
			if err := h.Insert(r...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// row makes a row of numbers, text and nil.
func row(values ...any) []catalog.Value {
	out := make([]catalog.Value, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case int:
			out[i] = catalog.Int(int64(v))
		case string:
			out[i] = catalog.Str(v)
		}
	}
	return out
}

// text returns all rows of a table, or of an index.
func text(t *testing.T, c *Catalog, table, index string, o ScanOptions) string {
	t.Helper()
	var out []string
	err := in(c, table, func(h *Table) error {
		var rows *Rows
		var err error
		if index == "" {
			rows, err = h.Scan(o)
		} else {
			rows, err = h.ScanIndex(index, o)
		}
		if err != nil {
			return err
		}
		for r, err := range rows.All() {
			if err != nil {
				return err
			}
			out = append(out, formatValues(r.Values()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "; ")
}

// sound verifies all tables.
func sound(t testing.TB, c *Catalog) {
	t.Helper()
	err := c.db.View(context.Background(), func(txn Txn) error {
		tables := c.Tables(context.Background(), txn)
		list, err := tables.List()
		if err != nil {
			return err
		}
		for _, s := range list {
			err := tables.Verify(context.Background(), s.Name, func(f Finding) bool {
				t.Errorf("%v", f)
				return true
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func people() *catalog.Builder {
	return catalog.NewTable("people").Column("id", "BIGINT", catalog.GeneratedByDefault).Column("name", "VARCHAR(10)", catalog.NotNull).
		Column("age", "INT", catalog.Default("18")).Column("mail", "TEXT").PrimaryKey("id").
		Index("by_age", "age DESC", "name").UniqueIndex("by_mail", "mail").Check("age > 0")
}

func TestRowsAreWrittenAndRead(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, people())
	insert(t, c, "people", row(nil, "ada", 36, "a@x"), row(nil, "bob", nil, nil), row(7, "cy", 36, nil))
	err := in(c, "people", func(h *Table) error {
		if err := h.InsertFields(map[string]any{"name": "dan", "mail": "d@x"}); err != nil {
			return err
		}
		if got := formatValues(h.Inserted().Values()); got != "8, dan, 18, d@x" {
			t.Errorf("inserted: %s", got)
		}
		r, err := h.Get(catalog.Int(7))
		if err != nil || r.Value("name").AsString() != "cy" || r.Value("nothing").IsNull() != true {
			t.Errorf("get: %v %v", r, err)
		}
		if err := h.UpdateFields(row(2), map[string]any{"age": 40, "mail": "b@x"}); err != nil {
			return err
		}
		if err := h.Update(row(1), func(r *Row) error { return r.Set("id", 10) }); err != nil {
			return err
		}
		if err := h.Upsert(row(8, "dora", 19, "d@x")...); err != nil {
			return err
		}
		if err := h.Upsert(row(9, "eve", 20, nil)...); err != nil {
			return err
		}
		return h.Delete(catalog.Int(7))
	})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, c)
	for _, w := range []struct {
		index string
		o     ScanOptions
		want  string
	}{
		{"", ScanOptions{}, "2, bob, 40, b@x; 8, dora, 19, d@x; 9, eve, 20, NULL; 10, ada, 36, a@x"},
		{"", ScanOptions{Columns: []string{"name"}, Lower: row(8), LowerExclusive: true}, "eve; ada"},
		{"", ScanOptions{Columns: []string{"name"}, Reverse: true, Limit: 2}, "ada; eve"},
		{"", ScanOptions{Columns: []string{"age"}, Prefix: row(9)}, "20"},
		{"by_age", ScanOptions{Columns: []string{"name", "id", "age"}}, "bob, 2, 40; ada, 10, 36; eve, 9, 20; dora, 8, 19"},
		{"by_age", ScanOptions{Lower: row(36), Upper: row(19), UpperExclusive: true}, "10, ada, 36, a@x; 9, eve, 20, NULL"},
		{"by_mail", ScanOptions{Columns: []string{"mail"}, Lower: row("b@x")}, "b@x; d@x; NULL"},
		{"by_mail", ScanOptions{Columns: []string{"mail"}, Lower: row("b@x"), Upper: row(nil), UpperExclusive: true}, "b@x; d@x"},
	} {
		if got := text(t, c, "people", w.index, w.o); got != w.want {
			t.Errorf("%s %+v:\ngot  %s\nwant %s", w.index, w.o, got, w.want)
		}
	}
	_ = in(c, "people", func(h *Table) error {
		n, err := h.Count()
		e, _ := h.Estimate()
		if n != 4 || e != 4 || err != nil {
			t.Errorf("%d rows, estimated %d, %v", n, e, err)
		}
		rows, _ := h.ScanIndex("by_age", ScanOptions{Columns: []string{"id", "age"}})
		if !rows.IndexOnly() {
			t.Error("the index has these columns")
		}
		return nil
	})
}

func TestViolationsAreErrorsAndLeaveNothing(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	create(t, c, people())
	create(t, c, catalog.NewTable("pets").Column("name", "TEXT").Column("owner", "BIGINT").Column("no", "INT", catalog.GeneratedAlways).
		ForeignKey([]string{"owner"}, "people", nil))
	insert(t, c, "people", row(1, "ada", 36, "a@x"))
	insert(t, c, "pets", row("rex", 1, nil))
	before := fmt.Sprint(db.state)
	long := strings.Repeat("x", 2000)
	for _, w := range []struct {
		table string
		f     func(h *Table) error
		is    error
		says  string
	}{
		{"people", func(h *Table) error { return h.Insert(row(1, "bob", 3, nil)...) }, ErrUnique, "primary key"},
		{"people", func(h *Table) error { return h.Insert(row(2, "bob", 3, "a@x")...) }, ErrUnique, "(mail) = (a@x)"},
		{"people", func(h *Table) error { return h.Insert(row(2, nil, 3, nil)...) }, ErrNotNull, "(name)"},
		{"people", func(h *Table) error { return h.Insert(row(2, "bob", 0, nil)...) }, ErrCheck, "age > 0"},
		{"people", func(h *Table) error { return h.Insert(row(2, "bob", "old", nil)...) }, ErrType, "column age"},
		{"people", func(h *Table) error { return h.Insert(row(2, "Methuselah the elder", 1, nil)...) }, ErrType, "column name"},
		{"people", func(h *Table) error { return h.Insert(row(2, "b", 1, "\xff")...) }, ErrType, "column mail"},
		{"people", func(h *Table) error { return h.Insert(row(2, "bob")...) }, ErrArguments, "4 columns and 2 values"},
		{"people", func(h *Table) error { return h.Insert(row(2, "bob", 1, long)...) }, ErrEntryTooLong, "by_mail over [mail]"},
		{"people", func(h *Table) error { return h.Insert(row(2, "bob", 1, long)...) }, ErrEntryTooLong, "USING lsm"},
		{"people", func(h *Table) error { return h.InsertFields(map[string]any{"nme": 1}) }, ErrNoColumn, "column nme"},
		{"people", func(h *Table) error { return h.Delete(row(5)...) }, ErrRowNotFound, "table people, key (5)"},
		{"people", func(h *Table) error { _, err := h.Get(row(5)...); return err }, ErrRowNotFound, "key (5)"},
		{"people", func(h *Table) error { _, err := h.Get(row(5, 6)...); return err }, ErrArguments, "1 columns"},
		{"people", func(h *Table) error { return h.Delete(row(1)...) }, ErrForeignKey, "row (1) of table pets refers to it"},
		{"people", func(h *Table) error { return h.UpdateFields(row(1), map[string]any{"id": 3}) }, ErrForeignKey, "(id) = (1)"},
		{"people", func(h *Table) error { _, err := h.ScanIndex("no", ScanOptions{}); return err }, ErrNoIndex, "index no"},
		{"pets", func(h *Table) error { return h.Insert(row("tom", 9, nil)...) }, ErrForeignKey, "table people has no such row"},
		{"pets", func(h *Table) error { return h.Insert(row("tom", 1, 5)...) }, ErrIdentity, "(no) = (5)"},
		{"none", func(*Table) error { return nil }, ErrNoTable, "table none"},
	} {
		err := in(c, w.table, func(h *Table) error {
			err := w.f(h)
			if err == nil || !errors.Is(err, w.is) || !strings.Contains(err.Error(), w.says) {
				t.Errorf("got %v, want %v and %q", err, w.is, w.says)
			}
			return nil // committed: what has failed must be gone
		})
		if w.is == ErrNoTable && !errors.Is(err, ErrNoTable) {
			t.Error(err)
		}
	}
	db.state = withoutSequences(db.state)
	if after := fmt.Sprint(db.state); before != after {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	var e *ConstraintError
	err := in(c, "people", func(h *Table) error { return h.Insert(row(2, "bob", 3, "a@x")...) })
	if !errors.As(err, &e) || e.Table != "people" || e.Constraint != "by_mail" || formatValues(e.Values) != "a@x" {
		t.Errorf("%+v", e)
	}
}

func withoutSequences(s fakeState) fakeState { return s }

func TestForeignKeysAreFollowed(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("a").Column("id", "INT").Column("boss", "INT").PrimaryKey("id").
		ForeignKey([]string{"boss"}, "a", nil, catalog.OnDelete(catalog.Cascade), catalog.OnUpdate(catalog.Cascade)))
	create(t, c, catalog.NewTable("b").Column("id", "INT").Column("a", "INT").PrimaryKey("id").Index("b_a", "a").
		ForeignKey([]string{"a"}, "a", nil, catalog.OnDelete(catalog.SetNull), catalog.OnUpdate(catalog.Cascade)))
	insert(t, c, "a", row(1, 1), row(2, 1), row(3, 2), row(4, nil))
	insert(t, c, "b", row(1, 1), row(2, 3), row(3, 4))
	if err := in(c, "a", func(h *Table) error { return h.UpdateFields(row(1), map[string]any{"id": 9}) }); err != nil {
		t.Fatal(err)
	}
	if got := text(t, c, "a", "", ScanOptions{}) + " | " + text(t, c, "b", "b_a", ScanOptions{}); got !=
		"2, 9; 3, 2; 4, NULL; 9, 9 | 2, 3; 3, 4; 1, 9" {
		t.Error(got)
	}
	sound(t, c)
}

// setter is a Modifier that gives rows a value, but for one that has it already, and for a negative one, which it refuses.
type setter int64

var errNegative = errors.New("it is negative")

func (v setter) Modify(row []catalog.Value) ([]catalog.Value, bool, error) {
	if v < 0 {
		return nil, false, errNegative
	}
	return []catalog.Value{catalog.Int(int64(v))}, row[1].AsInt() != int64(v), nil
}

func TestModifyChangesWhatItHasRead(t *testing.T) {
	c := New(newFake(), Options{})
	update(t, c, func(tables *Tables) error {
		err := tables.Create(definition(t, catalog.NewTable("t").Column("a", "BIGINT").Column("b", "BIGINT").PrimaryKey("a").UniqueIndex("u", "b")))
		table, tableErr := tables.Table("t")
		if err = errors.Join(err, tableErr); err != nil {
			return err
		}
		return errors.Join(table.Insert(catalog.Int(1), catalog.Int(10)), table.Insert(catalog.Int(2), catalog.Int(20)))
	})
	update(t, c, func(tables *Tables) error {
		table, err := tables.Table("t")
		if err != nil {
			return err
		}
		for _, x := range []struct {
			key     int64
			to      setter
			changed bool
			err     error
		}{
			{1, 11, true, nil},
			{1, 11, false, nil},
			{3, 30, false, nil},
			{1, -1, false, errNegative},
			{1, 20, false, ErrUnique},
			{2, 21, true, nil},
		} {
			version := tables.Version()
			changed, err := table.Modify([]catalog.Value{catalog.Int(x.key)}, []int{1}, x.to)
			if !errors.Is(err, x.err) || err == nil && changed != x.changed {
				t.Errorf("%+v: %v, %v", x, changed, err)
			}
			if err == nil && tables.Version() != version {
				t.Errorf("%+v: schemas have changed", x)
			}
		}
		if got := table.Inserted().Values(); len(got) != 2 || got[1].AsInt() != 21 {
			t.Error(got)
		}
		row, err := table.Get(catalog.Int(1))
		if err == nil && row.Values()[1].AsInt() != 11 {
			t.Error(row.Values())
		}
		return err
	})
}
