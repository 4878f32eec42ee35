package expr

import (
	"fmt"
	"math/big"
	"strings"
	"unicode"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

var everyKind = []catalog.Kind{catalog.Int64, catalog.Decimal, catalog.Float64, catalog.Bool, catalog.String}

// The three values of logic as numbers: AND is the least of two, OR the greatest, NOT the other end.
func logic(d datum) int {
	switch {
	case d.null:
		return 1
	case d.truth:
		return 2
	default:
		return 0
	}
}

func fromLogic(n int) datum { return datum{null: n == 1, truth: n == 2} }

func truth(b bool) (datum, sqlstate.Code) { return datum{truth: b}, "" }

func (o *oracle) boolean(depth int) term {
	switch o.IntN(9) {
	case 0, 1:
		return o.comparison(depth)
	case 2:
		return o.connected(depth)
	case 3:
		x := o.term(catalog.Bool, depth)
		return term{"(NOT " + x.sql + ")", catalog.Bool, func(row []datum) (datum, sqlstate.Code) {
			d, code := x.eval(row)
			return fromLogic(2 - logic(d)), code
		}}
	case 4:
		return o.tested(depth)
	case 5:
		return o.distinct(depth)
	case 6:
		return o.between(depth)
	case 7:
		return o.in(depth)
	default:
		return o.like(depth)
	}
}

func (o *oracle) comparison(depth int) term {
	k := choose(o, everyKind...)
	op := choose(o, "=", "<>", "<", "<=", ">", ">=")
	return strictly(catalog.Bool, func(a []datum) (datum, sqlstate.Code) {
		c := compareData(a[0], a[1], k)
		switch op {
		case "=":
			return truth(c == 0)
		case "<>":
			return truth(c != 0)
		case "<":
			return truth(c < 0)
		case "<=":
			return truth(c <= 0)
		case ">":
			return truth(c > 0)
		default:
			return truth(c >= 0)
		}
	}, "%s "+op+" %s", o.related(k, 2, depth)...)
}

func (o *oracle) connected(depth int) term {
	x, y, op := o.term(catalog.Bool, depth), o.term(catalog.Bool, depth), choose(o, "AND", "OR")
	return term{"(" + x.sql + " " + op + " " + y.sql + ")", catalog.Bool, func(row []datum) (datum, sqlstate.Code) {
		v, code := x.eval(row)
		if code != "" || op == "AND" && logic(v) == 0 || op == "OR" && logic(v) == 2 {
			return v, code
		}
		w, code := y.eval(row)
		if op == "AND" {
			return fromLogic(min(logic(v), logic(w))), code
		}
		return fromLogic(max(logic(v), logic(w))), code
	}}
}

// tested returns IS NULL of anything, or IS TRUE and the like.
func (o *oracle) tested(depth int) term {
	k, word := choose(o, everyKind...), "NULL"
	if o.IntN(2) == 0 {
		k, word = catalog.Bool, choose(o, "TRUE", "FALSE", "UNKNOWN")
	}
	not := choose(o, "", "NOT ")
	x := o.term(k, depth)
	return term{"(" + x.sql + " IS " + not + word + ")", catalog.Bool, func(row []datum) (datum, sqlstate.Code) {
		d, code := x.eval(row)
		is := map[string]bool{"NULL": d.null, "UNKNOWN": d.null, "TRUE": !d.null && d.truth, "FALSE": !d.null && !d.truth}[word]
		return datum{truth: is != (not != "")}, code
	}}
}

func (o *oracle) distinct(depth int) term {
	k, not := choose(o, everyKind...), choose(o, "", "NOT ")
	args := o.related(k, 2, depth)
	return term{
		fmt.Sprintf("(%s IS %sDISTINCT FROM %s)", args[0].sql, not, args[1].sql), catalog.Bool,
		func(row []datum) (datum, sqlstate.Code) {
			v, code := args[0].eval(row)
			if code != "" {
				return null, code
			}
			w, code := args[1].eval(row)
			equal := v.null && w.null || !v.null && !w.null && code == "" && compareData(v, w, k) == 0
			return datum{truth: equal == (not != "")}, code
		},
	}
}

// compared returns whether v <= w, in the three values.
func compared(v, w datum, k catalog.Kind) int {
	if v.null || w.null {
		return 1
	}
	return logic(datum{truth: compareData(v, w, k) <= 0})
}

func evalAll(terms []term, row []datum) ([]datum, sqlstate.Code) {
	all := make([]datum, len(terms))
	for i, t := range terms {
		d, code := t.eval(row)
		if code != "" {
			return nil, code
		}
		all[i] = d
	}
	return all, ""
}

func (o *oracle) between(depth int) term {
	k, not := choose(o, everyKind...), choose(o, "", "NOT ")
	args := o.related(k, 3, depth)
	return term{
		fmt.Sprintf("(%s %sBETWEEN %s AND %s)", args[0].sql, not, args[1].sql, args[2].sql), catalog.Bool,
		func(row []datum) (datum, sqlstate.Code) {
			a, code := evalAll(args, row)
			if code != "" {
				return null, code
			}
			n := min(compared(a[1], a[0], k), compared(a[0], a[2], k))
			if not != "" {
				n = 2 - n
			}
			return fromLogic(n), ""
		},
	}
}

func (o *oracle) in(depth int) term {
	k, not := choose(o, everyKind...), choose(o, "", "NOT ")
	args := o.related(k, 2+o.IntN(3), depth)
	return term{
		fmt.Sprintf("(%s %sIN (%s))", args[0].sql, not, sqlList(args[1:])), catalog.Bool,
		func(row []datum) (datum, sqlstate.Code) {
			v, code := args[0].eval(row)
			if code != "" {
				return null, code
			}
			n := 0
			for _, a := range args[1:] {
				w, code := a.eval(row)
				if code != "" {
					return null, code
				}
				if n = max(n, min(compared(v, w, k), compared(w, v, k))); n == 2 {
					break
				}
			}
			if not != "" {
				n = 2 - n
			}
			return fromLogic(n), ""
		},
	}
}

func (o *oracle) like(depth int) term {
	pattern, ignore := choose(o, "%", "a%", "%a", "_", "a_b", "%b%", `\%`, `100\%`, "%ö%", "%_%_", "", `\\`), o.IntN(2) == 0
	word := "LIKE"
	if ignore {
		word = "ILIKE"
	}
	return strictly(catalog.Bool, func(a []datum) (datum, sqlstate.Code) {
		s, p := a[0].text, pattern
		if ignore {
			s, p = mapLower(s), mapLower(p)
		}
		return truth(likeRunes([]rune(s), []rune(p)))
	}, "%s "+word+" '"+strings.ReplaceAll(pattern, "%", "%%")+"'", o.term(catalog.String, depth))
}

func mapLower(s string) string { return strings.Map(unicode.ToLower, s) }

// likeRunes tries every length of text for each %.
func likeRunes(s, p []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '%':
		return likeRunes(s, p[1:]) || len(s) > 0 && likeRunes(s[1:], p)
	case len(s) == 0:
		return false
	case p[0] == '\\':
		return s[0] == p[1] && likeRunes(s[1:], p[2:])
	default:
		return (p[0] == '_' || p[0] == s[0]) && likeRunes(s[1:], p[1:])
	}
}

