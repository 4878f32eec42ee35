package isolation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/engine"
)

const (
	tellers        = 4
	accounts       = 12
	initialBalance = 100
)

func accountKey(i int) string { return fmt.Sprintf("account/%02d", i) }
func tellerKey(i int) string  { return fmt.Sprintf("teller/%d", i) }

// A transfer is what a teller did, once.
type transfer struct{ from, to, amount int }

// A teller transfers money. Each transfer also counts itself under the teller's key, in the same
// transaction: so any state of the database tells which transfers it has, and what the balances must be.
type teller struct {
	id    int
	level level
	rng   *rand.Rand

	begun   atomic.Int64 // transfers that were handed to the engine
	durable atomic.Int64 // transfers that were acknowledged as durable

	mu        sync.Mutex
	transfers []transfer
}

// transfer moves a random amount, if it is there, and tries again until that is committed.
func (c *teller) transfer(s store) error {
	a := c.rng.IntN(accounts)
	b := (a + 1 + c.rng.IntN(accounts-1)) % accounts
	amount := 1 + c.rng.IntN(40)
	if c.rng.IntN(10) == 0 {
		if err := c.changeMind(s, a, amount); err != nil {
			return err
		}
	}
	return update(s, c.level, func(t txn) error {
		n, err := c.book(t, transfer{a, b, amount})
		c.begun.Store(int64(n))
		return err
	})
}

// changeMind takes money and rolls that back.
func (c *teller) changeMind(s store, account, amount int) error {
	t, err := s.begin(c.level)
	if err != nil {
		return err
	}
	return errors.Join(t.put(accountKey(account), strconv.Itoa(-amount)), t.rollback())
}

// book writes a transfer into a transaction, and returns its number.
func (c *teller) book(t txn, moved transfer) (int, error) {
	done, err := number(t, tellerKey(c.id))
	if err != nil {
		return 0, err
	}
	from, err := number(t, accountKey(moved.from))
	if err != nil {
		return 0, err
	}
	runtime.Gosched()
	to, err := number(t, accountKey(moved.to))
	if err != nil {
		return 0, err
	}
	moved.amount = min(moved.amount, from)
	c.mu.Lock()
	c.transfers = append(c.transfers[:done], moved)
	c.mu.Unlock()
	return done + 1, errors.Join(
		t.put(accountKey(moved.from), strconv.Itoa(from-moved.amount)),
		t.put(accountKey(moved.to), strconv.Itoa(to+moved.amount)),
		t.put(tellerKey(c.id), strconv.Itoa(done+1)))
}

// number reads a number, which is 0 if it is missing.
func number(t txn, k string) (int, error) {
	v, found, err := t.get(k)
	if err != nil || !found {
		return 0, err
	}
	return strconv.Atoi(v)
}

// An auditor looks at states of the bank, each no older than the one before.
type auditor struct {
	tellers  []*teller
	done     [tellers]int
	balances [accounts]int
}

func newAuditor(all []*teller) *auditor {
	a := &auditor{tellers: all}
	for i := range a.balances {
		a.balances[i] = initialBalance
	}
	return a
}

// audit checks everything that is in a state.
func (a *auditor) audit(state []pair) error {
	found := maps.Collect(func(yield func(k, v string) bool) {
		for _, p := range state {
			if !yield(p.k, p.v) {
				return
			}
		}
	})
	for i, c := range a.tellers {
		done, _ := strconv.Atoi(found[tellerKey(i)])
		if err := a.follow(c, done); err != nil {
			return err
		}
	}
	total := 0
	for i, want := range a.balances {
		got, err := strconv.Atoi(found[accountKey(i)])
		if err != nil {
			return fmt.Errorf("account %d: %w", i, err)
		}
		if total += got; got != want {
			return fmt.Errorf("account %d has %d, and %d after the %v transfers of the tellers; all: %v", i, got, want, a.done, found)
		}
	}
	if total != accounts*initialBalance {
		return fmt.Errorf("the accounts have %d together", total)
	}
	return nil
}

// follow brings the balances up to the transfers that a teller has done.
func (a *auditor) follow(c *teller, done int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if done < a.done[c.id] || done > len(c.transfers) {
		return fmt.Errorf("teller %d has done %d transfers, but had done %d before and %d at most",
			c.id, done, a.done[c.id], len(c.transfers))
	}
	for _, t := range c.transfers[a.done[c.id]:done] {
		a.balances[t.from] -= t.amount
		a.balances[t.to] += t.amount
	}
	a.done[c.id] = done
	return nil
}

// A view returns the whole state of the database at one moment.
type view struct {
	name string
	all  func() ([]pair, error)
}

// views are the ways to see a state.
func views(db *engine.DB, s store) []view {
	inTxn := func(l level) func() ([]pair, error) {
		return func() (found []pair, err error) {
			err = update(s, l, func(t txn) error {
				low, err := t.scan(span{upper: "t"})
				runtime.Gosched()
				if err != nil {
					return err
				}
				high, err := t.scan(span{lower: "t"})
				found = append(low, high...)
				return err
			})
			return found, err
		}
	}
	return []view{
		{"a transaction", inTxn(snapshot)},
		{"a serializable transaction", inTxn(serializable)},
		{"a read-only transaction", func() (found []pair, err error) {
			err = db.View(context.Background(), func(t *engine.Txn) error {
				found, err = engineTxn{t}.scan(span{})
				return err
			})
			return found, err
		}},
		{"an iterator", func() ([]pair, error) {
			it, err := db.NewIterator(engine.IterOptions{})
			if err != nil {
				return nil, err
			}
			return drain(it)
		}},
		{"a snapshot", func() (found []pair, err error) {
			s, err := db.Snapshot()
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			it, err := s.NewIterator(engine.IterOptions{})
			if err != nil {
				return nil, err
			}
			return drain(it)
		}},
	}
}

// drain returns all that an iterator shows, and closes it.
func drain(it *engine.Iterator) (found []pair, err error) {
	for k, v := range it.All() {
		found = append(found, pair{string(k), string(v)})
		if len(found)%8 == 0 {
			runtime.Gosched()
		}
	}
	return found, it.Close()
}
