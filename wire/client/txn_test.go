package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/middb/middb/wire"
)

// begin answers BEGIN with a number.
func begin(p *peer, number uint64) {
	p.ok(p.expect(wire.TypeBegin), &wire.BeginReply{Txn: number, Seq: 40})
}

func TestATransactionIsLostWithItsConnectionAndUpdateBeginsAgain(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			begin(p, 1)
			p.expect(wire.TypePut)
		}, func(p *peer) {
			p.hello()
			begin(p, 7)
			put := p.expect(wire.TypePut)
			var m wire.Put
			if err := m.Decode(put.Body); err != nil || m.Txn != 7 {
				t.Errorf("%+v, %v", m, err)
			}
			p.ok(put, null)
			p.ok(p.expect(wire.TypeCommit), null)
			p.gone()
		}))
		c := f.open(urlA, Options{})
		defer c.Close()
		runs := 0
		err := c.Update(t.Context(), func(txn *Txn) error {
			runs++
			err := txn.Put(t.Context(), []byte("k"), []byte("v"))
			if runs == 1 {
				wants(t, err, wire.ErrConnection)
				wants(t, txn.Put(t.Context(), []byte("k"), []byte("v")), wire.ErrTxnDone)
			}
			if txn.Seq() != 40 || txn.Commit(t.Context()) != ErrTxnManaged || txn.Rollback(t.Context()) != ErrTxnManaged {
				t.Error("the transaction can be ended in Update")
			}
			return err
		})
		if err != nil || runs != 2 {
			t.Errorf("%d runs, %v", runs, err)
		}
	})
}

func TestACommitThatWasSentIsUnknownAndNotRepeated(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.hello()
			begin(p, 1)
			p.expect(wire.TypeCommit)
		}))
		c := f.open(urlA, Options{})
		defer c.Close()
		runs := 0
		err := c.Update(t.Context(), func(*Txn) error { runs++; return nil })
		wants(t, err, wire.ErrCommitUnknown)
		if runs != 1 {
			t.Errorf("%d runs", runs)
		}
		synctest.Wait()
	})
}

func TestUpdateRepeatsConflictsWithPauses(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		conflicts := 6
		f.serve("a:7878", func(p *peer) {
			p.hello()
			for n := uint64(1); ; n++ {
				b := p.next()
				if b.Type == 0 {
					return
				}
				p.ok(b, &wire.BeginReply{Txn: n, Seq: 1})
				commit := p.expect(wire.TypeCommit)
				if conflicts--; conflicts < 0 {
					p.ok(commit, null)
					continue
				}
				e := wire.Errorf(wire.ErrConflict, "key k was written")
				e.Key = []byte("k")
				p.send(wire.TypeError, 0, commit.ID, e)
			}
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		runs := 0
		if err := c.Update(t.Context(), func(*Txn) error { runs++; return nil }); err != nil || runs != 7 {
			t.Errorf("%d runs, %v", runs, err)
		}
		if took := time.Since(f.begin); took == 0 || took > 32*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		conflicts = 1000
		runs = 0
		err := c.UpdateWith(t.Context(), TxnOptions{Isolation: Serializable}, func(*Txn) error { runs++; return nil })
		wants(t, err, wire.ErrConflict)
		var e *wire.Error
		if !errors.As(err, &e) || string(e.Key) != "k" || runs != updateAttempts {
			t.Errorf("%d runs, %+v", runs, e)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		err = c.Update(ctx, func(*Txn) error { return nil })
		wants(t, err, context.DeadlineExceeded, wire.ErrConflict)
		if err == nil || err.Error() != "update: context deadline exceeded: key k was written" {
			t.Error(err)
		}
	})
}

func TestAnErrorOfTheFunctionRollsBack(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			for _, readOnly := range []bool{false, true} {
				b := p.expect(wire.TypeBegin)
				var m wire.Begin
				if err := m.Decode(b.Body); err != nil || m.ReadOnly != readOnly {
					t.Errorf("%+v, %v", m, err)
				}
				p.ok(b, &wire.BeginReply{Txn: 3})
				r := p.expect(wire.TypeRollback)
				var back wire.Rollback
				if err := back.Decode(r.Body); err != nil || back.Txn != 3 || back.Savepoint != 0 {
					t.Errorf("%+v, %v", back, err)
				}
				p.ok(r, null)
			}
			p.gone()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		own := errors.New("no")
		wants(t, c.Update(t.Context(), func(*Txn) error { return own }), own)
		if err := c.View(t.Context(), func(*Txn) error { return nil }); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func TestATransactionThatBeginsForNobodyIsRolledBack(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			b := p.expect(wire.TypeBegin)
			p.expect(wire.TypeCancel)
			p.ok(b, &wire.BeginReply{Txn: 9})
			var back wire.Rollback
			if err := back.Decode(p.expect(wire.TypeRollback).Body); err != nil || back.Txn != 9 {
				t.Errorf("%+v, %v", back, err)
			}
			p.gone()
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := c.Begin(ctx, TxnOptions{})
		wants(t, err, context.DeadlineExceeded)
		synctest.Wait()
	})
}

