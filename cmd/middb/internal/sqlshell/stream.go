package sqlshell

import (
	"encoding/json"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/session"
)

// csvWriter writes rows as CSV. NULL is nothing, and a text that is empty stands in quotes.
type csvWriter struct {
	out       *printer
	delimiter string
}

// newDelimited returns what writes CSV with another delimiter than a comma.
func newDelimited(w *printer, columns []session.Column, delimiter byte) csvWriter {
	c := csvWriter{w, string(delimiter)}
	for i, column := range columns {
		c.field(i, column.Name)
	}
	w.add("\n")
	return c
}

func (c csvWriter) field(i int, s string) {
	if i > 0 {
		c.out.add(c.delimiter)
	}
	if s == "" || strings.ContainsAny(s, c.delimiter+"\"\n\r") {
		s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	c.out.add(s)
}

func (c csvWriter) row(values []catalog.Value) {
	for i, v := range values {
		switch {
		case !v.IsNull():
			c.field(i, v.String())
		case i > 0:
			c.out.add(c.delimiter)
		}
	}
	c.out.add("\n")
}

func (csvWriter) end(int64) {}

// jsonWriter writes rows as an array of objects.
type jsonWriter struct {
	out   *printer
	names [][]byte // as JSON
	begun bool
}

func newJSON(w *printer, columns []session.Column) *jsonWriter {
	j := &jsonWriter{out: w}
	for _, c := range columns {
		j.names = append(j.names, jsonText(c.Name))
	}
	w.add("[")
	return j
}

// jsonText returns a text as JSON has it.
func jsonText(s string) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return []byte(`""`) // texts have no such error
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}

func (j *jsonWriter) row(values []catalog.Value) {
	if j.begun {
		j.out.add(",\n ")
	}
	j.begun = true
	j.out.add("{")
	for i, v := range values {
		if i > 0 {
			j.out.add(",")
		}
		j.out.add(string(j.names[i]))
		j.out.add(":")
		j.out.add(string(jsonValue(v)))
	}
	j.out.add("}")
}

// jsonValue returns a value as JSON: numbers, booleans and JSON as they are, and everything else as text.
func jsonValue(v catalog.Value) []byte {
	switch v.Kind() {
	case 0:
		return []byte("null")
	case catalog.Bool:
		if v.AsBool() {
			return []byte("true")
		}
		return []byte("false")
	case catalog.Int64, catalog.Decimal, catalog.Float64, catalog.JSON:
		if b := []byte(v.String()); json.Valid(b) { // not NaN
			return b
		}
	default:
	}
	return jsonText(v.String())
}

func (j *jsonWriter) end(int64) { j.out.add("]\n") }

// lineWriter writes a line for each value, and an empty one between rows.
type lineWriter struct {
	out   *printer
	names []string
	begun bool
}

func newLines(w *printer, columns []session.Column) *lineWriter {
	l := &lineWriter{out: w}
	width := 0
	for _, c := range columns {
		width = max(width, text.StringWidthWithoutEscSequences(oneLine(c.Name)))
	}
	for _, c := range columns {
		name := oneLine(c.Name)
		l.names = append(l.names, strings.Repeat(" ", width-text.StringWidthWithoutEscSequences(name))+name+" = ")
	}
	return l
}

func (l *lineWriter) row(values []catalog.Value) {
	if l.begun {
		l.out.add("\n")
	}
	l.begun = true
	for i, v := range values {
		l.out.add(l.names[i])
		l.out.add(oneLine(shown(v)))
		l.out.add("\n")
	}
}

func (l *lineWriter) end(rows int64) {
	if l.begun {
		l.out.add("\n")
	}
	l.out.add(count(rows))
	l.out.add("\n")
}
