package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server"
)

// A stepContext ends when it is looked at for the last of a number of times. It is for one goroutine.
type stepContext struct {
	context.Context
	left  int
	ended chan struct{}
}

func endsAtStep(ctx context.Context, n int) *stepContext {
	return &stepContext{ctx, n, make(chan struct{})}
}

func (c *stepContext) look() {
	if c.left--; c.left == 0 {
		close(c.ended)
	}
}

func (c *stepContext) Done() <-chan struct{} {
	c.look()
	return c.ended
}

func (c *stepContext) Err() error {
	if c.look(); c.left <= 0 {
		return context.Canceled
	}
	return nil
}

// oneTxn returns a client with one connection, to a server that allows it one transaction.
func oneTxn(t *testing.T) *Client {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(db, server.Options{MaxTxns: 1})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l, server.ListenerOptions{}) }()
	c, err := Open(t.Context(), "middb://"+l.Addr().String(), Options{Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		<-served
	})
	return c
}

// hasNoTxn checks that the server has no transaction left: else it refuses another one.
func hasNoTxn(t *testing.T, c *Client, after string) {
	t.Helper()
	txn, err := c.Begin(t.Context(), TxnOptions{})
	if err != nil {
		t.Fatalf("after %s: %v", after, err)
	}
	if err = txn.Rollback(t.Context()); err != nil {
		t.Fatalf("after %s: %v", after, err)
	}
	sessions, err := c.Sessions(t.Context())
	if err != nil || len(sessions) != 1 || sessions[0].Txns != 0 {
		t.Fatalf("after %s: %+v, %v", after, sessions, err)
	}
}

func TestNoTransactionIsLeftWhenTheContextEndsAtAnyStep(t *testing.T) {
	c := oneTxn(t)
	names := []string{"begin", "put", "commit", "rollback"}
	for at, name := range names {
		for step := 1; ; step++ {
			ended := endsAtStep(t.Context(), step)
			ctx := func(i int) context.Context {
				if i == at {
					return ended
				}
				return t.Context()
			}
			txn, err := c.Begin(ctx(0), TxnOptions{})
			if err == nil {
				_ = txn.Put(ctx(1), []byte("k"), []byte("v"))
				if name != "rollback" {
					_ = txn.Commit(ctx(2))
				}
				_ = txn.Rollback(ctx(3))
			}
			hasNoTxn(t, c, fmt.Sprintf("%s, ended at step %d", name, step))
			if ended.left > 0 {
				break
			}
			if step == 100 {
				t.Fatalf("%s looks at its context 100 times", name)
			}
		}
	}
}

func TestNoTransactionIsLeftByDeadlines(t *testing.T) {
	c := oneTxn(t)
	n := 1000
	if testing.Short() {
		n = 300
	}
	for i := range n {
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(i%300)*time.Microsecond)
		err := c.Update(ctx, func(txn *Txn) error { return txn.Put(ctx, []byte("k"), []byte("v")) })
		stop()
		if errors.Is(err, wire.ErrLimit) {
			t.Fatalf("after %d transactions: %v", i, err)
		}
	}
	hasNoTxn(t, c, "deadlines")
}

// A place on a connection is free when the server has ended the transaction, not when its client has given it up.
func TestBeginWaitsUntilTheServerHasEndedWhatWasGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		ended := false
		rolledBack := func(p *peer, number uint64) {
			r := p.expect(wire.TypeRollback)
			var m wire.Rollback
			if err := m.Decode(r.Body); err != nil || m.Txn != number {
				t.Errorf("%+v, %v", m, err)
			}
			synctest.Wait() // a BEGIN would be here
			ended = true
			p.ok(r, null)
		}
		f.serve("a:7878", func(p *peer) {
			p.limits.Txns = 1
			p.hello()
			begin(p, 1)
			commit := p.expect(wire.TypeCommit)
			p.ok(p.expect(wire.TypeCancel), raw{0xc3})
			p.refuse(commit, wire.ErrCanceled, "cancelled")
			rolledBack(p, 1)
			begun := p.expect(wire.TypeBegin)
			p.ok(p.expect(wire.TypeCancel), raw{0xc2})
			p.ok(begun, &wire.BeginReply{Txn: 2})
			rolledBack(p, 2)
			begun = p.expect(wire.TypeBegin)
			p.ok(p.expect(wire.TypeCancel), raw{0xc3})
			p.refuse(begun, wire.ErrCanceled, "cancelled")
			begin(p, 3)
			rollback := p.expect(wire.TypeRollback)
			p.ok(p.expect(wire.TypeCancel), raw{0xc3})
			p.refuse(rollback, wire.ErrCanceled, "cancelled")
			rolledBack(p, 3)
			begin(p, 4)
			commit = p.expect(wire.TypeCommit)
			p.ok(p.expect(wire.TypeCancel), raw{0xc3})
			synctest.Wait() // neither a ROLLBACK, which it could overtake, nor a BEGIN
			p.ok(commit, null)
			begin(p, 5)
			p.ok(p.expect(wire.TypeRollback), null)
			p.gone()
		})
		c := f.open(urlA, Options{Connections: 1})
		defer c.Close()
		soon := func() context.Context {
			ctx, stop := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(stop)
			return ctx
		}
		txn, err := c.Begin(t.Context(), TxnOptions{})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, txn.Commit(soon()), wire.ErrCommitUnknown)
		_, err = c.Begin(soon(), TxnOptions{})
		wants(t, err, context.DeadlineExceeded)
		if !ended {
			t.Error("BEGIN is sent while the server may have a transaction")
		}
		ended = false
		_, err = c.Begin(soon(), TxnOptions{})
		wants(t, err, context.DeadlineExceeded)
		if !ended {
			t.Error("BEGIN is sent while the server may have a transaction")
		}
		if txn, err = c.Begin(t.Context(), TxnOptions{}); err != nil {
			t.Fatal(err)
		}
		wants(t, txn.Rollback(soon()), context.DeadlineExceeded)
		wants(t, txn.Rollback(t.Context()), wire.ErrTxnDone)
		if txn, err = c.Begin(t.Context(), TxnOptions{}); err != nil {
			t.Fatal(err)
		}
		wants(t, txn.Commit(soon()), wire.ErrCommitUnknown)
		if txn, err = c.Begin(t.Context(), TxnOptions{}); err != nil {
			t.Fatal(err)
		}
		if err = txn.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestARefusedCommitIsRolledBack(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.limits.Txns = 1
			p.hello()
			begin(p, 1)
			p.refuse(p.expect(wire.TypeCommit), wire.ErrLimit, "no memory")
			p.ok(p.expect(wire.TypeRollback), null)
			begin(p, 2)
			p.gone()
		})
		c := f.open(urlA, Options{Connections: 1})
		defer c.Close()
		txn, err := c.Begin(t.Context(), TxnOptions{})
		if err != nil {
			t.Fatal(err)
		}
		wants(t, txn.Commit(t.Context()), wire.ErrLimit)
		wants(t, txn.Commit(t.Context()), wire.ErrTxnDone)
		if _, err = c.Begin(t.Context(), TxnOptions{}); err != nil {
			t.Error(err)
		}
	})
}
