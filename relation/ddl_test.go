package relation

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/catalog"
)

func TestChangesThatRowsDoNotAllowAreRefused(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	create(t, c, catalog.NewTable("p").Column("id", "INT").PrimaryKey("id"))
	create(t, c, catalog.NewTable("t").Column("a", "INT").Column("b", "INT").Column("s", "TEXT"))
	insert(t, c, "t", row(1, 1, "x"), row(1, nil, strings.Repeat("y", 1500)))
	create(t, c, catalog.NewTable("checked").Column("a", "INT").Column("b", "INT").Check("a > 0"))
	create(t, c, catalog.NewTable("halves").Column("a", "INT").Check("a / 2 = 1"))
	insert(t, c, "halves", row(3))
	create(t, c, catalog.NewTable("indexed").Column("a", "INT").Index("i", "a"))
	add := func(d IndexDefinition) func(*Tables) error {
		return func(t *Tables) error { return t.CreateIndex("t", d) }
	}
	before := fmt.Sprint(db.state)
	for _, w := range []struct {
		f    func(*Tables) error
		is   error
		says string
	}{
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) { return s.SetNotNull("b") }), ErrNotNull, "(b) = (NULL)"},
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.AddCheck(catalog.Check{Name: "c", Expr: "a > 1"})
		}), ErrCheck, "a > 1 is false for (1, 1, x)"},
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.AddCheck(catalog.Check{Name: "c", Expr: "none > 1"})
		}), nil, "none"},
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.AddColumn(catalog.Column{Name: "n", Type: catalog.Type{Kind: catalog.Int64}, NotNull: true})
		}), ErrNotNull, "(n) = (NULL)"},
		{add(IndexDefinition{Name: "i", Columns: []string{"a"}, Unique: true}), ErrUnique, "(a) = (1)"},
		{add(IndexDefinition{Name: "i", Columns: []string{"s"}}), ErrEntryTooLong, "USING lsm"},
		{add(IndexDefinition{Name: "i", Columns: []string{"q"}}), catalog.ErrSchema, "q"},
		{func(t *Tables) error { return t.AddPrimaryKey("t", "a") }, ErrUnique, "(a) = (1)"},
		{func(t *Tables) error { return t.AddPrimaryKey("t", "b") }, ErrNotNull, "(b) = (NULL)"},
		{func(t *Tables) error {
			return t.AddForeignKey("t", catalog.Reference{Name: "f", Columns: []string{"a"}, Parent: "p"})
		}, ErrForeignKey, "table p has no such row"},
		{func(t *Tables) error {
			return t.AddForeignKey("t", catalog.Reference{Name: "f", Columns: []string{"a"}, Parent: "none"})
		}, ErrNoTable, "table none"},
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.WidenType("a", catalog.Type{Kind: catalog.Decimal, Precision: 2, Scale: 2})
		}), ErrType, "column a"},
		{
			alters("checked", func(s *catalog.Table) (*catalog.Table, error) { return s.DropColumn("a") }), ErrInUse,
			"column a is in check checked_check, which must be dropped before",
		},
		{alters("checked", func(s *catalog.Table) (*catalog.Table, error) {
			s, err := s.DropColumn("a")
			if err != nil {
				return nil, err
			}
			return s.AddColumn(catalog.Column{Name: "a", Type: catalog.Type{Kind: catalog.Int64}, Default: "-1"})
		}), ErrInUse, "column a is in check checked_check"},
		{alters("checked", func(s *catalog.Table) (*catalog.Table, error) {
			s, err := s.RenameColumn("a", "c")
			if err != nil {
				return nil, err
			}
			return s.RenameColumn("b", "a")
		}), ErrInUse, "Tables.RenameColumn"},
		{alters("halves", func(s *catalog.Table) (*catalog.Table, error) {
			return s.WidenType("a", catalog.Type{Kind: catalog.Float64})
		}), ErrCheck, "a / 2 = 1 is false for (3)"},
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.AddColumn(catalog.Column{Name: "n", Type: catalog.Type{Kind: catalog.Int64}, Default: "1 / 0"})
		}), nil, "table t, default of column n: division by zero"},
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.AddIndex(catalog.Index{ID: s.ID + 100, Name: "i", State: catalog.Ready, Columns: []catalog.IndexColumn{{Column: 1}}})
		}), catalog.ErrSchema, "index i is new and has the id"},
		{alters("indexed", func(s *catalog.Table) (*catalog.Table, error) {
			return s.SetIndexState("i", catalog.Building)
		}), catalog.ErrSchema, "index i is another one than before"},
		{alters("indexed", func(s *catalog.Table) (*catalog.Table, error) {
			s, err := s.RenameTable("indexed")
			s.Indexes[0].Columns = []catalog.IndexColumn{{Column: 1, Descending: true}}
			return s, err
		}), catalog.ErrSchema, "index i is another one than before"},
		{func(t *Tables) error { return t.DropIndex("t", "none") }, ErrNoIndex, "index none"},
		{func(t *Tables) error { return t.Drop("none") }, ErrNoTable, "none"},
		{alters("t", func(s *catalog.Table) (*catalog.Table, error) { return s.RenameTable("p") }), ErrTableExists, "table p"},
		{creates(catalog.NewTable("t").Column("x", "INT")), ErrTableExists, "table t"},
	} {
		err := try(c, func(t *Tables) error { _ = w.f(t); return nil }) // committed all the same
		if err != nil {
			t.Error(err)
		}
		if err := try(c, w.f); err == nil || w.is != nil && !errors.Is(err, w.is) || !strings.Contains(err.Error(), w.says) {
			t.Errorf("got %v, want %v and %q", err, w.is, w.says)
		}
		if after := fmt.Sprint(db.state); before != after {
			t.Fatalf("%s\nbefore %s\nafter  %s", w.says, before, after)
		}
	}
}

