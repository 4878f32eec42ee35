package expr

import (
	"math"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A call is a function with its arguments.
type call struct {
	at   int
	name string
	args []*Node
}

// A function is one that SQL can call with from least to most arguments.
type function struct {
	least, most int
	bind        func(b *Binder, c *call) (*Node, error)
	safe        bool // it cannot fail
	takesNull   bool // it can be something else than NULL if an argument is NULL
}

// An entry is a function in the table.
type entry struct {
	least, most int
	bind        func(b *Binder, c *call) (*Node, error)
}

func set(names string) map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		m[name] = true
	}
	return m
}

// Functions that cannot fail, and that do not become NULL with each of their arguments.
var (
	safe = set(`nullif greatest least sign floor ceil ceiling length char_length character_length octet_length lower upper
		left right trim btrim ltrim rtrim strpos now current_timestamp transaction_timestamp current_date`)
	takesNull = set("nullif greatest least concat")
)

// many is more arguments than anybody gives.
const many = 1 << 30

// functions by name.
var functions map[string]function

func init() { // not where it is declared, because some of them bind expressions
	table := map[string]entry{
		"coalesce": {1, many, (*Binder).coalesce},
		"nullif":   {2, 2, (*Binder).nullIf},
		"greatest": {1, many, (*Binder).extreme},
		"least":    {1, many, (*Binder).extreme},

		"abs":     {1, 1, perKind(absInt, absDecimal, absFloat)},
		"sign":    {1, 1, perKind(signInt, signDecimal, signFloat)},
		"floor":   {1, 1, perKind(same, rounded(down), floatFunction(math.Floor))},
		"ceil":    {1, 1, perKind(same, rounded(up), floatFunction(math.Ceil))},
		"ceiling": {1, 1, perKind(same, rounded(up), floatFunction(math.Ceil))},
		"round":   {1, 2, rounding2(perKind(same, rounded(halfAway), floatFunction(math.RoundToEven)), halfAway)},
		"trunc":   {1, 2, rounding2(perKind(same, rounded(towardZero), floatFunction(math.Trunc)), towardZero)},
		"mod":     {2, 2, func(b *Binder, c *call) (*Node, error) { return b.arithmetic(c.at, ast.Modulo, c.args[0], c.args[1]) }},
		"power":   {2, 2, floats(power)},
		"pow":     {2, 2, floats(power)},
		"sqrt":    {1, 1, floats(sqrt)},

		"length":           {1, 1, (*Binder).length},
		"char_length":      {1, 1, (*Binder).length},
		"character_length": {1, 1, (*Binder).length},
		"octet_length":     {1, 1, (*Binder).length},
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
		"concat":           {1, many, (*Binder).concatFunction},

		"now":                   {0, 0, (*Binder).now},
		"current_timestamp":     {0, 0, (*Binder).now},
		"transaction_timestamp": {0, 0, (*Binder).now},
		"current_date":          {0, 0, (*Binder).today},
		"gen_random_uuid":       {0, 0, (*Binder).randomUUID},
		"nextval":               {1, 1, (*Binder).sequence},
		"currval":               {1, 1, (*Binder).sequence},
		"lastval":               {0, 0, (*Binder).sequence},
		"setval":                {2, 3, (*Binder).sequence},
		"extract":               {2, 2, (*Binder).extract},
		"date_part":             {2, 2, (*Binder).extract},
	}
	functions = make(map[string]function, len(table))
	for name, f := range table {
		functions[name] = function{f.least, f.most, f.bind, safe[name], takesNull[name]}
	}
	functions["case"] = function{0, -1, nil, true, true}
}

func (b *Binder) call(e *ast.Call) (*Node, error) {
	f, known := functions[e.Name]
	if e.OrderBy != nil || e.Filter != nil || e.Over != nil || IsAggregate(e.Name) || IsWindow(e.Name) || !known {
		x, err := b.resolver.Special(b, e)
		if x != nil || err != nil {
			return x, err
		}
	}
	switch {
	case e.OrderBy != nil, e.Filter != nil, e.Over != nil:
		return nil, unsupported(e)
	case IsAggregate(e.Name):
		return nil, sqlstate.New(sqlstate.GroupingError, e.At, "%s is a function of many rows, which cannot stand here", e.Name)
	case IsWindow(e.Name):
		return nil, sqlstate.New(sqlstate.WindowingError, e.At, "%s is a window function and needs OVER", e.Name)
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
func (b *Binder) noFunction(e *ast.Call) error {
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
func wrongArgument(c *call, x *Node, want string) error {
	return sqlstate.New(sqlstate.UndefinedFunction, x.At, "%s takes %s, not %s", c.name, want, nameOf(x.Type)).
		WithHint("convert it with CAST")
}

// coalesce returns the first argument that is not NULL, and does not evaluate those behind it.
func (b *Binder) coalesce(c *call) (*Node, error) {
	t, err := b.unify("COALESCE", c.args)
	if err != nil {
		return nil, err
	}
	return fold(OpCoalesce, c.at, t, nil, c.args...), nil
}

// nullIf returns the first argument, or NULL if the second is equal to it.
func (b *Binder) nullIf(c *call) (*Node, error) {
	both := []*Node{c.args[0], c.args[1]}
	if err := b.comparable(c.at, ast.Equal, both); err != nil {
		return nil, err
	}
	result, err := b.settle(c.args[0], loose(both[0].Type))
	if err != nil {
		return nil, err
	}
	if result.Type.Kind == both[0].Type.Kind && !result.Volatile {
		return foldCall(c, result.Type, nullIfEval, both...), nil
	}
	null := constant(c.at, result.Type, catalog.Null()) // what is compared is not what is returned
	return fold(OpCase, c.at, result.Type, nil, plain(OpEqual, c.at, boolType, nil, both...), null, result), nil
}

func nullIfEval(_ *Node, args []evaluator) evaluator {
	return func(f frame) (catalog.Value, error) {
		v, err := args[0](f)
		if err != nil {
			return v, err
		}
		w, err := args[1](f)
		if err != nil {
			return w, err
		}
		if !v.IsNull() && !w.IsNull() && catalog.Compare(v, w) == 0 {
			return catalog.Null(), nil
		}
		return v, nil
	}
}

// extreme binds GREATEST and LEAST, which leave NULLs out.
func (b *Binder) extreme(c *call) (*Node, error) {
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
	return foldCall(c, t, each(func(values []catalog.Value) (catalog.Value, error) {
		best := catalog.Null()
		for _, v := range values {
			if !v.IsNull() && (best.IsNull() || catalog.Compare(v, best)*sign > 0) {
				best = v
			}
		}
		return best, nil
	}), args...), nil
}
