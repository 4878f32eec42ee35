package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// begin reads BEGIN or START TRANSACTION.
func (p *parser) begin() (ast.Statement, error) {
	s := &ast.Begin{At: p.now.at}
	if p.takeText("start") {
		if err := p.wantText("transaction"); err != nil {
			return nil, err
		}
	} else {
		p.advance()
		p.work()
	}
	return s, p.modes(&s.Modes)
}

// work reads WORK or TRANSACTION.
func (p *parser) work() {
	if !p.takeText("work") {
		p.takeText("transaction")
	}
}

// modes reads those of a transaction, with or without commas.
func (p *parser) modes(m *ast.Modes) (err error) {
	for first := true; err == nil; first = false {
		if !first {
			if p.take(comma) && p.now.kind != word {
				return p.unexpected("a mode of a transaction")
			}
		}
		switch {
		case p.takeText("isolation"):
			err = p.isolation(m)
		case p.takeText("read"):
			switch {
			case p.takeText("write"):
				m.Access = ast.ReadWrite
			case p.takeWord(token.Only):
				m.Access = ast.ReadOnly
			default:
				err = p.unexpected("ONLY or WRITE")
			}
		case p.takeWord(token.Deferrable):
			m.Deferrable = true
		case p.isWord(token.Not):
			m.Deferrable = false
			err = p.wantText("not", "deferrable")
		default:
			return nil
		}
	}
	return err
}

// isolation reads LEVEL and what follows.
func (p *parser) isolation(m *ast.Modes) error {
	if err := p.wantText("level"); err != nil {
		return err
	}
	switch {
	case p.takeText("serializable"):
		m.Isolation = ast.Serializable
	case p.takeText("repeatable"):
		m.Isolation = ast.RepeatableRead
		return p.wantText("read")
	case p.takeText("read"):
		switch {
		case p.takeText("committed"):
			m.Isolation = ast.ReadCommitted
		case p.takeText("uncommitted"):
			m.Isolation = ast.ReadUncommitted
		default:
			return p.unexpected("COMMITTED or UNCOMMITTED")
		}
	default:
		return p.unexpected("SERIALIZABLE, REPEATABLE READ or READ COMMITTED")
	}
	return nil
}

// chain reads AND [NO] CHAIN; only NO is taken.
func (p *parser) chain() error {
	if !p.takeWord(token.And) {
		return nil
	}
	if p.isText("chain") {
		return p.fail(sqlstate.NotSupported, p.now, "AND CHAIN is not supported", "begin the next transaction with BEGIN")
	}
	return p.wantText("no", "chain")
}

// commit reads COMMIT or END.
func (p *parser) commit() (ast.Statement, error) {
	s := &ast.Commit{At: p.now.at}
	p.advance()
	p.work()
	return s, p.chain()
}

// rollback reads ROLLBACK or ABORT.
func (p *parser) rollback() (ast.Statement, error) {
	s := &ast.Rollback{At: p.now.at}
	p.advance()
	p.work()
	if !p.takeWord(token.To) {
		return s, p.chain()
	}
	p.takeSavepoint()
	n, err := p.anyName("a savepoint")
	s.To = &n
	return s, err
}

// takeSavepoint reads SAVEPOINT, unless it is the name of one.
func (p *parser) takeSavepoint() {
	if p.isText("savepoint") {
		if next := p.peek(); next.kind == word || next.kind == quotedName {
			p.advance()
		}
	}
}

func (p *parser) savepoint() (ast.Statement, error) {
	s := &ast.Savepoint{At: p.now.at}
	p.advance()
	var err error
	s.Name, err = p.anyName("the name of a savepoint")
	return s, err
}

func (p *parser) release() (ast.Statement, error) {
	s := &ast.Release{At: p.now.at}
	p.advance()
	p.takeSavepoint()
	var err error
	s.Name, err = p.anyName("a savepoint")
	return s, err
}

// set reads SET.
func (p *parser) set() (ast.Statement, error) {
	s := &ast.Set{At: p.now.at}
	p.advance()
	switch {
	case p.isText("session") && p.followedBy("characteristics"):
		if err := p.wantText("session", "characteristics", "as"); err != nil {
			return nil, err
		}
		return p.setTransaction(s.At, true)
	case p.isText("transaction") && !p.assigns():
		return p.setTransaction(s.At, false)
	case p.isText("local") && !p.assigns():
		p.advance()
		s.Local = true
	case p.isText("session") && !p.assigns():
		p.advance()
	}
	if p.isText("time") && p.followedBy("zone") {
		p.advance()
		p.advance()
		s.Name = "timezone"
		return s, p.settingValues(s)
	}
	var err error
	if s.Name, err = p.setting(); err != nil {
		return nil, err
	}
	if !p.take(equal) && !p.takeWord(token.To) {
		return nil, p.unexpected("= or TO")
	}
	return s, p.settingValues(s)
}

// assigns reports whether = or TO is behind the word in front, so that it is the name of a setting.
func (p *parser) assigns() bool {
	next := p.peek()
	return next.keyword == token.To || next.kind == symbol && (next.symbol == equal || next.symbol == dot)
}

func (p *parser) setTransaction(at int, session bool) (ast.Statement, error) {
	s := &ast.SetTransaction{At: at, Session: session}
	if err := p.wantText("transaction"); err != nil {
		return nil, err
	}
	if err := p.modes(&s.Modes); err != nil {
		return nil, err
	}
	if s.Modes == (ast.Modes{}) {
		return nil, p.unexpected("ISOLATION LEVEL, READ ONLY or READ WRITE")
	}
	return s, nil
}

// setting reads the name of one.
func (p *parser) setting() (string, error) {
	n, err := p.anyName("a setting")
	if err != nil {
		return "", err
	}
	name := n.Name
	for p.take(dot) {
		if p.now.kind != word && p.now.kind != quotedName { // behind a point words of SQL are names too
			return "", p.unexpected("a setting")
		}
		name += "." + p.now.text
		p.advance()
	}
	return name, nil
}

// settingValues reads DEFAULT, or words, numbers and texts.
func (p *parser) settingValues(s *ast.Set) error {
	if p.takeWord(token.Default) {
		return nil
	}
	for {
		v := ast.SetValue{At: p.now.at}
		negative := p.take(minus)
		if !negative {
			p.take(plus)
		}
		switch p.now.kind {
		case integer, decimal, float:
		case word, quotedName, text:
			if p.now.at != v.At {
				return p.unexpected("a number")
			}
		default:
			return p.unexpected("a value or DEFAULT")
		}
		v.Text = p.now.text
		if negative {
			v.Text = "-" + v.Text
		}
		p.advance()
		if s.Values = append(s.Values, v); !p.take(comma) {
			return nil
		}
	}
}

// reset reads RESET, which is SET TO DEFAULT.
func (p *parser) reset() (ast.Statement, error) {
	s := &ast.Set{At: p.now.at}
	p.advance()
	if p.takeWord(token.All) {
		return s, nil
	}
	var err error
	s.Name, err = p.setting()
	return s, err
}

func (p *parser) show() (ast.Statement, error) {
	s := &ast.Show{At: p.now.at}
	p.advance()
	switch {
	case p.takeWord(token.All):
		return s, nil
	case p.isText("time") && p.followedBy("zone"):
		s.Name = "timezone"
		return s, p.wantText("time", "zone")
	case p.isText("transaction") && p.followedBy("isolation"):
		s.Name = "transaction_isolation"
		return s, p.wantText("transaction", "isolation", "level")
	}
	var err error
	s.Name, err = p.setting()
	return s, err
}
