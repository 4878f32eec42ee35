package expr

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

// mistakes are expressions that do not bind, or have no value of zeros, with ^ below the place, the code, and a part of
// the message or hint.
var mistakes = []struct{ sql, caret, code, says string }{
	{"i IN (SELECT 1)", "  ^", "0A000", "a query is not supported here"},
	{"i > ANY (SELECT 1)", "  ^", "0A000", "a query is not supported here"},
	{"i = 1 OR EXISTS (SELECT 1)", "         ^", "0A000", "a query is not supported here"},
	{"i + (SELECT 1)", "    ^", "0A000", "a query is not supported here"},
	{"(i, 1) = (1, 2)", "^", "0A000", "a row of several values is not supported here"},
	{"i + INTERVAL '1' DAY", "  ^", "42883", "there is no operator BIGINT + INTERVAL"},
	{"day + INTERVAL '1 fortnight'", "      ^", "22007", `invalid input for type INTERVAL: "1 fortnight"`},
	{"s -> 'a'", "  ^", "42883", "there is no operator TEXT -> of no type yet"},
	{"sum(i) OVER ()", "^", "0A000", "OVER is not supported here"},
	{"lower(s ORDER BY s)", "^", "0A000", "ORDER BY, FILTER or OVER"},
	{"i + nam", "    ^", "42703", `there is no column "nam"`},
	{"dai = '2026-01-01'", "^", "42703", `perhaps column "day" was meant`},
	{"q.i > 0", "^", "42P01", `no table "q"`},
	{"lenth(s)", "^", "42883", "perhaps length was meant"},
	{"i + s", "  ^", "42883", "no operator BIGINT + TEXT"},
	{"i = s", "  ^", "42883", "CAST(... AS BIGINT)"},
	{"s || 1 + b", "       ^", "42883", "no operator BIGINT + BOOLEAN"},
	{"j = j", "  ^", "42883", "compare its text"},
	{"b < 1", "  ^", "42883", "no operator BOOLEAN < BIGINT"},
	{"x || 1", "  ^", "42883", "BYTEA || BIGINT"},
	{"i IN (1, 'a')", "         ^", "22P02", `BIGINT: "a"`},
	{"day > 'tomorrowish'", "      ^", "22007", `DATE: "tomorrowish"`},
	{"day > '2026-02-30'", "      ^", "22008", `"2026-02-30"`},
	{"u = 'x'", "    ^", "22P02", "UUID"},
	{"d < 'abc'", "    ^", "22P02", "DECIMAL"},
	{"NOT i", "    ^", "42804", "NOT must be BOOLEAN, not BIGINT"},
	{"b AND i", "      ^", "42804", "an operand of AND must be BOOLEAN"},
	{"i IS TRUE", "^", "42804", "IS TRUE must be BOOLEAN"},
	{"CASE WHEN i THEN 1 END", "          ^", "42804", "WHEN must be BOOLEAN"},
	{"CASE WHEN b THEN 1 ELSE s END", "                        ^", "42804", "BIGINT and TEXT do not go together"},
	{"COALESCE(i, day)", "            ^", "42804", "COALESCE"},
	{"i::date", " ^", "42846", "BIGINT cannot be converted to DATE"},
	{"lower(i)", "      ^", "42883", "lower takes TEXT, not BIGINT"},
	{"abs(s)", "    ^", "42883", "must be a number, not TEXT"},
	{"substr(s)", "^", "42883", "does not take 1 arguments"},
	{"lower(DISTINCT s)", "^", "42804", "neither * nor DISTINCT"},
	{"1 + sum(i)", "    ^", "42803", "function of many rows"},
	{"round(f, 1)", "      ^", "42883", "takes a DECIMAL"},
	{"extract(foo FROM ts)", "        ^", "22023", `no field "foo"`},
	{"extract(hour FROM day)", "        ^", "0A000", `no field "hour"`},
	{"s LIKE 'a\\'", "       ^", "22025", "ends with its escape"},
	{"s LIKE 'a' ESCAPE 'bc'", "       ^", "22025", "one character"},
	{"$1 = 1", "^", "42P02", "not in what is stored"},
	{"12345678901234567890 > i", "^", "22003", "with an exponent"},
	{"1 + 9 / i", "      ^", "22012", "division by zero"},
	{"f / f", "  ^", "22012", "division by zero"},
	{"mod(1.5, d)", "^", "22012", "division by zero"},
	{"i - 9223372036854775807 - 2", "                        ^", "22003", "out of range for BIGINT"},
	{"(d + 0.1) * 0.000000000000000001", "          ^", "22003", "more than 18 digits"},
	{"1e308 * (f + 10)", "      ^", "22003", "out of range for DOUBLE PRECISION"},
	{"sqrt(f - 1)", "^", "2201F", "square root"},
	{"substr(s, 1, i - 1)", "^", "22011", "negative"},
	{"(s || 'x')::int", "          ^", "22P02", `BIGINT: "x"`},
	{"(i + 1000)::decimal(2,0)", "          ^", "22003", "DECIMAL(2,0)"},
	{"day + 99999999", "    ^", "22008", "out of range for DATE"},
}

