package parser

import (
	"strings"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/token"
)

// subquery reads a query as an expression, behind its parenthesis.
func (p *parser) subquery(at int) (ast.Expr, error) {
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	s := above(p.last)
	if err = p.want(closeParen, ")"); err != nil {
		return nil, err
	}
	return p.grown(&ast.Subquery{At: at, Query: q}, s)
}

// queryInParentheses reads what EXISTS and its like have behind them, and returns the size that they have with it.
func (p *parser) queryInParentheses() (*ast.Query, size, error) {
	if err := p.want(openParen, "( and a query"); err != nil {
		return nil, size{}, err
	}
	q, err := p.query()
	s := above(p.last)
	if err != nil {
		return nil, s, err
	}
	return q, s, p.want(closeParen, ")")
}

func (p *parser) exists() (ast.Expr, error) {
	at := p.now.at
	p.advance()
	q, s, err := p.queryInParentheses()
	if err != nil {
		return nil, err
	}
	return p.grown(&ast.Exists{At: at, Query: q}, s)
}

// inQuery reads the query of an IN, behind its parenthesis.
func (p *parser) inQuery(left ast.Expr, before size, not bool, at int) (ast.Expr, error) {
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	s := above(before, p.last)
	if err = p.want(closeParen, ")"); err != nil {
		return nil, err
	}
	return p.grown(&ast.In{At: at, X: left, Query: q, Not: not}, s)
}

// quantified reads ANY (query) or ALL (query), behind an operator.
func (p *parser) quantified(left ast.Expr, o ast.Operator, at int) (ast.Expr, error) {
	before := p.last
	if o < ast.Equal || o > ast.GreaterEqual {
		return nil, p.unexpected("an expression")
	}
	e := &ast.Quantified{At: at, X: left, Operator: o, All: p.isWord(token.All)}
	p.advance()
	var s size
	var err error
	if e.Query, s, err = p.queryInParentheses(); err != nil {
		return nil, err
	}
	if p.infix() == ast.PrecedenceCompare {
		return nil, p.chained(o)
	}
	return p.grown(e, larger(s, above(before)))
}

// row reads a row: what follows its first expression, or its parenthesis if first is nil.
func (p *parser) row(at int, first ast.Expr) (ast.Expr, error) {
	e, s := &ast.Row{At: at}, p.last
	if first != nil {
		e.List = append(e.List, first)
	} else {
		s = size{}
	}
	p.advance()
	if first == nil && p.take(closeParen) { // ROW()
		return p.grown(e, above(s))
	}
	list, most, err := p.list()
	if err != nil {
		return nil, err
	}
	e.List = append(e.List, list...)
	return p.grown(e, above(s, most))
}

// units are the words of an interval, from the longest to the shortest.
var units = []string{"year", "month", "day", "hour", "minute", "second"}

// interval reads INTERVAL 'text' and its unit.
func (p *parser) interval() (ast.Expr, error) {
	e := &ast.Interval{At: p.now.at}
	p.advance()
	e.Text = p.now.text
	p.advance()
	p.last = size{}
	from := p.unit()
	if from < 0 {
		return e, nil
	}
	e.Unit = strings.ToUpper(units[from])
	p.advance()
	if !p.isWord(token.To) {
		return e, nil
	}
	p.advance()
	to := p.unit()
	if to <= from || (from < 2) != (to < 2) {
		return nil, p.unexpected("a smaller unit, such as in YEAR TO MONTH or DAY TO SECOND")
	}
	e.Unit += " TO " + strings.ToUpper(units[to])
	p.advance()
	return e, nil
}

// unit returns the number of the unit in front, or -1.
func (p *parser) unit() int {
	if p.now.kind == word {
		for i, u := range units {
			if p.now.text == u {
				return i
			}
		}
	}
	return -1
}
