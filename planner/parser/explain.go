package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// explain reads EXPLAIN and the statement behind it.
func (p *parser) explain() (ast.Statement, error) {
	s := &ast.Explain{At: p.now.at}
	p.advance()
	var err error
	if p.is(openParen) && p.beginsNames() {
		err = p.explainOptions(s)
	} else {
		s.Analyze = p.takeWord(token.Analyze) || p.takeWord(token.Analyse)
		s.Verbose = p.takeWord(token.Verbose)
	}
	if err != nil {
		return nil, err
	}
	first := p.now
	outer, err := p.enter()
	if err != nil {
		return nil, err
	}
	if s.Statement, err = p.statement(); err != nil {
		return nil, err
	}
	switch s.Statement.(type) {
	case *ast.Query, *ast.Insert, *ast.Update, *ast.Delete, *ast.CreateTable:
		return s, p.leave(outer, s.At)
	default:
		return nil, p.fail(sqlstate.SyntaxError, first, "only queries and what changes rows can be explained", "")
	}
}

// explainOptions reads (ANALYZE, FORMAT JSON) and the like.
func (p *parser) explainOptions(s *ast.Explain) error {
	p.advance()
	for {
		name := p.now
		if name.kind == word {
			p.advance()
		}
		var err error
		switch {
		case name.kind == word && name.text == "format":
			s.JSON, err = p.format()
		case name.kind == word && (name.keyword == token.Analyze || name.keyword == token.Analyse):
			s.Analyze, err = p.onOff()
		case name.kind == word && name.keyword == token.Verbose:
			s.Verbose, err = p.onOff()
		case name.kind == word && name.text == "costs":
			s.NoCosts, err = p.onOff()
			s.NoCosts = !s.NoCosts
		default:
			return p.fail(sqlstate.SyntaxError, name, "there is no such option of EXPLAIN", "there are ANALYZE, VERBOSE, COSTS and FORMAT")
		}
		if err != nil {
			return err
		}
		if !p.take(comma) {
			return p.want(closeParen, ") or a comma")
		}
	}
}

// format reads TEXT or JSON, and reports whether it is JSON.
func (p *parser) format() (bool, error) {
	if p.takeText("text") {
		return false, nil
	}
	if !p.takeText("json") {
		return false, p.unexpected("TEXT or JSON")
	}
	return true, nil
}

// onOff reads whether an option is on; nothing means that it is.
func (p *parser) onOff() (bool, error) {
	switch {
	case p.is(comma), p.is(closeParen):
		return true, nil
	case p.takeWord(token.True), p.takeWord(token.On):
		return true, nil
	case p.takeWord(token.False), p.takeText("off"):
		return false, nil
	case p.now.kind == integer && (p.now.text == "1" || p.now.text == "0"):
		on := p.now.text == "1"
		p.advance()
		return on, nil
	default:
		return false, p.unexpected("ON or OFF")
	}
}

// analyze reads ANALYZE.
func (p *parser) analyze() (ast.Statement, error) {
	s := &ast.Analyze{At: p.now.at}
	p.advance()
	p.takeWord(token.Verbose)
	if !p.isName() {
		return s, nil
	}
	for {
		var t ast.AnalyzeTable
		var err error
		if t.Relation, err = p.relation("a table"); err != nil {
			return nil, err
		}
		if t.Columns, err = p.optionalNames("a column"); err != nil {
			return nil, err
		}
		if s.Tables = append(s.Tables, t); !p.take(comma) {
			return s, nil
		}
	}
}
