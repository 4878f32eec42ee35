package bind

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// TestScripts binds the statements of testdata. The commands are tables, which creates tables and views; bind, which shows
// the plan; and errors, which has a mistake a line and shows what is said of each. With -rewrite, what was expected becomes
// what there is.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		c := newTables()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "tables":
				if err := c.run(d.Input); err != nil {
					t.Fatal(err)
				}
				return ""
			case "bind":
				b, err := bindText(c, d.Input)
				if err != nil {
					return mistake(err)
				}
				if err = checkQuery(b.source); err != nil {
					t.Errorf("%s: %v", d.Input, err)
				}
				return b.String()
			case "errors":
				var out strings.Builder
				for line := range strings.SplitSeq(d.Input, "\n") {
					b, err := bindText(c, line)
					if err == nil {
						t.Errorf("%s: %s is no mistake:\n%s", d.Pos, line, b)
						continue
					}
					fmt.Fprintf(&out, "%s\n%s\n", line, mistake(err))
				}
				return out.String()
			default:
				t.Fatalf("%s: there is no such command: %s", d.Pos, d.Cmd)
				return ""
			}
		})
	})
}

// mistake returns an error as the scripts have it: the code, below the place, and what was said.
func mistake(err error) string {
	var e *sqlstate.Error
	if !errors.As(err, &e) {
		return "NO CODE: " + err.Error()
	}
	line, column := e.Position()
	place := strings.Repeat(" ", max(column-1, 0)) + "^"
	if line != 1 {
		place = fmt.Sprintf("(line %d, column %d)", line, column)
	}
	out := fmt.Sprintf("%s %s: %s", place, e.Code, e.Message)
	if e.Hint != "" {
		out += " (" + e.Hint + ")"
	}
	return out
}

// String returns what was bound as the scripts have it.
func (b *bound) String() string {
	var out strings.Builder
	if len(b.source.Output) == 0 {
		out.WriteString("no columns")
	}
	for i, c := range b.source.Output {
		out.WriteString([2]string{", ", ""}[boolInt(i == 0)])
		null := ""
		if c.NotNull {
			null = " not null"
		}
		fmt.Fprintf(&out, "%s#%d %s%s", c.Name, c.ID, typeText(c.Type), null)
	}
	out.WriteString("\n")
	for i, t := range b.parameters {
		fmt.Fprintf(&out, "$%d %s\n", i+1, typeText(t))
	}
	switch s := b.statement.(type) {
	case *plan.Insert:
		fmt.Fprintf(&out, "insert %s places %v", s.Table.Name, s.Places)
		if s.Defaults != nil {
			fmt.Fprintf(&out, " defaults %v", s.Defaults)
		}
		if s.System || s.Given {
			fmt.Fprintf(&out, " system %t given %t", s.System, s.Given)
		}
		out.WriteString("\n" + conflictText(s.Conflict) + returningText(s.Returning))
	case *plan.Update:
		fmt.Fprintf(&out, "update %s places %v default %v\n%s", s.Table.Name, s.Places, s.Default, returningText(s.Returning))
	case *plan.Delete:
		fmt.Fprintf(&out, "delete %s\n%s", s.Table.Name, returningText(s.Returning))
	}
	return out.String() + plan.Format(b.source.Root)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func conflictText(c *plan.Conflict) string {
	if c == nil {
		return ""
	}
	out := fmt.Sprintf("conflict index %q any %t replace %t nothing %t", c.Index, c.Any, c.Replace, c.Nothing)
	if c.Old != nil {
		out += fmt.Sprintf(" old %v excluded %v", idsIn(c.Old), idsIn(c.Excluded))
	}
	for _, a := range c.Set {
		out += fmt.Sprintf(" set %d = %s", a.Place, a.Value)
	}
	if c.Where != nil {
		out += " where " + c.Where.String()
	}
	return out + "\n"
}

func returningText(r *plan.Returning) string {
	if r == nil {
		return ""
	}
	out := fmt.Sprintf("returning of %v, %d of them extra:", idsIn(r.Columns), r.Extra)
	for _, it := range r.Items {
		out += fmt.Sprintf(" %s#%d = %s", it.Column.Name, it.Column.ID, it.Expr)
		if it.Expr.Op == expr.OpColumn {
			out += fmt.Sprintf("#%d", it.Expr.Column)
		}
	}
	return out + "\n"
}
