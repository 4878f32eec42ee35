package port

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"unicode/utf8"

	"github.com/middb/middb/cmd/middb/internal/literal"
)

// ExportOptions say how to write a file.
type ExportOptions struct {
	Format Format
	// Progress, if set, is called now and then with the rows written so far.
	Progress func(rows int64)
}

// Export writes the entries, which come in key order, to w and returns how many it wrote. It stops
// between entries when ctx ends. An entry that the format cannot hold is an error that names its
// key; what was written before is then part of a file, not a file.
func Export(ctx context.Context, w io.Writer, o ExportOptions, entries iter.Seq2[[]byte, []byte]) (int64, error) {
	out := bufio.NewWriterSize(w, 256<<10)
	var line []byte
	var rows int64
	table := tableWriter{comma: o.Format.comma()}
	for k, v := range entries {
		if err := ctx.Err(); err != nil {
			return rows, err
		}
		var err error
		if o.Format == JSONL {
			line = appendEntry(line[:0], k, v)
		} else if line, err = table.appendRow(line[:0], v); err != nil {
			return rows, fmt.Errorf("key %s: %w; jsonl can hold every entry: --format jsonl", literal.Show(k), err)
		}
		if _, err := out.Write(line); err != nil {
			return rows, err
		}
		rows++
		if rows%1024 == 0 && o.Progress != nil {
			o.Progress(rows)
		}
	}
	return rows, out.Flush()
}

// appendEntry appends an entry as a line of jsonl.
func appendEntry(dst, k, v []byte) []byte {
	dst = appendBytes(append(dst, `{"key`...), k)
	dst = appendBytes(append(dst, `,"value`...), v)
	return append(dst, "}\n"...)
}

// appendBytes ends a field's name and appends its value, in base64 if it is not UTF-8.
func appendBytes(dst, b []byte) []byte {
	if utf8.Valid(b) {
		return appendString(append(dst, `":`...), b)
	}
	dst = append(dst, `_b64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

// tableWriter turns values back into csv or tsv rows.
type tableWriter struct {
	comma   byte
	started bool
	columns int
	names   []string // of objects, in the order of the first; nil when the rows are arrays
	cells   [][]byte
}

// appendRow appends the row in v, and before the first row of objects the header.
func (t *tableWriter) appendRow(dst, v []byte) ([]byte, error) {
	members, object, err := parseMembers(v)
	if err != nil {
		return dst, fmt.Errorf("its value is no row of columns: %w", err)
	}
	if !t.started {
		if len(members) == 0 {
			return dst, errors.New("its value has no columns")
		}
		t.started, t.columns = true, len(members)
		t.cells = make([][]byte, t.columns)
		if object {
			t.names = make([]string, t.columns)
			for i, m := range members {
				t.names[i] = m.name
				t.cells[i] = []byte(m.name)
			}
			dst = t.appendCells(dst)
		}
	}
	if object != (t.names != nil) {
		return dst, errors.New("rows with and without column names cannot stand in one file")
	}
	if len(members) != t.columns {
		return dst, fmt.Errorf("it has %d columns, and the first row has %d", len(members), t.columns)
	}
	for i, m := range members {
		at := i
		if object && m.name != t.names[i] {
			if at = t.find(m.name); at < 0 {
				return dst, fmt.Errorf("its column %q is not among those of the first row (%s)", m.name, listNames(t.names))
			}
		}
		if t.cells[at], err = m.text(); err != nil {
			return dst, err
		}
	}
	return t.appendCells(dst), nil
}

func (t *tableWriter) find(name string) int {
	for i, n := range t.names {
		if n == name {
			return i
		}
	}
	return -1
}

func (t *tableWriter) appendCells(dst []byte) []byte {
	for i, c := range t.cells {
		if i > 0 {
			dst = append(dst, t.comma)
		}
		// A line that is empty would be skipped, so a lone empty cell is quoted.
		if !t.mustQuote(c) && (len(c) > 0 || len(t.cells) > 1) {
			dst = append(dst, c...)
			continue
		}
		dst = append(dst, '"')
		for {
			q := bytes.IndexByte(c, '"')
			if q < 0 {
				break
			}
			dst = append(append(dst, c[:q]...), `""`...)
			c = c[q+1:]
		}
		dst = append(append(dst, c...), '"')
	}
	return append(dst, '\n')
}

// mustQuote reports whether a reader could take a bare c for something else.
func (t *tableWriter) mustQuote(c []byte) bool {
	for _, b := range c {
		if b == t.comma || b == '"' || b == '\n' || b == '\r' {
			return true
		}
	}
	// Other readers trim blanks at the ends, and a byte order mark at the start of the file.
	return len(c) > 0 && (c[0] == ' ' || c[0] == '\t' || c[len(c)-1] == ' ' || c[len(c)-1] == '\t' || c[0] == 0xef)
}
