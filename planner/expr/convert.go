package expr

import (
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// nameOf returns the type as messages have it.
func nameOf(t catalog.Type) string {
	switch {
	case t.Kind == 0:
		return "of no type yet"
	case t.Kind == catalog.Decimal && t.Precision == 0:
		return "DECIMAL"
	default:
		return t.String()
	}
}

// numeric reports whether values of the kind are numbers.
func numeric(k catalog.Kind) bool {
	return k == catalog.Int64 || k == catalog.Decimal || k == catalog.Float64
}

// settle gives an open bound the type that is wanted of it; others it returns as they are.
func (b *Binder) settle(x *Node, t catalog.Type) (*Node, error) {
	switch {
	case !x.Open():
		return x, nil
	case x.Op == OpParameter:
		return b.decide(x, t), nil
	case x.openText():
		return parsed(x.Value.AsString(), t, x.At)
	default: // NULL
		return x.retyped(t), nil
	}
}

// parsed returns the constant that a text is of a type.
func parsed(text string, t catalog.Type, at int) (*Node, error) {
	v, err := convertValue(catalog.Str(text), t, at)
	if err != nil {
		return nil, err
	}
	return constant(at, t, v), nil
}

// common returns the type that values of both types can be converted to without being asked.
func common(s, t catalog.Type) (catalog.Type, bool) {
	switch {
	case s == t, t.Kind == 0:
		return s, true
	case s.Kind == 0:
		return t, true
	case s.Kind == t.Kind: // of different lengths or scales
		return catalog.Type{Kind: s.Kind}, true
	case numeric(s.Kind) && numeric(t.Kind):
		if s.Kind == catalog.Float64 || t.Kind == catalog.Float64 {
			return floatType, true
		}
		return decimalType, true
	case moment(s.Kind) && moment(t.Kind):
		return timestampType, true
	default:
		return catalog.Type{}, false
	}
}

func moment(k catalog.Kind) bool { return k == catalog.Date || k == catalog.Timestamp }

// unify converts expressions to the type that all have in common, and returns it. What says who needs that, for the
// error if there is none. If all are open they become text, or stay open if all are NULL.
func (b *Binder) unify(what string, all []*Node) (catalog.Type, error) {
	var t catalog.Type
	onlyNull := true
	for _, x := range all {
		onlyNull = onlyNull && x.openNull()
		next, ok := common(t, x.Type)
		if !ok {
			return t, sqlstate.New(sqlstate.DatatypeMismatch, x.At, "%s: the types %s and %s do not go together", what, nameOf(t), nameOf(x.Type)).
				WithHint("convert one of them: CAST(... AS %s)", nameOf(t))
		}
		t = next
	}
	if t.Kind == 0 {
		if onlyNull {
			return t, nil
		}
		t = textType
	}
	for i := range all {
		x, err := b.settle(all[i], loose(t))
		if err != nil {
			return t, err
		}
		all[i] = widen(x, t)
	}
	return t, nil
}

// loose returns the type without the length of text and the scale of DECIMAL: texts in quotes need not keep to those of
// what they meet.
func loose(t catalog.Type) catalog.Type { return catalog.Type{Kind: t.Kind} }

// widen converts an expression to a type that common has found.
func widen(x *Node, t catalog.Type) *Node {
	if x.Type.Kind == t.Kind || x.Type.Kind == 0 {
		return x
	}
	return fold(OpCast, x.At, t, widenEval, x)
}

// widenEval builds what widen returns.
func widenEval(n *Node, args []evaluator) evaluator {
	at, t := n.At, loose(n.Type)
	return strict(args[0], func(v catalog.Value) (catalog.Value, error) { return convertValue(v, t, at) })
}

// convertValue converts a value to a type. It is an error if it does not fit there.
func convertValue(v catalog.Value, t catalog.Type, at int) (catalog.Value, error) {
	switch {
	case v.IsNull():
		return v, nil
	case t.Kind == catalog.Decimal && t.Precision == 0:
		return toAnyDecimal(v, at)
	case t.Kind == catalog.Float64 && numeric(v.Kind()):
		return catalog.Float(v.AsFloat()), nil
	}
	to, err := catalog.Cast(v, t)
	if err != nil {
		return catalog.Null(), castError(v, t, at, err)
	}
	return to, nil
}

// toAnyDecimal converts a value to a DECIMAL with the places that it has.
func toAnyDecimal(v catalog.Value, at int) (catalog.Value, error) {
	switch v.Kind() {
	case catalog.Decimal:
		return v, nil
	case catalog.Int64:
		if n := v.AsInt(); n >= -maxUnscaled && n <= maxUnscaled {
			return catalog.DecimalOf(n, 0), nil
		}
	case catalog.Float64:
		if d, ok := parseDecimal(strconv.FormatFloat(v.AsFloat(), 'f', -1, 64)); ok {
			return d, nil
		}
	case catalog.String:
		if d, ok := parseDecimal(strings.TrimSpace(v.AsString())); ok {
			return d, nil
		}
	default:
	}
	return catalog.Null(), castError(v, decimalType, at, nil)
}

// castError returns the error for a value that does not fit in a type.
func castError(v catalog.Value, t catalog.Type, at int, cause error) error {
	code, message := sqlstate.OutOfRange, "the value "+shorten(v.String())+" is out of range for "+nameOf(t)
	if v.Kind() == catalog.String {
		text := v.AsString()
		code, message = textError(text, t.Kind), "invalid input for type "+nameOf(t)+": "+strconv.Quote(shorten(text))
	} else if t.Kind == catalog.String {
		code, message = sqlstate.StringTooLong, "the value "+shorten(v.String())+" is too long for "+nameOf(t)
	}
	err := sqlstate.New(code, at, "%s", message)
	err.Cause = cause
	return err
}

// textError returns the code for a text that is no value of the kind.
func textError(text string, k catalog.Kind) sqlstate.Code {
	text = strings.TrimSpace(text)
	only := func(set string) bool { return text != "" && strings.Trim(text, set) == "" }
	switch k {
	case catalog.String:
		return sqlstate.StringTooLong
	case catalog.Interval:
		return sqlstate.InvalidDatetime
	case catalog.Date, catalog.Timestamp:
		if only("0123456789-:. TZ+") {
			return sqlstate.DatetimeOverflow
		}
		return sqlstate.InvalidDatetime
	case catalog.Int64:
		if digits := strings.TrimLeft(text, "+-"); only("+-0123456789") && len(text)-len(digits) <= 1 && digits != "" {
			return sqlstate.OutOfRange
		}
	case catalog.Decimal, catalog.Float64:
		if only("+-0123456789.eE") && strings.ContainsAny(text, "0123456789") {
			return sqlstate.OutOfRange
		}
	default:
	}
	return sqlstate.InvalidText
}

// casts says which kinds CAST converts to which, besides to the same, to TEXT and, from there, to all.
var casts = map[[2]catalog.Kind]bool{
	{catalog.Int64, catalog.Decimal}: true, {catalog.Int64, catalog.Float64}: true, {catalog.Int64, catalog.Bool}: true,
	{catalog.Decimal, catalog.Int64}: true, {catalog.Decimal, catalog.Float64}: true,
	{catalog.Float64, catalog.Int64}: true, {catalog.Float64, catalog.Decimal}: true,
	{catalog.Bool, catalog.Int64}:     true,
	{catalog.Date, catalog.Timestamp}: true, {catalog.Timestamp, catalog.Date}: true,
}

func (b *Binder) cast(e *ast.Cast) (*Node, error) {
	x, err := b.bind(e.X)
	if err != nil {
		return nil, err
	}
	t := e.Type
	if x.Open() && x.Op == OpParameter {
		x = b.decide(x, loose(t))
	}
	if x.openText() {
		if t.Kind == catalog.String {
			return constant(e.At, t, cut(x.Value, t)), nil
		}
		return parsed(x.Value.AsString(), t, x.At)
	}
	from := x.Type.Kind
	if from != 0 && from != t.Kind && from != catalog.String && t.Kind != catalog.String && !casts[[2]catalog.Kind{from, t.Kind}] {
		return nil, sqlstate.New(sqlstate.CannotCast, e.At, "%s cannot be converted to %s", nameOf(x.Type), nameOf(t))
	}
	return fold(OpCast, e.At, t, castEval, x), nil
}

// castEval builds CAST.
func castEval(n *Node, args []evaluator) evaluator {
	at, t := n.At, n.Type
	return strict(args[0], func(v catalog.Value) (catalog.Value, error) {
		if t.Kind != catalog.String {
			return convertValue(v, t, at)
		}
		v, err := convertValue(v, textType, at)
		if err != nil {
			return v, err
		}
		return cut(v, t), nil
	})
}

// cut shortens a text to the length of its type, as CAST does, unlike INSERT.
func cut(v catalog.Value, t catalog.Type) catalog.Value {
	s := v.AsString()
	if t.Length == 0 || len(s) <= int(t.Length) {
		return v
	}
	n := uint32(0)
	for i := range s {
		if n == t.Length {
			return catalog.Str(s[:i])
		}
		n++
	}
	return v
}

// assign converts an expression as INSERT does.
func (b *Binder) assign(x *Node, t catalog.Type) (*Node, error) {
	if x.Open() && x.Op == OpParameter {
		x = b.decide(x, loose(t))
	}
	if x.Open() {
		return b.settle(x, t)
	}
	from := x.Type.Kind
	both := func(is func(catalog.Kind) bool) bool { return is(from) && is(t.Kind) }
	if from != t.Kind && t.Kind != catalog.String && !both(numeric) && !both(moment) {
		return nil, sqlstate.New(sqlstate.DatatypeMismatch, x.At, "the expression is %s, but must be %s", nameOf(x.Type), nameOf(t)).
			WithHint("convert it: CAST(... AS %s)", nameOf(t))
	}
	if x.Type == t {
		return x, nil
	}
	n := plain(OpCast, x.At, t, assignEval, x)
	n.Name = assignment
	return n.folded(), nil
}

// assignment is the Name of an OpCast that refuses texts that are too long.
const assignment = "assignment"

// assignEval builds the conversion of INSERT. Unlike CAST it refuses texts that are too long.
func assignEval(n *Node, args []evaluator) evaluator {
	at, t := n.At, n.Type
	return strict(args[0], func(v catalog.Value) (catalog.Value, error) { return convertValue(v, t, at) })
}

// boolean requires an expression to be BOOLEAN, on behalf of what.
func (b *Binder) boolean(x *Node, what string) (*Node, error) {
	x, err := b.settle(x, boolType)
	if err == nil && x.Type.Kind != catalog.Bool {
		return nil, sqlstate.New(sqlstate.DatatypeMismatch, x.At, "%s must be BOOLEAN, not %s", what, nameOf(x.Type))
	}
	return x, err
}
