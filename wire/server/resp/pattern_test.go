package resp

import (
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"a", "b", false},
		{"a", "ab", false},
		{"*", "", true},
		{"*", "abc", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c", "abc", true},
		{"a*c", "abd", false},
		{"a**b", "ab", true},
		{"*a*b*", "xaxbx", true},
		{"*ab", "aab", true},
		{"*ab*cd", "xabyabzcd", true},
		{"?", "a", true},
		{"?", "", false},
		{"a?c", "abc", true},
		{"??", "a", false},
		{"[abc]", "b", true},
		{"[abc]", "d", false},
		{"[^abc]", "d", true},
		{"[^abc]", "a", false},
		{"[a-c]", "b", true},
		{"[c-a]", "b", true},
		{"[a-]", "-", false},
		{"[\\]]", "]", true},
		{"[\\-a]", "-", true},
		{"[abc", "b", true},
		{"[", "[", false},
		{"[]", "a", false},
		{"[^]", "a", true},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"\\", "\\", true},
		{"a\\?", "a?", true},
		{"h[ae]llo*[0-9]", "hallo x 7", true},
		{"h[ae]llo*[0-9]", "hillo7", false},
	} {
		if got := pattern(c.pattern).matches([]byte(c.s)); got != c.want {
			t.Errorf("%q matches %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
		if c.want && !strings.HasPrefix(c.s, string(pattern(c.pattern).prefix())) {
			t.Errorf("%q matches %q, which does not begin with %q", c.pattern, c.s, pattern(c.pattern).prefix())
		}
	}
}

// A pattern that makes a recursive matcher take for ever.
func TestPatternsTakeNoLongerThanTheProduct(t *testing.T) {
	p := pattern(strings.Repeat("a*", 200) + "b")
	if p.matches([]byte(strings.Repeat("a", 5000))) {
		t.Error("matches")
	}
}
