package shell

import (
	"context"
	"errors"
	"fmt"
)

// A txn is the open transaction of a session.
type txn struct {
	Txn
	readOnly bool
	spoiled  bool    // a line since it began was wrong, and nobody is there to write it again
	points   []point // savepoints; the first is number 1
}

// A point is a savepoint.
type point struct {
	mark    int
	spoiled bool // the transaction was spoiled already
}

// A batch is the open batch of a session.
type batch struct {
	Batch
	len     int  // operations collected
	spoiled bool // a line of it was wrong
}

var (
	errNoTxn   = errors.New("there is no transaction; it begins with begin")
	errOpenTxn = errors.New("the input ended inside a transaction, which was rolled back (a transaction ends with commit)")
	errNoBatch = errors.New("there is no batch; it begins with batch")
)

// spoil notes that a line of a script was wrong.
func (s *Session) spoil() {
	if s.batch != nil {
		s.batch.spoiled = true
	}
	if s.txn != nil {
		s.txn.spoiled = true
	}
}

// Begin begins a transaction.
func (s *Session) Begin(ctx context.Context, o TxnOptions) error {
	if s.txn != nil {
		return errors.New("a transaction is open already; write commit first, or rollback")
	}
	t, err := s.store.Begin(ctx, o)
	if err != nil {
		return err
	}
	s.txn = &txn{Txn: t, readOnly: o.ReadOnly}
	return s.ok(nil)
}

// commit commits the open transaction. In a script a wrong line spoils it: the rest would be neither all nor
// nothing.
func (s *Session) commit(ctx context.Context) error {
	t := s.txn
	switch {
	case t == nil:
		return s.noTxn()
	case t.readOnly:
		return errors.New("a read-only transaction has nothing to commit; end it with rollback")
	}
	s.txn = nil
	if t.spoiled {
		return errors.Join(errors.New("nothing of this transaction was committed, because a line of it was wrong"), t.Rollback(ctx))
	}
	return s.ok(t.Commit(ctx))
}

func (s *Session) rollback(ctx context.Context) error {
	t := s.txn
	if t == nil {
		return s.noTxn()
	}
	s.txn = nil
	return s.ok(t.Rollback(ctx))
}

// savepoint marks this moment of the transaction and answers the number of the mark.
func (s *Session) savepoint(ctx context.Context) error {
	t := s.txn
	if t == nil {
		return errNoTxn
	}
	mark, err := t.Savepoint(ctx)
	if err != nil {
		return err
	}
	t.points = append(t.points, point{mark, t.spoiled})
	_, err = fmt.Fprintln(s.out, len(t.points))
	return err
}

// rollbackTo takes back what came after savepoint n, which stays.
func (s *Session) rollbackTo(ctx context.Context, n int) error {
	t := s.txn
	switch {
	case t == nil:
		return errNoTxn
	case n < 1 || n > len(t.points):
		return fmt.Errorf("there is no savepoint %d; savepoint makes one and says its number", n)
	}
	p := t.points[n-1]
	if err := t.RollbackTo(ctx, p.mark); err != nil {
		return err
	}
	t.points, t.spoiled = t.points[:n], p.spoiled
	return s.ok(nil)
}

func (s *Session) beginBatch(ctx context.Context) error {
	if s.txn == nil {
		s.batch = &batch{Batch: s.store.NewBatch()}
		return nil
	}
	mark, err := s.txn.Savepoint(ctx)
	if err != nil {
		return err
	}
	s.batch = &batch{Batch: &txnBatch{s.txn, mark}}
	return nil
}

// endBatch applies the open batch. In a script a wrong line spoils it, as a transaction.
func (s *Session) endBatch(ctx context.Context) error {
	b := s.batch
	if b == nil {
		return errNoBatch
	}
	s.batch = nil
	if b.spoiled {
		return errors.Join(errors.New("nothing of this batch was applied, because a line of it was wrong"), b.Cancel(ctx))
	}
	return s.ok(b.Apply(ctx))
}

func (s *Session) cancelBatch(ctx context.Context) error {
	b := s.batch
	if b == nil {
		return errNoBatch
	}
	s.batch = nil
	return s.ok(b.Cancel(ctx))
}

// leave gives up what is open and returns what was lost by that.
func (s *Session) leave(ctx context.Context) (lost []error) {
	if b := s.batch; b != nil {
		s.batch = nil
		lost = append(lost, errors.Join(errOpenBatch, b.Cancel(ctx)))
	}
	if t := s.txn; t != nil {
		s.txn = nil
		err := t.Rollback(ctx)
		if !t.readOnly || err != nil {
			lost = append(lost, errors.Join(errOpenTxn, err))
		}
	}
	return append(lost, s.leaveSQL()...)
}

// A txnBatch is a batch in a transaction: writes that it can take back together.
type txnBatch struct {
	txn  *txn
	mark int
}

// In implements Batch.
func (b *txnBatch) In(ks Keyspace) Writer { return b.txn.In(ks) }

// Apply implements Batch: the writes are in the transaction.
func (b *txnBatch) Apply(context.Context) error { return nil }

// Cancel implements Batch.
func (b *txnBatch) Cancel(ctx context.Context) error { return b.txn.RollbackTo(ctx, b.mark) }
