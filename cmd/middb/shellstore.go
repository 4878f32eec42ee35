package main

import (
	"context"
	"errors"
	"time"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server"
)

// store is a database as the shell sees it.
type store struct {
	db   *engine.DB
	main *engine.Keyspace
}

var _ shell.Store = store{}

func newStore(db *engine.DB) (store, error) {
	main, err := db.Keyspace(engine.DefaultKeyspace, engine.KeyspaceOptions{})
	return store{db, main}, err
}

func (s store) Default() shell.Keyspace { return keyspace{s.main, s.db} }

func (s store) Keyspace(_ context.Context, name string, create bool) (shell.Keyspace, error) {
	ks, err := s.db.Keyspace(name, engine.KeyspaceOptions{MustExist: !create})
	return keyspace{ks, s.db}, err
}

func (s store) Keyspaces(context.Context) ([]string, error) { return s.db.Keyspaces() }

func (s store) DropKeyspace(_ context.Context, name string) error { return s.db.DropKeyspace(name) }

func (s store) Begin(_ context.Context, o shell.TxnOptions) (shell.Txn, error) {
	options := engine.TxnOptions{ReadOnly: o.ReadOnly}
	if o.Serializable {
		options.Isolation = engine.Serializable
	}
	t, err := s.db.Begin(options)
	return &txn{t, nil}, err
}

func (s store) NewBatch() shell.Batch { return batch{s.db.NewBatch(), s.db} }

func (s store) Flush(ctx context.Context) error { return s.db.Flush(ctx) }

func (s store) Compact(ctx context.Context) error { return s.db.Compact(ctx, nil, nil) }

func (s store) Stats(context.Context) (*wire.Stats, error) {
	st := server.StatsOf(s.db)
	names, err := s.db.Keyspaces()
	st.Engine.Keyspaces = int64(len(names))
	return st, err
}

// notFound makes the engine's error for a missing key the shell's.
func notFound(err error) error {
	if errors.Is(err, engine.ErrNotFound) {
		return shell.ErrNotFound
	}
	return err
}

// reader is what can be read: a keyspace, or one in a transaction.
type reader interface {
	Get(k []byte) ([]byte, error)
	GetWithExpiry(k []byte) (v []byte, expires time.Time, err error)
	NewIterator(o engine.IterOptions) (*engine.Iterator, error)
}

// readable is a reader as the shell sees it.
type readable struct{ reader }

func (r readable) Get(_ context.Context, k []byte) ([]byte, error) {
	v, err := r.reader.Get(k)
	return v, notFound(err)
}

func (r readable) TTL(_ context.Context, k []byte) (time.Duration, error) {
	_, expires, err := r.GetWithExpiry(k)
	if err != nil || expires.IsZero() {
		return 0, notFound(err)
	}
	return max(time.Until(expires), 1), nil
}

func (r readable) Scan(_ context.Context, span shell.Range, fn func(k, v []byte) error) error {
	it, err := r.NewIterator(engine.IterOptions{Lower: span.From, Upper: span.To, Prefix: span.Prefix, Reverse: span.Reverse})
	if err != nil {
		return err
	}
	defer it.Close()
	n := int64(0)
	for k, v := range it.All() {
		if n == span.Limit {
			break
		}
		n++
		if err := fn(k, v); err != nil {
			return err
		}
	}
	return it.Err()
}

// keyspace is a keyspace as the shell sees it.
type keyspace struct {
	*engine.Keyspace
	db *engine.DB
}

func (ks keyspace) Get(ctx context.Context, k []byte) ([]byte, error) {
	return readable{ks.Keyspace}.Get(ctx, k)
}

func (ks keyspace) TTL(ctx context.Context, k []byte) (time.Duration, error) {
	return readable{ks.Keyspace}.TTL(ctx, k)
}

func (ks keyspace) Scan(ctx context.Context, r shell.Range, fn func(k, v []byte) error) error {
	return readable{ks.Keyspace}.Scan(ctx, r, fn)
}

func (ks keyspace) Put(ctx context.Context, k, v []byte, ttl time.Duration) error {
	if ttl > 0 {
		return ks.PutTTLContext(ctx, k, v, ttl)
	}
	return ks.PutContext(ctx, k, v)
}

func (ks keyspace) Delete(ctx context.Context, k []byte) error { return ks.DeleteContext(ctx, k) }

func (ks keyspace) DeleteRange(ctx context.Context, lower, upper []byte) error {
	return ks.DeleteRangeContext(ctx, lower, upper)
}

func (ks keyspace) Merge(ctx context.Context, k []byte, operator string, operand []byte) error {
	return ks.MergeContext(ctx, k, operator, operand)
}

