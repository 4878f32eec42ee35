package relation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
)

// An index that has lost its entries, or has some of other rows, is made anew.
func TestIndexesAreRebuilt(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	ctx := context.Background()
	d, err := catalog.NewTable("t").Column("id", "BIGINT").Column("a", "TEXT").PrimaryKey("id").Unique("a").Build()
	if err != nil {
		t.Fatal(err)
	}
	rows := func(f func(h *Table) error) error {
		return db.Update(ctx, func(txn Txn) error {
			h, err := c.Tables(ctx, txn).Table("t")
			if err != nil {
				return err
			}
			return f(h)
		})
	}
	err = db.Update(ctx, func(txn Txn) error { return c.Tables(ctx, txn).Create(d) })
	for i := range int64(100) {
		err = errors.Join(err, rows(func(h *Table) error { return h.Insert(catalog.Int(i), catalog.Str(fmt.Sprint("row ", i))) }))
	}
	var index string
	err = errors.Join(err, rows(func(h *Table) error {
		ix := h.shape.indexes[0]
		index = ix.Name
		return errors.Join(h.tables.txn.Clear(ix.space), h.tables.txn.Put(ix.space, []byte("nonsense"), nil))
	}))
	findings := func() (n int) {
		err = errors.Join(err, db.View(ctx, func(txn Txn) error {
			return c.Tables(ctx, txn).Verify(ctx, "t", func(Finding) bool { n++; return true })
		}))
		return n
	}
	if n := findings(); n == 0 || err != nil {
		t.Fatalf("%d findings, %v", n, err)
	}
	if err = c.RebuildIndex(ctx, "t", index); err != nil {
		t.Fatal(err)
	}
	if n := findings(); n > 0 || err != nil {
		t.Fatalf("%d findings after the index was made anew, %v", n, err)
	}
	if err = c.RebuildIndex(ctx, "t", "nothing"); !errors.Is(err, ErrNoIndex) {
		t.Fatalf("an index that is not there: %v", err)
	}
}

// numbered makes a table of rows with the ids 10, 20 ... and v the same.
func numbered(t *testing.T, db *fake, n int) *Catalog {
	t.Helper()
	c := New(db, Options{})
	c.batch = 2
	create(t, c, catalog.NewTable("t").Column("id", "INT").Column("v", "INT").Column("w", "INT").PrimaryKey("id"))
	for i := 1; i <= n; i++ {
		insert(t, c, "t", row(10*i, 10*i, i%2))
	}
	return c
}

// A writer is a transaction beside a building.
type writer struct {
	name string
	f    txn
}

func writers() []writer {
	return []writer{
		{"insert first", txn{inserts("t", 1, 1, 0)}},
		{"insert last", txn{inserts("t", 99, 99, 0)}},
		{"insert the value of the last", txn{inserts("t", 1, 50, 0)}},
		{"insert the value of the first", txn{inserts("t", 99, 10, 0)}},
		{"delete first", txn{deletes("t", 10)}},
		{"delete last", txn{deletes("t", 50)}},
		{"delete in between", txn{deletes("t", 30)}},
		{"update", txn{updates("t", 30, map[string]any{"v": 31}), updates("t", 10, map[string]any{"w": 7})}},
		{"move ahead", txn{updates("t", 10, map[string]any{"id": 60})}},
		{"move back", txn{updates("t", 50, map[string]any{"id": 5})}},
		{"a value moves ahead", txn{deletes("t", 10), inserts("t", 70, 10, 1)}},
		{"a value moves back", txn{inserts("t", 4, 50, 1), deletes("t", 50)}},
		{"NULL", txn{updates("t", 30, map[string]any{"v": nil}), updates("t", 20, map[string]any{"v": nil})}},
	}
}

