package iterator

import (
	"bytes"

	"github.com/middb/middb/key"
)

// Entries are consecutive entries of an iterator, as who asked for them uses them up: several at a time.
type Entries struct {
	Keys    [][]byte // of all entries, or none if they are Keyless
	Values  [][]byte
	Keyless bool   // nobody asks for keys
	memory  []byte // of what is copied
	copied  int    // bytes since Reset
	peak    int    // entries that there were at most since Release
}

// Reset forgets the entries; what they are in may be used again.
func (e *Entries) Reset() {
	if cap(e.memory) > keptMemory {
		e.memory = nil
	}
	e.peak = max(e.peak, len(e.Values))
	e.Keys, e.Values, e.memory, e.copied = e.Keys[:0], e.Values[:0], e.memory[:0], 0
}

// Release forgets the entries, and all that they alias, so that their memory can be kept for somebody else.
func (e *Entries) Release() {
	e.Reset()
	clear(e.Keys[:min(e.peak, cap(e.Keys))])
	clear(e.Values[:e.peak])
	e.peak = 0
}

// keptMemory is how many bytes of memory Entries keep for reuse.
const keptMemory = 256 << 10

// Len returns how many entries there are.
func (e *Entries) Len() int { return len(e.Values) }

// Add appends an entry as it is.
func (e *Entries) Add(k, v []byte) {
	if !e.Keyless {
		e.Keys = append(e.Keys, k)
	}
	e.Values = append(e.Values, v)
}

// AddShared appends an entry whose key is a prefix, which may be a part of the last key or of any other memory, and a rest: it
// copies both.
func (e *Entries) AddShared(prefix, rest, v []byte) (k []byte) {
	from := len(e.memory)
	e.memory = append(append(e.memory, prefix...), rest...)
	k = e.memory[from:len(e.memory):len(e.memory)]
	e.Keys = append(e.Keys, k)
	e.Values = append(e.Values, v)
	return k
}

// Truncate forgets all entries but the first n.
func (e *Entries) Truncate(n int) {
	if !e.Keyless {
		e.Keys = e.Keys[:n]
	}
	e.Values = e.Values[:n]
}

// Bytes returns how many bytes were copied since Reset.
func (e *Entries) Bytes() int { return e.copied }

// Own copies the entries from one on, so that they stay when their iterator moves.
func (e *Entries) Own(from int) {
	for i := from; i < len(e.Values); i++ {
		if !e.Keyless {
			e.Keys[i] = e.copy(e.Keys[i])
		}
		e.Values[i] = e.copy(e.Values[i])
	}
}

func (e *Entries) copy(p []byte) []byte {
	from := len(e.memory)
	e.memory = append(e.memory, p...)
	e.copied += len(p)
	return e.memory[from:len(e.memory):len(e.memory)]
}

// A Taker is an Iterator that can give several entries at once.
type Taker interface {
	Iterator
	// Take appends the entry at which the iterator stands and those that follow it upward, as long as they are plain puts and
	// their keys are below limit, nil for none: in all at most as many as most. It gives fewer where that is easier, but always
	// the first one, which must be a plain put below limit. Then the iterator stands at the last one. What it has appended is
	// valid until it moves, or, if it says lasting, until it is closed. If it fails, it has appended nothing and is not Valid.
	Take(e *Entries, most int, limit []byte) (lasting bool)
}

// How much is collected from many places before it is given to whoever asked: a run of enough entries is given as it is.
const (
	longRun   = 12
	mostBytes = 128 << 10
)

// Take appends the entry at which b stands, which must be Valid, and those that follow it, at most as many as most. Then it
// stands at the last one, or nowhere if it has found no more or failed after that: then it is not Valid. What it has appended is
// good until b moves.
func (b *Bounded) Take(e *Entries, most int) {
	for e.Len() < most {
		n := e.Len()
		lasting := false
		if b.taker != nil && b.kind == key.KindPut {
			lasting = b.taker.Take(e, most-n, b.upper)
			if e.Len() == n {
				b.valid = false
				return
			}
		} else {
			e.Add(b.Key(), b.Value())
		}
		if !lasting {
			if e.Len() == most || e.Len()-n >= longRun || e.copied > mostBytes {
				return
			}
			e.Own(n)
		}
		if e.Len() == most || !b.Next() {
			return
		}
	}
}

var _ Taker = (*Merging)(nil)

// Take implements Taker: the first source gives its entries up to where the second one stands.
func (m *Merging) Take(e *Entries, most int, limit []byte) bool {
	s := m.order[0]
	if s.taker == nil || len(s.held.entries) > 0 || m.reverse {
		e.Add(m.Key(), m.Value())
		return false
	}
	if len(m.order) > 1 {
		limit = lower(limit, m.order[1].key)
	}
	if s.masks > 0 && s.clear.end != nil {
		limit = lower(limit, s.clear.end)
	}
	lasting := s.taker.Take(e, most, limit)
	if !s.it.Valid() {
		m.drop(s)
		return false
	}
	s.key = s.it.Key()
	return lasting
}

// lower returns the lower one of two bounds, of which the first may be nil for none.
func lower(a, b []byte) []byte {
	if a == nil || bytes.Compare(b, a) < 0 {
		return b
	}
	return a
}
