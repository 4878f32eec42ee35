package literal

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSplitReadsEveryKindOfWord(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{" \t ", nil},
		{"get a", []string{"get", "a"}},
		{"  put\ta   1 ", []string{"put", "a", "1"}},
		{`put "a b" 'c  d'`, []string{"put", "a b", "c  d"}},
		{`"a\x00b"`, []string{"a\x00b"}},
		{`"\"\\\n\r\t\0\xFf\u00e9\'"`, []string{"\"\\\n\r\t\x00\xffé'"}},
		{`'\n "x"'`, []string{`\n "x"`}},
		{`"" ''`, []string{"", ""}},
		{`put k {"a":1}`, []string{"put", "k", `{"a":1}`}},
		{`O'Brien \N C:\dir`, []string{"O'Brien", `\N`, `C:\dir`}},
		{"hex:00fF hex:", []string{"\x00\xff", ""}},
		{"b64:AP8= b64:AP8 b64:", []string{"\x00\xff", "\x00\xff", ""}},
		{`"hex:00" 'b64:AA'`, []string{"hex:00", "b64:AA"}},
		{"été \xff", []string{"été", "\xff"}},
	} {
		words, err := Split([]byte(c.line))
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		if len(words) != len(c.want) {
			t.Errorf("%q: got %d words %v, want %q", c.line, len(words), words, c.want)
			continue
		}
		for i, w := range words {
			if string(w.Bytes) != c.want[i] {
				t.Errorf("%q: word %d is %q, want %q", c.line, i, w.Bytes, c.want[i])
			}
			if !strings.Contains(c.line, w.Raw) || w.Quoted != strings.ContainsAny(w.Raw[:min(1, len(w.Raw))], `"'`) {
				t.Errorf("%q: word %d is %+v", c.line, i, w)
			}
		}
	}
}

func TestSplitSaysWhereALineIsWrong(t *testing.T) {
	for _, c := range []struct {
		line   string
		column int
		part   string
	}{
		{`get "a`, 5, "never closed"},
		{`get 'a`, 5, "never closed"},
		{`get "a\`, 7, "never closed"},
		{`get "a"b`, 8, "after a closing quote"},
		{`get "a\q"`, 7, `unknown escape \q`},
		{`"\x0"`, 2, "two hexadecimal digits"},
		{`"\x+1"`, 2, "two hexadecimal digits"},
		{`"\ud800"`, 2, "four hexadecimal digits"},
		{`"\u12"`, 2, "four hexadecimal digits"},
		{"get hex:0", 5, "not hexadecimal"},
		{"get hex:zz", 5, "not hexadecimal"},
		{"get b64:A", 5, "not base64"},
		{"get b64:AP9=", 5, "not base64"},
		{"get b64:AP8==", 5, "not base64"},
		{"get b64:AA-_", 5, "not base64"},
	} {
		_, err := Split([]byte(c.line))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%q: got %v, want a SyntaxError", c.line, err)
			continue
		}
		if syntax.Column != c.column || !strings.Contains(syntax.Problem, c.part) {
			t.Errorf("%q: got %v, want column %d and %q", c.line, err, c.column, c.part)
		}
	}
}

func TestParseTakesAnArgumentAsGiven(t *testing.T) {
	for arg, want := range map[string]string{
		"":            "",
		"a b":         "a b",
		`"quoted"`:    `"quoted"`,
		"hex:6162":    "ab",
		"b64:YWI=":    "ab",
		" hex:6162":   " hex:6162",
		"line\nbreak": "line\nbreak",
	} {
		got, err := Parse(arg)
		if err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v, want %q", arg, got, err, want)
		}
	}
}

func TestShowKeepsTextAndEscapesTheRest(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		`{"a":"\\N"}`:         `{"a":"\\N"}`,
		"Zürich 東京 é":         "Zürich 東京 é",
		"a\x00b":              `a\x00b`,
		"a\tb\nc\r":           `a\tb\nc\r`,
		"\xff\"\\":            `\xff\"\\`,
		"é\x7f":               `é\x7f`,
		"\u202e":              `\xe2\x80\xae`,
		"\ufffd":              "\ufffd",
		"\xc3":                `\xc3`,
		"wide\u00a0space":     `wide\xc2\xa0space`,
		"\x1b[31mred\x1b[0m!": `\x1b[31mred\x1b[0m!`,
	} {
		if got := Show([]byte(in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// FuzzShownReadsBack holds that what Show escapes, Split reads back, and that neither panics.
func FuzzShownReadsBack(f *testing.F) {
	for _, s := range []string{"", "a", "a\x00b", "\xff\xfe", `"\`, "é\n", "hex:00", "'"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		shown := Show(b)
		if strings.ContainsAny(shown, "\t\n\r\x00") {
			t.Fatalf("%q is shown with control characters: %q", b, shown)
		}
		_, _ = Split(b)
		_, _ = Parse(string(b))
		if shown == string(b) {
			return
		}
		words, err := Split([]byte(`"` + shown + `"`))
		if err != nil || len(words) != 1 || !bytes.Equal(words[0].Bytes, b) {
			t.Fatalf("%q is shown as %s, which reads back as %v, %v", b, shown, words, err)
		}
	})
}
