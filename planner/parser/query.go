package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// beginsQuery reports whether a query begins with the token in front. It may also begin with a parenthesis.
func (p *parser) beginsQuery() bool {
	if p.now.kind != word {
		return false
	}
	switch p.now.keyword {
	case token.Select, token.With, token.Table:
		return true
	case token.Values:
		return p.before('(')
	default:
		return false
	}
}

// query reads a query, up to what does not belong to it.
func (p *parser) query() (*ast.Query, error) {
	at := p.now.at
	outer, err := p.enter()
	if err != nil {
		return nil, err
	}
	var with *ast.With
	if p.isWord(token.With) {
		if with, err = p.with(); err != nil {
			return nil, err
		}
	}
	q, err := p.queryBehind(with, at)
	if err != nil {
		return nil, err
	}
	return q, p.leave(outer, at)
}

// queryBehind reads what follows WITH.
func (p *parser) queryBehind(with *ast.With, at int) (*ast.Query, error) {
	first, err := p.primaryBody()
	if err != nil {
		return nil, err
	}
	return p.queryAround(first, with, at)
}

// queryAround reads what follows the first body.
func (p *parser) queryAround(first ast.Body, with *ast.With, at int) (*ast.Query, error) {
	body, err := p.operations(first)
	if err != nil {
		return nil, err
	}
	q := &ast.Query{At: at, With: with, Body: body}
	if err = p.queryTail(q); err != nil {
		return nil, err
	}
	if inner, ok := q.Body.(*ast.Query); ok && bare(q) { // nothing but parentheses around it
		return inner, nil
	}
	return q, nil
}

// bare reports whether the query is nothing but its body.
func bare(q *ast.Query) bool {
	return q.With == nil && q.OrderBy == nil && q.Limit == nil && q.Offset == nil
}

// unwrapped returns a query in parentheses as a body.
func unwrapped(q *ast.Query) ast.Body {
	if bare(q) {
		return q.Body
	}
	return q
}

// continued returns an expression, or what it is the beginning of if it is a query in parentheses.
func (p *parser) continued(e ast.Expr) (ast.Expr, error) {
	s, ok := e.(*ast.Subquery)
	if !ok || p.now.kind != word {
		return e, nil
	}
	switch p.now.keyword {
	case token.Union, token.Except, token.Intersect, token.Order, token.Limit, token.Offset, token.Fetch:
	default:
		return e, nil
	}
	q, err := p.goesOn(s.Query, s.At)
	if err != nil {
		return nil, err
	}
	return p.grown(&ast.Subquery{At: s.At, Query: q}, above(p.last))
}

// goesOn reads what follows a query in parentheses, which was read last.
func (p *parser) goesOn(first *ast.Query, at int) (*ast.Query, error) {
	before := p.last
	outer, err := p.enter()
	if err != nil {
		return nil, err
	}
	p.within = before
	q, err := p.queryAround(unwrapped(first), nil, at)
	if err != nil {
		return nil, err
	}
	return q, p.leave(outer, at)
}

// operations reads what UNION and its like join to a body.
func (p *parser) operations(left ast.Body) (ast.Body, error) {
	left, err := p.intersections(left)
	for err == nil && (p.isWord(token.Union) || p.isWord(token.Except)) {
		o := p.operation(left, ast.Union)
		if o.Right, err = p.primaryBody(); err == nil {
			o.Right, err = p.intersections(o.Right)
		}
		left = o
	}
	return left, err
}

// intersections reads what INTERSECT joins to a body.
func (p *parser) intersections(left ast.Body) (_ ast.Body, err error) {
	for err == nil && p.isWord(token.Intersect) {
		o := p.operation(left, ast.Intersect)
		o.Right, err = p.primaryBody()
		left = o
	}
	return left, err
}

// operation reads the word of an operation, and ALL.
func (p *parser) operation(left ast.Body, kind ast.SetOperator) *ast.SetOperation {
	if p.isWord(token.Except) {
		kind = ast.Except
	}
	o := &ast.SetOperation{At: p.now.at, Kind: kind, Left: left}
	p.within.height++
	p.advance()
	if o.All = p.takeWord(token.All); !o.All {
		p.takeWord(token.Distinct)
	}
	return o
}

// primaryBody reads a body without operations.
func (p *parser) primaryBody() (ast.Body, error) {
	switch {
	case p.take(openParen):
		q, err := p.query()
		if err != nil {
			return nil, err
		}
		return unwrapped(q), p.want(closeParen, ")")
	case p.isWord(token.Select):
		return p.selectBody()
	case p.isWord(token.Values):
		return p.valuesBody()
	case p.isWord(token.Table):
		return p.tableBody()
	default:
		return nil, p.unexpected("SELECT, VALUES or a query in parentheses")
	}
}

// tableBody reads TABLE name, which is SELECT * FROM name.
func (p *parser) tableBody() (ast.Body, error) {
	s := &ast.Select{At: p.now.at, Items: []ast.Item{{At: p.now.at, Expr: &ast.Star{At: p.now.at}}}}
	p.advance()
	r, err := p.relation("a table")
	s.From = []ast.Table{&ast.Named{At: r.At, Relation: r}}
	return s, err
}

