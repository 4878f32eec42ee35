package port

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/middb/middb/key"
)

// maxRowBytes bounds a row, so that a quote that is never closed ends in an error and not in the
// whole file in memory. A row of this size could not be stored anyway.
const maxRowBytes = key.MaxValueBytes

var errRowTooLong = fmt.Errorf("longer than %d MiB, the largest value that middb stores", maxRowBytes>>20)

// lineReader reads lines and counts them.
type lineReader struct {
	br   *bufio.Reader
	line int // number of the last line read, from 1
	long []byte
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{br: bufio.NewReaderSize(r, 256<<10)}
}

// next returns the next line with its line end, valid until the next call, or io.EOF.
func (r *lineReader) next() ([]byte, error) {
	line, err := r.br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		r.long = r.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			r.long = append(r.long, line...)
			if len(r.long) > maxRowBytes {
				r.line++
				return nil, &LineError{Line: r.line, Err: errRowTooLong}
			}
			line, err = r.br.ReadSlice('\n')
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read after line %d: %w", r.line, err)
	}
	if len(line) == 0 {
		return nil, io.EOF
	}
	r.line++
	return line, nil
}

// skipMark skips a UTF-8 byte order mark, and refuses text in UTF-16.
func (r *lineReader) skipMark() error {
	head, _ := r.br.Peek(3) // an error shows up again at the first read
	switch {
	case string(head) == "\xef\xbb\xbf":
		_, err := r.br.Discard(3)
		return err
	case len(head) >= 2 && (string(head[:2]) == "\xff\xfe" || string(head[:2]) == "\xfe\xff"):
		return &LineError{Line: 1, Err: errors.New("the file is UTF-16; convert it to UTF-8 first, for example with iconv -f UTF-16 -t UTF-8")}
	default:
		return nil
	}
}

// tableReader reads the rows of csv and tsv files.
type tableReader struct {
	lines    *lineReader
	comma    byte
	noQuotes bool
	buf      []byte   // the text of the fields, one after another
	ends     []int    // end of each field in buf
	fields   [][]byte // the fields, aliasing buf
}

// next returns the fields of the next row, valid until the next call, and the line on which it
// starts. At the end it returns io.EOF.
func (r *tableReader) next() (fields [][]byte, line int, err error) {
	var text []byte
	for {
		text, err = r.lines.next()
		if err != nil {
			return nil, 0, err
		}
		if len(cutLineEnd(text)) > 0 {
			break
		}
	}
	line = r.lines.line
	r.buf, r.ends, r.fields = r.buf[:0], r.ends[:0], r.fields[:0]
	for {
		text, err = r.field(text)
		if err != nil {
			return nil, line, err
		}
		r.ends = append(r.ends, len(r.buf))
		if len(text) == 0 || text[0] != r.comma {
			break
		}
		text = text[1:]
	}
	start := 0
	for _, end := range r.ends {
		r.fields = append(r.fields, r.buf[start:end:end])
		start = end
	}
	return r.fields, line, nil
}

// field appends the field at the start of text to buf and returns what follows it in its last
// line, which is the next comma or nothing.
func (r *tableReader) field(text []byte) ([]byte, error) {
	if len(text) > 0 && text[0] == '"' && !r.noQuotes {
		return r.quoted(text[1:])
	}
	if i := bytes.IndexByte(text, r.comma); i >= 0 {
		r.buf = append(r.buf, text[:i]...)
		return text[i:], nil
	}
	r.buf = append(r.buf, cutLineEnd(text)...)
	return nil, nil
}

// quoted reads on after an opening quote, over as many lines as it takes.
func (r *tableReader) quoted(text []byte) ([]byte, error) {
	opened := r.lines.line
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			r.buf = append(r.buf, text...)
			if len(r.buf) > maxRowBytes {
				return nil, &LineError{Line: opened, Err: fmt.Errorf("a quoted field is %w", errRowTooLong)}
			}
			next, err := r.lines.next()
			if errors.Is(err, io.EOF) {
				return nil, &LineError{Line: opened, Err: errors.New("a quoted field begins here and is never closed; " + quotesHint)}
			}
			if err != nil {
				return nil, err
			}
			text = next
			continue
		}
		r.buf = append(r.buf, text[:i]...)
		text = text[i+1:]
		if len(text) > 0 && text[0] == '"' {
			r.buf = append(r.buf, '"')
			text = text[1:]
			continue
		}
		if rest := cutLineEnd(text); len(rest) == 0 {
			return nil, nil
		} else if rest[0] != r.comma {
			return nil, &LineError{Line: r.lines.line, Err: errors.New("text after the closing quote of a field; " + quotesHint)}
		}
		return text, nil
	}
}

const quotesHint = `inside quotes a quote is written twice (""); if quotes mean nothing in this file use --no-quotes`

// cutLineEnd returns a line without its LF or CRLF.
func cutLineEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// checkHeader returns the columns named by a header line.
func checkHeader(fields [][]byte, line int) ([]string, error) {
	names := make([]string, len(fields))
	seen := make(map[string]int, len(fields))
	for i, f := range fields {
		names[i] = string(f)
		if j, dup := seen[names[i]]; dup {
			return nil, &LineError{Line: line, Err: fmt.Errorf(
				"columns %d and %d of the header are both named %q; rename one, or use --no-header if this line is data", j+1, i+1, names[i])}
		}
		seen[names[i]] = i
	}
	return names, nil
}

// listNames lists column names for an error message.
func listNames(names []string) string {
	const most = 20
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(", … (%d columns)", len(names))
		names = names[:most]
	}
	return strings.Join(names, ", ") + more
}
