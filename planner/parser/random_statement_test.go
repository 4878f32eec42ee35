package parser

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/tests/environment"
)

func (r trees) target(columns bool) ast.Named {
	n := ast.Named{Relation: r.relation(), Alias: r.alias()}
	if n.Alias != nil && !columns {
		n.Alias.Columns = nil
	}
	return n
}

func (r trees) assignments(depth int) []ast.Assignment {
	return some(r, 1, func() ast.Assignment {
		a := ast.Assignment{Columns: some(r, 1, r.named)}
		switch {
		case len(a.Columns) == 1 && r.maybe():
			a.Value = &ast.Default{}
		case len(a.Columns) == 1:
			a.Value = r.tree(depth)
		case r.maybe():
			a.Value = &ast.Subquery{Query: r.query(depth)}
		default:
			row := &ast.Row{List: []ast.Expr{&ast.Default{}}}
			for len(row.List) < len(a.Columns) {
				row.List = append(row.List, r.tree(depth))
			}
			a.Value = row
		}
		return a
	})
}

func (r trees) insertion(depth int) ast.Statement {
	s := &ast.Insert{
		Replace: r.IntN(5) == 0, Table: r.target(false), Columns: some(r, 0, r.named), Override: ast.Overriding(r.IntN(3)),
		With: perhaps(r, func() *ast.With { return r.with(depth) }),
	}
	if r.IntN(6) > 0 || len(s.Columns) > 0 || s.Override > 0 {
		s.Query = r.query(depth)
		if v, ok := s.Query.Body.(*ast.Values); ok {
			v.Rows = append(v.Rows, []ast.Expr{&ast.Default{}})
		}
	}
	if r.maybe() {
		c := &ast.Conflict{Update: r.maybe()}
		switch r.IntN(3) {
		case 0:
			c.Columns = some(r, 1, func() ast.IndexColumn { return r.indexColumn(depth) })
			c.Only = perhaps(r, func() ast.Expr { return r.tree(depth) })
		case 1:
			c.Constraint = r.ident()
		default:
			c.Update = false
		}
		if c.Update {
			c.Set = r.assignments(depth)
			c.Where = perhaps(r, func() ast.Expr { return r.tree(depth) })
		}
		s.Conflict = c
	}
	s.Returning = r.items(0, depth)
	return s
}

func (r trees) modes() ast.Modes {
	return ast.Modes{Isolation: ast.Isolation(r.IntN(5)), Access: ast.Access(r.IntN(3)), Deferrable: r.maybe()}
}

func (r trees) option() ast.Option {
	o := ast.Option{Name: r.ident()}
	switch r.IntN(4) {
	case 0:
		o.Text, o.Value = true, pick(r, texts)
	case 1:
		o.Names = some(r, 1, r.named)
	case 2:
		o.Star = true
	}
	return o
}

func (r trees) session(depth int) ast.Statement {
	switch r.IntN(13) {
	case 0:
		return &ast.Begin{Modes: r.modes()}
	case 1:
		return &ast.Commit{}
	case 2:
		return &ast.Rollback{To: perhaps(r, func() *ast.Name { n := r.named(); return &n })}
	case 3:
		return &ast.Savepoint{Name: r.named()}
	case 4:
		return &ast.Release{Name: r.named()}
	case 5:
		m := r.modes()
		m.Access = ast.ReadOnly
		return &ast.SetTransaction{Session: r.maybe(), Modes: m}
	case 6:
		return &ast.Set{
			Local: r.maybe(), Name: r.ident() + perhaps(r, func() string { return "." + r.ident() }),
			Values: some(r, 0, func() ast.SetValue { return ast.SetValue{Text: pick(r, texts)} }),
		}
	case 7:
		return &ast.Show{Name: perhaps(r, r.ident)}
	case 8:
		return &ast.Explain{
			Analyze: r.maybe(), Verbose: r.maybe(), JSON: r.maybe(), NoCosts: r.maybe(), Statement: r.insertion(depth),
		}
	case 9:
		return &ast.Analyze{Tables: some(r, 0, func() ast.AnalyzeTable {
			return ast.AnalyzeTable{Relation: r.relation(), Columns: some(r, 0, r.named)}
		})}
	case 10:
		c := &ast.Copy{From: r.maybe(), File: perhaps(r, func() string { return "it's" }), Options: some(r, 0, r.option)}
		if !c.From && r.maybe() {
			c.Query = r.query(depth)
			return c
		}
		rel := r.relation()
		c.Table, c.Columns = &rel, some(r, 0, r.named)
		return c
	case 11:
		rel := r.relation()
		return &ast.Reindex{Kind: pick(r, []ast.Object{ast.IndexObject, ast.TableObject}), Name: &rel}
	default:
		return &ast.Truncate{Tables: some(r, 1, r.relation), RestartIdentity: r.maybe(), Cascade: r.maybe()}
	}
}

