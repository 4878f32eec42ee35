package sqlshell

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/planner/token"
	"github.com/middb/middb/relation"
)

// A view is one as it is stored.
type view struct {
	Name    string   `json:"-"`
	Text    string   `json:"text"`
	Columns []string `json:"columns"`
}

// readViews returns all views, by name.
func readViews(from *relation.Tables) ([]view, error) {
	list, err := from.Objects(relation.ViewObject)
	if err != nil {
		return nil, err
	}
	var views []view
	for _, o := range list {
		v := view{Name: o.Name}
		if err := json.Unmarshal(o.Value, &v); err != nil {
			return nil, fmt.Errorf("view %s: %w", o.Name, err)
		}
		views = append(views, v)
	}
	slices.SortFunc(views, func(a, b view) int { return strings.Compare(a.Name, b.Name) })
	return views, nil
}

// create returns CREATE VIEW.
func (v *view) create() string {
	return "CREATE VIEW " + quote(v.Name) + " (" + quoteAll(v.Columns) + ") AS " + v.Text
}

// names reports whether the text of the view has a name in it, perhaps as that of something else.
func (v *view) names(name string) bool {
	if q := quote(name); q != name {
		return strings.Contains(v.Text, q)
	}
	for rest := v.Text; ; {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		end := i + len(name)
		if (i == 0 || !token.ContinuesName(rest[i-1])) && (end == len(rest) || !token.ContinuesName(rest[end])) {
			return true
		}
		rest = rest[end:]
	}
}

// inOrder returns views in an order in which each is behind those that it names.
func inOrder(views []view) []view {
	var out []view
	done := make([]bool, len(views))
	var visit func(i int)
	visit = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		for j := range views {
			if j != i && views[i].names(views[j].Name) {
				visit(j)
			}
		}
		out = append(out, views[i])
	}
	for i := range views {
		visit(i)
	}
	return out
}
