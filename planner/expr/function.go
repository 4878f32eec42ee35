package expr

import (
	"math"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A call is a function with its arguments.
type call struct {
	at   int
	name string
	args []*bound
}

// A function is one that SQL can call with from least to most arguments.
type function struct {
	least, most int
	bind        func(b *binder, c *call) (*bound, error)
}

// many is more arguments than anybody gives.
const many = 1 << 30

// functions by name.
var functions map[string]function

func init() { // not where it is declared, because some of them bind expressions
	functions = map[string]function{
		"coalesce": {1, many, (*binder).coalesce},
		"nullif":   {2, 2, (*binder).nullIf},
		"greatest": {1, many, (*binder).extreme},
		"least":    {1, many, (*binder).extreme},

		"abs":     {1, 1, perKind(absInt, absDecimal, absFloat)},
		"sign":    {1, 1, perKind(signInt, signDecimal, signFloat)},
		"floor":   {1, 1, perKind(same, rounded(down), floatFunction(math.Floor))},
		"ceil":    {1, 1, perKind(same, rounded(up), floatFunction(math.Ceil))},
		"ceiling": {1, 1, perKind(same, rounded(up), floatFunction(math.Ceil))},
		"round":   {1, 2, rounding2(perKind(same, rounded(halfAway), floatFunction(math.RoundToEven)), halfAway)},
		"trunc":   {1, 2, rounding2(perKind(same, rounded(towardZero), floatFunction(math.Trunc)), towardZero)},
		"mod":     {2, 2, func(b *binder, c *call) (*bound, error) { return b.arithmetic(c.at, ast.Modulo, c.args[0], c.args[1]) }},
		"power":   {2, 2, floats(power)},
		"pow":     {2, 2, floats(power)},
		"sqrt":    {1, 1, floats(sqrt)},

		"length":           {1, 1, (*binder).length},
		"char_length":      {1, 1, (*binder).length},
		"character_length": {1, 1, (*binder).length},
		"octet_length":     {1, 1, (*binder).length},
		"lower":            {1, 1, texts(textType, lower)},
		"upper":            {1, 1, texts(textType, upper)},
		"substr":           {2, 3, texts(textType, substring, textType, intType, intType)},
		"substring":        {2, 3, texts(textType, substring, textType, intType, intType)},
		"left":             {2, 2, texts(textType, left, textType, intType)},
		"right":            {2, 2, texts(textType, right, textType, intType)},
		"trim":             {1, 2, texts(textType, trimBoth)},
		"btrim":            {1, 2, texts(textType, trimBoth)},
		"ltrim":            {1, 2, texts(textType, trimLeft)},
		"rtrim":            {1, 2, texts(textType, trimRight)},
		"replace":          {3, 3, texts(textType, replace)},
		"strpos":           {2, 2, texts(intType, position)},
		"concat":           {1, many, (*binder).concatFunction},

		"now":                   {0, 0, (*binder).now},
		"current_timestamp":     {0, 0, (*binder).now},
		"transaction_timestamp": {0, 0, (*binder).now},
		"current_date":          {0, 0, (*binder).today},
		"gen_random_uuid":       {0, 0, (*binder).randomUUID},
		"extract":               {2, 2, (*binder).extract},
		"date_part":             {2, 2, (*binder).extract},
	}
}

// aggregates are functions of many rows.
var aggregates = []string{"count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every", "string_agg", "array_agg"}

func (b *binder) call(e *ast.Call) (*bound, error) {
	f, known := functions[e.Name]
	switch {
	case e.OrderBy != nil, e.Filter != nil, e.Over != nil:
		return nil, unsupported(e)
	case slices.Contains(aggregates, e.Name):
		return nil, sqlstate.New(sqlstate.GroupingError, e.At, "%s is a function of many rows, which cannot stand here", e.Name)
	case !known:
		return nil, b.noFunction(e)
	case e.Star || e.Distinct:
		return nil, sqlstate.New(sqlstate.DatatypeMismatch, e.At, "%s takes neither * nor DISTINCT", e.Name)
	case len(e.Args) < f.least, len(e.Args) > f.most:
		return nil, sqlstate.New(sqlstate.UndefinedFunction, e.At, "%s does not take %d arguments", e.Name, len(e.Args))
	}
	args, err := b.bindAll(e.Args...)
	if err != nil {
		return nil, err
	}
	return f.bind(b, &call{at: e.At, name: e.Name, args: args})
}

// noFunction returns the error for a function that is not there, with the name that may have been meant.
func (b *binder) noFunction(e *ast.Call) error {
	err := sqlstate.New(sqlstate.UndefinedFunction, e.At, "there is no function %q", e.Name)
	best, nearest := max(1, len(e.Name)/3), ""
	for name := range functions {
		if d := distance(name, e.Name, best); d < best || d == best && (nearest == "" || name < nearest) {
			best, nearest = d, name
		}
	}
	if nearest != "" {
		err.Hint = "perhaps " + nearest + " was meant"
	}
	return err
}

// wrongArgument returns the error for an argument of a type that the function does not take.
func wrongArgument(c *call, x *bound, want string) error {
	return sqlstate.New(sqlstate.UndefinedFunction, x.at, "%s takes %s, not %s", c.name, want, nameOf(x.typ)).
		WithHint("convert it with CAST")
}

// coalesce returns the first argument that is not NULL, and does not evaluate those behind it.
func (b *binder) coalesce(c *call) (*bound, error) {
	t, err := b.unify("COALESCE", c.args)
	if err != nil {
		return nil, err
	}
	args := c.args
	return fold(c.at, t, func(f frame) (catalog.Value, error) {
		for _, x := range args {
			if v, err := x.eval(f); err != nil || !v.IsNull() {
				return v, err
			}
		}
		return catalog.Null(), nil
	}, args...), nil
}

// nullIf returns the first argument, or NULL if the second is equal to it.
func (b *binder) nullIf(c *call) (*bound, error) {
	both := []*bound{c.args[0], c.args[1]}
	if err := b.comparable(c.at, ast.Equal, both); err != nil {
		return nil, err
	}
	result, err := b.settle(c.args[0], loose(both[0].typ))
	if err != nil {
		return nil, err
	}
	x, y := both[0].eval, both[1].eval
	return fold(c.at, result.typ, func(f frame) (catalog.Value, error) {
		v, err := x(f)
		if err != nil {
			return v, err
		}
		w, err := y(f)
		if err != nil {
			return w, err
		}
		if !v.IsNull() && !w.IsNull() && catalog.Compare(v, w) == 0 {
			return catalog.Null(), nil
		}
		return result.eval(f)
	}, both...), nil
}

// extreme binds GREATEST and LEAST, which leave NULLs out.
func (b *binder) extreme(c *call) (*bound, error) {
	args := slices.Clone(c.args)
	t, err := b.unify(c.name, args)
	if err != nil {
		return nil, err
	}
	if t.Kind == catalog.JSON {
		return nil, wrongArgument(c, args[0], "values that can be compared")
	}
	sign := 1
	if c.name == "least" {
		sign = -1
	}
	return fold(c.at, t, func(f frame) (catalog.Value, error) {
		best := catalog.Null()
		for _, x := range args {
			v, err := x.eval(f)
			if err != nil {
				return v, err
			}
			if !v.IsNull() && (best.IsNull() || catalog.Compare(v, best)*sign > 0) {
				best = v
			}
		}
		return best, nil
	}, args...), nil
}
