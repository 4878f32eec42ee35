package relation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
)

// A race is some transactions that would break a constraint together.
type race struct {
	name  string
	setup func(t *testing.T, c *Catalog)
	txns  [][]func(t *Tables) error
}

func inTable(name string, f func(h *Table) error) func(t *Tables) error {
	return func(t *Tables) error {
		h, err := t.Table(name)
		if err != nil {
			return err
		}
		return f(h)
	}
}

func inserts(table string, values ...any) func(t *Tables) error {
	return inTable(table, func(h *Table) error { return h.Insert(row(values...)...) })
}

func deletes(table string, key ...any) func(t *Tables) error {
	return inTable(table, func(h *Table) error { return h.Delete(row(key...)...) })
}

func updates(table string, key int, fields map[string]any) func(t *Tables) error {
	return inTable(table, func(h *Table) error { return h.UpdateFields(row(key), fields) })
}

func alters(table string, change func(s *catalog.Table) (*catalog.Table, error)) func(t *Tables) error {
	return func(t *Tables) error { return t.Alter(table, change) }
}

func creates(b *catalog.Builder) func(t *Tables) error {
	return func(t *Tables) error {
		d, err := b.Build()
		if err != nil {
			return err
		}
		return t.Create(d)
	}
}

// family makes parents, and tables c and d of children by the primary key and by a unique index; free has no foreign key yet.
func family(action catalog.Action, index bool) func(t *testing.T, c *Catalog) {
	return func(t *testing.T, c *Catalog) {
		create(t, c, catalog.NewTable("p").Column("id", "INT").Column("u", "INT").PrimaryKey("id").UniqueIndex("pu", "u"))
		a := catalog.NewTable("c").Column("id", "INT").Column("p", "INT").PrimaryKey("id").
			ForeignKey([]string{"p"}, "p", nil, catalog.Named("fk"), catalog.OnDelete(action), catalog.OnUpdate(action))
		b := catalog.NewTable("d").Column("id", "INT").Column("u", "INT").PrimaryKey("id").
			ForeignKey([]string{"u"}, "p", []string{"u"}, catalog.Named("fk"), catalog.OnDelete(action), catalog.OnUpdate(action))
		if index {
			a.Index("ix", "p")
			b.Index("ix", "u")
		}
		create(t, c, a)
		create(t, c, b)
		create(t, c, catalog.NewTable("free").Column("id", "INT").Column("p", "INT").Column("name", "TEXT").PrimaryKey("id"))
		insert(t, c, "p", row(1, 10), row(2, 20))
		insert(t, c, "c", row(1, 2))
		insert(t, c, "d", row(1, 20))
		insert(t, c, "free", row(1, 1, "a"))
	}
}

type txn = []func(t *Tables) error

