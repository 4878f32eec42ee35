package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// maxTextBytes is how long a text can become.
const maxTextBytes = 64 << 20

func tooMuchText() error {
	return sqlstate.New(sqlstate.TooLarge, -1, "the text would have more than %d bytes", maxTextBytes)
}

// textFunctions are those of texts.
func textFunctions() map[string]function {
	return map[string]function{
		"length":           {1, 1, (*Binder).length},
		"char_length":      {1, 1, (*Binder).length},
		"character_length": {1, 1, (*Binder).length},
		"octet_length":     {1, 1, (*Binder).length},
		"bit_length":       {1, 1, (*Binder).length},
		"lower":            {1, 1, simple(textType, lower)},
		"upper":            {1, 1, simple(textType, upper)},
		"initcap":          {1, 1, simple(textType, initcap)},
		"substr":           {2, 3, (*Binder).substr},
		"substring":        {2, 3, (*Binder).substr},
		"left":             {2, 2, simple(textType, left, textType, intType)},
		"right":            {2, 2, simple(textType, right, textType, intType)},
		"lpad":             {2, 3, simple(textType, padLeft, textType, intType, textType)},
		"rpad":             {2, 3, simple(textType, padRight, textType, intType, textType)},
		"trim":             {1, 2, simple(textType, trimBoth)},
		"btrim":            {1, 2, simple(textType, trimBoth)},
		"ltrim":            {1, 2, simple(textType, trimLeft)},
		"rtrim":            {1, 2, simple(textType, trimRight)},
		"replace":          {3, 3, simple(textType, replace)},
		"translate":        {3, 3, simple(textType, translate)},
		"overlay":          {3, 4, simple(textType, overlay, textType, textType, intType, intType)},
		"repeat":           {2, 2, simple(textType, repeat, textType, intType)},
		"reverse":          {1, 1, simple(textType, reverse)},
		"split_part":       {3, 3, simple(textType, splitPart, textType, textType, intType)},
		"strpos":           {2, 2, simple(intType, position)},
		"instr":            {2, 2, simple(intType, position)},
		"starts_with":      {2, 2, simple(boolType, startsWith)},
		"ascii":            {1, 1, simple(intType, ascii)},
		"chr":              {1, 1, simple(textType, chr, intType)},
		"concat":           {1, many, (*Binder).concatFunction},
		"concat_ws":        {2, many, (*Binder).concatSeparated},
		"format":           {1, many, (*Binder).format},
		"quote_literal":    {1, 1, (*Binder).quoted},
		"quote_nullable":   {1, 1, (*Binder).quoted},
		"quote_ident":      {1, 1, simple(textType, quoteName)},
	}
}

// simple binds a function whose arguments have the given types; TEXT if none are given.
func simple(result catalog.Type, of func([]catalog.Value) (catalog.Value, error), types ...catalog.Type) func(*Binder, *call) (*Node, error) {
	return func(b *Binder, c *call) (*Node, error) {
		if err := b.arguments(c, types...); err != nil {
			return nil, err
		}
		return foldCall(c, result, eachStrict(of), c.args...), nil
	}
}

// arguments requires arguments to be of types, TEXT if none are given, or to become so without being asked.
func (b *Binder) arguments(c *call, types ...catalog.Type) error {
	for i := range c.args {
		t := textType
		if i < len(types) {
			t = types[i]
		}
		x, err := b.settle(c.args[i], t)
		if err != nil {
			return err
		}
		if shared, ok := common(x.Type, t); ok && shared.Kind == t.Kind {
			x = widen(x, t)
		}
		if x.Type.Kind != t.Kind {
			return wrongArgument(c, x, nameOf(t))
		}
		c.args[i] = x
	}
	return nil
}

// length binds LENGTH, in characters, or in bytes of BYTEA, and OCTET_LENGTH, in bytes.
func (b *Binder) length(c *call) (*Node, error) {
	x, err := b.settle(c.args[0], textType)
	if err != nil {
		return nil, err
	}
	var of unaryOperation
	switch {
	case x.Type.Kind == catalog.Bytes && !strings.HasPrefix(c.name, "char"):
		bits := map[bool]int64{true: 8, false: 1}[c.name == "bit_length"]
		of = func(v catalog.Value) (catalog.Value, error) { return catalog.Int(bits * int64(len(v.AsBytes()))), nil }
	case x.Type.Kind != catalog.String:
		return nil, wrongArgument(c, x, "TEXT")
	case c.name == "bit_length":
		of = func(v catalog.Value) (catalog.Value, error) { return catalog.Int(8 * int64(len(v.AsString()))), nil }
	case c.name == "octet_length":
		of = func(v catalog.Value) (catalog.Value, error) { return catalog.Int(int64(len(v.AsString()))), nil }
	default:
		of = func(v catalog.Value) (catalog.Value, error) {
			return catalog.Int(int64(utf8.RuneCountInString(v.AsString()))), nil
		}
	}
	return foldCall(c, intType, unary(of), x), nil
}

func lower(args []catalog.Value) (catalog.Value, error) {
	return catalog.Str(strings.ToLower(args[0].AsString())), nil
}

func upper(args []catalog.Value) (catalog.Value, error) {
	return catalog.Str(strings.ToUpper(args[0].AsString())), nil
}

// plain7 reports whether a short text is ASCII, and that it cannot be said of a long one.
func plain7(s string) bool {
	if len(s) > 64 {
		return false
	}
	all := byte(0)
	for i := range len(s) {
		all |= s[i]
	}
	return all < utf8.RuneSelf
}

