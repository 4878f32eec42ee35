package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A Table is a random table.
type Table struct {
	Name    string
	Columns []Column
	Rows    [][]string // literals
	Primary []string   // columns of the primary key; empty: none
	Indexes [][]string // columns of each
}

// A Column is one of a Table.
type Column struct {
	Name string
	Text bool // VARCHAR(10); else INTEGER
}

// words are the texts of tables and queries; few, so that they meet.
var words = []string{"", "a", "b", "ab", "abc", "B", "b a", "zz"}

// Tables returns some random tables.
func Tables(r *rand.Rand) []Table {
	tables := make([]Table, 2+r.IntN(3))
	for i := range tables {
		t := &tables[i]
		t.Name = fmt.Sprintf("t%d", i)
		t.Columns = []Column{{"a", false}, {"b", false}, {"s", true}}
		for _, c := range []Column{{"c", false}, {"u", true}} {
			if r.IntN(2) == 0 {
				t.Columns = append(t.Columns, c)
			}
		}
		rows := []int{0, 1, 3, 8, 20, 60}[r.IntN(6)]
		if r.IntN(2) == 0 {
			t.Primary = []string{"a"}
		}
		for row := range rows {
			t.Rows = append(t.Rows, t.row(r, row))
		}
		for range r.IntN(4) {
			t.Indexes = append(t.Indexes, t.index(r))
		}
	}
	return tables
}

// row returns literals for a row. Values are few and often NULL; those of the primary key are the number of the row.
func (t *Table) row(r *rand.Rand, number int) []string {
	row := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		switch {
		case i == 0 && t.Primary != nil:
			row[i] = fmt.Sprint(number - 2)
		case r.IntN(5) == 0:
			row[i] = "NULL"
		case c.Text:
			row[i] = "'" + words[r.IntN(len(words))] + "'"
		default:
			row[i] = fmt.Sprint(r.IntN(12) - 3)
		}
	}
	return row
}

// index returns one to three columns.
func (t *Table) index(r *rand.Rand) []string {
	order := r.Perm(len(t.Columns))
	var columns []string
	for _, i := range order[:1+r.IntN(3)] {
		columns = append(columns, t.Columns[i].Name)
	}
	return columns
}

// SQL returns the statements that make the table. Method is put behind the name of the table in CREATE INDEX; a method of
// "none" leaves the indexes out.
func (t *Table) SQL(method string) []string {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		if columns[i] = c.Name + " INTEGER"; c.Text {
			columns[i] = c.Name + " VARCHAR(10)"
		}
	}
	if t.Primary != nil {
		columns = append(columns, "PRIMARY KEY ("+strings.Join(t.Primary, ", ")+")")
	}
	all := []string{"CREATE TABLE " + t.Name + " (" + strings.Join(columns, ", ") + ")"}
	rows := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		rows[i] = "(" + strings.Join(row, ", ") + ")"
	}
	if len(rows) > 0 {
		all = append(all, "INSERT INTO "+t.Name+" VALUES "+strings.Join(rows, ", "))
	}
	for i, ix := range t.Indexes {
		if method != "none" {
			all = append(all, strings.Join(strings.Fields(fmt.Sprintf("CREATE INDEX %s_i%d ON %s %s (%s)", t.Name, i, t.Name, method, strings.Join(ix, ", "))), " "))
		}
	}
	return all
}
