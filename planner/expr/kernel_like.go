package expr

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/catalog"
)

// A likeStep is LIKE or ILIKE with a constant pattern.
type likeStep struct {
	not        bool
	ignoreCase bool
	x          operand
	pattern    pattern
	simple     *pieces // nil: the pattern is not so simple
	live       selection
	truths     truths
}

// newLikeStep returns nil if the pattern is not constant, or wrong.
func newLikeStep(n *Node, args []operand) step {
	values := constantsOf(n.Args[1:])
	if values == nil || n.Args[0].Type.Kind != catalog.String {
		return nil
	}
	s := &likeStep{not: n.Not, ignoreCase: n.Op == OpILike, x: args[0]}
	var err error
	if s.pattern, err = patternOf(values, s.ignoreCase); err != nil {
		return nil
	}
	if !s.ignoreCase {
		s.simple = s.pattern.pieces()
	}
	return s
}

func (s *likeStep) eval(in input) (*catalog.Vector, error) { return s.truths.eval(s, in) }

func (s *likeStep) choose(in input, dst []int32, wanted bool) ([]int32, error) {
	v, _, err := s.x.load(in)
	if err != nil {
		return dst, err
	}
	if v == nil || v.Kind != catalog.String && v.Kind != 0 {
		return dst, errGivenUp
	}
	wanted = wanted != s.not
	in = s.live.live(in, v)
	dst, k := room(dst, len(in.sel))
	for _, i := range in.sel {
		dst[k] = i
		if s.matches(v.Texts[i]) == wanted {
			k++
		}
	}
	return dst[:k], nil
}

func (s *likeStep) matches(text string) bool {
	if s.simple != nil {
		return s.simple.match(text)
	}
	return s.pattern.matches(text, s.ignoreCase)
}

// The pieces of a pattern without _ are what stands between its %.
type pieces struct {
	first, last string
	middle      []string
	whole       bool // there is no %, and first is all
}

// pieces returns those of a pattern, or nil if there is a _ in it. What is no UTF-8 counts as a character that the pattern
// could name; such patterns have no pieces either.
func (p pattern) pieces() *pieces {
	if slices.Contains(p, anyCharacter) || slices.Contains(p, utf8.RuneError) {
		return nil
	}
	var all []string
	for rest := p; ; {
		at := slices.Index(rest, anyText)
		if at < 0 {
			all = append(all, string([]rune(rest)))
			break
		}
		all = append(all, string([]rune(rest[:at])))
		rest = rest[at+1:]
	}
	last := len(all) - 1
	if last == 0 {
		return &pieces{first: all[0], whole: true}
	}
	return &pieces{first: all[0], middle: all[1:last], last: all[last]}
}

// match reports whether a text has the pieces in their order. The leftmost place of each will do.
func (p *pieces) match(text string) bool {
	if p.whole {
		return text == p.first
	}
	if len(text) < len(p.first)+len(p.last) || text[:len(p.first)] != p.first || text[len(text)-len(p.last):] != p.last {
		return false
	}
	text = text[len(p.first) : len(text)-len(p.last)]
	for _, m := range p.middle {
		at := strings.Index(text, m)
		if at < 0 {
			return false
		}
		text = text[at+len(m):]
	}
	return true
}
