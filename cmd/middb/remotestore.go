package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// remoteStore is a database on a server as the shell sees it.
type remoteStore struct {
	*client.Client
	main *client.Keyspace
}

var (
	_ shell.Store  = remoteStore{}
	_ shell.Server = remoteStore{}
)

// newRemoteStore asks the server for nothing: its user may have no role in the default keyspace.
func newRemoteStore(c *client.Client) remoteStore {
	return remoteStore{c, c.KeyspaceNamed(client.DefaultKeyspace)}
}

func (s remoteStore) Default() shell.Keyspace { return remoteKeyspace{s.main, s.Client} }

func (s remoteStore) Keyspace(ctx context.Context, name string, create bool) (shell.Keyspace, error) {
	ks, err := s.Client.Keyspace(ctx, name, client.KeyspaceOptions{MustExist: true})
	if create && errors.Is(err, wire.ErrKeyspaceMissing) { // only then: making one takes another role than using it
		missing := err
		ks, err = s.Client.Keyspace(ctx, name, client.KeyspaceOptions{})
		if errors.Is(err, wire.ErrPermissionDenied) {
			err = fmt.Errorf("%w; to make it %w", missing, err)
		}
	}
	return remoteKeyspace{ks, s.Client}, err
}

func (s remoteStore) Begin(ctx context.Context, o shell.TxnOptions) (shell.Txn, error) {
	options := client.TxnOptions{ReadOnly: o.ReadOnly}
	if o.Serializable {
		options.Isolation = client.Serializable
	}
	t, err := s.Client.Begin(ctx, options)
	return &remoteTxn{t, nil}, err
}

func (s remoteStore) NewBatch() shell.Batch { return &remoteBatch{c: s.Client} }

func (s remoteStore) Compact(ctx context.Context) error { return s.Client.Compact(ctx, nil, nil) }

// remoteNotFound makes the server's error for a missing key the shell's.
func remoteNotFound(err error) error {
	if errors.Is(err, wire.ErrNotFound) {
		return shell.ErrNotFound
	}
	return err
}

// remoteData is what can be read and written: a keyspace, or one in a transaction.
type remoteData interface {
	Get(ctx context.Context, k []byte) ([]byte, error)
	GetWithExpiry(ctx context.Context, k []byte) (v []byte, expires time.Time, err error)
	Scan(ctx context.Context, o client.ScanOptions) (*client.Cursor, error)
}

// remoteReader is a remoteData as the shell sees it.
type remoteReader struct{ remoteData }

func (r remoteReader) Get(ctx context.Context, k []byte) ([]byte, error) {
	v, err := r.remoteData.Get(ctx, k)
	return v, remoteNotFound(err)
}

func (r remoteReader) TTL(ctx context.Context, k []byte) (time.Duration, error) {
	_, expires, err := r.GetWithExpiry(ctx, k)
	if err != nil || expires.IsZero() {
		return 0, remoteNotFound(err)
	}
	return max(time.Until(expires), 1), nil
}

func (r remoteReader) Scan(ctx context.Context, span shell.Range, fn func(k, v []byte) error) error {
	o := client.ScanOptions{
		Range: client.Range{Lower: span.From, Upper: span.To, Prefix: span.Prefix}, Reverse: span.Reverse, Limit: uint64(max(span.Limit, 0)),
	}
	rows, err := r.remoteData.Scan(ctx, o)
	if err != nil {
		return err
	}
	defer rows.Close()
	for k, v := range rows.All() {
		if err = fn(k, v); err != nil {
			return err
		}
	}
	return rows.Err()
}

// remoteKeyspace is a keyspace as the shell sees it.
type remoteKeyspace struct {
	*client.Keyspace
	c *client.Client
}

func (ks remoteKeyspace) Get(ctx context.Context, k []byte) ([]byte, error) {
	return remoteReader{ks.Keyspace}.Get(ctx, k)
}

func (ks remoteKeyspace) TTL(ctx context.Context, k []byte) (time.Duration, error) {
	return remoteReader{ks.Keyspace}.TTL(ctx, k)
}

func (ks remoteKeyspace) Scan(ctx context.Context, r shell.Range, fn func(k, v []byte) error) error {
	return remoteReader{ks.Keyspace}.Scan(ctx, r, fn)
}

func (ks remoteKeyspace) Put(ctx context.Context, k, v []byte, ttl time.Duration) error {
	if ttl > 0 {
		return ks.PutTTL(ctx, k, v, ttl)
	}
	return ks.Keyspace.Put(ctx, k, v)
}

