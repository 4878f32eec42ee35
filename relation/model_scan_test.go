package relation

import (
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
)

// bounded compares a scan with random options over the primary key, or over an index.
func (m *model) bounded(h *Table, t *oracleTable, index string, columns []catalog.IndexColumn) {
	m.t.Helper()
	o := ScanOptions{Reverse: m.chance(50), LowerExclusive: m.chance(50), UpperExclusive: m.chance(50)}
	tuple := func(columns []catalog.IndexColumn) (out []catalog.Value) {
		for _, k := range columns[:m.n(len(columns)+1)] {
			c, _, _ := t.schema.ColumnByID(k.Column)
			out = append(out, m.value(c))
		}
		return out
	}
	if m.chance(30) {
		o.Prefix = tuple(columns)
	}
	rest := columns[len(o.Prefix):]
	o.Lower, o.Upper = tuple(rest), tuple(rest)
	if m.chance(30) {
		o.Limit = 1 + m.n(3)
	}
	var places []int
	for i, c := range t.schema.Columns {
		covered := slices.Contains(ids(columns), c.ID) || slices.Contains(ids(t.schema.PrimaryKey), c.ID)
		if places = append(places, i); !covered && m.chance(70) || m.chance(20) {
			places = places[:len(places)-1]
		}
	}
	o.Places = append([]int{}, places...)

	place := func(k catalog.IndexColumn) int {
		_, at, _ := t.schema.ColumnByID(k.Column)
		return at
	}
	compare := func(row, bound []catalog.Value, columns []catalog.IndexColumn) int {
		for i, v := range bound {
			if d := compareIn(row[place(columns[i])], v, columns[i]); d != 0 {
				return d
			}
		}
		return 0
	}
	rows := t.order(columns)
	if o.Reverse {
		slices.Reverse(rows)
	}
	var want []string
	for _, r := range rows {
		low, high := compare(r, o.Lower, rest), compare(r, o.Upper, rest)
		switch {
		case compare(r, o.Prefix, columns) != 0,
			len(o.Lower) > 0 && (low < 0 || low == 0 && o.LowerExclusive),
			len(o.Upper) > 0 && (high > 0 || high == 0 && o.UpperExclusive),
			o.Limit > 0 && len(want) == o.Limit:
		default:
			want = append(want, formatValues(pick(r, o.Places)))
		}
	}
	var got *Rows
	var err error
	if index == "" {
		got, err = h.Scan(o)
	} else {
		got, err = h.ScanIndex(index, o)
	}
	what := fmt.Sprintf("scan %s.%s %+v", t.schema.Name, index, o)
	m.rows(what, got, err, want)
	m.queried("query "+what, h, index, o, want)
}
