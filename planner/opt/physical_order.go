package opt

import (
	"slices"

	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// orders knows which columns have the same values, as far as the operators that are planned already see to it, and which
// have one value in all rows. What holds for the rows of an operator holds for those above it too; only an outer join makes
// columns NULL that were constant.
type orders struct {
	parent    map[expr.ColumnID]expr.ColumnID
	constants map[expr.ColumnID]bool // of representatives
	notNull   map[expr.ColumnID]bool
}

func newOrders() *orders {
	return &orders{
		parent: map[expr.ColumnID]expr.ColumnID{}, constants: map[expr.ColumnID]bool{}, notNull: map[expr.ColumnID]bool{},
	}
}

// find returns the representative of a column.
func (o *orders) find(c expr.ColumnID) expr.ColumnID {
	for {
		up, is := o.parent[c]
		if !is {
			return c
		}
		if next, is := o.parent[up]; is {
			o.parent[c] = next
		}
		c = up
	}
}

// same notes that two columns have the same values in every row.
func (o *orders) same(a, b expr.ColumnID) {
	a, b = o.find(a), o.find(b)
	if a == b {
		return
	}
	o.parent[b] = a
	if o.constants[b] {
		o.constants[a] = true
	}
}

func (o *orders) setConstant(c expr.ColumnID)   { o.constants[o.find(c)] = true }
func (o *orders) constant(c expr.ColumnID) bool { return o.constants[o.find(c)] }

// nullable notes that columns have got NULLs.
func (o *orders) nullable(columns []plan.Column) {
	for _, c := range columns {
		delete(o.constants, o.find(c.ID))
		delete(o.notNull, c.ID)
	}
}

// learn notes what conditions say that are true in all rows.
func (o *orders) learn(conditions []*expr.Node) {
	for _, c := range conditions {
		if c.Op != expr.OpEqual || c.Volatile {
			continue
		}
		x, y := c.Args[0], c.Args[1]
		switch {
		case x.Op == expr.OpColumn && y.Op == expr.OpColumn:
			o.same(x.Column, y.Column)
		case x.Op == expr.OpColumn && isConstant(y):
			o.setConstant(x.Column)
		case y.Op == expr.OpColumn && isConstant(x):
			o.setConstant(y.Column)
		}
	}
}

// satisfied returns how many of some keys rows are sorted by that have an order.
func (o *orders) satisfied(order, keys []plan.Key) int {
	at := 0
	for i, k := range keys {
		if o.constant(k.Column) || o.among(keys[:i], k.Column) {
			continue
		}
		for at < len(order) && (o.constant(order[at].Column) || o.among(order[:at], order[at].Column)) {
			at++
		}
		if at == len(order) || !o.alike(order[at], k) {
			return i
		}
		at++
	}
	return len(keys)
}

// alike reports whether two keys sort in the same way.
func (o *orders) alike(a, b plan.Key) bool {
	return o.find(a.Column) == o.find(b.Column) && a.Descending == b.Descending &&
		(a.NullsFirst == b.NullsFirst || o.notNull[a.Column] || o.notNull[b.Column])
}

// among reports whether one of the keys is a column.
func (o *orders) among(keys []plan.Key, c expr.ColumnID) bool {
	c = o.find(c)
	return slices.ContainsFunc(keys, func(k plan.Key) bool { return o.find(k.Column) == c })
}

// grouped reports whether rows of an order have those together that are equal in some columns.
func (o *orders) grouped(order []plan.Key, columns []expr.ColumnID) bool {
	return o.together(order, columns) >= 0
}

// together returns how many keys of an order are those of some columns, in whatever sequence and direction; or -1 if not
// all of the columns are there before others come.
func (o *orders) together(order []plan.Key, columns []expr.ColumnID) int {
	missing := map[expr.ColumnID]bool{}
	for _, c := range columns {
		if !o.constant(c) {
			missing[o.find(c)] = true
		}
	}
	all := len(missing)
	seen := make(map[expr.ColumnID]bool, all)
	for i, k := range order {
		if len(missing) == 0 {
			return i
		}
		c := o.find(k.Column)
		if o.constants[c] || seen[c] {
			continue
		}
		if !missing[c] {
			return -1
		}
		delete(missing, c)
		seen[c] = true
	}
	if len(missing) > 0 {
		return -1
	}
	return len(order)
}

// rename returns an order in terms of the new names of columns, as far as they have some.
func (o *orders) rename(order []plan.Key, names map[expr.ColumnID]expr.ColumnID) []plan.Key {
	var renamed []plan.Key
	for _, k := range order {
		name, is := names[k.Column]
		if !is {
			if o.constant(k.Column) {
				continue
			}
			if name, is = o.another(k.Column, names); !is {
				break
			}
		}
		renamed = append(renamed, plan.Key{Column: name, Descending: k.Descending, NullsFirst: k.NullsFirst})
	}
	return renamed
}

// another returns the new name of a column with the same values.
func (o *orders) another(c expr.ColumnID, names map[expr.ColumnID]expr.ColumnID) (expr.ColumnID, bool) {
	best, found := expr.ColumnID(0), false
	for old, name := range names {
		if o.find(old) == o.find(c) && (!found || name < best) {
			best, found = name, true
		}
	}
	return best, found
}

// keysOf returns keys that sort by columns, ascending and NULLs last.
func keysOf(columns []expr.ColumnID) []plan.Key {
	keys := make([]plan.Key, len(columns))
	for i, c := range columns {
		keys[i].Column = c
	}
	return keys
}
