package bind

import (
	"reflect"
	"slices"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// view binds the query of a view. Places in it become the place where the view is named.
func (b *binder) view(v *View, at int) (*relation, error) {
	switch {
	case slices.Contains(b.views, v.Name):
		return nil, sqlstate.New(sqlstate.InvalidObjectDefinition, at, "the view %q is made of itself", v.Name)
	case len(b.views) >= maxViews:
		return nil, sqlstate.New(sqlstate.TooComplex, at, "views are nested more than %d deep", maxViews)
	}
	b.views = append(b.views, v.Name)
	defer func() { b.views = b.views[:len(b.views)-1] }()
	s, err := parser.Statement(v.Text)
	q, ok := s.(*ast.Query)
	if err != nil || !ok {
		e := sqlstate.New(sqlstate.InternalError, at, "the view %q is no query", v.Name)
		e.Cause = err
		return nil, e
	}
	movePlaces(reflect.ValueOf(q), at)
	r, err := b.query(q, around{})
	if err != nil {
		return nil, inView(err, v)
	}
	rel, err := b.relation(r, v.Name, at)
	if err != nil {
		return nil, inView(err, v)
	}
	if len(v.Columns) > len(rel.columns) {
		return nil, sqlstate.New(sqlstate.InvalidColumnReference, at, "the view %q has fewer columns (%d) than names (%d)", v.Name, len(rel.columns), len(v.Columns))
	}
	for i, name := range v.Columns {
		rel.columns[i].Name = name
	}
	return rel, nil
}

// inView says that an error is in a view.
func inView(err error, v *View) error {
	e, ok := err.(*sqlstate.Error) //nolint:errorlint // only what this package and expr have made
	if !ok {
		return err
	}
	with := *e
	with.Message = "in view " + v.Name + ": " + with.Message
	return &with
}

// movePlaces sets all places of a tree that nobody else has.
func movePlaces(v reflect.Value, at int) {
	eachNode(v, func(n reflect.Value) {
		if place := n.FieldByName("At"); place.IsValid() && place.CanSet() {
			place.SetInt(int64(at))
		}
	})
}

// mentions returns how often the name of a table is in trees, whatever it means there.
func mentions(tree any, name string) int {
	count := 0
	eachNode(reflect.ValueOf(tree), func(n reflect.Value) {
		if r, ok := n.Interface().(ast.Relation); ok && r.Name == name && r.Schema == "" {
			count++
		}
	})
	return count
}

// eachNode calls f with all structs of a tree, each before those in it.
func eachNode(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			eachNode(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachNode(v.Index(i), f)
		}
	case reflect.Struct:
		f(v)
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachNode(v.Field(i), f)
			}
		}
	default:
	}
}

// columnsOf returns the columns of a part as plans have them.
func columnsOf(list []*column) []plan.Column {
	all := make([]plan.Column, len(list))
	for i, c := range list {
		all[i] = c.Column
	}
	return all
}