func (ks keyspace) SetTTL(ctx context.Context, k []byte, ttl time.Duration) error {
	return ks.db.Update(ctx, func(t *engine.Txn) error { return setTTL(t.In(ks.Keyspace), k, ttl) })
}

func (ks keyspace) Watch(ctx context.Context, o shell.WatchOptions, fn func(shell.Change) error) error {
	feed, err := ks.Keyspace.Watch(ctx, o.From, o.Prefix)
	if err != nil {
		return err
	}
	defer feed.Close()
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-o.Enough:
			stop(errEnough)
		case <-waiting.Done():
		}
	}()
	for flushed := false; ; {
		c, err := feed.NextContext(waiting)
		switch {
		case err == nil:
			if err = fn(change(c)); err != nil {
				return err
			}
		case !errors.Is(err, errEnough) || flushed:
			return unless(err, errEnough)
		default: // what was committed by now may not be durable yet
			flushed = true
			if err = ks.db.Apply(ks.db.NewBatch(), engine.Sync); err != nil {
				return err
			}
		}
	}
}

// errEnough ends the waiting for more changes.
var errEnough = errors.New("enough")

// unless returns err if it is not another one.
func unless(err, other error) error {
	if errors.Is(err, other) {
		return nil
	}
	return err
}

// change is a change as the shell sees it.
func change(c engine.Change) shell.Change {
	commands := map[engine.ChangeKind]string{
		engine.ChangePut: "put", engine.ChangeDelete: "delete", engine.ChangeDeleteRange: "delrange", engine.ChangeMerge: "merge",
	}
	return shell.Change{
		Seq: c.Seq, Command: commands[c.Kind], Key: c.Key, Value: c.Value, To: c.End, Operator: c.Operator, Expires: c.Expires,
	}
}

// setTTL writes what k has again, for ttl or, if that is 0, for good.
func setTTL(t engine.TxnKeyspace, k []byte, ttl time.Duration) error {
	v, err := t.Get(k)
	if err != nil {
		return notFound(err)
	}
	return put(t, k, v, ttl)
}

// writer is where a transaction and a batch write.
type writer interface {
	Put(k, v []byte) error
	PutTTL(k, v []byte, ttl time.Duration) error
	Delete(k []byte) error
	DeleteRange(lower, upper []byte) error
	Merge(k []byte, operator string, operand []byte) error
}

func put(w writer, k, v []byte, ttl time.Duration) error {
	if ttl > 0 {
		return w.PutTTL(k, v, ttl)
	}
	return w.Put(k, v)
}

// collecting is a writer as the shell sees it: what collects writes does not wait.
type collecting struct{ w writer }

func (c collecting) Put(_ context.Context, k, v []byte, ttl time.Duration) error {
	return put(c.w, k, v, ttl)
}

func (c collecting) Delete(_ context.Context, k []byte) error { return c.w.Delete(k) }

func (c collecting) DeleteRange(_ context.Context, lower, upper []byte) error {
	return c.w.DeleteRange(lower, upper)
}

func (c collecting) Merge(_ context.Context, k []byte, operator string, operand []byte) error {
	return c.w.Merge(k, operator, operand)
}

// txn is a transaction as the shell sees it.
type txn struct {
	*engine.Txn
	marks []engine.Savepoint
}

// inTxn is a keyspace in a transaction.
type inTxn struct {
	readable
	collecting
	data engine.TxnKeyspace
}

func (t inTxn) SetTTL(_ context.Context, k []byte, ttl time.Duration) error {
	return setTTL(t.data, k, ttl)
}

func (t *txn) In(ks shell.Keyspace) shell.Data {
	data := t.Txn.In(ks.(keyspace).Keyspace)
	return inTxn{readable{data}, collecting{data}, data}
}

func (t *txn) Commit(ctx context.Context) error { return t.CommitContext(ctx) }

func (t *txn) Rollback(context.Context) error { return t.Txn.Rollback() }

func (t *txn) Savepoint(context.Context) (int, error) {
	mark, err := t.Txn.Savepoint()
	if err == nil {
		t.marks = append(t.marks, mark)
	}
	return len(t.marks) - 1, err
}

func (t *txn) RollbackTo(_ context.Context, mark int) error {
	t.marks = t.marks[:mark+1]
	return t.Txn.RollbackTo(t.marks[mark])
}

// batch is a batch as the shell sees it.
type batch struct {
	*engine.Batch
	db *engine.DB
}

func (b batch) In(ks shell.Keyspace) shell.Writer {
	return collecting{b.Batch.In(ks.(keyspace).Keyspace)}
}

func (b batch) Apply(ctx context.Context) error { return b.db.ApplyContext(ctx, b.Batch) }

func (batch) Cancel(context.Context) error { return nil }
