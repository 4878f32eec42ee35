package isolation

import (
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
