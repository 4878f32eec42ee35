package session

import (
	"context"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// reindex runs REINDEX: each index is built anew beside the old one, while others write, and takes its place.
func (s *Session) reindex(ctx context.Context, st *statement, tree *ast.Reindex) (*Rows, error) {
	if s.txn != nil {
		return nil, sqlstate.New(sqlstate.ActiveTransaction, tree.At, "REINDEX cannot be run in a transaction")
	}
	if s.onlyReads() || s.settings.readOnly {
		return nil, sqlstate.New(sqlstate.ReadOnlyTransaction, tree.At, "REINDEX cannot be run in a session that only reads")
	}
	type one struct {
		table string
		index catalog.Index
		d     relation.IndexDefinition
	}
	var list []one
	err := s.read(ctx, func(tables *relation.Tables) error {
		x := &changing{s: s, ctx: ctx, text: st.text, tables: tables}
		all, err := tables.List()
		if err != nil {
			return err
		}
		if tree.Name != nil && tree.Kind == ast.TableObject {
			if _, err := x.table(*tree.Name, false); err != nil {
				return err
			}
		}
		for _, t := range all {
			for _, ix := range t.Indexes {
				wanted := tree.Name == nil || tree.Kind == ast.TableObject && t.Name == tree.Name.Name ||
					tree.Kind == ast.IndexObject && ix.Name == tree.Name.Name
				if wanted {
					list = append(list, one{t.Name, ix, relation.IndexDefinition{
						Name: ix.Name + "_new", Columns: specsOf(t, ix.Columns), Unique: ix.Unique, Using: ix.Using,
					}})
				}
			}
		}
		if tree.Name != nil && tree.Kind == ast.IndexObject && len(list) == 0 {
			return x.missing("index", *tree.Name, false)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		if err := s.db.BuildIndex(ctx, o.table, o.d); err != nil {
			return nil, err
		}
		err := s.changeSchema(ctx, st.text, "REINDEX", func(x *changing) error {
			return x.tables.Alter(o.table, func(t *catalog.Table) (*catalog.Table, error) {
				return changed(t, func(next *catalog.Table) {
					next.Indexes = slices.DeleteFunc(next.Indexes, func(ix catalog.Index) bool { return ix.Name == o.index.Name })
					if ix, found := next.Index(o.d.Name); found {
						ix.Name = o.index.Name
					}
				})
			})
		})
		if err != nil {
			return nil, err
		}
	}
	return s.finished(Result{Tag: "REINDEX"}), nil
}

// specsOf returns the columns of a key as an IndexDefinition has them.
func specsOf(t *catalog.Table, columns []catalog.IndexColumn) []string {
	var specs []string
	for _, k := range columns {
		c, _, _ := t.ColumnByID(k.Column)
		spec := quoted(c.Name)
		if k.Descending {
			spec += " DESC"
		}
		if k.NullsFirst {
			spec += " NULLS FIRST"
		} else {
			spec += " NULLS LAST"
		}
		specs = append(specs, spec)
	}
	return specs
}
