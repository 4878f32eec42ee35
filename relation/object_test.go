package relation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
)

func TestObjectsAreKeptByKindAndName(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	update(t, c, func(tables *Tables) error {
		return errors.Join(tables.PutObject("view", "b", []byte("1")), tables.PutObject("view", "a", nil),
			tables.PutObject("viewer", "c", []byte("3")), tables.PutObject("view", "b", []byte("2")), tables.DeleteObject("view", "z"))
	})
	update(t, c, func(tables *Tables) error {
		list, err := tables.Objects("view")
		if got := fmt.Sprint(list); err != nil || got != "[{a []} {b [50]}]" {
			t.Errorf("%s, %v", got, err)
		}
		v, found, err := tables.Object("view", "b")
		if string(v) != "2" || !found || err != nil {
			t.Errorf("%q, %v, %v", v, found, err)
		}
		return tables.DeleteObject("view", "b")
	})
	update(t, c, func(tables *Tables) error {
		if _, found, err := tables.Object("view", "b"); found || err != nil {
			t.Errorf("%v, %v", found, err)
		}
		return nil
	})
}

// Tables, views and sequences have one set of names, also for transactions beside each other.
func TestNamesOfTablesAndViewsAreOnce(t *testing.T) {
	makes := map[string]func(*Tables) error{
		"table": func(tables *Tables) error {
			return tables.Create(definition(t, catalog.NewTable("x").Column("a", "BIGINT")))
		},
		"renamed": func(tables *Tables) error {
			return errors.Join(tables.Create(definition(t, catalog.NewTable("y").Column("a", "BIGINT"))), tables.Rename("y", "x"))
		},
		"view":     func(tables *Tables) error { return tables.PutObject(ViewObject, "x", []byte("select 1")) },
		"sequence": func(tables *Tables) error { return tables.PutSequence("x", DefaultSequence()) },
	}
	for first, f := range makes {
		for second, g := range makes {
			if first == second {
				continue
			}
			db := newFake()
			c := New(db, Options{})
			a, b := db.begin(), db.begin()
			if err := errors.Join(f(c.Tables(context.Background(), a)), g(c.Tables(context.Background(), b)), a.commit()); err != nil {
				t.Fatal(first, second, err)
			}
			if err := b.commit(); !errors.Is(err, errFakeConflict) {
				t.Errorf("%s beside %s: %v", second, first, err)
			}
			err := g(c.Tables(context.Background(), db.begin()))
			if !errors.Is(err, ErrTableExists) {
				t.Errorf("%s after %s: %v", second, first, err)
			}
		}
	}
}

func TestStatisticsGoWithTheirTable(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	var id uint32
	update(t, c, func(tables *Tables) error {
		err := errors.Join(tables.Create(definition(t, catalog.NewTable("t").Column("a", "BIGINT"))), tables.PutStatistics("t", []byte("many")))
		schema, schemaErr := tables.Schema("t")
		id = schema.ID
		return errors.Join(err, schemaErr)
	})
	for _, want := range []string{"many", ""} {
		update(t, c, func(tables *Tables) error {
			if v, err := tables.Statistics(id); string(v) != want || err != nil {
				t.Errorf("%q, %v, want %q", v, err, want)
			}
			if want == "" {
				return nil
			}
			return tables.Drop("t")
		})
	}
}

func TestSequencesCountAsTheyAreDefined(t *testing.T) {
	const least, most = math.MinInt64, math.MaxInt64
	for _, x := range []struct {
		d    SequenceDefinition
		want []int64
		ends bool
	}{
		{DefaultSequence(), []int64{1, 2, 3}, false},
		{SequenceDefinition{Start: 5, Increment: 3, Min: 1, Max: 12}, []int64{5, 8, 11}, true},
		{SequenceDefinition{5, 3, 1, 12, true}, []int64{5, 8, 11, 1, 4, 7, 10, 1}, false},
		{SequenceDefinition{5, -2, 0, 6, true}, []int64{5, 3, 1, 6, 4, 2, 0, 6, 4}, false},
		{SequenceDefinition{Start: -1, Increment: -1, Min: least, Max: -1}, []int64{-1, -2, -3}, false},
		{SequenceDefinition{7, 1, 7, 7, true}, []int64{7, 7, 7}, false},
		{SequenceDefinition{7, 1, 7, 7, false}, []int64{7}, true},
		{SequenceDefinition{most - 1, 1, least, most, true}, []int64{most - 1, most, least, least + 1}, false},
		{SequenceDefinition{least, most, least, most, false}, []int64{least, -1, most - 1}, true},
		{SequenceDefinition{most, least, least, most, true}, []int64{most, -1, most, -1}, false},
	} {
		db := newFake()
		c := New(db, Options{})
		update(t, c, func(tables *Tables) error { return tables.PutSequence("s", x.d) })
		update(t, c, func(tables *Tables) error {
			for i, want := range x.want {
				if n, err := tables.NextValue("s"); n != want || err != nil {
					t.Errorf("%+v, number %d: %d, %v, want %d", x.d, i, n, err, want)
				}
			}
			if _, err := tables.NextValue("s"); x.ends != errors.Is(err, ErrExhausted) {
				t.Errorf("%+v: in the end: %v", x.d, err)
			}
			return nil
		})
	}
}

// A sequence that is stored again goes on from its new start, and one that is there is not taken for an orphan.
func TestSequencesAreSet(t *testing.T) {
	db := newFake()
	ctx := context.Background()
	c := New(db, Options{})
	next := func(want int64) {
		t.Helper()
		update(t, c, func(tables *Tables) error {
			n, err := tables.NextValue("s")
			if n != want {
				t.Errorf("%d, want %d", n, want)
			}
			return err
		})
	}
	d := DefaultSequence()
	update(t, c, func(tables *Tables) error { return tables.PutSequence("s", d) })
	next(1)
	next(2)
	d.Start = 100
	update(t, c, func(tables *Tables) error { return tables.PutSequence("s", d) })
	next(100)
	c = New(db, Options{})
	if err := c.RemoveUnfinished(ctx); err != nil {
		t.Fatal(err)
	}
	next(132) // the rest of the block is lost
	update(t, c, func(tables *Tables) error {
		got, found, err := tables.Sequence("s")
		if got != d || !found || err != nil {
			t.Errorf("%+v, %v, %v", got, found, err)
		}
		return tables.DropSequence("s")
	})
	c = New(db, Options{})
	if err := c.RemoveUnfinished(ctx); err != nil {
		t.Fatal(err)
	}
	for k := range db.state[catalogSpace] {
		if k := string(db.state[catalogSpace][k].k); k != nextIDKey {
			t.Errorf("%q is left", k)
		}
	}
	update(t, c, func(tables *Tables) error {
		if _, err := tables.NextValue("s"); !errors.Is(err, ErrNoSequence) {
			t.Error(err)
		}
		return nil
	})
	for _, d := range []SequenceDefinition{{}, {Increment: 1, Min: 2, Max: 1}, {Increment: 1, Start: 5, Max: 4}} {
		err := db.Update(ctx, func(txn Txn) error { return c.Tables(ctx, txn).PutSequence("s", d) })
		if !errors.Is(err, ErrArguments) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	if _, _, err := decodeSequence("s", slices.Repeat([]byte{9}, sequenceBytes)); !errors.Is(err, catalog.ErrDamaged) {
		t.Error(err)
	}
}

func definition(t *testing.T, b *catalog.Builder) *catalog.Definition {
	t.Helper()
	d, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return d
}
