package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/middb/middb/wire"
)

const (
	// updateAttempts is how often Update runs its function.
	updateAttempts = 20
	// firstWait is the longest pause after the first conflict; each is up to twice the one before.
	firstWait = 500 * time.Microsecond
	longWait  = 50 * time.Millisecond
)

// Update runs fn in a transaction under snapshot isolation and commits it, unless fn returns an error, which Update
// then returns. When the transaction conflicts with another, or is lost with its connection before it was committed,
// and only then, fn runs again in a new transaction, a bounded number of times with growing random pauses: fn must
// not do elsewhere what it cannot do twice.
func (c *Client) Update(ctx context.Context, fn func(*Txn) error) error {
	return c.UpdateWith(ctx, TxnOptions{}, fn)
}

// View runs fn in a read-only transaction, which ends with it. It runs again when the connection is lost.
func (c *Client) View(ctx context.Context, fn func(*Txn) error) error {
	return c.repeat(ctx, TxnOptions{ReadOnly: true}, "view", fn)
}

// UpdateWith is Update with options.
func (c *Client) UpdateWith(ctx context.Context, o TxnOptions, fn func(*Txn) error) error {
	return c.repeat(ctx, o, "update", fn)
}

func (c *Client) repeat(ctx context.Context, o TxnOptions, name string, fn func(*Txn) error) error {
	pause := firstWait
	for attempt := 1; ; attempt++ {
		again, err := c.attempt(ctx, o, fn)
		switch {
		case err == nil:
			return nil
		case !again:
			return fmt.Errorf("%s: %w", name, err)
		case attempt == updateAttempts:
			return fmt.Errorf("%s: gave up after %d attempts: %w", name, attempt, err)
		}
		if cause := sleep(ctx, c.pool.jitter(pause)); cause != nil {
			return fmt.Errorf("%s: %w: %w", name, cause, err)
		}
		pause = min(2*pause, longWait)
	}
}

// attempt runs fn in a transaction once. again says that it is worth another.
func (c *Client) attempt(ctx context.Context, o TxnOptions, fn func(*Txn) error) (again bool, err error) {
	t, err := c.Begin(ctx, o)
	if err != nil {
		return false, err
	}
	defer t.rollback()
	t.managed = true
	if err = fn(t); err == nil && !o.ReadOnly {
		err = t.commit(ctx)
	}
	again = t.lost || errors.Is(err, wire.ErrConflict) || errors.Is(err, wire.ErrTxnTooOld) || errors.Is(err, wire.ErrShuttingDown)
	return again && err != nil, err
}
