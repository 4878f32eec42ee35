package crash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/middb/middb/engine"
)

// contents says for each key by id which commit wrote its value; 0: it is not there.
type contents []uint32

// unknown stands for a key that could not be read.
const unknown = math.MaxUint32

// shows reports whether the contents are those of a state as far as they are known.
func (s contents) shows(state contents) bool {
	for id, n := range s {
		if n != state[id] && n != unknown {
			return false
		}
	}
	return true
}

// keyOf returns the key of an id; ids and keys have the same order.
func keyOf(id int) []byte { return fmt.Appendf(nil, "key/%04d", id) }

// idOf is the inverse of keyOf.
func idOf(k []byte, keys int) (int, error) {
	var id int
	if _, err := fmt.Sscanf(string(k), "key/%d", &id); err != nil || id < 0 || id >= keys || !bytes.Equal(k, keyOf(id)) {
		return 0, fmt.Errorf("%q is no key that was ever written", k)
	}
	return id, nil
}

// valueOf returns the value that a commit gives to a key. It names both, and about half of it can be
// compressed.
func valueOf(commit uint32, id int) []byte {
	rng := rand.New(rand.NewPCG(uint64(commit), uint64(id)))
	n := rng.IntN(60)
	if rng.IntN(12) == 0 {
		n += rng.IntN(500)
	}
	v := binary.LittleEndian.AppendUint32(nil, commit)
	v = binary.LittleEndian.AppendUint32(v, uint32(id))
	for range n / 2 {
		v = append(v, byte(rng.Uint32()))
	}
	return append(v, bytes.Repeat([]byte{'x'}, n-n/2)...)
}

// commitOf returns the commit that gave this value to a key.
func commitOf(v []byte, id int) (uint32, error) {
	if len(v) >= 8 {
		if n := binary.LittleEndian.Uint32(v); n != 0 && bytes.Equal(v, valueOf(n, id)) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%s has a value that was never written: %.40x", keyOf(id), v)
}

// A reader is a database or a snapshot.
type reader interface {
	Get(k []byte) ([]byte, error)
	NewIterator(o engine.IterOptions) (*engine.Iterator, error)
}

// scan returns what an iterator shows. What it had not told when it failed is unknown. A wrong answer is
// a wrongAnswer, all other errors are of the engine.
func scan(db reader, keys int, reverse bool) (found contents, err error) {
	found = make(contents, keys)
	it, err := db.NewIterator(engine.IterOptions{Reverse: reverse})
	if err != nil {
		found.forget(0, keys)
		return found, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	last := -1
	if reverse {
		last = keys
	}
	for ok := it.First(); ok; ok = it.Next() {
		id, err := idOf(it.Key(), keys)
		if err != nil {
			return found, wrongAnswer{err}
		}
		if reverse == (id > last) || id == last {
			return found, wrongAnswer{fmt.Errorf("%s comes after %s in a scan", keyOf(id), keyOf(last))}
		}
		last = id
		if found[id], err = commitOf(it.Value(), id); err != nil {
			return found, wrongAnswer{err}
		}
	}
	if err = it.Err(); err == nil {
		return found, nil
	}
	if reverse {
		found.forget(0, last)
	} else {
		found.forget(last+1, keys)
	}
	return found, err
}

// forget makes the keys of a range of ids unknown.
func (s contents) forget(from, to int) {
	for id := from; id < to; id++ {
		s[id] = unknown
	}
}

// lookUp returns the commit that wrote the value that Get has for a key.
func lookUp(db reader, id int) (uint32, error) {
	v, err := db.Get(keyOf(id))
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	}
	n, err := commitOf(v, id)
	if err != nil {
		return 0, wrongAnswer{err}
	}
	return n, nil
}

// readAll returns what both scans and Get agree on, for a database at rest.
func readAll(db reader, keys int) (contents, error) {
	found, err := scan(db, keys, false)
	if err != nil {
		return nil, fmt.Errorf("scan forward: %w", err)
	}
	back, err := scan(db, keys, true)
	if err != nil {
		return nil, fmt.Errorf("scan backward: %w", err)
	}
	for id := range keys {
		got, err := lookUp(db, id)
		if err != nil {
			return nil, fmt.Errorf("get %s: %w", keyOf(id), err)
		}
		if got != found[id] || back[id] != found[id] {
			return nil, wrongAnswer{fmt.Errorf("%s is of commit %d for a scan, %d for one backward, %d for a get", keyOf(id), found[id], back[id], got)}
		}
	}
	return found, nil
}

// A wrongAnswer is an answer that the engine must not give, as opposed to an error.
type wrongAnswer struct{ error }

func (w wrongAnswer) Error() string { return "wrong answer: " + w.error.Error() }

// checkReads reads everything in three ways from one snapshot. Each answer must be of one state that the
// history allows, or an error whose cause is the injected one.
func checkReads(db *engine.DB, h *history, m mark, cause error) error {
	snapshot, err := db.Snapshot()
	if err != nil {
		return err
	}
	defer snapshot.Close()
	check := func(how string, found contents, err error) error {
		if err != nil && (errors.As(err, new(wrongAnswer)) || !errors.Is(err, cause)) {
			return fmt.Errorf("%s: %w", how, err)
		}
		if _, err := h.match(found, m.visible, m.begun); err != nil {
			return fmt.Errorf("%s: %w", how, wrongAnswer{err})
		}
		return nil
	}
	keys := len(h.states[0])
	found, err := scan(snapshot, keys, false)
	if err := check("scan forward", found, err); err != nil {
		return err
	}
	found, err = scan(snapshot, keys, true)
	if err := check("scan backward", found, err); err != nil {
		return err
	}
	var failures error
	for id := range keys {
		n, err := lookUp(snapshot, id)
		found[id] = n
		if err != nil {
			found[id], failures = unknown, err
			if err := check("get", found, failures); err != nil {
				return err
			}
		}
	}
	return check("get", found, failures)
}
