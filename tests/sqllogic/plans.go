package sqllogic

import "strings"

// A Plan forces the planner, by settings, to compute queries in one way wherever that is possible.
type Plan struct {
	Name     string
	Settings []string // statements
}

// Condition is what "skipif" calls the plan in middb's own files.
func (p Plan) Condition() string { return strings.ReplaceAll(p.Name, " ", "-") }

// Plans are all of them. The first one lets the planner choose.
var Plans = []Plan{
	{"chosen", nil},
	{"no indexes", []string{"SET middb.indexes = off"}},
	{"hash joins", []string{"SET middb.join = hash"}},
	{"merge joins", []string{"SET middb.join = merge"}},
	{"nested loops", []string{"SET middb.join = loop"}},
	{"index joins", []string{"SET middb.join = index"}},
	{"sorted groups", []string{"SET middb.aggregate = sort"}},
	{"hashed groups", []string{"SET middb.aggregate = hash"}},
	{"tiny batches", []string{"SET middb.batch_rows = 2"}},
	{"spilling", []string{"SET middb.memory = '64kB'", "SET middb.batch_rows = 16"}},
	{"as written", []string{"SET middb.reorder = off"}},
	{"subqueries as they are", []string{"SET middb.unnest = off"}},
	{"no rewriting", []string{"SET middb.rewrite = off"}},
}