func TestSchemasChangeUnderRows(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := New(newFake(), Options{Now: func() time.Time { return at }})
	create(t, c, catalog.NewTable("t").Column("a", "INT").Column("b", "INT").Index("by_b", "b DESC"))
	insert(t, c, "t", row(2, 5), row(1, 6))
	update(t, c, func(tables *Tables) error {
		h, err := tables.Table("t")
		if err != nil {
			return err
		}
		if err := tables.Alter("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.AddColumn(catalog.Column{Name: "c", Type: catalog.Type{Kind: catalog.Int64}, Default: "3 * 4", NotNull: true})
		}); err != nil {
			return err
		}
		if err := h.InsertFields(map[string]any{"a": 3}); err != nil { // the handle knows
			return err
		}
		return tables.Alter("t", func(s *catalog.Table) (*catalog.Table, error) {
			return s.AddColumn(catalog.Column{Name: "d", Type: catalog.Type{Kind: catalog.Timestamp}, Default: "now()"})
		})
	})
	if got := text(t, c, "t", "by_b", ScanOptions{}); got != "3, NULL, 12, 2026-01-02 03:04:05+00; "+
		"1, 6, 12, 2026-01-02 03:04:05+00; 2, 5, 12, 2026-01-02 03:04:05+00" {
		t.Error(got)
	}
	update(t, c, func(tables *Tables) error { return tables.AddPrimaryKey("t", "a DESC") })
	sound(t, c)
	if got := text(t, c, "t", "", ScanOptions{Columns: []string{"a", "b"}}); got != "3, NULL; 2, 5; 1, 6" {
		t.Error(got)
	}
	update(t, c, alters("t", func(s *catalog.Table) (*catalog.Table, error) { return s.DropColumn("c") }))
	update(t, c, func(tables *Tables) error { return tables.DropIndex("t", "by_b") })
	update(t, c, alters("t", func(s *catalog.Table) (*catalog.Table, error) { return s.RenameTable("u") }))
	insert(t, c, "u", row(9, nil, nil))
	sound(t, c)
	if got := text(t, c, "u", "", ScanOptions{Columns: []string{"a", "b"}, Limit: 1}); got != "9, NULL" {
		t.Error(got)
	}
}

func TestNewIdentityStartsAboveItsRows(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("t").Column("id", "BIGINT", catalog.NotNull).PrimaryKey("id"))
	insert(t, c, "t", row(70), row(3))
	update(t, c, alters("t", func(s *catalog.Table) (*catalog.Table, error) {
		next, err := s.RenameTable("t")
		if err == nil {
			next.Columns[0].Identity = catalog.IdentityByDefault
		}
		return next, err
	}))
	insert(t, c, "t", row(nil))
	if got := text(t, c, "t", "", ScanOptions{}); got != "3; 70; 71" {
		t.Error(got)
	}
}

func TestParentsCannotGo(t *testing.T) {
	c := New(newFake(), Options{})
	family(catalog.Restrict, true)(t, c)
	for _, f := range []func(*Tables) error{
		func(t *Tables) error { return t.Drop("p") },
		func(t *Tables) error { return t.DropIndex("p", "pu") },
	} {
		if err := try(c, f); !errors.Is(err, ErrInUse) {
			t.Error(err)
		}
	}
	update(t, c, func(t *Tables) error {
		return errors.Join(t.Drop("d"), t.DropIndex("p", "pu"), t.Drop("c"), t.Drop("p"))
	})
}

