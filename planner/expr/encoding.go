package expr

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// encodingFunctions are those that make bytes of texts, texts of bytes, and digests.
func encodingFunctions() map[string]function {
	digest := func(of func(b []byte) []byte) func(*Binder, *call) (*Node, error) {
		return simple(bytesType, func(args []catalog.Value) (catalog.Value, error) {
			return catalog.BytesOf(of(args[0].AsBytes())), nil
		}, bytesType)
	}
	return map[string]function{
		"md5":    {1, 1, (*Binder).md5},
		"sha224": {1, 1, digest(func(b []byte) []byte { s := sha256.Sum224(b); return s[:] })},
		"sha256": {1, 1, digest(func(b []byte) []byte { s := sha256.Sum256(b); return s[:] })},
		"sha384": {1, 1, digest(func(b []byte) []byte { s := sha512.Sum384(b); return s[:] })},
		"sha512": {1, 1, digest(func(b []byte) []byte { s := sha512.Sum512(b); return s[:] })},
		"encode": {2, 2, simple(textType, encode, bytesType, textType)},
		"decode": {2, 2, simple(bytesType, decode)},
		"to_hex": {1, 1, simple(textType, toHex, intType)},
		"hex":    {1, 1, (*Binder).hex},

		"convert_from": {2, 2, simple(textType, convertFrom, bytesType, textType)},
		"convert_to":   {2, 2, simple(bytesType, convertTo)},
	}
}

// md5 binds MD5 of TEXT or BYTEA, in hexadecimal digits.
func (b *Binder) md5(c *call) (*Node, error) {
	t := textType
	if c.args[0].Type.Kind == catalog.Bytes {
		t = bytesType
	}
	return simple(textType, func(args []catalog.Value) (catalog.Value, error) {
		sum := md5.Sum([]byte(args[0].AsString() + string(args[0].AsBytes())))
		return catalog.Str(hex.EncodeToString(sum[:])), nil
	}, t)(b, c)
}

// hex binds HEX, which SQLite has: the bytes of TEXT or BYTEA in capital hexadecimal digits.
func (b *Binder) hex(c *call) (*Node, error) {
	if c.args[0].Type.Kind != catalog.Bytes {
		x, err := b.assign(c.args[0], textType)
		if err != nil {
			return nil, err
		}
		c.args[0] = x
	}
	return foldCall(c, textType, unary(func(v catalog.Value) (catalog.Value, error) {
		return catalog.Str(strings.ToUpper(hex.EncodeToString([]byte(v.AsString() + string(v.AsBytes()))))), nil
	}), c.args...), nil
}

func noEncoding(name string) error {
	return sqlstate.New(sqlstate.InvalidParameter, -1, "there is no encoding %q", shorten(name)).WithHint("there are hex, base64 and escape")
}

// base64Line is after how many characters PostgreSQL breaks lines.
const base64Line = 76

func encode(args []catalog.Value) (catalog.Value, error) {
	b := args[0].AsBytes()
	switch name := args[1].AsString(); strings.ToLower(name) {
	case "hex":
		return catalog.Str(hex.EncodeToString(b)), nil
	case "base64":
		s := base64.StdEncoding.EncodeToString(b)
		var lines []string
		for len(s) > base64Line {
			lines = append(lines, s[:base64Line])
			s = s[base64Line:]
		}
		return catalog.Str(strings.Join(append(lines, s), "\n")), nil
	case "escape":
		var s strings.Builder
		for _, c := range b {
			switch {
			case c == '\\':
				s.WriteString(`\\`)
			case c == 0 || c >= 0x80:
				s.WriteString(`\` + string([]byte{'0' + c>>6, '0' + c>>3&7, '0' + c&7}))
			default:
				s.WriteByte(c)
			}
		}
		return catalog.Str(s.String()), nil
	default:
		return catalog.Null(), noEncoding(name)
	}
}

func decode(args []catalog.Value) (catalog.Value, error) {
	s := args[0].AsString()
	var b []byte
	var err error
	space := func(s string) string { return strings.Join(strings.Fields(s), "") }
	switch name := args[1].AsString(); strings.ToLower(name) {
	case "hex":
		b, err = hex.DecodeString(space(s))
	case "base64":
		b, err = base64.StdEncoding.DecodeString(space(s))
	case "escape":
		var v catalog.Value
		if strings.HasPrefix(s, `\x`) { // here it is no sign for hexadecimal digits
			s = `\\` + s[1:]
		}
		v, err = catalog.Parse(bytesType, s)
		b = v.AsBytes()
	default:
		return catalog.Null(), noEncoding(name)
	}
	if err != nil {
		e := sqlstate.New(sqlstate.InvalidParameter, -1, "the text %q cannot be decoded", shorten(s))
		e.Cause = err
		return catalog.Null(), e
	}
	return catalog.BytesOf(b), nil
}

// toHex returns the bits of a number in hexadecimal digits.
func toHex(args []catalog.Value) (catalog.Value, error) {
	return catalog.Str(strconv.FormatUint(uint64(args[0].AsInt()), 16)), nil
}

// checkUTF8 refuses all encodings but the one that there is.
func checkUTF8(name string) error {
	if n := strings.ToLower(strings.ReplaceAll(name, "-", "")); n != "utf8" && n != "unicode" {
		return sqlstate.New(sqlstate.NotSupported, -1, "the encoding %q is not supported", shorten(name)).WithHint("there is UTF8")
	}
	return nil
}

func convertFrom(args []catalog.Value) (catalog.Value, error) {
	if err := checkUTF8(args[1].AsString()); err != nil {
		return catalog.Null(), err
	}
	v, err := catalog.Cast(catalog.Str(string(args[0].AsBytes())), textType)
	if err != nil {
		return catalog.Null(), sqlstate.New(sqlstate.BadCharacter, -1, "the bytes are not UTF-8")
	}
	return v, nil
}

func convertTo(args []catalog.Value) (catalog.Value, error) {
	return catalog.BytesOf([]byte(args[0].AsString())), checkUTF8(args[1].AsString())
}
