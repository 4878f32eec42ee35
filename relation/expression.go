package relation

import (
	"fmt"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/parser"
)

// An expression is one of SQL, bound to the columns of a table. It does not change, and any number of goroutines may
// evaluate it.
type expression = *expr.Program

// compileCheck binds the condition of a check to the columns of a table.
func compileCheck(t *catalog.Table, sql string) (expression, error) {
	tree, err := parser.Expression(sql)
	if err != nil {
		return nil, err
	}
	scope := &expr.Scope{Text: sql}
	for _, c := range t.Columns {
		scope.Columns = append(scope.Columns, expr.ScopeColumn{Table: t.Name, Name: c.Name, Type: c.Type})
	}
	return expr.BindCondition(tree, scope)
}

// compileDefault binds the default of a column, which names no other.
func compileDefault(c *catalog.Column) (expression, error) {
	tree, err := parser.Expression(c.Default)
	if err != nil {
		return nil, err
	}
	return expr.BindAs(tree, &expr.Scope{Text: c.Default}, c.Type)
}

// evaluate evaluates an expression for a row.
func (t *Tables) evaluate(e expression, row []catalog.Value) (catalog.Value, error) {
	if v, ok := e.Constant(); ok {
		return v, nil
	}
	if !t.asked {
		t.asked = true
		t.environment = expr.Env{Random: t.catalog.options.Random, Now: time.Unix(0, 0).UTC(), Sequences: t.sequences}
		if t.sequences == nil {
			t.environment.Sequences = plainSequences{t}
		}
		if now := t.catalog.options.Now; now != nil {
			t.environment.Now = now()
		}
	}
	return e.Eval(row, &t.environment)
}

// UseSequences says what nextval and its like are in defaults, on behalf of somebody who also knows which numbers were given
// last. It is called before the tables are used.
func (t *Tables) UseSequences(s expr.Sequences) {
	t.sequences = s
	if t.asked {
		t.environment.Sequences = s
	}
}

// plainSequences give the numbers of sequences, and forget them.
type plainSequences struct{ tables *Tables }

// Next implements expr.Sequences.
func (s plainSequences) Next(name string) (int64, error) { return s.tables.NextValue(name) }

// Current implements expr.Sequences.
func (plainSequences) Current(name string) (int64, error) {
	return 0, fmt.Errorf("sequence %s: %w: which number it gave last is known to sessions of SQL only", name, ErrArguments)
}

// Set implements expr.Sequences.
func (s plainSequences) Set(name string, n int64, given bool) error {
	return s.tables.SetSequence(name, n, given)
}