// zeros is a row of the scope.
func zeros() []catalog.Value {
	j, _ := catalog.JSONOf("0")
	return []catalog.Value{
		catalog.Int(0), catalog.DecimalOf(0, 2), catalog.Float(0), catalog.BoolOf(false), catalog.Str(""), catalog.BytesOf(nil),
		catalog.DateOf(0), catalog.Null(), catalog.Null(), j,
	}
}

func TestMistakesShowThePlace(t *testing.T) {
	for _, c := range mistakes {
		p, err := compile(scope(c.sql))
		if err == nil {
			_, err = p.Eval(zeros(), nil)
		}
		var e *sqlstate.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want an error", c.sql, err)
			continue
		}
		if !errors.Is(err, sqlstate.Code(c.code)) || !strings.Contains(e.Message+"; "+e.Hint, c.says) {
			t.Errorf("%s: got %v, want %s and %q", c.sql, err, c.code, c.says)
		}
		want := fmt.Sprintf("LINE 1: %s\n        %s", c.sql, c.caret)
		if got, _, _ := strings.Cut(e.Detail(), "\nHINT"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func TestAmbiguousColumns(t *testing.T) {
	s := &Scope{Text: "a", Columns: []ScopeColumn{{"t", "a", intType}, {"u", "a", intType}}}
	if _, err := compile(s); !errors.Is(err, sqlstate.AmbiguousColumn) {
		t.Errorf("got %v", err)
	}
	s.Text = "u.a"
	if p, err := compile(s); err != nil || p.Columns()[0] != 1 {
		t.Errorf("got %v", err)
	}
}

func TestConditionsAreBoolean(t *testing.T) {
	for sql, code := range map[string]string{"i > 0": "", "NULL": "", "'t'": "", "i": "42804", "'x'": "22P02", "s": "42804"} {
		tree, err := parser.Expression(sql)
		if err != nil {
			t.Fatal(err)
		}
		_, err = BindCondition(tree, scope(sql))
		if e := (*sqlstate.Error)(nil); (err != nil) != (code != "") || errors.As(err, &e) && string(e.Code) != code {
			t.Errorf("%s: got %v, want %q", sql, err, code)
		}
	}
}

func TestTextsHaveALimit(t *testing.T) {
	s := scope("REPLACE(s, 'a', s)")
	row := zeros()
	row[4] = catalog.Str(strings.Repeat("a", 1<<14))
	if got := evaluate(s, row, nil); got != "ERROR 54000" {
		t.Errorf("got %.30s", got)
	}
}

// tryAny binds a text, if it is an expression, and evaluates it: whatever it is, that gives a value or an error with a
// place. It reports whether the text had a value.
func tryAny(sql string) (valued bool, problem error) {
	s := scope(sql)
	s.Parameters = true
	p, err := compile(s)
	for _, row := range [][]catalog.Value{zeros(), make([]catalog.Value, 10), nil} {
		if err != nil {
			break
		}
		var v catalog.Value
		if v, err = p.Eval(row, &Env{}); err != nil {
			continue
		}
		valued = true
		if !v.IsNull() && v.Kind() != p.Type().Kind {
			return true, fmt.Errorf("%q is of type %s, but %s is not", sql, nameOf(p.Type()), v)
		}
	}
	var e *sqlstate.Error
	if err != nil && (!errors.As(err, &e) || e.Text != sql || e.At < 0 || e.At > len(sql)) {
		return valued, fmt.Errorf("%q: the error is not complete: %#v", sql, err)
	}
	return valued, nil
}

// FuzzBind binds and evaluates any text.
func FuzzBind(f *testing.F) {
	for _, c := range mistakes {
		f.Add(c.sql)
	}
	for line := range strings.Lines(values) {
		sql, _, _ := strings.Cut(line, " -> ")
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		if _, err := tryAny(sql); err != nil {
			t.Fatal(err)
		}
	})
}

// Operands of any type beside any operator: they go together or there is an error.
func TestAnyTypesBesideAnyOperator(t *testing.T) {
	seed := environment.Seed(t)
	r := rand.New(rand.NewPCG(seed, 3))
	formats := strings.Split(`? + ?,? - ?,? * ?,? / ?,? % ?,? || ?,? = ?,? < ?,? IS DISTINCT FROM ?,? AND ?,? OR ?,NOT ?,- ?,+ ?,? IS NULL,? IS TRUE,`+
		`? LIKE ?,? ILIKE ? ESCAPE ?,CASE WHEN ? THEN ? ELSE ? END,CASE ? WHEN ? THEN ? END,? BETWEEN ? AND ?,? NOT IN (?^ ?),`+
		`CAST(? AS BIGINT),CAST(? AS DECIMAL(9^2)),CAST(? AS FLOAT),CAST(? AS BOOLEAN),CAST(? AS VARCHAR(2)),CAST(? AS BYTEA),CAST(? AS DATE),`+
		`CAST(? AS TIMESTAMP),CAST(? AS UUID),CAST(? AS JSON),EXTRACT(EPOCH FROM ?),DATE_PART(?^ ?)`, ",")
	for name, f := range functions {
		for n := f.least; n <= min(f.most, f.least+1); n++ {
			formats = append(formats, name+"("+strings.TrimSuffix(strings.Repeat("?^ ", n), "^ ")+")")
		}
	}
	leaves := strings.Fields("i d f b s x day ts u j NULL 1 2.50 1e1 TRUE 'a' '1' '2026-01-01' X'61' $1 0 -1 9223372036854775807 999999999999999999.")
	valued := 0
	for i := range 20_000 {
		sql := formats[r.IntN(len(formats))]
		for strings.Contains(sql, "?") {
			leaf := leaves[r.IntN(len(leaves))]
			if r.IntN(6) == 0 && len(sql) < 200 {
				leaf = "(" + formats[r.IntN(len(formats))] + ")"
			}
			sql = strings.Replace(sql, "?", leaf, 1)
		}
		ok, err := tryAny(strings.ReplaceAll(sql, "^", ","))
		if err != nil {
			t.Fatalf("MIDDB_SEED=%d, expression %d: %v", seed, i, err)
		}
		if ok {
			valued++
		}
	}
	if valued < 2000 {
		t.Errorf("only %d expressions had a value", valued)
	}
}

func BenchmarkEval(b *testing.B) {
	row := zeros()
	row[4] = catalog.Str("abc")
	for _, sql := range []string{"i >= 0", "i > 0 OR d < 100.5 AND s LIKE 'a%'", "d * 1.19 + 0.5", "i + 1"} {
		b.Run(sql, func(b *testing.B) {
			p, err := compile(scope(sql))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Eval(row, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBind(b *testing.B) {
	s := scope("i > 0 AND s <> ''")
	tree, err := parser.Expression(s.Text)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Bind(tree, s); err != nil {
			b.Fatal(err)
		}
	}
}