func races() []race {
	out := []race{
		{"two rows of one key", family(0, true), []txn{{inserts("p", 7, 7)}, {inserts("p", 7, 8)}}},
		{"two rows of one unique value", family(0, true), []txn{{inserts("p", 7, 7)}, {inserts("p", 8, 7)}}},
		{"an update to a value that is inserted", family(0, true), []txn{
			{updates("p", 1, map[string]any{"u": 7}), updates("p", 1, map[string]any{"id": 9})},
			{inserts("p", 9, 8), inserts("p", 8, 7)},
		}},
		{"a value is left and taken", family(0, true), []txn{
			{updates("p", 1, map[string]any{"u": 30})}, {inserts("p", 4, 30)}, {inserts("p", 3, 10)},
		}},
		{"a parent's table is dropped", family(0, true), []txn{
			{func(t *Tables) error { return errors.Join(t.Drop("c"), t.Drop("d"), t.Drop("p")) }},
			{inserts("c", 2, 1)},
			{inserts("p", 3, 3)},
		}},
		{"a table is dropped and made again", family(0, true), []txn{
			{func(t *Tables) error { return t.Drop("free") }, creates(catalog.NewTable("free").Column("x", "INT"))},
			{inserts("free", 2, 2, "b")},
		}},
		{"tables of one name", family(0, true), []txn{
			{creates(catalog.NewTable("n").Column("x", "INT"))},
			{alters("free", func(s *catalog.Table) (*catalog.Table, error) { return s.RenameTable("n") })},
			{creates(catalog.NewTable("m").Column("x", "INT"))},
		}},
		{"a table of children is made", family(0, true), []txn{
			{deletes("p", 1)},
			{
				creates(catalog.NewTable("e").Column("p", "INT").ForeignKey([]string{"p"}, "p", nil)),
				inserts("e", 1),
			},
		}},
		{"NULL is forbidden", family(0, true), []txn{
			{inserts("free", 2, 2, nil)},
			{alters("free", func(s *catalog.Table) (*catalog.Table, error) { return s.SetNotNull("name") })},
		}},
		{"a check is added", family(0, true), []txn{
			{inserts("free", 2, 2, "b"), updates("free", 1, map[string]any{"p": 100})},
			{alters("free", func(s *catalog.Table) (*catalog.Table, error) {
				return s.AddCheck(catalog.Check{Name: "few", Expr: "p < 50"})
			})},
		}},
		{"an index is added", family(0, true), []txn{
			{inserts("free", 2, 1, "b")},
			{deletes("free", 1)},
			{func(t *Tables) error {
				return t.CreateIndex("free", IndexDefinition{Name: "x", Columns: []string{"p"}, Unique: true})
			}},
		}},
		{"an index of parents is dropped", family(0, true), []txn{
			{inserts("d", 2, 10)},
			{func(t *Tables) error { return errors.Join(t.Drop("d"), t.DropIndex("p", "pu")) }},
			{updates("p", 1, map[string]any{"u": 11})},
		}},
		{"a primary key is added", func(t *testing.T, c *Catalog) {
			create(t, c, catalog.NewTable("h").Column("id", "INT").Column("n", "INT").Index("hn", "n"))
			insert(t, c, "h", row(1, 1))
		}, []txn{
			{inserts("h", 1, 2)}, {func(t *Tables) error { return t.AddPrimaryKey("h", "id") }}, {inserts("h", 3, 3)},
		}},
	}
	for _, action := range []catalog.Action{catalog.Restrict, catalog.Cascade, catalog.SetNull} {
		for _, index := range []bool{true, false} {
			f, name := family(action, index), fmt.Sprintf(", action %d, index %v", action, index)
			out = append(out,
				race{"a parent is deleted" + name, f, []txn{{deletes("p", 1)}, {inserts("c", 2, 1)}, {inserts("d", 2, 10)}}},
				race{"a parent gets another key" + name, f, []txn{
					{updates("p", 1, map[string]any{"id": 5, "u": 50})}, {inserts("c", 2, 1), inserts("d", 2, 10)},
				}},
				race{"children move" + name, f, []txn{
					{updates("c", 1, map[string]any{"p": 1}), updates("d", 1, map[string]any{"u": 10})},
					{deletes("p", 1)},
					{deletes("p", 2)},
				}},
				race{"a foreign key is added" + name, f, []txn{
					{func(t *Tables) error {
						return t.AddForeignKey("free", catalog.Reference{
							Name: "fk", Columns: []string{"p"}, Parent: "p", OnDelete: action, OnUpdate: action,
						})
					}},
					{inserts("free", 2, 3, "b")},
					{deletes("p", 1)},
				}},
				race{"a foreign key is dropped" + name, f, []txn{
					{alters("c", func(s *catalog.Table) (*catalog.Table, error) { return s.DropConstraint("fk") }), inserts("c", 9, 9)},
					{inserts("c", 2, 1)},
					{deletes("p", 1)},
				}},
			)
		}
		out = append(out, race{fmt.Sprintf("an index of children is dropped, action %d", action), family(action, true), []txn{
			{deletes("p", 1)}, {func(t *Tables) error { return t.DropIndex("c", "ix") }}, {inserts("c", 2, 1)},
		}})
	}
	return out
}

// orders calls f with every order in which the steps of transactions can be: a list of whose step comes next.
func orders(left []int, prefix []int, f func(order []int)) {
	done := true
	for i := range left {
		if left[i] > 0 {
			done = false
			left[i]--
			orders(left, append(prefix, i), f)
			left[i]++
		}
	}
	if done {
		f(prefix)
	}
}

// Whatever the order of the steps of transactions, what is committed satisfies all constraints; and alone each of them
// succeeds.
func TestNoOrderOfTransactionsBreaksConstraints(t *testing.T) {
	for _, r := range races() {
		t.Run(r.name, func(t *testing.T) {
			db := newFake()
			r.setup(t, New(db, Options{}))
			start := db
			var steps []int
			for _, x := range r.txns {
				steps = append(steps, len(x)+1) // the first begins it, and then it commits
			}
			conflicts, commits := 0, 0
			orders(steps, nil, func(order []int) {
				for _, serializable := range []bool{false, true} {
					db := start.fork()
					db.serializable = serializable
					n, m := r.run(t, db, order)
					conflicts, commits = conflicts+n, commits+m
				}
			})
			if conflicts == 0 || commits == 0 {
				t.Errorf("%d conflicts, %d commits: this is no race", conflicts, commits)
			}
		})
	}
}

// run runs the transactions in an order of their steps.
func (r race) run(t *testing.T, db *fake, order []int) (conflicts, commits int) {
	c := New(db, Options{})
	txns, tables, at := make([]*fakeTxn, len(r.txns)), make([]*Tables, len(r.txns)), make([]int, len(r.txns))
	var log []string
	for _, i := range order {
		step := at[i]
		at[i]++
		var err error
		if step == 0 {
			txns[i] = db.begin()
			tables[i] = c.Tables(context.Background(), txns[i])
		}
		switch {
		case tables[i] == nil:
			continue // it has failed
		case step < len(r.txns[i]):
			err = r.txns[i][step](tables[i])
		default:
			if err = txns[i].commit(); err == nil {
				commits++
			} else {
				conflicts++
			}
		}
		log = append(log, fmt.Sprintf("%d.%d %v", i, step, err))
		if err != nil {
			tables[i] = nil
		}
	}
	sound(t, c)
	if t.Failed() {
		t.Fatalf("serializable %v, order %v:\n%s", db.serializable, order, strings.Join(log, "\n"))
	}
	return conflicts, commits
}
