package tables

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
)

// compare asks the tables what the files say.
func compare(t *testing.T, dir string, f *flights) {
	t.Helper()
	db, err := open(dir)
	check(t, err)
	defer db.Close()
	for _, s := range f.all() {
		compareRows(t, db, s)
	}
	for _, c := range []struct {
		index   string
		s       *source
		columns []int
		order   []bool // descending
	}{
		{"airports_iata", &f.airports, []int{airportIATA}, []bool{false}},
		{"airports_icao", &f.airports, []int{airportICAO}, []bool{false}},
		{"airlines_iata", &f.airlines, []int{airlineIATA}, []bool{false}},
		{"airlines_icao", &f.airlines, []int{airlineICAO}, []bool{true}},
		{"routes_source", &f.routes, []int{routeSource}, []bool{false}},
		{"routes_destination", &f.routes, []int{routeDestination, routeAirline}, []bool{false, false}},
		{"routes_airline", &f.routes, []int{routeAirline, routeSource}, []bool{false, true}},
		{"routes_airline_twin", &f.routes, []int{routeAirline, routeSource}, []bool{false, true}},
	} {
		t.Run(c.index, func(t *testing.T) {
			x := &indexed{index: c.index, table: db.Table(c.s.name), columns: c.columns, descending: c.order}
			x.sort(c.s.rows)
			x.lookUp(t)
			x.scan(t)
		})
	}
}

// compareRows compares all rows of a table.
func compareRows(t *testing.T, db *engine.DB, s *source) {
	t.Helper()
	want := slices.SortedFunc(slices.Values(s.rows), func(a, b []catalog.Value) int { return catalog.Compare(a[0], b[0]) })
	i := 0
	err := db.Table(s.name).Scan(engine.ScanOptions{}, func(r engine.Row) bool {
		if i < len(want) && !equal(r.Values(), want[i]) {
			t.Errorf("%s: row %d is %v, want %v", s.name, i, r.Values(), want[i])
			return false
		}
		i++
		return true
	})
	check(t, err)
	if i != len(want) {
		t.Errorf("%s has %d rows, want %d", s.name, i, len(want))
	}
	for at := 0; at < len(want); at += 101 {
		row, err := db.Table(s.name).Get(want[at][0])
		if err != nil || !equal(row.Values(), want[at]) {
			t.Errorf("%s %v: %v, want %v, %v", s.name, want[at][0], row.Values(), want[at], err)
		}
	}
}

func equal(a, b []catalog.Value) bool {
	return slices.EqualFunc(a, b, func(a, b catalog.Value) bool { return a.Kind() == b.Kind() && catalog.Compare(a, b) == 0 })
}

// indexed is what an index should have: rows in its order.
type indexed struct {
	index      string
	table      *engine.Table
	columns    []int
	descending []bool
	rows       [][]catalog.Value
}

// sort puts rows in the order of the index. NULL is last everywhere.
func (x *indexed) sort(rows [][]catalog.Value) {
	x.rows = slices.Clone(rows)
	slices.SortFunc(x.rows, func(a, b []catalog.Value) int {
		for i, at := range x.columns {
			if c := x.compare(i, a[at], b[at]); c != 0 {
				return c
			}
		}
		return catalog.Compare(a[0], b[0])
	})
}

func (x *indexed) compare(i int, a, b catalog.Value) int {
	c := catalog.Compare(a, b)
	// A descending column has NULLs first unless the index says otherwise, as that of airlines does.
	if x.descending[i] && (a.IsNull() == b.IsNull() || x.index != "airlines_icao") {
		c = -c
	}
	return c
}

// ids returns the primary keys of a scan.
func (x *indexed) ids(t *testing.T, o engine.ScanOptions) []int64 {
	t.Helper()
	ids := []int64{}
	check(t, x.table.ScanIndex(x.index, o, func(r engine.Row) bool {
		ids = append(ids, r.Value("id").AsInt())
		return true
	}))
	return ids
}

func idsOf(rows [][]catalog.Value) []int64 {
	ids := []int64{}
	for _, r := range rows {
		ids = append(ids, r[0].AsInt())
	}
	return ids
}

// lookUp looks for each value of the first column, and for some that are not there.
func (x *indexed) lookUp(t *testing.T) {
	groups := map[string][][]catalog.Value{}
	values := map[string]catalog.Value{}
	for _, r := range x.rows {
		v := r[x.columns[0]]
		k := fmt.Sprint(v.IsNull(), v)
		groups[k], values[k] = append(groups[k], r), v
	}
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		if got, want := x.ids(t, engine.ScanOptions{Prefix: []catalog.Value{values[k]}}), idsOf(groups[k]); !slices.Equal(got, want) {
			t.Errorf("%v: rows %v, want %v", values[k], got, want)
		}
	}
	for _, none := range []string{"", "~~~", "A", "aaa"} {
		if _, there := groups["false "+none]; there {
			continue
		}
		if got := x.ids(t, engine.ScanOptions{Prefix: []catalog.Value{catalog.Str(none)}}); len(got) > 0 {
			t.Errorf("%q: rows %v, want none", none, got)
		}
	}
}

// scan reads all rows and ranges of them, both ways.
func (x *indexed) scan(t *testing.T) {
	check := func(o engine.ScanOptions, want [][]catalog.Value) {
		t.Helper()
		for _, o.Reverse = range []bool{false, true} {
			want := idsOf(want)
			if o.Reverse {
				slices.Reverse(want)
			}
			if got := x.ids(t, o); !slices.Equal(got, want) {
				t.Errorf("%+v: %d rows %.200v, want %d: %.200v", o, len(got), got, len(want), want)
			}
		}
	}
	check(engine.ScanOptions{}, x.rows)
	check(engine.ScanOptions{Columns: []string{"id"}}, x.rows) // from the index alone, as below
	first := x.columns[0]
	for _, c := range []struct{ lower, upper string }{{"A", "B"}, {"FRA", "FRA"}, {"LH", "M"}, {"9", "AZZ"}, {"ED", "EDZ"}, {"B", "A"}} {
		lower, upper := catalog.Str(c.lower), catalog.Str(c.upper)
		if x.descending[0] {
			lower, upper = upper, lower
		}
		for i := range 4 {
			o := engine.ScanOptions{Columns: []string{"id"}, Lower: []catalog.Value{lower}, Upper: []catalog.Value{upper}, LowerExclusive: i&1 > 0, UpperExclusive: i&2 > 0}
			var want [][]catalog.Value
			for _, r := range x.rows {
				low, high := x.compare(0, r[first], lower), x.compare(0, r[first], upper)
				if (low > 0 || low == 0 && !o.LowerExclusive) && (high < 0 || high == 0 && !o.UpperExclusive) {
					want = append(want, r)
				}
			}
			check(o, want)
		}
	}
}
