package isolation

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
)

// An engineStore is the database itself.
type engineStore struct{ db *engine.DB }

type engineTxn struct{ txn *engine.Txn }

// newEngine opens a database in memory.
func newEngine(t testing.TB) engineStore {
	t.Helper()
	return open(t, engine.Config{Dir: "db", MemtableBytes: 64 << 10, MemoryBudget: 4 << 20})
}

// newBusyStore opens what a history runs on: the engine, flushing and compacting.
func newBusyStore(t testing.TB, seed uint64) engineStore {
	t.Helper()
	cfg := busyConfig(rand.New(rand.NewPCG(seed, 0x62757379)))
	cfg.Durability = engine.NoSync
	return open(t, cfg)
}

// open opens a database in memory until the test ends.
func open(t testing.TB, cfg engine.Config) engineStore {
	t.Helper()
	cfg.FS = vfs.NewMem()
	db, err := engine.Spawn(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return engineStore{db}
}

func (s engineStore) begin(l level) (txn, error) {
	o := engine.TxnOptions{Isolation: engine.SnapshotIsolation}
	if l == serializable {
		o.Isolation = engine.Serializable
	}
	t, err := s.db.Begin(o)
	return engineTxn{t}, err
}

func (t engineTxn) get(k string) (string, bool, error) { return present(t.txn.Get([]byte(k))) }

func (t engineTxn) getForUpdate(k string) (string, bool, error) {
	return present(t.txn.GetForUpdate([]byte(k)))
}

// present turns ErrNotFound into an answer.
func present(v []byte, err error) (string, bool, error) {
	if errors.Is(err, engine.ErrNotFound) {
		return "", false, nil
	}
	return string(v), err == nil, err
}

func (t engineTxn) scan(s span) (found []pair, err error) {
	o := engine.IterOptions{Reverse: s.down}
	if s.lower != "" {
		o.Lower = []byte(s.lower)
	}
	if s.upper != "" {
		o.Upper = []byte(s.upper)
	}
	it, err := t.txn.NewIterator(o)
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		found = append(found, pair{string(it.Key()), string(it.Value())})
		if len(found) == s.limit {
			break
		}
		if len(found)%3 == 2 { // a step back must change nothing
			it.Prev()
			it.Next()
		}
	}
	return found, it.Close()
}

func (t engineTxn) put(k, v string) error { return t.txn.Put([]byte(k), []byte(v)) }

func (t engineTxn) add(k, v string) error { return t.txn.Merge([]byte(k), "append", []byte(v)) }

func (t engineTxn) del(k string) error { return t.txn.Delete([]byte(k)) }

func (t engineTxn) delRange(lower, upper string) error {
	return t.txn.DeleteRange([]byte(lower), []byte(upper))
}

func (t engineTxn) rollback() error { return t.txn.Rollback() }

func (t engineTxn) commit() error {
	err := t.txn.Commit()
	if c := (*engine.ConflictError)(nil); errors.As(err, &c) {
		return &conflict{string(c.Key)}
	}
	return err
}

// engineRegisters are the single-key operations of the database.
type engineRegisters struct{ db *engine.DB }

func newRegisters(db *engine.DB) singleKeys { return engineRegisters{db} }

func (r engineRegisters) get(k string) (int64, bool, error) {
	return parsed(r.db.Get([]byte(k)))
}

func parsed(v []byte, err error) (int64, bool, error) {
	s, found, err := present(v, err)
	if !found {
		return 0, false, err
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, true, err
}

func formatted(v int64) []byte { return strconv.AppendInt(nil, v, 10) }

func (r engineRegisters) getWithSeq(k string) (int64, uint64, error) {
	v, seq, err := r.db.GetWithSeq([]byte(k))
	n, found, err := parsed(v, err)
	if !found {
		seq = 0
	}
	return n, seq, err
}

func (r engineRegisters) put(k string, v int64) error { return r.db.Put([]byte(k), formatted(v)) }

func (r engineRegisters) del(k string) error { return r.db.Delete([]byte(k)) }

func (r engineRegisters) putIfAbsent(k string, v int64) (bool, error) {
	_, err := r.db.PutIfAbsent([]byte(k), formatted(v))
	return refused(err, engine.ErrExists)
}

func (r engineRegisters) putIf(k string, v int64, seq uint64) (bool, error) {
	_, err := r.db.PutIf([]byte(k), formatted(v), seq)
	return refused(err, engine.ErrSeqMismatch)
}

// refused tells whether a conditional write was done.
func refused(err, reason error) (done bool, _ error) {
	if errors.Is(err, reason) {
		return false, nil
	}
	return err == nil, err
}

func (r engineRegisters) increment(k string, fresh int64) (v int64, err error) {
	err = r.db.Update(context.Background(), func(t *engine.Txn) error {
		n, found, err := parsed(t.GetForUpdate([]byte(k)))
		if err != nil {
			return err
		}
		if v = n + 1; !found {
			v = fresh
		}
		return t.Put([]byte(k), formatted(v))
	})
	return v, err
}

func (r engineRegisters) flush() error { return r.db.Flush(context.Background()) }
