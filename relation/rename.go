package relation

import (
	"fmt"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/parser"
)

// Rename gives a table another name, also where its checks name it. Foreign keys to it go on.
func (t *Tables) Rename(table, to string) error {
	change := func(s *catalog.Table) (*catalog.Table, error) { return s.RenameTable(to) }
	return t.renaming(table, change, func(c *ast.Column) bool {
		if c.Table != table {
			return false
		}
		c.Table = to
		return true
	})
}

// RenameColumn gives a column another name, also in the checks of its table.
func (t *Tables) RenameColumn(table, from, to string) error {
	change := func(s *catalog.Table) (*catalog.Table, error) {
		if _, _, found := s.Column(from); !found {
			return nil, &NameError{ErrNoColumn, s.Name, from}
		}
		return s.RenameColumn(from, to)
	}
	return t.renaming(table, change, func(c *ast.Column) bool {
		if c.Name != from {
			return false
		}
		c.Name = to
		return true
	})
}

// renaming changes a schema by change, and what checks name by rename, which reports whether it did. The text of other checks
// stays as it was written.
func (t *Tables) renaming(
	table string, change func(*catalog.Table) (*catalog.Table, error), rename func(*ast.Column) bool,
) error {
	return t.schemaStatement(func() error {
		h, err := t.Table(table)
		if err != nil {
			return err
		}
		next, err := change(h.shape.Table)
		for i := 0; err == nil && i < len(h.shape.Checks); i++ {
			c := h.shape.Checks[i]
			tree, parseErr := parser.Expression(c.Expr)
			if parseErr != nil {
				return fmt.Errorf("table %s, check %s: %w", table, c.Name, parseErr)
			}
			renamed := false
			tree = ast.Rewrite(tree, func(e ast.Expr) ast.Expr {
				if column, ok := e.(*ast.Column); ok && rename(column) {
					renamed = true
				}
				return e
			})
			if renamed {
				next, err = next.SetCheck(c.Name, fmt.Sprint(tree))
			}
		}
		if err != nil {
			return err
		}
		return t.alter(h, next, alterOptions{state: catalog.Ready, checksHold: true})
	})
}
