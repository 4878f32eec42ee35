package engine

import (
	"context"
	"fmt"

	"github.com/middb/middb/key"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/relation"
)

// A storage is a transaction as tables see it: as ordered sets of keys with numbers.
type storage struct{ txn *Txn }

var _ relation.Txn = storage{}

// tableSpace returns what tables name a Space.
func (db *DB) tableSpace(s relation.Space) *Keyspace {
	if ks, ok := db.tableSpaces.Load(s); ok {
		return ks.(*Keyspace)
	}
	ks, _ := db.tableSpaces.LoadOrStore(s, &Keyspace{db: db, space: numberedSpace(s.ID), tree: s.Tree})
	return ks.(*Keyspace)
}

func (t storage) in(s relation.Space) TxnKeyspace {
	kept := &t.txn.spaces[s.ID%uint32(len(t.txn.spaces))]
	if kept.ks == nil || kept.space != s {
		kept.space, kept.ks = s, t.txn.db.tableSpace(s)
	}
	return TxnKeyspace{t.txn, kept.ks}
}

var _ relation.Versioned = storage{}

// Seq implements relation.Versioned. A serializable transaction reads schemas, so that it depends on them.
func (t storage) Seq() (uint64, bool) {
	return t.txn.view.Seq, t.txn.options.Isolation != Serializable || t.txn.options.ReadOnly
}

// Changing implements relation.Versioned.
func (t storage) Changing(committing func() (done func(seq uint64))) {
	t.txn.changing = append(t.txn.changing, committing)
}

// Get implements relation.Txn.
func (t storage) Get(s relation.Space, dst, k []byte) (v []byte, found bool, err error) {
	in := t.in(s)
	sk, buf, err := in.beginRead(k, false)
	if err != nil {
		return dst, false, fmt.Errorf("read a table: %w", err)
	}
	defer putKeyBuffer(buf)
	if v, found, err = t.txn.read(dst, sk, s.Tree); err != nil {
		return dst, false, fmt.Errorf("read a table: %w", err)
	}
	return v, found, nil
}

// Put implements relation.Txn.
func (t storage) Put(s relation.Space, k, v []byte) error {
	if err := checkEntry(k, v); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	kind := key.KindPut
	if s.Tree {
		kind = key.KindTreePut
		if len(k)+len(v) > relation.MaxTreeEntry {
			return fmt.Errorf("write an index: %w", ErrKeyTooLarge)
		}
	}
	return t.in(s).write("write a table", &write{kind: kind, key: k, value: v})
}

// Delete implements relation.Txn.
func (t storage) Delete(s relation.Space, k []byte) error {
	if err := checkKey(k); err != nil {
		return fmt.Errorf("write a table: %w", err)
	}
	kind := key.KindDelete
	if s.Tree {
		kind = key.KindTreeDelete
	}
	return t.in(s).write("write a table", &write{kind: kind, key: k})
}

// Clear implements relation.Txn.
func (t storage) Clear(s relation.Space) error {
	kind := key.KindRangeDelete
	if s.Tree {
		kind = key.KindTreeClear
	}
	return t.in(s).write("clear a table", &write{kind: kind})
}

// Drop implements relation.Txn.
func (t storage) Drop(s relation.Space) error {
	space := &t.txn.db.tableSpace(s).space
	t.txn.reads.cleared = append(t.txn.reads.cleared, mvcc.Span{Start: space.lower, End: space.upper})
	return t.Clear(s)
}

// Iterate implements relation.Txn.
func (t storage) Iterate(s relation.Space, b relation.Bounds) (relation.Iterator, error) {
	o := IterOptions{Lower: b.Lower, Upper: b.Upper, Reverse: b.Reverse, KeysOnly: b.KeysOnly, again: b.Again}
	it, err := t.in(s).iterate(o, t.txn.held.by) // who uses tables knows nothing of iterators
	if err != nil {
		return nil, err
	}
	return it, nil
}

// DependOn implements relation.Txn.
func (t storage) DependOn(s relation.Space, k []byte) {
	if !t.txn.options.ReadOnly {
		sk, buf := t.txn.db.tableSpace(s).space.stored(k)
		t.txn.reads.key(sk)
		putKeyBuffer(buf)
	}
}

// DependOnRange implements relation.Txn.
func (t storage) DependOnRange(s relation.Space, lower, upper []byte) {
	if !t.txn.options.ReadOnly {
		from, to := t.txn.db.tableSpace(s).space.bounds(lower, upper)
		spans := t.txn.reads.iterator()
		spans.within(from, to)
		spans.sought(nil, true, nil)
	}
}

// Savepoint implements relation.Txn. What it returns is the place among the savepoints that there are: a small number, which
// an any holds without an allocation.
func (t storage) Savepoint() (any, error) {
	_, err := t.txn.Savepoint()
	return len(t.txn.savepoints) - 1, err
}

// RollbackTo implements relation.Txn.
func (t storage) RollbackTo(savepoint any) error { return t.txn.rollbackTo(t.at(savepoint)) }

// Release implements relation.Txn.
func (t storage) Release(savepoint any) { t.txn.release(t.at(savepoint)) }

// at returns the savepoint at a place.
func (t storage) at(place any) Savepoint {
	if i := place.(int); i >= 0 && i < len(t.txn.savepoints) {
		return Savepoint{t.txn.savepoints[i].id}
	}
	return Savepoint{t.txn.lastPoint + 1} // which is none
}

// A tableDatabase runs the transactions that tables need for themselves.
type tableDatabase struct{ db *DB }

var _ relation.Database = tableDatabase{}

// Update implements relation.Database.
func (d tableDatabase) Update(ctx context.Context, f func(relation.Txn) error) error {
	return d.db.attempts(ctx, TxnOptions{}, func(txn *Txn) error { return f(storage{txn}) }, caller())
}

// View implements relation.Database.
func (d tableDatabase) View(ctx context.Context, f func(relation.Txn) error) error {
	return d.db.View(ctx, func(txn *Txn) error { return f(storage{txn}) })
}
