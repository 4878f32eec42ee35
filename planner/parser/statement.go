package parser

import (
	"slices"
	"strings"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// Statement reads a text that is one statement, perhaps with a semicolon behind it. The error is an [*sqlstate.Error].
// Safe for concurrent use.
func Statement(text string) (ast.Statement, error) {
	p := parser{lex: lexer{src: text}}
	p.advance()
	if p.now.kind == end || p.is(semicolon) {
		return nil, p.fail(sqlstate.SyntaxError, p.now, "there is no statement", "")
	}
	s, err := p.whole()
	if err != nil {
		return nil, err
	}
	if p.take(semicolon) && p.now.kind != end {
		if p.now.kind == invalid {
			return nil, p.lex.err
		}
		return nil, p.fail(sqlstate.SyntaxError, p.now, "there is more than one statement", "")
	}
	return s, nil
}

// whole reads a statement, behind which there must be a semicolon or the end.
func (p *parser) whole() (ast.Statement, error) {
	s, err := p.statement()
	if err != nil {
		return nil, err
	}
	if p.now.kind != end && !p.is(semicolon) {
		return nil, p.unexpected("the end of the statement")
	}
	return s, nil
}

// statement reads any statement.
func (p *parser) statement() (ast.Statement, error) {
	switch {
	case p.is(openParen):
		return p.query()
	case p.now.kind != word:
		return nil, p.unexpected("a statement")
	}
	switch p.now.text {
	case "select", "values", "table":
		return p.query()
	case "with":
		return p.withStatement()
	case "insert", "replace":
		return p.insert(nil)
	case "update":
		return p.update(nil)
	case "delete":
		return p.remove(nil)
	case "create":
		return p.create()
	case "alter":
		return p.alter()
	case "drop":
		return p.drop()
	case "truncate":
		return p.truncate()
	default:
		return p.sessionStatement()
	}
}

// sessionStatement reads a statement that is not about tables.
func (p *parser) sessionStatement() (ast.Statement, error) {
	switch p.now.text {
	case "begin", "start":
		return p.begin()
	case "commit", "end":
		return p.commit()
	case "rollback", "abort":
		return p.rollback()
	case "savepoint":
		return p.savepoint()
	case "release":
		return p.release()
	case "explain":
		return p.explain()
	case "analyze", "analyse":
		return p.analyze()
	case "copy":
		return p.copyTable()
	case "set":
		return p.set()
	case "reset":
		return p.reset()
	case "show":
		return p.show()
	case "reindex":
		return p.reindex()
	default:
		return nil, p.noStatement()
	}
}

// starts are the words that statements begin with.
var starts = strings.Fields(`SELECT VALUES TABLE WITH INSERT REPLACE UPDATE DELETE CREATE ALTER DROP TRUNCATE BEGIN START COMMIT
	END ROLLBACK ABORT SAVEPOINT RELEASE EXPLAIN ANALYZE COPY SET RESET SHOW REINDEX`)

// unsupported are the words that statements of PostgreSQL begin with that there are not here.
var unsupported = strings.Fields(`call checkpoint close cluster comment deallocate declare discard do execute fetch grant import
	listen load lock merge move notify prepare reassign refresh revoke security unlisten vacuum pragma attach detach`)

// noStatement returns the error for what begins with another word.
func (p *parser) noStatement() error {
	if slices.Contains(unsupported, p.now.text) {
		return p.fail(sqlstate.NotSupported, p.now, strings.ToUpper(p.now.text)+" is not supported", "")
	}
	for _, s := range starts {
		if near(p.now.text, strings.ToLower(s)) {
			return p.fail(sqlstate.SyntaxError, p.now, "syntax error at "+quoteForMessage(p.source(p.now))+": expected a statement",
				"perhaps "+s+" was meant")
		}
	}
	return p.unexpected("a statement")
}

// withStatement reads a statement that begins with WITH.
func (p *parser) withStatement() (ast.Statement, error) {
	at := p.now.at
	outer, err := p.enter()
	if err != nil {
		return nil, err
	}
	with, err := p.with()
	if err != nil {
		return nil, err
	}
	var s ast.Statement
	switch {
	case p.isText("insert"), p.isText("replace"):
		s, err = p.insert(with)
	case p.isText("update"):
		s, err = p.update(with)
	case p.isText("delete"):
		s, err = p.remove(with)
	default:
		s, err = p.queryBehind(with, at)
	}
	if err != nil {
		return nil, err
	}
	return s, p.leave(outer, at)
}

// enter begins a level of what is within a statement: a query, a join. It returns what leave wants.
func (p *parser) enter() (size, error) {
	if p.depth++; p.depth > maxDepth {
		return size{}, p.tooComplex(p.now.at)
	}
	outer := p.within
	p.within = size{}
	return outer, nil
}

// leave ends a level, counts it to the one around it, and keeps its size as that of an expression.
func (p *parser) leave(outer size, at int) error {
	p.depth--
	s := above(p.within)
	p.within = larger(outer, s)
	if p.last = s; s.height > maxHeight || s.nesting > maxNesting {
		return p.tooComplex(at)
	}
	return nil
}

// value reads any expression, and counts it to what it stands in.
func (p *parser) value() (ast.Expr, error) {
	e, err := p.expression(0)
	p.within = larger(p.within, p.last)
	return e, err
}

// values reads expressions with commas between them.
func (p *parser) values() ([]ast.Expr, error) {
	list, s, err := p.several()
	p.within = larger(p.within, s)
	return list, err
}

// optional reads an expression into e if the keyword is in front.
func (p *parser) optional(k token.Keyword, e *ast.Expr) (err error) {
	if p.takeWord(k) {
		*e, err = p.value()
	}
	return err
}

// isText reports whether the token in front is the word, which is in lower case.
func (p *parser) isText(s string) bool { return p.now.kind == word && p.now.text == s }

// takeText goes on if the token in front is the word, and reports whether it was.
func (p *parser) takeText(s string) bool {
	if !p.isText(s) {
		return false
	}
	p.advance()
	return true
}

// wantText takes words one after the other, or fails.
func (p *parser) wantText(words ...string) error {
	for _, s := range words {
		if !p.takeText(s) {
			return p.unexpected(strings.ToUpper(s))
		}
	}
	return nil
}

// followedBy reports whether the token behind the one in front is the word.
func (p *parser) followedBy(s string) bool {
	next := p.peek()
	return next.kind == word && next.text == s
}

// ifExists reads IF EXISTS.
func (p *parser) ifExists() (bool, error) {
	if next := p.peek(); !p.isText("if") || next.kind != word || next.text != "exists" && !near(next.text, "exists") {
		return false, nil
	}
	return true, p.wantText("if", "exists")
}

// ifNotExists reads IF NOT EXISTS.
func (p *parser) ifNotExists() (bool, error) {
	if !p.isText("if") || !p.followedBy("not") {
		return false, nil
	}
	return true, p.wantText("if", "not", "exists")
}

// isName reports whether the token in front can be the name of a column or table.
func (p *parser) isName() bool {
	return p.now.kind == quotedName || p.now.kind == word && p.now.keyword.Class() <= token.ColumnName
}

// anyName reads a name; what says of what.
func (p *parser) anyName(what string) (ast.Name, error) {
	n := ast.Name{At: p.now.at, Name: p.now.text}
	if !p.isName() {
		return n, p.unexpected(what)
	}
	p.advance()
	return n, nil
}

// names reads names in parentheses.
func (p *parser) names(what string) ([]ast.Name, error) {
	if err := p.want(openParen, "("); err != nil {
		return nil, err
	}
	var list []ast.Name
	for {
		n, err := p.anyName(what)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if !p.take(comma) {
			return list, p.want(closeParen, ") or a comma")
		}
	}
}

// optionalNames reads names in parentheses if there are any.
func (p *parser) optionalNames(what string) ([]ast.Name, error) {
	if !p.is(openParen) {
		return nil, nil
	}
	return p.names(what)
}

// relation reads the name of a table, perhaps with a schema before it.
func (p *parser) relation(what string) (ast.Relation, error) {
	n, err := p.anyName(what)
	r := ast.Relation{At: n.At, Name: n.Name}
	if err != nil || !p.take(dot) {
		return r, err
	}
	if p.now.kind != word && p.now.kind != quotedName {
		return r, p.unexpected(what)
	}
	r.Schema, r.Name = r.Name, p.now.text
	p.advance()
	if p.is(dot) {
		return r, p.fail(sqlstate.NotSupported, tok{at: n.At}, "other databases cannot be named", "write only the schema and the table")
	}
	return r, nil
}

// relations reads names of tables with commas between them.
func (p *parser) relations(what string) ([]ast.Relation, error) {
	var list []ast.Relation
	for {
		r, err := p.relation(what)
		if err != nil {
			return nil, err
		}
		if list = append(list, r); !p.take(comma) {
			return list, nil
		}
	}
}

// cascade reads CASCADE or RESTRICT.
func (p *parser) cascade() bool {
	return !p.takeText("restrict") && p.takeText("cascade")
}
