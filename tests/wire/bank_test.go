package wire

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// TestBankKeepsItsMoneyThroughKills lets tellers transfer money in transactions over TCP, and auditors look, while the
// server is killed and started anew. A transfer counts itself under its teller's key in the same transaction, so
// whatever an auditor sees tells which transfers have happened, and what every account must have.
func TestBankKeepsItsMoneyThroughKills(t *testing.T) {
	seeds, count := uint64(1), 8
	if environment.Nightly() {
		seeds, count = 50, 20
	}
	for seed := range environment.Seeds(t, seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := &bank{lives: newLives(t, seed)}
			if err := b.run(seed, count); err != nil {
				t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
			}
			t.Logf("%d transfers, %d audits, %d kills", b.moved(), b.audits.Load(), b.kills)
			if b.moved() == 0 || b.audits.Load() == 0 {
				t.Error("nothing was transferred, or nobody looked")
			}
		})
	}
}

const (
	tellers        = 4
	accounts       = 10
	initialBalance = 100
)

func accountKey(i int) string { return fmt.Sprintf("account/%d", i) }
func tellerKey(i int) string  { return fmt.Sprintf("teller/%d", i) }

// A bank is in a database.
type bank struct {
	*lives
	audits  atomic.Int64
	tellers [tellers]teller
}

// A teller transfers money.
type teller struct {
	mu        sync.Mutex
	transfers []transfer // that may have happened
	certain   int        // of them that have
}

type transfer struct{ from, to, amount int }

func (b *bank) moved() (n int) {
	for i := range b.tellers {
		n += b.tellers[i].certain
	}
	return n
}

func (b *bank) run(seed uint64, count int) error {
	ctx := context.Background()
	db, err := b.open(ctx, seed)
	if err != nil {
		return err
	}
	if err = b.found(ctx, db); err != nil {
		return err
	}
	work := []func(context.Context) error{
		func(ctx context.Context) error { return b.inspect(ctx, db, client.SnapshotIsolation) },
		func(ctx context.Context) error { return b.inspect(ctx, db, client.Serializable) },
	}
	for i := range tellers {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		work = append(work, func(ctx context.Context) error { return b.serve(ctx, &b.tellers[i], i, rng) })
	}
	err = b.lives.run(count, work...)
	if err == nil {
		err = b.audit(ctx, db, client.SnapshotIsolation)
	}
	return errors.Join(err, db.Close())
}

// found opens the accounts.
func (b *bank) found(ctx context.Context, db *client.Client) error {
	var all client.Batch
	for i := range accounts {
		if err := all.Put([]byte(accountKey(i)), []byte(strconv.Itoa(initialBalance))); err != nil {
			return err
		}
	}
	return db.Apply(ctx, &all)
}

// serve makes transfers until the last life is old enough.
func (b *bank) serve(ctx context.Context, c *teller, id int, rng *rand.Rand) error {
	db, err := b.open(ctx, rng.Uint64())
	if err != nil {
		return err
	}
	defer db.Close()
	for after := 0; after < 20; {
		move := transfer{rng.IntN(accounts), rng.IntN(accounts), 1 + rng.IntN(20)}
		var n int
		err := db.UpdateWith(ctx, client.TxnOptions{Durability: client.Sync}, func(t *client.Txn) (err error) {
			n, err = c.book(ctx, t, id, move)
			return err
		})
		switch {
		case err == nil:
			c.mu.Lock()
			c.certain = n
			c.mu.Unlock()
			b.acknowledged()
		case errors.Is(err, wire.ErrCommitUnknown):
		case ignored(err) != nil:
			return fmt.Errorf("teller %d: %w", id, err)
		}
		if b.last.Load() {
			after++
		}
	}
	return nil
}

