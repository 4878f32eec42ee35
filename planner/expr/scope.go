package expr

import (
	"fmt"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A ScopeColumn is a column that an expression can name.
type ScopeColumn struct {
	Table string // the name of its table; may be empty
	Name  string
	Type  catalog.Type
}

// A Scope is what an expression of a table can name, and what its errors show.
type Scope struct {
	Text       string        // the SQL that the tree was read from
	Columns    []ScopeColumn // the values of rows have the same order
	Parameters bool          // there may be some
}

// Bind gives an expression its meaning.
func Bind(e ast.Expr, s *Scope) (*Program, error) {
	return bind(s, func(b *Binder) (*Node, error) { return b.Bind(e) })
}

// BindAs binds an expression whose values are to be stored as a type. It converts them as SQL does for INSERT: numbers
// to numbers, everything to text, dates and timestamps to each other, and text in quotes to anything.
func BindAs(e ast.Expr, s *Scope, t catalog.Type) (*Program, error) {
	return bind(s, func(b *Binder) (*Node, error) { return b.BindAs(e, t) })
}

// BindCondition binds an expression that must be BOOLEAN.
func BindCondition(e ast.Expr, s *Scope) (*Program, error) {
	return bind(s, func(b *Binder) (*Node, error) { return b.BindCondition(e, "the condition") })
}

func bind(s *Scope, of func(*Binder) (*Node, error)) (*Program, error) {
	names := &names{scope: s}
	var parameters *Parameters
	if s.Parameters {
		parameters = NewParameters()
	}
	n, err := of(NewBinder(s.Text, names, parameters))
	if err != nil {
		return nil, err
	}
	slots := &Slots{Columns: make(map[ColumnID]int, len(s.Columns))}
	for i := range s.Columns {
		slots.Columns[ColumnID(i+1)] = i
	}
	p, err := Compile(n, slots)
	if err != nil {
		return nil, inText(err, s.Text)
	}
	p.text = s.Text
	p.columns = places(names.used, slots) // those that were folded away too
	if parameters != nil {
		p.parameters = parameters.types
	}
	return p, nil
}

// names is the Resolver of a Scope. The ColumnID of a column is its place, from 1.
type names struct {
	scope *Scope
	used  []ColumnID
}

// Special implements Resolver: a table's expressions have no queries.
func (n *names) Special(*Binder, ast.Expr) (*Node, error) { return nil, nil }

// Column implements Resolver.
func (n *names) Column(e *ast.Column) (*Node, error) {
	found, tableKnown := -1, false
	for i := range n.scope.Columns {
		c := &n.scope.Columns[i]
		if e.Table != "" && c.Table != e.Table {
			continue
		}
		tableKnown = true
		if c.Name != e.Name {
			continue
		}
		if found >= 0 {
			return nil, sqlstate.New(sqlstate.AmbiguousColumn, e.At, "column %q is ambiguous", e.Name).
				WithHint("write the table before it: %s.%s", c.Table, e.Name)
		}
		found = i
	}
	switch {
	case e.Table != "" && !tableKnown:
		return nil, sqlstate.New(sqlstate.UndefinedTable, e.At, "there is no table %q here", e.Table)
	case found < 0:
		return nil, n.noColumn(e)
	}
	id := ColumnID(found + 1)
	n.used = append(n.used, id)
	c := Column(id, n.scope.Columns[found].Type, "", e.Name)
	c.Table, c.At = e.Table, e.At
	return c, nil
}

// noColumn returns the error for a column that is not there, with the name that may have been meant.
func (n *names) noColumn(e *ast.Column) error {
	err := sqlstate.New(sqlstate.UndefinedColumn, e.At, "there is no column %q", e.Name)
	var candidates []string
	for _, c := range n.scope.Columns {
		if e.Table == "" || c.Table == e.Table {
			candidates = append(candidates, c.Name)
		}
	}
	if name := Nearest(e.Name, candidates); name != "" {
		err.Hint = fmt.Sprintf("perhaps column %q was meant", name)
	}
	return err
}

// Nearest returns the candidate that may have been meant by a name, or nothing.
func Nearest(name string, candidates []string) string {
	best, nearest := max(1, len(name)/3), ""
	for _, c := range candidates {
		if d := distance(strings.ToLower(c), strings.ToLower(name), best); d <= best {
			best, nearest = d-1, c
		}
	}
	return nearest
}

// distance returns how many letters must be changed, added or removed to make b of a; any number above most may stand
// for more than that.
func distance(a, b string, most int) int {
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