// beside builds an index while a transaction begins and writes before one operation of the storage and commits before
// another. It returns how many operations there were.
func beside(t *testing.T, db *fake, w writer, d IndexDefinition, begin, commit int) (steps int, built error) {
	t.Helper()
	c := New(db, Options{})
	c.batch = 2
	var tables *Tables
	var x *fakeTxn
	var failed error
	inside := false
	db.step = func(string) error {
		if inside {
			return nil
		}
		inside = true
		defer func() { inside = false }()
		if steps == begin {
			x = db.begin()
			tables = c.Tables(context.Background(), x)
			for _, f := range w.f {
				failed = errors.Join(failed, f(tables))
			}
		}
		if steps == commit && failed == nil {
			failed = x.commit()
		}
		steps++
		return nil
	}
	built = c.BuildIndex(context.Background(), "t", d, nil)
	db.step = nil
	if x != nil && !x.done && failed == nil {
		failed = x.commit() // after the building
	}
	sound(t, c)
	s := schemaOf(t, c, "t")
	ix, found := s.Index("ix")
	if found != (built == nil) || found && ix.State != catalog.Ready {
		t.Errorf("built: %v, but there is %+v", built, ix)
	}
	if built != nil && (!d.Unique || !errors.Is(built, ErrUnique)) {
		t.Errorf("built: %v", built)
	}
	if t.Failed() {
		t.Fatalf("%s, unique %v: begins before operation %d, commits before %d; writer %v, building %v",
			w.name, d.Unique, begin, commit, failed, built)
	}
	return steps, built
}

func schemaOf(t *testing.T, c *Catalog, table string) (s *catalog.Table) {
	t.Helper()
	update(t, c, func(tables *Tables) (err error) {
		s, err = tables.Schema(table)
		return err
	})
	return s
}

func TestIndexIsBuiltBesideWritersAtEveryStep(t *testing.T) {
	nightly := os.Getenv("MIDDB_NIGHTLY") != ""
	db := newFake()
	numbered(t, db, 5)
	for _, unique := range []bool{false, true} {
		d := IndexDefinition{Name: "ix", Columns: []string{"v"}, Unique: unique}
		for _, w := range writers() {
			n, _ := beside(t, db.fork(), w, d, -1, -1)
			refused := 0
			for begin := range n {
				for gap := 0; begin+gap <= n; gap++ {
					if _, err := beside(t, db.fork(), w, d, begin, begin+gap); err != nil {
						refused++
					}
					switch {
					case testing.Short():
						gap += 3*gap + 1
					case !nightly:
						gap += gap / 2
					}
				}
			}
			if doubles := strings.HasPrefix(w.name, "insert the value"); doubles != (refused > 0) && unique {
				t.Errorf("%s: %d of the buildings found two rows of one value", w.name, refused)
			}
		}
	}
}

func TestBuildingNamesBothRows(t *testing.T) {
	c := numbered(t, newFake(), 5)
	err := c.BuildIndex(context.Background(), "t", IndexDefinition{Name: "ix", Columns: []string{"w"}, Unique: true}, nil)
	if !errors.Is(err, ErrUnique) || !strings.Contains(err.Error(), "(w) = (0): the value is there already and must be unique (ix): rows (20) and (40)") {
		t.Error(err)
	}
	if _, found := schemaOf(t, c, "t").Index("ix"); found {
		t.Error("the index is there")
	}
}

func TestBuildingTellsItsProgressAndCanBeCancelled(t *testing.T) {
	c := numbered(t, newFake(), 5)
	var told []string
	d := IndexDefinition{Name: "ix", Columns: []string{"w"}}
	err := c.BuildIndex(context.Background(), "t", d, func(done, total uint64) { told = append(told, fmt.Sprint(done, "/", total)) })
	if got := strings.Join(told, " "); err != nil || got != "2/5 4/5 5/5" {
		t.Error(got, err)
	}
	d.Name = "other"
	ctx, cancel := context.WithCancel(context.Background())
	err = c.BuildIndex(ctx, "t", d, func(_, _ uint64) { cancel() })
	if _, found := schemaOf(t, c, "t").Index("other"); !errors.Is(err, context.Canceled) || found {
		t.Error(err, found)
	}
	sound(t, c)
}

