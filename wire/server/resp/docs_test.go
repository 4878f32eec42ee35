package resp

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The table in docs/resp.md lists the commands that there are, each in one group.
func TestDocsListEveryCommand(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/resp.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(doc), "## Commands")
	section, _, _ := strings.Cut(rest, "\n## ")
	section = regexp.MustCompile(`\([^)]*\)`).ReplaceAllString(section, "")
	listed := map[string]bool{}
	for _, line := range strings.Split(section, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for _, name := range regexp.MustCompile(`[A-Z]{3,}`).FindAllString(cells[2], -1) {
			if listed[name] {
				t.Errorf("%s is listed twice", name)
			}
			listed[name] = true
		}
	}
	for i := range table {
		name := strings.ToUpper(table[i].name)
		if !listed[name] {
			t.Errorf("%s is not listed", name)
		}
		delete(listed, name)
	}
	if len(listed) > 0 {
		t.Errorf("there are no commands %v", slices.Sorted(maps.Keys(listed)))
	}
}
