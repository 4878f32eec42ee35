package session

import (
	"encoding/json"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// A view is one as it is stored, as JSON.
type view struct {
	Text    string   `json:"text"`    // of its query
	Columns []string `json:"columns"` // names of its columns
}

func decodeView(name string, value []byte) (v view, err error) {
	if err := json.Unmarshal(value, &v); err != nil {
		return v, &catalog.DamageError{What: "view " + name, Why: err.Error()}
	}
	return v, nil
}

// createView runs CREATE VIEW. The query is stored as text, with the names that its columns have now.
func (x *changing) createView(st *ast.CreateView) error {
	name, err := x.name(st.Name)
	if err != nil {
		return err
	}
	if st.Temporary {
		return sqlstate.New(sqlstate.NotSupported, st.At, "there are no temporary views").WithHint("create a view and drop it later")
	}
	_, found, err := x.tables.Object(relation.ViewObject, name)
	if err != nil {
		return err
	}
	if !found || !st.Replace {
		if there, e := x.there(name, st.Name.At, st.IfNotExists); there || e != nil {
			return e
		}
	}
	v := view{Text: st.Query.String()}
	q, err := bind.Query(st.Query, &bind.Options{Text: x.text, Catalog: &lookup{s: x.s, tables: x.tables}})
	if err != nil {
		return err
	}
	if len(q.Parameters) > 0 {
		return sqlstate.New(sqlstate.NoParameter, st.At, "a view has no parameters")
	}
	if len(st.Columns) > len(q.Output) {
		return sqlstate.New(sqlstate.SyntaxError, st.Columns[len(q.Output)].At, "there are names for %d columns, and the query has %d",
			len(st.Columns), len(q.Output))
	}
	for i, c := range q.Output {
		if i < len(st.Columns) {
			c.Name = st.Columns[i].Name
		}
		for _, other := range v.Columns {
			if other == c.Name {
				e := sqlstate.New(sqlstate.DuplicateColumn, st.At, "the view would have two columns %q", c.Name)
				e.Column = c.Name
				return e.WithHint("name the columns with AS")
			}
		}
		v.Columns = append(v.Columns, c.Name)
	}
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return x.tables.PutObject(relation.ViewObject, name, value)
}

// dropObjects drops views or sequences. What is made of a view stays, and is broken.
func (x *changing) dropObjects(st *ast.Drop, kind string) error {
	for _, r := range st.Names {
		name, err := x.name(r)
		if err != nil {
			return err
		}
		_, found, err := x.tables.Object(kind, name)
		switch {
		case err != nil:
		case !found:
			err = x.missingObject(kind, r, st.IfExists)
		case kind == relation.SequenceObject:
			err = x.tables.DropSequence(name)
		default:
			err = x.tables.DeleteObject(kind, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// missingObject is what becomes of a name that is not there, or that something else has.
func (x *changing) missingObject(kind string, r ast.Relation, optional bool) error {
	other, err := x.kindOf(r.Name)
	if err != nil {
		return err
	}
	if other != "" && !optional {
		return sqlstate.New(sqlstate.WrongObjectType, r.At, "%q is %s, not a %s", r.Name, article(other), kind)
	}
	return x.missing(kind, r, optional)
}

// renameObject gives a view or a sequence another name.
func (x *changing) renameObject(st *ast.Rename, kind string) error {
	value, found, err := x.tables.Object(kind, st.Name.Name)
	if err != nil {
		return err
	}
	if !found {
		return x.missingObject(kind, st.Name, st.IfExists)
	}
	if there, err := x.there(st.To.Name, st.To.At, false); there || err != nil {
		return err
	}
	if err := x.tables.PutObject(kind, st.To.Name, value); err != nil {
		return err
	}
	return x.tables.DeleteObject(kind, st.Name.Name)
}