// A building that fails, or dies, at any operation of the storage leaves nothing but what RemoveUnfinished removes.
func TestBuildingThatFailsOrDiesLeavesNothing(t *testing.T) {
	d := IndexDefinition{Name: "ix", Columns: []string{"v"}}
	start := newFake()
	numbered(t, start, 5)
	for _, crash := range []bool{false, true} {
		for at := 0; ; at++ {
			db := start.fork()
			c := New(db, Options{})
			c.batch = 2
			left := at
			db.step = func(string) error {
				if left--; left != -1 {
					return nil
				}
				if crash {
					db.crash(0)
					return nil
				}
				return errFakeFault
			}
			err := c.BuildIndex(context.Background(), "t", d, nil)
			db.step = nil
			if left >= 0 {
				break // it has not come so far
			}
			if crash {
				c = New(db, Options{})
				if err := c.RemoveUnfinished(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			s := schemaOf(t, c, "t")
			if ix, found := s.Index("ix"); found != (err == nil) || found && ix.State != catalog.Ready {
				t.Fatalf("operation %d, crash %v: %v, index %+v", at, crash, err, ix)
			}
			for space, entries := range db.state {
				if len(s.Indexes) == 0 && space.Tree && len(entries) > 0 {
					t.Fatalf("operation %d, crash %v: %d entries are left", at, crash, len(entries))
				}
			}
			sound(t, c)
		}
	}
}

func TestIndexThatIsBeingBuiltIsNotUsed(t *testing.T) {
	db := newFake()
	c := numbered(t, db, 5)
	seen := 0
	err := c.BuildIndex(context.Background(), "t", IndexDefinition{Name: "ix", Columns: []string{"v"}}, func(done, _ uint64) {
		if done == 5 {
			return
		}
		seen++
		err := in(c, "t", func(h *Table) error {
			_, err := h.ScanIndex("ix", ScanOptions{})
			return err
		})
		if !errors.Is(err, ErrNoIndex) || !strings.Contains(err.Error(), "being built") {
			t.Error(err)
		}
		err = try(c, creates(catalog.NewTable("child").Column("v", "INT").ForeignKey([]string{"v"}, "t", []string{"v"})))
		if !errors.Is(err, catalog.ErrSchema) {
			t.Error(err)
		}
	})
	if err != nil || seen == 0 {
		t.Fatal(err, seen)
	}
}

func TestIndexCanBeDroppedWhileItIsBuilt(t *testing.T) {
	c := numbered(t, newFake(), 5)
	err := c.BuildIndex(context.Background(), "t", IndexDefinition{Name: "ix", Columns: []string{"v"}}, func(done, _ uint64) {
		if done == 2 {
			update(t, c, func(tables *Tables) error { return tables.DropIndex("t", "ix") })
		}
	})
	if !errors.Is(err, ErrNoIndex) || !strings.Contains(err.Error(), "dropped") {
		t.Error(err)
	}
}

// A unique index that could not be built, nor dropped then, refuses rows until it is dropped by Tidy.
func TestFailedBuildingsAreDroppedLater(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	ctx := context.Background()
	d, err := catalog.NewTable("t").Column("id", "BIGINT").Column("a", "TEXT").PrimaryKey("id").Build()
	if err != nil {
		t.Fatal(err)
	}
	rows := func(f func(h *Table) error) error {
		return db.Update(ctx, func(txn Txn) error {
			h, err := c.Tables(ctx, txn).Table("t")
			if err != nil {
				return err
			}
			return f(h)
		})
	}
	err = errors.Join(db.Update(ctx, func(txn Txn) error { return c.Tables(ctx, txn).Create(d) }), rows(func(h *Table) error {
		return errors.Join(h.Insert(catalog.Int(1), catalog.Str("x")), h.Insert(catalog.Int(2), catalog.Str("x")))
	}))
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space")
	begun := false
	db.step = func(op string) error {
		if op != "commit" {
			return nil
		}
		if begun {
			return full
		}
		begun = true
		return nil
	}
	err = c.BuildIndex(ctx, "t", IndexDefinition{Name: "u", Columns: []string{"a"}, Unique: true}, nil)
	if !errors.Is(err, ErrUnique) || !errors.Is(err, full) {
		t.Fatalf("build: %v", err)
	}
	c.Tidy(ctx) // still without space
	db.step = nil
	insert := func(id int64) error {
		return rows(func(h *Table) error { return h.Insert(catalog.Int(id), catalog.Str("y")) })
	}
	if err := errors.Join(insert(3)); err != nil {
		t.Fatal(err)
	}
	if err := insert(4); !errors.Is(err, ErrUnique) {
		t.Fatalf("the index does not refuse: %v", err)
	}
	c.Tidy(ctx)
	if err := insert(4); err != nil {
		t.Fatal(err)
	}
	err = rows(func(h *Table) error {
		if n := len(h.Schema().Indexes); n != 0 {
			return fmt.Errorf("%d indexes are left", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
