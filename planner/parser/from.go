package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// tables reads what FROM lists.
func (p *parser) tables() ([]ast.Table, error) {
	list := make([]ast.Table, 0, 1)
	for {
		t, err := p.table()
		if err != nil {
			return nil, err
		}
		if list = append(list, t); !p.take(comma) {
			return list, nil
		}
	}
}

// table reads a table and what is joined to it.
func (p *parser) table() (ast.Table, error) {
	t, err := p.primaryTable()
	for err == nil && p.beginsJoin() {
		p.within.height++
		t, err = p.join(t)
	}
	return t, err
}

// beginsJoin reports whether the token in front goes on with a table.
func (p *parser) beginsJoin() bool {
	if p.now.kind != word {
		return false
	}
	switch p.now.keyword {
	case token.Join, token.Inner, token.Left, token.Right, token.Full, token.Cross, token.Natural:
		return true
	default:
		return false
	}
}

// join reads a join, whose left side was read.
func (p *parser) join(left ast.Table) (ast.Table, error) {
	j := &ast.Join{At: p.now.at, Left: left}
	j.Natural = p.takeWord(token.Natural)
	if err := p.joinKind(j); err != nil {
		return nil, err
	}
	outer, err := p.enter()
	if err != nil {
		return nil, err
	}
	if j.Right, err = p.primaryTable(); err != nil {
		return nil, err
	}
	if j.Natural || j.Kind == ast.Cross {
		return j, p.leave(outer, j.At)
	}
	for p.beginsJoin() { // a JOIN b JOIN c ON ... ON ...: the second one is inside
		if j.Right, err = p.join(j.Right); err != nil {
			return nil, err
		}
		p.within.nesting += 2 // it is printed in parentheses
	}
	if err = p.joinCondition(j); err != nil {
		return nil, err
	}
	return j, p.leave(outer, j.At)
}

// joinKind reads the words of a join.
func (p *parser) joinKind(j *ast.Join) error {
	switch {
	case p.takeWord(token.Inner):
	case p.takeWord(token.Left):
		j.Kind = ast.Left
	case p.takeWord(token.Right):
		j.Kind = ast.Right
	case p.takeWord(token.Full):
		j.Kind = ast.Full
	case !j.Natural && p.takeWord(token.Cross):
		j.Kind = ast.Cross
	}
	if j.Kind != ast.Inner && j.Kind != ast.Cross {
		p.takeWord(token.Outer)
	}
	return p.wantWord(token.Join)
}

// joinCondition reads ON or USING.
func (p *parser) joinCondition(j *ast.Join) (err error) {
	switch {
	case p.takeWord(token.On):
		j.On, err = p.value()
	case p.takeWord(token.Using):
		j.Using, err = p.names("a column")
	default:
		err = p.unexpected("ON or USING")
	}
	return err
}

// primaryTable reads a table without joins.
func (p *parser) primaryTable() (ast.Table, error) {
	at := p.now.at
	if p.takeWord(token.Lateral) {
		return p.lateral(at)
	}
	if p.is(openParen) {
		return p.tableInParentheses()
	}
	if p.beginsQuery() {
		return nil, p.fail(sqlstate.SyntaxError, p.now, "a query in a FROM must be in parentheses", p.hint("a table"))
	}
	if p.isFunction() {
		return p.tableFunction(at, false)
	}
	r, err := p.relation("a table")
	if err != nil {
		return nil, err
	}
	t := &ast.Named{At: r.At, Relation: r}
	t.Alias, err = p.alias()
	return t, err
}

// isFunction reports whether the call of a function is in front.
func (p *parser) isFunction() bool {
	switch p.now.kind {
	case quotedName:
	case word:
		if p.isWord(token.CurrentDate) || p.isWord(token.CurrentTimestamp) {
			return true
		}
		if p.now.keyword.Class() == token.Reserved {
			return false
		}
	default:
		return false
	}
	return p.before('(')
}

func (p *parser) lateral(at int) (ast.Table, error) {
	if !p.is(openParen) {
		return p.tableFunction(at, true)
	}
	p.advance()
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if err = p.want(closeParen, ")"); err != nil {
		return nil, err
	}
	t := &ast.Derived{At: at, Lateral: true, Query: q}
	t.Alias, err = p.alias()
	return t, err
}

func (p *parser) tableFunction(at int, lateral bool) (ast.Table, error) {
	e, err := p.prefix()
	if err != nil {
		return nil, err
	}
	p.within = larger(p.within, p.last)
	call, ok := e.(*ast.Call)
	if !ok {
		return nil, p.fail(sqlstate.SyntaxError, tok{at: e.Place()}, "a FROM lists tables, functions and queries in parentheses", "")
	}
	t := &ast.Function{At: at, Lateral: lateral, Call: call}
	if p.isWord(token.With) && p.followedBy("ordinality") {
		p.advance()
		p.advance()
		t.Ordinality = true
	}
	t.Alias, err = p.alias()
	return t, err
}

// tableInParentheses reads a query, or a join, in them.
func (p *parser) tableInParentheses() (ast.Table, error) {
	at := p.now.at
	p.advance()
	if p.beginsQuery() {
		q, err := p.query()
		if err != nil {
			return nil, err
		}
		return p.derived(at, q)
	}
	outer, err := p.enter()
	if err != nil {
		return nil, err
	}
	t, err := p.table()
	if err != nil {
		return nil, err
	}
	if err = p.leave(outer, at); err != nil {
		return nil, err
	}
	if d, ok := t.(*ast.Derived); ok && d.Alias == nil && !d.Lateral { // ((SELECT ...) UNION ...)
		if d.Query, err = p.goesOn(d.Query, at); err != nil {
			return nil, err
		}
		return p.derived(at, d.Query)
	}
	if err = p.want(closeParen, ") or a join"); err != nil {
		return nil, err
	}
	if j, ok := t.(*ast.Join); ok && j.Alias == nil {
		j.Alias, err = p.alias()
	}
	return t, err
}

// derived reads what follows a query in parentheses.
func (p *parser) derived(at int, q *ast.Query) (ast.Table, error) {
	err := p.want(closeParen, ")")
	if err != nil {
		return nil, err
	}
	d := &ast.Derived{At: at, Query: q}
	d.Alias, err = p.alias()
	return d, err
}

// alias reads [AS] name [(columns)], or returns nil.
func (p *parser) alias() (*ast.Alias, error) {
	at := p.now.at
	if !p.takeWord(token.As) && !p.isName() {
		return nil, nil
	}
	n, err := p.anyName("a name")
	if err != nil {
		return nil, err
	}
	a := &ast.Alias{At: at, Name: n.Name}
	a.Columns, err = p.optionalNames("a column")
	return a, err
}
