package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/middb/middb/actors"
)

// A Keyspace is a set of keys of its own within a database, with the methods that DB has for the default
// one. Batches and transactions may span keyspaces. Open one with DB.Keyspace; it is closed with the
// database. Safe for concurrent use.
type Keyspace struct {
	db    *DB
	name  string
	space space
	tree  bool           // the keys are in a B+Tree: only tables use such a one
	gate  *actors.Gate   // shut when the keyspace is dropped; nil: it cannot be
	gates []*actors.Gate // of this keyspace alone, for commits
}

// defaultKeyspace gives DB the methods of Keyspace.
type defaultKeyspace = Keyspace

// DefaultKeyspace is the name of the keyspace that the methods of DB work on. It is always there.
const DefaultKeyspace = "default"

// MaxKeyspaceNameBytes is the length of the longest name of a keyspace.
const MaxKeyspaceNameBytes = 255

// KeyspaceOptions say how a keyspace is opened.
type KeyspaceOptions struct {
	// MustExist refuses to make a keyspace that is not there, with ErrKeyspaceMissing.
	MustExist bool
}

// Name returns the name of the keyspace.
func (ks *Keyspace) Name() string { return ks.name }

func (db *DB) newKeyspace(name string, id uint32) *Keyspace {
	gate := &actors.Gate{Err: fmt.Errorf("%w: %q", ErrKeyspaceDropped, name)}
	return &Keyspace{db: db, name: name, space: numberedSpace(id), gate: gate, gates: []*actors.Gate{gate}}
}

// check returns why the keyspace cannot be used, or nil.
func (ks *Keyspace) check() error {
	if ks.gate == nil {
		return nil
	}
	return ks.gate.Check()
}

// Keys of the engine's own keyspace.
const (
	keyspacePrefix = "keyspace/"        // and the name; the value is an id, 4 bytes big-endian
	nextKeyspaceID = "next-keyspace-id" // the smallest that was never used
)

// Keyspace opens a keyspace by name, and makes it if it is not there, durably. The name "default" is the
// keyspace of the methods of DB.
func (db *DB) Keyspace(name string, o KeyspaceOptions) (*Keyspace, error) {
	ks, err := db.openKeyspace(name, o)
	if err != nil {
		return nil, fmt.Errorf("keyspace %q: %w", name, err)
	}
	return ks, nil
}

func (db *DB) openKeyspace(name string, o KeyspaceOptions) (*Keyspace, error) {
	if err := checkKeyspaceName(name); err != nil {
		return nil, err
	}
	if db.closed.Load() {
		return nil, ErrClosed
	}
	if name == DefaultKeyspace {
		return db.defaultKeyspace, nil
	}
	if ks := db.spaces.find(name); ks != nil && ks.check() == nil {
		return ks, nil
	}
	db.spaces.changing.Lock()
	defer db.spaces.changing.Unlock()
	if err := db.settle(); err != nil {
		return nil, err
	}
	if ks := db.spaces.find(name); ks != nil {
		if ks.check() == nil {
			return ks, nil
		}
		db.spaces.set(name, nil) // it was dropped, and its caller not told
	}
	id, err := db.meta.Get([]byte(keyspacePrefix + name))
	switch {
	case errors.Is(err, ErrNotFound) && (o.MustExist || db.graph == nil):
		return nil, ErrKeyspaceMissing
	case errors.Is(err, ErrNotFound):
		id, err = db.createKeyspace(name)
	}
	if err != nil {
		return nil, err
	}
	ks := db.newKeyspace(name, binary.BigEndian.Uint32(id))
	db.spaces.set(name, ks)
	return ks, nil
}

func checkKeyspaceName(name string) error {
	if name == "" || len(name) > MaxKeyspaceNameBytes {
		return fmt.Errorf("%w: %d bytes; a name has 1 to %d", ErrKeyspaceName, len(name), MaxKeyspaceNameBytes)
	}
	return nil
}

// createKeyspace gives a name a number that no keyspace had before. The caller keeps others from doing so.
func (db *DB) createKeyspace(name string) (id []byte, err error) {
	id, err = db.meta.Get([]byte(nextKeyspaceID))
	if errors.Is(err, ErrNotFound) {
		id, err = []byte{0, 0, 0, 1}, nil
	}
	if err != nil {
		return nil, err
	}
	b := db.NewBatch()
	after := binary.BigEndian.AppendUint32(nil, binary.BigEndian.Uint32(id)+1)
	err = errors.Join(b.In(db.meta).Put([]byte(nextKeyspaceID), after), b.In(db.meta).Put([]byte(keyspacePrefix+name), id))
	if err != nil {
		return nil, err
	}
	return id, db.changed(db.Apply(b, Sync))
}

