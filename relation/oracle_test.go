package relation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
)

// The oracle: tables as maps, constraints found out from scratch.
type (
	oracleRow   map[uint16]catalog.Value // by id of the column; one that is missing has the Missing value
	oracleTable struct {
		schema *catalog.Table
		rows   map[string]oracleRow // by key
	}
	oracle struct{ tables map[string]*oracleTable }
)

func newOracle() *oracle { return &oracle{map[string]*oracleTable{}} }

func (o *oracle) clone() *oracle {
	c := newOracle()
	for name, t := range o.tables {
		c.tables[name] = &oracleTable{t.schema, maps.Clone(t.rows)}
	}
	return c
}

func (o *oracle) byID(id uint32) *oracleTable {
	for _, t := range o.tables {
		if t.schema.ID == id {
			return t
		}
	}
	return nil
}

// ordered returns the tables in order of their ids.
func (o *oracle) ordered() []*oracleTable {
	out := slices.Collect(maps.Values(o.tables))
	slices.SortFunc(out, func(a, b *oracleTable) int { return int(a.schema.ID) - int(b.schema.ID) })
	return out
}

func (t *oracleTable) value(r oracleRow, id uint16) catalog.Value {
	if v, ok := r[id]; ok {
		return v
	}
	c, _, _ := t.schema.ColumnByID(id)
	return c.Missing
}

func (t *oracleTable) values(r oracleRow) []catalog.Value {
	var out []catalog.Value
	for _, c := range t.schema.Columns {
		out = append(out, t.value(r, c.ID))
	}
	return out
}

func (t *oracleTable) pick(r oracleRow, ids []uint16) []catalog.Value {
	var out []catalog.Value
	for _, id := range ids {
		out = append(out, t.value(r, id))
	}
	return out
}

func ids(columns []catalog.IndexColumn) []uint16 {
	var out []uint16
	for _, c := range columns {
		out = append(out, c.Column)
	}
	return out
}

// key returns the key of a row that has a primary key.
func (t *oracleTable) key(r oracleRow) string {
	return fmt.Sprintf("%q", t.pick(r, ids(t.schema.PrimaryKey)))
}

// valueOf returns the place of a named column in a row of values.
func nulls(values []catalog.Value) bool { return slices.ContainsFunc(values, catalog.Value.IsNull) }

func equal(a, b []catalog.Value) bool {
	return slices.EqualFunc(a, b, func(x, y catalog.Value) bool {
		return x.IsNull() && y.IsNull() || !x.IsNull() && !y.IsNull() && catalog.Compare(x, y) == 0
	})
}

// oracleChecks are what the checks of the test mean, false only where SQL says false.
var oracleChecks = map[string]func(get func(name string) catalog.Value) bool{
	"n < 6": func(get func(string) catalog.Value) bool { return get("n").IsNull() || get("n").AsInt() < 6 },
	"u <> 3 OR s IS NULL": func(get func(string) catalog.Value) bool {
		return get("u").IsNull() || get("u").AsInt() != 3 || get("s").IsNull()
	},
}

// rowViolations adds what is wrong with the rows of a table in themselves, and among each other.
func (t *oracleTable) rowViolations(out map[error]bool) {
	primary := ids(t.schema.PrimaryKey)
	for k, r := range t.rows {
		for _, c := range t.schema.Columns {
			if t.value(r, c.ID).IsNull() && (c.NotNull || slices.Contains(primary, c.ID)) {
				out[ErrNotNull] = true
			}
		}
		if len(primary) > 0 && !out[ErrNotNull] && t.key(r) != k {
			panic("the oracle has a row under another key")
		}
		for _, c := range t.schema.Checks {
			ok := oracleChecks[c.Expr](func(name string) catalog.Value {
				c, _, _ := t.schema.Column(name)
				return t.value(r, c.ID)
			})
			if !ok {
				out[ErrCheck] = true
			}
		}
	}
	for _, ix := range t.schema.Indexes {
		if !ix.Unique || ix.State != catalog.Ready {
			continue
		}
		seen := map[string]bool{}
		for _, r := range t.rows {
			v := t.pick(r, ids(ix.Columns))
			if k := fmt.Sprintf("%q", v); !nulls(v) {
				if seen[k] {
					out[ErrUnique] = true
				}
				seen[k] = true
			}
		}
	}
}

