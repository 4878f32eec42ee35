package bind

import (
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A tableFunction is one that gives rows.
type tableFunction struct {
	least, most int
	bind        func(t *expr.Binder, args []*expr.Node) ([]plan.Column, error)
	named       bool // the columns have names of their own; else the only one has that of the table
}

// tableFunctions by name.
var tableFunctions = map[string]tableFunction{
	"generate_series":     {2, 3, series, false},
	"json_each":           {1, 1, jsonEach, true},
	"json_array_elements": {1, 1, jsonElements, true},
}

func isTableFunction(name string) bool {
	_, ok := tableFunctions[name]
	return ok
}

// function binds a function of a FROM, which sees what is left of it.
func (f *from) function(t *ast.Function) (*relation, error) {
	call := t.Call
	fn, ok := tableFunctions[call.Name]
	switch {
	case !ok:
		names := []string{"generate_series", "json_each", "json_array_elements"}
		err := sqlstate.New(sqlstate.UndefinedFunction, call.At, "there is no function %q that gives rows", call.Name)
		return nil, err.WithHint("there are %s", strings.Join(names, ", "))
	case call.Star || call.Distinct || call.OrderBy != nil || call.Filter != nil || call.Over != nil:
		return nil, sqlstate.New(sqlstate.UndefinedFunction, call.At, "%s takes arguments only", call.Name)
	case len(call.Args) < fn.least, len(call.Args) > fn.most:
		return nil, sqlstate.New(sqlstate.UndefinedFunction, call.At, "%s does not take %d arguments", call.Name, len(call.Args))
	}
	// Arguments are bound as those of a query beside are: their columns are columns around.
	s := f.b.scope(f.beside(true))
	args := make([]*expr.Node, len(call.Args))
	for i, e := range call.Args {
		var err error
		if args[i], err = s.bind(inFrom, e); err != nil {
			return nil, err
		}
	}
	columns, err := fn.bind(s.types, args)
	if err != nil {
		return nil, err
	}
	n := &plan.Function{Name: call.Name, Args: args, Ordinality: t.Ordinality, Output: columns}
	if t.Ordinality {
		n.Output = append(n.Output, plan.Column{Name: "ordinality", Type: intType, NotNull: true})
	}
	src := &source{at: t.At, name: call.Name}
	for i := range n.Output {
		c := &n.Output[i]
		c.ID, c.Table = f.b.id(), call.Name
		if i == 0 && !fn.named {
			c.Name = call.Name
			if t.Alias != nil {
				c.Name = t.Alias.Name
			}
		}
		src.columns = append(src.columns, &column{*c})
	}
	return renamed(&relation{node: n, sources: []*source{src}, columns: src.columns}, t.Alias, t.At)
}

// series binds generate_series(from, to [, step]) of numbers or of times.
func series(t *expr.Binder, args []*expr.Node) ([]plan.Column, error) {
	kind := catalog.Int64
	for _, a := range args[:2] {
		switch a.Type.Kind {
		case catalog.Date, catalog.Timestamp:
			kind = catalog.Timestamp
		case catalog.Decimal:
			if kind == catalog.Int64 {
				kind = catalog.Decimal
			}
		default:
		}
	}
	if len(args) == 3 && args[2].Type.Kind == catalog.Decimal && kind == catalog.Int64 {
		kind = catalog.Decimal
	}
	if kind == catalog.Timestamp && len(args) == 2 {
		return nil, sqlstate.New(sqlstate.UndefinedFunction, args[0].At, "generate_series of times needs a step").
			WithHint("write it behind them: INTERVAL '1 day'")
	}
	for i := range args {
		want := catalog.Type{Kind: kind}
		if i == 2 && kind == catalog.Timestamp {
			want.Kind = catalog.Interval
		}
		if !fits(args[i].Type.Kind, want.Kind) {
			return nil, sqlstate.New(sqlstate.UndefinedFunction, args[i].At, "generate_series takes whole numbers, DECIMALs or times, not %s", args[i].Type.Kind)
		}
		var err error
		if want.Kind == catalog.Decimal {
			args[i], err = decimal(t, args[i])
		} else {
			args[i], err = t.Assign(args[i], want)
		}
		if err != nil {
			return nil, err
		}
	}
	return []plan.Column{{Type: catalog.Type{Kind: kind}, NotNull: true}}, nil
}

// decimal returns a number as a DECIMAL with the places that it has.
func decimal(t *expr.Binder, n *expr.Node) (*expr.Node, error) {
	both := []*expr.Node{n, expr.Constant(catalog.DecimalOf(0, 0), catalog.Type{Kind: catalog.Decimal})}
	_, err := t.Unify("generate_series", both)
	return both[0], err
}

// fits reports whether an argument can be given where a kind is wanted.
func fits(given, want catalog.Kind) bool {
	switch given {
	case 0, want:
		return true
	case catalog.Int64:
		return want == catalog.Decimal
	case catalog.Date:
		return want == catalog.Timestamp
	default:
		return false
	}
}

func jsonArgument(t *expr.Binder, args []*expr.Node) (err error) {
	if args[0], err = t.Settle(args[0], catalog.Type{Kind: catalog.JSON}); err != nil {
		return err
	}
	if k := args[0].Type.Kind; !slices.Contains([]catalog.Kind{catalog.JSON, catalog.String}, k) {
		return sqlstate.New(sqlstate.UndefinedFunction, args[0].At, "the argument must be JSON, not %s", k)
	}
	return nil
}

func jsonEach(t *expr.Binder, args []*expr.Node) ([]plan.Column, error) {
	return []plan.Column{
		{Name: "key", Type: textType, NotNull: true}, {Name: "value", Type: catalog.Type{Kind: catalog.JSON}, NotNull: true},
	}, jsonArgument(t, args)
}

func jsonElements(t *expr.Binder, args []*expr.Node) ([]plan.Column, error) {
	return []plan.Column{{Name: "value", Type: catalog.Type{Kind: catalog.JSON}, NotNull: true}}, jsonArgument(t, args)
}
