package collection_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

type item struct {
	Key   string `db:",primarykey"`
	Code  *int   `db:",unique"`
	Group string `db:"grp,index=by_group,check=grp <> 'z'"`
	Count uint16 `db:",index=by_group DESC"`
}

// A model is what a collection of items must be like.
type model map[string]item

// admits returns the error that storing an item must give.
func (m model) admits(x item, inserting bool) error {
	if x.Group == "z" {
		return engine.ErrCheck
	}
	for k, y := range m {
		if k == x.Key && inserting || k != x.Key && x.Code != nil && y.Code != nil && *x.Code == *y.Code {
			return engine.ErrUnique
		}
	}
	return nil
}

func TestCollectionsAreLikeMaps(t *testing.T) {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem(), Durability: engine.NoSync})
	must(t, err)
	defer db.Close()
	rapid.Check(t, func(rt *rapid.T) {
		c, err := collection.Open[item](t.Context(), db, "items")
		must(t, err)
		defer func() { must(t, db.DropTable(t.Context(), "items")) }()
		m := model{}
		for range rapid.IntRange(1, 15).Draw(rt, "transactions") {
			next, in := maps.Clone(m), c
			steps := func() {
				for range rapid.IntRange(1, 4).Draw(rt, "steps") {
					step(rt, in, next)
				}
				compare(rt, in, next)
			}
			if rapid.Bool().Draw(rt, "alone") {
				steps()
				m = next
				continue
			}
			txn, err := db.Begin(engine.TxnOptions{})
			must(t, err)
			in = c.In(txn)
			steps()
			if rapid.Bool().Draw(rt, "commit") {
				must(t, txn.Commit())
				m = next
			} else {
				must(t, txn.Rollback())
			}
			compare(rt, c, m)
		}
		must(t, db.VerifyTables(t.Context(), func(f engine.Finding) bool {
			rt.Error(f)
			return true
		}))
	})
}

// step does something to both.
func step(rt *rapid.T, c *collection.Collection[item], m model) {
	x := item{
		Key: rapid.StringMatching("[a-d]").Draw(rt, "key"), Group: rapid.StringMatching("[x-z]").Draw(rt, "group"),
		Count: rapid.Uint16().Draw(rt, "count"),
	}
	if rapid.Bool().Draw(rt, "coded") {
		code := rapid.IntRange(0, 3).Draw(rt, "code")
		x.Code = &code
	}
	_, there := m[x.Key]
	var got, want error
	what := rapid.SampledFrom([]string{"insert", "upsert", "update", "delete"}).Draw(rt, "what")
	switch what {
	case "insert":
		got, want = c.Insert(&x), m.admits(x, true)
	case "upsert":
		got, want = c.Upsert(&x), m.admits(x, false)
	case "update":
		if want = m.admits(x, false); !there {
			want = engine.ErrRowNotFound
		}
		got = c.Update(x.Key, func(y *item) error {
			*y = x
			return nil
		})
	case "delete":
		if got = c.Delete(x.Key); !there {
			want = engine.ErrRowNotFound
		}
	}
	if !errors.Is(got, want) {
		rt.Fatalf("%s of %+v: %v, want %v", what, x, got, want)
	}
	switch {
	case want != nil:
	case what == "delete":
		delete(m, x.Key)
	default:
		m[x.Key] = x
	}
}

// compare reads everything in both ways.
func compare(rt *rapid.T, c *collection.Collection[item], m model) {
	var want []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		want = append(want, show(m[k]))
	}
	if got := all(rt, c.All()); !slices.Equal(got, want) {
		rt.Fatalf("all are\n%v\nwant\n%v", got, want)
	}
	for _, group := range []string{"x", "y"} {
		var rows []item
		for _, x := range m {
			if x.Group == group {
				rows = append(rows, x)
			}
		}
		slices.SortFunc(rows, func(a, b item) int {
			if a.Count != b.Count {
				return int(b.Count) - int(a.Count)
			}
			return int(a.Key[0]) - int(b.Key[0])
		})
		var want []string
		for _, x := range rows {
			want = append(want, show(x))
		}
		if got := all(rt, c.By("by_group", group)); !slices.Equal(got, want) {
			rt.Fatalf("group %s is\n%v\nwant\n%v", group, got, want)
		}
	}
	if n, err := c.Count(); err != nil || n != uint64(len(m)) {
		rt.Fatalf("counted are %d, %v", n, err)
	}
}

func all(rt *rapid.T, rows func(func(item, error) bool)) (out []string) {
	for x, err := range rows {
		if err != nil {
			rt.Fatal(err)
		}
		out = append(out, show(x))
	}
	return out
}

func show(x item) string {
	code := "none"
	if x.Code != nil {
		code = fmt.Sprint(*x.Code)
	}
	return fmt.Sprint(x.Key, " ", code, " ", x.Group, " ", x.Count)
}
