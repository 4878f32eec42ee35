package parser

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/tests/environment"
)

// trees makes random ones of every kind that the parser makes.
type trees struct {
	*rand.Rand
	queries bool // there are some in expressions
}

func (r trees) maybe() bool { return r.IntN(2) == 0 }

var (
	names = []string{"a", "b2", "Name", "select", "left", "trim", "date", `qu"oted`, "mit leer", "größe", "e", "x", "$", "1st", "extract"}
	texts = []string{"", "it's", `back\slash`, "--", "/*", "%", "größe", "two\nlines", "$1", "?"}
	types = []string{"BIGINT", "DECIMAL(10,2)", "VARCHAR(7)", "DOUBLE PRECISION", "TIMESTAMPTZ", "DATE", "BYTEA", "JSON", "UUID", "BOOLEAN", "TEXT"}
)

func pick[T any](r trees, from []T) T { return from[r.IntN(len(from))] }

func (r trees) list(depth int) []ast.Expr {
	all := make([]ast.Expr, 1+r.IntN(3))
	for i := range all {
		all[i] = r.tree(depth)
	}
	return all
}

func (r trees) leaf() ast.Expr {
	switch k := r.IntN(14); {
	case k < 3:
		c := &ast.Column{Name: pick(r, names)}
		if r.maybe() {
			c.Table = pick(r, names)
		}
		return c
	case k == 3:
		return &ast.Parameter{Number: 1 + r.IntN(3)}
	case k == 4:
		return &ast.Call{Name: pick(r, []string{"current_date", "current_timestamp", "now", "Func", "extract", "count"}), Star: false}
	case k == 5:
		return &ast.Call{Name: "count", Star: true}
	default:
		l := &ast.Literal{Kind: ast.Kind(r.IntN(int(ast.Timestamp) + 1))}
		switch l.Kind {
		case ast.Null, ast.True, ast.False:
		case ast.Integer:
			l.Text = pick(r, []string{"0", "1", "007", "99999999999999999999999"})
		case ast.Decimal:
			l.Text = pick(r, []string{"1.5", ".5", "1.", "0.00"})
		case ast.Float:
			l.Text = pick(r, []string{"1e5", "1.5E-3", ".5e+1", "1.e9"})
		case ast.Bytes:
			l.Text = pick(r, []string{"", "\x00\xff", "abc"})
		default:
			l.Text = pick(r, texts)
		}
		return l
	}
}

func (r trees) tree(depth int) ast.Expr {
	if depth == 0 || r.IntN(8) == 0 {
		return r.leaf()
	}
	depth--
	if r.queries && r.IntN(4) == 0 {
		return r.queryExpression(depth)
	}
	switch r.IntN(13) {
	case 0, 1:
		return &ast.Unary{Sign: ast.Sign(r.IntN(3)), X: r.tree(depth)}
	case 2, 3, 4, 5:
		return &ast.Binary{Operator: ast.Operator(r.IntN(int(ast.HasKey) + 1)), Left: r.tree(depth), Right: r.tree(depth)}
	case 6:
		return &ast.Is{X: r.tree(depth), Not: r.maybe(), Truth: ast.Truth(r.IntN(4))}
	case 7:
		return &ast.Between{X: r.tree(depth), Low: r.tree(depth), High: r.tree(depth), Not: r.maybe()}
	case 8:
		e := &ast.In{X: r.tree(depth), List: r.list(depth), Not: r.maybe()}
		if _, ok := e.List[0].(*ast.Subquery); ok { // alone it would be the query of the IN
			e.List = append(e.List, r.leaf())
		}
		return e
	case 9:
		l := &ast.Like{X: r.tree(depth), Pattern: r.tree(depth), Not: r.maybe(), IgnoreCase: r.maybe()}
		if r.maybe() {
			l.Escape = r.tree(depth)
		}
		return l
	case 10:
		c := &ast.Case{}
		if r.maybe() {
			c.Operand = r.tree(depth)
		}
		if r.maybe() {
			c.Else = r.tree(depth)
		}
		for range 1 + r.IntN(2) {
			c.Whens = append(c.Whens, ast.When{Condition: r.tree(depth), Result: r.tree(depth)})
		}
		return c
	case 11:
		t, err := catalog.ParseType(pick(r, types))
		if err != nil {
			panic(err)
		}
		return &ast.Cast{X: r.tree(depth), Type: t}
	default:
		name := pick(r, []string{"f", "coalesce", "extract", "left", "Trim", "strpos", "select", "substring"})
		return &ast.Call{Name: name, Args: r.list(depth), Distinct: r.IntN(4) == 0}
	}
}

