package collection_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/collection"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// opens tries to open a collection and returns the error.
func opens[T any](table string) func(*testing.T, *engine.DB) error {
	return func(t *testing.T, db *engine.DB) error {
		_, err := collection.Open[T](t.Context(), db, table)
		return err
	}
}

func TestStructsThatCannotBeRowsAreRefused(t *testing.T) {
	type noKey struct{ ID int }
	type private struct {
		id int `db:"id,primarykey"` //nolint:unused // it is refused
	}
	type function struct {
		ID int `db:",primarykey"`
		F  func()
	}
	type (
		unknown struct {
			ID int `db:",primarykey,primery"`
		}
		noValue struct {
			ID int `db:",primarykey,type"`
		}
		empty struct {
			ID int `db:",primarykey,check="`
		}
		value struct {
			ID int `db:",primarykey=1"`
		}
		noType struct {
			ID int `db:",primarykey,type=NUMBERS"`
		}
		other struct {
			ID int `db:",primarykey,type=TEXT"`
		}
		using struct {
			ID int `db:",primarykey,using=lsm"`
		}
		hash struct {
			ID int `db:",primarykey,index,using=hash"`
		}
		onDelete struct {
			ID int `db:",primarykey,ondelete=cascade"`
		}
		identity struct {
			ID string `db:",primarykey,identity"`
		}
		check struct {
			ID int `db:",primarykey,check=size > 0"`
		}
		twice struct {
			ID, Id int `db:"id,primarykey"`
		}
	)
	for want, try := range map[string]func(*testing.T, *engine.DB) error{
		"int is no struct":                                                            opens[int]("x"),
		"*collection_test.noKey is no struct":                                         opens[*noKey]("x"),
		"no field of collection_test.noKey has the option primarykey":                 opens[noKey]("x"),
		"field collection_test.private.id has a tag and is not exported":              opens[private]("x"),
		"field collection_test.function.F: no column has the Go type func()":          opens[function]("x"),
		`field collection_test.unknown.ID: there is no option "primery"`:              opens[unknown]("x"),
		"field collection_test.noValue.ID: option type needs a value":                 opens[noValue]("x"),
		"field collection_test.empty.ID: check= is empty":                             opens[empty]("x"),
		"field collection_test.value.ID: option primarykey takes no value":            opens[value]("x"),
		`field collection_test.noType.ID: `:                                           opens[noType]("x"),
		"field collection_test.other.ID: a int has no place in a column of type TEXT": opens[other]("x"),
		"using=lsm comes before the index":                                            opens[using]("x"),
		"using=btree or using=lsm, not hash":                                          opens[hash]("x"),
		"ondelete=cascade: it is restrict, cascade or set null":                       opens[onDelete]("x"),
		"an identity is a whole number, not string":                                   opens[identity]("x"),
		"there are two columns id":                                                    opens[twice]("x"),
		"size":                                                                        opens[check]("x"),
	} {
		err := try(t, spawn(t, vfs.NewMem()))
		if err == nil || !strings.HasPrefix(err.Error(), "open collection x: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
		if !errors.Is(err, collection.ErrTag) && want != "size" { // that is found by the engine
			t.Errorf("%v is no ErrTag", err)
		}
	}
}

func TestTablesThatDoNotFitAreRefused(t *testing.T) {
	type plain struct {
		ID   int64 `db:",primarykey"`
		Name string
	}
	type (
		number struct {
			ID   int64 `db:",primarykey"`
			Name int
		}
		length struct {
			ID   int64  `db:",primarykey"`
			Name string `db:",type=VARCHAR(9)"`
		}
		added struct {
			ID   int64 `db:",primarykey"`
			Name string
			Age  int
		}
		counted struct {
			ID   int64 `db:",primarykey,identity"`
			Name string
		}
		defaults struct {
			ID   int64  `db:",primarykey"`
			Name string `db:",default='x'"`
		}
		checked struct {
			ID   int64  `db:",primarykey"`
			Name string `db:",check=name <> ''"`
		}
		parent struct {
			ID   int64  `db:",primarykey"`
			Name string `db:",references=t"`
		}
		keyed struct {
			ID   int64  `db:",primarykey"`
			Name string `db:",primarykey"`
		}
		fewer struct {
			ID int64 `db:",primarykey"`
		}
		indexed struct {
			ID   int64  `db:",primarykey"`
			Name string `db:",unique=by_name"`
		}
		wrong struct {
			ID   int64 `db:",primarykey,index=by_name"`
			Name string
		}
	)
	for want, try := range map[string]func(*testing.T, *engine.DB) error{
		"column name for collection_test.number.Name: the struct and the table do not fit: expected BIGINT NOT NULL, found TEXT NOT NULL": opens[number]("t"),
		"column name for collection_test.length.Name: the struct and the table do not fit: expected VARCHAR(9) NOT NULL, found TEXT":      opens[length]("t"),
		"column age for collection_test.added.Age: the struct and the table do not fit: expected BIGINT NOT NULL, found no column":        opens[added]("t"),
		"expected BIGINT IDENTITY NOT NULL, found BIGINT NOT NULL":                                                                        opens[counted]("t"),
		"expected TEXT NOT NULL DEFAULT 'x', found TEXT NOT NULL":                                                                         opens[defaults]("t"),
		"expected CHECK (name <> ''), found none of that text":                                                                            opens[checked]("t"),
		"expected foreign key t_name_fkey to table t":                                                                                     opens[parent]("t"),
		"expected the primary key (id, name), found (id)":                                                                                 opens[keyed]("t"),
		"or one that may be NULL or has a default, found TEXT NOT NULL":                                                                   opens[fewer]("t"),
		"expected index by_name as (id), found (name)":                                                                                    opens[wrong]("t"),
		"expected index by_name as UNIQUE (name), found (name)":                                                                           opens[indexed]("t"),
		"expected BIGINT NOT NULL, found BIGINT; make the field a pointer": func(t *testing.T, db *engine.DB) error {
			must(t, db.AlterTable(t.Context(), "t", func(t *catalog.Table) (*catalog.Table, error) {
				return t.AddColumn(catalog.Column{Name: "age", Type: catalog.Type{Kind: catalog.Int64}})
			}))
			return opens[added]("t")(t, db)
		},
	} {
		db := spawn(t, vfs.NewMem())
		open[plain](t, db, "t")
		must(t, db.CreateIndex(t.Context(), "t", engine.IndexDefinition{Name: "by_name", Columns: []string{"name"}}, nil))
		err := try(t, db)
		var mismatch *collection.MismatchError
		if !errors.As(err, &mismatch) || !errors.Is(err, collection.ErrMismatch) || mismatch.Table != "t" || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestForeignKeysToOtherTablesAreRefused(t *testing.T) {
	type parent struct {
		ID   int64 `db:",primarykey"`
		Code int64 `db:",unique"`
	}
	type one struct {
		ID     int64 `db:",primarykey"`
		Parent int64 `db:",references=one"`
	}
	type other struct {
		ID     int64 `db:",primarykey"`
		Parent int64 `db:",references=other"`
	}
	type code struct {
		ID     int64 `db:",primarykey"`
		Parent int64 `db:",references=one(code)"`
	}
	db := spawn(t, vfs.NewMem())
	open[parent](t, db, "one")
	open[parent](t, db, "other")
	open[one](t, db, "children")
	open[one](t, db, "children")
	for _, try := range []func(*testing.T, *engine.DB) error{opens[other]("children"), opens[code]("children")} {
		if err := try(t, db); !errors.Is(err, collection.ErrMismatch) || !strings.Contains(err.Error(), "foreign key children_parent_fkey") {
			t.Error(err)
		}
	}
}

func TestColumnsAndIndexesAreAdded(t *testing.T) {
	type first struct {
		ID   int64 `db:",primarykey,identity"`
		Name string
	}
	type second struct {
		ID    int64   `db:",primarykey,identity"`
		Name  string  `db:",index,unique=by_name_and_mail DESC"`
		Email *string `db:",unique=by_name_and_mail"`
		Boss  *int64  `db:",references=users"`
		Level int     `db:",default=3,check=level in (1, 2, 3),index=by_level NULLS FIRST,using=lsm"`
	}
	fs := vfs.NewMem()
	db := spawn(t, fs)
	old := open[first](t, db, "users")
	must(t, old.Insert(&first{Name: "ada"}))
	for range 2 {
		db = reopened(t, db, fs)
		users := open[second](t, db, "users")
		for u, err := range users.By("by_level", 3) {
			must(t, err)
			if u.Name != "ada" || u.Email != nil {
				t.Fatalf("%+v", u)
			}
		}
		if err := users.Update(int64(1), func(u *second) error {
			u.Level = 4
			return nil
		}); !errors.Is(err, engine.ErrCheck) {
			t.Fatal(err)
		}
	}
	nobody := int64(77)
	err := open[second](t, db, "users").Update(int64(1), func(u *second) error {
		u.Boss = &nobody
		return nil
	})
	if !errors.Is(err, engine.ErrForeignKey) {
		t.Fatal(err)
	}
	old = open[first](t, db, "users") // which still fits
	must(t, old.Insert(&first{Name: "bob"}))
	users := open[second](t, db, "users")
	mail := "bob@example.org"
	must(t, users.Update(lastRow(t, old).ID, func(u *second) error {
		if u.Level != 3 {
			t.Errorf("%+v", u)
		}
		u.Email = &mail
		return nil
	}))
	bob := lastRow(t, old)
	must(t, old.Upsert(&bob)) // it knows nothing of the mail, which stays
	if u, err := users.Get(bob.ID); err != nil || u.Email == nil || *u.Email != mail {
		t.Fatalf("%+v, %v", u, err)
	}
	schema, err := db.GetTable("users")
	must(t, err)
	ix, ok := schema.Index("users_name_idx")
	lsm, found := schema.Index("by_level")
	if !ok || ix.Using != catalog.BTree || !found || lsm.Using != catalog.LSM || len(schema.Indexes) != 3 {
		t.Fatalf("%+v", schema.Indexes)
	}
	wantSound(t, db)
}

// Whoever opens at the same time as others finds what they have made.
func TestManyOpenAtATime(t *testing.T) {
	type wide struct {
		ID int `db:",primarykey"`
		N  int `db:",default=1,index"`
	}
	type narrow struct {
		ID int `db:",primarykey"`
	}
	db := spawn(t, vfs.NewMem())
	open[narrow](t, db, "widened")
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for _, table := range []string{"widened", "made"} {
				if _, err := collection.Open[wide](t.Context(), db, table); err != nil {
					t.Error(err)
				}
			}
		})
	}
	workers.Wait()
	for _, table := range []string{"widened", "made"} {
		if s, err := db.GetTable(table); err != nil || len(s.Columns) != 2 || len(s.Indexes) != 1 {
			t.Errorf("%+v, %v", s, err)
		}
	}
}

