package expr

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/planner/sqlstate"
)

//go:embed testdata/values.txt
var values string

//go:embed testdata/functions.txt
var functionValues string

// scope returns one with a column of each type: i, d, f, b, s, x, day, ts, u, j.
func scope(sql string) *Scope {
	s := &Scope{Text: sql}
	for _, c := range strings.Fields("i:BIGINT d:DECIMAL(10,2) f:FLOAT b:BOOLEAN s:TEXT x:BYTEA day:DATE ts:TIMESTAMP u:UUID j:JSON") {
		name, typ, _ := strings.Cut(c, ":")
		t, err := catalog.ParseType(typ)
		if err != nil {
			panic(err)
		}
		s.Columns = append(s.Columns, ScopeColumn{Table: "t", Name: name, Type: t})
	}
	return s
}

// compile reads and binds an expression.
func compile(s *Scope) (*Program, error) {
	tree, err := parser.Expression(s.Text)
	if err != nil {
		return nil, err
	}
	return Bind(tree, s)
}

// evaluate returns the value of an expression, or ERROR and the code.
func evaluate(s *Scope, row []catalog.Value, env *Env) string {
	p, err := compile(s)
	if err == nil {
		var v catalog.Value
		if v, err = p.Eval(row, env); err == nil {
			return v.String()
		}
	}
	var e *sqlstate.Error
	if !errors.As(err, &e) || e.Text != s.Text || e.At < 0 || e.At >= len(s.Text) {
		return fmt.Sprintf("%v without a place", err)
	}
	return "ERROR " + string(e.Code)
}

func TestValuesAreThoseOfPostgreSQL(t *testing.T) {
	n := 0
	for line := range strings.Lines(values + functionValues) {
		sql, want, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " -> ")
		if strings.HasPrefix(line, "#") || !ok {
			continue
		}
		want, _, _ = strings.Cut(want, " -> ")
		if got := evaluate(&Scope{Text: sql, Columns: []ScopeColumn{{"t", "a", intType}}}, []catalog.Value{catalog.Int(1)}, nil); got != want {
			t.Errorf("%s: got %s, want %s", sql, got, want)
		}
		n++
	}
	if n < 700 {
		t.Errorf("only %d expressions were found", n)
	}
}

// What a column gives must be what the constant gives: nothing is decided by folding.
func TestConstantsAndColumnsAreTheSame(t *testing.T) {
	for _, c := range []struct{ column, literal string }{
		{"i", "5"},
		{"d", "2.50"},
		{"f", "1.5e0"},
		{"b", "TRUE"},
		{"s", "CAST('ab' AS TEXT)"},
		{"day", "DATE '2026-03-04'"},
		{"ts", "TIMESTAMP '2026-03-04 05:06:07'"},
	} {
		for _, format := range []string{
			"%s + 1", "1 - %s", "%s * 2", "7 / %s", "%s %% 2", "-%s", "%s || 'x'", "%s = 5", "%s < '2'", "%s IS NULL", "NOT %s", "%s AND NULL",
			"%s BETWEEN 1 AND 9", "%s IN (1, 5)", "CASE %s WHEN 5 THEN 1 END", "CASE WHEN %s THEN 1 END", "COALESCE(NULL, %s)",
			"NULLIF(%s, 5)", "GREATEST(%s, NULL)", "ABS(%s)", "ROUND(%s)", "ROUND(%s, 1)", "SQRT(%s)", "LENGTH(%s)", "UPPER(%s)",
			"EXTRACT(DAY FROM %s)", "%s::text", "%s::bigint", "%s::decimal(9,1)", "%s::date", "%s LIKE 'a%%'", "%s - DATE '2026-01-01'",
			"CONCAT(%s, NULL)", "%s IS DISTINCT FROM NULL", "SUBSTR(%s, 1, 1)", "SIGN(%s)", "POWER(%s, 2)",
		} {
			row := make([]catalog.Value, 10)
			s := scope(fmt.Sprintf(format, c.column))
			literal := &Scope{Text: fmt.Sprintf(format, c.literal)}
			for i, column := range s.Columns {
				if p, err := compile(&Scope{Text: c.literal}); err == nil && column.Name == c.column {
					row[i], _ = p.Eval(nil, nil)
				}
			}
			if got, want := evaluate(s, row, nil), evaluate(literal, nil, nil); got != want {
				t.Errorf("%s: got %s, but %s is %s", s.Text, got, literal.Text, want)
			}
		}
	}
}