func TestLargeTablesGetNoIndexInATransaction(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("t").Column("id", "INT").PrimaryKey("id"))
	if err := in(c, "t", func(h *Table) error {
		for i := range mostRows + 1 {
			if err := h.Insert(row(i)...); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	d := IndexDefinition{Name: "x", Columns: []string{"id"}}
	if err := try(c, func(t *Tables) error { return t.CreateIndex("t", d) }); !errors.Is(err, ErrTooManyRows) {
		t.Error(err)
	}
	if err := c.BuildIndex(t.Context(), "t", d, nil); err != nil {
		t.Error(err)
	}
	sound(t, c)
	create(t, c, catalog.NewTable("none").Column("id", "INT"))
	err := in(c, "none", func(h *Table) error {
		for i := range mostRows + 1 {
			if err := h.Insert(row(i)...); err != nil {
				return err
			}
		}
		return h.tables.AddPrimaryKey("none", "id")
	})
	if !errors.Is(err, ErrTooManyRows) || !strings.Contains(err.Error(), "into a new table") {
		t.Error(err)
	}
}

func TestStatementsHoldTogether(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("t").Column("id", "INT").Column("next", "INT").PrimaryKey("id").ForeignKey([]string{"next"}, "t", nil))
	ring := func(last int) func(*Tables) error {
		return func(tables *Tables) error {
			return tables.Statement(func() error {
				return errors.Join(inserts("t", 1, 2)(tables), inserts("t", 2, 3)(tables), inserts("t", last, 1)(tables))
			})
		}
	}
	if err := try(c, ring(4)); !errors.Is(err, ErrForeignKey) {
		t.Error(err)
	}
	update(t, c, ring(3))
	if err := try(c, deletes("t", 1)); !errors.Is(err, ErrForeignKey) {
		t.Error(err)
	}
	// A part that fails has the whole fail, also if nobody looks.
	update(t, c, func(tables *Tables) error {
		err := tables.Statement(func() error {
			_ = inserts("t", 9, nil)(tables)
			_ = inserts("t", 1, nil)(tables)
			return nil
		})
		if !errors.Is(err, ErrUnique) {
			t.Error(err)
		}
		return nil
	})
	if got := text(t, c, "t", "", ScanOptions{}); got != "1, 2; 2, 3; 3, 1" {
		t.Error(got)
	}
	update(t, c, inTable("t", func(h *Table) error {
		_, err := h.DeleteWhere(ScanOptions{}, nil)
		return err
	}))
}

// A statement that fails and cannot be taken back makes the transaction useless.
func TestStatementThatCannotBeTakenBackIsRemembered(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	create(t, c, people())
	err := try(c, func(tables *Tables) error {
		h, err := tables.Table("people")
		if err != nil {
			return err
		}
		puts := 0
		db.step = func(op string) error {
			if op == "put" {
				if puts++; puts == 2 {
					db.epoch++ // rolling back fails, too
				}
			}
			return nil
		}
		first := h.Insert(row(1, "ada", 1, nil)...)
		db.step = nil
		if !errors.Is(first, errFakeCrash) || tables.Err() == nil {
			t.Error(first, tables.Err())
		}
		if err := h.Insert(row(2, "bob", 1, nil)...); !errors.Is(err, errFakeCrash) {
			t.Error(err)
		}
		return nil
	})
	if !errors.Is(err, errFakeCrash) {
		t.Error(err)
	}
}

func TestChecksFollowNames(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	create(t, c, catalog.NewTable("t").Column("a", "INT").Column("b", "INT").Check("a > 0 AND t.b < 5").Check("b <> 3"))
	insert(t, c, "t", row(1, 1))
	update(t, c, func(t *Tables) error {
		return errors.Join(t.RenameColumn("t", "a", "Big"), t.RenameColumn("t", "b", "a"), t.Rename("t", "u"))
	})
	if got := fmt.Sprint(schemaOf(t, c, "u").Checks); got != `[{t_check "Big" > 0 AND u.a < 5} {t_check1 a <> 3}]` {
		t.Error(got)
	}
	for _, r := range [][]catalog.Value{row(0, 1), row(1, 5), row(1, 3)} {
		if err := in(c, "u", func(h *Table) error { return h.Insert(r...) }); !errors.Is(err, ErrCheck) {
			t.Error(err)
		}
	}
	if err := try(c, func(t *Tables) error { return t.RenameColumn("u", "none", "x") }); !errors.Is(err, ErrNoColumn) {
		t.Error(err)
	}
	if err := try(c, func(t *Tables) error { return t.RenameColumn("u", "a", "Big") }); !errors.Is(err, catalog.ErrSchema) {
		t.Error(err)
	}
	// What does not have the name stays as it was written.
	create(t, c, catalog.NewTable("kept").Column("a", "INT").Column("b", "INT").Check("( a>0 )").Check("b>0"))
	update(t, c, func(t *Tables) error {
		return errors.Join(t.RenameColumn("kept", "b", "c"), t.Rename("kept", "k"))
	})
	if got := fmt.Sprint(schemaOf(t, c, "k").Checks); got != `[{kept_check ( a>0 )} {kept_check1 c > 0}]` {
		t.Error(got)
	}
	// Rows are not read for it.
	db.step = func(op string) error {
		if op == "iterate" {
			return errFakeFault
		}
		return nil
	}
	update(t, c, func(t *Tables) error { return t.RenameColumn("u", "a", "c") })
}
