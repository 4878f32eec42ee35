package differential

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/tests/sqllogic"
)

// queries is how many random queries each set of tables is asked.
const queries = 25

// sets is how many sets of tables there are.
func sets(t *testing.T) uint64 {
	n := environment.Number(t, "MIDDB_QUERIES", 20*queries)
	if environment.Nightly() {
		n = environment.Number(t, "MIDDB_QUERIES", 100_000)
	}
	return max(1, n/queries)
}

// Every plan gives the same answer, and so do indexes of every kind.
func TestPlansAgree(t *testing.T) {
	t.Parallel()
	for seed := range environment.Seeds(t, sets(t)) {
		r := rand.New(rand.NewPCG(seed, 1))
		tables := Tables(r)
		var dbs []*Middb
		for _, method := range []string{"none", "USING btree", "USING lsm"} {
			db, err := Open(t.Context(), tables, method)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			defer db.Close()
			dbs = append(dbs, db)
		}
		for range queries {
			q := Query(r, tables)
			why, code := disagreement(t, dbs, q.String())
			if why == "" {
				continue
			}
			q = Shrink(q, func(sql string) bool { // it may not become a query with another mistake
				smaller, other := disagreement(t, dbs, sql)
				return smaller != "" && other == code
			})
			smallest, _ := disagreement(t, dbs, q.String())
			t.Fatalf("seed %d: %s\nwhich was: %s\n%s\n%s", seed, q, why, smallest, statements(tables))
		}
	}
}

// disagreement says which plan gives another answer to a query than the first database, as it is written; and the code of the
// error, if there was one instead of an answer.
func disagreement(t *testing.T, dbs []*Middb, sql string) (string, sqlstate.Code) {
	t.Helper()
	want, err := dbs[0].Answer(t.Context(), sql, "SET middb.rewrite = off", "SET middb.join = loop")
	if err != nil {
		return err.Error(), codeOf(err)
	}
	for i, db := range dbs {
		for _, p := range sqllogic.Plans {
			if i == 0 && len(p.Settings) == 0 {
				continue
			}
			got, err := db.Answer(t.Context(), sql, p.Settings...)
			if err != nil {
				return fmt.Sprintf("%s: %v", p.Name, err), codeOf(err)
			}
			if d := Differ(got, want); d != "" {
				return fmt.Sprintf("database %d, %s: %s", i, p.Name, d), ""
			}
		}
	}
	return "", ""
}

func codeOf(err error) sqlstate.Code {
	var e *sqlstate.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return sqlstate.InternalError
}

func statements(tables []Table) string {
	var all []string
	for _, t := range tables {
		all = append(all, t.SQL("")...)
	}
	return strings.Join(all, ";\n")
}

// A condition is true, false or NULL: the rows of the three are those of the table.
func TestConditionsPartition(t *testing.T) {
	t.Parallel()
	for seed := range environment.Seeds(t, sets(t)) {
		r := rand.New(rand.NewPCG(seed, 2))
		tables := Tables(r)
		db, err := Open(t.Context(), tables, "")
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range queries {
			on, c := Condition(r, tables)
			if why := partition(t, db, on.Name, c.String()); why != "" {
				c = Shrink(c, func(sql string) bool { return partition(t, db, on.Name, sql) != "" })
				t.Fatalf("seed %d: table %s, condition %s: %s\n%s", seed, on.Name, c, partition(t, db, on.Name, c.String()), statements(tables))
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func partition(t *testing.T, db *Middb, table, condition string) string {
	t.Helper()
	whole, err := db.Answer(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		return err.Error()
	}
	var parts []string
	for _, c := range []string{condition, "NOT " + condition, condition + " IS NULL"} {
		rows, err := db.Answer(t.Context(), "SELECT * FROM "+table+" WHERE "+c)
		if err != nil {
			return err.Error()
		}
		parts = append(parts, rows...)
	}
	slices.Sort(parts)
	return Differ(parts, whole)
}

func TestShrink(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	tables := Tables(r)
	for range 200 {
		q := Query(r, tables)
		if !strings.Contains(q.String(), " OR ") {
			continue
		}
		small := Shrink(q, func(sql string) bool { return strings.Contains(sql, " OR ") }).String()
		if !strings.Contains(small, " OR ") || len(small) > len(q.String()) {
			t.Errorf("%s\nbecame %s", q, small)
		}
		if strings.Count(small, " OR ") > 1 {
			t.Errorf("%s could be smaller", small)
		}
	}
}

func TestRowsAreCompared(t *testing.T) {
	one := Normal([][]any{{int64(1), "a"}, {nil, 2.5}, {int64(1), "a"}})
	for _, c := range []struct {
		other [][]any
		same  bool
	}{
		{[][]any{{nil, 2.5}, {int64(1), "a"}, {1.0, []byte("a")}}, true},
		{[][]any{{nil, 2.5}, {int64(1), "a"}}, false},
		{[][]any{{nil, 2.5}, {int64(1), "a"}, {nil, 2.5}}, false},
		{[][]any{{"1", "a"}, {nil, 2.5}, {int64(1), "a"}}, false},
	} {
		if d := Differ(one, Normal(c.other)); (d == "") != c.same {
			t.Errorf("%v: %q", c.other, d)
		}
	}
}
