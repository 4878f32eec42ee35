package parser

import (
	"slices"
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// foreignObjects are the kinds of objects that PostgreSQL or SQLite have and middb has not.
var foreignObjects = []string{
	"aggregate", "cast", "collation", "conversion", "database", "domain", "event", "extension", "foreign", "function", "group",
	"language", "materialized", "operator", "policy", "procedure", "publication", "role", "rule", "schema", "server", "statistics",
	"subscription", "tablespace", "trigger", "type", "user", "virtual",
}

// noObject returns the error for an object that cannot be made, changed or dropped.
func (p *parser) noObject(expected string) error {
	if p.now.kind == word && slices.Contains(foreignObjects, p.now.text) {
		return p.fail(sqlstate.NotSupported, p.now, "there is no "+strings.ToUpper(p.now.text)+" in middb", "")
	}
	return p.unexpected(expected)
}

// create reads CREATE.
func (p *parser) create() (ast.Statement, error) {
	at := p.now.at
	p.advance()
	replace := p.takeWord(token.Or)
	if replace {
		if err := p.wantText("replace"); err != nil {
			return nil, err
		}
	}
	temporary := p.takeText("temp") || p.takeText("temporary")
	switch {
	case p.isText("view"):
		return p.createView(&ast.CreateView{At: at, Replace: replace, Temporary: temporary})
	case replace:
		return nil, p.noObject("VIEW")
	case p.isWord(token.Table):
		return p.createTable(&ast.CreateTable{At: at, Temporary: temporary})
	case temporary:
		return nil, p.noObject("TABLE or VIEW")
	case p.isWord(token.Unique), p.isText("index"):
		return p.createIndex(&ast.CreateIndex{At: at, Unique: p.takeWord(token.Unique)})
	case p.isText("sequence"):
		return p.createSequence(&ast.CreateSequence{At: at})
	default:
		return nil, p.noObject("TABLE, INDEX, VIEW or SEQUENCE")
	}
}

func (p *parser) createView(s *ast.CreateView) (ast.Statement, error) {
	p.advance()
	var err error
	if s.IfNotExists, err = p.ifNotExists(); err != nil {
		return nil, err
	}
	if s.Name, err = p.relation("the name of a view"); err != nil {
		return nil, err
	}
	if s.Columns, err = p.optionalNames("a column"); err != nil {
		return nil, err
	}
	if err = p.wantWord(token.As); err != nil {
		return nil, err
	}
	s.Query, err = p.query()
	return s, err
}

func (p *parser) createTable(s *ast.CreateTable) (ast.Statement, error) {
	p.advance()
	var err error
	if s.IfNotExists, err = p.ifNotExists(); err != nil {
		return nil, err
	}
	if s.Table, err = p.relation("the name of a table"); err != nil {
		return nil, err
	}
	if p.takeWord(token.As) {
		return p.createAs(s)
	}
	if err = p.want(openParen, "( or AS"); err != nil {
		return nil, err
	}
	if p.namesOnly() {
		return p.createNamed(s)
	}
	if err = p.definitions(s); err != nil {
		return nil, err
	}
	if p.isWord(token.With) || p.isText("inherits") || p.isText("partition") || p.isText("without") {
		return nil, p.fail(sqlstate.NotSupported, p.now, "tables have no "+strings.ToUpper(p.now.text), "")
	}
	return s, nil
}

// namesOnly reports whether the first column in front is a name without a type.
func (p *parser) namesOnly() bool {
	next := p.peek()
	return p.isName() && next.kind == symbol && (next.symbol == comma || next.symbol == closeParen)
}

// createNamed reads the names of columns, behind their parenthesis, AS, and a query.
func (p *parser) createNamed(s *ast.CreateTable) (ast.Statement, error) {
	for first := p.now; ; {
		n, err := p.anyName("a column")
		if err != nil {
			return nil, err
		}
		if s.Names = append(s.Names, n); p.take(comma) {
			continue
		}
		if err = p.want(closeParen, ") or a comma"); err != nil {
			return nil, err
		}
		if !p.takeWord(token.As) {
			return nil, p.fail(sqlstate.SyntaxError, first, "column "+quoteForMessage(first.text)+" has no type",
				"write the type behind the name, such as BIGINT or TEXT")
		}
		return p.createAs(s)
	}
}

// createAs reads the query that a table is made of.
func (p *parser) createAs(s *ast.CreateTable) (ast.Statement, error) {
	var err error
	if s.As, err = p.query(); err != nil {
		return nil, err
	}
	if p.takeWord(token.With) {
		s.NoData = p.takeText("no")
		err = p.wantText("data")
	}
	return s, err
}

// definitions reads columns and constraints, and the parenthesis behind them.
func (p *parser) definitions(s *ast.CreateTable) error {
	if p.take(closeParen) {
		return nil
	}
	for {
		switch {
		case p.beginsTableConstraint():
			c, err := p.tableConstraint()
			if err != nil {
				return err
			}
			s.Constraints = append(s.Constraints, *c)
		case p.isWord(token.Like):
			return p.fail(sqlstate.NotSupported, p.now, "LIKE is not supported in CREATE TABLE", "write CREATE TABLE name AS SELECT ... WITH NO DATA")
		default:
			c, err := p.tableColumn()
			if err != nil {
				return err
			}
			s.Columns = append(s.Columns, *c)
		}
		if !p.take(comma) {
			return p.want(closeParen, ") or a comma")
		}
	}
}

func (p *parser) createIndex(s *ast.CreateIndex) (ast.Statement, error) {
	err := p.wantText("index")
	if err != nil {
		return nil, err
	}
	if p.isWord(token.Concurrently) {
		return nil, p.fail(sqlstate.NotSupported, p.now, "CONCURRENTLY is not supported", "")
	}
	if s.IfNotExists, err = p.ifNotExists(); err != nil {
		return nil, err
	}
	if s.IfNotExists || !p.isWord(token.On) {
		var n ast.Name
		if n, err = p.anyName("the name of an index"); err != nil {
			return nil, err
		}
		s.Name = n.Name
	}
	if err = p.wantWord(token.On); err != nil {
		return nil, err
	}
	if s.Table, err = p.relation("a table"); err != nil {
		return nil, err
	}
	if err = p.indexMethod(s); err != nil {
		return nil, err
	}
	if s.Columns, err = p.indexColumns(); err != nil {
		return nil, err
	}
	if p.isText("include") {
		return nil, p.fail(sqlstate.NotSupported, p.now, "INCLUDE is not supported", "")
	}
	return s, p.optional(token.Where, &s.Where)
}

// indexMethod reads USING btree or USING lsm.
func (p *parser) indexMethod(s *ast.CreateIndex) error {
	if !p.takeWord(token.Using) {
		return nil
	}
	switch {
	case p.takeText("btree"):
	case p.takeText("lsm"):
		s.Method = catalog.LSM
	case p.now.kind == word:
		return p.fail(sqlstate.UndefinedObject, p.now, "there is no index method "+quoteForMessage(p.now.text), "there are btree and lsm")
	default:
		return p.unexpected("btree or lsm")
	}
	return nil
}

// indexColumns reads columns and expressions in parentheses.
func (p *parser) indexColumns() ([]ast.IndexColumn, error) {
	if err := p.want(openParen, "( and columns"); err != nil {
		return nil, err
	}
	var list []ast.IndexColumn
	for {
		first := p.now
		c := ast.IndexColumn{At: first.at}
		var err error
		if c.Expr, err = p.expression(ast.PrecedencePrimary); err != nil {
			return nil, err
		}
		p.within = larger(p.within, p.last)
		switch c.Expr.(type) {
		case *ast.Column, *ast.Call:
		default:
			if first.kind != symbol || first.symbol != openParen {
				return nil, p.fail(sqlstate.SyntaxError, first, "an index has columns, and expressions in parentheses", "")
			}
		}
		if c.Descending, c.Nulls, err = p.direction(); err != nil {
			return nil, err
		}
		if list = append(list, c); !p.take(comma) {
			return list, p.want(closeParen, "), a comma, ASC or DESC")
		}
	}
}

func (p *parser) createSequence(s *ast.CreateSequence) (ast.Statement, error) {
	p.advance()
	var err error
	if s.IfNotExists, err = p.ifNotExists(); err != nil {
		return nil, err
	}
	if s.Name, err = p.relation("the name of a sequence"); err != nil {
		return nil, err
	}
	return s, p.sequenceOptions(&s.Options, false)
}

// sequenceOptions reads how a sequence counts; alter says whether it is one that there is.
func (p *parser) sequenceOptions(o *ast.SequenceOptions, alter bool) (err error) {
	for err == nil && p.now.kind == word {
		switch {
		case p.takeText("increment"):
			p.takeText("by")
			o.Increment, err = p.wholeNumber()
		case p.takeText("minvalue"):
			o.Min, err = p.wholeNumber()
		case p.takeText("maxvalue"):
			o.Max, err = p.wholeNumber()
		case p.takeText("start"):
			p.takeWord(token.With)
			o.Start, err = p.wholeNumber()
		case p.takeText("cache"):
			o.Cache, err = p.wholeNumber()
		case p.takeText("cycle"):
			o.Cycle, o.NoCycle = true, false
		case p.takeText("no"):
			err = p.noOption(o)
		case alter && p.takeText("restart"):
			o.Restart = true
			if p.takeWord(token.With) || p.now.kind == integer || p.is(minus) {
				o.RestartWith, err = p.wholeNumber()
			}
		case p.isWord(token.As), p.isText("owned"):
			return p.fail(sqlstate.NotSupported, p.now, strings.ToUpper(p.now.text)+" is not supported for sequences", "sequences are BIGINT and belong to no table")
		default:
			return nil
		}
	}
	return err
}

// noOption reads what follows NO.
func (p *parser) noOption(o *ast.SequenceOptions) error {
	switch {
	case p.takeText("minvalue"):
		o.NoMin, o.Min = true, nil
	case p.takeText("maxvalue"):
		o.NoMax, o.Max = true, nil
	case p.takeText("cycle"):
		o.NoCycle, o.Cycle = true, false
	default:
		return p.unexpected("MINVALUE, MAXVALUE or CYCLE")
	}
	return nil
}

// wholeNumber reads one that fits 64 bits.
func (p *parser) wholeNumber() (*int64, error) {
	sign := ""
	first := p.now
	if p.take(minus) {
		sign = "-"
	} else {
		p.take(plus)
	}
	if p.now.kind != integer {
		return nil, p.unexpected("a whole number")
	}
	n, err := strconv.ParseInt(sign+p.now.text, 10, 64)
	if err != nil {
		return nil, p.fail(sqlstate.OutOfRange, first, "the number does not fit into a BIGINT", "")
	}
	p.advance()
	return &n, nil
}
