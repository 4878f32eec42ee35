package relation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
)

// findings returns what Verify says of a table, at most some.
func findings(t *testing.T, c *Catalog, table string, most int) (out []string) {
	t.Helper()
	err := c.db.View(context.Background(), func(txn Txn) error {
		return c.Tables(context.Background(), txn).Verify(context.Background(), table, func(f Finding) bool {
			out = append(out, f.String())
			return len(out) < most
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	setup := func() (*fake, *Catalog) {
		db := newFake()
		c := New(db, Options{})
		create(t, c, people())
		create(t, c, catalog.NewTable("pets").Column("name", "TEXT").Column("owner", "BIGINT").Index("by_owner", "owner").
			ForeignKey([]string{"owner"}, "people", nil))
		insert(t, c, "people", row(1, "ada", 36, "a@x"), row(2, "bob", 40, "b@x"))
		insert(t, c, "pets", row("rex", 1), row("tom", 2))
		return db, c
	}
	_, c := setup()
	s := schemaOf(t, c, "people")
	rows := Space{ID: s.ID}
	byAge, byMail := Space{s.Indexes[0].ID, true}, Space{s.Indexes[1].ID, true}
	key := func(id int64) []byte { return catalog.AppendRowID(nil, id) }
	stored := func(values ...any) []byte {
		b, err := s.AppendRow(nil, row(values...))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	entry := func(ix int, values ...any) ([]byte, []byte) {
		k, v, err := s.AppendIndexKey(nil, &s.Indexes[ix], row(values...), key(int64(values[0].(int))))
		if err != nil {
			t.Fatal(err)
		}
		return k, v
	}
	for _, w := range []struct {
		name, table string
		damage      func(txn Txn) error
		want        string // a finding
	}{
		{"an entry is missing", "people", func(txn Txn) error {
			k, _ := entry(0, 1, "ada", 36, nil)
			return txn.Delete(byAge, k)
		}, "table people, index by_age, key"},
		{"an entry too many", "people", func(txn Txn) error {
			k, v := entry(0, 1, "ada", 37, nil)
			return txn.Put(byAge, k, v)
		}, "has the entry"},
		{"an entry of no row", "people", func(txn Txn) error {
			k, v := entry(0, 3, "ada", 37, nil)
			return txn.Put(byAge, k, v)
		}, "there is no row"},
		{"a unique entry of another row", "people", func(txn Txn) error {
			k, _ := entry(1, 1, "", 0, "a@x")
			return txn.Put(byMail, k, key(2))
		}, "has the value"},
		{"an entry that is none", "people", func(txn Txn) error { return txn.Put(byMail, []byte("?"), nil) }, "is damaged"},
		{"a row that is none", "people", func(txn Txn) error { return txn.Put(rows, key(1), []byte("?")) }, "the stored row is damaged"},
		{"a row without a parent", "pets", func(txn Txn) error { return txn.Delete(rows, key(2)) }, "table people has no such row"},
		{"a row against a check", "people", func(txn Txn) error { return txn.Put(rows, key(1), stored(1, "ada", 0, "a@x")) }, "age > 0 is false"},
		{"NULL", "people", func(txn Txn) error { return txn.Put(rows, key(1), stored(1, nil, 36, "a@x")) }, "column name is NULL"},
		{"text that is too long", "people", func(txn Txn) error {
			return txn.Put(rows, key(1), stored(1, "ada of the numbers", 36, "a@x"))
		}, "is no VARCHAR(10)"},
	} {
		db, c := setup()
		if got := findings(t, c, w.table, 10); len(got) > 0 {
			t.Fatal(got)
		}
		if err := db.Update(context.Background(), w.damage); err != nil {
			t.Errorf("%s: %v", w.name, err)
			continue
		}
		got := findings(t, c, w.table, 10)
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, w.want) }) {
			t.Errorf("%s: found %q", w.name, got)
		}
		if got := findings(t, c, w.table, 1); len(got) != 1 {
			t.Errorf("%s: %d findings, wanted one", w.name, len(got))
		}
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	c := New(newFake(), Options{})
	create(t, c, catalog.NewTable("t").Column("id", "INT").PrimaryKey("id"))
	err := in(c, "t", func(h *Table) error {
		for i := range 300 {
			if err := h.Insert(row(i)...); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return h.tables.Verify(ctx, "t", func(f Finding) bool {
			t.Error(f)
			return true
		})
	})
	if fmt.Sprint(err) != "context canceled" {
		t.Error(err)
	}
}
