package opt

import (
	"fmt"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
)

func nulls(n int) []catalog.Value { return make([]catalog.Value, n) }

func (in *interpreter) join(n *plan.Join, around values) (*relationRows, error) {
	left, err := in.run(n.Left, around)
	if err != nil {
		return nil, err
	}
	var right *relationRows
	if !n.Lateral {
		if right, err = in.run(n.Right, around); err != nil {
			return nil, err
		}
	}
	made := &relationRows{columns: ids(n.Columns())}
	width := len(n.Right.Columns())
	var matched map[int]bool
	for _, l := range left.rows {
		if n.Lateral {
			inner := values{}
			for id, v := range around {
				inner[id] = v
			}
			for i, id := range left.columns {
				inner[id] = l[i]
			}
			if right, err = in.run(n.Right, inner); err != nil {
				return nil, err
			}
		}
		if matched == nil {
			matched = map[int]bool{}
		}
		all := in.all(n.On, slices.Concat(left.columns, right.columns), around)
		partners, unknown := 0, false
		for i, r := range right.rows {
			pair := slices.Concat(l, r)
			yes, null, err := all(pair)
			if err != nil {
				return nil, err
			}
			unknown = unknown || null
			if !yes {
				continue
			}
			matched[i] = true
			if partners++; n.Single && partners > 1 {
				return nil, errTwoRows
			}
			if !n.Kind.LeftOnly() {
				made.rows = append(made.rows, pair)
			}
		}
		switch n.Kind {
		case plan.LeftJoin, plan.FullJoin:
			if partners == 0 {
				made.rows = append(made.rows, slices.Concat(l, nulls(width)))
			}
		case plan.SemiJoin:
			if partners > 0 {
				made.rows = append(made.rows, l)
			}
		case plan.AntiJoin:
			if partners == 0 {
				made.rows = append(made.rows, l)
			}
		case plan.NullAntiJoin:
			if partners == 0 && !unknown {
				made.rows = append(made.rows, l)
			}
		case plan.MarkJoin:
			mark := catalog.BoolOf(partners > 0)
			if partners == 0 && unknown {
				mark = catalog.Null()
			}
			made.rows = append(made.rows, append(slices.Clone(l), mark))
		default:
		}
	}
	if n.Kind == plan.FullJoin {
		for i, r := range right.rows {
			if !matched[i] {
				made.rows = append(made.rows, slices.Concat(nulls(len(left.columns)), r))
			}
		}
	}
	return made, nil
}

func (in *interpreter) set(n *plan.SetOperation, around values) (*relationRows, error) {
	l, err := in.run(n.Left, around)
	if err != nil {
		return nil, err
	}
	r, err := in.run(n.Right, around)
	if err != nil {
		return nil, err
	}
	made := &relationRows{columns: ids(n.Output)}
	left, right := l.pick(n.LeftColumns), r.pick(n.RightColumns)
	if n.Kind == plan.Union {
		left = append(left, right...)
	}
	there := map[string]int{}
	for _, row := range right {
		there[key(row)]++
	}
	seen := map[string]bool{}
	for _, row := range left {
		k := key(row)
		if !n.All && seen[k] {
			continue
		}
		seen[k] = true
		switch n.Kind {
		case plan.Except:
			if there[k] > 0 {
				if n.All {
					there[k]--
				}
				continue
			}
		case plan.Intersect:
			if there[k] == 0 {
				continue
			}
			if n.All {
				there[k]--
			}
		default:
		}
		made.rows = append(made.rows, row)
	}
	return made, nil
}

