package ast

import "slices"

// Walk calls visit with an expression and with all below it, each before those below it.
func Walk(e Expr, visit func(Expr)) {
	visit(e)
	for _, c := range Children(e) {
		Walk(c, visit)
	}
}

// Rewrite returns what becomes of an expression if each node is replaced by what f returns for it, those below it first.
// Queries within it stay as they are.
// f gets copies, which it may change and return. The expression itself stays as it is.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	if e == nil {
		return nil
	}
	return f(rewriteChildren(e, f))
}

// rewriteChildren returns a copy of the node with its children rewritten.
func rewriteChildren(e Expr, f func(Expr) Expr) Expr {
	switch e := e.(type) {
	case *Literal:
		c := *e
		return &c
	case *Column:
		c := *e
		return &c
	case *Parameter:
		c := *e
		return &c
	case *Unary:
		return &Unary{e.At, e.Sign, Rewrite(e.X, f)}
	case *Binary:
		return &Binary{e.At, e.Operator, Rewrite(e.Left, f), Rewrite(e.Right, f)}
	case *Is:
		return &Is{e.At, Rewrite(e.X, f), e.Not, e.Truth}
	case *Between:
		return &Between{e.At, Rewrite(e.X, f), Rewrite(e.Low, f), Rewrite(e.High, f), e.Not}
	case *In:
		return &In{e.At, Rewrite(e.X, f), rewriteList(e.List, f), e.Query, e.Not}
	case *Like:
		return &Like{e.At, Rewrite(e.X, f), Rewrite(e.Pattern, f), Rewrite(e.Escape, f), e.Not, e.IgnoreCase}
	case *Case:
		c := &Case{At: e.At, Operand: Rewrite(e.Operand, f), Else: Rewrite(e.Else, f), Whens: make([]When, len(e.Whens))}
		for i, w := range e.Whens {
			c.Whens[i] = When{Rewrite(w.Condition, f), Rewrite(w.Result, f)}
		}
		return c
	case *Cast:
		return &Cast{e.At, Rewrite(e.X, f), e.Type}
	case *Call:
		return rewriteCall(e, f)
	case *Quantified:
		return &Quantified{e.At, Rewrite(e.X, f), e.Operator, e.All, e.Query}
	case *Row:
		return &Row{e.At, rewriteList(e.List, f)}
	case *Subquery:
		c := *e
		return &c
	case *Exists:
		c := *e
		return &c
	case *Interval:
		c := *e
		return &c
	case *Star:
		c := *e
		return &c
	case *Default:
		c := *e
		return &c
	default:
		return e
	}
}

func rewriteCall(e *Call, f func(Expr) Expr) Expr {
	c := *e
	c.Args = rewriteList(e.Args, f)
	c.OrderBy = rewriteOrder(e.OrderBy, f)
	c.Filter = Rewrite(e.Filter, f)
	if e.Over != nil {
		w := *e.Over
		w.PartitionBy, w.OrderBy = rewriteList(w.PartitionBy, f), rewriteOrder(w.OrderBy, f)
		if w.Frame != nil {
			frame := *w.Frame
			frame.Start.Offset, frame.End.Offset = Rewrite(frame.Start.Offset, f), Rewrite(frame.End.Offset, f)
			w.Frame = &frame
		}
		c.Over = &w
	}
	return &c
}

func rewriteOrder(list []Order, f func(Expr) Expr) []Order {
	all := slices.Clone(list)
	for i := range all {
		all[i].Expr = Rewrite(all[i].Expr, f)
	}
	return all
}

func rewriteList(list []Expr, f func(Expr) Expr) []Expr {
	if list == nil {
		return nil
	}
	all := make([]Expr, len(list))
	for i, e := range list {
		all[i] = Rewrite(e, f)
	}
	return all
}