func TestAWriteGivenUpRollsItsTransactionBack(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			begin(p, 1)
			get := p.expect(wire.TypeGet)
			p.expect(wire.TypeCancel)
			p.refuse(get, wire.ErrCanceled, "cancelled")
			p.expect(wire.TypePut)
			p.expect(wire.TypeCancel)
			p.expect(wire.TypeRollback)
			p.gone()
		})
		c := f.open(urlA, Options{Timeout: time.Second})
		defer c.Close()
		txn, err := c.Begin(t.Context(), TxnOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer txn.Rollback(t.Context())
		_, err = txn.Get(t.Context(), []byte("k")) // which does no harm
		wants(t, err, wire.ErrTimeout)
		err = txn.Put(t.Context(), []byte("k"), nil)
		wants(t, err, wire.ErrTimeout)
		wants(t, txn.Commit(t.Context()), wire.ErrTxnDone)
		synctest.Wait()
	})
}

func TestTransactionsAboveTheLimitWait(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.limits.Txns = 2
			p.hello()
			n := uint64(0)
			for r := p.next(); r.Type != 0; r = p.next() {
				if r.Type == wire.TypeBegin {
					n++
					p.ok(r, &wire.BeginReply{Txn: n})
				} else {
					p.ok(r, null)
				}
			}
		})
		c := f.open(urlA, Options{Connections: 2})
		defer c.Close()
		var txns []*Txn
		for range 4 {
			txn, err := c.Begin(t.Context(), TxnOptions{})
			if err != nil {
				t.Fatal(err)
			}
			txns = append(txns, txn)
		}
		if len(f.dialed) != 2 {
			t.Errorf("dialed %q", f.dialed)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err := c.Begin(ctx, TxnOptions{})
		wants(t, err, context.DeadlineExceeded)
		began := make(chan error)
		go func() {
			_, err := c.Begin(t.Context(), TxnOptions{})
			began <- err
		}()
		synctest.Wait()
		if err := txns[2].Rollback(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-began; err != nil {
			t.Error(err)
		}
		wants(t, txns[2].Rollback(t.Context()), wire.ErrTxnDone)
	})
}

func TestBeginTakesAPlaceThatIsFreeBeforeAnotherConnectionIsMade(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", inTurn(func(p *peer) {
			p.limits.Txns = 1
			p.hello()
			begin(p, 1)
			p.ok(p.expect(wire.TypeRollback), null)
			begin(p, 2)
			p.gone()
		}, func(*peer) { time.Sleep(time.Hour) }))
		c := f.open(urlA, Options{Connections: 2})
		defer c.Close()
		first, err := c.Begin(t.Context(), TxnOptions{})
		if err != nil {
			t.Fatal(err)
		}
		began := make(chan error)
		go func() {
			_, err := c.Begin(t.Context(), TxnOptions{})
			began <- err
		}()
		synctest.Wait()
		if err = first.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
		if err = <-began; err != nil || time.Since(f.begin) > 0 {
			t.Errorf("%v after %v", err, time.Since(f.begin))
		}
	})
}

// Neither the server's notice nor the end of the connection is a lack of room for cursors.
func TestCursorsOfATransactionOpenWhileTheServerShutsDown(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.hello()
			begin(p, 1)
			p.send(wire.TypeNotice, 0, 0, &wire.Notice{Kind: wire.NoticeShutdown})
			p.send(wire.TypeEnd, 0, p.expect(wire.TypeScan).ID, &wire.End{})
		})
		c := f.open(urlA, Options{})
		defer c.Close()
		txn, err := c.Begin(t.Context(), TxnOptions{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		rows, err := txn.Scan(t.Context(), ScanOptions{})
		if err != nil || rows.Next() || rows.Err() != nil {
			t.Fatalf("after the notice: %v", err)
		}
		synctest.Wait()
		_, err = txn.Scan(t.Context(), ScanOptions{})
		wants(t, err, wire.ErrConnection)
	})
}
