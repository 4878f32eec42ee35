package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
)

// View runs fn in a read-only transaction, which ends with it.
func (db *DB) View(ctx context.Context, fn func(*Txn) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("view: %w", context.Cause(ctx))
	}
	t, err := db.begin(ctx, TxnOptions{ReadOnly: true}, caller())
	if err != nil {
		return fmt.Errorf("view: %w", err)
	}
	t.managed = true
	defer t.finish()
	return fn(t)
}

// Update runs fn in a transaction under snapshot isolation and commits it, unless fn returns an error, which
// Update then returns. When the commit fails because of a conflict, and only then, fn runs again in a new
// transaction, a bounded number of times with growing pauses: fn must not do elsewhere what it cannot do
// twice.
func (db *DB) Update(ctx context.Context, fn func(*Txn) error) error {
	return db.update(ctx, TxnOptions{}, fn, caller())
}

// UpdateWith is Update with options.
func (db *DB) UpdateWith(ctx context.Context, o TxnOptions, fn func(*Txn) error) error {
	return db.update(ctx, o, fn, caller())
}

const (
	// maxAttempts is how often Update runs its function.
	maxAttempts = 20
	// firstPause is the longest pause after the first conflict; each is up to twice the one before.
	firstPause = 50 * time.Microsecond
	longPause  = 20 * time.Millisecond
)

func (db *DB) update(ctx context.Context, o TxnOptions, fn func(*Txn) error, by creator) error {
	if err := db.attempts(ctx, o, fn, by); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	return nil
}

// attempts runs fn in transactions until one commits or fails for another reason than a conflict.
func (db *DB) attempts(ctx context.Context, o TxnOptions, fn func(*Txn) error, by creator) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := db.attempt(ctx, o, fn, by)
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrTxnTooOld) {
			return err
		}
		if attempt == maxAttempts {
			return fmt.Errorf("gave up after %d attempts: %w", attempt, err)
		}
		if e := actors.Pause(ctx, db.cfg.Scheduler, db.jitter.below(pause), "the end of a pause"); e != nil {
			return errors.Join(e, err)
		}
		pause = min(2*pause, longPause)
	}
}

// attempt runs fn in a transaction once.
func (db *DB) attempt(ctx context.Context, o TxnOptions, fn func(*Txn) error, by creator) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t, err := db.begin(ctx, o, by)
	if err != nil {
		return err
	}
	t.managed = true
	defer t.finish() // also if fn panics
	if err := fn(t); err != nil {
		return err
	}
	return t.commit(ctx)
}

// jitter draws pauses.
type jitter struct {
	mu  sync.Mutex
	rng *rand.Rand
}

// below returns a time below d.
func (j *jitter) below(d time.Duration) time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return time.Duration(j.rng.Int64N(int64(d)))
}

// PutIfAbsent writes v under k if k is not there, and returns the sequence number of the write. If it is there
// the error is ErrExists.
func (ks *Keyspace) PutIfAbsent(k, v []byte, d ...Durability) (seq uint64, err error) {
	return ks.putIf("put if absent", k, v, d, func(_ uint64, found bool) error {
		if found {
			return ErrExists
		}
		return nil
	})
}

// PutIf writes v under k if the operation with sequence number seq, as GetWithSeq and PutIf return it, was the
// last that wrote it, and returns the sequence number of the new write. If another one was, or k is not there, the
// error is ErrSeqMismatch.
func (ks *Keyspace) PutIf(k, v []byte, seq uint64, d ...Durability) (newSeq uint64, err error) {
	return ks.putIf("put if", k, v, d, func(last uint64, found bool) error {
		switch {
		case !found:
			return fmt.Errorf("%w: it is not there", ErrSeqMismatch)
		case last != seq:
			return fmt.Errorf("%w: %d, not %d", ErrSeqMismatch, last, seq)
		}
		return nil
	})
}

// putIf writes if a condition holds of the operation that wrote k last. Each conflict is another write of k, so
// there is always progress.
func (ks *Keyspace) putIf(what string, k, v []byte, d []Durability, condition func(last uint64, found bool) error) (seq uint64, err error) {
	if err = checkEntry(k, v); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	o := TxnOptions{}
	if len(d) > 0 {
		o.Durability = d[0]
	}
	for {
		seq, err = ks.tryPutIf(k, v, o, condition)
		if err == nil {
			return seq, nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrTxnTooOld) {
			return 0, fmt.Errorf("%s %s: %w", what, key.Format(k), err)
		}
	}
}

func (ks *Keyspace) tryPutIf(k, v []byte, o TxnOptions, condition func(last uint64, found bool) error) (seq uint64, err error) {
	t, err := ks.db.begin(context.Background(), o, caller())
	if err != nil {
		return 0, err
	}
	defer t.finish()
	last, found, err := t.In(ks).withSeq(k)
	if err != nil {
		return 0, err
	}
	if err = condition(last, found); err != nil {
		return 0, err
	}
	if err = t.In(ks).write("put", &write{kind: key.KindPut, key: k, value: v}); err != nil {
		return 0, err
	}
	if err = t.submit(context.Background()); err != nil {
		return 0, err
	}
	return t.committed, nil
}