func (o *oracle) text(depth int) term {
	switch o.IntN(6) {
	case 0:
		return strictly(catalog.String, func(a []datum) (datum, sqlstate.Code) {
			return datum{text: a[0].text + a[1].text}, ""
		}, "%s || %s", o.term(catalog.String, depth), o.term(catalog.String, depth))
	case 1:
		return strictly(catalog.String, func(a []datum) (datum, sqlstate.Code) {
			return datum{text: a[0].num.FloatString(0)}, ""
		}, "CAST(%s AS TEXT)", o.term(catalog.Int64, depth))
	case 2:
		return o.substring(depth)
	case 3:
		return strictly(catalog.String, func(a []datum) (datum, sqlstate.Code) {
			parts := strings.Split(a[0].text, a[1].text)
			if a[1].text == "" {
				parts = []string{a[0].text}
			}
			return datum{text: strings.Join(parts, a[2].text)}, ""
		}, "REPLACE(%s, %s, %s)", o.term(catalog.String, depth), o.leaf(catalog.String), o.leaf(catalog.String))
	case 4:
		return strictly(catalog.String, func(a []datum) (datum, sqlstate.Code) {
			return datum{text: mapLower(a[0].text)}, ""
		}, "LOWER(%s)", o.term(catalog.String, depth))
	default:
		return strictly(catalog.String, func(a []datum) (datum, sqlstate.Code) {
			return datum{text: a[0].text + a[1].num.FloatString(0)}, ""
		}, "%s || %s", o.term(catalog.String, depth), o.term(catalog.Int64, depth))
	}
}

// substring keeps the characters whose numbers are in the range.
func (o *oracle) substring(depth int) term {
	return strictly(catalog.String, func(a []datum) (datum, sqlstate.Code) {
		start, length := a[1].num, a[2].num
		if length.Sign() < 0 {
			return null, sqlstate.SubstringError
		}
		end, kept := new(big.Rat).Add(start, length), ""
		for i, r := range []rune(a[0].text) {
			if at := big.NewRat(int64(i)+1, 1); at.Cmp(start) >= 0 && at.Cmp(end) < 0 {
				kept += string(r)
			}
		}
		return datum{text: kept}, ""
	}, "SUBSTR(%s, %s, %s)", o.term(catalog.String, depth), o.term(catalog.Int64, depth), o.term(catalog.Int64, depth))
}

// measured returns LENGTH or STRPOS.
func (o *oracle) measured(depth int) term {
	if o.IntN(2) == 0 {
		return strictly(catalog.Int64, func(a []datum) (datum, sqlstate.Code) {
			return datum{num: big.NewRat(int64(len([]rune(a[0].text))), 1)}, ""
		}, "LENGTH(%s)", o.term(catalog.String, depth))
	}
	return strictly(catalog.Int64, func(a []datum) (datum, sqlstate.Code) {
		s, part := []rune(a[0].text), a[1].text
		for i := range len(s) + 1 {
			if strings.HasPrefix(string(s[i:]), part) {
				return datum{num: big.NewRat(int64(i)+1, 1)}, ""
			}
		}
		return datum{num: new(big.Rat)}, ""
	}, "STRPOS(%s, %s)", o.term(catalog.String, depth), o.leaf(catalog.String))
}
