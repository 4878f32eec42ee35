package bind

import (
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/planner/sqlstate"
)

// A windowCall is a call of a function with OVER.
type windowCall struct {
	at     int
	column plan.Column
	call   *expr.AggregateCall
	window *window
}

// A window is what stands behind OVER.
type window struct {
	partition []*expr.Node
	order     []windowKey
	framed    bool // a frame was given
	frame     plan.Frame
}

// A windowKey is an expression that a window or an aggregate function sorts by.
type windowKey struct {
	expr                   *expr.Node
	descending, nullsFirst bool
}

// key returns a text that is the same for equal ones.
func (k *windowKey) key() string {
	return k.expr.Key() + [...]string{"", " desc"}[toInt(k.descending)] + [...]string{"", " nulls first"}[toInt(k.nullsFirst)]
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// appendTo appends the key, unless it is there, to others.
func (k *windowKey) appendTo(keys []plan.Key, p *projection) []plan.Key {
	id := p.key(k.expr)
	if slices.ContainsFunc(keys, func(o plan.Key) bool { return o.Column == id }) {
		return keys
	}
	return append(keys, plan.Key{Column: id, Descending: k.descending, NullsFirst: k.nullsFirst})
}

// windowCall binds the call of a function with OVER.
func (s *scope) windowCall(b *expr.Binder, e *ast.Call) (*expr.Node, error) {
	switch {
	case s.clause == inAggregate:
		return nil, sqlstate.New(sqlstate.GroupingError, e.At, "a window function cannot stand in %s", s.clause.name)
	case s.clause.nested:
		return nil, sqlstate.New(sqlstate.WindowingError, e.At, "a window function cannot stand in %s", s.clause.name)
	case !s.clause.window:
		return nil, sqlstate.New(sqlstate.WindowingError, e.At, "a window function cannot stand in %s", s.clause.name).
			WithHint("compute it in a query in FROM")
	case !expr.IsAggregate(e.Name) && !expr.IsWindow(e.Name):
		return nil, sqlstate.New(sqlstate.WrongObjectType, e.At, "%s is neither a window function nor an aggregate function, and has no OVER", e.Name)
	case len(e.OrderBy) > 0:
		return nil, sqlstate.New(sqlstate.NotSupported, e.At, "ORDER BY in the arguments is not supported with OVER").
			WithHint("the window has an ORDER BY of its own")
	}
	w := windowCall{at: e.At}
	err := s.in(inWindowCall, func() (err error) {
		w.call, err = b.WindowCall(e)
		return err
	})
	if err != nil {
		return nil, err
	}
	if w.window, err = s.over(e.Over); err != nil {
		return nil, err
	}
	w.column = plan.Column{ID: s.b.id(), Name: e.Name, Type: w.call.Type}
	switch w.call.Function {
	case "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "count":
		w.column.NotNull = true
	}
	s.windows = append(s.windows, w)
	return columnNode(&w.column, e.At), nil
}

// over returns the window behind OVER.
func (s *scope) over(t *ast.Window) (*window, error) {
	if t.Bare {
		return s.namedWindow(t.Base, t.At)
	}
	return s.window(t)
}

// namedWindow returns a window of the WINDOW clause.
func (s *scope) namedWindow(name string, at int) (*window, error) {
	if w, ok := s.named[name]; ok && w != nil {
		return w, nil
	}
	_, busy := s.named[name]
	var names []string
	for i := range s.definitions {
		d := &s.definitions[i]
		names = append(names, d.Name)
		if d.Name != name || busy {
			continue
		}
		if s.named == nil {
			s.named = make(map[string]*window)
		}
		s.named[name] = nil // a window that is made of itself does not find itself
		w, err := s.window(&d.Window)
		s.named[name] = w
		return w, err
	}
	return nil, meant(sqlstate.New(sqlstate.UndefinedObject, at, "there is no window %q", name), name, names)
}

// bindWindows binds those windows of the WINDOW clause that nothing has named.
func (s *scope) bindWindows() error {
	seen := make(map[string]bool)
	for i := range s.definitions {
		d := &s.definitions[i]
		if seen[d.Name] {
			return sqlstate.New(sqlstate.WindowingError, d.At, "the window %q is there twice", d.Name)
		}
		seen[d.Name] = true
		if _, err := s.namedWindow(d.Name, d.At); err != nil {
			return err
		}
	}
	return nil
}

// window binds a window, which may add to one of the WINDOW clause.
func (s *scope) window(t *ast.Window) (*window, error) {
	w := &window{frame: plan.Frame{Unit: plan.FrameRange, End: plan.FrameBound{Kind: plan.CurrentRow}}}
	if t.Base != "" {
		base, err := s.namedWindow(t.Base, t.At)
		switch {
		case err != nil:
			return nil, err
		case len(t.PartitionBy) > 0:
			return nil, sqlstate.New(sqlstate.WindowingError, t.At, "a window that adds to %q cannot have a PARTITION BY", t.Base)
		case len(t.OrderBy) > 0 && len(base.order) > 0:
			return nil, sqlstate.New(sqlstate.WindowingError, t.At, "the window %q has an ORDER BY already", t.Base)
		case base.framed:
			return nil, sqlstate.New(sqlstate.WindowingError, t.At, "the window %q has a frame, and nothing can be added to it", t.Base).
				WithHint("without parentheses, OVER %s takes it as it is", t.Base)
		}
		w.partition, w.order = slices.Clone(base.partition), slices.Clone(base.order)
	}
	for _, e := range t.PartitionBy {
		n, err := s.settled(inWindow, e)
		if err == nil {
			err = hashable(n.Type, e.Place(), "PARTITION BY")
		}
		if err != nil {
			return nil, err
		}
		w.partition = append(w.partition, n)
	}
	order, err := s.windowOrder(inWindow, t.OrderBy)
	if err != nil {
		return nil, err
	}
	w.order = append(w.order, order...)
	s.specs = append(s.specs, w)
	if t.Frame == nil {
		return w, nil
	}
	return w, s.frame(w, t.Frame)
}

// windowOrder binds what a window or an aggregate function sorts by. Numbers are no places there.
func (s *scope) windowOrder(c clause, list []ast.Order) ([]windowKey, error) {
	var keys []windowKey
	for i := range list {
		o := &list[i]
		n, err := s.settled(c, o.Expr)
		if err == nil {
			err = hashable(n.Type, o.Expr.Place(), "ORDER BY")
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, windowKey{n, o.Descending, nullsFirst(o)})
	}
	return keys, nil
}

// frame binds the frame of a window.
func (s *scope) frame(w *window, t *ast.Frame) (err error) {
	w.framed = true
	w.frame = plan.Frame{Unit: plan.FrameUnit(t.Unit), Exclude: plan.Exclusion(t.Exclude)}
	offset := t.Start.Offset != nil || t.End.Offset != nil
	switch {
	case t.Unit == ast.Groups && len(w.order) == 0:
		return sqlstate.New(sqlstate.WindowingError, t.At, "GROUPS needs an ORDER BY in the window")
	case t.Unit == ast.Range && offset && len(w.order) != 1:
		return sqlstate.New(sqlstate.WindowingError, t.At, "RANGE with a distance needs an ORDER BY of one expression")
	}
	if w.frame.Start, err = s.frameBound(w, t, &t.Start); err != nil {
		return err
	}
	w.frame.End, err = s.frameBound(w, t, &t.End)
	return err
}

// frameBound binds where a frame begins or ends.
func (s *scope) frameBound(w *window, f *ast.Frame, t *ast.Bound) (plan.FrameBound, error) {
	b := plan.FrameBound{Kind: plan.FrameBoundKind(t.Kind)}
	if t.Offset == nil {
		return b, nil
	}
	want := intType
	if f.Unit == ast.Range {
		switch k := w.order[0].expr.Type.Kind; k {
		case catalog.Int64, catalog.Decimal, catalog.Float64:
			want.Kind = k
		case catalog.Date, catalog.Timestamp:
			want.Kind = catalog.Interval
		default:
			return b, sqlstate.New(sqlstate.NotSupported, t.At, "RANGE with a distance needs an ORDER BY of numbers or times, not %s", k)
		}
	}
	n, err := s.bind(clause{name: "a frame"}, t.Offset)
	if err != nil {
		return b, err
	}
	if ids := n.Columns(); len(ids) > 0 || hasQuery(n) {
		return b, sqlstate.New(sqlstate.InvalidColumnReference, t.At, "where a frame begins or ends cannot depend on columns or queries")
	}
	if want.Kind == catalog.Decimal {
		b.Offset, err = decimal(s.types, n)
	} else {
		b.Offset, err = s.types.Assign(n, want)
	}
	return b, err
}

// windows computes the window functions, those with the same rows in the same order together.
func (x *selection) windows() error {
	calls := x.scope.windows
	if len(calls) == 0 {
		return nil
	}
	p := x.b.project(x.node)
	var all []*plan.Window
	for i := range calls {
		c := &calls[i]
		w := &plan.Window{}
		for _, n := range c.window.partition {
			if id := p.key(n); !slices.Contains(w.PartitionBy, id) {
				w.PartitionBy = append(w.PartitionBy, id)
			}
		}
		for _, k := range c.window.order {
			w.OrderBy = k.appendTo(w.OrderBy, p)
		}
		same := slices.IndexFunc(all, func(o *plan.Window) bool {
			return slices.Equal(o.PartitionBy, w.PartitionBy) && slices.Equal(o.OrderBy, w.OrderBy)
		})
		if same < 0 {
			same = len(all)
			all = append(all, w)
		}
		all[same].Functions = append(all[same].Functions, plan.WindowFunction{
			Aggregation: plan.Aggregation{Column: c.column, Function: c.call.Function, Args: c.call.Args, Filter: c.call.Filter},
			Frame:       c.window.frame,
		})
	}
	x.node = p.passing()
	for _, w := range all {
		w.Input = x.node
		x.node = w
	}
	return nil
}
