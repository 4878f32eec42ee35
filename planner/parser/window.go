package parser

import (
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// callTail reads what may follow the parentheses of a call, which has the size so far.
func (p *parser) callTail(e *ast.Call, s size) (ast.Expr, error) {
	if p.isWord(token.Filter) || p.isWord(token.Over) || p.isWord(token.Within) {
		outer := p.within
		p.within = s
		if err := p.callWords(e); err != nil {
			return nil, err
		}
		s, p.within = p.within, outer
	}
	return p.grown(e, above(s))
}

// callWords reads FILTER and OVER.
func (p *parser) callWords(e *ast.Call) (err error) {
	if p.isWord(token.Within) && p.followedBy("group") {
		return p.fail(sqlstate.NotSupported, p.now, "WITHIN GROUP is not supported", "")
	}
	if p.isWord(token.Filter) && p.before('(') {
		p.advance()
		p.advance()
		if err = p.wantWord(token.Where); err != nil {
			return err
		}
		if e.Filter, err = p.value(); err != nil {
			return err
		}
		if err = p.want(closeParen, ")"); err != nil {
			return err
		}
	}
	if p.takeWord(token.Over) {
		e.Over, err = p.window()
	}
	return err
}

// namedWindows reads what follows WINDOW.
func (p *parser) namedWindows() ([]ast.NamedWindow, error) {
	var list []ast.NamedWindow
	for {
		n, err := p.anyName("the name of a window")
		if err != nil {
			return nil, err
		}
		if err = p.wantWord(token.As); err != nil {
			return nil, err
		}
		if !p.is(openParen) {
			return nil, p.unexpected("(")
		}
		w, err := p.window()
		if err != nil {
			return nil, err
		}
		if list = append(list, ast.NamedWindow{At: n.At, Name: n.Name, Window: *w}); !p.take(comma) {
			return list, nil
		}
	}
}

// window reads the name of one, or one in parentheses.
func (p *parser) window() (*ast.Window, error) {
	w := &ast.Window{At: p.now.at}
	if !p.take(openParen) {
		n, err := p.anyName("the name of a window or (")
		w.Base, w.Bare = n.Name, true
		return w, err
	}
	if p.isName() && !p.beginsWindowPart() {
		w.Base = p.now.text
		p.advance()
	}
	var err error
	if p.takeText("partition") {
		if err = p.wantText("by"); err != nil {
			return nil, err
		}
		if w.PartitionBy, err = p.values(); err != nil {
			return nil, err
		}
	}
	if p.isWord(token.Order) {
		if w.OrderBy, err = p.orderBy(); err != nil {
			return nil, err
		}
	}
	if p.beginsWindowPart() && !p.isText("partition") {
		if w.Frame, err = p.frame(); err != nil {
			return nil, err
		}
	}
	return w, p.want(closeParen, ") or PARTITION BY, ORDER BY, ROWS, RANGE, GROUPS")
}

// beginsWindowPart reports whether the word in front is one that parts of windows begin with.
func (p *parser) beginsWindowPart() bool {
	if p.now.kind != word {
		return false
	}
	switch p.now.text {
	case "partition", "rows", "range", "groups":
		return true
	default:
		return false
	}
}

// frame reads ROWS, RANGE or GROUPS and what follows.
func (p *parser) frame() (*ast.Frame, error) {
	f := &ast.Frame{At: p.now.at}
	switch p.now.text {
	case "range":
		f.Unit = ast.Range
	case "groups":
		f.Unit = ast.Groups
	}
	p.advance()
	between := p.takeWord(token.Between)
	start := p.now
	var err error
	if f.Start, err = p.bound(); err != nil {
		return nil, err
	}
	end := p.now
	f.End = ast.Bound{At: end.at, Kind: ast.CurrentRow}
	if between {
		if err = p.wantWord(token.And); err != nil {
			return nil, err
		}
		end = p.now
		if f.End, err = p.bound(); err != nil {
			return nil, err
		}
	}
	switch {
	case f.Start.Kind == ast.UnboundedFollowing:
		return nil, p.fail(sqlstate.WindowingError, start, "a frame cannot begin with UNBOUNDED FOLLOWING", "")
	case f.End.Kind == ast.UnboundedPreceding:
		return nil, p.fail(sqlstate.WindowingError, end, "a frame cannot end with UNBOUNDED PRECEDING", "")
	case f.End.Kind < f.Start.Kind:
		return nil, p.fail(sqlstate.WindowingError, end, "the frame ends before it begins", "")
	}
	return f, p.exclusion(f)
}

// bound reads where a frame begins or ends.
func (p *parser) bound() (b ast.Bound, err error) {
	b.At = p.now.at
	switch {
	case p.isText("unbounded"):
		p.advance()
		b.Kind = ast.UnboundedPreceding
		if p.takeText("following") {
			b.Kind = ast.UnboundedFollowing
			return b, nil
		}
		if !p.takeText("preceding") {
			return b, p.unexpected("PRECEDING or FOLLOWING")
		}
		return b, nil
	case p.isText("current"):
		b.Kind = ast.CurrentRow
		return b, p.wantText("current", "row")
	}
	if b.Offset, err = p.value(); err != nil {
		return b, err
	}
	switch {
	case p.takeText("preceding"):
		b.Kind = ast.Preceding
	case p.takeText("following"):
		b.Kind = ast.Following
	default:
		err = p.unexpected("PRECEDING or FOLLOWING")
	}
	return b, err
}

// exclusion reads EXCLUDE and what follows.
func (p *parser) exclusion(f *ast.Frame) error {
	if !p.takeText("exclude") {
		return nil
	}
	switch {
	case p.takeText("current"):
		f.Exclude = ast.ExcludeCurrentRow
		return p.wantText("row")
	case p.takeWord(token.Group):
		f.Exclude = ast.ExcludeGroup
	case p.takeText("ties"):
		f.Exclude = ast.ExcludeTies
	case p.takeText("no"):
		return p.wantText("others")
	default:
		return p.unexpected("CURRENT ROW, GROUP, TIES or NO OTHERS")
	}
	return nil
}
