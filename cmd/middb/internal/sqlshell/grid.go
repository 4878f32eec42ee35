package sqlshell

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/session"
)

// nullShown is how NULL is shown to people.
const nullShown = "NULL"

// A frame is the lines of a grid: each is left end, what fills, crossing, right end.
type frame struct {
	top, under, bottom [4]string // no line if what fills is empty
	left, mid, right   string    // of rows
	center             bool      // headings stand in the middle
}

var frames = map[Mode]frame{
	Table: {under: [4]string{"", "-", "+", ""}, mid: "|", center: true},
	Box: {
		top: [4]string{"┌", "─", "┬", "┐"}, under: [4]string{"├", "─", "┼", "┤"}, bottom: [4]string{"└", "─", "┴", "┘"},
		left: "│", mid: "│", right: "│",
	},
	Markdown: {under: [4]string{"|", "-", "|", "|"}, left: "|", mid: "|", right: "|"},
}

// A grid is rows in columns of the same width, which are known when all rows are. It keeps them until then.
type grid struct {
	mode    Mode
	out     *printer
	columns []session.Column
	heads   []string
	cells   [][]string
	width   []int // in cells of a terminal
}

func newGrid(m Mode, w *printer, columns []session.Column) *grid {
	g := &grid{mode: m, out: w, columns: columns, width: make([]int, len(columns))}
	for i, c := range columns {
		g.heads = append(g.heads, g.cell(i, c.Name))
	}
	return g
}

// cell returns a text as a cell has it, and sees that the column has room for it.
func (g *grid) cell(column int, s string) string {
	s = oneLine(s)
	if g.mode == Markdown {
		s = strings.ReplaceAll(s, "|", `\|`)
	}
	g.width[column] = max(g.width[column], text.StringWidthWithoutEscSequences(s))
	return s
}

func (g *grid) row(values []catalog.Value) {
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = g.cell(i, shown(v))
	}
	g.cells = append(g.cells, cells)
}

// shown returns a value as people see it.
func shown(v catalog.Value) string {
	if v.IsNull() {
		return nullShown
	}
	return v.String()
}

// oneLine returns a text without what would break a line or move the cursor.
func oneLine(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// numeric reports whether a column stands at the right.
func numeric(c session.Column) bool { return c.Type.Kind.Numeric() }

func (g *grid) end(rows int64) {
	f := frames[g.mode]
	g.line(f.top)
	g.write(f, g.heads, f.center)
	g.line(f.under)
	for _, cells := range g.cells {
		g.write(f, cells, false)
	}
	g.line(f.bottom)
	if g.mode == Markdown {
		g.out.add("\n")
	}
	g.out.add(count(rows))
	g.out.add("\n")
}

// line writes a line between rows.
func (g *grid) line(parts [4]string) {
	if parts[1] == "" {
		return
	}
	g.out.add(parts[0])
	for i, w := range g.width {
		if i > 0 {
			g.out.add(parts[2])
		}
		fill := strings.Repeat(parts[1], w+2)
		if g.mode == Markdown && numeric(g.columns[i]) {
			fill = fill[:len(fill)-1] + ":"
		}
		g.out.add(fill)
	}
	g.out.add(parts[3])
	g.out.add("\n")
}

// write writes a row.
func (g *grid) write(f frame, cells []string, center bool) {
	g.out.add(f.left)
	for i, c := range cells {
		if i > 0 {
			g.out.add(f.mid)
		}
		pad := g.width[i] - text.StringWidthWithoutEscSequences(c)
		before := 0
		switch {
		case center:
			before = pad / 2
		case numeric(g.columns[i]):
			before = pad
		}
		after := pad - before + 1
		if i == len(cells)-1 && f.right == "" { // nothing comes behind it
			after = 0
		}
		g.out.add(strings.Repeat(" ", 1+before))
		g.out.add(c)
		g.out.add(strings.Repeat(" ", after))
	}
	g.out.add(f.right)
	g.out.add("\n")
}
