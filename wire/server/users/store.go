package users

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
)

// A User is what can be told of somebody who may log in.
type User struct {
	Name   string
	Grants []Grant // in order of their keyspaces; not to be changed
}

// A user is a record and what is made of it. It never changes.
type user struct {
	name     string
	record   userRecord
	identity *Identity
}

func newUser(name string, r userRecord) *user {
	return &user{name, r, newIdentity(name, string(r.ID), r.Grants)}
}

func (u *user) isAdmin() bool { return u.identity.all == Admin }

// A state is all users at a moment. It never changes.
type state struct {
	generation uint64
	users      map[string]*user
	secret     []byte // of the database, for decoys
}

// A Store keeps the users of a database. Its methods may be called from any goroutine.
type Store struct {
	db         *engine.DB
	random     io.Reader
	clock      func() time.Time
	nonce      func() string // of SCRAM; nil: the library's
	iterations int           // of new credentials and of decoys

	state    atomic.Pointer[state]
	changing sync.Mutex // held by whoever makes the next state

	failures throttle
	hashing  chan struct{} // held by whoever checks a plain password, which takes a core for milliseconds
}

// Open returns the users of a database. There are none, and nothing is written, until the first is added.
func Open(db *engine.DB) (*Store, error) { return open(db, rand.Reader, time.Now) }

func open(db *engine.DB, random io.Reader, clock func() time.Time) (*Store, error) {
	s := &Store{db: db, random: random, clock: clock, iterations: iterations, hashing: make(chan struct{}, 1)}
	secret, users, err := s.load()
	if err != nil {
		return nil, err
	}
	if secret == nil {
		secret = make([]byte, secretBytes)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, err
		}
	}
	s.state.Store(&state{generation: 1, users: users, secret: secret})
	return s, nil
}