// Every operator is NULL if one side is.
func TestOperatorsAreNullOfNull(t *testing.T) {
	row := make([]catalog.Value, 10)
	sides := map[string]string{"i": "7", "d": "1.5", "f": "2e0", "b": "TRUE", "s": "'a'", "x": "X'00'", "day": "'2026-01-01'", "ts": "'2026-01-01'", "u": "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"}
	check := func(sql string) {
		t.Helper()
		if got := evaluate(scope(sql), row, nil); got != "NULL" {
			t.Errorf("%s: got %s, want NULL", sql, got)
		}
	}
	for column, value := range sides {
		ops := []string{"=", "<>", "<", "<=", ">", ">="}
		if strings.Contains("idf", column) {
			ops = append(ops, "+", "-", "*", "/")
		}
		if strings.Contains("id", column) {
			ops = append(ops, "%")
		}
		if strings.Contains("sx", column) {
			ops = append(ops, "||")
		}
		if column == "s" {
			ops = append(ops, "LIKE", "NOT LIKE", "ILIKE")
		}
		for _, op := range ops {
			for _, null := range []string{column, "NULL"} {
				check(null + " " + op + " " + value)
				check(value + " " + op + " " + null)
			}
			check(column + " " + op + " " + column)
			check(column + " " + op + " NULL")
		}
		check(column + " BETWEEN " + value + " AND " + value)
		check(column + " IN (" + value + ")")
		check(column + " NOT IN (" + value + ")")
	}
	for _, f := range []string{
		"ABS(i)", "ABS(d)", "ABS(f)", "SIGN(i)", "ROUND(d)", "ROUND(d, 1)", "ROUND(1.5, i)", "FLOOR(f)", "CEIL(d)", "TRUNC(d, 1)", "MOD(i, 2)", "MOD(2, i)",
		"POWER(f, 2)", "POWER(2, i)", "SQRT(f)", "LENGTH(s)", "LENGTH(x)", "LOWER(s)", "UPPER(s)", "SUBSTR(s, 1)", "SUBSTR('a', i)", "SUBSTR('a', 1, i)",
		"LEFT(s, 1)", "RIGHT('a', i)", "TRIM(s)", "LTRIM('a', s)", "RTRIM(s)", "REPLACE(s, 'a', 'b')", "REPLACE('a', s, 'b')", "REPLACE('a', 'b', s)",
		"STRPOS(s, 'a')", "STRPOS('a', s)", "EXTRACT(YEAR FROM day)", "DATE_PART(s, ts)", "NULLIF(i, 1)", "COALESCE(i, NULL)", "GREATEST(i, NULL)",
		"-i", "-d", "-f", "+i", "NOT b", "NULL + NULL", "day + 1", "day - day", "i::text", "s::int", "NULL::uuid", "CASE WHEN b THEN 1 END", "CASE i WHEN 1 THEN 1 END",
	} {
		check(f)
	}
}

