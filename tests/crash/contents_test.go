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

// contents says for each key by id what its value is: the number of the commit that wrote it, what merged
// makes of that and of the commits that merged into it, or 0: it is not there. The last ids are those of the keys in
// a keyspace of their own.
type contents []uint32

// sideName is the name of that keyspace. It is made when it is first written to.
const sideName = "side"

// sideFrom returns the first id of a key in that keyspace.
func sideFrom(keys int) int { return keys - keys/4 }

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

// idOf is the inverse of keyOf, for ids from low on, below high.
func idOf(k []byte, low, high int) (int, error) {
	var id int
	if _, err := fmt.Sscanf(string(k), "key/%d", &id); err != nil || id < low || id >= high || !bytes.Equal(k, keyOf(id)) {
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

// operandMark begins what a commit appends to a value by merging; no value begins like that.
const operandMark = 0xffffffff

// operandOf returns what a commit merges into values.
func operandOf(commit uint32) []byte {
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, operandMark), commit)
}

// merged returns what stands for a value into which a commit has merged.
func merged(value, commit uint32) uint32 {
	return min((value*0x85ebca6b^commit)*0x9e3779b1|1<<31, unknown-1)
}

// written returns what stands for a value of a key.
func written(v []byte, id int) (n uint32, err error) {
	rest := v
	if len(v) >= 8 && binary.LittleEndian.Uint32(v) != operandMark {
		n = binary.LittleEndian.Uint32(v)
		rest, _ = bytes.CutPrefix(v, valueOf(n, id))
	}
	for len(rest) >= 8 && binary.LittleEndian.Uint32(rest) == operandMark {
		n, rest = merged(n, binary.LittleEndian.Uint32(rest[4:])), rest[8:]
	}
	if n == 0 || len(rest) > 0 {
		return 0, fmt.Errorf("%s has a value that was never written: %.40x", keyOf(id), v)
	}
	return n, nil
}

// A reader is a keyspace, as it is or in a snapshot.
type reader interface {
	Get(k []byte) ([]byte, error)
	NewIterator(o engine.IterOptions) (*engine.Iterator, error)
}

// A view is all that can be read.
type view struct {
	main reader
	side reader // nil: it is not there
	err  error  // why nobody knows whether it is
}

// viewOf returns a view of a database as it is, or as a snapshot, if that is not nil, has it.
func viewOf(db *engine.DB, s *engine.Snapshot) view {
	side, err := db.Keyspace(sideName, engine.KeyspaceOptions{MustExist: true})
	missing := errors.Is(err, engine.ErrKeyspaceMissing)
	v := view{main: db}
	if err != nil && !missing {
		v.err = err
	}
	if s != nil {
		v.main = s
	}
	if err == nil {
		v.side = side
		if s != nil {
			v.side = s.In(side)
		}
	}
	return v
}

// scan returns what iterators show. What they had not told when they failed is unknown. A wrong answer is
// a wrongAnswer, all other errors are of the engine.
func scan(v view, keys int, reverse bool) (found contents, err error) {
	found = make(contents, keys)
	err = found.scan(v.main, 0, sideFrom(keys), reverse)
	switch {
	case v.err != nil:
		found.forget(sideFrom(keys), keys)
		err = errors.Join(err, v.err)
	case v.side != nil:
		err = errors.Join(err, found.scan(v.side, sideFrom(keys), keys, reverse))
	}
	return found, err
}

// scan fills in what an iterator shows of the keyspace with the keys from low on, below high.
func (s contents) scan(from reader, low, high int, reverse bool) (err error) {
	it, err := from.NewIterator(engine.IterOptions{Reverse: reverse})
	if err != nil {
		s.forget(low, high)
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	last := low - 1
	if reverse {
		last = high
	}
	for ok := it.First(); ok; ok = it.Next() {
		id, err := idOf(it.Key(), low, high)
		if err != nil {
			return wrongAnswer{err}
		}
		if reverse == (id > last) || id == last {
			return wrongAnswer{fmt.Errorf("%s comes after %s in a scan", keyOf(id), keyOf(last))}
		}
		last = id
		if s[id], err = written(it.Value(), id); err != nil {
			return wrongAnswer{err}
		}
	}
	if err = it.Err(); err == nil {
		return nil
	}
	if reverse {
		s.forget(low, last)
	} else {
		s.forget(last+1, high)
	}
	return err
}

// forget makes the keys of a range of ids unknown.
func (s contents) forget(from, to int) {
	for id := from; id < to; id++ {
		s[id] = unknown
	}
}

// lookUp returns what stands for the value that Get has for one of the keys.
func lookUp(from view, keys, id int) (uint32, error) {
	in := from.main
	if id >= sideFrom(keys) {
		if in = from.side; in == nil {
			return 0, from.err
		}
	}
	v, err := in.Get(keyOf(id))
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	}
	n, err := written(v, id)
	if err != nil {
		return 0, wrongAnswer{err}
	}
	return n, nil
}

// readAll returns what both scans and Get agree on, for a database at rest.
func readAll(db *engine.DB, keys int) (contents, error) {
	v := viewOf(db, nil)
	found, err := scan(v, keys, false)
	if err != nil {
		return nil, fmt.Errorf("scan forward: %w", err)
	}
	back, err := scan(v, keys, true)
	if err != nil {
		return nil, fmt.Errorf("scan backward: %w", err)
	}
	for id := range keys {
		got, err := lookUp(v, keys, id)
		if err != nil {
			return nil, fmt.Errorf("get %s: %w", keyOf(id), err)
		}
		if got != found[id] || back[id] != found[id] {
			return nil, wrongAnswer{fmt.Errorf("%s is %d for a scan, %d for one backward, %d for a get", keyOf(id), found[id], back[id], got)}
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
	keys, v := len(h.states[0]), viewOf(db, snapshot)
	found, err := scan(v, keys, false)
	if err := check("scan forward", found, err); err != nil {
		return err
	}
	found, err = scan(v, keys, true)
	if err := check("scan backward", found, err); err != nil {
		return err
	}
	var failures error
	for id := range keys {
		n, err := lookUp(v, keys, id)
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
