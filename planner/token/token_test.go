package token

import (
	"strings"
	"testing"
)

func TestKeywordsAreFound(t *testing.T) {
	for k := Keyword(1); k < keywords; k++ {
		if k.String() == "" || len(k.String()) > longest || Lookup(k.String()) != k {
			t.Errorf("keyword %d, %q, is found as %d", k, k, Lookup(k.String()))
		}
	}
	for _, w := range common {
		if folded, k := Fold(strings.ToUpper(w)); folded != w || k != Lookup(w) {
			t.Errorf("%s is folded to %s, keyword %d", w, folded, k)
		}
	}
	for _, c := range []struct {
		word, folded string
		keyword      Keyword
	}{{"SeLeCT", "select", Select}, {"", "", 0}, {"Price", "price", 0}, {"ÄB", "Äb", 0}, {"BY", "by", 0}, {"[ROM", "[rom", 0}} {
		if folded, k := Fold(c.word); folded != c.folded || k != c.keyword {
			t.Errorf("%s is folded to %s, keyword %d", c.word, folded, k)
		}
	}
	if Lookup("") != 0 || Lookup("price") != 0 || Lookup("SELECT") != 0 || keywords.String() != "" || keywords.Class() != Unreserved {
		t.Error("what is no keyword was found")
	}
}

func TestNamesAreQuotedIfTheyMustBe(t *testing.T) {
	for _, c := range []struct{ name, column, function string }{
		{"price", "price", "price"},
		{"Price", `"Price"`, `"Price"`},
		{"größe", "größe", "größe"},
		{"a$1", "a$1", "a$1"},
		{"1a", `"1a"`, `"1a"`},
		{"a b", `"a b"`, `"a b"`},
		{`a"b`, `"a""b"`, `"a""b"`},
		{"", `""`, `""`},
		{"select", `"select"`, `"select"`},
		{"left", `"left"`, "left"},
		{"trim", "trim", `"trim"`},
		{"date", "date", "date"},
	} {
		if QuoteColumn(c.name) != c.column || QuoteFunction(c.name) != c.function {
			t.Errorf("%q: got %s and %s", c.name, QuoteColumn(c.name), QuoteFunction(c.name))
		}
	}
}
