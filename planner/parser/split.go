package parser

import (
	"errors"
	"strings"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// A Part is a piece of a text in which one statement should be: text[From:To], without the semicolon.
type Part struct {
	From, To int
	// Ended says that a semicolon is behind the part. If it is not, more may be to come: the text is incomplete.
	Ended bool
}

// Split cuts a text at its semicolons, but for those in quotes and comments. Blanks and comments alone are no part,
// unless a comment does not end. It takes any text.
func Split(text string) []Part {
	var parts []Part
	s := splitter{src: text}
	for {
		part, more := s.next()
		if part.To > part.From {
			parts = append(parts, part)
		}
		if !more {
			return parts
		}
	}
}

// A splitter looks for semicolons.
type splitter struct {
	src string
	at  int
}

// next returns the part that begins here, empty if there is nothing in it, and whether another one may follow.
func (s *splitter) next() (part Part, more bool) {
	part.From = -1
	for s.at < len(s.src) {
		start := s.at
		switch c := s.src[s.at]; {
		case c == ';':
			s.at++
			part.Ended = true
			return part.orNone(), true
		case c == '-' && s.follows('-'):
			s.skipPast("\n")
			continue
		case c == '/' && s.follows('*'):
			if s.skipComment() {
				continue
			}
		case c == '"':
			s.at++
			s.skipPast(`"`)
		case c == '\'':
			s.skipText()
		default:
			s.at++
			if c <= ' ' {
				continue
			}
		}
		if part.From < 0 {
			part.From = start
		}
		part.To = s.at
	}
	return part.orNone(), false
}

// orNone returns the part, or one of no length if nothing was in it.
func (part Part) orNone() Part {
	part.From = max(part.From, 0)
	return part
}

func (s *splitter) follows(c byte) bool { return s.at+1 < len(s.src) && s.src[s.at+1] == c }

// skipPast goes behind the next mark, or to the end.
func (s *splitter) skipPast(mark string) {
	if i := strings.Index(s.src[s.at:], mark); i >= 0 {
		s.at += i + len(mark)
		return
	}
	s.at = len(s.src)
}

// skipText goes behind a text in quotes. Two quotes for one are two texts here, which comes to the same; but in E'...' a
// backslash can stand before one.
func (s *splitter) skipText() {
	escapes := s.at > 0 && s.src[s.at-1]|0x20 == 'e' && (s.at < 2 || !token.ContinuesName(s.src[s.at-2]))
	s.at++
	if !escapes {
		s.skipPast("'")
		return
	}
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == '\\':
			s.at = min(s.at+2, len(s.src))
		case c == '\'' && s.follows('\''):
			s.at += 2
		default:
			s.at++
			if c == '\'' {
				return
			}
		}
	}
}

// skipComment goes behind a comment, which may have others in it, and reports whether it ends.
func (s *splitter) skipComment() bool {
	l := lexer{src: s.src, at: s.at}
	ends := l.skipComment()
	s.at = l.at
	return ends
}

// A Parsed is a statement of a Program, and its part.
type Parsed struct {
	Part
	Statement ast.Statement
}

// Program reads a text that is any number of statements with semicolons between them. The error is an [*sqlstate.Error];
// the statements before it are returned too. Safe for concurrent use.
func Program(text string) ([]Parsed, error) {
	var all []Parsed
	for _, part := range Split(text) {
		p := parser{lex: lexer{src: text[:part.To], at: part.From}, start: part.From}
		p.advance()
		s, err := p.whole()
		if err == nil && p.now.kind != end {
			err = p.unexpected("the end of the statement")
		}
		if err != nil {
			return all, within(err, text)
		}
		all = append(all, Parsed{part, s})
	}
	return all, nil
}

// within returns the error of a part as one about the whole text.
func within(err error, text string) error {
	var e *sqlstate.Error
	if !errors.As(err, &e) {
		return err
	}
	whole := *e
	whole.Text = text
	return &whole
}
