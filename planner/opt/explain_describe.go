package opt

import (
	"fmt"
	"strings"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// describe sets the title and the properties of what is shown of a node.
func (e *explainer) describe(s *shown, n physical.Node) {
	switch n := n.(type) {
	case *physical.Scan:
		e.scan(s, n)
	case *physical.BitmapScan:
		e.bitmapScan(s, n)
	case *physical.Rows:
		s.title = "Values Scan"
		if len(n.Rows) == 1 && len(n.Output) == 0 {
			s.title = "Result"
		}
	case *physical.Function:
		s.title, s.kind = "Function Scan on "+n.Call.Name, "Function Scan"
		s.hide("Function Name", n.Call.Name)
	case *physical.Filter:
		s.title = "Filter"
		e.conditions(s, "Filter", n.Conditions)
	case *physical.Project:
		e.project(s, n)
	case *physical.NestedLoopJoin, *physical.IndexJoin, *physical.HashJoin, *physical.MergeJoin:
		e.join(s, n)
	case *physical.HashAggregate:
		s.title, s.kind = "HashAggregate", "Aggregate"
		s.hide("Strategy", "Hashed")
		s.add("Group Key", e.columns(n.Groups))
		e.aggregates(s, n.Aggregates)
	case *physical.SortAggregate:
		s.title, s.kind = "Aggregate", "Aggregate"
		strategy := "Plain"
		if len(n.Groups) > 0 {
			s.title, strategy = "GroupAggregate", "Sorted"
		}
		s.hide("Strategy", strategy)
		s.add("Group Key", e.columns(n.Groups))
		e.aggregates(s, n.Aggregates)
	case *physical.Sort:
		e.sort(s, n)
	case *physical.Limit:
		s.title = "Limit"
		if n.Ties {
			s.title = "Limit With Ties"
		}
	case *physical.HashDistinct:
		s.title, s.kind = "HashAggregate", "Aggregate"
		s.hide("Strategy", "Hashed")
		s.add("Group Key", e.columns(n.On))
	case *physical.SortDistinct:
		s.title = "Unique"
	default:
		e.describeOther(s, n)
	}
}

func (e *explainer) describeOther(s *shown, n physical.Node) {
	switch n := n.(type) {
	case *physical.Append:
		s.title = "Append"
	case *physical.HashSet:
		command := n.Kind.String()
		if n.All {
			command += " All"
		}
		s.title, s.kind = "HashSetOp "+command, "SetOp"
		s.hide("Strategy", "Hashed")
		s.hide("Command", command)
	case *physical.Window:
		s.title = "WindowAgg"
		s.add("Partition Key", e.columns(n.PartitionBy))
		s.add("Order Key", e.keys(n.OrderBy))
		for i := range n.Functions {
			for _, x := range n.Functions[i].Args {
				e.text(s, x)
			}
		}
	case *physical.Reference:
		s.title, s.kind = "CTE Scan on "+n.Name, "CTE Scan"
		s.hide("CTE Name", n.Name)
	case *physical.Recursive:
		s.title = "Recursive Union"
	case *physical.WorkTable:
		s.title, s.kind = "WorkTable Scan on "+n.Name, "WorkTable Scan"
		s.hide("CTE Name", n.Name)
	default:
		s.title = fmt.Sprintf("%T", n)
	}
}

// table adds the name of a table, and returns how text has it.
func table(s *shown, r *plan.Relation, alias string) string {
	name := r.Table.Name
	s.hide("Relation Name", name)
	if alias == "" {
		alias = name
	}
	s.hide("Alias", alias)
	if alias != name {
		return name + " " + alias
	}
	return name
}

// indexName returns the name of an index; that of a primary key is the one that PostgreSQL gives it.
func indexName(r *plan.Relation, index string) string {
	if index == "" {
		return r.Table.Name + "_pkey"
	}
	return index
}

func (e *explainer) scan(s *shown, n *physical.Scan) {
	if n.Index == "" && n.Ranges == nil && !n.Reverse {
		s.kind = "Seq Scan"
		s.title = "Seq Scan on " + table(s, n.Relation, n.Alias)
		e.conditions(s, "Filter", n.Filter)
		return
	}
	s.kind = "Index Scan"
	if n.IndexOnly {
		s.kind = "Index Only Scan"
	}
	direction := "Forward"
	if n.Reverse {
		direction = "Backward"
	}
	name := indexName(n.Relation, n.Index)
	s.hide("Scan Direction", direction)
	s.hide("Index Name", name)
	s.title = s.kind
	if n.Reverse {
		s.title += " Backward"
	}
	s.title += " using " + name + " on " + table(s, n.Relation, n.Alias)
	s.add("Index Cond", e.ranges(s, n.Relation, n.Alias, n.Index, n.Ranges))
	e.conditions(s, "Filter", n.Filter)
}

func (e *explainer) bitmapScan(s *shown, n *physical.BitmapScan) {
	s.kind = "Bitmap Or Scan"
	s.title = "Bitmap Or Scan on " + table(s, n.Relation, n.Alias)
	e.conditions(s, "Filter", n.Filter)
	for _, part := range n.Parts {
		name := indexName(n.Relation, part.Index)
		b := &shown{title: "Bitmap Index Scan on " + name, kind: "Bitmap Index Scan", relationship: "Member"}
		b.hide("Index Name", name)
		b.add("Index Cond", e.ranges(s, n.Relation, n.Alias, part.Index, part.Ranges))
		s.below = append(s.below, b)
	}
}

// ranges returns what the ranges of an index say, as a condition.
func (e *explainer) ranges(s *shown, r *plan.Relation, alias, index string, ranges []physical.Bounds) string {
	key := keyColumns(r.Table, index)
	if alias == "" {
		alias = r.Table.Name
	}
	name := func(i int) string {
		if i >= len(key) {
			return "?"
		}
		c, _, ok := r.Table.ColumnByID(key[i].Column)
		if !ok {
			return "?"
		}
		return expr.Column(0, c.Type, alias, c.Name).String()
	}
	all := make([]string, len(ranges))
	for i := range ranges {
		b := &ranges[i]
		var parts []string
		for j, v := range b.Prefix {
			parts = append(parts, name(j)+" = "+e.text(s, v))
		}
		at := name(len(b.Prefix))
		if b.Lower != nil {
			parts = append(parts, at+map[bool]string{true: " > ", false: " >= "}[b.LowerExclusive]+e.text(s, b.Lower))
		}
		if b.Upper != nil {
			parts = append(parts, at+map[bool]string{true: " < ", false: " <= "}[b.UpperExclusive]+e.text(s, b.Upper))
		}
		if b.NotNull && b.Lower == nil && b.Upper == nil {
			parts = append(parts, at+" IS NOT NULL")
		}
		all[i] = enclosed(parts, " AND ")
	}
	return enclosed(all, " OR ")
}

// enclosed joins conditions, each of them in parentheses if there are several, and all.
func enclosed(parts []string, word string) string {
	switch len(parts) {
	case 0:
		return ""
	case 1:
		if strings.HasPrefix(parts[0], "(") {
			return parts[0]
		}
		return "(" + parts[0] + ")"
	}
	for i, p := range parts {
		if !strings.HasPrefix(p, "(") {
			parts[i] = "(" + p + ")"
		}
	}
	return "(" + strings.Join(parts, word) + ")"
}

func (e *explainer) project(s *shown, n *physical.Project) {
	s.title = "Project"
	for _, item := range n.Items {
		if hasSubquery(item.Expr) {
			e.text(s, item.Expr)
		}
	}
}

func (e *explainer) aggregates(s *shown, list []plan.Aggregation) {
	for i := range list {
		for _, x := range list[i].Args {
			e.text(s, x)
		}
		if list[i].Filter != nil {
			e.text(s, list[i].Filter)
		}
	}
}

func (e *explainer) sort(s *shown, n *physical.Sort) {
	s.title, s.kind = "Sort", "Sort"
	switch {
	case n.Limit != nil:
		s.title = "Top-N Sort"
		s.hide("Sort Method", "top-N heapsort")
	case n.Sorted > 0:
		s.title, s.kind = "Incremental Sort", "Incremental Sort"
	}
	s.add("Sort Key", e.keys(n.Keys))
	if n.Sorted > 0 {
		s.add("Presorted Key", e.keys(n.Keys[:n.Sorted]))
	}
}

// join shows any of the joins.
func (e *explainer) join(s *shown, n physical.Node) {
	switch n := n.(type) {
	case *physical.NestedLoopJoin:
		kind := joinTitle(s, "Nested Loop", n.Kind, false)
		if n.Lateral {
			s.hide("Lateral", true)
		}
		s.kind = kind
		e.conditions(s, "Join Filter", n.On)
	case *physical.HashJoin:
		s.kind = joinTitle(s, "Hash", n.Kind, n.BuildLeft)
		e.conditions(s, "Hash Cond", equations(n.LeftKeys, n.RightKeys))
		e.conditions(s, "Join Filter", n.On)
	case *physical.MergeJoin:
		s.kind = joinTitle(s, "Merge", n.Kind, false)
		var parts []string
		for i := range n.LeftKeys {
			parts = append(parts, e.column(n.LeftKeys[i])+" = "+e.column(n.RightKeys[i]))
		}
		s.add("Merge Cond", enclosed(parts, " AND "))
		e.conditions(s, "Join Filter", n.On)
	case *physical.IndexJoin:
		s.kind = joinTitle(s, "Index", n.Kind, false)
		name := indexName(n.Relation, n.Index)
		s.hide("Index Name", name)
		s.title += " using " + name + " on " + table(s, n.Relation, n.Alias)
		s.add("Index Cond", e.ranges(s, n.Relation, n.Alias, n.Index, []physical.Bounds{{Prefix: n.Keys}}))
		e.conditions(s, "Join Filter", n.On)
	}
}

// joinTitle sets the title of a join and returns the name of its method.
func joinTitle(s *shown, method string, kind plan.JoinKind, turned bool) string {
	name := kind.String()
	if turned && kind != plan.InnerJoin && kind != plan.FullJoin {
		name = "Right"
		if kind != plan.LeftJoin {
			name += " " + kind.String()
		}
	}
	s.hide("Join Type", name)
	full := method
	if method != "Nested Loop" {
		full += " Join"
	}
	s.title = full
	if kind != plan.InnerJoin {
		s.title = method + " " + name + " Join"
	}
	return full
}

// equations returns the conditions that pairs of keys are equal.
func equations(left, right []*expr.Node) []*expr.Node {
	all := make([]*expr.Node, len(left))
	for i := range left {
		all[i] = expr.Equal(left[i], right[i])
	}
	return all
}
