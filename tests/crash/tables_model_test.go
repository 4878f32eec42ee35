package crash

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/relation"
)

// A world is what tables should be: by name. The rows of a world do not change, so that worlds can share them.
type world map[string]*modelTable

// A modelTable is a table without anything of how it is kept.
type modelTable struct {
	columns []string
	indexes []string         // in order
	rows    map[int64]fields // by primary key, or by any number
}

// fields are the columns of a row by name, as text.
type fields map[string]string

func (w world) clone() world {
	next := make(world, len(w))
	for name, t := range w {
		next[name] = &modelTable{slices.Clone(t.columns), slices.Clone(t.indexes), maps.Clone(t.rows)}
	}
	return next
}

// with returns the row with another value of a column; nil is none.
func (f fields) with(column, value string) fields {
	next := maps.Clone(f)
	next[column] = value
	return next
}

// String lists everything, so that equal worlds have equal text.
func (w world) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w)) {
		t := w[name]
		fmt.Fprintf(&b, "table %s (%s), indexes %s\n", name, strings.Join(t.columns, ", "), strings.Join(slices.Sorted(slices.Values(t.indexes)), ", "))
		var lines []string
		for _, row := range t.rows {
			lines = append(lines, row.line(t.columns))
		}
		slices.Sort(lines)
		b.WriteString(strings.Join(lines, "\n") + "\n")
	}
	return b.String()
}

func (f fields) line(columns []string) string {
	var b strings.Builder
	for _, c := range columns {
		fmt.Fprintf(&b, "  %s=%s", c, f[c])
	}
	return b.String()
}

// deleteParent deletes a row of parents with all that goes with it.
func (w world) deleteParent(id int64) {
	delete(w["parents"].rows, id)
	for child, row := range w["children"].rows {
		if row["parent"] == fmt.Sprint(id) {
			w.deleteChild(child)
		}
	}
}

// deleteChild deletes a row of children, which others may have as their boss.
func (w world) deleteChild(id int64) {
	rows := w["children"].rows
	delete(rows, id)
	for other, row := range rows {
		if row["boss"] == fmt.Sprint(id) {
			rows[other] = row.with("boss", null)
		}
	}
}

const null = "NULL"

// readWorld reads all tables in one transaction, each row by each index too, and expects that these agree.
func readWorld(txn *engine.Txn) (string, error) {
	tables, err := txn.Tables()
	if err != nil {
		return "", err
	}
	schemas, err := tables.List()
	if err != nil {
		return "", err
	}
	w := world{}
	for _, s := range schemas {
		h, err := tables.Table(s.Name)
		if err != nil {
			return "", err
		}
		if w[s.Name], err = readTable(h, s); err != nil {
			return "", fmt.Errorf("table %s: %w", s.Name, err)
		}
	}
	return w.String(), nil
}

func readTable(h *relation.Table, s *catalog.Table) (*modelTable, error) {
	m := &modelTable{rows: map[int64]fields{}}
	for _, c := range s.Columns {
		m.columns = append(m.columns, c.Name)
	}
	rows, err := scanLines(m.columns)(h.Scan(relation.ScanOptions{}))
	if err != nil {
		return nil, err
	}
	for i, row := range rows {
		m.rows[int64(i)] = row.fields
	}
	slices.SortFunc(rows, func(a, b tableRow) int { return cmp.Compare(a.line, b.line) })
	orders := map[string][]tableRow{}
	for i := range s.Indexes {
		ix := &s.Indexes[i]
		if ix.State != catalog.Ready {
			continue // what a crash has left of a building, and the first transaction has not removed yet
		}
		m.indexes = append(m.indexes, ix.Name)
		if orders[ix.Name], err = readIndex(h, ix, m.columns, rows); err != nil {
			return nil, fmt.Errorf("index %s: %w", ix.Name, err)
		}
	}
	for name, order := range orders {
		twin, found := orders[name+twinSuffix]
		if found && !slices.EqualFunc(order, twin, func(a, b tableRow) bool { return a.line == b.line }) {
			return nil, wrongAnswer{fmt.Errorf("index %s has another order in sstables than in a tree", name)}
		}
	}
	return m, nil
}

// twinSuffix ends the names of indexes in sstables that have a twin in a tree.
const twinSuffix = "_twin"

// readIndex reads the rows by an index, in both directions. They must be those that there are, which are sorted by line.
func readIndex(h *relation.Table, ix *catalog.Index, columns []string, want []tableRow) ([]tableRow, error) {
	up, err := scanLines(columns)(h.ScanIndex(ix.Name, relation.ScanOptions{}))
	if err != nil {
		return nil, err
	}
	down, err := scanLines(columns)(h.ScanIndex(ix.Name, relation.ScanOptions{Reverse: true}))
	if err != nil {
		return nil, err
	}
	sameLine := func(a, b tableRow) bool { return a.line == b.line }
	slices.Reverse(down)
	if !slices.EqualFunc(up, down, sameLine) {
		return nil, wrongAnswer{errors.New("it has other rows upward than downward")}
	}
	sorted := slices.Clone(up)
	slices.SortFunc(sorted, func(a, b tableRow) int { return cmp.Compare(a.line, b.line) })
	if !slices.EqualFunc(sorted, want, sameLine) {
		return nil, wrongAnswer{fmt.Errorf("it has %d rows, and not those of the %d of the table", len(up), len(want))}
	}
	return up, nil
}

type tableRow struct {
	fields fields
	line   string
}

// scanLines reads all rows of a cursor.
func scanLines(columns []string) func(*relation.Rows, error) ([]tableRow, error) {
	return func(rows *relation.Rows, err error) (out []tableRow, _ error) {
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			f := fields{}
			for i, v := range rows.Values() {
				f[columns[i]] = strings.Clone(v.String())
			}
			out = append(out, tableRow{f, f.line(columns)})
		}
		return out, errors.Join(rows.Err(), rows.Close())
	}
}
