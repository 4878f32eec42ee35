package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/middb/middb/planner/expr"
)

// Format returns a plan as an indented tree, one line an operator, for tests and for who looks for a mistake. Columns have
// their ids behind #. Queries in expressions stand below their operator.
func Format(n Node) string {
	f := &formatter{}
	f.node(n, 0)
	return f.String()
}

// A formatter writes a tree.
type formatter struct {
	strings.Builder
	subqueries []*Subquery // of the operator that is being written
}

func (f *formatter) node(n Node, depth int) {
	if n == nil {
		return
	}
	f.subqueries = nil
	f.line(depth, f.operator(n))
	for i, s := range f.subqueries {
		what := fmt.Sprintf("subquery %d", i+1)
		if len(s.Depends) > 0 {
			what += " of " + idList(s.Depends)
		}
		if len(s.Output) > 0 {
			what += " gives " + idList(s.Output)
		}
		f.line(depth+1, what)
		f.node(s.Root, depth+2)
	}
	if w, ok := n.(*With); ok {
		for _, c := range w.Common {
			f.line(depth+1, fmt.Sprintf("%s (%d) gives %s", c.Name, c.Number, idList(c.Output)))
			f.node(c.Plan, depth+2)
		}
		f.node(w.Body, depth+1)
		return
	}
	for _, in := range n.Inputs() {
		f.node(in, depth+1)
	}
}

func (f *formatter) line(depth int, text string) {
	f.WriteString(strings.Repeat("  ", depth) + text + "\n")
}

// operator returns the line of an operator.
func (f *formatter) operator(n Node) string {
	switch n := n.(type) {
	case *Scan:
		return "Scan " + n.Relation.Table.Name + aliased(n.Relation.Table.Name, n.Alias) + " " + columnList(n.Output)
	case *Rows:
		rows := make([]string, len(n.Rows))
		for i, r := range n.Rows {
			rows[i] = "(" + f.exprs(r, ", ") + ")"
		}
		return "Rows " + columnList(n.Output) + " " + strings.Join(rows, " ")
	case *Function:
		words := ""
		if n.Ordinality {
			words = " with ordinality"
		}
		return fmt.Sprintf("Function %s(%s)%s %s", n.Name, f.exprs(n.Args, ", "), words, columnList(n.Output))
	case *Filter:
		return "Filter " + f.conditions(n.Conditions)
	case *Project:
		return "Project " + f.items(n.Items)
	case *Join:
		return f.join(n)
	case *Aggregate:
		return f.aggregate(n)
	case *Window:
		return f.window(n)
	case *Distinct:
		if n.On == nil {
			return "Distinct"
		}
		return "Distinct on " + idList(n.On)
	case *Sort:
		return "Sort " + keyList(n.Keys)
	case *Limit:
		return f.limit(n)
	default:
		return f.combined(n)
	}
}

// combined returns the line of an operator that has several queries below it, or refers to one.
func (f *formatter) combined(n Node) string {
	switch n := n.(type) {
	case *SetOperation:
		return fmt.Sprintf("%s%s %s of %s and %s", n.Kind, all(n.All), columnList(n.Output), idList(n.LeftColumns), idList(n.RightColumns))
	case *With:
		return "With"
	case *Reference:
		return fmt.Sprintf("Reference %s (%d) %s", n.Name, n.Number, columnList(n.Output))
	case *Recursive:
		return fmt.Sprintf("Recursive%s %s (%d) %s of %s and %s", all(n.All), n.Name, n.Number, columnList(n.Output), idList(n.BaseColumns), idList(n.StepColumns))
	case *WorkTable:
		return fmt.Sprintf("WorkTable %s (%d) %s", n.Name, n.Number, columnList(n.Output))
	default:
		return fmt.Sprintf("%T", n)
	}
}

func all(all bool) string {
	if all {
		return " all"
	}
	return ""
}

func aliased(name, alias string) string {
	if alias == "" || alias == name {
		return ""
	}
	return " as " + alias
}

func (f *formatter) join(n *Join) string {
	s := n.Kind.String() + " Join"
	if n.Lateral {
		s += " lateral"
	}
	if n.Single {
		s += " single"
	}
	if n.Kind == MarkJoin {
		s += " " + columnText(&n.Mark)
	}
	if len(n.On) > 0 {
		s += " on " + f.conditions(n.On)
	}
	return s
}

func (f *formatter) aggregate(n *Aggregate) string {
	s := "Aggregate"
	if len(n.Groups) > 0 {
		s += " by " + idList(n.Groups)
	}
	for i := range n.Aggregates {
		s += [2]string{", ", " "}[toInt(i == 0)] + f.aggregation(&n.Aggregates[i])
	}
	return s
}

