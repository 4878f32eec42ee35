package model

import (
	"bytes"
	"fmt"
	"time"

	"github.com/middb/middb/key"
)

// An op is one operation of a commit, as it is asked for and what it means.
type op struct {
	kind         key.Kind
	space        *space
	ids          span   // the keys that it writes
	key          []byte // unless a range is deleted
	value        []byte // of a put; an operand
	operator     string
	ttl          time.Duration
	expiry       int64  // of a put: never, or the time of asking and ttl
	lower, upper []byte // of a range; nil: no bound
}

// A span is a range of ids.
type span struct{ low, high int }

// An extent is the keys from one, inclusive, to another, exclusive; nil: no bound.
type extent struct{ from, to []byte }

// A field is an extent of a keyspace.
type field struct {
	space *space
	extent
}

// A writer collects operations: a keyspace of a batch or of a transaction.
type writer interface {
	Put(k, v []byte) error
	PutTTL(k, v []byte, ttl time.Duration) error
	Delete(k []byte) error
	DeleteRange(lower, upper []byte) error
	Merge(k []byte, operator string, operand []byte) error
}

// giveTo asks a writer for the operation.
func (p *op) giveTo(w writer) error {
	switch p.kind {
	case key.KindPut:
		return w.Put(p.key, p.value)
	case key.KindPutWithExpiry:
		return w.PutTTL(p.key, p.value, p.ttl)
	case key.KindMerge:
		return w.Merge(p.key, p.operator, p.value)
	case key.KindRangeDelete:
		return w.DeleteRange(p.lower, p.upper)
	default:
		return w.Delete(p.key)
	}
}

// field returns what the operation writes.
func (p *op) field() field {
	if p.kind == key.KindRangeDelete {
		return field{p.space, extent{p.lower, p.upper}}
	}
	return only(p.space, p.key)
}

// void reports whether the operation does nothing: it deletes a range that no key can be in.
func (p *op) void() bool { return p.kind == key.KindRangeDelete && p.field().empty() }

// String prints the operation.
func (p *op) String() string {
	where := ""
	if p.space.name != 0 {
		where = fmt.Sprintf(" in keyspace %d", p.space.name)
	}
	switch p.kind {
	case key.KindPut:
		return fmt.Sprintf("put %s = %s%s", brief(p.key), brief(p.value), where)
	case key.KindPutWithExpiry:
		return fmt.Sprintf("put %s = %s until %d%s", brief(p.key), brief(p.value), p.expiry, where)
	case key.KindMerge:
		return fmt.Sprintf("merge %s %s %s%s", brief(p.key), p.operator, brief(p.value), where)
	case key.KindRangeDelete:
		return fmt.Sprintf("delete from %s to %s%s", brief(p.lower), brief(p.upper), where)
	default:
		return fmt.Sprintf("delete %s%s", brief(p.key), where)
	}
}

// only returns the field of one key.
func only(s *space, k []byte) field { return field{s, extent{k, after(k)}} }

// after returns the smallest key above k.
func after(k []byte) []byte { return append(bytes.Clone(k), 0) }

// empty reports whether no key can be in the extent.
func (x extent) empty() bool {
	return x.to != nil && (len(x.to) == 0 || bytes.Compare(x.from, x.to) >= 0)
}

// has reports whether k is in the extent.
func (x extent) has(k []byte) bool {
	return bytes.Compare(x.from, k) <= 0 && (x.to == nil || bytes.Compare(k, x.to) < 0)
}

// meets reports whether some key can be in both, neither of which is empty.
func (f field) meets(g field) bool {
	return f.space == g.space && (g.to == nil || bytes.Compare(f.from, g.to) < 0) &&
		(f.to == nil || bytes.Compare(g.from, f.to) < 0)
}

// within returns what is in both extents.
func (x extent) within(y extent) extent {
	if bytes.Compare(y.from, x.from) > 0 {
		x.from = y.from
	}
	if x.to == nil || y.to != nil && bytes.Compare(y.to, x.to) < 0 {
		x.to = y.to
	}
	return x
}

// withPrefix returns the extent of all keys that begin with a prefix.
func withPrefix(p []byte) extent {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] < 0xff {
			to := bytes.Clone(p[:i+1])
			to[i]++
			return extent{bytes.Clone(p), to}
		}
	}
	return extent{bytes.Clone(p), nil}
}

// selects returns the ids of the keys in an extent.
func (s *space) selects(x extent) span {
	ids := span{0, len(s.keys)}
	ids.low, _ = s.find(x.from)
	if x.to != nil {
		ids.high, _ = s.find(x.to)
	}
	ids.high = max(ids.low, ids.high)
	return ids
}
