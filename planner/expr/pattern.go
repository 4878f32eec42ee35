package expr

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// patternFunctions are those of regular expressions. These are written as Go reads them: PostgreSQL's without references
// to what was found, without looking ahead and behind, and with \b for its \y. They take time in proportion to the text.
func patternFunctions() map[string]function {
	return map[string]function{
		"regexp_replace": {3, 4, simplePattern(textType, regexpReplace)},
		"regexp_like":    {2, 3, simplePattern(boolType, regexpLike)},
		"regexp_substr":  {2, 2, simplePattern(textType, regexpSubstr)},
		"regexp_count":   {2, 2, simplePattern(intType, regexpCount)},
		"regexp_instr":   {2, 2, simplePattern(intType, regexpInstr)},
	}
}

// A match computes a function of texts, of which the second was the regular expression.
type match func(e *regexp.Regexp, args []string, global bool) (catalog.Value, error)

// simplePattern binds a function of a text and a regular expression, and perhaps flags at the end.
func simplePattern(t catalog.Type, of match) func(*Binder, *call) (*Node, error) {
	return func(b *Binder, c *call) (*Node, error) {
		if err := b.arguments(c); err != nil {
			return nil, err
		}
		flags := 2
		if c.name == "regexp_replace" {
			flags = 3
		}
		build := func(n *Node, args []evaluator) evaluator { return patternEval(n, args, of, flags) }
		return foldCall(c, t, build, c.args...), nil
	}
}

// patternEval compiles the regular expression once if it is constant.
func patternEval(n *Node, args []evaluator, of match, flags int) evaluator {
	var known *regexp.Regexp
	var knownGlobal bool
	last := n.Args[1:2]
	if len(n.Args) > flags {
		last = []*Node{n.Args[1], n.Args[flags]}
	}
	if values := constantsOf(last); values != nil {
		known, knownGlobal, _ = compileRegexp(values) // the error belongs to the evaluation
	}
	return eachStrict(func(values []catalog.Value) (catalog.Value, error) {
		e, global := known, knownGlobal
		if e == nil {
			parts := values[1:2:2]
			if len(values) > flags {
				parts = append(parts, values[flags])
			}
			var err error
			if e, global, err = compileRegexp(parts); err != nil {
				return catalog.Null(), err
			}
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = v.AsString()
		}
		return of(e, texts, global)
	})(n, args)
}

// compileRegexp reads a regular expression, behind which there may be flags: i ignores case, g replaces all, n and m let
// ^ and $ match at lines, s does not, x ignores space.
func compileRegexp(parts []catalog.Value) (e *regexp.Regexp, global bool, err error) {
	text, modes := parts[0].AsString(), "s"
	if len(parts) > 1 {
		for _, flag := range parts[1].AsString() {
			switch flag {
			case 'g':
				global = true
			case 'i':
				modes += "i"
			case 'n', 'm':
				modes = strings.ReplaceAll(modes, "s", "") + "m"
			case 's', 'c', 't':
			default:
				return nil, false, sqlstate.New(sqlstate.InvalidParameter, -1, "regular expressions have no flag %q", flag)
			}
		}
	}
	e, err = regexp.Compile("(?" + modes + ")" + text)
	if modes == "" {
		e, err = regexp.Compile(text)
	}
	if err != nil {
		wrong := sqlstate.New(sqlstate.InvalidRegexp, -1, "%q is no regular expression: %s", shorten(text),
			strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		wrong.Cause = err
		return nil, false, wrong
	}
	return e, global, nil
}

// regexpReplace replaces the first match, or all. In what is put there, \1 is what the first parenthesis matched, and \&
// everything.
func regexpReplace(e *regexp.Regexp, args []string, global bool) (catalog.Value, error) {
	s, with := args[0], args[2]
	count := 1
	if global {
		count = -1
	}
	var out strings.Builder
	end := 0
	for _, m := range e.FindAllStringSubmatchIndex(s, count) {
		out.WriteString(s[end:m[0]])
		for i := 0; i < len(with); i++ {
			if with[i] != '\\' || i+1 == len(with) {
				out.WriteByte(with[i])
				continue
			}
			i++
			switch c := with[i]; {
			case c == '&':
				out.WriteString(s[m[0]:m[1]])
			case c >= '1' && c <= '9':
				if g := 2 * int(c-'0'); g < len(m) && m[g] >= 0 {
					out.WriteString(s[m[g]:m[g+1]])
				}
			case c == '\\':
				out.WriteByte('\\')
			default:
				out.WriteString(with[i-1 : i+1])
			}
		}
		end = m[1]
		if out.Len() > maxTextBytes {
			return catalog.Null(), tooMuchText()
		}
	}
	out.WriteString(s[end:])
	return catalog.Str(out.String()), nil
}

func regexpLike(e *regexp.Regexp, args []string, _ bool) (catalog.Value, error) {
	return catalog.BoolOf(e.MatchString(args[0])), nil
}

// regexpSubstr returns what matches, or NULL.
func regexpSubstr(e *regexp.Regexp, args []string, _ bool) (catalog.Value, error) {
	m := e.FindStringIndex(args[0])
	if m == nil {
		return catalog.Null(), nil
	}
	return catalog.Str(args[0][m[0]:m[1]]), nil
}

// regexpSubstring returns what the first parenthesis matches, or everything if there is none: SUBSTRING(x FROM pattern).
func regexpSubstring(e *regexp.Regexp, args []string, _ bool) (catalog.Value, error) {
	m := e.FindStringSubmatchIndex(args[0])
	if m == nil {
		return catalog.Null(), nil
	}
	g := 2 * min(1, e.NumSubexp())
	if m[g] < 0 {
		return catalog.Null(), nil
	}
	return catalog.Str(args[0][m[g]:m[g+1]]), nil
}

func regexpCount(e *regexp.Regexp, args []string, _ bool) (catalog.Value, error) {
	return catalog.Int(int64(len(e.FindAllStringIndex(args[0], -1)))), nil
}

// regexpInstr returns at which character the first match begins, or 0.
func regexpInstr(e *regexp.Regexp, args []string, _ bool) (catalog.Value, error) {
	m := e.FindStringIndex(args[0])
	if m == nil {
		return catalog.Int(0), nil
	}
	return catalog.Int(int64(utf8.RuneCountInString(args[0][:m[0]])) + 1), nil
}