// A table that does not fit is left as it is, also where something could be added.
func TestNothingIsAddedToATableThatDoesNotFit(t *testing.T) {
	type narrow struct {
		ID int `db:",primarykey"`
	}
	type wide struct {
		ID   int  `db:",primarykey,index"`
		Name *int // could be added
		Age  int  // could not
	}
	fs := vfs.NewMem()
	db := spawn(t, fs)
	open[narrow](t, db, "t")
	if _, err := collection.Open[wide](t.Context(), db, "t"); !errors.Is(err, collection.ErrMismatch) {
		t.Fatal(err)
	}
	if s, err := db.GetTable("t"); err != nil || s.Version != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	must(t, db.Close())
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: fs, ReadOnly: true})
	must(t, err)
	defer db.Close()
	c := open[narrow](t, db, "t")
	if n, err := c.Count(); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if err := c.Insert(&narrow{}); !errors.Is(err, engine.ErrReadOnly) {
		t.Fatal(err)
	}
	for _, table := range []string{"new", "t"} {
		_, err := collection.Open[struct {
			ID   int `db:",primarykey"`
			More *int
		}](t.Context(), db, table)
		if !errors.Is(err, engine.ErrReadOnly) {
			t.Fatal(err)
		}
	}
}

func lastRow[T any](t *testing.T, c *collection.Collection[T]) (row T) {
	t.Helper()
	var err error
	for row, err = range c.Scan(collection.Bounds{Reverse: true, Limit: 1}) {
		must(t, err)
	}
	return row
}

