package shell

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Bytes is a table cell that counts bytes.
type Bytes int64

// A Table is an answer in rows, such as that of stats. Cells are strings, integers, float64, Bytes and
// time.Duration.
type Table struct {
	Columns []string // headings; nil for a list of names and values
	Rows    [][]any
}

// Write draws the table for a terminal, or writes it as lines of tab-separated cells.
func (t Table) Write(w io.Writer, terminal bool) error {
	if terminal {
		return t.draw(w)
	}
	return t.print(w)
}

// draw draws the table for a terminal.
func (t Table) draw(w io.Writer) error {
	tw := table.NewWriter()
	tw.SetStyle(table.StyleLight)
	tw.Style().Format.Header = text.FormatDefault
	if t.Columns != nil {
		header := make(table.Row, len(t.Columns))
		for i, c := range t.Columns {
			header[i] = c
		}
		tw.AppendHeader(header)
	}
	var configs []table.ColumnConfig
	for _, row := range t.Rows {
		cells := make(table.Row, len(row))
		for i, c := range row {
			cells[i] = forPeople(c)
		}
		tw.AppendRow(cells)
		for i := len(configs) + 1; i < len(row); i++ {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	tw.SetColumnConfigs(configs)
	_, err := fmt.Fprintln(w, tw.Render())
	return err
}

// print writes the table as lines of tab-separated cells.
func (t Table) print(w io.Writer) error {
	line := func(cells []any) error {
		var out []byte
		for i, c := range cells {
			if i > 0 {
				out = append(out, '\t')
			}
			out = append(out, forPrograms(c)...)
		}
		_, err := w.Write(append(out, '\n'))
		return err
	}
	if t.Columns != nil {
		header := make([]any, len(t.Columns))
		for i, c := range t.Columns {
			header[i] = c
		}
		if err := line(header); err != nil {
			return err
		}
	}
	for _, row := range t.Rows {
		if err := line(row); err != nil {
			return err
		}
	}
	return nil
}

func forPrograms(cell any) string {
	switch c := cell.(type) {
	case float64:
		return strconv.FormatFloat(c, 'f', 2, 64)
	case Bytes:
		return strconv.FormatInt(int64(c), 10)
	case time.Duration:
		return strconv.FormatFloat(c.Seconds(), 'f', 3, 64) + "s"
	default:
		return fmt.Sprint(c)
	}
}

func forPeople(cell any) string {
	switch c := cell.(type) {
	case Bytes:
		return FormatBytes(int64(c))
	case time.Duration:
		return c.Round(time.Millisecond).String()
	default:
		return forPrograms(cell)
	}
}

// FormatBytes returns n in the unit that suits it: 512 B, 1.5 KiB, 20.0 MiB.
func FormatBytes(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	v, unit := float64(n)/1024, 0
	for v >= 1024 && unit < 4 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", v, "KMGTP"[unit])
}
