package parser

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
)

// readings are texts with the trees that they are; fewer parentheses show how operators bind.
var readings = []struct{ sql, tree, prints string }{
	{"1", `int"1"`, "1"},
	{" /* a /* b */ c */ 1 -- end", `int"1"`, "1"},
	{"1.50", `dec"1.50"`, "1.50"},
	{".5", `dec".5"`, ".5"},
	{"1.5E+3", `float"1.5E+3"`, "1.5E+3"},
	{"1.e2", `float"1.e2"`, "1.e2"},
	{"'it''s'", `text"it's"`, "'it''s'"},
	{`E'a\n\'\x41\u00e9\101\q'`, `text"a\n'AéAq"`, "'a\n''AéAq'"},
	{`'a\n'`, `text"a\\n"`, `'a\n'`},
	{"x'00FF'", `bytes"\x00\xff"`, "X'00ff'"},
	{"tRue", `true""`, "TRUE"},
	{"null", `null""`, "NULL"},
	{"DATE '2026-01-02'", `date"2026-01-02"`, "DATE '2026-01-02'"},
	{"timestamp with time zone 'now'", `time"now"`, "TIMESTAMP 'now'"},
	{"Foo", "[.foo]", "foo"},
	{`"Foo".bar`, "[Foo.bar]", `"Foo".bar`},
	{`"select"`, "[.select]", `"select"`},
	{"date", "[.date]", "date"},
	{"date.timestamp", "[date.timestamp]", "date.timestamp"},
	{"trim", "[.trim]", "trim"},
	{"between", "[.between]", "between"},
	{"größe", "[.größe]", "größe"},
	{"$2", "$2", "$2"},
	{"? + ?", "(+ $1 $2)", "$1 + $2"},

	{"1 + 2 * 3", `(+ int"1" (* int"2" int"3"))`, "1 + 2 * 3"},
	{"(1 + 2) * 3", `(* (+ int"1" int"2") int"3")`, "(1 + 2) * 3"},
	{"a - b - c", "(- (- [.a] [.b]) [.c])", "a - b - c"},
	{"a - (b - c)", "(- [.a] (- [.b] [.c]))", "a - (b - c)"},
	{"- -a", "(neg (neg [.a]))", "- -a"},
	{"-a::int", "(neg (cast BIGINT [.a]))", "-CAST(a AS BIGINT)"},
	{"-a * b", "(* (neg [.a]) [.b])", "-a * b"},
	{"a || b + c", "(|| [.a] (+ [.b] [.c]))", "a || b + c"},
	{"a < b || c", "(< [.a] (|| [.b] [.c]))", "a < b || c"},
	{"a OR b AND NOT c = d", "(OR [.a] (AND [.b] (not (= [.c] [.d]))))", "a OR b AND NOT c = d"},
	{"a = NOT b AND c", "(AND (= [.a] (not [.b])) [.c])", "a = (NOT b) AND c"},
	{"a = b IS NULL", "(is-NULL (= [.a] [.b]))", "(a = b) IS NULL"},
	{"a IS NULL = b", "(= (is-NULL [.a]) [.b])", "(a IS NULL) = b"},
	{"NOT a IS NOT UNKNOWN", "(not (not-is-UNKNOWN [.a]))", "NOT a IS NOT UNKNOWN"},
	{"a ISNULL OR b NOTNULL", "(OR (is-NULL [.a]) (not-is-NULL [.b]))", "a IS NULL OR b IS NOT NULL"},
	{"a IS DISTINCT FROM b = c", "(IS DISTINCT FROM [.a] (= [.b] [.c]))", "a IS DISTINCT FROM (b = c)"},
	{"a IS NOT DISTINCT FROM NULL", `(IS NOT DISTINCT FROM [.a] null"")`, "a IS NOT DISTINCT FROM NULL"},
	{"a BETWEEN 1 AND 2 AND b", `(AND (between [.a] int"1" int"2") [.b])`, "a BETWEEN 1 AND 2 AND b"},
	{"NOT a NOT BETWEEN 1 AND 2", `(not (not-between [.a] int"1" int"2"))`, "NOT a NOT BETWEEN 1 AND 2"},
	{"a IN (1, 2) = b", `(= (in [.a] int"1" int"2") [.b])`, "(a IN (1, 2)) = b"},
	{"a NOT IN (b + 1)", `(not-in [.a] (+ [.b] int"1"))`, "a NOT IN (b + 1)"},
	{"a LIKE 'x' || b ESCAPE '#'", `(like [.a] (|| text"x" [.b]) text"#")`, "a LIKE 'x' || b ESCAPE '#'"},
	{"a NOT ILIKE b", "(not-ignorecase-like [.a] [.b] -)", "a NOT ILIKE b"},
	{"CASE a WHEN 1 THEN b END", `(case [.a] - int"1" [.b])`, "CASE a WHEN 1 THEN b END"},
	{"CASE WHEN a THEN 1 ELSE 2 END", `(case - int"2" [.a] int"1")`, "CASE WHEN a THEN 1 ELSE 2 END"},
	{"a::double precision::text", "(cast TEXT (cast DOUBLE PRECISION [.a]))", "CAST(CAST(a AS DOUBLE PRECISION) AS TEXT)"},
	{"CAST(a AS timestamp (3) with time zone)", "(cast TIMESTAMPTZ [.a])", "CAST(a AS TIMESTAMPTZ)"},
	{"a::numeric(10,2) + 1", `(+ (cast DECIMAL(10,2) [.a]) int"1")`, "CAST(a AS DECIMAL(10,2)) + 1"},
	{"a::character varying(5)", "(cast VARCHAR(5) [.a])", "CAST(a AS VARCHAR(5))"},
	{"uuid 'x'", `(cast UUID text"x")`, "CAST('x' AS UUID)"},
	{"now()", "(now)", "now()"},
	{"CURRENT_TIMESTAMP", "(current_timestamp)", "CURRENT_TIMESTAMP"},
	{"Count(*)", "(star-count)", "count(*)"},
	{"count(DISTINCT a)", "(distinct-count [.a])", "count(DISTINCT a)"},
	{"left(a, 1)", `(left [.a] int"1")`, "left(a, 1)"},
	{"extract(YEAR from a)", `(extract text"year" [.a])`, "EXTRACT(year FROM a)"},
	{"position('a' in b)", `(strpos [.b] text"a")`, "strpos(b, 'a')"},
	{"substring(a from 2 for 3)", `(substr [.a] int"2" int"3")`, "substr(a, 2, 3)"},
	{"substring(a for 3)", `(substr [.a] int"1" int"3")`, "substr(a, 1, 3)"},
	{"substring(a, 2)", `(substr [.a] int"2")`, "substr(a, 2)"},
	{"trim(a)", "(btrim [.a])", "btrim(a)"},
	{"trim(leading 'x' from a)", `(ltrim [.a] text"x")`, "ltrim(a, 'x')"},
	{"trim(trailing from a)", "(rtrim [.a])", "rtrim(a)"},
	{"trim(both a, 'x')", `(btrim [.a] text"x")`, "btrim(a, 'x')"},
}

