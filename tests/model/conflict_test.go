package model

import (
	"errors"

	"github.com/middb/middb/engine"
)

// foresee returns the error with which the transaction cannot be committed now, or nil.
func (t *txn) foresee(o *oracle) error {
	if t.options.ReadOnly {
		return engine.ErrTxnReadOnly
	}
	if len(t.sight.own) == 0 && len(t.locks) == 0 {
		return nil // it saw one moment: that cannot be wrong
	}
	for i := range t.sight.own {
		if s := t.sight.own[i].space; !s.lives(o.last()) {
			return engine.ErrKeyspaceDropped
		}
	}
	for _, c := range o.commits[t.sight.state:] {
		for _, depends := range t.depends() {
			if c.writes(depends) {
				return engine.ErrConflict
			}
		}
	}
	return nil
}

// depends returns what must not have been written since the transaction's View: what it writes and what it read for
// update, whatever the isolation; and all that it read, if it is serializable.
func (t *txn) depends() []field {
	out := t.locks[:len(t.locks):len(t.locks)]
	for i := range t.sight.own {
		out = append(out, t.sight.own[i].field())
	}
	if t.options.Isolation == engine.Serializable {
		out = append(out, t.read...)
		for _, tr := range t.trails {
			for _, x := range tr.read {
				out = append(out, field{tr.space, x})
			}
		}
	}
	return out
}

// writes reports whether the commit writes a key of a field.
func (c *commit) writes(f field) bool {
	for i := range c.ops {
		if c.ops[i].field().meets(f) {
			return true
		}
	}
	for _, l := range c.locks {
		if l.meets(f) {
			return true
		}
	}
	return false
}

// written returns what the operation with a sequence number writes: the last one of a commit stands for its
// locks, too.
func (c *commit) written(seq uint64) (out []field) {
	for i := range c.ops {
		if c.last-uint64(len(c.ops)-1-i) == seq {
			out = append(out, c.ops[i].field())
		}
	}
	if c.last == seq {
		out = append(out, c.locks...)
	}
	return out
}

// checkConflict verifies that what the engine says of a conflict is true: that the transaction and the operation
// that it names touch the key that it names.
func (r *run) checkConflict(t *txn, err error) {
	var conflict *engine.ConflictError
	if !errors.As(err, &conflict) {
		r.failf("commit: %v, want a conflict", err)
	}
	for _, c := range r.oracle.commits[t.sight.state:] {
		for _, w := range c.written(conflict.Seq) {
			for _, d := range t.depends() {
				if d.space == w.space && d.has(conflict.Key) && w.has(conflict.Key) && r.nameNow(d.space) == conflict.Keyspace {
					return
				}
			}
		}
	}
	r.failf("the transaction of state %d cannot have this conflict: %v", t.sight.state, conflict)
}

// nameNow returns the name of a keyspace; one that was dropped has none.
func (r *run) nameNow(s *space) string {
	if !s.lives(r.oracle.last()) {
		return ""
	}
	return r.oracle.names[s.name]
}
