package relation

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/middb/middb/catalog"
)

func (m *model) table(x *modelTxn) *oracleTable {
	names := slices.Sorted(maps.Keys(x.own.tables))
	return x.own.tables[names[m.n(len(names))]]
}

// definition makes a table that may refer to those that there are, and to itself.
func (m *model) definition(x *modelTxn) *catalog.Definition {
	name := fmt.Sprintf("t%d", m.n(4))
	b := catalog.NewTable(name).Column("id", "INT").Column("u", "INT").Column("r", "INT").Column("s", "TEXT")
	var options []catalog.ColumnOption
	if m.chance(30) {
		options = append(options, catalog.NotNull)
	}
	b.Column("n", "INT", append(options, catalog.Default("2"))...)
	if m.chance(30) {
		b.Column("no", "BIGINT", catalog.GeneratedByDefault)
	}
	primary := [][]string{nil, {"id"}, {"id"}, {"id"}, {"u DESC", "id"}}[m.n(5)]
	if primary != nil {
		b.PrimaryKey(primary...)
	}
	if m.chance(50) {
		b.UniqueIndex("ux", [][]string{{"u"}, {"s", "u"}, {"s DESC"}}[m.n(3)]...).Using(m.using)
	}
	if m.chance(60) {
		b.Index("rx", [][]string{{"r"}, {"s", "r", "n"}}[m.n(2)]...).Using(m.using)
	}
	if m.chance(30) {
		b.NamedCheck("few", "n < 6")
	}
	if m.chance(20) {
		b.NamedCheck("odd", "u <> 3 OR s IS NULL")
	}
	for i := range m.n(3) {
		r := m.reference(x, name, fmt.Sprintf("fk%d", i))
		b.ForeignKey(r.Columns, r.Parent, r.ParentColumns, catalog.Named(r.Name), catalog.OnDelete(r.OnDelete), catalog.OnUpdate(r.OnUpdate))
	}
	d, err := b.Build()
	if err != nil {
		m.failf("%v", err)
	}
	return d
}

func (m *model) reference(x *modelTxn, self, name string) catalog.Reference {
	names := append(slices.Sorted(maps.Keys(x.own.tables)), self)
	r := catalog.Reference{
		Name: name, Parent: names[m.n(len(names))],
		OnDelete: catalog.Action(m.n(3)), OnUpdate: catalog.Action(m.n(3)),
	}
	kinds := []int{0, 1, 2}
	if t := x.own.tables[r.Parent]; t != nil && m.chance(90) {
		kinds = nil
		for i, columns := range [][]string{{"id"}, {"u"}, {"u", "s"}} {
			var ids []uint16
			for _, name := range columns {
				c, _, _ := t.schema.Column(name)
				ids = append(ids, c.ID)
			}
			if t.unique(ids) {
				kinds = append(kinds, i)
			}
		}
	}
	if len(kinds) == 0 {
		kinds = []int{0}
	}
	switch kinds[m.n(len(kinds))] {
	case 0:
		r.Columns, r.ParentColumns = []string{"r"}, []string{"id"}
	case 1:
		r.Columns, r.ParentColumns = []string{"r"}, []string{"u"}
	default:
		r.Columns, r.ParentColumns = []string{"r", "s"}, []string{"u", "s"}
	}
	return r
}