// book writes a transfer into a transaction, and returns its number.
func (c *teller) book(ctx context.Context, t *client.Txn, id int, move transfer) (int, error) {
	done, err := number(ctx, t, tellerKey(id))
	if err != nil {
		return 0, err
	}
	from, err := number(ctx, t, accountKey(move.from))
	if err != nil {
		return 0, err
	}
	move.amount = min(move.amount, from)
	if err = put(ctx, t, accountKey(move.from), from-move.amount); err != nil {
		return 0, err
	}
	to, err := number(ctx, t, accountKey(move.to)) // it may be the same
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	if done < c.certain || done > len(c.transfers) {
		err = fmt.Errorf("%s is %d; %d transfers were acknowledged, and %d begun", tellerKey(id), done, c.certain, len(c.transfers))
	} else {
		c.transfers = append(c.transfers[:done], move)
	}
	c.mu.Unlock()
	if err == nil {
		err = put(ctx, t, accountKey(move.to), to+move.amount)
	}
	if err == nil {
		err = put(ctx, t, tellerKey(id), done+1)
	}
	return done + 1, err
}

func number(ctx context.Context, t *client.Txn, k string) (int, error) {
	v, err := t.Get(ctx, []byte(k))
	n, _, err := parsed(v, err)
	return int(n), err
}

func put(ctx context.Context, t *client.Txn, k string, n int) error {
	return t.Put(ctx, []byte(k), []byte(strconv.Itoa(n)))
}

// inspect looks at the bank again and again.
func (b *bank) inspect(ctx context.Context, db *client.Client, level client.Isolation) error {
	for !b.last.Load() {
		err := b.audit(ctx, db, level)
		if ignored(err) != nil {
			return fmt.Errorf("an auditor: %w", err)
		}
	}
	return nil
}

// audit reads everything in one transaction, and checks it. Transfers that are committed meanwhile are not
// seen, so what has happened by then is at least what was acknowledged before.
func (b *bank) audit(ctx context.Context, db *client.Client, level client.Isolation) error {
	var certain [tellers]int
	for i := range b.tellers {
		b.tellers[i].mu.Lock()
		certain[i] = b.tellers[i].certain
		b.tellers[i].mu.Unlock()
	}
	found := map[string]int{}
	err := db.UpdateWith(ctx, client.TxnOptions{ReadOnly: true, Isolation: level}, func(t *client.Txn) error {
		clear(found)
		rows, err := t.Scan(ctx, client.ScanOptions{})
		if err != nil {
			return err
		}
		defer rows.Close()
		for k, v := range rows.All() {
			if found[string(k)], err = strconv.Atoi(string(v)); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if errors.Is(err, wire.ErrTxnDone) { // its connection was lost while it was read
		err = nil
	}
	if err != nil {
		return err
	}
	if len(found) > 0 {
		b.audits.Add(1)
		return b.compare(found, certain)
	}
	return nil
}

// compare checks that a state has everything that is certain, and the balances that follow from the transfers in it.
func (b *bank) compare(found map[string]int, certain [tellers]int) error {
	var want, total [accounts]int
	for i := range want {
		want[i] = initialBalance
	}
	for i := range b.tellers {
		done := found[tellerKey(i)]
		c := &b.tellers[i]
		c.mu.Lock()
		if done < certain[i] || done > len(c.transfers) {
			c.mu.Unlock()
			return fmt.Errorf("%s is %d; %d transfers were acknowledged, and %d begun", tellerKey(i), done, certain[i], len(c.transfers))
		}
		for _, m := range c.transfers[:done] {
			want[m.from] -= m.amount
			want[m.to] += m.amount
		}
		c.mu.Unlock()
	}
	for k, v := range found {
		if n, ok := strings.CutPrefix(k, "account/"); ok {
			i, err := strconv.Atoi(n)
			if err != nil {
				return err
			}
			total[i] = v
		}
	}
	if total != want {
		return fmt.Errorf("the accounts have %v, and after the transfers %v; all: %v", total, want, found)
	}
	return nil
}
