package expr

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// An AggregateCall is a call of a function of many rows.
type AggregateCall struct {
	// Function is the name. Those that are called by several names have one of them here: bool_and for every, string_agg for
	// group_concat, stddev_samp for stddev, var_samp for variance, json_agg for jsonb_agg and json_object_agg for
	// jsonb_object_agg. count without Args is count(*).
	Function string
	Args     []*Node // converted to what the function takes
	Type     catalog.Type
	Distinct bool
	Filter   *Node // nil: none
}

// An aggregate is a function of many rows. Bind converts the arguments and returns the type.
type aggregate struct {
	least, most int
	bind        func(b *Binder, c *call) (catalog.Type, error)
}

var aggregates, windows map[string]aggregate

// synonyms are other names of aggregates.
var synonyms = map[string]string{
	"every": "bool_and", "stddev": "stddev_samp", "variance": "var_samp", "group_concat": "string_agg",
	"jsonb_agg": "json_agg", "jsonb_object_agg": "json_object_agg",
}

func init() { // not where they are declared, because they need functions, which need them
	doubles := returns(floatType, floatType, floatType)
	aggregates = map[string]aggregate{
		"count": {0, 1, (*Binder).count}, "sum": {1, 1, (*Binder).sum}, "avg": {1, 1, (*Binder).average},
		"total": {1, 1, returns(floatType, floatType)},
		"min":   {1, 1, (*Binder).ordered}, "max": {1, 1, (*Binder).ordered}, "any_value": {1, 1, (*Binder).anything},
		"bool_and": {1, 1, returns(boolType, boolType)}, "bool_or": {1, 1, returns(boolType, boolType)},
		"string_agg": {1, 2, (*Binder).stringAggregate},
		"json_agg":   {1, 1, (*Binder).jsonAggregate}, "json_object_agg": {2, 2, (*Binder).jsonAggregate},
		"stddev_samp": {1, 1, doubles}, "stddev_pop": {1, 1, doubles}, "var_samp": {1, 1, doubles}, "var_pop": {1, 1, doubles},
		"bit_and": {1, 1, returns(intType, intType)}, "bit_or": {1, 1, returns(intType, intType)},
		"bit_xor": {1, 1, returns(intType, intType)},
		"corr":    {2, 2, doubles}, "covar_pop": {2, 2, doubles}, "covar_samp": {2, 2, doubles},
		"regr_count": {2, 2, returns(intType, floatType, floatType)},
		"regr_slope": {2, 2, doubles}, "regr_intercept": {2, 2, doubles}, "regr_r2": {2, 2, doubles},
		"regr_avgx": {2, 2, doubles}, "regr_avgy": {2, 2, doubles}, "regr_sxx": {2, 2, doubles}, "regr_syy": {2, 2, doubles},
		"regr_sxy": {2, 2, doubles},
	}
	windows = map[string]aggregate{
		"row_number": {0, 0, returns(intType)}, "rank": {0, 0, returns(intType)}, "dense_rank": {0, 0, returns(intType)},
		"percent_rank": {0, 0, returns(floatType)}, "cume_dist": {0, 0, returns(floatType)},
		"ntile": {1, 1, returns(intType, intType)},
		"lag":   {1, 3, (*Binder).neighbour}, "lead": {1, 3, (*Binder).neighbour},
		"first_value": {1, 1, (*Binder).anything}, "last_value": {1, 1, (*Binder).anything},
		"nth_value": {2, 2, (*Binder).nth},
	}
}

// aggregateName returns the name by which an aggregate is in the table.
func aggregateName(name string) string {
	if s, ok := synonyms[name]; ok {
		return s
	}
	return name
}

// IsAggregate reports whether a function is one of many rows.
func IsAggregate(name string) bool {
	_, ok := aggregates[aggregateName(name)]
	return ok
}

// IsWindow reports whether a function is one that needs OVER. Aggregates can have it.
func IsWindow(name string) bool {
	_, ok := windows[name]
	return ok
}

// Aggregate binds the arguments and the filter of an aggregate. Its ORDER BY and OVER are the caller's.
func (b *Binder) Aggregate(e *ast.Call) (*AggregateCall, error) {
	f, ok := aggregates[aggregateName(e.Name)]
	if !ok {
		return nil, inText(b.noFunction(e), b.text)
	}
	a, err := b.aggregate(e, aggregateName(e.Name), f)
	return a, inText(err, b.text)
}

// WindowCall binds the arguments and the filter of a window function or of an aggregate as one. Its OVER is the caller's.
func (b *Binder) WindowCall(e *ast.Call) (*AggregateCall, error) {
	f, ok := windows[e.Name]
	if !ok {
		if IsAggregate(e.Name) && e.Distinct {
			return nil, sqlstate.New(sqlstate.NotSupported, e.At, "DISTINCT is not supported in %s with OVER", e.Name).In(b.text)
		}
		return b.Aggregate(e)
	}
	var err error
	var a *AggregateCall
	switch {
	case e.Filter != nil:
		err = sqlstate.New(sqlstate.NotSupported, e.At, "FILTER is for aggregates, and %s is none", e.Name)
	case e.Star || e.Distinct:
		err = sqlstate.New(sqlstate.DatatypeMismatch, e.At, "%s takes neither * nor DISTINCT", e.Name)
	default:
		a, err = b.aggregate(e, e.Name, f)
	}
	return a, inText(err, b.text)
}

