package opt

import (
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A Rule changes a plan into one that gives the same rows.
type Rule struct {
	Name string // for Options.Disabled and for people
	Doc  string // what it does
	when features
	// apply returns the plan as it is if there is nothing to do.
	apply func(*context, plan.Node) plan.Node
}

// A stage is some rules that are applied over and over until none of them changes anything.
type stage struct {
	rules  []*Rule
	rounds int // at most
}

// The stages. Queries within queries go through the first one before the queries around them, so that these find joins in
// them and no queries.
var (
	normalise = stage{rounds: 8, rules: []*Rule{
		foldConstants, simplifyConditions, mergeFilters, mergeProjects, unnestConditions, unnestExpressions, unnestLaterals,
	}}
	reorganise = stage{rounds: 10, rules: []*Rule{
		foldConstants, simplifyConditions, mergeFilters, mergeProjects, closeEqualities, outerToInner, pushFilters,
		extractAlternatives, pruneColumns, removeJoins, removeDistinct, removeSorts, reduceGroups, pushLimits, unnestConditions,
		unnestExpressions, dropCommons,
	}}
	finish = stage{rounds: 1, rules: []*Rule{orderJoins, minMax, pushFilters, mergeProjects, pruneColumns, shareExpressions}}
)

// Rules returns all rules, in the order in which they are first applied. The caller must not change them.
func Rules() []*Rule {
	var all []*Rule
	for _, s := range []*stage{&normalise, &reorganise, &finish} {
		for _, r := range s.rules {
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}

// features are what a plan has; a rule that wants none of them has nothing to do.
type features uint32

const (
	hasFilter features = 1 << iota
	hasProject
	hasJoin
	hasOuter   // left and full joins
	hasLateral // lateral joins
	hasAggregate
	hasWindow
	hasDistinct
	hasSort
	hasLimit
	hasSet
	hasWith
	hasSub // queries in expressions
)

// featuresOf returns what a plan has.
func featuresOf(n plan.Node) features {
	var f features
	each(n, func(n plan.Node) {
		switch n := n.(type) {
		case *plan.Filter:
			f |= hasFilter
		case *plan.Project:
			f |= hasProject
		case *plan.Join:
			f |= hasJoin
			if n.Kind == plan.LeftJoin || n.Kind == plan.FullJoin {
				f |= hasOuter
			}
			if n.Lateral {
				f |= hasLateral
			}
		case *plan.Aggregate:
			f |= hasAggregate
		case *plan.Window:
			f |= hasWindow
		case *plan.Distinct:
			f |= hasDistinct
		case *plan.Sort:
			f |= hasSort
		case *plan.Limit:
			f |= hasLimit
		case *plan.SetOperation:
			f |= hasSet
		case *plan.With:
			f |= hasWith
		}
		expressions(n, func(e *expr.Node) {
			if f&hasSub == 0 && hasSubquery(e) {
				f |= hasSub
			}
		})
	})
	return f
}

// A context is the work on a query.
type context struct {
	options *Options
	next    expr.ColumnID
	output  idSet               // what is needed of the plan that rules are applied to
	inner   bool                // it is a query within an expression
	set     bool                // of which it only matters whether there is a row
	derived idSet               // columns of which closeEqualities has said something
	mined   map[*expr.Node]bool // what extractAlternatives has looked at
	changed []*Rule
	counts  *estimator
}

// estimator returns what counts rows.
func (c *context) estimator() *estimator {
	if c.counts == nil {
		c.counts = newEstimator()
	}
	return c.counts
}

// newColumn returns a column that nothing else is.
func (c *context) newColumn(like plan.Column) plan.Column {
	like.ID = c.next
	c.next++
	return like
}

// Rewrite applies the rules to a query. It returns what came out, and the names of the rules that changed something, in
// the order in which they did that first. The options may be nil.
func Rewrite(q *plan.Query, o *Options) (*plan.Query, []string) {
	if o == nil {
		o = &Options{}
	}
	if o.NoRewrite {
		return q, nil
	}
	c := &context{options: o, next: q.NextID}
	root := c.normalised(q.Root, ids(q.Output), nil)
	root = c.optimised(root, ids(q.Output), nil)
	made := *q
	made.Root, made.NextID = root, c.next
	names := make([]string, len(c.changed))
	for i, r := range c.changed {
		names[i] = r.Name
	}
	return &made, names
}

// disabled reports whether the user does not want a rule.
func (c *context) disabled(r *Rule) bool {
	switch r {
	case unnestConditions, unnestExpressions, unnestLaterals:
		if c.options.NoUnnest {
			return true
		}
	case orderJoins:
		if c.options.NoReorder {
			return true
		}
	}
	return slices.Contains(c.options.Disabled, r.Name)
}

// one applies a rule once.
func (c *context) one(r *Rule, n plan.Node, has features) plan.Node {
	if r.when != 0 && has&r.when == 0 || c.disabled(r) {
		return n
	}
	made := r.apply(c, n)
	if made != n && !slices.Contains(c.changed, r) {
		c.changed = append(c.changed, r)
	}
	return made
}

// run applies the rules of a stage until nothing changes, or often enough. What it gives may be optimised better, but is
// right, wherever it stops.
func (c *context) run(s *stage, n plan.Node) plan.Node {
	has := featuresOf(n)
	unchanged := 0
	for range s.rounds {
		for _, r := range s.rules {
			made := c.one(r, n, has)
			if made == n {
				if unchanged++; unchanged >= len(s.rules) {
					return n
				}
				continue
			}
			n, has, unchanged = made, featuresOf(made), 0
		}
	}
	return n
}

// begin says what is wanted of the plan that rules are applied to next.
func (c *context) begin(output []expr.ColumnID, within *expr.Node) {
	c.output = idsOf(output)
	c.inner = within != nil
	c.set = c.inner && within.Op != expr.OpSubquery
}

// normalised applies the first stage, to queries in expressions before those around them. Within is the expression that the
// plan is the query of, or nil.
func (c *context) normalised(n plan.Node, output []expr.ColumnID, within *expr.Node) plan.Node {
	n = c.inSubqueries(n, func(s *plan.Subquery, e *expr.Node) plan.Node { return c.normalised(s.Root, s.Output, e) })
	c.begin(output, within)
	return c.run(&normalise, n)
}

// optimised applies the other stages, and then all to queries that have stayed in expressions.
func (c *context) optimised(n plan.Node, output []expr.ColumnID, within *expr.Node) plan.Node {
	c.begin(output, within)
	n = c.run(&reorganise, n)
	n = c.run(&finish, n)
	return c.inSubqueries(n, func(s *plan.Subquery, e *expr.Node) plan.Node { return c.optimised(s.Root, s.Output, e) })
}

// inSubqueries replaces the plans of the queries in the expressions of a plan.
func (c *context) inSubqueries(n plan.Node, f func(*plan.Subquery, *expr.Node) plan.Node) plan.Node {
	if featuresOf(n)&hasSub == 0 {
		return n
	}
	one := func(e *expr.Node) *expr.Node {
		s, ok := e.Sub.(*plan.Subquery)
		if !ok {
			return e
		}
		made := &plan.Subquery{Root: s.Root, Output: s.Output, Text: s.Text}
		if e.Op == expr.OpExists {
			made.Output = nil // nobody looks at it
		}
		if made.Root = f(made, e); made.Root == s.Root {
			return e
		}
		return withSubquery(e, made)
	}
	return bottomUp(n, func(n plan.Node) plan.Node {
		return mapExpressions(n, func(e *expr.Node) *expr.Node {
			if !hasSubquery(e) {
				return e
			}
			return e.Map(one)
		})
	})
}