func (r trees) statement(depth int) ast.Statement {
	switch r.IntN(10) {
	case 0:
		return r.insertion(depth)
	case 1:
		return &ast.Update{
			Table: r.target(false), Set: r.assignments(depth), From: some(r, 0, func() ast.Table { return r.table(depth) }),
			With: perhaps(r, func() *ast.With { return r.with(depth) }), Where: perhaps(r, func() ast.Expr { return r.tree(depth) }),
			Returning: r.items(0, depth),
		}
	case 2:
		return &ast.Delete{
			Table: r.target(false), Using: some(r, 0, func() ast.Table { return r.table(depth) }),
			With: perhaps(r, func() *ast.With { return r.with(depth) }), Where: perhaps(r, func() ast.Expr { return r.tree(depth) }),
			Returning: r.items(0, depth),
		}
	case 3, 4:
		return r.creation(depth)
	case 5:
		return r.alteration(depth)
	case 6:
		kinds := []ast.Object{ast.TableObject, ast.IndexObject, ast.ViewObject, ast.SequenceObject}
		return &ast.Drop{Kind: pick(r, kinds), IfExists: r.maybe(), Names: some(r, 1, r.relation), Cascade: r.maybe()}
	case 7:
		return r.session(depth)
	default:
		return r.query(depth)
	}
}

func TestRandomStatementsPrintToTheSameTree(t *testing.T) {
	seed := environment.Seed(t)
	t.Logf("MIDDB_SEED=%d", seed)
	r := trees{rand.New(rand.NewPCG(seed, 4)), true}
	for i := range 2000 {
		s := r.statement(r.IntN(4))
		text := s.String()
		again, err := Statement(text)
		if err != nil {
			t.Fatalf("MIDDB_SEED=%d, statement %d, %s: %v", seed, i, text, err)
		}
		if dumpStatement(s) != dumpStatement(again) {
			t.Fatalf("MIDDB_SEED=%d, statement %d, %s:\n%s\nwas read as\n%s", seed, i, text, dumpStatement(s), dumpStatement(again))
		}
	}
}

// Words of statements in any order must give a tree or an error, and a tree must print to itself.
func TestRandomWords(t *testing.T) {
	seed := environment.Seed(t)
	r := trees{rand.New(rand.NewPCG(seed, 5)), true}
	words := strings.Fields(`SELECT SELECT SELECT * a b c . t u FROM FROM WHERE GROUP BY HAVING ORDER BY ASC DESC NULLS FIRST LIMIT 1 2
		OFFSET FETCH ROW ROWS ONLY WITH TIES UNION ALL INTERSECT EXCEPT ( ( ( ) ) ) , , VALUES AS DISTINCT ON JOIN LEFT CROSS NATURAL
		USING LATERAL f( EXISTS IN ANY = < + NOT NULL OVER PARTITION RANGE BETWEEN AND UNBOUNDED PRECEDING FILTER WINDOW INTERVAL
		'1' DAY TO -> ? CASE WHEN THEN END DEFAULT SET INSERT INTO UPDATE DELETE RETURNING CONFLICT DO NOTHING CREATE TABLE INT TEXT
		PRIMARY KEY CHECK REFERENCES UNIQUE INDEX VIEW ALTER ADD DROP COLUMN RENAME IF EXPLAIN ANALYZE COPY STDIN SHOW BEGIN RECURSIVE`)
	starts := []string{"SELECT", "SELECT a FROM t", "INSERT INTO t", "UPDATE t SET a = 1", "CREATE TABLE t (", "WITH t AS (", "", "EXPLAIN", "ALTER TABLE t"}
	read := 0
	for i := range 20_000 {
		var b strings.Builder
		b.WriteString(pick(r, starts) + " ")
		for range r.IntN(9) {
			b.WriteString(pick(r, words) + " ")
		}
		if err := printsToStatement(b.String(), &read); err != nil {
			t.Fatalf("MIDDB_SEED=%d, text %d: %v", seed, i, err)
		}
	}
	if read < 500 {
		t.Errorf("only %d texts were statements", read)
	}
}

