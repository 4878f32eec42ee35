package expr

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

// The oracle says what random expressions are worth. It shares nothing with the package but catalog's types and values:
// it writes SQL and, beside it, a function that computes the same in the most obvious way, numbers as fractions of any
// size. Its errors are the codes alone.

// A datum is a value of the oracle.
type datum struct {
	null  bool
	num   *big.Rat // of numbers
	scale int      // of DECIMAL
	text  string
	truth bool
}

// null is NULL.
var null = datum{null: true}

// A term is an expression with what it means.
type term struct {
	sql  string
	kind catalog.Kind
	eval func(row []datum) (datum, sqlstate.Code)
}

// An oracle makes terms.
type oracle struct {
	*rand.Rand
	columns map[catalog.Kind][]term
}

var kindNames = map[catalog.Kind]string{
	catalog.Int64: "BIGINT", catalog.Decimal: "DECIMAL(18,4)", catalog.Float64: "DOUBLE PRECISION",
	catalog.Bool: "BOOLEAN", catalog.String: "TEXT",
}

const perKindColumns = 3

// newOracle returns an oracle with a scope of columns of all kinds.
func newOracle(r *rand.Rand) (*oracle, *Scope) {
	o := &oracle{Rand: r, columns: map[catalog.Kind][]term{}}
	s := &Scope{}
	for _, k := range []catalog.Kind{catalog.Int64, catalog.Decimal, catalog.Float64, catalog.Bool, catalog.String} {
		for range perKindColumns {
			at := len(s.Columns)
			name := fmt.Sprintf("c%d", at)
			s.Columns = append(s.Columns, ScopeColumn{Name: name, Type: catalog.Type{Kind: k}})
			o.columns[k] = append(o.columns[k], term{name, k, func(row []datum) (datum, sqlstate.Code) { return row[at], "" }})
		}
	}
	return o, s
}

func choose[T any](o *oracle, from ...T) T { return from[o.IntN(len(from))] }

// row returns random values, as the oracle has them and as the package does.
func (o *oracle) row(s *Scope) ([]datum, []catalog.Value) {
	data, values := make([]datum, len(s.Columns)), make([]catalog.Value, len(s.Columns))
	for i, c := range s.Columns {
		if o.IntN(5) == 0 {
			data[i], values[i] = null, catalog.Null()
			continue
		}
		data[i], values[i] = o.value(c.Type.Kind)
	}
	return data, values
}

func (o *oracle) value(k catalog.Kind) (datum, catalog.Value) {
	switch k {
	case catalog.Int64:
		n := choose(o, 0, 1, -1, 2, 7, -10, 1<<31, 1<<62, -1<<63, 1<<63-1, -1<<63+1, o.Int64N(1000), int64(o.Uint64()))
		return datum{num: big.NewRat(n, 1)}, catalog.Int(n)
	case catalog.Decimal:
		n := choose(o, 0, 1, -1, 5, 15, -25, 999_999_999_999_999_999, -999_999_999_999_999_999, 100_000_000_000_000_000,
			o.Int64N(100_000), -o.Int64N(1_000_000_000_000_000_000))
		scale := choose(o, 0, 1, 2, 2, 6, 9, 18)
		return decimalDatum(big.NewInt(n), scale), catalog.DecimalOf(n, uint8(scale))
	case catalog.Float64:
		f := choose(o, 0, 1, -1, 0.5, 0.1, -2.5, 1e18, 1.7976931348623157e308, 5e-324, 1e-200, -1e200, o.NormFloat64())
		return datum{num: new(big.Rat).SetFloat64(f)}, catalog.Float(f)
	case catalog.Bool:
		b := o.IntN(2) == 0
		return datum{truth: b}, catalog.BoolOf(b)
	default:
		s := choose(o, "", "a", "ab", "aab", "Größe", "100%", "_x_", "\\", "x y ", "ÄÖÜ")
		return datum{text: s}, catalog.Str(s)
	}
}

// term returns a random expression of a kind.
func (o *oracle) term(k catalog.Kind, depth int) term {
	if depth <= 0 || o.IntN(7) == 0 {
		return o.leaf(k)
	}
	depth--
	switch o.IntN(9) {
	case 0:
		return o.caseWhen(k, depth)
	case 1:
		return o.coalesce(k, depth)
	case 2:
		return o.nullIf(k, depth)
	case 3:
		return o.extreme(k, depth)
	}
	switch k {
	case catalog.Bool:
		return o.boolean(depth)
	case catalog.String:
		return o.text(depth)
	default:
		return o.number(k, depth)
	}
}

