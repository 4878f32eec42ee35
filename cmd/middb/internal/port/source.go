package port

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A row is an entry on its way into the database. Key and value are valid until the next one.
type row struct {
	line       int
	key, value []byte
}

// A source reads the rows of one format. At the end it returns io.EOF.
type source interface {
	next() (row, error)
}

func newSource(r io.Reader, o ImportOptions) (source, error) {
	lines := newLineReader(r)
	if err := lines.skipMark(); err != nil {
		return nil, err
	}
	switch {
	case o.Format != JSONL:
		t := &tableReader{lines: lines, comma: o.Format.comma(), noQuotes: o.NoQuotes}
		return &tableSource{rows: t, o: o}, nil
	case o.Key == "":
		return &entrySource{lines: lines}, nil
	default:
		return &objectSource{lines: lines, key: o.Key}, nil
	}
}

// tableSource turns csv and tsv rows into entries.
type tableSource struct {
	rows     *tableReader
	o        ImportOptions
	columns  int      // of the first line; 0 before it
	names    [][]byte // of the header, as JSON strings; nil without one
	keyIndex int      // column of the key; -1: the row number
	count    uint64   // rows so far
	key, val []byte
}

func (s *tableSource) next() (row, error) {
	fields, line, err := s.rows.next()
	if err != nil {
		return row{}, err
	}
	if s.columns == 0 {
		header := !s.o.NoHeader
		if err = s.begin(fields, line, header); err != nil {
			return row{}, err
		}
		if header {
			if fields, line, err = s.rows.next(); err != nil {
				return row{}, err
			}
		}
	}
	if len(fields) != s.columns {
		return row{}, lineErrorf(line, "%d columns, but the first line has %d", len(fields), s.columns)
	}
	for i, f := range fields {
		if !utf8.Valid(f) {
			return row{}, lineErrorf(line, "column %d is not UTF-8; convert the file first, for example with iconv -f LATIN1 -t UTF-8", i+1)
		}
	}
	s.count++
	if s.keyIndex < 0 {
		s.key = fmt.Appendf(s.key[:0], "%020d", s.count)
	} else {
		s.key = append(s.key[:0], fields[s.keyIndex]...)
	}
	if s.names != nil {
		s.val = appendObject(s.val[:0], s.names, fields)
	} else {
		s.val = appendArray(s.val[:0], fields)
	}
	return row{line: line, key: s.key, value: s.val}, nil
}

// begin takes the columns from the first line and finds the key among them.
func (s *tableSource) begin(fields [][]byte, line int, header bool) error {
	s.columns = len(fields)
	var names []string
	if header {
		var err error
		if names, err = checkHeader(fields, line); err != nil {
			return err
		}
		for i, f := range fields {
			if !utf8.Valid(f) {
				return lineErrorf(line, "the name of column %d is not UTF-8; convert the file first", i+1)
			}
			s.names = append(s.names, appendString(nil, f))
		}
	}
	if s.o.Key == KeyRow {
		s.keyIndex = -1
		return nil
	}
	if s.keyIndex = slices.Index(names, s.o.Key); s.keyIndex >= 0 {
		return nil
	}
	n, err := strconv.Atoi(s.o.Key)
	switch {
	case err == nil && n >= 1 && n <= s.columns:
		s.keyIndex = n - 1
		return nil
	case err == nil:
		return lineErrorf(line, "there is no column %d for the key; the first line has %d", n, s.columns)
	case strings.EqualFold(s.o.Key, "row"):
		return lineErrorf(line, "there is no column %q for the key; for row numbers write --key %s", s.o.Key, KeyRow)
	default:
		return lineErrorf(line, "there is no column %q for the key; the header has %s", s.o.Key, listNames(names))
	}
}

// nextObject returns the next line that is not blank, and the members of the object in it.
func nextObject(lines *lineReader) (text []byte, members []member, err error) {
	for {
		text, err = lines.next()
		if err != nil {
			return nil, nil, err
		}
		text = bytes.TrimSpace(text)
		if len(text) > 0 {
			break
		}
	}
	members, object, err := parseMembers(text)
	if err == nil && !object {
		err = errors.New("not a JSON object")
	}
	if err != nil {
		return nil, nil, &LineError{Line: lines.line, Err: err}
	}
	return text, members, nil
}

// objectSource turns jsonl objects into entries whose value is the object.
type objectSource struct {
	lines *lineReader
	key   string
	count uint64
	val   bytes.Buffer
}

func (s *objectSource) next() (row, error) {
	text, members, err := nextObject(s.lines)
	if err != nil {
		return row{}, err
	}
	s.count++
	r := row{line: s.lines.line}
	if s.key == KeyRow {
		r.key = fmt.Appendf(nil, "%020d", s.count)
	} else if r.key, err = s.find(members); err != nil {
		return row{}, &LineError{Line: r.line, Err: err}
	}
	s.val.Reset()
	if err := json.Compact(&s.val, text); err != nil {
		return row{}, &LineError{Line: r.line, Err: jsonError(err)}
	}
	r.value = s.val.Bytes()
	return r, nil
}

func (s *objectSource) find(members []member) ([]byte, error) {
	for _, m := range members {
		if m.name != s.key {
			continue
		}
		if c := m.raw[0]; c != '"' && c != '-' && (c < '0' || c > '9') {
			return nil, fmt.Errorf("the key field %q is neither text nor a number", s.key)
		}
		return m.text()
	}
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.name
	}
	return nil, fmt.Errorf("there is no field %q for the key; the object has %s", s.key, listNames(names))
}

// entrySource reads what Export writes as jsonl.
type entrySource struct{ lines *lineReader }

func (s *entrySource) next() (row, error) {
	_, members, err := nextObject(s.lines)
	if err != nil {
		return row{}, err
	}
	r := row{line: s.lines.line}
	var haveKey, haveValue bool
	for _, m := range members {
		name, coded := strings.CutSuffix(m.name, "_b64")
		var into *[]byte
		switch name {
		case "key":
			into, haveKey = &r.key, !haveKey
		case "value":
			into, haveValue = &r.value, !haveValue
		default:
			return row{}, notEntry(r.line)
		}
		if m.raw[0] != '"' {
			return row{}, notEntry(r.line)
		}
		if *into, err = m.text(); err != nil {
			return row{}, &LineError{Line: r.line, Err: err}
		}
		if coded {
			if *into, err = base64.StdEncoding.DecodeString(string(*into)); err != nil {
				return row{}, lineErrorf(r.line, "field %s: %w", m.name, err)
			}
		}
	}
	if !haveKey || !haveValue {
		return row{}, notEntry(r.line)
	}
	return r, nil
}

func notEntry(line int) error {
	return lineErrorf(line, `not an exported entry {"key":"…","value":"…"}; for other objects name the field that is the key with --key`)
}