func TestExpressionsAreRead(t *testing.T) {
	for _, c := range readings {
		e, err := Expression(c.sql)
		switch {
		case err != nil:
			t.Errorf("%s: %v", c.sql, err)
		case dump(e) != c.tree:
			t.Errorf("%s: got %s, want %s", c.sql, dump(e), c.tree)
		case e.String() != c.prints:
			t.Errorf("%s: prints as %s, want %s", c.sql, e, c.prints)
		}
	}
}

// failures are texts that are no expressions, with ^ below the place, the code, and a part of the message or hint.
var failures = []struct{ sql, caret, code, says string }{
	{"", "^", "42601", "there is no expression"},
	{"  -- nothing", "            ^", "42601", "there is no expression"},
	{"1 +", "   ^", "42601", "at the end: expected an expression"},
	{"(1 + 2", "      ^", "42601", "expected )"},
	{"1 2", "  ^", "42601", `at "2": expected the end or an operator`},
	{"1)", " ^", "42601", `at ")"`},
	{"a b", "  ^", "42601", `at "b"`},
	{"select", "^", "42601", "must be in parentheses"},
	{"a + from", "    ^", "42601", `in double quotes: "from"`},
	{"left + 1", "^", "42601", `in double quotes: "left"`},
	{"a = b = c", "      ^", "42601", "do not chain"},
	{"a < b >= c", "      ^", "42601", "AND"},
	{"a LIKE b LIKE c", "         ^", "42601", "without parentheses"},
	{"a BETWEEN 1 OR 2", "            ^", "42601", "expected AND"},
	{"a BETWEEN SYMMETRIC 1 AND 2", "          ^", "0A000", "LEAST"},
	{"a == b", "   ^", "42601", "one ="},
	{"a ^ 2", "  ^", "42601", "POWER"},
	{"a IS 1", "     ^", "42601", "expected NULL, TRUE"},
	{"a IS DISTINCT b", "              ^", "42601", "expected FROM"},
	{"a NOT b", "  ^", "42601", `at "NOT"`},
	{"a IN 1", "     ^", "42601", "expected ("},
	{"a IN ()", "      ^", "42601", "expected an expression"},
	{"a IN (1,", "        ^", "42601", "expected an expression"},
	{"(1, 2", "     ^", "42601", "in column 1 is not closed"},
	{"a SIMILAR TO b", "  ^", "0A000", "LIKE"},
	{"CASE END", "     ^", "42601", "expected an expression"},
	{"CASE a END", "       ^", "42601", "expected WHEN"},
	{"CASE WHEN a THEN b", "                  ^", "42601", "expected END"},
	{"CASE WHEN a ELSE b END", "            ^", "42601", "expected THEN"},
	{"CAST(a)", "      ^", "42601", "expected AS"},
	{"CAST(a AS foo)", "          ^", "42704", `there is no type "foo"`},
	{"a::decimal(99)", "   ^", "22023", "digits"},
	{"a::int[]", "      ^", "0A000", "arrays"},
	{"a::", "   ^", "42601", "expected a type"},
	{"f(1", "   ^", "42601", "expected )"},
	{"a.b.c", "^", "0A000", "schemas"},
	{"a.1", " ^", "42601", `at ".1"`},
	{"'abc", "^", "42601", "does not end"},
	{`"abc`, "^", "42601", "does not end"},
	{`""`, "^", "42601", "cannot be empty"},
	{"1 /* a /* b */", "  ^", "42601", "comment"},
	{"x'0g'", "^", "22P02", "hexadecimal"},
	{`E'\u12'`, "  ^", "42601", "more digits"},
	{`E'a\ud800'`, "   ^", "42601", "number of a character"},
	{`E'\0'`, "^", "22021", "zero byte"},
	{`E'\xff'`, "^", "22021", "UTF-8"},
	{"1 + 12ab", "    ^", "42601", `"12a" goes on`},
	{"$", "^", "42601", "parameter"},
	{"$0", "^", "42P02", "$1 to $65535"},
	{"$99999999999999999999", "^", "42P02", "$1 to"},
	{"$1a", "^", "42601", "goes on"},
	{"? + $1", "    ^", "42601", "either all ? or all $1"},
	{"interval '1' day to year", "                    ^", "42601", "DAY TO SECOND"},
	{"extract(1 from a)", "        ^", "42601", "such as YEAR"},
	{"a ; b", "  ^", "42601", `at ";"`},
	{"1 + \x01", "    ^", "42601", "no meaning"},
	{"a = `b`", "    ^", "42601", "double quotes"},
	{"größe + + )", "          ^", "42601", `at ")"`},
}

