package sqllogic

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/tests/environment"
)

// sampled is how many queries there are to one that is run under a forced plan, but in nightly tests.
const sampled = 20

func TestOwnFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.slt")
	if err != nil || len(files) < 10 {
		t.Fatal(files, err)
	}
	for _, p := range Plans {
		for _, f := range files {
			runFile(t, f, p, 1, nil)
		}
	}
}

// Every record of the corpus is right with the plans that the planner chooses, and a sample of them with those that are
// forced. What middb refuses on purpose is exactly what testdata/differences.txt lists.
func TestCorpus(t *testing.T) {
	dir := environment.Shared(t, "sqllogictest")
	differ := readDifferences(t)
	for _, p := range Plans {
		sample := sampled
		if len(p.Settings) == 0 || environment.Nightly() {
			sample = 1
		}
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(path) == ".test" {
				name, err := filepath.Rel(dir, path)
				if err != nil {
					return err
				}
				runFile(t, path, p, sample, differ[name])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readDifferences returns the lines of the records that differ, by file; true are those that differ in values, which is said
// by the word value behind the line.
func readDifferences(t *testing.T) map[string]map[int]bool {
	t.Helper()
	b, err := os.ReadFile("testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	differ := map[string]map[int]bool{}
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "#") || strings.TrimSpace(line) == "" {
			continue
		}
		name, number, isValue := parseDifference(line)
		if number == 0 {
			t.Fatalf("testdata/differences.txt: %q is not FILE:LINE", line)
		}
		if differ[name] == nil {
			differ[name] = map[int]bool{}
		}
		differ[name][number] = isValue
	}
	return differ
}

// runFile runs a file as a subtest. The records of the lines of differ must differ, if they are run, and no others may: true
// are those that differ in values, the others are refused.
func runFile(t *testing.T, path string, p Plan, sample int, differ map[int]bool) {
	t.Helper()
	t.Run(p.Name+"/"+filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
		t.Parallel()
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		records, err := Read(path, f)
		if err != nil {
			t.Fatal(err)
		}
		db, closeDB, err := Open(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		res := Run(t.Context(), path, records, db, Options{Sample: sample, Failures: 5, Plan: p.Condition(), Values: differ})
		if err := closeDB(); err != nil {
			t.Error(err)
		}
		if res.Failed > 0 {
			t.Errorf("%d records are right, %d wrong", res.Passed, res.Failed)
		}
		for _, f := range res.Failures {
			t.Error(f)
		}
		if res.Passed == 0 {
			t.Error("nothing was run")
		}
		for _, line := range res.Differing {
			if _, ok := differ[line]; !ok {
				t.Errorf("%s:%d: refused on purpose, but testdata/differences.txt does not say so", path, line)
			}
		}
		for line := range differ {
			if sample == 1 && !slices.Contains(res.Differing, line) {
				t.Errorf("%s:%d: testdata/differences.txt says that it differs, but it does not", path, line)
			}
		}
	})
}