// ddl changes a schema.
func (m *model) ddl(x *modelTxn) {
	if len(x.own.tables) == 0 || m.chance(25) {
		m.create(x)
		return
	}
	t := m.table(x)
	name := t.schema.Name
	if m.chance(10) {
		m.drop(x, t)
		return
	}
	what, change := m.change(x, t)
	next := x.own.clone()
	wrong := map[error]bool{}
	schema, err := change(t.schema)
	switch {
	case errors.Is(err, ErrNoIndex):
		wrong[ErrNoIndex] = true
	case errors.Is(err, catalog.ErrUnknown):
		wrong[catalog.ErrUnknown] = true
	case err != nil:
		wrong[catalog.ErrSchema], wrong[ErrIndexExists], wrong[catalog.ErrDuplicate] = true, true, true
	default:
		_, taken := x.own.tables[schema.Name]
		if wrong[ErrTableExists] = taken && schema.Name != name; !wrong[ErrTableExists] {
			delete(wrong, ErrTableExists)
			// What AddIndex has made has no id yet.
			for i := range schema.Indexes {
				if schema.Indexes[i].ID == 0 {
					schema.Indexes[i].ID, schema.Indexes[i].State = 1<<32-1, catalog.Ready
				}
			}
			delete(next.tables, name)
			next.tables[schema.Name] = &oracleTable{schema, maps.Clone(t.rows)}
			wrong = next.violations()
		}
	}
	err = x.tables.Alter(name, change)
	if !m.outcome(fmt.Sprintf("%d alter %s: %s", x.id, name, what), err, wrong) {
		return
	}
	m.writes++
	x.own = next
	if next.tables[schema.Name].schema, err = x.tables.Schema(schema.Name); err != nil {
		m.failf("%v", err)
	}
}

// change chooses a change of a schema.
func (m *model) change(x *modelTxn, t *oracleTable) (what string, change func(*catalog.Table) (*catalog.Table, error)) {
	switch m.n(9) {
	case 0:
		c := catalog.Column{Name: fmt.Sprintf("x%d", m.n(5)), Type: catalog.Type{Kind: catalog.Int64}, NotNull: m.chance(40)}
		if m.chance(60) {
			c.Missing = catalog.Int(4)
		}
		return fmt.Sprintf("add column %+v", c), func(s *catalog.Table) (*catalog.Table, error) { return s.AddColumn(c) }
	case 1:
		name := fmt.Sprintf("x%d", m.n(5))
		return "drop column " + name, func(s *catalog.Table) (*catalog.Table, error) { return s.DropColumn(name) }
	case 2:
		name := []string{"r", "s", "n"}[m.n(3)]
		return "set not null " + name, func(s *catalog.Table) (*catalog.Table, error) { return s.SetNotNull(name) }
	case 3:
		name := []string{"r", "s", "n"}[m.n(3)]
		return "drop not null " + name, func(s *catalog.Table) (*catalog.Table, error) { return s.DropNotNull(name) }
	case 4:
		d := m.index()
		return fmt.Sprintf("add index %+v", d), func(s *catalog.Table) (*catalog.Table, error) {
			ix, err := d.index(s)
			if err != nil {
				return nil, err
			}
			if ix.ID == 0 {
				ix.State = catalog.Ready
			}
			return addIndex(s, ix)
		}
	case 5:
		name := []string{"ux", "rx", "ix0", "ix1", "ix2", "ix3"}[m.n(6)]
		return "drop index " + name, func(s *catalog.Table) (*catalog.Table, error) { return s.DropIndex(name) }
	case 6:
		check := []catalog.Check{{Name: "few2", Expr: "n < 6"}, {Name: "odd2", Expr: "u <> 3 OR s IS NULL"}}[m.n(2)]
		return fmt.Sprintf("add check %v", check), func(s *catalog.Table) (*catalog.Table, error) { return s.AddCheck(check) }
	case 7:
		r := m.reference(x, t.schema.Name, fmt.Sprintf("gk%d", m.n(3)))
		return fmt.Sprintf("add reference %+v", r), func(s *catalog.Table) (*catalog.Table, error) {
			parent := s
			if p := x.own.tables[r.Parent]; r.Parent != s.Name {
				parent = p.schema
			}
			f, err := s.ForeignKey(r, parent)
			if err != nil {
				return nil, err
			}
			return s.AddForeignKey(f)
		}
	default:
		name := []string{"few", "odd", "few2", "odd2", "fk0", "fk1", "gk0", "gk1", "gk2"}[m.n(9)]
		return "drop constraint " + name, func(s *catalog.Table) (*catalog.Table, error) { return s.DropConstraint(name) }
	}
}