func (f *formatter) aggregation(a *Aggregation) string {
	args := f.exprs(a.Args, ", ")
	if a.Function == "count" && len(a.Args) == 0 {
		args = "*"
	}
	if a.Distinct {
		args = "distinct " + args
	}
	if len(a.OrderBy) > 0 {
		args += " order by " + keyList(a.OrderBy)
	}
	s := fmt.Sprintf("#%d = %s(%s)", a.Column.ID, a.Function, args)
	if a.Filter != nil {
		s += " filter " + f.exprs([]*expr.Node{a.Filter}, "")
	}
	return s
}

func (f *formatter) window(n *Window) string {
	s := "Window"
	if len(n.PartitionBy) > 0 {
		s += " partition by " + idList(n.PartitionBy)
	}
	if len(n.OrderBy) > 0 {
		s += " order by " + keyList(n.OrderBy)
	}
	for i := range n.Functions {
		w := &n.Functions[i]
		s += [2]string{", ", ": "}[toInt(i == 0)] + f.aggregation(&w.Aggregation) + " " + f.frame(&w.Frame)
	}
	return s
}

func (f *formatter) frame(w *Frame) string {
	s := [...]string{"rows", "range", "groups"}[w.Unit] + " " + f.bound(&w.Start) + " to " + f.bound(&w.End)
	return s + [...]string{"", " exclude current row", " exclude group", " exclude ties"}[w.Exclude]
}

func (f *formatter) bound(b *FrameBound) string {
	word := [...]string{"unbounded preceding", "preceding", "current row", "following", "unbounded following"}[b.Kind]
	if b.Offset == nil {
		return word
	}
	return f.exprs([]*expr.Node{b.Offset}, "") + " " + word
}

func (f *formatter) limit(n *Limit) string {
	s := "Limit"
	if n.Count != nil {
		s += " " + f.exprs([]*expr.Node{n.Count}, "")
	}
	if n.Offset != nil {
		s += " offset " + f.exprs([]*expr.Node{n.Offset}, "")
	}
	if n.Ties {
		s += " with ties by " + keyList(n.Keys)
	}
	return s
}

// items returns the columns of a Project; those that are passed on are only named.
func (f *formatter) items(list []Item) string {
	texts := make([]string, len(list))
	for i := range list {
		it := &list[i]
		texts[i] = columnText(&it.Column)
		if it.Expr.Op != expr.OpColumn || it.Expr.Column != it.Column.ID {
			texts[i] += " = " + f.exprs([]*expr.Node{it.Expr}, "")
		}
	}
	return strings.Join(texts, ", ")
}

// quotedColumn is a column with its id, as a name that needs quotes.
var quotedColumn = regexp.MustCompile(`"([^"]*#[0-9]+)"`)

// exprs returns expressions, and notes the queries in them.
func (f *formatter) exprs(list []*expr.Node, between string) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = n.Map(func(x *expr.Node) *expr.Node {
			switch {
			case x.Op == expr.OpColumn:
				c := *x
				c.Table, c.Name = "", fmt.Sprintf("%s#%d", x.Name, x.Column)
				return &c
			case x.Sub != nil:
				s, ok := x.Sub.(*Subquery)
				if !ok {
					return x
				}
				f.subqueries = append(f.subqueries, s)
				c := *x
				c.Sub = &Subquery{Text: fmt.Sprintf("subquery %d", len(f.subqueries))}
				return &c
			}
			return x
		}).String()
	}
	return quotedColumn.ReplaceAllString(strings.Join(texts, between), "$1")
}

// conditions returns conditions that must all be true.
func (f *formatter) conditions(list []*expr.Node) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = f.exprs(list[i:i+1], "")
		if n.Op == expr.OpOr {
			texts[i] = "(" + texts[i] + ")"
		}
	}
	return strings.Join(texts, " AND ")
}

func columnText(c *Column) string {
	null := ""
	if c.NotNull {
		null = "!"
	}
	return fmt.Sprintf("%s#%d%s", c.Name, c.ID, null)
}

func columnList(list []Column) string {
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = columnText(&list[i])
	}
	return "[" + strings.Join(texts, " ") + "]"
}

func idList(list []expr.ColumnID) string {
	texts := make([]string, len(list))
	for i, id := range list {
		texts[i] = fmt.Sprintf("#%d", id)
	}
	return strings.Join(texts, " ")
}

func keyList(list []Key) string {
	texts := make([]string, len(list))
	for i, k := range list {
		texts[i] = fmt.Sprintf("#%d", k.Column)
		if k.Descending {
			texts[i] += " desc"
		}
		if k.NullsFirst != k.Descending {
			texts[i] += [2]string{" nulls last", " nulls first"}[toInt(k.NullsFirst)]
		}
	}
	return strings.Join(texts, " ")
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
