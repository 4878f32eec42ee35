package dbgen

import (
	"bytes"
	"strings"
	"testing"
)

func rows(t *testing.T, s Scale, table string) [][]string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Write(table, &b); err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for l := range strings.Lines(b.String()) {
		all = append(all, strings.Split(strings.TrimSuffix(l, "\n"), "|"))
	}
	return all
}

func TestTablesHaveTheirSizes(t *testing.T) {
	s := NewScale(0.01)
	for table, want := range map[string][2]int{
		"region": {5, 3}, "nation": {25, 4}, "part": {2000, 9}, "supplier": {100, 7}, "partsupp": {8000, 5},
		"customer": {1500, 8}, "orders": {15_000, 9},
	} {
		all := rows(t, s, table)
		if len(all) != want[0] {
			t.Errorf("%s has %d rows, not %d", table, len(all), want[0])
		}
		for _, r := range all {
			if len(r) != want[1] {
				t.Fatalf("%s: %q has %d fields, not %d", table, r, len(r), want[1])
			}
		}
	}
	if n := len(rows(t, s, "lineitem")); n < 58_000 || n > 62_000 {
		t.Errorf("lineitem has %d rows", n)
	}
}

func TestKeysAreThere(t *testing.T) {
	s := NewScale(0.002)
	has := map[string]bool{}
	for _, r := range rows(t, s, "partsupp") {
		if has[r[0]+"|"+r[1]] {
			t.Fatalf("part %s has supplier %s twice", r[0], r[1])
		}
		has[r[0]+"|"+r[1]] = true
	}
	orders := map[string]bool{}
	for _, r := range rows(t, s, "orders") {
		orders[r[0]] = true
	}
	for _, r := range rows(t, s, "lineitem") {
		if !orders[r[0]] || !has[r[1]+"|"+r[2]] {
			t.Fatalf("%q has no order, or no part of a supplier", r)
		}
	}
}

func TestRowsAreAlwaysTheSame(t *testing.T) {
	var a, b bytes.Buffer
	for _, to := range []*bytes.Buffer{&a, &b} {
		if err := NewScale(0.001).Write("lineitem", to); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("they differ")
	}
	if err := NewScale(1).Write("part2", &a); err == nil {
		t.Error("there is a table part2")
	}
}
