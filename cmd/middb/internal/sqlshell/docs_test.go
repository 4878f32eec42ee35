package sqlshell

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
)

// TestFunctionsOfTheDocsAreThere calls each function that docs/sql.md lists, with nothing: what is wrong must be that.
func TestFunctionsOfTheDocsAreThere(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "\n## Functions\n")
	list, _, _ = strings.Cut(list, "\n## ")
	s := newShell(t, io.Discard)
	names := regexp.MustCompile("`([a-z_0-9]+)`").FindAllStringSubmatch(list, -1)
	if len(names) < 150 {
		t.Fatalf("there are only %d", len(names))
	}
	for _, n := range names {
		err := s.Run(t.Context(), "SELECT "+n[1]+"()", false)
		if errors.Is(err, sqlstate.UndefinedFunction) && strings.Contains(err.Error(), "there is no function \""+n[1]+"\"") {
			t.Errorf("%s: %v", n[1], err)
		}
	}
}
