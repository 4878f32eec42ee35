package monitor

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/metrics.md")

const (
	docsFile   = "../../../docs/metrics.md"
	docsMarker = "go test ./wire/server/monitor -update writes it. -->\n\n"
)

func TestDocsListEveryMetric(t *testing.T) {
	db, _ := open(t)
	s := &server{}
	s.latency.Record(1)
	families, err := newRegistry(db, &Options{Servers: map[string]Source{"middb": s}}).Gather()
	must(t, err)
	var table strings.Builder
	table.WriteString("| name | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "middb_") {
			continue
		}
		var labels []string
		for _, l := range f.Metric[0].Label {
			labels = append(labels, l.GetName())
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n",
			f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp())
	}
	text, err := os.ReadFile(docsFile)
	must(t, err)
	prose, listed, found := strings.Cut(string(text), docsMarker)
	if !found {
		t.Fatalf("%s has no line that ends with %q", docsFile, docsMarker)
	}
	if *update {
		must(t, os.WriteFile(docsFile, []byte(prose+docsMarker+table.String()), 0o644))
		return
	}
	want, have := strings.Split(table.String(), "\n"), strings.Split(listed, "\n")
	for i := range max(len(want), len(have)) {
		var w, h string
		if i < len(want) {
			w = want[i]
		}
		if i < len(have) {
			h = have[i]
		}
		if w != h {
			t.Fatalf("%s differs from /metrics (write it anew with -update):\nhas   %s\nwants %s", docsFile, h, w)
		}
	}
}