// A statement with one piece lost, doubled or replaced is another one, or an error.
func TestDamagedStatementsAreRefusedOrRead(t *testing.T) {
	seed := environment.Seed(t)
	r := trees{rand.New(rand.NewPCG(seed, 6)), true}
	for i := range 1500 {
		text := r.statement(r.IntN(3)).String()
		from := r.IntN(len(text))
		to := min(len(text), from+r.IntN(6))
		damaged := text[:from] + pick(r, []string{"", ")", "(", ",", "'", text[from:to] + text[from:to], " "}) + text[to:]
		if err := printsToStatement(damaged, new(int)); err != nil {
			t.Fatalf("MIDDB_SEED=%d, text %d: %v", seed, i, err)
		}
		if len(Split(damaged)) == 0 && strings.TrimSpace(damaged) != "" && !strings.Contains(damaged, "--") {
			t.Fatalf("MIDDB_SEED=%d: %q has no parts", seed, damaged)
		}
	}
}

// Whatever repeats a thing many times in a statement is read, or refused, without much stack.
func TestDepthOfStatementsIsLimited(t *testing.T) {
	for _, c := range []struct{ head, repeat, tail, end string }{
		{"", "(", "SELECT 1", ")"},
		{"SELECT ", "(SELECT ", "1", ")"},
		{"SELECT ", "((SELECT ", "1", "))"},
		{"SELECT * FROM ", "(SELECT * FROM ", "t", ") AS t"},
		{"SELECT * FROM ", "(", "t JOIN u USING (a)", ")"},
		{"SELECT * FROM ", "t JOIN ", "t", " ON a"},
		{"SELECT * FROM ", "(t CROSS JOIN ", "t", ")"},
		{"SELECT * FROM t", " JOIN t ON a", "", ""},
		{"SELECT * FROM t", ", t", "", ""},
		{"SELECT 1", " UNION SELECT 1", "", ""},
		{"", "SELECT 1 UNION (", "SELECT 1", ")"},
		{"", "(SELECT 1 UNION ", "SELECT 1", ")"},
		{"SELECT ", "EXISTS (SELECT ", "1", ")"},
		{"SELECT ", "a IN (SELECT ", "1", ")"},
		{"SELECT ", "a = ANY (SELECT ", "1", ")"},
		{"SELECT ", "f(a ORDER BY ", "1", ")"},
		{"SELECT ", "f() OVER (ORDER BY ", "1", ")"},
		{"SELECT ", "ROW(", "1", ")"},
		{"", "WITH a AS (", "SELECT 1", ") SELECT 1"},
		{"", "EXPLAIN ", "SELECT 1", ""},
		{"SELECT a", " -> b", "", ""},
	} {
		for _, n := range []int{100, 400, 900, 1900, 20_000} {
			text := c.head + strings.Repeat(c.repeat, n) + c.tail + strings.Repeat(c.end, n)
			_, err := Statement(text)
			switch {
			case err == nil:
				err = printsToItselfFast(text)
			case n > 100 || c.repeat == "EXPLAIN ":
				err = checkError(err, text)
			}
			if err != nil {
				t.Errorf("%q %d times: %.300v", c.repeat, n, err)
			}
		}
	}
}
