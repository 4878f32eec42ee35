package session

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/relation"
)

// A mutation changes or deletes the rows of an UPDATE or DELETE.
type mutation struct {
	table     *catalog.Table
	remove    bool
	keys      int    // how many columns the key has
	places    []int  // of the columns that are changed
	preset    []bool // which of them get their default
	presets   bool   // one of them does
	extra     int    // how many columns at the end are of other tables
	unique    bool   // no row comes twice
	returning *computation
}

func (s *Session) planUpdate(p *planned, tree *ast.Update, o *bind.Options) error {
	n, parameters, err := bind.Update(tree, o)
	if err != nil {
		return err
	}
	m := &mutation{
		table: n.Table, places: n.Places, preset: n.Default, presets: slices.Contains(n.Default, true), unique: len(tree.From) == 0,
	}
	return s.planMutation(p, m, n.Source, n.Returning, parameters)
}

func (s *Session) planDelete(p *planned, tree *ast.Delete, o *bind.Options) error {
	n, parameters, err := bind.Delete(tree, o)
	if err != nil {
		return err
	}
	m := &mutation{table: n.Table, remove: true, unique: len(tree.Using) == 0}
	return s.planMutation(p, m, n.Source, n.Returning, parameters)
}

func (s *Session) planMutation(
	p *planned, m *mutation, source *plan.Query, r *plan.Returning, parameters []catalog.Type,
) error {
	p.parameters = parameters
	m.keys = max(1, len(m.table.PrimaryKey))
	m.returning = returningOf(source.Text, r)
	if r != nil {
		m.extra = r.Extra
	}
	p.columns, p.write = m.returning.output(), m
	return s.planReader(p, source)
}

// computed returns the outputs of a point that are what the columns get.
func (m *mutation) computed(p *point) []output {
	from := m.keys + len(m.table.Columns)
	return p.outputs[from : from+len(m.places)]
}

// A modifier changes the row of a point while it is read. It implements relation.Modifier.
type modifier execution

// Modify implements relation.Modifier.
func (y *modifier) Modify(row []catalog.Value) (values []catalog.Value, change bool, err error) {
	x := (*execution)(y)
	p := x.plan.reader.point
	if change, err = p.passes(x, row); err != nil || !change {
		return nil, false, err
	}
	x.set, err = p.results(x, row, x.plan.write.(*mutation).computed(p), x.set[:0])
	return x.set, err == nil, err
}

// runPoint changes or deletes the row of a point, if it is there.
func (m *mutation) runPoint(x *execution, table *relation.Table) (n int64, err error) {
	p := x.plan.reader.point
	if m.remove || m.presets {
		var found bool
		if x.set, found, err = p.read(x, x.set[:0]); err != nil || !found {
			return 0, err
		}
		return 1, m.apply(x, table, m.take(x.set))
	}
	key, possible, err := p.keyOf(x)
	if err != nil || !possible {
		return 0, err
	}
	changed, err := table.Modify(key, m.places, (*modifier)(x))
	if err != nil || !changed {
		return 0, err
	}
	if m.returning != nil {
		err = m.returning.add(x, table.Inserted().Values, nil)
	}
	return 1, err
}

func (m *mutation) target() *catalog.Table { return m.table }

// A mutated row is what a mutation needs of a row of its source until all were read.
type mutated struct {
	key, values []catalog.Value
	extra       []catalog.Value
	old         []catalog.Value // of a DELETE with RETURNING
}

func (m *mutation) run(x *execution) (n int64, err error) {
	table, err := x.table(m.table)
	if err != nil {
		return 0, err
	}
	if x.plan.reader.point != nil {
		return m.runPoint(x, table)
	}
	var rows []mutated
	seen := map[string]bool{}
	var name []byte
	err = x.each(func(row []catalog.Value) error {
		if !m.unique {
			name = name[:0]
			for _, v := range row[:m.keys] {
				name = catalog.AppendKeyValue(name, v, key.Order(0))
			}
			if seen[string(name)] {
				return nil
			}
			seen[string(name)] = true
		}
		rows = append(rows, m.take(slices.Clone(row)))
		return nil
	})
	if err != nil {
		return 0, err
	}
	for i := range rows {
		if i%1024 == 0 && x.ctx.Err() != nil {
			return n, x.ctx.Err()
		}
		if err := m.apply(x, table, rows[i]); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// take returns the parts of a row.
func (m *mutation) take(row []catalog.Value) mutated {
	columns := len(m.table.Columns)
	out := mutated{key: row[:m.keys], values: row[m.keys+columns : m.keys+columns+len(m.places)], extra: row[len(row)-m.extra:]}
	if m.remove && m.returning != nil {
		out.old = row[m.keys : m.keys+columns]
	}
	return out
}

// apply changes or deletes a row.
func (m *mutation) apply(x *execution, table *relation.Table, r mutated) (err error) {
	if m.remove {
		if err = table.Delete(r.key...); err == nil {
			err = m.addDeleted(x, r)
		}
		return err
	}
	for i := range m.places {
		if m.presets && m.preset[i] {
			if r.values[i], err = table.Default(m.places[i]); err != nil {
				return err
			}
		}
	}
	if err = table.UpdateColumns(r.key, m.places, r.values); err == nil && m.returning != nil {
		err = m.returning.add(x, table.Inserted().Values, r.extra)
	}
	return err
}

// addDeleted adds what RETURNING gives of a row that was deleted.
func (m *mutation) addDeleted(x *execution, r mutated) error {
	if m.returning == nil {
		return nil
	}
	return m.returning.add(x, func() []catalog.Value { return r.old }, r.extra)
}