func (b *Binder) aggregate(e *ast.Call, name string, f aggregate) (*AggregateCall, error) {
	switch {
	case e.Star && e.Name != "count":
		return nil, sqlstate.New(sqlstate.UndefinedFunction, e.At, "%s does not take *", e.Name)
	case e.Name == "count" && !e.Star && len(e.Args) == 0:
		return nil, sqlstate.New(sqlstate.UndefinedFunction, e.At, "count needs an argument").WithHint("count rows with count(*)")
	case len(e.Args) < f.least, len(e.Args) > f.most:
		return nil, sqlstate.New(sqlstate.UndefinedFunction, e.At, "%s does not take %d arguments", e.Name, len(e.Args))
	}
	args, err := b.bindAll(e.Args...)
	if err != nil {
		return nil, err
	}
	c := &call{at: e.At, name: e.Name, args: args}
	t, err := f.bind(b, c)
	if err != nil {
		return nil, err
	}
	a := &AggregateCall{Function: name, Args: c.args, Type: t, Distinct: e.Distinct}
	if e.Filter == nil {
		return a, nil
	}
	x, err := b.bind(e.Filter)
	if err == nil {
		a.Filter, err = b.boolean(x, "the condition of FILTER")
	}
	return a, err
}

// returns binds a function with a type, whose arguments have types.
func returns(t catalog.Type, types ...catalog.Type) func(*Binder, *call) (catalog.Type, error) {
	return func(b *Binder, c *call) (catalog.Type, error) {
		for i := range c.args {
			x, err := b.settle(c.args[i], types[i])
			switch {
			case err != nil:
				return t, err
			case numeric(x.Type.Kind) && types[i].Kind == catalog.Float64:
				x = widen(x, floatType)
			case x.Type.Kind != types[i].Kind:
				return t, wrongArgument(c, x, nameOf(types[i]))
			}
			c.args[i] = x
		}
		return t, nil
	}
}

func (b *Binder) count(c *call) (catalog.Type, error) {
	_, err := b.anything(c)
	return intType, err
}

// anything binds a function that returns one of its first arguments, which can have any type.
func (b *Binder) anything(c *call) (catalog.Type, error) {
	if len(c.args) == 0 {
		return catalog.Type{}, nil
	}
	x, err := b.settle(c.args[0], textType)
	c.args[0] = x
	if err != nil {
		return catalog.Type{}, err
	}
	return x.Type, nil
}

// ordered binds MIN and MAX.
func (b *Binder) ordered(c *call) (catalog.Type, error) {
	t, err := b.anything(c)
	if err == nil && t.Kind == catalog.JSON {
		err = wrongArgument(c, c.args[0], "values that can be compared")
	}
	return t, err
}

// sum binds SUM, which is of the kind of its argument.
func (b *Binder) sum(c *call) (catalog.Type, error) {
	x, err := b.settle(c.args[0], intType)
	if err != nil {
		return catalog.Type{}, err
	}
	c.args[0] = x
	if !numeric(x.Type.Kind) && x.Type.Kind != catalog.Interval {
		return catalog.Type{}, wrongArgument(c, x, "a number")
	}
	return loose(x.Type), nil
}

// average binds AVG, which is DECIMAL of a BIGINT too.
func (b *Binder) average(c *call) (catalog.Type, error) {
	t, err := b.sum(c)
	if t.Kind == catalog.Int64 {
		t = decimalType
	}
	return t, err
}

// stringAggregate binds STRING_AGG(text, separator) and GROUP_CONCAT(anything [, separator]).
func (b *Binder) stringAggregate(c *call) (catalog.Type, error) {
	if len(c.args) == 1 {
		if c.name == "string_agg" {
			return textType, sqlstate.New(sqlstate.UndefinedFunction, c.at, "string_agg needs a separator")
		}
		c.args = append(c.args, constant(c.at, textType, catalog.Str(",")))
	}
	if c.name != "string_agg" {
		for i := range c.args {
			x, err := b.assign(c.args[i], textType)
			if err != nil {
				return textType, err
			}
			c.args[i] = x
		}
		return textType, nil
	}
	t := textType
	if c.args[0].Type.Kind == catalog.Bytes {
		t = bytesType
	}
	return t, b.arguments(c, t, t)
}

// neighbour binds LAG and LEAD.
func (b *Binder) neighbour(c *call) (catalog.Type, error) {
	if len(c.args) > 1 {
		if err := b.wholeArgument(c, 1); err != nil {
			return catalog.Type{}, err
		}
	}
	if len(c.args) < 3 {
		return b.anything(c)
	}
	both := []*Node{c.args[0], c.args[2]}
	t, err := b.unify(c.name, both)
	c.args[0], c.args[2] = both[0], both[1]
	return t, err
}

// nth binds NTH_VALUE.
func (b *Binder) nth(c *call) (catalog.Type, error) {
	if err := b.wholeArgument(c, 1); err != nil {
		return catalog.Type{}, err
	}
	return b.anything(c)
}

// wholeArgument requires an argument to be BIGINT.
func (b *Binder) wholeArgument(c *call, i int) error {
	x, err := b.settle(c.args[i], intType)
	if err == nil && x.Type.Kind != catalog.Int64 {
		err = wrongArgument(c, x, "BIGINT")
	}
	c.args[i] = x
	return err
}

// jsonAggregate binds JSON_AGG(anything) and JSON_OBJECT_AGG(text, anything).
func (b *Binder) jsonAggregate(c *call) (catalog.Type, error) {
	last := len(c.args) - 1
	if last == 1 {
		x, err := b.assign(c.args[0], textType)
		if err != nil {
			return jsonType, err
		}
		c.args[0] = x
	}
	x, err := b.settle(c.args[last], textType)
	c.args[last] = x
	return jsonType, err
}
