package isolation

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/middb/middb/engine"
)

// newStore opens what the stories are played on: the engine, and the reference store at the levels that
// the engine does not have.
func newStore(testing.TB, level) store { return newReference() }

// newBusyStore opens what the histories run on.
func newBusyStore(testing.TB, uint64) store { return newReference() }

// A standIn has the transactions of the reference store, and writes what they commit to the engine.
type standIn struct {
	*reference
	db *engine.DB
	mu sync.Mutex
}

func newEngineStore(db *engine.DB) (store, error) {
	r := newReference()
	it, err := db.NewIterator(engine.IterOptions{})
	if err != nil {
		return nil, err
	}
	state, err := drain(it)
	for _, p := range state {
		r.keys[p.k] = []version{{v: p.v}}
	}
	return &standIn{reference: r, db: db}, err
}

type standInTxn struct {
	*referenceTxn
	s *standIn
}

func (s *standIn) begin(l level) (txn, error) {
	t, err := s.reference.begin(l)
	return standInTxn{t.(*referenceTxn), s}, err
}

func (t standInTxn) commit() error {
	t.s.mu.Lock()
	defer t.s.mu.Unlock()
	if err := t.referenceTxn.commit(); err != nil {
		return err
	}
	b := t.s.db.NewBatch()
	for k, v := range t.writes {
		if err := b.Put([]byte(k), []byte(v.v)); err != nil {
			return err
		}
	}
	return t.s.db.Apply(b)
}

// standInRegisters has one lock for all that writes.
type standInRegisters struct {
	db   *engine.DB
	mu   sync.Mutex
	seqs map[string]uint64
	seq  uint64
}

func newRegisters(db *engine.DB) registers {
	return &standInRegisters{db: db, seqs: map[string]uint64{}}
}

func (s *standInRegisters) get(k string) (int64, bool, error) {
	v, err := s.db.Get([]byte(k))
	if errors.Is(err, engine.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	n, err := strconv.ParseInt(string(v), 10, 64)
	return n, true, err
}

func (s *standInRegisters) getWithSeq(k string) (int64, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, found, err := s.get(k)
	if !found {
		return 0, 0, err
	}
	return v, s.seqs[k] + 1, err
}

func (s *standInRegisters) put(k string, v int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(k, v)
}

func (s *standInRegisters) write(k string, v int64) error {
	s.seq++
	s.seqs[k] = s.seq
	return s.db.Put([]byte(k), []byte(strconv.FormatInt(v, 10)))
}

func (s *standInRegisters) del(k string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db.Delete([]byte(k))
}

func (s *standInRegisters) putIfAbsent(k string, v int64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found, err := s.get(k); found || err != nil {
		return false, err
	}
	return true, s.write(k, v)
}

func (s *standInRegisters) putIf(k string, v int64, seq uint64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, found, err := s.get(k); !found || err != nil || s.seqs[k]+1 != seq {
		return false, err
	}
	return true, s.write(k, v)
}

func (s *standInRegisters) increment(k string, fresh int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, found, err := s.get(k)
	if err != nil {
		return 0, err
	}
	if v++; !found {
		v = fresh
	}
	return v, s.write(k, v)
}

func (s *standInRegisters) flush() error { return s.db.Flush(context.Background()) }
