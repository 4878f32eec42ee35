package relation

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
)

// SequencePosition returns the number that a sequence gives next, and gives it to nobody. ended says that it has no more; next is
// then its last one.
func (t *Tables) SequencePosition(name string) (next int64, ended bool, err error) {
	v, found, err := t.Object(SequenceObject, name)
	if err != nil {
		return 0, false, err
	}
	if !found {
		return 0, false, fmt.Errorf("sequence %s: %w", name, ErrNoSequence)
	}
	id, d, err := decodeSequence(name, v)
	if err != nil {
		return 0, false, err
	}
	place, err := t.position(id)
	if err != nil {
		return 0, false, err
	}
	if n, ok := d.at(place); ok {
		return n, false, nil
	}
	return d.end(), true, nil
}

// IdentityPosition returns the number that the identity column of a table, or its hidden row id, gets next, and gives it to
// nobody.
func (t *Tables) IdentityPosition(table string) (int64, error) {
	s, err := t.Schema(table)
	if err != nil {
		return 0, err
	}
	n, err := t.position(s.ID)
	return int64(min(n, math.MaxInt64)), err
}

// StartIdentity has the identity column of a table, which was made just now, begin with n. That stays so if the transaction is
// rolled back, when nobody asks.
func (t *Tables) StartIdentity(table string, n int64) error {
	s, err := t.Schema(table)
	if err != nil {
		return err
	}
	if n < 1 {
		return fmt.Errorf("table %s: %w: an identity column cannot begin with %d", table, ErrArguments, n)
	}
	return t.catalog.sequence(s.ID).begin(t.ctx, t.catalog.db, uint64(n))
}

// position returns the next number of a sequence.
func (t *Tables) position(id uint32) (uint64, error) {
	stored, err := number(t.txn, idKey(sequencePrefix, id))
	if err != nil {
		return 0, err
	}
	s := t.catalog.sequence(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	next := max(stored, s.beyond, 1)
	for _, sp := range s.spans {
		if sp.from < sp.to {
			next = min(next, sp.from)
		}
	}
	return next, nil
}

// begin has a sequence that has given nothing yet begin with n.
func (s *sequence) begin(ctx context.Context, db Database, n uint64) error {
	err := db.Update(ctx, func(txn Txn) error {
		k := idKey(sequencePrefix, s.id)
		if next, err := number(txn, k); err != nil || next >= n {
			return err
		}
		return txn.Put(catalogSpace, k, binary.BigEndian.AppendUint64(nil, n))
	})
	if err != nil {
		return fmt.Errorf("begin a sequence: %w", err)
	}
	return nil
}
