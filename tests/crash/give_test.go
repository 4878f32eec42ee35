package crash

import (
	"errors"
	"fmt"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/merge"
)

// commit gives a commit to the engine and the answer to the journal.
func (s *session) commit(writes []write, d engine.Durability) error {
	return s.submit(s.journal.begin(writes, false), d)
}

func (s *session) submit(c *commit, d engine.Durability) error {
	err := s.give(c, d)
	switch {
	case err == nil:
		s.journal.answered(c, 0)
		if d == engine.Sync {
			s.journal.synced(c)
		}
	case !c.handed || !errors.Is(err, engine.ErrCommitUnknown):
		s.journal.refuse(c)
	}
	return err
}

// give calls the engine. If what comes before fails, the making of a keyspace, the commit was not handed over.
func (s *session) give(c *commit, d engine.Durability) error {
	switch {
	case c.drop:
		c.handed = true
		err := s.db.DropKeyspace(sideName)
		if errors.Is(err, engine.ErrKeyspaceMissing) {
			return nil // a fault kept it from being made
		}
		return err
	case c.txn:
		return s.giveTxn(c, d)
	case len(c.writes) > 1:
		b, err := s.build(c)
		if err != nil {
			return err
		}
		c.handed = true
		return s.db.Apply(b, d)
	}
	w := &c.writes[0]
	ks, err := s.keyspaceOf(w)
	if err != nil {
		return err
	}
	c.handed = true
	return w.addTo(single{ks, d}, c.number)
}

// keyspaceOf returns the keyspace of a write, which may have to be made.
func (s *session) keyspaceOf(w *write) (*engine.Keyspace, error) {
	if w.id < sideFrom(s.journal.keys) {
		return s.db.Keyspace(engine.DefaultKeyspace, engine.KeyspaceOptions{})
	}
	return s.db.Keyspace(sideName, engine.KeyspaceOptions{})
}

// build returns a batch with the writes of a commit.
func (s *session) build(c *commit) (*engine.Batch, error) {
	b := s.db.NewBatch()
	for i := range c.writes {
		w := &c.writes[i]
		ks, err := s.keyspaceOf(w)
		if err != nil {
			return nil, err
		}
		if err := w.addTo(b.In(ks), c.number); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// A collector is a batch or a transaction in a keyspace.
type collector interface {
	Put(k, v []byte) error
	PutTTL(k, v []byte, ttl time.Duration) error
	Delete(k []byte) error
	DeleteRange(lower, upper []byte) error
	Merge(k []byte, operator string, operand []byte) error
}

// addTo adds the write as one of a commit.
func (w *write) addTo(to collector, commit uint32) error {
	k := keyOf(w.id)
	switch {
	case w.to > 0:
		return to.DeleteRange(k, keyOf(w.to))
	case w.deleted:
		return to.Delete(k)
	case w.merged:
		return to.Merge(k, merge.Append, operandOf(commit))
	case w.ttl > 0:
		return to.PutTTL(k, valueOf(commit, w.id), w.ttl)
	default:
		return to.Put(k, valueOf(commit, w.id))
	}
}

// A single is a keyspace as a collector whose every write is a commit.
type single struct {
	ks *engine.Keyspace
	d  engine.Durability
}

func (s single) Put(k, v []byte) error                       { return s.ks.Put(k, v, s.d) }
func (s single) PutTTL(k, v []byte, ttl time.Duration) error { return s.ks.PutTTL(k, v, ttl, s.d) }
func (s single) Delete(k []byte) error                       { return s.ks.Delete(k, s.d) }
func (s single) DeleteRange(lower, upper []byte) error       { return s.ks.DeleteRange(lower, upper, s.d) }

func (s single) Merge(k []byte, operator string, operand []byte) error {
	return s.ks.Merge(k, operator, operand, s.d)
}

// giveTxn commits the writes as a transaction.
func (s *session) giveTxn(c *commit, d engine.Durability) error {
	t, err := s.db.Begin(engine.TxnOptions{Durability: d})
	if err != nil {
		return err
	}
	defer t.Rollback()
	for i := range c.writes {
		w := &c.writes[i]
		ks, err := s.keyspaceOf(w)
		if err != nil {
			return err
		}
		if err := w.addTo(t.In(ks), c.number); err != nil {
			return err
		}
	}
	c.handed = true
	return t.Commit()
}

// deleteRanges deletes ranges in both keyspaces, alone and beside other writes.
func (s *session) deleteRanges() error {
	split := sideFrom(s.journal.keys)
	for i := range 4 {
		w := write{id: s.rng.IntN(split), deleted: true}
		w.to = min(split, w.id+1+s.rng.IntN(s.journal.keys/4))
		d := engine.NoSync
		writes := []write{w}
		switch i {
		case 1:
			d = engine.Sync
		case 2:
			writes = append(s.randomWrites(5, s.rng), w)
			writes = append(writes, s.randomWrites(5, s.rng)...)
		case 3:
			writes[0].id, writes[0].to = split, split+s.journal.keys/8
		}
		if err := s.commit(writes, d); err != nil {
			return err
		}
	}
	return s.flush()
}

// expire writes values for a while, merges into some of them, and lets the time pass.
func (s *session) expire() error {
	defer s.passed.Add(1) // in any case, before anybody looks
	writes := s.randomWrites(12, s.rng)
	for i := range writes {
		if i%2 == 0 {
			writes[i] = write{id: writes[i].id, ttl: brief}
		}
	}
	err := s.commit(writes, engine.NoSync)
	if err == nil {
		err = s.commit([]write{{id: writes[0].id, ttl: brief}}, engine.Sync)
	}
	if err == nil {
		err = s.commit([]write{{id: writes[0].id, merged: true}, {id: writes[2].id, merged: true}}, engine.NoSync)
	}
	return err
}

// transactions commits transactions, one of which has a conflict.
func (s *session) transactions() error {
	for _, d := range []engine.Durability{engine.NoSync, engine.Sync, engine.NoSync} {
		c := s.journal.begin(s.randomWrites(6, s.rng), false)
		c.txn = true
		if err := s.submit(c, d); err != nil {
			return err
		}
	}
	t, err := s.db.Begin(engine.TxnOptions{})
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := t.Put(keyOf(0), []byte("never written")); err != nil {
		return err
	}
	if err := s.commit([]write{{id: 0}}, engine.NoSync); err != nil {
		return err
	}
	if err := t.Commit(); !errors.Is(err, engine.ErrConflict) {
		return wrongAnswer{fmt.Errorf("the commit of a transaction with a conflict: %w", err)}
	}
	return nil
}

// drop drops the keyspace.
func (s *session) drop() error {
	c := s.journal.begin([]write{{id: sideFrom(s.journal.keys), to: s.journal.keys, deleted: true}}, false)
	c.drop = true
	return s.submit(c, engine.Sync)
}