// violations returns which kinds of constraints do not hold.
func (o *oracle) violations() map[error]bool {
	out := map[error]bool{}
	for _, t := range o.tables {
		t.rowViolations(out)
		for _, f := range t.schema.ForeignKeys {
			parent := o.byID(f.Parent)
			if parent == nil || !parent.unique(f.ParentColumns) {
				out[ErrInUse] = true
				continue
			}
			for _, r := range t.rows {
				v := t.pick(r, f.Columns)
				if nulls(v) {
					continue
				}
				if !parent.has(f.ParentColumns, v) {
					out[ErrForeignKey] = true
				}
			}
		}
	}
	return out
}

func (t *oracleTable) has(columns []uint16, v []catalog.Value) bool {
	for _, r := range t.rows {
		if equal(t.pick(r, columns), v) {
			return true
		}
	}
	return false
}

func (t *oracleTable) unique(columns []uint16) bool {
	same := func(k []catalog.IndexColumn) bool {
		a, b := ids(k), slices.Clone(columns)
		slices.Sort(a)
		slices.Sort(b)
		return slices.Equal(a, b)
	}
	return same(t.schema.PrimaryKey) || slices.ContainsFunc(t.schema.Indexes, func(ix catalog.Index) bool {
		return ix.Unique && ix.State == catalog.Ready && same(ix.Columns)
	})
}

// An oracleEvent is a row that is gone or has changed; to is nil if it is gone.
type oracleEvent struct {
	table    uint32
	from, to oracleRow
}

// An oracleStatement is a statement under way.
type oracleStatement struct {
	*oracle
	events []oracleEvent
	wrong  map[error]bool
}

func (o *oracle) statement() *oracleStatement {
	return &oracleStatement{oracle: o, wrong: map[error]bool{}}
}

// row checks what must hold after every row.
func (s *oracleStatement) row() {
	for _, t := range s.tables {
		t.rowViolations(s.wrong)
	}
}

func (s *oracleStatement) insert(t *oracleTable, k string, r oracleRow) {
	if len(t.schema.PrimaryKey) > 0 {
		if nulls(t.pick(r, ids(t.schema.PrimaryKey))) {
			s.wrong[ErrNotNull] = true
			return
		}
		k = t.key(r)
	}
	if _, found := t.rows[k]; found {
		s.wrong[ErrUnique] = true
	}
	t.rows[k] = r
	s.row()
}

func (s *oracleStatement) update(t *oracleTable, k string, change oracleRow) {
	old, found := t.rows[k]
	if !found {
		s.wrong[ErrRowNotFound] = true
		return
	}
	next := maps.Clone(old)
	maps.Copy(next, change)
	delete(t.rows, k)
	s.events = append(s.events, oracleEvent{t.schema.ID, old, next})
	s.insert(t, k, next)
}

func (s *oracleStatement) delete(t *oracleTable, k string) {
	old, found := t.rows[k]
	if !found {
		s.wrong[ErrRowNotFound] = true
		return
	}
	delete(t.rows, k)
	s.events = append(s.events, oracleEvent{t.schema.ID, old, nil})
}

// An oracleStep is a foreign key to follow because of an event.
type oracleStep struct {
	child    *oracleTable
	f        catalog.ForeignKey
	from, to []catalog.Value
}

func (s *oracleStep) deletes() bool { return s.to == nil && s.f.OnDelete == catalog.Cascade }

// end follows foreign keys, deletions first, and returns what is wrong at the end.
func (s *oracleStatement) end() map[error]bool {
	var steps []oracleStep
	for len(s.wrong) == 0 {
		for _, e := range s.events {
			steps = append(steps, s.steps(e)...)
		}
		s.events = nil
		i := slices.IndexFunc(steps, func(x oracleStep) bool { return x.deletes() })
		if i < 0 {
			i = 0
		}
		if len(steps) == 0 {
			break
		}
		x := steps[i]
		steps = slices.Delete(steps, i, i+1)
		s.follow(x)
	}
	if len(s.wrong) == 0 {
		maps.Copy(s.wrong, s.violations())
	}
	return s.wrong
}