// addIndex is AddIndex for an index without an id.
func addIndex(s *catalog.Table, ix catalog.Index) (*catalog.Table, error) { return s.AddIndex(ix) }

func (m *model) create(x *modelTxn) {
	d := m.definition(x)
	name := d.Table.Name
	wrong := map[error]bool{}
	if x.own.tables[name] != nil {
		wrong[ErrTableExists] = true
	} else {
		next := uint32(5)
		_, err := d.Resolve(4, func() uint32 { next++; return next }, func(name string) (*catalog.Table, error) {
			return x.own.tables[name].schema, nil
		})
		if err != nil {
			wrong[catalog.ErrSchema] = true
		}
	}
	err := x.tables.Create(d)
	if !m.outcome(fmt.Sprintf("%d create %s %v", x.id, name, d.References), err, wrong) {
		return
	}
	m.writes++
	s, err := x.tables.Schema(name)
	if err != nil {
		m.failf("%v", err)
	}
	x.own.tables[name] = &oracleTable{s, map[string]oracleRow{}}
}

func (m *model) drop(x *modelTxn, t *oracleTable) {
	wrong := map[error]bool{}
	for _, o := range x.own.tables {
		for _, f := range o.schema.ForeignKeys {
			if f.Parent == t.schema.ID && o != t {
				wrong[ErrInUse] = true
			}
		}
	}
	err := x.tables.Drop(t.schema.Name)
	if m.outcome(fmt.Sprintf("%d drop %s", x.id, t.schema.Name), err, wrong) {
		m.writes++
		delete(x.own.tables, t.schema.Name)
	}
}

// dml is a statement of one change of rows, or of several.
func (m *model) dml(x *modelTxn) {
	next := x.own.clone()
	s := next.statement()
	var err error
	what := ""
	if m.chance(85) {
		what, err = m.write(x, s)
	} else {
		err = x.tables.Statement(func() error {
			for range 1 + m.n(3) {
				w, err := m.write(x, s)
				if what += w + "; "; err != nil || len(s.wrong) > 0 {
					return err
				}
			}
			return nil
		})
	}
	if m.outcome(fmt.Sprintf("%d %s", x.id, what), err, s.end()) {
		m.writes++
		x.own = next
	}
	if m.chance(5) {
		m.db.step = nil
		m.check("own", x.tables, x.own)
	}
}

// write changes rows of a table, and has the oracle do it.
func (m *model) write(x *modelTxn, s *oracleStatement) (what string, err error) {
	names := slices.Sorted(maps.Keys(s.tables))
	name := names[m.n(len(names))]
	t := s.tables[name]
	h, err := x.tables.Table(name)
	if err != nil {
		return "table " + name, err
	}
	switch k := m.n(20); {
	case k < 10 || len(t.rows) == 0 && m.chance(90):
		return m.insert(s, t, h)
	case k < 16:
		return m.update(s, t, h)
	case k == 18 && m.chance(20):
		return m.truncate(s, t, h)
	case k < 19:
		key, k := m.key(t)
		s.delete(t, k)
		return fmt.Sprintf("delete from %s where %s", name, k), h.Delete(key...)
	default:
		return m.deleteWhere(s, t, h)
	}
}

// key returns the key of a row, which is there most of the time, for the table and for the oracle.
func (m *model) key(t *oracleTable) ([]catalog.Value, string) {
	keys := slices.Sorted(maps.Keys(t.rows))
	if len(keys) > 0 && m.chance(90) {
		k := keys[m.n(len(keys))]
		if len(t.schema.PrimaryKey) == 0 {
			var id int64
			_, _ = fmt.Sscanf(k, "#%d", &id)
			return []catalog.Value{catalog.Int(id)}, k
		}
		return t.pick(t.rows[k], ids(t.schema.PrimaryKey)), k
	}
	if len(t.schema.PrimaryKey) == 0 {
		return []catalog.Value{catalog.Int(-5)}, "#-5"
	}
	r := oracleRow{}
	for _, id := range ids(t.schema.PrimaryKey) {
		r[id] = catalog.Int(int64(m.n(7)))
	}
	return t.pick(r, ids(t.schema.PrimaryKey)), t.key(r)
}

