package relation

import (
	"errors"
	"testing"

	"github.com/middb/middb/catalog"
)

// Positions are those of the next number, whether the process knows what is reserved or only what is stored.
func TestPositionsAreOfTheNextNumber(t *testing.T) {
	db := newFake()
	c := New(db, Options{})
	update(t, c, func(tables *Tables) error {
		return errors.Join(
			tables.PutSequence("s", SequenceDefinition{Start: 10, Increment: -2, Min: 6, Max: 10}),
			tables.Create(definition(t, catalog.NewTable("t").Column("id", "BIGINT", catalog.GeneratedByDefault).PrimaryKey("id"))))
	})
	position := func(c *Catalog, name string, want int64, wantEnded bool) {
		t.Helper()
		update(t, c, func(tables *Tables) error {
			n, ended, err := tables.SequencePosition(name)
			if err != nil || n != want || ended != wantEnded {
				t.Errorf("%s goes on with %d, %v, %v, and should with %d, %v", name, n, ended, err, want, wantEnded)
			}
			return nil
		})
	}
	identity := func(c *Catalog, want int64) {
		t.Helper()
		update(t, c, func(tables *Tables) error {
			if n, err := tables.IdentityPosition("t"); err != nil || n != want {
				t.Errorf("the identity goes on with %d, %v, and should with %d", n, err, want)
			}
			return nil
		})
	}
	position(c, "s", 10, false)
	for _, next := range []int64{8, 6} {
		update(t, c, func(tables *Tables) error {
			_, err := tables.NextValue("s")
			return err
		})
		position(c, "s", next, false)
	}
	update(t, c, func(tables *Tables) error {
		_, err := tables.NextValue("s")
		return err
	})
	position(c, "s", 6, true)

	identity(c, 1)
	update(t, c, func(tables *Tables) error { return tables.StartIdentity("t", 40) })
	identity(c, 40)
	insert(t, c, "t", []catalog.Value{catalog.Null()})
	identity(c, 41)
	insert(t, c, "t", []catalog.Value{catalog.Int(50)})
	identity(c, 51)
	identity(New(db, Options{}), 72) // who does not know what was given of the block that begins with 40
	update(t, c, func(tables *Tables) error {
		if err := tables.StartIdentity("t", 0); !errors.Is(err, ErrArguments) {
			t.Errorf("got %v", err)
		}
		if _, _, err := tables.SequencePosition("nope"); !errors.Is(err, ErrNoSequence) {
			t.Errorf("got %v", err)
		}
		_, err := tables.IdentityPosition("nope")
		if !errors.Is(err, ErrNoTable) {
			t.Errorf("got %v", err)
		}
		return nil
	})
}
