package session

import (
	"context"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/relation"
)

var textType = catalog.Type{Kind: catalog.String}

// textColumns returns columns of texts.
func textColumns(names ...string) []Column {
	out := make([]Column, len(names))
	for i, n := range names {
		out[i] = Column{Name: n, Type: textType}
	}
	return out
}

func texts(values ...string) []catalog.Value {
	out := make([]catalog.Value, len(values))
	for i, v := range values {
		out[i] = catalog.Str(v)
	}
	return out
}

// show runs SHOW.
func (s *Session) show(ctx context.Context, st *ast.Show) (*Rows, error) {
	if s.txn != nil {
		if err := s.txn.check(); err != nil {
			return nil, err
		}
	}
	result := Result{Tag: "SHOW"}
	switch strings.ToLower(st.Name) {
	case "", "all":
		var rows [][]catalog.Value
		for _, one := range known {
			rows = append(rows, texts(one.name, one.get(s), one.what))
		}
		return s.listed(textColumns("name", "setting", "description"), rows, result), nil
	case "tables":
		names, err := s.tableNames(ctx)
		if err != nil {
			return nil, err
		}
		var rows [][]catalog.Value
		for _, n := range names {
			rows = append(rows, texts(n))
		}
		return s.listed(textColumns("table_name"), rows, result), nil
	}
	one, err := s.setting(st.At, st.Name)
	if err != nil {
		return nil, err
	}
	return s.listed(textColumns(one.name), [][]catalog.Value{texts(one.get(s))}, result), nil
}

// tableNames returns the names of all tables and views, in order.
func (s *Session) tableNames(ctx context.Context) (names []string, err error) {
	err = s.read(ctx, func(tables *relation.Tables) error {
		list, e := tables.List()
		for _, t := range list {
			names = append(names, t.Name)
		}
		if e != nil {
			return e
		}
		views, e := tables.Objects(relation.ViewObject)
		for _, v := range views {
			names = append(names, v.Name)
		}
		return e
	})
	slices.Sort(names)
	return names, err
}
