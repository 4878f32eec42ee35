package expr

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/planner/token"
)

// initcap begins every word with a capital.
func initcap(args []catalog.Value) (catalog.Value, error) {
	inside := false
	return catalog.Str(strings.Map(func(r rune) rune {
		was := inside
		inside = unicode.IsLetter(r) || unicode.IsDigit(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, args[0].AsString())), nil
}

// padding returns a text that fills another one up to so many characters; cut is the text, if it is too long.
func padding(args []catalog.Value) (fill, cut string, err error) {
	s, length, with := args[0].AsString(), args[1].AsInt(), " "
	if len(args) == 3 {
		with = args[2].AsString()
	}
	have := int64(utf8.RuneCountInString(s))
	if length <= have || with == "" {
		return "", characters(s, 0, max(length, 0)), nil
	}
	if length-have > maxTextBytes {
		return "", "", tooMuchText()
	}
	missing, each := length-have, int64(utf8.RuneCountInString(with))
	if (missing/each+1)*int64(len(with))+int64(len(s)) > maxTextBytes {
		return "", "", tooMuchText()
	}
	return characters(strings.Repeat(with, int(missing/each)+1), 0, missing), s, nil
}

func padLeft(args []catalog.Value) (catalog.Value, error) {
	fill, s, err := padding(args)
	return catalog.Str(fill + s), err
}

func padRight(args []catalog.Value) (catalog.Value, error) {
	fill, s, err := padding(args)
	return catalog.Str(s + fill), err
}

// translate exchanges characters of the second text for those at the same places of the third, or takes them out.
func translate(args []catalog.Value) (catalog.Value, error) {
	to := []rune(args[2].AsString())
	by := make(map[rune]rune)
	for i, r := range []rune(args[1].AsString()) {
		if _, known := by[r]; known {
			continue
		}
		by[r] = -1
		if i < len(to) {
			by[r] = to[i]
		}
	}
	return catalog.Str(strings.Map(func(r rune) rune {
		if with, ok := by[r]; ok {
			return with
		}
		return r
	}, args[0].AsString())), nil
}

// overlay puts a text in the place of characters of another one: from a place on, as many as it has or is said.
func overlay(args []catalog.Value) (catalog.Value, error) {
	s, with, start := args[0].AsString(), args[1].AsString(), args[2].AsInt()
	length := int64(utf8.RuneCountInString(with))
	if len(args) == 4 {
		length = args[3].AsInt()
	}
	if start <= 0 {
		return catalog.Null(), sqlstate.New(sqlstate.SubstringError, -1, "the place in the text must be at least 1")
	}
	end := start + length
	if length > 0 && end < start {
		end = int64(len(s)) + 1
	}
	all := int64(len(s)) + 1
	return catalog.Str(characters(s, 0, start-1) + with + characters(s, max(end, 1)-1, all)), nil
}

func repeat(args []catalog.Value) (catalog.Value, error) {
	s, n := args[0].AsString(), max(args[1].AsInt(), 0)
	if n > 0 && int64(len(s)) > maxTextBytes/n {
		return catalog.Null(), tooMuchText()
	}
	if s == "" {
		return args[0], nil
	}
	return catalog.Str(strings.Repeat(s, int(n))), nil
}

func reverse(args []catalog.Value) (catalog.Value, error) {
	r := []rune(args[0].AsString())
	slices.Reverse(r)
	return catalog.Str(string(r)), nil
}

// splitPart returns the n-th part of a text between separators, from the end if n is negative.
func splitPart(args []catalog.Value) (catalog.Value, error) {
	s, separator, n := args[0].AsString(), args[1].AsString(), args[2].AsInt()
	parts := []string{s}
	if separator != "" && s != "" {
		parts = strings.Split(s, separator)
	}
	switch {
	case n == 0:
		return catalog.Null(), sqlstate.New(sqlstate.InvalidParameter, -1, "the number of the part must not be 0")
	case n < 0:
		n += int64(len(parts)) + 1
	}
	if n < 1 || n > int64(len(parts)) {
		return catalog.Str(""), nil
	}
	return catalog.Str(parts[n-1]), nil
}

func startsWith(args []catalog.Value) (catalog.Value, error) {
	return catalog.BoolOf(strings.HasPrefix(args[0].AsString(), args[1].AsString())), nil
}

func ascii(args []catalog.Value) (catalog.Value, error) {
	s := args[0].AsString()
	if s == "" {
		return catalog.Int(0), nil
	}
	r, _ := utf8.DecodeRuneInString(s)
	return catalog.Int(int64(r)), nil
}

func chr(args []catalog.Value) (catalog.Value, error) {
	n := args[0].AsInt()
	if n <= 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return catalog.Null(), sqlstate.New(sqlstate.TooLarge, -1, "there is no character %d", n)
	}
	return catalog.Str(string(rune(n))), nil
}

// substr binds SUBSTR, of BYTEA too, and SUBSTRING(text FROM pattern).
func (b *Binder) substr(c *call) (*Node, error) {
	switch {
	case c.args[0].Type.Kind == catalog.Bytes:
		return simple(bytesType, substringBytes, bytesType, intType, intType)(b, c)
	case len(c.args) == 2 && (c.args[1].openText() || c.args[1].Type.Kind == catalog.String):
		return simplePattern(textType, regexpSubstring)(b, c)
	default:
		return simple(textType, substring, textType, intType, intType)(b, c)
	}
}

// substringBytes is substring for BYTEA.
func substringBytes(args []catalog.Value) (catalog.Value, error) {
	s, start := args[0].AsBytes(), args[1].AsInt()
	end := int64(len(s)) + 1
	if len(args) == 3 {
		length := args[2].AsInt()
		if length < 0 {
			return catalog.Null(), sqlstate.New(sqlstate.SubstringError, -1, "the length of a substring cannot be negative")
		}
		if sum := start + length; sum >= start {
			end = min(end, sum)
		}
	}
	start, end = max(start, 1), max(end, 1)
	if start >= end {
		return catalog.BytesOf(nil), nil
	}
	return catalog.BytesOf(s[start-1 : end-1]), nil
}

// concatSeparated binds CONCAT_WS, which takes anything behind its separator and leaves NULLs out.
func (b *Binder) concatSeparated(c *call) (*Node, error) {
	if err := b.anyArguments(c); err != nil {
		return nil, err
	}
	if c.args[0].Type.Kind != catalog.String {
		return nil, wrongArgument(c, c.args[0], "TEXT as the separator")
	}
	return foldCall(c, textType, each(func(values []catalog.Value) (catalog.Value, error) {
		if values[0].IsNull() {
			return catalog.Null(), nil
		}
		size, list := 0, make([]string, 0, len(values))
		for _, v := range values[1:] {
			if !v.IsNull() {
				s := v.String()
				list = append(list, s)
				size += len(s) + len(values[0].AsString())
			}
		}
		if size > maxTextBytes {
			return catalog.Null(), tooMuchText()
		}
		return catalog.Str(strings.Join(list, values[0].AsString())), nil
	}), c.args...), nil
}

// anyArguments lets arguments be of any type.
func (b *Binder) anyArguments(c *call) error {
	for i := range c.args {
		x, err := b.settle(c.args[i], textType)
		if err != nil {
			return err
		}
		c.args[i] = x
	}
	return nil
}

// quoted binds QUOTE_LITERAL and QUOTE_NULLABLE, which takes NULL for a word.
func (b *Binder) quoted(c *call) (*Node, error) {
	if err := b.anyArguments(c); err != nil {
		return nil, err
	}
	null := catalog.Null()
	if c.name == "quote_nullable" {
		null = catalog.Str("NULL")
	}
	return foldCall(c, textType, each(func(values []catalog.Value) (catalog.Value, error) {
		if values[0].IsNull() {
			return null, nil
		}
		return catalog.Str(quoteText(values[0].String())), nil
	}), c.args...), nil
}

// quoteText returns a text as SQL writes it.
func quoteText(s string) string {
	prefix := ""
	if strings.Contains(s, `\`) {
		prefix, s = "E", strings.ReplaceAll(s, `\`, `\\`)
	}
	return prefix + "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

func quoteName(args []catalog.Value) (catalog.Value, error) {
	return catalog.Str(token.QuoteColumn(args[0].AsString())), nil
}

// format binds FORMAT: %s, %I for a name, %L for a literal, %% for itself, with n$ and a width.
func (b *Binder) format(c *call) (*Node, error) {
	if err := b.anyArguments(c); err != nil {
		return nil, err
	}
	if c.args[0].Type.Kind != catalog.String {
		return nil, wrongArgument(c, c.args[0], "TEXT as the format")
	}
	return foldCall(c, textType, each(func(values []catalog.Value) (catalog.Value, error) {
		if values[0].IsNull() {
			return values[0], nil
		}
		f := formatter{rest: values[0].AsString(), args: values[1:]}
		return f.run()
	}), c.args...), nil
}

// A formatter is one FORMAT.
type formatter struct {
	out  strings.Builder
	rest string // of the format
	args []catalog.Value
	next int // the argument that a % without a number takes
}

func (f *formatter) run() (catalog.Value, error) {
	for {
		text, rest, found := strings.Cut(f.rest, "%")
		f.out.WriteString(text)
		if !found {
			return catalog.Str(f.out.String()), nil
		}
		f.rest = rest
		if err := f.directive(); err != nil {
			return catalog.Null(), err
		}
		if f.out.Len() > maxTextBytes {
			return catalog.Null(), tooMuchText()
		}
	}
}

// number reads digits.
func (f *formatter) number() int {
	n := 0
	for f.rest != "" && f.rest[0] >= '0' && f.rest[0] <= '9' {
		n = min(n*10+int(f.rest[0]-'0'), maxTextBytes)
		f.rest = f.rest[1:]
	}
	return n
}

// directive reads what is behind a % and writes what it stands for.
func (f *formatter) directive() error {
	bad := func(format string, args ...any) error {
		return sqlstate.New(sqlstate.InvalidParameter, -1, format, args...).WithHint("there are %%s, %%I and %%L; a percent sign is %%%%")
	}
	if rest, is := strings.CutPrefix(f.rest, "%"); is {
		f.rest = rest
		f.out.WriteByte('%')
		return nil
	}
	at, before := f.next, f.rest
	if n := f.number(); strings.HasPrefix(f.rest, "$") && n > 0 {
		at, f.rest = n-1, f.rest[1:]
	} else {
		f.rest = before
	}
	rest, left := strings.CutPrefix(f.rest, "-")
	f.rest = rest
	width := f.number()
	if f.rest == "" {
		return bad("the format ends behind a %%")
	}
	letter := f.rest[0]
	f.rest = f.rest[1:]
	if at >= len(f.args) {
		return bad("there are too few arguments for the format")
	}
	f.next = at + 1
	v := f.args[at]
	var s string
	switch {
	case letter == 's' && v.IsNull():
	case letter == 's':
		s = v.String()
	case letter == 'I' && v.IsNull():
		return sqlstate.New(sqlstate.NullNotAllowed, -1, "NULL cannot be a name")
	case letter == 'I':
		s = token.QuoteColumn(v.String())
	case letter == 'L' && v.IsNull():
		s = "NULL"
	case letter == 'L':
		s = quoteText(v.String())
	default:
		return bad("the format has %%%c, which is not known", letter)
	}
	fill := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if left {
		f.out.WriteString(s + fill)
	} else {
		f.out.WriteString(fill + s)
	}
	return nil
}
