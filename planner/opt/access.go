package opt

import (
	"math"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A reading is a Scan with conditions that is being planned.
type reading struct {
	*plan.Scan
	conditions   []*expr.Node
	own          map[expr.ColumnID]bool
	ids          map[int]expr.ColumnID // of the columns at places of the table
	restrictions []restriction
	total        float64 // rows of the table
	h            physical.Header
	limit        *expr.Node
}

// An access is a key of a table and what is read of it.
type access struct {
	index    string // empty: the primary key
	key      []catalog.IndexColumn
	unique   bool
	ranges   []physical.Bounds // nil: all of it
	points   int               // of how many columns each range has one value
	used     []*expr.Node      // conditions that the ranges are made of
	implied  []*expr.Node      // those of them that say nothing else
	covering bool
	rows     float64 // of the ranges, if it is not what used says; 0: it is
}

// reading prepares the planning of a Scan.
func (p *planner) reading(n *plan.Scan, conditions []*expr.Node, l *limit) *reading {
	p.register(n)
	r := &reading{
		Scan: n, conditions: conditions, own: columnSet(n.Output), ids: make(map[int]expr.ColumnID, len(n.Output)),
		total: p.rows(n), limit: l.total(),
	}
	for i, c := range n.Output {
		r.ids[n.Places[i]] = c.ID
		if c.NotNull {
			p.orders.notNull[c.ID] = true
		}
	}
	r.h = physical.Header{Output: n.Output}
	r.h.Est.Width = p.width(n.Output)
	r.h.Est.Rows = max(1, p.filteredRows(n, conditions))
	r.restrictions = r.restrictionsOf(conditions)
	return r
}

// scan plans a Scan with conditions: all of the table, or what ranges of its keys have.
func (p *planner) scan(n *plan.Scan, conditions []*expr.Node, l *limit) []path {
	r := p.reading(n, conditions, l)
	all := []path{p.wholeTable(r)}
	if n.Relation.Virtual != nil {
		return all
	}
	primary := access{key: n.Relation.Table.PrimaryKey, unique: true, covering: true}
	if p.o.NoIndex {
		return all
	}
	var used []*expr.Node
	for _, a := range p.accesses(r, primary) {
		all = append(all, p.read(r, &a)...)
		used = append(used, a.used...)
	}
	return append(all, p.bitmap(r, used)...)
}

// accesses returns the keys of a table with the ranges that conditions leave of them, as far as those or their order are of
// use.
func (p *planner) accesses(r *reading, primary access) []access {
	var all []access
	keys := []access{primary}
	for i := range r.Relation.Table.Indexes {
		if ix := &r.Relation.Table.Indexes[i]; ix.State == catalog.Ready {
			keys = append(keys, access{index: ix.Name, key: ix.Columns, unique: ix.Unique, covering: r.covers(ix)})
		}
	}
	for _, a := range keys {
		r.match(&a)
		if alternatives := p.matchAny(r, &a); alternatives != nil {
			all = append(all, *alternatives)
		}
		// Without ranges, reading by the primary key forwards is reading the whole table.
		if a.ranges != nil || len(p.useful(r.order(&a, false))) > 0 {
			all = append(all, a)
		}
	}
	return all
}

// covers reports whether an index has all columns that are read, together with the primary key.
func (r *reading) covers(ix *catalog.Index) bool {
	t := r.Relation.Table
	has := func(key []catalog.IndexColumn, id uint16) bool {
		return slices.ContainsFunc(key, func(k catalog.IndexColumn) bool { return k.Column == id })
	}
	for _, place := range r.Places {
		if place < 0 {
			continue // every entry has the row's id
		}
		if id := t.Columns[place].ID; !has(ix.Columns, id) && !has(t.PrimaryKey, id) {
			return false
		}
	}
	return true
}

// order returns the order in which rows are read by a key: that of its columns, and then that of the primary key.
func (r *reading) order(a *access, reverse bool) []plan.Key {
	key := a.key
	if a.index != "" {
		key = slices.Concat(key, r.Relation.Table.PrimaryKey)
	}
	var order []plan.Key
	for _, k := range key {
		_, place, _ := r.Relation.Table.ColumnByID(k.Column)
		id, is := r.ids[place]
		if !is {
			return order
		}
		order = append(order, plan.Key{
			Column: id, Descending: k.Descending != reverse, NullsFirst: k.NullsFirst != reverse,
		})
	}
	if id, is := r.ids[plan.HiddenRowID]; is && len(r.Relation.Table.PrimaryKey) == 0 {
		order = append(order, plan.Key{Column: id, Descending: reverse, NullsFirst: reverse})
	}
	return order
}

// wholeTable reads all rows.
func (p *planner) wholeTable(r *reading) path {
	h := r.h
	h.Est.Cost = costSeek + r.total*p.costRead(r) + p.evaluation(r.conditions, r.total)
	h.Est.First = min(h.Est.Cost, costSeek+(h.Est.Cost-costSeek)/max(1, h.Est.Rows))
	s := &physical.Scan{
		Header: h, Relation: r.Relation, Alias: r.Alias, Places: r.Places, Filter: r.conditions, Limit: r.limit,
	}
	if r.Relation.Virtual != nil {
		return path{Node: s}
	}
	return path{s, r.order(&access{key: r.Relation.Table.PrimaryKey}, false)}
}

// costRead returns the cost of reading a row in the order of the primary key.
func (p *planner) costRead(r *reading) float64 {
	return costScanRow + costScanColumn*float64(len(r.Places))
}

// read reads what ranges of a key have, forwards and, if that may be of use, backwards.
func (p *planner) read(r *reading, a *access) []path {
	h := r.h
	rows := p.rowsOf(r, a)
	rest := without(r.conditions, a.implied)
	each := p.costRead(r)
	if a.index != "" {
		each = costIndexEntry + costScanColumn*float64(len(r.Places))
		if !a.covering {
			each += p.costFetch(r, a)
		}
	}
	seeks := costSeek * float64(max(1, len(a.ranges)))
	if a.unique && a.points == len(a.key) {
		seeks = costPoint * float64(len(a.ranges)) // no iterator is needed
	}
	h.Est.Cost = seeks + rows*each + p.evaluation(rest, rows) + p.onceOf(a)
	h.Est.First = min(h.Est.Cost, seeks/float64(max(1, len(a.ranges)))+p.onceOf(a)+(rows*each+p.evaluation(rest, rows))/max(1, h.Est.Rows))
	h.Est.Rows = min(h.Est.Rows, max(1, rows))
	s := &physical.Scan{
		Header: h, Relation: r.Relation, Alias: r.Alias, Places: r.Places, Index: a.index,
		IndexOnly: a.index != "" && a.covering, Ranges: a.ranges, Filter: rest, Limit: r.limit,
	}
	var all []path
	if a.index != "" || a.ranges != nil {
		all = append(all, path{s, r.order(a, false)})
	}
	if backwards := r.order(a, true); p.wantsReverse(backwards) {
		reversed := *s
		reversed.Reverse = true
		reversed.Est.Cost *= 1.1 // so that forwards is preferred where both will do
		reversed.Est.First *= 1.1
		all = append(all, path{&reversed, backwards})
	}
	return all
}

// wantsReverse reports whether the order of a scan backwards may be of use: somebody wants to have a column in just that
// direction.
func (p *planner) wantsReverse(order []plan.Key) bool {
	for _, k := range p.useful(order) {
		if !p.orders.constant(k.Column) {
			return p.wantedKeys[direction{k.Column, k.Descending}]
		}
	}
	return false
}

// rowsOf returns how many rows, or entries, the ranges of a key have.
func (p *planner) rowsOf(r *reading, a *access) float64 {
	rows := r.total
	if a.rows > 0 {
		rows = a.rows
	} else if a.used != nil {
		rows *= p.selectivity(a.used, r.total)
	}
	if a.unique && a.ranges != nil && a.points == len(a.key) {
		rows = min(rows, float64(len(a.ranges)))
	}
	return min(r.total, max(rows, 1))
}

// onceOf returns the cost of evaluating bounds.
func (p *planner) onceOf(a *access) float64 {
	total := 0.0
	for i := range a.ranges {
		if i == 1 {
			break // the others are alike
		}
		b := &a.ranges[i]
		for _, x := range append(slices.Clone(b.Prefix), b.Lower, b.Upper) {
			if x != nil {
				perRow, once := p.evaluating(x)
				total += perRow + once
			}
		}
	}
	return total
}

// costFetch returns the cost of looking up the row of an entry: less if rows that follow each other in the index do so in
// the table too.
func (p *planner) costFetch(r *reading, a *access) float64 {
	correlation := 0.0
	if s := columnStatistics(r.Relation, a.key[0].Column); s != nil {
		correlation = s.Correlation * s.Correlation
	}
	return costFetch - correlation*(costFetch-costFetchNear)
}

// without returns a list without some of its elements.
func without(list, some []*expr.Node) []*expr.Node {
	if len(some) == 0 {
		return list
	}
	var rest []*expr.Node
	for _, n := range list {
		if !slices.Contains(some, n) {
			rest = append(rest, n)
		}
	}
	return rest
}

// keyColumns returns the columns of an index, or of the primary key.
func keyColumns(t *catalog.Table, index string) []catalog.IndexColumn {
	if index == "" {
		return t.PrimaryKey
	}
	if ix, ok := t.Index(index); ok {
		return ix.Columns
	}
	return nil
}

// bitmap reads the rows that any of several ranges has, of different keys: one for each side of an OR, unless that is used
// by a single key already.
func (p *planner) bitmap(r *reading, used []*expr.Node) []path {
	var all []path
	for _, c := range r.conditions {
		if c.Op != expr.OpOr || slices.Contains(used, c) {
			continue
		}
		b := &physical.BitmapScan{
			Header: r.h, Relation: r.Relation, Alias: r.Alias, Places: r.Places, Filter: r.conditions,
		}
		entries := 0.0
		for _, branch := range c.Args {
			a, rows := p.bestBranch(r, branch)
			if a == nil {
				b.Parts = nil
				break
			}
			entries += rows
			b.Est.Cost += costSeek*float64(len(a.ranges)) + rows*costIndexEntry + p.onceOf(a)
			b.Parts = append(b.Parts, physical.BitmapPart{Index: a.index, Ranges: a.ranges})
		}
		if b.Parts == nil {
			continue
		}
		b.Est.Cost += costSort(entries, entries, 1, 16)
		b.Est.First = b.Est.Cost
		b.Est.Cost += min(entries, r.total)*(p.costRead(r)+(costFetch+costFetchNear)/2) + p.evaluation(r.conditions, entries)
		all = append(all, path{Node: b})
	}
	return all
}

// bestBranch returns the key whose ranges have the fewest rows of a side of an OR.
func (p *planner) bestBranch(r *reading, branch *expr.Node) (best *access, rows float64) {
	part := *r
	part.conditions = branch.Conjuncts()
	part.restrictions = r.restrictionsOf(part.conditions)
	rows = math.Inf(1)
	for _, a := range p.accesses(&part, access{key: r.Relation.Table.PrimaryKey, unique: true}) {
		if a.ranges == nil {
			continue
		}
		if n := p.rowsOf(&part, &a); n < rows {
			best, rows = &a, n
		}
	}
	return best, rows
}