func reopened(t *testing.T, db *engine.DB, fs vfs.FS) *engine.DB {
	t.Helper()
	must(t, db.Close())
	return spawn(t, fs)
}

type node struct {
	Name   string  `db:",primarykey"`
	Parent *string `db:",references=nodes(name),ondelete=cascade"`
}

func TestForeignKeys(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	open[node](t, db, "nodes")
	c := open[node](t, db, "nodes")
	root, nowhere := "root", "nowhere"
	must(t, c.Insert(&node{Name: root}))
	must(t, c.Insert(&node{Name: "leaf", Parent: &root}))
	if err := c.Insert(&node{Name: "lost", Parent: &nowhere}); !errors.Is(err, engine.ErrForeignKey) {
		t.Fatal(err)
	}
	must(t, c.Delete(root))
	if n, err := c.Count(); n != 0 || err != nil {
		t.Fatalf("%d rows stay, %v", n, err)
	}
}

// A collection lives on while its table changes, as long as the columns of its fields stay.
func TestTheTableMayChangeMeanwhile(t *testing.T) {
	db := spawn(t, vfs.NewMem())
	c := open[User](t, db, "users")
	must(t, c.Insert(&User{Email: "a"}))
	alter := func(change func(*catalog.Table) (*catalog.Table, error)) {
		t.Helper()
		must(t, db.AlterTable(t.Context(), "users", change))
	}
	alter(func(t *catalog.Table) (*catalog.Table, error) {
		return t.AddColumn(catalog.Column{Name: "extra", Type: catalog.Type{Kind: catalog.String}})
	})
	alter(func(t *catalog.Table) (*catalog.Table, error) {
		return t.WidenType("email", catalog.Type{Kind: catalog.String})
	})
	must(t, c.Insert(&User{Email: strings.Repeat("b", 200)}))
	if n, err := c.Count(); n != 2 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	alter(func(t *catalog.Table) (*catalog.Table, error) { return t.DropColumn("phone") })
	if _, err := c.Get(1); !errors.Is(err, collection.ErrMismatch) {
		t.Fatal(err)
	}
	must(t, db.DropTable(t.Context(), "users"))
	if _, err := c.Get(1); !errors.Is(err, engine.ErrNoTable) {
		t.Fatal(err)
	}
}