func (o *oracle) leaf(k catalog.Kind) term {
	if o.IntN(3) > 0 {
		return choose(o, o.columns[k]...)
	}
	if o.IntN(6) == 0 {
		return constantTerm("CAST(NULL AS "+kindNames[k]+")", k, null)
	}
	d, v := o.value(k)
	switch k {
	case catalog.Bool:
		return constantTerm(strings.ToUpper(v.String()), k, d)
	case catalog.String:
		return constantTerm("'"+v.String()+"'", k, d)
	case catalog.Float64:
		return constantTerm(fmt.Sprintf("(%se0)", plainFloat(v.AsFloat())), k, d)
	case catalog.Decimal:
		if n, scale := v.AsDecimal(); scale == 0 {
			return constantTerm(fmt.Sprintf("(%d.)", n), k, d)
		}
		return constantTerm("("+v.String()+")", k, d)
	default:
		return constantTerm("("+v.String()+")", k, d)
	}
}

func constantTerm(sql string, k catalog.Kind, d datum) term {
	return term{sql, k, func([]datum) (datum, sqlstate.Code) { return d, "" }}
}

// plainFloat writes a number without an exponent.
func plainFloat(f float64) string { return big.NewFloat(f).Text('f', -1) }

// strictly returns a term that is computed of others, none of which is NULL.
func strictly(k catalog.Kind, of func(args []datum) (datum, sqlstate.Code), format string, args ...term) term {
	sqls := make([]any, len(args))
	for i, a := range args {
		sqls[i] = a.sql
	}
	return term{"(" + fmt.Sprintf(format, sqls...) + ")", k, func(row []datum) (datum, sqlstate.Code) {
		values, anyNull := make([]datum, len(args)), false
		for i, a := range args {
			d, code := a.eval(row)
			if code != "" {
				return null, code
			}
			values[i], anyNull = d, anyNull || d.null
		}
		if anyNull {
			return null, ""
		}
		return of(values)
	}}
}

// related returns terms that go together to one of the kind; if they are numbers perhaps of others, but one is of it.
func (o *oracle) related(k catalog.Kind, n, depth int) []term {
	all := make([]term, n)
	of := o.IntN(n)
	for i := range all {
		kind := k
		if i != of && k == catalog.Decimal {
			kind = choose(o, catalog.Int64, catalog.Decimal)
		}
		if i != of && k == catalog.Float64 {
			kind = choose(o, catalog.Int64, catalog.Decimal, catalog.Float64)
		}
		all[i] = o.term(kind, depth)
	}
	return all
}

// as converts a value to the kind that it has in common with others.
func as(d datum, from, to catalog.Kind) (datum, sqlstate.Code) {
	switch {
	case d.null || from == to:
		return d, ""
	case to == catalog.Float64:
		return floatDatum(d.num), ""
	case to == catalog.Decimal:
		return exactly(d.num, 0, false)
	}
	return d, ""
}

func sqlList(terms []term) string {
	all := make([]string, len(terms))
	for i, t := range terms {
		all[i] = t.sql
	}
	return strings.Join(all, ", ")
}

func (o *oracle) caseWhen(k catalog.Kind, depth int) term {
	condition, results := o.term(catalog.Bool, depth), o.related(k, 2, depth)
	return term{
		fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", condition.sql, results[0].sql, results[1].sql), k,
		func(row []datum) (datum, sqlstate.Code) {
			c, code := condition.eval(row)
			if code != "" {
				return null, code
			}
			chosen := results[1]
			if !c.null && c.truth {
				chosen = results[0]
			}
			d, code := chosen.eval(row)
			if code != "" {
				return null, code
			}
			return as(d, chosen.kind, k)
		},
	}
}

func (o *oracle) coalesce(k catalog.Kind, depth int) term {
	args := o.related(k, 1+o.IntN(3), depth)
	return term{"COALESCE(" + sqlList(args) + ")", k, func(row []datum) (datum, sqlstate.Code) {
		for _, a := range args {
			d, code := a.eval(row)
			if code == "" {
				d, code = as(d, a.kind, k)
			}
			if code != "" || !d.null {
				return d, code
			}
		}
		return null, ""
	}}
}