// valuesBody reads VALUES and its rows.
func (p *parser) valuesBody() (ast.Body, error) {
	v := &ast.Values{At: p.now.at}
	p.advance()
	for {
		if err := p.want(openParen, "("); err != nil {
			return nil, err
		}
		row, err := p.valuesRow(len(v.Rows))
		if err != nil {
			return nil, err
		}
		if v.Rows = append(v.Rows, row); !p.take(comma) {
			return v, nil
		}
	}
}

// valuesRow reads a row behind its parenthesis.
func (p *parser) valuesRow(rows int) ([]ast.Expr, error) {
	var row []ast.Expr
	if rows > 0 {
		row = make([]ast.Expr, 0, 4)
	}
	for {
		e, err := p.valueOrDefault()
		if err != nil {
			return nil, err
		}
		if row = append(row, e); !p.take(comma) {
			return row, p.want(closeParen, ") or a comma")
		}
	}
}

// valueOrDefault reads an expression or DEFAULT.
func (p *parser) valueOrDefault() (ast.Expr, error) {
	if p.isWord(token.Default) {
		e := &ast.Default{At: p.now.at}
		p.advance()
		return e, nil
	}
	return p.value()
}

// queryTail reads ORDER BY, LIMIT and their like.
func (p *parser) queryTail(q *ast.Query) (err error) {
	if p.isWord(token.Order) {
		if q.OrderBy, err = p.orderBy(); err != nil {
			return err
		}
	}
	limited := false
	for err == nil && p.now.kind == word {
		switch p.now.keyword {
		case token.Limit, token.Fetch:
			if limited {
				return p.fail(sqlstate.SyntaxError, p.now, "there is a limit already", "")
			}
			limited = true
			err = p.limit(q)
		case token.Offset:
			if q.Offset != nil {
				return p.fail(sqlstate.SyntaxError, p.now, "there is an OFFSET already", "")
			}
			err = p.offset(q)
		case token.For:
			return p.fail(sqlstate.NotSupported, p.now, "FOR UPDATE and the like are not supported",
				"a SERIALIZABLE transaction sees to it that nothing it read has changed")
		default:
			return nil
		}
	}
	return err
}

// limit reads LIMIT or FETCH FIRST.
func (p *parser) limit(q *ast.Query) (err error) {
	if p.takeWord(token.Fetch) {
		return p.fetch(q)
	}
	p.advance()
	if p.takeWord(token.All) {
		return nil
	}
	if q.Limit, err = p.value(); err == nil && p.is(comma) {
		return p.fail(sqlstate.SyntaxError, p.now, "LIMIT has one number", "write LIMIT number OFFSET number")
	}
	return err
}

func (p *parser) offset(q *ast.Query) (err error) {
	p.advance()
	q.Offset, err = p.value()
	if !p.takeText("rows") {
		p.takeWord(token.Row)
	}
	return err
}

// fetch reads what follows FETCH.
func (p *parser) fetch(q *ast.Query) (err error) {
	if !p.takeText("first") && !p.takeText("next") {
		return p.unexpected("FIRST or NEXT")
	}
	if (p.isWord(token.Row) || p.isText("rows")) && !p.before('(') {
		q.Limit = &ast.Literal{At: p.now.at, Kind: ast.Integer, Text: "1"}
	} else {
		q.Limit, err = p.expression(ast.PrecedencePrimary)
		if err != nil {
			return err
		}
		p.within = larger(p.within, p.last)
	}
	if !p.takeWord(token.Row) && !p.takeText("rows") {
		return p.unexpected("ROWS")
	}
	if p.takeWord(token.With) {
		q.Ties = true
		return p.wantText("ties")
	}
	return p.wantWord(token.Only)
}

// with reads WITH and its queries.
func (p *parser) with() (*ast.With, error) {
	w := &ast.With{At: p.now.at}
	p.advance()
	if p.isText("recursive") {
		w.Recursive = !p.followedBy("as") && !p.before('(')
		if w.Recursive {
			p.advance()
		}
	}
	for {
		c, err := p.common()
		if err != nil {
			return nil, err
		}
		if w.Tables = append(w.Tables, c); !p.take(comma) {
			return w, nil
		}
	}
}

// common reads name (columns) AS (query).
func (p *parser) common() (c ast.Common, err error) {
	name, err := p.anyName("the name of a query")
	if err != nil {
		return c, err
	}
	c.At, c.Name = name.At, name.Name
	if c.Columns, err = p.optionalNames("a column"); err != nil {
		return c, err
	}
	if err = p.wantWord(token.As); err != nil {
		return c, err
	}
	switch {
	case p.takeText("materialized"):
		c.Mode = ast.Materialized
	case p.isWord(token.Not):
		if err = p.wantText("not", "materialized"); err != nil {
			return c, err
		}
		c.Mode = ast.NotMaterialized
	}
	if err = p.want(openParen, "("); err != nil {
		return c, err
	}
	if p.isText("insert") || p.isText("update") || p.isText("delete") {
		return c, p.fail(sqlstate.NotSupported, p.now, "statements that change rows are not supported within WITH", "")
	}
	if c.Query, err = p.query(); err != nil {
		return c, err
	}
	return c, p.want(closeParen, ")")
}
