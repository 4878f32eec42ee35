package expr

import (
	"maps"
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
}

func set(names string) map[string]bool {
	m := make(map[string]bool)
	for name := range strings.FieldsSeq(names) {
		m[name] = true
	}
	return m
}

// Functions that cannot fail, and functions that need not be NULL if one of their arguments is. What is not listed may
// fail, and is NULL.
var (
	safe = set(`case nullif greatest least sign floor ceil ceiling length char_length character_length octet_length bit_length lower
		upper left right trim btrim ltrim rtrim strpos starts_with reverse initcap ascii md5 now current_timestamp
		transaction_timestamp statement_timestamp localtimestamp current_date pi json_typeof jsonb_typeof pg_typeof typeof
		-> ->> @> <@ ?`)
	takesNull = set(`case nullif greatest least concat concat_ws format quote_nullable num_nulls num_nonnulls to_json to_jsonb
		json_build_object json_build_array jsonb_build_object jsonb_build_array json_quote pg_typeof typeof`)
)

// many is more arguments than anybody gives.
const many = 1 << 30

// functions by name.
var functions map[string]function

func init() { // not where it is declared, because some of them bind expressions
	functions = make(map[string]function)
	for _, table := range []func() map[string]function{
		generalFunctions, numberFunctions, textFunctions, encodingFunctions, patternFunctions, momentFunctions, jsonFunctions,
		systemFunctions,
	} {
		maps.Copy(functions, table())
	}
}

// generalFunctions are those that take values of any type.
func generalFunctions() map[string]function {
	return map[string]function{
		"coalesce": {1, many, (*Binder).coalesce},
		"ifnull":   {2, 2, (*Binder).coalesce},
		"nullif":   {2, 2, (*Binder).nullIf},
		"greatest": {1, many, (*Binder).extreme},
		"least":    {1, many, (*Binder).extreme},
	}
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