func (ks remoteKeyspace) Delete(ctx context.Context, k []byte) error {
	return ks.Keyspace.Delete(ctx, k)
}

func (ks remoteKeyspace) DeleteRange(ctx context.Context, lower, upper []byte) error {
	return ks.Keyspace.DeleteRange(ctx, lower, upper)
}

func (ks remoteKeyspace) Merge(ctx context.Context, k []byte, operator string, operand []byte) error {
	return ks.Keyspace.Merge(ctx, k, operator, operand)
}

func (ks remoteKeyspace) SetTTL(ctx context.Context, k []byte, ttl time.Duration) error {
	return ks.c.Update(ctx, func(t *client.Txn) error { return remoteInTxn{t.In(ks.Keyspace)}.SetTTL(ctx, k, ttl) })
}

func (ks remoteKeyspace) Watch(ctx context.Context, o shell.WatchOptions, fn func(shell.Change) error) error {
	feed, err := ks.Keyspace.Watch(ctx, o.From, o.Prefix)
	if err != nil {
		return err
	}
	defer feed.Close()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-o.Enough:
			feed.Drain()
		case <-done:
		}
	}()
	for {
		c, err := feed.Next()
		if err == io.EOF { //nolint:errorlint // what Next promises after Drain
			return nil
		}
		if err != nil {
			return err
		}
		if err = fn(remoteChange(c)); err != nil {
			return err
		}
	}
}

// remoteChange is a change as the shell sees it.
func remoteChange(c client.Change) shell.Change {
	commands := map[client.ChangeKind]string{
		client.ChangePut: "put", client.ChangeDelete: "delete", client.ChangeDeleteRange: "delrange", client.ChangeMerge: "merge",
	}
	return shell.Change{
		Seq: c.Seq, Command: commands[c.Kind], Key: c.Key, Value: c.Value, To: c.End, Operator: c.Operator, Expires: c.Expires,
	}
}

// remoteTxn is a transaction as the shell sees it.
type remoteTxn struct {
	*client.Txn
	marks []client.Savepoint
}

func (t *remoteTxn) In(ks shell.Keyspace) shell.Data {
	return remoteInTxn{t.Txn.In(ks.(remoteKeyspace).Keyspace)}
}

func (t *remoteTxn) Savepoint(ctx context.Context) (int, error) {
	mark, err := t.Txn.Savepoint(ctx)
	if err == nil {
		t.marks = append(t.marks, mark)
	}
	return len(t.marks) - 1, err
}

func (t *remoteTxn) RollbackTo(ctx context.Context, mark int) error {
	t.marks = t.marks[:mark+1]
	return t.Txn.RollbackTo(ctx, t.marks[mark])
}

// remoteInTxn is a keyspace in a transaction.
type remoteInTxn struct{ client.TxnKeyspace }

func (t remoteInTxn) Get(ctx context.Context, k []byte) ([]byte, error) {
	return remoteReader{t.TxnKeyspace}.Get(ctx, k)
}

func (t remoteInTxn) TTL(ctx context.Context, k []byte) (time.Duration, error) {
	return remoteReader{t.TxnKeyspace}.TTL(ctx, k)
}

func (t remoteInTxn) Scan(ctx context.Context, r shell.Range, fn func(k, v []byte) error) error {
	return remoteReader{t.TxnKeyspace}.Scan(ctx, r, fn)
}

func (t remoteInTxn) Put(ctx context.Context, k, v []byte, ttl time.Duration) error {
	if ttl > 0 {
		return t.PutTTL(ctx, k, v, ttl)
	}
	return t.TxnKeyspace.Put(ctx, k, v)
}

func (t remoteInTxn) SetTTL(ctx context.Context, k []byte, ttl time.Duration) error {
	v, err := t.Get(ctx, k)
	if err != nil {
		return err
	}
	return t.Put(ctx, k, v, ttl)
}

// remoteBatch is a batch as the shell sees it.
type remoteBatch struct {
	client.Batch
	c *client.Client
}

func (b *remoteBatch) In(ks shell.Keyspace) shell.Writer {
	return collecting{b.Batch.In(ks.(remoteKeyspace).Keyspace)}
}

func (b *remoteBatch) Apply(ctx context.Context) error { return b.c.Apply(ctx, &b.Batch) }

func (*remoteBatch) Cancel(context.Context) error { return nil }
