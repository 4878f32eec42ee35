package tpch

import (
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/tests/sqllogic"
	"github.com/middb/middb/vfs"
)

func TestAnswers(t *testing.T) {
	dir := environment.Shared(t, "tpch")
	db := load(t, dir)
	for _, p := range sqllogic.Plans {
		// Without indexes, hash joins or other rewriting the queries take their time.
		if len(p.Settings) > 0 && !environment.Nightly() {
			continue
		}
		for n := 1; n <= Queries; n++ {
			t.Run(fmt.Sprintf("%s/q%02d", p.Name, n), func(t *testing.T) {
				s := db.Session()
				defer s.Close()
				for _, set := range p.Settings {
					if _, err := s.Exec(t.Context(), set); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				got := answer(t, s, read(t, filepath.Join(dir, "queries", fmt.Sprintf("q%02d.sql", n))))
				t.Logf("%d rows in %v", len(got), time.Since(began))
				if why := Compare(got, read(t, filepath.Join(dir, "answers-sf0.01", fmt.Sprintf("q%02d.csv", n)))); why != "" {
					t.Error(why)
				}
			})
		}
	}
}

func answer(t *testing.T, s *engine.Session, sql string) (all [][]string) {
	t.Helper()
	rows, err := s.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row := make([]string, len(rows.Values()))
		for i, v := range rows.Values() {
			if !v.IsNull() {
				row[i] = v.String()
			}
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// load returns a database in memory with the data of scale factor 0.01.
func load(t *testing.T, dir string) *engine.DB {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "tpch", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Exec(t.Context(), read(t, filepath.Join(dir, "schema.sql"))); err != nil {
		t.Fatal(err)
	}
	for _, table := range Tables {
		f, err := os.Open(filepath.Join(dir, "sf0.01", table+".tbl.gz"))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Load(t.Context(), db, table, z); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	return db
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		got  [][]string
		want string
		same bool
	}{
		{nil, "", true},
		{[][]string{{""}}, "\n", true},
		{[][]string{{"1.0000001", "x"}}, "1|x\n", true},
		{[][]string{{"1.00001", "x"}}, "1|x\n", false},
		{[][]string{{"1", "x"}}, "1|y\n", false},
		{[][]string{{"", "x"}}, "0|x\n", false},
		{[][]string{{"1"}}, "1\n1\n", false},
		{[][]string{{"1", "2"}}, "1\n", false},
	} {
		if why := Compare(c.got, c.want); (why == "") != c.same {
			t.Errorf("%q and %q: %q", c.got, c.want, why)
		}
	}
}