func TestEnvironment(t *testing.T) {
	env := &Env{
		Now:    time.Date(2026, 3, 4, 23, 59, 59, 123456789, time.FixedZone("", -3600)),
		Random: bytes.NewReader(bytes.Repeat([]byte{0xff}, 16)),
	}
	for _, c := range []struct{ sql, want string }{
		{"NOW()", "2026-03-05 00:59:59.123456+00"},
		{"CURRENT_TIMESTAMP", "2026-03-05 00:59:59.123456+00"},
		{"CURRENT_DATE", "2026-03-05"},
		{"GEN_RANDOM_UUID()", "ffffffff-ffff-4fff-bfff-ffffffffffff"},
		{"GEN_RANDOM_UUID()", "ERROR XX000"}, // the source is at its end
	} {
		s := &Scope{Text: c.sql}
		if got := evaluate(s, nil, env); got != c.want {
			t.Errorf("%s: got %s, want %s", c.sql, got, c.want)
		}
		p, err := compile(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, constant := p.Constant(); constant || !p.Volatile() {
			t.Errorf("%s counts as constant", c.sql)
		}
	}
	for _, sql := range []string{"NOW()", "CURRENT_DATE", "GEN_RANDOM_UUID()", "i", "$1"} {
		s := scope(sql)
		s.Parameters = true
		evaluate(s, nil, nil) // whatever it is, it does not panic
	}
}

func TestProgramsSayWhatTheyRead(t *testing.T) {
	for _, c := range []struct {
		sql      string
		columns  []int
		typ      string
		constant string
	}{
		{"1 + 1", nil, "BIGINT", "2"},
		{"NULL", nil, "of no type yet", "NULL"},
		{"'a'", nil, "TEXT", "a"},
		{"1 / 0", nil, "BIGINT", ""},
		{"b AND t.i > 0 AND i < 9", []int{0, 3}, "BOOLEAN", ""},
		{"FALSE AND i = 1", []int{0}, "BOOLEAN", "false"},
		{"i + d", []int{0, 1}, "DECIMAL", ""},
		{"d", []int{1}, "DECIMAL(10,2)", ""},
		{"COALESCE(d, 0.5)", []int{1}, "DECIMAL", ""},
		{"day", []int{6}, "DATE", ""},
		{"CASE WHEN b THEN f ELSE i END", []int{0, 2, 3}, "DOUBLE PRECISION", ""},
		{"s::varchar(3)", []int{4}, "VARCHAR(3)", ""},
	} {
		p, err := compile(scope(c.sql))
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		v, constant := p.Constant()
		if !slices.Equal(p.Columns(), c.columns) || nameOf(p.Type()) != c.typ || constant != (c.constant != "") || constant && v.String() != c.constant {
			t.Errorf("%s: reads %v, type %s, constant %v %v", c.sql, p.Columns(), nameOf(p.Type()), constant, v)
		}
	}
}

func TestParametersTakeTheTypeOfTheirPlace(t *testing.T) {
	for _, c := range []struct {
		sql, types string
		values     []catalog.Value
		want       string
	}{
		{"$1 + 1", "BIGINT", []catalog.Value{catalog.Int(2)}, "3"},
		{"$1 + 1", "BIGINT", []catalog.Value{catalog.Str("2")}, "3"},
		{"$1 + 1", "BIGINT", []catalog.Value{catalog.Str("x")}, "ERROR 22P02"},
		{"$1 + 1", "BIGINT", []catalog.Value{catalog.Null()}, "NULL"},
		{"$1 + 1", "BIGINT", nil, "ERROR 42P02"},
		{"? < d AND ? = s", "DECIMAL TEXT", []catalog.Value{catalog.DecimalOf(5, 1), catalog.Str("a")}, "true"},
		{"$1", "TEXT", []catalog.Value{catalog.Str("a")}, "a"},
		{"$2::int", "of no type yet BIGINT", []catalog.Value{catalog.Null(), catalog.Int(7)}, "7"},
		{"$1 = $1", "TEXT", []catalog.Value{catalog.Str("a")}, "true"},
		{"$1 IN (1, $2)", "BIGINT BIGINT", []catalog.Value{catalog.Int(3), catalog.Int(3)}, "true"},
		{"$1::varchar(3)", "TEXT", []catalog.Value{catalog.Str("abcd")}, "abc"},
		{"$1::decimal(3,1)", "DECIMAL", []catalog.Value{catalog.Float(1.25)}, "1.3"},
		{"$1 + $2", "", nil, "ERROR 42725"},
		{"$1 IS NULL", "TEXT", []catalog.Value{catalog.Null()}, "true"},
		{"$1 OR FALSE", "BOOLEAN", []catalog.Value{catalog.BoolOf(true)}, "true"},
	} {
		s := scope(c.sql)
		s.Parameters = true
		row := []catalog.Value{catalog.Int(1), catalog.DecimalOf(150, 2), {}, {}, catalog.Str("a")}
		if got := evaluate(s, row, &Env{Parameters: c.values}); got != c.want {
			t.Errorf("%s: got %s, want %s", c.sql, got, c.want)
		}
		if p, err := compile(s); err == nil {
			var names []string
			for _, typ := range p.Parameters() {
				names = append(names, nameOf(typ))
			}
			if got := strings.Join(names, " "); got != c.types {
				t.Errorf("%s: parameters of types %s, want %s", c.sql, got, c.types)
			}
		}
	}
}

func TestStoredExpressionsAreAssigned(t *testing.T) {
	for _, c := range []struct{ sql, typ, want string }{
		{"1", "BIGINT", "1"},
		{"1.5", "BIGINT", "2"},
		{"'7'", "BIGINT", "7"},
		{"NULL", "BIGINT", "NULL"},
		{"7", "DECIMAL(5,2)", "7.00"},
		{"12345", "DECIMAL(5,2)", "ERROR 22003"},
		{"1e0 / 3", "DECIMAL(5,2)", "0.33"},
		{"1", "TEXT", "1"},
		{"'abcd'", "VARCHAR(3)", "ERROR 22001"},
		{"lower('ABCD')", "VARCHAR(3)", "ERROR 22001"},
		{"lower('ABC')", "VARCHAR(3)", "abc"},
		{"'2026-01-02'", "DATE", "2026-01-02"},
		{"NOW()", "DATE", "2026-01-02"},
		{"'x'::text", "BIGINT", "ERROR 42804"},
		{"TRUE", "BIGINT", "ERROR 42804"},
		{"'{}'", "JSON", "{}"},
		{"'{'", "JSON", "ERROR 22P02"},
		{"1/0", "BIGINT", "ERROR 22012"},
	} {
		typ, err := catalog.ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		tree, err := parser.Expression(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		p, err := BindAs(tree, &Scope{Text: c.sql}, typ)
		if err == nil {
			var v catalog.Value
			v, err = p.Eval(nil, &Env{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)})
			got = v.String()
		}
		if e := (*sqlstate.Error)(nil); errors.As(err, &e) {
			got = "ERROR " + string(e.Code)
		}
		if got != c.want {
			t.Errorf("%s as %s: got %s (%v), want %s", c.sql, c.typ, got, err, c.want)
		}
	}
}

// Trees of other hands may be deep, or have what no parser makes.
func TestStrangeTreesAreErrors(t *testing.T) {
	deep := ast.Expr(&ast.Literal{Kind: ast.True})
	for range 1_000_000 {
		deep = &ast.Unary{Sign: ast.Not, X: deep}
	}
	for _, e := range []ast.Expr{
		deep, nil, &ast.Literal{Kind: 99}, &ast.Literal{Kind: ast.Integer, Text: "x"}, &ast.Unary{}, &ast.Binary{}, &ast.Case{},
		&ast.In{}, &ast.Like{}, &ast.Between{}, &ast.Is{}, &ast.Cast{}, &ast.Parameter{Number: -1}, &ast.Call{Name: "abs"},
		&ast.Cast{X: &ast.Literal{Kind: ast.Text, Text: "a"}},
	} {
		p, err := Bind(e, &Scope{Parameters: true})
		if err == nil {
			_, err = p.Eval(nil, nil)
		}
		if _, isCase := e.(*ast.Case); err == nil && !isCase {
			t.Errorf("%#v was accepted", e)
		}
	}
}

func TestProgramsRunBesideEachOther(t *testing.T) {
	p, err := compile(scope("CASE WHEN s LIKE 'a%' THEN i * 2 ELSE LENGTH(s) END"))
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for g := range 4 {
		running.Go(func() {
			for i := range 1000 {
				n := int64(g*1000 + i)
				v, err := p.Eval([]catalog.Value{catalog.Int(n), {}, {}, {}, catalog.Str("ab")}, nil)
				if err != nil || v.AsInt() != 2*n {
					t.Errorf("got %v, %v", v, err)
				}
			}
		})
	}
	running.Wait()
}