// Keyspaces returns the names of all keyspaces, the default one first, the others in order.
func (db *DB) Keyspaces() ([]string, error) {
	it, err := db.meta.NewIterator(IterOptions{Prefix: []byte(keyspacePrefix), KeysOnly: true})
	if err != nil {
		return nil, fmt.Errorf("list keyspaces: %w", err)
	}
	names := []string{DefaultKeyspace}
	for k := range it.All() {
		names = append(names, string(k[len(keyspacePrefix):]))
	}
	if err := it.Close(); err != nil {
		return nil, fmt.Errorf("list keyspaces: %w", err)
	}
	return names, nil
}

// DropKeyspace removes a keyspace with all its keys, durably. It takes one commit, whatever the keyspace
// holds; compaction then gives the space back. Every handle of the keyspace returns ErrKeyspaceDropped from
// then on, and a keyspace that is made anew under the name is another one. Snapshots and iterators that are
// open go on seeing it.
func (db *DB) DropKeyspace(name string) error {
	if err := db.dropKeyspace(name); err != nil {
		return fmt.Errorf("drop keyspace %q: %w", name, err)
	}
	return nil
}

func (db *DB) dropKeyspace(name string) error {
	if name == DefaultKeyspace {
		return fmt.Errorf("%w: the default keyspace cannot be dropped; delete its keys with DeleteRange", ErrKeyspaceName)
	}
	ks, err := db.openKeyspace(name, KeyspaceOptions{MustExist: true})
	if err != nil {
		return err
	}
	db.spaces.changing.Lock()
	defer db.spaces.changing.Unlock()
	if err = ks.check(); err != nil {
		return err
	}
	b := db.NewBatch()
	err = errors.Join(b.In(db.meta).Delete([]byte(keyspacePrefix+name)), b.In(ks).DeleteRange(nil, nil))
	if err != nil {
		return err
	}
	c := actors.NewCommit()
	b.fill(c)
	c.Sync, c.Shuts = true, ks.gate
	_, err = db.submit(context.Background(), c)
	if err = db.changed(err); err != nil {
		return err
	}
	db.spaces.set(name, nil)
	return nil
}

// changed notes whether a change of the keyspaces that was handed over has ended, for the next one.
func (db *DB) changed(err error) error {
	db.spaces.unsettled = errors.Is(err, ErrCommitUnknown)
	return err
}

// settle waits for the change before, if its caller was not told of its end: until that is visible, a number that
// is taken looks free, and a keyspace that is gone looks alive. In an engine that has failed it stays as it looks.
func (db *DB) settle() error {
	if !db.spaces.unsettled {
		return nil
	}
	barrier := actors.NewCommit()
	barrier.Sync = true
	if _, err := db.submit(context.Background(), barrier); err != nil && !errors.Is(err, ErrFailed) {
		return fmt.Errorf("await the last change of the keyspaces: %w", err)
	}
	db.spaces.unsettled = false
	return nil
}

// keyspaceOf returns the keyspace of a stored key: an open one, or one without a name.
func (db *DB) keyspaceOf(stored []byte) *Keyspace {
	if len(stored) < spaceBytes || string(stored[:len(spacePrefix)]) != string(spacePrefix) {
		return db.defaultKeyspace
	}
	return db.spaces.withPrefix(stored[:spaceBytes])
}

// openKeyspaces are the named keyspaces that have been opened.
type openKeyspaces struct {
	changing  sync.Mutex // held to make, open and drop one
	unsettled bool       // the last change may yet come; guarded by changing

	mu     sync.Mutex // held for a moment
	byName map[string]*Keyspace
}

func (o *openKeyspaces) find(name string) *Keyspace {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.byName[name]
}

// set makes ks the keyspace of a name; nil takes it away.
func (o *openKeyspaces) set(name string, ks *Keyspace) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ks == nil {
		delete(o.byName, name)
		return
	}
	o.byName[name] = ks
}

// withPrefix returns the keyspace whose stored keys have a prefix, or one that has no name.
func (o *openKeyspaces) withPrefix(prefix []byte) *Keyspace {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, ks := range o.byName {
		if bytes.Equal(ks.space.prefix, prefix) {
			return ks
		}
	}
	return &Keyspace{space: space{prefix: bytes.Clone(prefix)}}
}
