package isolation

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// anomalies are the files with stories about anomalies, one file for each.
const anomalies = "testdata/anomalies/*"

const (
	occurs    = "occurs"
	prevented = "prevented"
)

// TestStories plays the stories in testdata, each at every level, and shows them side by side.
func TestStories(t *testing.T) {
	stores, references := openStores(t), referenceStores()
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd != "story" {
				d.Fatalf(t, "unknown command")
			}
			tellings := tellAll(t, d.Input, stores)
			same := tellAll(t, d.Input, references)
			for i, told := range tellings {
				if !slices.Equal(told.results, same[i].results) || told.occurs != same[i].occurs {
					t.Errorf("%s: %v differs from the reference\n%q\n%q", d.Pos, told.level, told.results, same[i].results)
				}
			}
			return render(t, d.Input, tellings)
		})
	})
}

// openStores opens what the stories are played on, by level: the engine, and the reference store at the
// levels that the engine does not have.
func openStores(t testing.TB) []store {
	t.Helper()
	stores := referenceStores()
	stores[snapshot] = newEngine(t)
	stores[serializable] = stores[snapshot]
	return stores
}

// referenceStores are nothing but the reference.
func referenceStores() []store {
	r := newReference()
	return []store{r, r, r, r}
}

// tellAll tells a story at all levels.
func tellAll(t testing.TB, text string, stores []store) (tellings []*telling) {
	t.Helper()
	s, err := parseStory(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range levels {
		told, err := s.tell(stores[l], l)
		if err != nil {
			t.Fatal(err)
		}
		tellings = append(tellings, told)
	}
	return tellings
}

// render prints the tellings of a story, one column for each.
func render(t *testing.T, text string, tellings []*telling) string {
	s, err := parseStory(text)
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]string{{""}}
	for _, step := range s.steps {
		rows = append(rows, []string{step.text})
	}
	for _, told := range tellings {
		rows[0] = append(rows[0], told.level.String())
		for i, result := range told.results {
			rows[1+i] = append(rows[1+i], result)
		}
	}
	if s.anomaly != "" {
		rows = append(rows, []string{"the anomaly"})
		for _, told := range tellings {
			rows[len(rows)-1] = append(rows[len(rows)-1], verdict(told.occurs))
		}
	}
	widths := make([]int, 1+len(tellings))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			fmt.Fprintf(&line, "%-*s  ", widths[i], cell)
		}
		fmt.Fprintln(&b, strings.TrimRight(line.String(), " "))
	}
	return b.String()
}

func verdict(happened bool) string {
	if happened {
		return occurs
	}
	return prevented
}

// observed plays all stories and returns, by the name of the file and the level, whether an anomaly
// occurred in any of them.
func observed(t *testing.T) map[string]map[level]string {
	t.Helper()
	files, err := filepath.Glob(anomalies)
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	seen := map[string]map[level]string{}
	stores := openStores(t)
	for _, file := range files {
		verdicts := map[level]string{}
		for _, text := range stories(t, file) {
			for _, told := range tellAll(t, text, stores) {
				if verdicts[told.level] != occurs {
					verdicts[told.level] = verdict(told.occurs)
				}
			}
		}
		seen[filepath.Base(file)] = verdicts
	}
	return seen
}

// stories returns the stories of a file.
func stories(t *testing.T, file string) (texts []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(content), "\nstory\n")[1:] {
		text, _, _ := strings.Cut(part, "\n----\n")
		texts = append(texts, text)
	}
	return texts
}

// TestTablesSayWhatIsObserved compares the tables of docs/isolation.md and doc.go with the stories.
func TestTablesSayWhatIsObserved(t *testing.T) {
	seen := observed(t)
	for _, file := range []string{"../../docs/isolation.md", "doc.go"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, complaint := range compareTable(string(content), seen) {
			t.Errorf("%s: %s", file, complaint)
		}
	}
}

// compareTable returns where the table of anomalies in a text is wrong. Its first column holds the
// names of the files in testdata, its head the names of levels.
func compareTable(text string, seen map[string]map[level]string) (complaints []string) {
	var head []string
	told := map[string]bool{} // in the table
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(line, "//"))
		if !strings.HasPrefix(line, "|") {
			head = nil
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.ToLower(strings.Trim(strings.TrimSpace(cells[i]), "*`"))
		}
		verdicts, known := seen[cells[0]]
		switch {
		case cells[0] == "anomaly":
			head = cells
		case head == nil, strings.HasPrefix(cells[0], "-") || strings.HasPrefix(cells[0], ":"):
		case !known:
			complaints = append(complaints, fmt.Sprintf("there is no story about %q", cells[0]))
		default:
			told[cells[0]] = true
			for _, l := range levels {
				at := slices.Index(head, l.String())
				if at < 0 || at >= len(cells) {
					complaints = append(complaints, fmt.Sprintf("the table has no column %q", l))
				} else if cells[at] != verdicts[l] {
					complaints = append(complaints, fmt.Sprintf("%s at %v is said to be %q, but %s", cells[0], l, cells[at], verdicts[l]))
				}
			}
		}
	}
	for name := range seen {
		if !told[name] {
			complaints = append(complaints, fmt.Sprintf("%s is missing in the table", name))
		}
	}
	return complaints
}

// The comparison must be able to fail.
func TestWrongTablesAreFound(t *testing.T) {
	seen := map[string]map[level]string{"g0": {readUncommitted: occurs, readCommitted: prevented, snapshot: prevented, serializable: prevented}}
	const right = "| Anomaly | What | Read uncommitted | Read committed | Snapshot | Serializable |\n|---|---|---|---|---|---|\n| G0 | dirty write | occurs | prevented | prevented | **prevented** |\n"
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"**prevented**", "occurs", `g0 at serializable is said to be "occurs", but prevented`},
		{"| G0", "| G9", `there is no story about "g9"`},
		{"| Snapshot", "| Snapshots", `the table has no column "snapshot"`},
		{"| G0 |", "G0", "g0 is missing"},
	} {
		got := strings.Join(compareTable(strings.Replace(right, c.old, c.new, 1), seen), "; ")
		if !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%q for %q: found %q, want %q", c.new, c.old, got, c.want)
		}
	}
}

// A story proves something only if its anomaly can happen: without any isolation each one must.
func TestEveryStoryCanGoWrong(t *testing.T) {
	files, err := filepath.Glob(anomalies)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for i, text := range stories(t, file) {
			if told := tellAll(t, text, referenceStores()); !told[readUncommitted].occurs {
				t.Errorf("%s: the anomaly of story %d does not happen even without isolation\n%s", file, i+1, text)
			}
		}
	}
}
