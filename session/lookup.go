package session

import (
	"bytes"
	"errors"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/relation"
)

// A lookup is the catalog that a statement is bound with: it notes what the plan depends on besides schemas.
type lookup struct {
	s       *Session
	tables  *relation.Tables
	views   []dependency
	rows    map[*catalog.Table]float64 // as the planner was told
	virtual bool                       // it depends on tables that are computed
}

var (
	_ bind.Catalog = (*lookup)(nil)
	_ bind.Lister  = (*lookup)(nil)
)

// A dependency is a view that a plan was made with.
type dependency struct {
	name  string
	value []byte // as it is stored
}

func inDefaultSchema(schema string) bool {
	return schema == "" || schema == "public" || schema == "main"
}

// Relation implements bind.Catalog.
func (l *lookup) Relation(schema, name string) (*plan.Relation, error) {
	if schema == informationSchema {
		r := information(l.s, name, l.tables)
		l.virtual = l.virtual || r != nil
		return r, nil
	}
	if !inDefaultSchema(schema) {
		return nil, nil
	}
	t, err := l.tables.Table(name)
	if errors.Is(err, relation.ErrNoTable) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := t.Estimate()
	if err != nil {
		return nil, err
	}
	if l.rows == nil {
		l.rows = make(map[*catalog.Table]float64)
	}
	l.rows[t.Schema()] = float64(rows)
	statistics, err := l.statisticsOf(t.Schema(), float64(rows))
	if err != nil {
		return nil, err
	}
	return &plan.Relation{Table: t.Schema(), Rows: float64(rows), Statistics: statistics}, nil
}

// View implements bind.Catalog.
func (l *lookup) View(schema, name string) (*bind.View, error) {
	if !inDefaultSchema(schema) {
		return nil, nil
	}
	value, found, err := l.tables.Object(relation.ViewObject, name)
	if err != nil || !found {
		return nil, err
	}
	l.views = append(l.views, dependency{name, value})
	v, err := decodeView(name, value)
	if err != nil {
		return nil, err
	}
	return &bind.View{Name: name, Text: v.Text, Columns: v.Columns}, nil
}

// Names implements bind.Lister. What cannot be read is left out: it is for hints only.
func (l *lookup) Names() (names []string) {
	list, _ := l.tables.List()
	for _, t := range list {
		names = append(names, t.Name)
	}
	views, _ := l.tables.Objects(relation.ViewObject)
	for _, v := range views {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

// Plans are made again when a table has this many times more or fewer rows than they were made for.
const (
	staleFactor = 8
	staleRows   = 1000 // added to both sides: small tables may grow
)

// valid reports whether a plan is still what its statement would be planned as.
func (s *Session) valid(p *planned, tables *relation.Tables) bool {
	if p == nil || p.once || p.statistics != s.shared.statistics.Load() {
		return false
	}
	epoch, current := tables.Epoch()
	if !current || p.epoch.Load() != epoch+1 {
		if !p.fits(tables) {
			return false
		}
		if current {
			p.epoch.Store(epoch + 1)
		}
	}
	return p.fast() || p.sized(tables)
}

// sized reports whether tables have about as many rows as when the plan was made.
func (p *planned) sized(tables *relation.Tables) bool {
	for i, t := range p.tables {
		h, err := tables.Table(t.Name)
		if err != nil {
			return false
		}
		now, err := h.Estimate()
		if err != nil {
			return false
		}
		n, was := float64(now)+staleRows, p.rows[i]+staleRows
		if n > was*staleFactor || n < was/staleFactor {
			return false
		}
	}
	return true
}

// fits reports whether schemas and views are those that the plan was made for.
func (p *planned) fits(tables *relation.Tables) bool {
	for _, t := range p.tables {
		h, err := tables.Table(t.Name)
		if err != nil || h.Schema() != t {
			return false
		}
	}
	for _, v := range p.views {
		now, found, err := tables.Object(relation.ViewObject, v.name)
		if err != nil || !found || !bytes.Equal(now, v.value) {
			return false
		}
	}
	return true
}
