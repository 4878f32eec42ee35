package opt

import (
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// Optimize returns how a query is best computed. The options may be nil. Errors are of type *sqlstate.Error.
func Optimize(q *plan.Query, o *Options) (*physical.Query, error) {
	q, _ = Rewrite(q, o)
	return Physical(q, o)
}

// Physical chooses algorithms and access paths for a query as it is. The options may be nil. Errors are of type
// *sqlstate.Error: that the plan is not one.
func Physical(q *plan.Query, o *Options) (*physical.Query, error) {
	if o == nil {
		o = &Options{}
	}
	p := newPlanner(o)
	p.survey(q.Root)
	root := p.best(q.Root)
	if p.err != nil {
		return nil, p.err
	}
	return &physical.Query{
		Text: q.Text, Root: root, Output: q.Output, Parameters: q.Parameters, Commons: p.commons,
	}, nil
}
