package users

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/middb/middb/engine"
)

// Keyspace is where users are kept.
const Keyspace = "middb.users"

// Keys in it; on disk, never change.
const (
	metaKey    = "meta"
	userPrefix = "user/"
)

// recordVersion is the version of both kinds of records.
const recordVersion = 1

// ErrRecord is matched by errors of [Open] about a record that cannot be used: damaged by hand, or written by
// a later version.
var ErrRecord = errors.New("a record of the users cannot be used")

// A metaRecord is the value under metaKey.
type metaRecord struct {
	Version int    `json:"version"`
	Secret  []byte `json:"secret"`
}

// A userRecord is the value of a user.
type userRecord struct {
	Version     int         `json:"version"`
	ID          []byte      `json:"id"`
	Grants      []Grant     `json:"grants"`
	Credentials credentials `json:"scram-sha-256"`
}

func (m metaRecord) check() error {
	if len(m.Secret) != secretBytes {
		return fmt.Errorf("the secret has %d bytes, not %d", len(m.Secret), secretBytes)
	}
	return nil
}

func (u userRecord) check() error {
	if len(u.ID) == 0 {
		return errors.New("it has no id")
	}
	if _, err := checkGrants(u.Grants); err != nil {
		return err
	}
	return u.Credentials.check()
}

// encode returns a record as it is stored.
func encode(record any) []byte {
	out, err := json.Marshal(record)
	if err != nil {
		panic(fmt.Sprintf("users: encode %T: %v", record, err)) // they hold text, numbers and bytes
	}
	return out
}

// decode reads the record that is stored under a key.
func decode[R interface{ check() error }](key string, value []byte) (record R, err error) {
	if err = decodeStrictly(value, &record); err == nil {
		err = record.check()
	}
	if err != nil {
		return record, fmt.Errorf("%w: %q in keyspace %s: %w", ErrRecord, key, Keyspace, err)
	}
	return record, nil
}

func decodeStrictly(value []byte, record any) error {
	// The version first: a later one may have any other fields.
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(value, &v); err != nil {
		return err
	}
	if v.Version != recordVersion {
		return fmt.Errorf("it has version %d; this middb knows %d", v.Version, recordVersion)
	}
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	return dec.Decode(record)
}

// readAll reads every record, as a transaction or the database sees them. The secret is nil if there is none.
func readAll(from interface {
	NewIterator(engine.IterOptions) (*engine.Iterator, error)
},
) (secret []byte, users map[string]*user, err error) {
	it, err := from.NewIterator(engine.IterOptions{})
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = closeErr
		}
	}()
	users = map[string]*user{}
	for k, v := range it.All() {
		name, isUser := bytes.CutPrefix(k, []byte(userPrefix))
		switch {
		case isUser:
			if prepared, err := prepareName(string(name)); err != nil || prepared != string(name) {
				return nil, nil, fmt.Errorf("%w: %q in keyspace %s: nobody can have this name", ErrRecord, k, Keyspace)
			}
			r, err := decode[userRecord](string(k), v)
			if err != nil {
				return nil, nil, err
			}
			users[string(name)] = newUser(string(name), r)
		case string(k) == metaKey:
			m, err := decode[metaRecord](metaKey, v)
			if err != nil {
				return nil, nil, err
			}
			secret = m.Secret
		default:
			return nil, nil, fmt.Errorf("%w: %q in keyspace %s: the key is neither meta nor a user", ErrRecord, k, Keyspace)
		}
	}
	return secret, users, it.Err()
}