func (m *model) insert(s *oracleStatement, t *oracleTable, h *Table) (what string, err error) {
	r := oracleRow{}
	var columns []int
	var values []catalog.Value
	all := m.chance(70)
	for i := range t.schema.Columns {
		c := &t.schema.Columns[i]
		v := m.value(c)
		if c.Name == "no" && m.chance(60) {
			v = catalog.Null()
		}
		if !all && (c.Name == "n" || c.Name == "r") {
			v = catalog.Null()
			if c.Default != "" {
				v = catalog.Int(2)
			}
		} else {
			columns, values = append(columns, i), append(values, v)
		}
		r[c.ID] = v
	}
	what = fmt.Sprintf("insert into %s %s", t.schema.Name, formatValues(values))
	if all {
		err = h.Insert(values...)
	} else {
		err = h.InsertColumns(columns, values)
	}
	k := "#0"
	no, _, numbered := t.schema.Column("no")
	if err == nil {
		got := h.Inserted()
		if numbered && r[no.ID].IsNull() {
			r[no.ID] = got.Value("no")
			m.fresh(t, r[no.ID].AsInt(), true)
		}
		if len(t.schema.PrimaryKey) == 0 {
			id := got.Key()[0].AsInt()
			k = fmt.Sprintf("#%d", id)
			m.fresh(t, id, numbered && r[no.ID].AsInt() == id)
		}
	} else if numbered && r[no.ID].IsNull() {
		r[no.ID] = catalog.Int(1 << 40) // whatever it would have got
	}
	s.insert(t, k, r)
	return what, err
}

// fresh checks that a number was not given before. A row has the same as its hidden id and in its identity column.
func (m *model) fresh(t *oracleTable, n int64, again bool) {
	k := fmt.Sprintf("%d: %d", t.schema.ID, n)
	if m.given[k] && !again {
		m.failf("number %d of table %s was given before", n, t.schema.Name)
	}
	m.given[k] = true
}

func (m *model) update(s *oracleStatement, t *oracleTable, h *Table) (what string, err error) {
	key, k := m.key(t)
	change := oracleRow{}
	var columns []int
	var values []catalog.Value
	for i := range t.schema.Columns {
		if c := &t.schema.Columns[i]; m.chance(35) && c.Identity == catalog.IdentityNone {
			v := m.value(c)
			columns, values, change[c.ID] = append(columns, i), append(values, v), v
		}
	}
	s.update(t, k, change)
	return fmt.Sprintf("update %s %s set %v = %s", t.schema.Name, k, columns, formatValues(values)), h.UpdateColumns(key, columns, values)
}

func (m *model) truncate(s *oracleStatement, t *oracleTable, h *Table) (what string, err error) {
	for _, o := range s.ordered() {
		for _, f := range o.schema.ForeignKeys {
			if o != t && f.Parent == t.schema.ID {
				s.wrong[ErrInUse] = true
			}
		}
	}
	// It settles what the statement has done before.
	if len(s.wrong) == 0 {
		s.end()
	}
	clear(t.rows)
	return "truncate " + t.schema.Name, h.Truncate()
}

func (m *model) deleteWhere(s *oracleStatement, t *oracleTable, h *Table) (what string, err error) {
	n := int64(m.n(7))
	c, at, _ := t.schema.Column("n")
	matches := func(v catalog.Value) bool { return !v.IsNull() && v.AsInt() == n }
	want := 0
	for _, k := range slices.Sorted(maps.Keys(t.rows)) {
		if matches(t.value(t.rows[k], c.ID)) {
			s.delete(t, k)
			want++
		}
	}
	got, err := h.DeleteWhere(ScanOptions{}, func(r Row) (bool, error) { return matches(r.Values()[at]), nil })
	if err == nil && got != want {
		m.failf("%d rows were deleted, want %d", got, want)
	}
	return fmt.Sprintf("delete from %s where n = %d", t.schema.Name, n), err
}
