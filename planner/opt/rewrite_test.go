package opt

import (
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/middb/middb/planner/plan"
)

// rewriteSQL shows a query before and after a rule: that of the file's name, with those that with lists before it. All of
// them runs all rules. A rule that has nothing to do gives "unchanged".
func rewriteSQL(t *testing.T, c tables, d *datadriven.TestData) string {
	t.Helper()
	file := d.Pos[strings.LastIndex(d.Pos, "/")+1:]
	rules := []string{file[:strings.Index(file, ".")]}
	o := &Options{}
	for _, arg := range d.CmdArgs {
		if arg.Key == "with" {
			rules = append(rules, arg.Vals...)
		}
	}
	for _, r := range Rules() {
		if !slices.Contains(rules, r.Name) {
			o.Disabled = append(o.Disabled, r.Name)
		}
	}
	if len(o.Disabled) == len(Rules()) {
		t.Fatalf("%s: there is no rule %v", d.Pos, rules)
	}
	if d.HasArg("all") {
		o.Disabled = nil
	}
	q := bound(t, c, d.Input)
	made, applied := Rewrite(q, o)
	if err := checkPlan(made); err != nil {
		t.Errorf("%s: %v", d.Pos, err)
	}
	if !slices.Contains(applied, rules[0]) {
		return "unchanged\n"
	}
	before := ""
	if d.HasArg("before") {
		before = plan.Format(q.Root) + "=>\n"
	}
	return before + plan.Format(made.Root)
}

func TestRulesHaveNamesAndDocs(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if r.Name == "" || r.Doc == "" || seen[r.Name] {
			t.Errorf("rule %q has no name of its own, or no documentation", r.Name)
		}
		seen[r.Name] = true
	}
}