func TestErrorsShowThePlace(t *testing.T) {
	for _, c := range failures {
		_, err := Expression(c.sql)
		var e *sqlstate.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: got %v, want an error", c.sql, err)
			continue
		}
		if !errors.Is(err, sqlstate.Code(c.code)) {
			t.Errorf("%q: got %v, want code %s", c.sql, err, c.code)
		}
		if !strings.Contains(e.Message+e.Hint, c.says) {
			t.Errorf("%q: got %q, want something with %q", c.sql, e, c.says)
		}
		if c.sql == "" {
			continue
		}
		want := fmt.Sprintf("LINE 1: %s\n        %s", c.sql, c.caret)
		if got, _, _ := strings.Cut(e.Detail(), "\nHINT"); got != want {
			t.Errorf("%q: got\n%s\nwant\n%s", c.sql, got, want)
		}
	}
}

func TestTheSecondLineIsShown(t *testing.T) {
	_, err := Expression("1 +\n\t2 + ) + 3\n+ 4")
	var e *sqlstate.Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if want := "LINE 2: \t2 + ) + 3\n        \t    ^\nHINT:  no parenthesis is open here"; e.Detail() != want {
		t.Errorf("got\n%s\nwant\n%s", e.Detail(), want)
	}
	if line, column := e.Position(); line != 2 || column != 6 {
		t.Errorf("got line %d, column %d", line, column)
	}
}