func TestRandomTreesPrintToTheSameTree(t *testing.T) {
	seed := environment.Seed(t)
	t.Logf("MIDDB_SEED=%d", seed)
	r := trees{rand.New(rand.NewPCG(seed, 1)), false}
	for i := range 5000 {
		e := r.tree(r.IntN(6))
		again, err := Expression(e.String())
		if err != nil {
			t.Fatalf("MIDDB_SEED=%d, tree %d, %s: %v", seed, i, e, err)
		}
		if dump(e) != dump(again) {
			t.Fatalf("MIDDB_SEED=%d, tree %d, %s:\n%s\nwas read as\n%s", seed, i, e, dump(e), dump(again))
		}
	}
}

// Tokens in any order must give a tree or an error, and a tree must print to itself.
func TestRandomTokens(t *testing.T) {
	seed := environment.Seed(t)
	r := trees{rand.New(rand.NewPCG(seed, 2)), false}
	words := strings.Fields(`a b . :: int ( ) ( ) , 1 2.5 1e3 'x' E'\\' X'00' $1 ? + - * / % || = <> < <= AND OR NOT IS NULL TRUE
		UNKNOWN DISTINCT FROM BETWEEN IN LIKE ILIKE ESCAPE CASE WHEN THEN ELSE END CAST AS DATE TIMESTAMP EXTRACT POSITION
		SUBSTRING TRIM BOTH FOR CURRENT_DATE ISNULL f( date 'y' WITH TIME ZONE "Q" -- /* */ ;`)
	trees := 0
	for i := range 30_000 {
		var b strings.Builder
		for range 1 + r.IntN(7) {
			b.WriteString(pick(r, words) + " ")
		}
		if err := printsToItself(b.String(), &trees); err != nil {
			t.Fatalf("MIDDB_SEED=%d, text %d: %v", seed, i, err)
		}
	}
	if trees < 300 {
		t.Errorf("only %d texts were expressions", trees)
	}
}

// printsToItself reads a text and, if it is an expression, what it prints as; and counts it.
func printsToItself(text string, trees *int) error {
	e, err := Expression(text)
	if err != nil {
		return checkError(err, text)
	}
	*trees++
	again, err := Expression(e.String())
	if err != nil {
		return fmt.Errorf("%q prints as %q: %w", text, e, err)
	}
	if dump(e) != dump(again) {
		return fmt.Errorf("%q prints as %q, which is another tree:\n%s\n%s", text, e, dump(e), dump(again))
	}
	if again.String() != e.String() {
		return fmt.Errorf("%q prints as %q, and then as %q", text, e, again)
	}
	return nil
}

// To rewrite a tree reaches every column once, and leaves the old tree alone.
func TestRewriteReachesEveryNode(t *testing.T) {
	seed := environment.Seed(t)
	r := trees{rand.New(rand.NewPCG(seed, 3)), true}
	for i := range 1000 {
		e := r.tree(r.IntN(6))
		before, nodes, rewritten := dump(e), 0, 0
		ast.Walk(e, func(ast.Expr) { nodes++ })
		to := ast.Rewrite(e, func(n ast.Expr) ast.Expr {
			rewritten++
			if c, ok := n.(*ast.Column); ok {
				c.Name = "renamed"
			}
			return n
		})
		ast.Walk(to, func(n ast.Expr) {
			if c, ok := n.(*ast.Column); ok && c.Name != "renamed" {
				t.Errorf("MIDDB_SEED=%d, tree %d, %s: a column kept its name", seed, i, e)
			}
		})
		if dump(e) != before || nodes != rewritten {
			t.Fatalf("MIDDB_SEED=%d, tree %d, %s: the tree has changed, or of %d nodes %d were rewritten", seed, i, e, nodes, rewritten)
		}
		same := ast.Rewrite(e, func(n ast.Expr) ast.Expr { return n })
		if dump(same) != before {
			t.Fatalf("MIDDB_SEED=%d, tree %d, %s: the copy is another tree", seed, i, e)
		}
	}
}
