package session

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A copyFormat is how COPY writes rows.
type copyFormat struct {
	csv           bool
	delimiter     byte
	null          string
	header        bool
	quote, escape byte // of CSV
}

// formatOf reads the options of COPY.
func formatOf(options []ast.Option) (f copyFormat, err error) {
	f = copyFormat{delimiter: '\t', null: `\N`, quote: '"'}
	given := map[string]bool{}
	for _, o := range options {
		if o.Name == "format" {
			switch strings.ToLower(o.Value) {
			case "csv":
				f.csv, f.delimiter, f.null = true, ',', ""
			case "text":
			default:
				return f, sqlstate.New(sqlstate.NotSupported, o.At, "COPY knows the formats text and csv, not %q", o.Value)
			}
		}
	}
	for _, o := range options {
		if given[o.Name] {
			return f, sqlstate.New(sqlstate.SyntaxError, o.At, "the option %q is given twice", o.Name)
		}
		given[o.Name] = true
		switch o.Name {
		case "format":
		case "delimiter":
			f.delimiter, err = oneByte(o)
		case "quote":
			f.quote, err = oneByte(o)
		case "escape":
			f.escape, err = oneByte(o)
		case "null":
			f.null = o.Value
		case "header":
			f.header = true
			if o.Text {
				if f.header, err = parseBool(strings.ToLower(o.Value)); err != nil {
					err = sqlstate.New(sqlstate.InvalidParameter, o.At, "header is true or false, not %q", o.Value)
				}
			}
		case "encoding":
			if e := strings.ToLower(o.Value); e != "utf8" && e != "utf-8" {
				err = sqlstate.New(sqlstate.NotSupported, o.At, "the encoding is UTF8, not %q", o.Value)
			}
		default:
			err = sqlstate.New(sqlstate.NotSupported, o.At, "COPY has no option %q", o.Name).
				WithHint("it has FORMAT, DELIMITER, NULL, HEADER, QUOTE, ESCAPE and ENCODING")
		}
		if err != nil {
			return f, err
		}
	}
	if !f.csv && (given["quote"] || given["escape"]) {
		return f, sqlstate.New(sqlstate.InvalidParameter, -1, "QUOTE and ESCAPE are options of the format csv")
	}
	if f.escape == 0 {
		f.escape = f.quote
	}
	return f, nil
}

func oneByte(o ast.Option) (byte, error) {
	if len(o.Value) != 1 || o.Value == "\n" || o.Value == "\r" {
		return 0, sqlstate.New(sqlstate.InvalidParameter, o.At, "%s must be one character of ASCII", o.Name)
	}
	return o.Value[0], nil
}

// A field is a value in a file.
type field struct {
	text string
	null bool
}

// A fieldReader reads rows of a file.
type fieldReader struct {
	format copyFormat
	in     *bufio.Reader
	line   int
	fields []field
	b      []byte
}

// next returns the fields of the next row, until it is called again, or io.EOF.
func (r *fieldReader) next() ([]field, error) {
	if r.format.csv {
		return r.csvRow()
	}
	return r.textRow()
}

