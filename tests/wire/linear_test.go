package wire

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/tests/registers"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// TestSingleKeysAreLinearizableThroughKills lets clients read, write and conditionally write single keys over TCP
// while the server is killed and started anew. There must be one order of all operations on a key that explains
// every answer and agrees with real time. An operation without an answer has happened by the time its connection was
// lost, or never does: the process that it was sent to is gone.
func TestSingleKeysAreLinearizableThroughKills(t *testing.T) {
	seeds, count := uint64(2), 8
	if environment.Nightly() {
		seeds, count = 100, 20
	}
	for seed := range environment.Seeds(t, seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &linear{lives: newLives(t, seed)}
			if err := l.run(seed, count); err != nil {
				t.Fatalf("MIDDB_SEED=%d: %v", seed, err)
			}
			if err := registers.Check(l.all()); err != nil {
				t.Errorf("MIDDB_SEED=%d: %v", seed, err)
			}
			t.Logf("%d operations, %d of them without an answer, through %d kills", len(l.all()), l.unknown(), l.kills)
			if l.unknown() == 0 {
				t.Error("no operation was under way when the server was killed")
			}
		})
	}
}

const (
	callers      = 6
	registerKeys = 4
)

// A linear is a history of several lives.
type linear struct {
	*lives
	clock   atomic.Int64
	numbers atomic.Int64
	history [callers][]registers.Operation
}

func (l *linear) all() (h []registers.Operation) {
	for _, part := range l.history {
		h = append(h, part...)
	}
	return h
}

func (l *linear) unknown() (n int) {
	for _, o := range l.all() {
		if o.Output.(registers.Answer).Unknown {
			n++
		}
	}
	return n
}

func (l *linear) run(seed uint64, count int) error {
	var clients []func(context.Context) error
	for i := range callers {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		clients = append(clients, func(ctx context.Context) error {
			db, err := l.open(ctx, rng.Uint64())
			if err != nil {
				return err
			}
			c := caller{l: l, id: i, rng: rng, db: db}
			if err = c.work(ctx); err != nil {
				err = fmt.Errorf("caller %d: %w", i, err)
			}
			return errors.Join(err, db.Close())
		})
	}
	return l.lives.run(count, clients...)
}

// A caller is one of the clients.
type caller struct {
	l   *linear
	id  int
	rng *rand.Rand
	db  *client.Client
}

// work makes random calls until the last life is old enough, and then looks at every key.
func (c *caller) work(ctx context.Context) error {
	for after := 0; after < 20; {
		if err := c.once(ctx); err != nil {
			return err
		}
		if c.l.last.Load() {
			after++
		}
	}
	for k := range registerKeys {
		if err := c.call(ctx, registers.Request{Key: registerKey(k), Action: registers.Get}, 0); err != nil {
			return err
		}
	}
	return nil
}

func registerKey(i int) string { return fmt.Sprintf("r%d", i) }

// once makes one call.
func (c *caller) once(ctx context.Context) error {
	r := registers.Request{Key: registerKey(c.rng.IntN(registerKeys)), Value: 1000 * c.l.numbers.Add(1)}
	switch p := c.rng.IntN(100); {
	case p < 25:
		r.Action = registers.Get
	case p < 50:
		r.Action = registers.Put
	case p < 60:
		r.Action = registers.Delete
	case p < 70:
		r.Action = registers.PutIfAbsent
	case p < 85:
		return c.swap(ctx, r)
	default:
		r.Action = registers.Increment
	}
	return c.call(ctx, r, 0)
}

// swap reads a register and replaces what it has read.
func (c *caller) swap(ctx context.Context, r registers.Request) error {
	call := c.l.clock.Add(1)
	v, seq, err := c.db.GetWithSeq(ctx, []byte(r.Key))
	n, found, err := parsed(v, err)
	if err != nil {
		return ignored(err)
	}
	c.note(registers.Request{Action: registers.Get, Key: r.Key}, registers.Answer{Value: n}, call)
	if !found {
		return nil
	}
	r.Action, r.Was = registers.PutIf, n
	return c.call(ctx, r, seq)
}

// call makes a call and notes it.
func (c *caller) call(ctx context.Context, r registers.Request, seq uint64) (err error) {
	var a registers.Answer
	key, value := []byte(r.Key), strconv.AppendInt(nil, r.Value, 10)
	call := c.l.clock.Add(1)
	switch r.Action {
	case registers.Get:
		v, errGet := c.db.Get(ctx, key)
		a.Value, _, err = parsed(v, errGet)
	case registers.Put:
		err = c.db.Put(ctx, key, value)
	case registers.Delete:
		err = c.db.Delete(ctx, key)
	case registers.PutIfAbsent:
		_, err = c.db.PutIfAbsent(ctx, key, value)
		a.Done, err = refused(err, wire.ErrExists)
	case registers.PutIf:
		_, err = c.db.PutIf(ctx, key, value, seq)
		a.Done, err = refused(err, wire.ErrSeqMismatch)
	case registers.Increment:
		a.Value, err = c.increment(ctx, key, r.Value)
	}
	switch {
	case err == nil && r.Action != registers.Get:
		c.l.acknowledged()
	case errors.Is(err, wire.ErrCommitUnknown):
		a, err = registers.Answer{Unknown: true}, nil
	}
	if err != nil {
		return ignored(err)
	}
	c.note(r, a, call)
	return nil
}

func (c *caller) increment(ctx context.Context, k []byte, fresh int64) (n int64, err error) {
	err = c.db.UpdateWith(ctx, client.TxnOptions{Durability: client.Sync}, func(t *client.Txn) error {
		v, err := t.GetForUpdate(ctx, k)
		before, found, err := parsed(v, err)
		if err != nil {
			return err
		}
		if n = before + 1; !found {
			n = fresh
		}
		return t.Put(ctx, k, strconv.AppendInt(nil, n, 10))
	})
	return n, err
}

// ignored drops the errors of calls that did not happen: they could not be sent, the server was going down, or
// others were always quicker.
func ignored(err error) error {
	if errors.Is(err, wire.ErrConnection) || errors.Is(err, wire.ErrShuttingDown) || errors.Is(err, wire.ErrConflict) {
		return nil
	}
	return err
}

// parsed reads a number; 0 if it is not there.
func parsed(v []byte, err error) (n int64, found bool, _ error) {
	if errors.Is(err, wire.ErrNotFound) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	n, err = strconv.ParseInt(string(v), 10, 64)
	return n, true, err
}

// refused tells whether a conditional write was done.
func refused(err error, reason wire.Code) (done bool, _ error) {
	if errors.Is(err, reason) {
		return false, nil
	}
	return err == nil, err
}

func (c *caller) note(r registers.Request, a registers.Answer, call int64) {
	c.l.history[c.id] = append(c.l.history[c.id], registers.Operation{ClientId: c.id, Input: r, Call: call, Output: a, Return: c.l.clock.Add(1)})
}
