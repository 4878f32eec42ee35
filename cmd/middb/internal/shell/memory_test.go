package shell

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/middb/middb/merge"
	"github.com/middb/middb/wire"
)

// memory is a Store over maps. Of its transactions one conflicts that writes the key "contested".
type memory struct {
	spaces map[string]*space
	main   *space
}

// space is a keyspace of a memory, or one in a transaction. Nothing ever expires.
type space struct {
	name    string
	entries map[string]entry
}

type entry struct {
	value string
	ttl   time.Duration
}

// NewMemory returns an empty memory, for tests outside of the package.
func NewMemory() Store { return newMemory() }

func newMemory() *memory {
	main := &space{"default", map[string]entry{}}
	return &memory{map[string]*space{"default": main}, main}
}

func check(k []byte) error {
	if len(k) == 0 {
		return errors.New("the key is empty")
	}
	return nil
}

func (m *memory) Default() Keyspace { return m.main }

func (m *memory) Keyspace(_ context.Context, name string, create bool) (Keyspace, error) {
	if m.spaces[name] == nil {
		if !create || name == "" {
			return nil, fmt.Errorf("keyspace %q: there is no such keyspace", name)
		}
		m.spaces[name] = &space{name, map[string]entry{}}
	}
	return m.spaces[name], nil
}

func (m *memory) Keyspaces(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(m.spaces)), nil
}

func (m *memory) DropKeyspace(_ context.Context, name string) error {
	if m.spaces[name] == nil {
		return fmt.Errorf("drop keyspace %q: there is no such keyspace", name)
	}
	delete(m.spaces, name)
	return nil
}

func (m *memory) NewBatch() Batch { return memoryBatch{m.copy(TxnOptions{})} }

func (m *memory) Begin(_ context.Context, o TxnOptions) (Txn, error) { return m.copy(o), nil }

func (m *memory) copy(o TxnOptions) *memoryTxn {
	t := &memoryTxn{m: m, o: o, spaces: map[string]*space{}}
	for name, s := range m.spaces {
		t.spaces[name] = &space{name, maps.Clone(s.entries)}
	}
	return t
}

func (m *memory) Flush(context.Context) error { return nil }

func (m *memory) Compact(context.Context) error { return nil }

func (m *memory) Stats(context.Context) (*wire.Stats, error) {
	return &wire.Stats{
		Engine: wire.EngineStats{MemtableKeys: int64(len(m.main.entries)), LogBytes: 5 << 20, WriteDelay: 1500e6, Keyspaces: 1},
		Levels: []wire.LevelStats{{Level: 0, Files: 3, Bytes: 1536, Entries: 20, Score: 0.75}, {Level: 6, Files: 12, Bytes: 700, Score: 1}},
	}, nil
}

func (m *memory) Ping(context.Context) (time.Duration, error) { return 1234567, nil }

// sessions are those of every memory.
var sessions = []wire.Session{
	{Session: 1, User: "ada", Remote: "127.0.0.1:5000", Client: "middb\t1.0", Since: 1e12, Requests: 3, InFlight: 1, Txns: 2, Cursors: 4},
	{Session: 7, Remote: "@", Client: "python", Since: 1e12 + 1000, Requests: 20},
}

func (m *memory) Sessions(context.Context) ([]wire.Session, error) { return sessions, nil }

func (m *memory) Kill(_ context.Context, session uint64) (bool, error) {
	return slices.ContainsFunc(sessions, func(s wire.Session) bool { return s.Session == session }), nil
}

func (s *space) Name() string { return s.name }

func (s *space) Get(_ context.Context, k []byte) ([]byte, error) {
	e, ok := s.entries[string(k)]
	if !ok {
		return nil, ErrNotFound
	}
	return []byte(e.value), check(k)
}

func (s *space) TTL(_ context.Context, k []byte) (time.Duration, error) {
	e, ok := s.entries[string(k)]
	if !ok {
		return 0, ErrNotFound
	}
	return e.ttl, nil
}

func (s *space) SetTTL(_ context.Context, k []byte, ttl time.Duration) error {
	e, ok := s.entries[string(k)]
	if !ok {
		return fmt.Errorf("update: %w", ErrNotFound)
	}
	s.entries[string(k)] = entry{e.value, ttl}
	return nil
}

func (s *space) Put(_ context.Context, k, v []byte, ttl time.Duration) error {
	if err := check(k); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	s.entries[string(k)] = entry{string(v), ttl}
	return nil
}

func (s *space) Delete(_ context.Context, k []byte) error {
	delete(s.entries, string(k))
	return check(k)
}

func (s *space) DeleteRange(_ context.Context, lower, upper []byte) error {
	for k := range s.entries {
		if k >= string(lower) && (upper == nil || k < string(upper)) {
			delete(s.entries, k)
		}
	}
	return nil
}

