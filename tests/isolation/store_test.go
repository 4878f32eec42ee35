package isolation

import (
	"errors"
	"fmt"
	"slices"
)

// A level is an isolation level. The first two are those of the reference store only: they show that
// the scripts can tell an anomaly when they see it.
type level uint8

const (
	readUncommitted level = iota
	readCommitted
	snapshot
	serializable
)

var levels = []level{readUncommitted, readCommitted, snapshot, serializable}

func (l level) String() string {
	return [...]string{"read uncommitted", "read committed", "snapshot", "serializable"}[l]
}

// A store is what the tests need of a database: the engine, the reference store, or one of them
// with a bug planted into it.
type store interface {
	begin(l level) (txn, error)
}

// A txn is a transaction, for one goroutine.
type txn interface {
	get(k string) (v string, found bool, err error)
	getForUpdate(k string) (v string, found bool, err error)
	scan(s span) ([]pair, error)
	put(k, v string) error
	add(k, v string) error // appends v to the value, without reading it
	del(k string) error
	delRange(lower, upper string) error
	commit() error // *conflict: another one came first
	rollback() error
}

type pair struct{ k, v string }

// A span is the keys in [lower, upper), up to the end if upper is empty; of these only the first
// few if limit is not 0, or the last few, in descending order, if down is set.
type span struct {
	lower, upper string
	limit        int
	down         bool
}

// show returns what a scan of the span shows of all the pairs in it, and the span that it has seen then.
func (s span) show(all []pair) ([]pair, span) {
	if s.down {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	if s.limit == 0 || len(all) < s.limit {
		return all, s
	}
	all = all[:s.limit]
	if last := all[s.limit-1].k; s.down {
		s.lower = last
	} else {
		s.upper = last + "\x00"
	}
	return all, s
}

// A conflict is why a transaction was refused.
type conflict struct{ k string }

func (c *conflict) Error() string { return fmt.Sprintf("conflict on %q", c.k) }

func isConflict(err error) bool {
	var c *conflict
	return errors.As(err, &c)
}

// inRange tells whether k is in [lower, upper).
func inRange(k, lower, upper string) bool { return k >= lower && (upper == "" || k < upper) }

// update runs f in a transaction, again and again until it is not refused.
func update(s store, l level, f func(txn) error) error {
	for {
		t, err := s.begin(l)
		if err != nil {
			return err
		}
		if err := f(t); err != nil {
			return errors.Join(err, t.rollback())
		}
		if err := t.commit(); err == nil || !isConflict(err) {
			return err
		}
	}
}
