package session

import (
	"errors"
	"math"
	"strings"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// createSequence runs CREATE SEQUENCE.
func (x *changing) createSequence(st *ast.CreateSequence) error {
	name, err := x.name(st.Name)
	if err != nil {
		return err
	}
	if there, err := x.there(name, st.Name.At, st.IfNotExists); there || err != nil {
		return err
	}
	d := relation.DefaultSequence()
	if by := st.Options.Increment; by != nil && *by < 0 {
		d.Min, d.Max, d.Start = math.MinInt64, -1, -1
	}
	given(&d, &st.Options)
	switch {
	case st.Options.Start != nil:
	case d.Increment > 0:
		d.Start = d.Min
	default:
		d.Start = d.Max
	}
	return sequenceError(x.tables.PutSequence(name, d), st.At)
}

// given puts what was said of a sequence into its definition.
func given(d *relation.SequenceDefinition, o *ast.SequenceOptions) {
	for _, n := range []struct{ from, to *int64 }{{o.Increment, &d.Increment}, {o.Min, &d.Min}, {o.Max, &d.Max}, {o.Start, &d.Start}} {
		if n.from != nil {
			*n.to = *n.from
		}
	}
	if o.Cycle {
		d.Cycle = true
	}
	if o.NoCycle {
		d.Cycle = false
	}
}

// sequenceError says where a definition is wrong.
func sequenceError(err error, at int) error {
	if errors.Is(err, relation.ErrArguments) {
		e := sqlstate.New(sqlstate.InvalidParameter, at, "%v", err)
		e.Cause = err
		return e
	}
	return err
}

// alterSequence runs ALTER SEQUENCE. Unless it restarts, the sequence goes on where it is.
func (x *changing) alterSequence(st *ast.AlterSequence) error {
	name, err := x.name(st.Name)
	if err != nil {
		return err
	}
	d, found, err := x.tables.Sequence(name)
	if err != nil {
		return err
	}
	if !found {
		return x.missingObject(relation.SequenceObject, st.Name, st.IfExists)
	}
	begin := d.Start
	if !st.Options.Restart {
		if begin, err = x.tables.NextValue(name); err != nil {
			return err
		}
	}
	start := d.Start
	given(&d, &st.Options)
	switch {
	case st.Options.RestartWith != nil:
		d.Start = *st.Options.RestartWith
	case st.Options.Restart:
		if st.Options.Start == nil {
			d.Start = start
		}
	default:
		d.Start = begin
	}
	return sequenceError(x.tables.PutSequence(name, d), st.At)
}

// sequences are those of a transaction, on behalf of a session that knows which numbers it got last.
type sequences struct {
	s      *Session
	tables *relation.Tables
}

var _ expr.Sequences = sequences{}

// sequenceName returns the name that a text means: as SQL reads it, without its schema.
func sequenceName(text string) string {
	text = strings.TrimPrefix(text, "public.")
	if n := len(text); n >= 2 && text[0] == '"' && text[n-1] == '"' {
		return strings.ReplaceAll(text[1:n-1], `""`, `"`)
	}
	return strings.ToLower(text)
}

// Next implements expr.Sequences.
func (q sequences) Next(name string) (int64, error) {
	if q.s.limits.OnlyRead {
		return 0, sqlstate.New(sqlstate.ReadOnlyTransaction, -1, "nextval writes, and the session may only read")
	}
	name = sequenceName(name)
	n, err := q.tables.NextValue(name)
	if err != nil {
		return 0, err
	}
	if q.s.numbers == nil {
		q.s.numbers = make(map[string]int64)
	}
	q.s.numbers[name], q.s.lastNumber = n, name
	return n, nil
}

// Current implements expr.Sequences.
func (q sequences) Current(name string) (int64, error) {
	if name == "" {
		if name = q.s.lastNumber; name == "" {
			return 0, sqlstate.New(sqlstate.NotInState, -1, "lastval is not known: nextval was not called in this session yet")
		}
		return q.s.numbers[name], nil
	}
	name = sequenceName(name)
	n, ok := q.s.numbers[name]
	if ok {
		return n, nil
	}
	if _, found, err := q.tables.Sequence(name); err != nil {
		return 0, err
	} else if !found {
		return 0, sqlstate.New(sqlstate.UndefinedTable, -1, "there is no sequence %q", name)
	}
	return 0, sqlstate.New(sqlstate.NotInState, -1, "currval of %q is not known: nextval was not called in this session yet", name)
}

// Set implements expr.Sequences.
func (q sequences) Set(name string, n int64, given bool) error {
	name = sequenceName(name)
	if err := q.tables.SetSequence(name, n, given); err != nil {
		return err
	}
	if given && q.s.numbers != nil {
		if _, known := q.s.numbers[name]; known {
			q.s.numbers[name] = n
		}
	}
	return nil
}
