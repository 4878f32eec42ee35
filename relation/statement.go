package relation

import (
	"errors"
	"fmt"
)

// A statement is what leaves nothing of itself if it fails. Foreign keys are followed at its end.
type statement struct {
	active bool
	point  any
	failed error // of a part of it

	touched []*Table // whose number of rows it changes
	// What is still to do:
	removed   []removal // keys that rows of other tables may refer to
	deletions int       // for how many of them children were deleted that are to be
	changes   int       // for how many of them children were changed that are to be
	orphans   []orphan  // rows whose parent was not there
}

// Statement runs f, which uses tables of the transaction, as one statement: if it or a part of it fails, nothing of it
// stays, and foreign keys hold at its end rather than in between.
func (t *Tables) Statement(f func() error) error {
	top, err := t.begin()
	if err != nil {
		return err
	}
	return t.guarded(top, f)
}

// errPanicked is why a statement is taken back whose code has panicked.
var errPanicked = errors.New("the statement has panicked")

// guarded runs f, which calls code of the user, and ends the statement or the part of one. If f panics, that is taken back
// before the panic goes on to whoever recovers from it.
func (t *Tables) guarded(top bool, f func() error) error {
	returned := false
	defer func() {
		if !returned {
			_ = t.end(top, errPanicked)
		}
	}()
	err := f()
	returned = true
	return t.end(top, err)
}

// begin begins a statement, or a part of one that is under way.
func (t *Tables) begin() (top bool, err error) {
	switch {
	case t.broken != nil:
		return false, t.broken
	case t.statement.active:
		return false, t.statement.failed
	}
	point, err := t.txn.Savepoint()
	if err != nil {
		return false, err
	}
	t.statement.active, t.statement.point = true, point
	return true, nil
}

// end ends what begin began, of which err has come.
func (t *Tables) end(top bool, err error) error {
	s := &t.statement
	if !top {
		if err != nil && s.failed == nil {
			s.failed = err
		}
		return err
	}
	if err == nil {
		err = s.failed
	}
	if err == nil {
		err = t.settle()
	}
	if err != nil {
		err = t.takeBack(err)
	} else {
		t.txn.Release(s.point)
	}
	for _, h := range s.touched {
		if err == nil {
			h.added += h.adding
		}
		h.adding = 0
	}
	*s = statement{removed: s.removed[:0], orphans: s.orphans[:0], touched: s.touched[:0]}
	return err
}

// takeBack rolls back to the beginning of the statement, because of err.
func (t *Tables) takeBack(err error) error {
	if rollback := t.txn.RollbackTo(t.statement.point); rollback != nil {
		t.broken = fmt.Errorf("a statement has failed and could not be taken back, so the transaction is to be rolled back: %w",
			errors.Join(err, rollback))
		return t.broken
	}
	t.txn.Release(t.statement.point)
	// The statement may have changed schemas.
	t.generation++
	return err
}