// load reads the users that are in the database now.
func (s *Store) load() (secret []byte, users map[string]*user, err error) {
	ks, err := s.db.Keyspace(Keyspace, engine.KeyspaceOptions{MustExist: true})
	if errors.Is(err, engine.ErrKeyspaceMissing) {
		return nil, map[string]*user{}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return readAll(ks)
}

// Any reports whether there is a user.
func (s *Store) Any() bool { return len(s.state.Load().users) > 0 }

// Generation returns a number that grows whenever a user is added, changed or removed.
func (s *Store) Generation() uint64 { return s.state.Load().generation }

// List returns the users in order of their names.
func (s *Store) List() []User {
	st := s.state.Load()
	out := make([]User, 0, len(st.users))
	for _, name := range slices.Sorted(maps.Keys(st.users)) {
		out = append(out, User{name, st.users[name].record.Grants})
	}
	return out
}

// Lookup returns the identity of a user whom something other than a password vouches for, such as a client's
// certificate. If there is none the error is USER_MISSING.
func (s *Store) Lookup(name string) (*Identity, error) {
	if prepared, err := prepareName(name); err == nil {
		name = prepared
	}
	if u := s.state.Load().users[name]; u != nil {
		return u.identity, nil
	}
	return nil, missing(name)
}

// Refresh returns the identity as it is now: with the grants that the user has got since. The Superuser stays who
// it is. If the user was removed, also if another one has the name now, or if there are users now and it is
// Anonymous, the error is AUTH_REQUIRED.
func (s *Store) Refresh(id *Identity) (*Identity, error) {
	st := s.state.Load()
	switch {
	case id == Superuser, id == Anonymous && len(st.users) == 0:
		return id, nil
	case id == Anonymous:
		return nil, wire.Errorf(wire.ErrAuthRequired, "the server has users now; log in as one")
	}
	if u := st.users[id.name]; u != nil && u.identity.id == id.id {
		return u.identity, nil
	}
	return nil, wire.Errorf(wire.ErrAuthRequired, "user %s was removed", id.name)
}

func missing(name string) error {
	return wire.Errorf(wire.ErrUserMissing, "there is no user %q", name)
}

// An Option changes what a change may do.
type Option uint8

// Force lets a change leave users, or no user at all, without an admin.
const Force Option = 1

// Add adds a user. If there is one with the name the error is USER_EXISTS.
func (s *Store) Add(ctx context.Context, name, password string, grants []Grant, o ...Option) error {
	c, err := s.newCredentials(password)
	if err != nil {
		return err
	}
	if grants, err = checkGrants(grants); err != nil {
		return err
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(s.random, id); err != nil {
		return err
	}
	r := userRecord{recordVersion, id, grants, c}
	return s.change(ctx, name, o, func(old *userRecord) (*userRecord, error) {
		if old != nil {
			return nil, wire.Errorf(wire.ErrUserExists, "there is a user %q already", name)
		}
		return &r, nil
	})
}

// SetPassword gives a user another password. Sessions of the user go on.
func (s *Store) SetPassword(ctx context.Context, name, password string) error {
	c, err := s.newCredentials(password)
	if err != nil {
		return err
	}
	return s.change(ctx, name, []Option{Force}, func(old *userRecord) (*userRecord, error) {
		if old == nil {
			return nil, missing(name)
		}
		return &userRecord{recordVersion, old.ID, old.Grants, c}, nil
	})
}

// SetGrants replaces what a user may do. Without Force it is refused, with INVALID_ARGUMENT, if that would
// leave nobody who is an admin of All.
func (s *Store) SetGrants(ctx context.Context, name string, grants []Grant, o ...Option) error {
	grants, err := checkGrants(grants)
	if err != nil {
		return err
	}
	return s.change(ctx, name, o, func(old *userRecord) (*userRecord, error) {
		if old == nil {
			return nil, missing(name)
		}
		return &userRecord{recordVersion, old.ID, grants, old.Credentials}, nil
	})
}

// Remove removes a user. Without Force the last admin of All stays, as in SetGrants.
func (s *Store) Remove(ctx context.Context, name string, o ...Option) error {
	return s.change(ctx, name, o, func(old *userRecord) (*userRecord, error) {
		if old == nil {
			return nil, missing(name)
		}
		return nil, nil
	})
}

// newCredentials returns credentials for a password as a user gives it, with fresh salt.
func (s *Store) newCredentials(password string) (credentials, error) {
	prepared, err := preparePassword(password)
	if err != nil {
		return credentials{}, err
	}
	salt := make([]byte, saltBytes)
	if _, err := io.ReadFull(s.random, salt); err != nil {
		return credentials{}, err
	}
	return derive(prepared, salt, s.iterations)
}

// change replaces the record of one user by what edit makes of it, nil being none, in one transaction.
func (s *Store) change(ctx context.Context, name string, o []Option, edit func(*userRecord) (*userRecord, error)) error {
	name, err := prepareName(name)
	if err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	ks, err := s.db.Keyspace(Keyspace, engine.KeyspaceOptions{})
	if err != nil {
		return err
	}
	var after *state
	// Serializable, since whether there is another admin depends on what others write.
	err = s.db.UpdateWith(ctx, engine.TxnOptions{Isolation: engine.Serializable, Durability: engine.Sync}, func(txn *engine.Txn) error {
		after, err = s.edit(txn.In(ks), name, slices.Contains(o, Force), edit)
		return err
	})
	var refused *wire.Error
	switch {
	case err == nil:
		s.state.Store(after)
	case errors.As(err, &refused):
		return refused // without what Update says around it
	case errors.Is(err, engine.ErrCommitUnknown):
		err = errors.Join(err, s.reload())
	}
	return err
}

// edit makes a change within a transaction and returns the state after it.
func (s *Store) edit(txn engine.TxnKeyspace, name string, force bool, edit func(*userRecord) (*userRecord, error)) (*state, error) {
	secret, users, err := readAll(txn)
	if err != nil {
		return nil, err
	}
	now := s.state.Load()
	if secret == nil {
		secret = now.secret
		if err = txn.Put([]byte(metaKey), encode(metaRecord{recordVersion, secret})); err != nil {
			return nil, err
		}
	}
	var old *userRecord
	if u := users[name]; u != nil {
		old = &u.record
	}
	record, err := edit(old)
	if err != nil {
		return nil, err
	}
	if record == nil {
		delete(users, name)
		err = txn.Delete([]byte(userPrefix + name))
	} else {
		users[name] = newUser(name, *record)
		err = txn.Put([]byte(userPrefix+name), encode(*record))
	}
	if err == nil && !force {
		err = checkAdmin(users)
	}
	return &state{now.generation + 1, users, secret}, err
}

// checkAdmin returns an error if none of the users is an admin of All.
func checkAdmin(users map[string]*user) error {
	for _, u := range users {
		if u.isAdmin() {
			return nil
		}
	}
	e := wire.Errorf(wire.ErrInvalidArgument, "after this no user would be an admin of all keyspaces")
	if len(users) == 0 {
		e.Message += "; without any user everybody could do everything"
	}
	e.Hint = "make another user an admin first; on the machine of the database --force does it all the same"
	return e
}

// reload makes what is in the database the state.
func (s *Store) reload() error {
	secret, users, err := s.load()
	if err != nil {
		return err
	}
	now := s.state.Load()
	if secret == nil {
		secret = now.secret
	}
	s.state.Store(&state{now.generation + 1, users, secret})
	return nil
}