// readLine reads a line, without what ends it.
func (r *fieldReader) readLine() ([]byte, error) {
	r.b = r.b[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.b = append(r.b, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(r.b) > 0:
		case err != nil:
			return nil, err
		}
		r.line++
		line := r.b
		if n := len(line); n > 0 && line[n-1] == '\n' {
			line = line[:n-1]
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		return line, nil
	}
}

func (r *fieldReader) textRow() ([]field, error) {
	line, err := r.readLine()
	if err != nil {
		return nil, err
	}
	if string(line) == `\.` {
		return nil, io.EOF
	}
	r.fields = r.fields[:0]
	start := 0
	for i := 0; i <= len(line); i++ {
		if i < len(line) && line[i] == '\\' {
			i++
			continue
		}
		if i < len(line) && line[i] != r.format.delimiter {
			continue
		}
		raw := string(line[start:min(i, len(line))])
		if raw == r.format.null {
			r.fields = append(r.fields, field{null: true})
		} else {
			r.fields = append(r.fields, field{text: unescape(raw)})
		}
		start = i + 1
	}
	return r.fields, nil
}

// escapes are those of the text format, and what they stand for.
const (
	escapeLetters = "bfnrtv\\"
	escapeBytes   = "\b\f\n\r\t\v\\"
)

// unescape returns what a field of the text format stands for.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch at := strings.IndexByte(escapeLetters, s[i]); {
		case at >= 0:
			b.WriteByte(escapeBytes[at])
		case s[i] >= '0' && s[i] <= '7':
			n, digits := 0, 0
			for ; digits < 3 && i < len(s) && s[i] >= '0' && s[i] <= '7'; digits++ {
				n = n*8 + int(s[i]-'0')
				i++
			}
			i--
			b.WriteByte(byte(n))
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// csvRow reads a row of CSV, in whose quotes there may be lines.
func (r *fieldReader) csvRow() ([]field, error) {
	line, err := r.readLine()
	if err != nil {
		return nil, err
	}
	if string(line) == `\.` {
		return nil, io.EOF
	}
	r.fields = r.fields[:0]
	var value []byte
	quoted, inside := false, false
	text := append([]byte(nil), line...)
	for i := 0; ; i++ {
		if i == len(text) {
			if !inside {
				return r.addCSV(value, quoted), nil
			}
			if line, err = r.readLine(); err != nil {
				return nil, r.fault("a quote is not closed")
			}
			value = append(value, '\n')
			text, i = append(text[:0], line...), -1
			continue
		}
		c := text[i]
		switch {
		case inside && c == r.format.escape && i+1 < len(text) && (text[i+1] == r.format.quote || text[i+1] == r.format.escape):
			i++
			value = append(value, text[i])
		case c == r.format.quote:
			inside, quoted = !inside, true
		case !inside && c == r.format.delimiter:
			r.addCSV(value, quoted)
			value, quoted = value[:0], false
		default:
			value = append(value, c)
		}
	}
}

func (r *fieldReader) addCSV(value []byte, quoted bool) []field {
	s := string(value)
	r.fields = append(r.fields, field{s, !quoted && s == r.format.null})
	return r.fields
}

func (r *fieldReader) fault(format string, args ...any) error {
	e := sqlstate.New(sqlstate.BadCopy, -1, format, args...)
	e.Message = "line " + decimal(int64(r.line)) + ": " + e.Message
	return e
}

// appendRow appends a row with the end of its line.
func (f *copyFormat) appendRow(dst []byte, fields []field) []byte {
	for i, v := range fields {
		if i > 0 {
			dst = append(dst, f.delimiter)
		}
		switch {
		case v.null:
			dst = append(dst, f.null...)
		case f.csv:
			dst = f.appendCSV(dst, v.text)
		default:
			dst = f.appendText(dst, v.text)
		}
	}
	return append(dst, '\n')
}

func (f *copyFormat) appendCSV(dst []byte, s string) []byte {
	if s != f.null && s != `\.` && strings.IndexByte(s, f.delimiter) < 0 && strings.IndexByte(s, f.quote) < 0 && !strings.ContainsAny(s, "\r\n") {
		return append(dst, s...)
	}
	dst = append(dst, f.quote)
	for i := range len(s) {
		if s[i] == f.quote || s[i] == f.escape {
			dst = append(dst, f.escape)
		}
		dst = append(dst, s[i])
	}
	return append(dst, f.quote)
}

func (f *copyFormat) appendText(dst []byte, s string) []byte {
	for i := range len(s) {
		switch at := strings.IndexByte(escapeBytes, s[i]); {
		case at >= 0:
			dst = append(dst, '\\', escapeLetters[at])
		case s[i] == f.delimiter:
			dst = append(dst, '\\', s[i])
		default:
			dst = append(dst, s[i])
		}
	}
	return dst
}