func (o *oracle) nullIf(k catalog.Kind, depth int) term {
	x, y := o.term(k, depth), o.term(k, depth)
	return term{"NULLIF(" + x.sql + ", " + y.sql + ")", k, func(row []datum) (datum, sqlstate.Code) {
		v, code := x.eval(row)
		if code != "" {
			return null, code
		}
		w, code := y.eval(row)
		if code != "" || !v.null && !w.null && compareData(v, w, k) == 0 {
			return null, code
		}
		return v, ""
	}}
}

func (o *oracle) extreme(k catalog.Kind, depth int) term {
	args, name := o.related(k, 1+o.IntN(3), depth), choose(o, "GREATEST", "LEAST")
	return term{name + "(" + sqlList(args) + ")", k, func(row []datum) (datum, sqlstate.Code) {
		best := null
		for _, a := range args {
			d, code := a.eval(row)
			if code == "" {
				d, code = as(d, a.kind, k)
			}
			if code != "" {
				return null, code
			}
			if d.null {
				continue
			}
			if c := 0; best.null {
				best = d
			} else if c = compareData(d, best, k); c > 0 && name == "GREATEST" || c < 0 && name == "LEAST" {
				best = d
			}
		}
		return best, ""
	}}
}

// differs says how a value is not that of the oracle, or nothing.
func differs(v catalog.Value, err error, d datum, code sqlstate.Code, k catalog.Kind) string {
	var e *sqlstate.Error
	switch {
	case code != "" && err == nil:
		return fmt.Sprintf("got %s, want error %s", v, code)
	case err != nil && (!errors.As(err, &e) || e.Code != code):
		return fmt.Sprintf("got error %v, want %q %+v", err, code, d)
	case err != nil:
		return ""
	case v.IsNull() != d.null:
		return fmt.Sprintf("got %s, want %+v", v, d)
	case v.IsNull():
		return ""
	case v.Kind() != k:
		return fmt.Sprintf("got %s of kind %d, want kind %d", v, v.Kind(), k)
	}
	var same bool
	switch k {
	case catalog.Bool:
		same = v.AsBool() == d.truth
	case catalog.String:
		same = v.AsString() == d.text
	case catalog.Float64:
		same = new(big.Rat).SetFloat64(v.AsFloat()).Cmp(d.num) == 0
	case catalog.Decimal:
		same = v.String() == d.num.FloatString(d.scale)
	default:
		same = v.String() == d.num.FloatString(0)
	}
	if !same {
		return fmt.Sprintf("got %s, want %s%q%v, scale %d", v, d.num, d.text, d.truth, d.scale)
	}
	return ""
}

func TestRandomExpressionsAgreeWithOracle(t *testing.T) {
	seed := environment.Seed(t)
	t.Logf("MIDDB_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	o, scope := newOracle(r)
	errs, nulls, values := 0, 0, 0
	for i := range 8000 {
		k := choose(o, catalog.Int64, catalog.Decimal, catalog.Float64, catalog.Bool, catalog.Bool, catalog.String)
		x := o.term(k, 1+r.IntN(4))
		tree, err := parser.Expression(x.sql)
		if err != nil {
			t.Fatalf("MIDDB_SEED=%d, expression %d, %s: %v", seed, i, x.sql, err)
		}
		scope.Text = x.sql
		p, err := Bind(tree, scope)
		if err != nil {
			t.Fatalf("MIDDB_SEED=%d, expression %d, %s: %v", seed, i, x.sql, err)
		}
		for range 4 {
			data, row := o.row(scope)
			v, err := p.Eval(row, nil)
			d, code := x.eval(data)
			if why := differs(v, err, d, code, k); why != "" {
				t.Fatalf("MIDDB_SEED=%d, expression %d, %s\nof %v: %s", seed, i, x.sql, row, why)
			}
			switch {
			case code != "":
				errs++
			case d.null:
				nulls++
			default:
				values++
			}
		}
	}
	t.Logf("%d errors, %d NULLs, %d values", errs, nulls, values)
	if errs < 1000 || nulls < 1000 || values < 10_000 {
		t.Errorf("the expressions are not interesting: %d errors, %d NULLs, %d values", errs, nulls, values)
	}
}