func (s *oracleStatement) steps(e oracleEvent) (out []oracleStep) {
	parent := s.byID(e.table)
	for _, child := range s.ordered() {
		for _, f := range child.schema.ForeignKeys {
			if f.Parent != e.table {
				continue
			}
			x := oracleStep{child: child, f: f, from: parent.pick(e.from, f.ParentColumns)}
			if e.to != nil {
				x.to = parent.pick(e.to, f.ParentColumns)
			}
			if !nulls(x.from) && (e.to == nil || !equal(x.from, x.to)) {
				out = append(out, x)
			}
		}
	}
	return out
}

func (s *oracleStatement) follow(x oracleStep) {
	action := x.f.OnUpdate
	if x.to == nil {
		action = x.f.OnDelete
	}
	if action == catalog.Restrict {
		return // it must hold at the end
	}
	for _, k := range slices.Sorted(maps.Keys(x.child.rows)) {
		r, found := x.child.rows[k]
		if !found || !equal(x.child.pick(r, x.f.Columns), x.from) {
			continue
		}
		if x.deletes() {
			s.delete(x.child, k)
			continue
		}
		change := oracleRow{}
		for i, id := range x.f.Columns {
			change[id] = catalog.Null()
			if action == catalog.Cascade {
				change[id] = x.to[i]
			}
		}
		s.update(x.child, k, change)
	}
}

// merge applies what a transaction has done to base, so that own has come of it, to what is committed.
func (o *oracle) merge(base, own *oracle) *oracle {
	out := o.clone()
	for name, t := range base.tables {
		if own.byID(t.schema.ID) == nil {
			delete(out.tables, name)
		}
	}
	for name, t := range own.tables {
		before, now := base.byID(t.schema.ID), out.byID(t.schema.ID)
		if before != nil && now == nil {
			continue // dropped by another one, so that this one has not changed it
		}
		if before == nil || !slices.Equal(before.schema.PrimaryKey, t.schema.PrimaryKey) {
			out.tables[name] = &oracleTable{t.schema, maps.Clone(t.rows)}
			continue
		}
		if before.schema.Version != t.schema.Version {
			now.schema = t.schema
		}
		for k := range before.rows {
			if _, found := t.rows[k]; !found {
				delete(now.rows, k)
			}
		}
		for k, r := range t.rows {
			if was, found := before.rows[k]; !found || !maps.EqualFunc(was, r, func(a, b catalog.Value) bool {
				return equal([]catalog.Value{a}, []catalog.Value{b})
			}) {
				now.rows[k] = r
			}
		}
	}
	return out
}

// sorted returns the values of all rows in the order of a key.
func (t *oracleTable) sorted(columns []catalog.IndexColumn) (out []string) {
	for _, v := range t.order(columns) {
		out = append(out, formatValues(v))
	}
	return out
}

// order returns all rows in the order of a key.
func (t *oracleTable) order(columns []catalog.IndexColumn) [][]catalog.Value {
	type item struct {
		r oracleRow
		k string
	}
	var items []item
	for k, r := range t.rows {
		items = append(items, item{r, k})
	}
	columns = append(slices.Clone(columns), t.schema.PrimaryKey...)
	slices.SortFunc(items, func(a, b item) int {
		for _, c := range columns {
			if d := compareIn(t.value(a.r, c.Column), t.value(b.r, c.Column), c); d != 0 {
				return d
			}
		}
		return slices.Compare([]int{len(a.k)}, []int{len(b.k)})*2 + strings.Compare(a.k, b.k) // #9 before #10
	})
	var out [][]catalog.Value
	for _, i := range items {
		out = append(out, t.values(i.r))
	}
	return out
}

func compareIn(a, b catalog.Value, c catalog.IndexColumn) int {
	switch {
	case a.IsNull() && b.IsNull():
		return 0
	case a.IsNull() || b.IsNull():
		if a.IsNull() == c.NullsFirst {
			return -1
		}
		return 1
	case c.Descending:
		return catalog.Compare(b, a)
	}
	return catalog.Compare(a, b)
}
