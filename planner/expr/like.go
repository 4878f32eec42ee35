package expr

import (
	"unicode"
	"unicode/utf8"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// What stands in a pattern for more than itself. Characters are never negative.
const (
	anyText      rune = -1 // %
	anyCharacter rune = -2 // _
)

// A pattern is one of LIKE.
type pattern []rune

// compilePattern reads a pattern. The escape is a character that takes the meaning of the one behind it, or -1.
func compilePattern(s string, escape rune, ignoreCase bool) (pattern, error) {
	var p pattern
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		i += size
		switch r {
		case escape:
			if i >= len(s) {
				return nil, sqlstate.New(sqlstate.InvalidEscape, -1, "the pattern ends with its escape character").
					WithHint("write it twice for the character itself")
			}
			r, size = utf8.DecodeRuneInString(s[i:])
			i += size
		case '%':
			r = anyText
			if len(p) > 0 && p[len(p)-1] == anyText {
				continue
			}
		case '_':
			r = anyCharacter
		}
		if ignoreCase && r >= 0 {
			r = unicode.ToLower(r)
		}
		p = append(p, r)
	}
	return p, nil
}

// matches reports whether the whole text is like the pattern. What % stands for is made longer only from the last %
// on: if the rest does not match there, it would not have behind an earlier one.
func (p pattern) matches(s string, ignoreCase bool) bool {
	i, at := 0, 0
	retry, retryAt := -1, 0 // behind the last %, and how far that has come in the text
	for at < len(s) || i < len(p) {
		if i < len(p) && p[i] == anyText {
			if i++; i == len(p) {
				return true
			}
			retry, retryAt = i, at
			continue
		}
		if at < len(s) && i < len(p) {
			r, size := utf8.DecodeRuneInString(s[at:])
			if ignoreCase {
				r = unicode.ToLower(r)
			}
			if p[i] == anyCharacter || p[i] == r {
				i++
				at += size
				continue
			}
		}
		if retry < 0 || retryAt >= len(s) {
			return false
		}
		_, size := utf8.DecodeRuneInString(s[retryAt:])
		retryAt += size
		i, at = retry, retryAt
	}
	return true
}

// escapeOf returns the character of ESCAPE; of an empty text none.
func escapeOf(s string) (rune, error) {
	r, size := utf8.DecodeRuneInString(s)
	if size != len(s) {
		return 0, sqlstate.New(sqlstate.InvalidEscape, -1, "an escape must be one character, or none")
	}
	if size == 0 {
		r = -3 // no character is that
	}
	return r, nil
}

func (b *Binder) like(e *ast.Like) (*Node, error) {
	c := &call{at: e.At, name: "LIKE"}
	list := []ast.Expr{e.X, e.Pattern}
	if e.Escape != nil {
		list = append(list, e.Escape)
	}
	var err error
	if c.args, err = b.bindAll(list...); err != nil {
		return nil, err
	}
	if err := b.arguments(c); err != nil {
		return nil, err
	}
	op := OpLike
	if e.IgnoreCase {
		op = OpILike
	}
	if values := constantsOf(c.args[1:]); values != nil {
		if _, err := patternOf(values, e.IgnoreCase); err != nil {
			return nil, placed(err, c.args[1].At)
		}
	}
	return negatable(op, e.At, e.Not, likeEval, c.args...), nil
}

// constantsOf returns the values if all are constants and not NULL, else nil.
func constantsOf(list []*Node) []catalog.Value {
	var values []catalog.Value
	for _, x := range list {
		if x.Op != OpConstant || x.Value.IsNull() {
			return nil
		}
		values = append(values, x.Value)
	}
	return values
}

// likeEval builds LIKE and ILIKE. The pattern is compiled once if it is constant.
func likeEval(n *Node, args []evaluator) evaluator {
	ignoreCase, not := n.Op == OpILike, n.Not
	if values := constantsOf(n.Args[1:]); values != nil {
		if p, err := patternOf(values, ignoreCase); err == nil {
			return strict(args[0], func(v catalog.Value) (catalog.Value, error) {
				return catalog.BoolOf(p.matches(v.AsString(), ignoreCase) != not), nil
			})
		}
	}
	return eachStrict(func(args []catalog.Value) (catalog.Value, error) {
		p, err := patternOf(args[1:], ignoreCase)
		if err != nil {
			return catalog.Null(), err
		}
		return catalog.BoolOf(p.matches(args[0].AsString(), ignoreCase) != not), nil
	})(n, args)
}

// patternOf compiles a pattern, behind which there may be an escape.
func patternOf(args []catalog.Value, ignoreCase bool) (pattern, error) {
	escape := '\\'
	if len(args) == 2 {
		var err error
		if escape, err = escapeOf(args[1].AsString()); err != nil {
			return nil, err
		}
	}
	return compilePattern(args[0].AsString(), escape, ignoreCase)
}