// Whatever repeats a thing many times is read, or refused, without much stack.
func TestDepthIsLimited(t *testing.T) {
	const n = 1_000_000
	for _, c := range []struct{ head, repeat, tail string }{
		{"", "(", "1"},
		{"", "- ", "1"},
		{"", "NOT ", "a"},
		{"", "f(", "1"},
		{"", "CASE WHEN ", "1"},
		{"", "CAST(", "1"},
		{"1", " + 1", ""},
		{"a", " IS NULL", ""},
		{"a", "::int", ""},
		{"a", " OR a", ""},
		{"a", " = NOT a", ""},
		{"a", " IN (a)", ""},
		{"", "a IN (", "1"},
		{"", "a BETWEEN ", "1"},
		{"", "trim(", "a"},
	} {
		_, err := Expression(c.head + strings.Repeat(c.repeat, n) + c.tail)
		if !errors.Is(err, sqlstate.TooComplex) && !errors.Is(err, sqlstate.SyntaxError) {
			t.Errorf("%s: got %v", c.repeat, err)
		}
	}
}

// What is within the limits prints to itself, although there may be more parentheses then.
func TestDeepTreesPrintToThemselves(t *testing.T) {
	for _, c := range []struct {
		head, repeat, tail, end string
		n                       int
	}{
		{"", "(", "1", ")", 1900},
		{"", "- ", "1", "", 490},
		{"", "NOT ", "a", "", 490},
		{"a", " = NOT a", "", "", 240},
		{"", "f(", "1", ")", 490},
		{"", "1 + (", "1", ")", 490},
		{"1", " + 1", "", "", 9900},
		{"a", " OR b = c AND d", "", "", 9900},
		{"a", " IS NULL", "", "", 490},
		{"a", "::int", "", "", 490},
		{"a", " IN (a)", "", "", 490},
	} {
		var trees int
		text := c.head + strings.Repeat(c.repeat, c.n) + c.tail + strings.Repeat(c.end, c.n)
		if err := printsToItself(text, &trees); err != nil || trees == 0 {
			_, err := Expression(text)
			t.Errorf("%q %d times: %.300v", c.repeat, c.n, err)
		}
	}
}

func TestManyValuesAreNotDeep(t *testing.T) {
	if _, err := Expression("a IN (" + strings.Repeat("1, ", 100_000) + "1)"); err != nil {
		t.Error(err)
	}
}
