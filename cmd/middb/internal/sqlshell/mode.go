package sqlshell

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/session"
)

// A Mode is a form in which rows are written.
type Mode string

// The modes.
const (
	Table    Mode = "table"    // columns of the same width, as psql has them
	Box      Mode = "box"      // the same with lines around them
	CSV      Mode = "csv"      // RFC 4180, with a header; NULL is nothing, an empty text is ""
	JSON     Mode = "json"     // an array of objects, one in a line
	Line     Mode = "line"     // a line for each value
	Markdown Mode = "markdown" // a table of Markdown
)

// Modes are all modes, for messages.
var Modes = []Mode{Table, Box, CSV, JSON, Line, Markdown}

// ModeNames returns the names of all modes, as messages have them.
func ModeNames() string {
	var names []string
	for _, m := range Modes {
		names = append(names, string(m))
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}

// ParseMode returns the mode of a name.
func ParseMode(name string) (Mode, error) {
	if m := Mode(strings.ToLower(name)); slices.Contains(Modes, m) {
		return m, nil
	}
	return "", fmt.Errorf("%q is no form of output; it is %s", name, ModeNames())
}

// forPrograms reports whether programs read the mode: then it has rows and nothing else.
func (m Mode) forPrograms() bool { return m == CSV || m == JSON }

// A painter writes rows in a mode.
type painter interface {
	row(values []catalog.Value)
	// end writes what comes behind the rows.
	end(rows int64)
}

func newPainter(m Mode, w *printer, columns []session.Column) painter {
	switch m {
	case CSV:
		return newDelimited(w, columns, ',')
	case JSON:
		return newJSON(w, columns)
	case Line:
		return newLines(w, columns)
	default:
		return newGrid(m, w, columns)
	}
}

// paint writes all rows, and closes them.
func paint(m Mode, w *printer, rows *session.Rows) error {
	p := newPainter(m, w, rows.Columns())
	n := int64(0)
	for rows.Next() {
		p.row(rows.Values())
		n++
	}
	err := rows.Err()
	if closeErr := rows.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		p.end(n)
	}
	return err
}

// A printer is where answers go. What goes wrong is kept, and Flush returns it.
type printer struct{ *bufio.Writer }

// add writes texts.
func (p *printer) add(texts ...string) {
	for _, t := range texts {
		_, _ = p.WriteString(t)
	}
}

// count returns how many rows there are, as it stands under a table.
func count(n int64) string {
	if n == 1 {
		return "(1 row)"
	}
	return fmt.Sprintf("(%d rows)", n)
}
