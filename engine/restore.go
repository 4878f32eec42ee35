package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/relation"
	"github.com/middb/middb/wal"
)

// A Restore writes operations of another database as that has them stored: keys with the prefixes of their
// keyspaces, merge lists, expiries. It is for tools such as middb repair, on a database that is empty and that
// nobody else uses; where keyspaces are concerned others see the outcome only after Finish. It is for one
// goroutine.
type Restore struct {
	db *DB
	w  writes
}

// restoreBytes is how many bytes of operations are committed together.
const restoreBytes = 1 << 20

// Restore begins to restore into the database.
func (db *DB) Restore() *Restore { return &Restore{db: db} }

// Add adds an operation, decoded as wal.DecodeOp does. Of operations on one key the newest must come last. Those on B+Trees are
// left out: RebuildIndexes makes them anew.
func (r *Restore) Add(ctx context.Context, kind key.Kind, k, v []byte) error {
	if kind.Tree() {
		return nil
	}
	n := len(k) + len(v)
	if len(r.w.ops) > 0 && len(r.w.ops)+n > restoreBytes {
		if err := r.commit(ctx); err != nil {
			return err
		}
	}
	encoded, charge, err := encodeStored(r.w.ops, kind, k, v)
	if err == nil {
		err = r.w.add(nil, n, charge, 0)
	}
	if err != nil {
		return fmt.Errorf("restore %v %s: %w", kind, key.Format(k), err)
	}
	r.w.ops, r.w.ranges = encoded, r.w.ranges || kind == key.KindRangeDelete
	return nil
}

// encodeStored appends an operation on a stored key, and returns what it is charged.
func encodeStored(dst []byte, kind key.Kind, k, v []byte) (ops []byte, charge int64, err error) {
	charge = memtable.EntryBytes(len(k), len(v))
	switch kind {
	case key.KindDelete:
		dst = wal.AppendDelete(dst, k)
	case key.KindPut:
		dst = wal.AppendPut(dst, k, v)
	case key.KindPutWithExpiry:
		expiry, value, _ := key.SplitExpiring(v)
		dst = wal.AppendPutWithExpiry(dst, k, expiry, value)
	case key.KindMerge:
		dst, charge = wal.AppendMerge(dst, k, v), memtable.MergeBytes(len(k), len(v))
	case key.KindRangeDelete:
		dst, charge = wal.AppendRangeDelete(dst, k, v), memtable.RangeBytes(len(k), len(v))
	default:
		err = ErrNewerFormat
	}
	return dst, charge, err
}

func (r *Restore) commit(ctx context.Context) error {
	if r.w.count == 0 {
		return nil
	}
	c := actors.NewCommit()
	r.w.fill(c)
	if _, err := r.db.submit(ctx, c); err != nil {
		r.w = writes{} // the engine may still read it
		return fmt.Errorf("restore: %w", err)
	}
	r.w = writes{ops: r.w.ops[:0]}
	return nil
}

// Finish makes what was added durable and in order: keyspaces that have keys but whose names are lost get new
// ones, which it returns, and no keyspace to come gets the number of one that is there.
func (r *Restore) Finish(ctx context.Context) (renamed []string, err error) {
	if err = r.commit(ctx); err != nil {
		return nil, err
	}
	if renamed, err = r.nameKeyspaces(ctx); err != nil {
		return nil, fmt.Errorf("restore the names of keyspaces: %w", err)
	}
	return renamed, nil
}

// RebuildIndexes makes all indexes of all tables anew from the rows that were restored, after Finish. It returns what could not
// be made, such as a unique index of rows that are double now; those indexes are gone, the rows are not.
func (r *Restore) RebuildIndexes(ctx context.Context) (lost []error, err error) {
	schemas, err := r.db.ListTables()
	if err != nil {
		return nil, err
	}
	c, err := r.db.openTables(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range schemas {
		for _, ix := range s.Indexes {
			if err := c.RebuildIndex(ctx, s.Name, ix.Name); err != nil {
				lost = append(lost, err)
			}
		}
	}
	return lost, nil
}

func (r *Restore) nameKeyspaces(ctx context.Context) (renamed []string, err error) {
	db := r.db
	named, last, err := db.keyspaceNumbers()
	if err != nil {
		return nil, err
	}
	used, err := db.usedNumbers()
	if err != nil {
		return nil, err
	}
	b := db.NewBatch()
	for _, id := range used {
		last = max(last, id)
		if named[id] {
			continue
		}
		var name string
		name, err = db.freeName(fmt.Sprintf("recovered-%d", id))
		if err == nil {
			err = b.In(db.meta).Put([]byte(keyspacePrefix+name), binary.BigEndian.AppendUint32(nil, id))
		}
		if err != nil {
			return nil, err
		}
		renamed = append(renamed, name)
	}
	next, err := db.meta.Get([]byte(nextKeyspaceID))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if last > 0 && len(next) != 4 || len(next) == 4 && binary.BigEndian.Uint32(next) <= last {
		if err = b.In(db.meta).Put([]byte(nextKeyspaceID), binary.BigEndian.AppendUint32(nil, last+1)); err != nil {
			return nil, err
		}
	}
	return renamed, db.ApplyContext(ctx, b, Sync)
}

// freeName returns a name that no keyspace has, which begins with name.
func (db *DB) freeName(name string) (string, error) {
	for {
		taken, err := db.meta.Has([]byte(keyspacePrefix + name))
		if err != nil || !taken {
			return name, err
		}
		name += "x"
	}
}

// keyspaceNumbers returns the numbers of the keyspaces that have a name, and the greatest.
func (db *DB) keyspaceNumbers() (named map[uint32]bool, last uint32, err error) {
	it, err := db.meta.NewIterator(IterOptions{Prefix: []byte(keyspacePrefix)})
	if err != nil {
		return nil, 0, err
	}
	named = map[uint32]bool{}
	for _, v := range it.All() {
		if len(v) == 4 {
			id := binary.BigEndian.Uint32(v)
			named[id], last = true, max(last, id)
		}
	}
	return named, last, it.Close()
}

// usedNumbers returns the numbers of the keyspaces that have keys, in order.
func (db *DB) usedNumbers() (used []uint32, err error) {
	// A keyspace of all stored keys with a number but 0.
	all := &Keyspace{db: db, space: space{prefix: []byte{}, lower: numberedSpace(1).lower, upper: numberedSpace(relation.CatalogSpace).lower}}
	it, err := all.NewIterator(IterOptions{KeysOnly: true})
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok; {
		id := binary.BigEndian.Uint32(it.source.Key()[len(spacePrefix):])
		used = append(used, id)
		ok = it.Seek(numberedSpace(id + 1).lower)
	}
	return used, it.Close()
}