func (in *interpreter) aggregate(n *plan.Aggregate, t *relationRows, around values) (*relationRows, error) {
	made := &relationRows{columns: ids(n.Columns())}
	groups := map[string][][]catalog.Value{}
	var order []string
	if len(n.Groups) == 0 {
		order = []string{""}
	}
	for i, g := range t.pick(n.Groups) {
		k := key(g)
		if _, known := groups[k]; !known && len(n.Groups) > 0 {
			order = append(order, k)
		}
		groups[k] = append(groups[k], t.rows[i])
	}
	for _, k := range order {
		var row []catalog.Value
		for _, id := range n.Groups {
			row = append(row, groups[k][0][t.at(id)])
		}
		for i := range n.Aggregates {
			v, err := in.aggregation(&n.Aggregates[i], &relationRows{t.columns, groups[k]}, around)
			if err != nil {
				return nil, err
			}
			row = append(row, v)
		}
		made.rows = append(made.rows, row)
	}
	return made, nil
}

func (in *interpreter) aggregation(a *plan.Aggregation, t *relationRows, around values) (catalog.Value, error) {
	var list []catalog.Value
	seen := map[string]bool{}
	for _, r := range t.rows {
		if a.Filter != nil {
			if v, err := in.eval(a.Filter, t.columns, around)(r); err != nil || !v.AsBool() {
				if err != nil {
					return v, err
				}
				continue
			}
		}
		v := catalog.Int(1)
		if len(a.Args) > 0 {
			var err error
			if v, err = in.eval(a.Args[0], t.columns, around)(r); err != nil {
				return v, err
			}
		}
		if k := key([]catalog.Value{v}); v.IsNull() || a.Distinct && seen[k] {
			continue
		} else {
			seen[k] = true
		}
		list = append(list, v)
	}
	sum, best := int64(0), catalog.Null()
	for i, v := range list {
		if v.Kind() == catalog.Int64 {
			sum += v.AsInt()
		}
		c := 0
		if i > 0 {
			c = catalog.Compare(v, best)
		}
		if i == 0 || a.Function == "min" && c < 0 || a.Function == "max" && c > 0 {
			best = v
		}
	}
	switch {
	case a.Function == "count":
		return catalog.Int(int64(len(list))), nil
	case len(list) == 0:
		return catalog.Null(), nil
	case a.Function == "sum":
		return catalog.Int(sum), nil
	case a.Function == "min", a.Function == "max", a.Function == "any_value":
		return best, nil
	default:
		return best, fmt.Errorf("the interpreter does not know %s", a.Function)
	}
}

// window knows row_number, and aggregates over whole partitions or up to the present row.
func (in *interpreter) window(n *plan.Window, t *relationRows, around values) (*relationRows, error) {
	made := &relationRows{columns: ids(n.Columns())}
	partitions := map[string]*relationRows{}
	var order []string
	for i, k := range t.pick(n.PartitionBy) {
		p := partitions[key(k)]
		if p == nil {
			p = &relationRows{columns: t.columns}
			partitions[key(k)] = p
			order = append(order, key(k))
		}
		p.rows = append(p.rows, t.rows[i])
	}
	for _, k := range order {
		p := sorted(partitions[k], n.OrderBy)
		for i, r := range p.rows {
			row := slices.Clone(r)
			for f := range n.Functions {
				w := &n.Functions[f]
				if w.Function == "row_number" {
					row = append(row, catalog.Int(int64(i+1)))
					continue
				}
				frame := &relationRows{columns: p.columns, rows: p.rows}
				if len(n.OrderBy) > 0 {
					last := i
					for last+1 < len(p.rows) && peers(p, n.OrderBy, i, last+1) {
						last++
					}
					frame.rows = p.rows[:last+1]
				}
				v, err := in.aggregation(&w.Aggregation, frame, around)
				if err != nil {
					return nil, err
				}
				row = append(row, v)
			}
			made.rows = append(made.rows, row)
		}
	}
	return made, nil
}

func peers(t *relationRows, keys []plan.Key, i, j int) bool {
	for _, k := range keys {
		at := t.at(k.Column)
		if key(t.rows[i][at:at+1]) != key(t.rows[j][at:at+1]) {
			return false
		}
	}
	return true
}