func (s *space) Merge(_ context.Context, k []byte, operator string, operand []byte) error {
	var ops *merge.Operators
	if err := ops.Check(operator, operand); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	e, ok := s.entries[string(k)]
	switch {
	case !ok:
		e.value = string(operand)
	case operator == merge.Append:
		e.value += string(operand)
	default:
		sum := binary.LittleEndian.Uint64([]byte(e.value)) + binary.LittleEndian.Uint64(operand)
		e.value = string(binary.LittleEndian.AppendUint64(nil, sum))
	}
	s.entries[string(k)] = e
	return nil
}

func (s *space) Scan(ctx context.Context, r Range, fn func(k, v []byte) error) error {
	keys := slices.Sorted(maps.Keys(s.entries))
	if r.Reverse {
		slices.Reverse(keys)
	}
	n := int64(0)
	for _, k := range keys {
		if !strings.HasPrefix(k, string(r.Prefix)) || k < string(r.From) || (r.To != nil && k >= string(r.To)) {
			continue
		}
		if n == r.Limit {
			break
		}
		n++
		if err := fn([]byte(k), []byte(s.entries[k].value)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *space) Compact(_ context.Context, lower, upper []byte) error {
	if string(lower) != "cramped" {
		return nil
	}
	return fmt.Errorf("no space to compact %q to %q of %s", lower, upper, s.name)
}

// changes is what every memory saw.
var changes = []Change{
	{Seq: 1, Command: "put", Key: []byte("a"), Value: []byte("1")},
	{Seq: 2, Command: "put", Key: []byte("a\tb"), Value: []byte{}, Expires: time.Unix(1e9, 0)},
	{Seq: 4, Command: "merge", Key: []byte("ac"), Operator: merge.Counter, Value: merge.AppendCount(nil, -5)},
	{Seq: 5, Command: "merge", Key: []byte("ad"), Operator: merge.Append, Value: []byte("x")},
	{Seq: 6, Command: "delete", Key: []byte("a")},
	{Seq: 7, Command: "delrange", Key: []byte("a"), To: []byte("b")},
	{Seq: 8, Command: "delrange"},
}

func (s *space) Watch(ctx context.Context, o WatchOptions, fn func(Change) error) error {
	if o.From > 9 {
		return errors.New("watch: the log does not reach back")
	}
	for _, c := range changes {
		if o.From == 0 || c.Seq < o.From || !strings.HasPrefix(string(c.Key), string(o.Prefix)) {
			continue
		}
		if err := fn(c); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("feed: %w", context.Cause(ctx))
	case <-o.Enough:
		return nil
	}
}

// memoryTxn is a transaction, or a batch that is read by nobody: a copy that becomes the original.
type memoryTxn struct {
	m      *memory
	o      TxnOptions
	spaces map[string]*space
	marks  []map[string]*space
}

// write is a Data of a transaction that may be read-only.
type write struct {
	*space
	readOnly bool
}

func (w write) Put(ctx context.Context, k, v []byte, ttl time.Duration) error {
	if w.readOnly {
		return errors.New("put: the transaction is read-only")
	}
	return w.space.Put(ctx, k, v, ttl)
}

func (t *memoryTxn) in(ks Keyspace) write {
	s := t.spaces[ks.Name()]
	if s == nil {
		s = &space{ks.Name(), map[string]entry{}}
		t.spaces[ks.Name()] = s
	}
	return write{s, t.o.ReadOnly}
}

func (t *memoryTxn) In(ks Keyspace) Data { return t.in(ks) }

func (t *memoryTxn) Commit(context.Context) error {
	if _, ok := t.spaces["default"].entries["contested"]; ok {
		return errors.New("commit: the transaction conflicts with a later commit: key contested; run it again")
	}
	for name, s := range t.spaces {
		t.m.spaces[name].entries = s.entries
	}
	return nil
}

func (t *memoryTxn) Rollback(context.Context) error { return nil }

func (t *memoryTxn) Savepoint(context.Context) (int, error) {
	t.marks = append(t.marks, (&memory{spaces: t.spaces}).copy(TxnOptions{}).spaces)
	return len(t.marks) - 1, nil
}

func (t *memoryTxn) RollbackTo(_ context.Context, mark int) error {
	t.marks = t.marks[:mark+1]
	t.spaces = (&memory{spaces: t.marks[mark]}).copy(TxnOptions{}).spaces
	return nil
}

// memoryBatch is a memoryTxn as a Batch.
type memoryBatch struct{ *memoryTxn }

func (b memoryBatch) In(ks Keyspace) Writer           { return collected{b.in(ks)} }
func (b memoryBatch) Apply(ctx context.Context) error { return b.Commit(ctx) }
func (memoryBatch) Cancel(context.Context) error      { return nil }

// collected is a Writer of a batch, whose errors do not say what was tried.
type collected struct{ write }

func (c collected) Put(ctx context.Context, k, v []byte, ttl time.Duration) error {
	if err := check(k); err != nil {
		return err
	}
	return c.write.Put(ctx, k, v, ttl)
}