// characters returns those of a text from one on, up to but without another. The first is 0.
func characters(s string, from, to int64) string {
	start, n := len(s), int64(0)
	if from >= int64(len(s)) || from >= to {
		return ""
	}
	if end := int(min(to, int64(len(s)))); plain7(s[:end]) { // a character is a byte
		return s[from:end]
	}
	for i := range s {
		if n == from {
			start = i
		}
		if n == to {
			return s[start:i]
		}
		n++
	}
	return s[start:]
}

// substring computes SUBSTR(text, start, length). Places count from 1, and those before the text are empty.
func substring(args []catalog.Value) (catalog.Value, error) {
	s, start := args[0].AsString(), args[1].AsInt()
	end := int64(len(s)) + 1
	if len(args) == 3 {
		length := args[2].AsInt()
		if length < 0 {
			return catalog.Null(), sqlstate.New(sqlstate.SubstringError, -1, "the length of a substring cannot be negative")
		}
		if sum := start + length; sum >= start { // else it is beyond every text
			end = min(end, sum)
		}
	}
	start = max(start, 1)
	return catalog.Str(characters(s, start-1, max(end, 1)-1)), nil
}

// left returns so many first characters, or all but so many last ones if the number is negative.
func left(args []catalog.Value) (catalog.Value, error) {
	s, n := args[0].AsString(), args[1].AsInt()
	if n < 0 {
		n = max(0, int64(utf8.RuneCountInString(s))+max(n, -maxTextBytes*64))
	}
	return catalog.Str(characters(s, 0, n)), nil
}

// right returns so many last characters, or all but so many first ones if the number is negative.
func right(args []catalog.Value) (catalog.Value, error) {
	s, n := args[0].AsString(), args[1].AsInt()
	all := int64(utf8.RuneCountInString(s))
	if n < 0 {
		return catalog.Str(characters(s, -max(n, -all), all)), nil
	}
	return catalog.Str(characters(s, all-min(n, all), all)), nil
}

// trimmed returns which characters TRIM takes off: blanks, if nothing was said.
func trimmed(args []catalog.Value) string {
	if len(args) == 2 {
		return args[1].AsString()
	}
	return " "
}

func trimBoth(args []catalog.Value) (catalog.Value, error) {
	return catalog.Str(strings.Trim(args[0].AsString(), trimmed(args))), nil
}

func trimLeft(args []catalog.Value) (catalog.Value, error) {
	return catalog.Str(strings.TrimLeft(args[0].AsString(), trimmed(args))), nil
}

func trimRight(args []catalog.Value) (catalog.Value, error) {
	return catalog.Str(strings.TrimRight(args[0].AsString(), trimmed(args))), nil
}

func replace(args []catalog.Value) (catalog.Value, error) {
	s, from, to := args[0].AsString(), args[1].AsString(), args[2].AsString()
	if from == "" {
		return args[0], nil
	}
	if grows := len(to) - len(from); grows > 0 && len(s)+grows*strings.Count(s, from) > maxTextBytes {
		return catalog.Null(), tooMuchText()
	}
	return catalog.Str(strings.ReplaceAll(s, from, to)), nil
}

// position returns at which character of the first text the second begins, or 0.
func position(args []catalog.Value) (catalog.Value, error) {
	s := args[0].AsString()
	i := strings.Index(s, args[1].AsString())
	if i < 0 {
		return catalog.Int(0), nil
	}
	return catalog.Int(int64(utf8.RuneCountInString(s[:i])) + 1), nil
}

// concat binds ||: of BYTEA, or of TEXT and anything.
func (b *Binder) concat(at int, x, y *Node) (*Node, error) {
	want := textType
	if x.Type.Kind == catalog.Bytes && (y.Open() || y.Type.Kind == catalog.Bytes) || x.Open() && y.Type.Kind == catalog.Bytes {
		want = bytesType
	}
	oneIsText := x.Open() || y.Open() || x.Type.Kind == catalog.String || y.Type.Kind == catalog.String
	if want.Kind == catalog.String && !oneIsText {
		return nil, noOperator(at, ast.Concat, x.Type, y.Type)
	}
	x, err := b.settle(x, want)
	if err != nil {
		return nil, err
	}
	if y, err = b.settle(y, want); err != nil {
		return nil, err
	}
	join := joinTexts
	if want.Kind == catalog.Bytes {
		join = joinBytes
	}
	return fold(OpConcat, at, want, binary(join), x, y), nil
}

func joinTexts(v, w catalog.Value) (catalog.Value, error) {
	s, t := v.String(), w.String()
	if len(s)+len(t) > maxTextBytes {
		return catalog.Null(), tooMuchText()
	}
	return catalog.Str(s + t), nil
}

func joinBytes(v, w catalog.Value) (catalog.Value, error) {
	s, t := v.AsBytes(), w.AsBytes()
	if len(s)+len(t) > maxTextBytes {
		return catalog.Null(), tooMuchText()
	}
	return catalog.BytesOf(append(s, t...)), nil
}

// concatFunction binds CONCAT, which takes anything and leaves NULLs out.
func (b *Binder) concatFunction(c *call) (*Node, error) {
	for i := range c.args {
		x, err := b.settle(c.args[i], textType)
		if err != nil {
			return nil, err
		}
		c.args[i] = x
	}
	return foldCall(c, textType, each(func(values []catalog.Value) (catalog.Value, error) {
		var all strings.Builder
		for _, v := range values {
			if v.IsNull() {
				continue
			}
			s := v.String()
			if all.Len()+len(s) > maxTextBytes {
				return catalog.Null(), tooMuchText()
			}
			all.WriteString(s)
		}
		return catalog.Str(all.String()), nil
	}), c.args...), nil
}
