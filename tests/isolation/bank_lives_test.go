package isolation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// TestBankKeepsItsMoney lets tellers transfer money, at both levels, while auditors look at the
// bank in every way there is, tables are flushed and compacted, and the power fails again and again.
func TestBankKeepsItsMoney(t *testing.T) {
	seeds, lives, transfers := uint64(5), 4, 400
	switch {
	case environment.Nightly():
		seeds = 200
	case testing.Short():
		seeds, lives, transfers = 1, 3, 100
	}
	for _, l := range []level{snapshot, serializable} {
		t.Run(l.String(), func(t *testing.T) {
			for seed := range environment.Seeds(t, seeds) {
				b := newBank(seed, l, nil)
				for life := range lives {
					if err := b.live(transfers); err != nil {
						t.Fatalf("MIDDB_SEED=%d, life %d: %v", seed, life, err)
					}
				}
				if b.moved() == 0 {
					t.Errorf("MIDDB_SEED=%d: nothing was transferred", seed)
				}
			}
		})
	}
}

// The bank notices each planted bug that loses money, or shows it twice.
func TestBankFindsPlantedBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("the full pass plants bugs")
	}
	for _, p := range plants {
		if !p.robs {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 20; seed++ {
				b := newBank(seed, p.level, p.wrap)
				if err := b.live(100); err != nil {
					t.Logf("seed %d: %.300v", seed, err)
					return
				}
			}
			t.Error("20 seeds found nothing of it")
		})
	}
}

// A bank is a database through several lives, each of which ends in a power failure.
type bank struct {
	rng     *rand.Rand
	seed    uint64
	disk    *vfs.Mem
	tellers []*teller
	wrap    func(store) store
	empty   bool
}

func newBank(seed uint64, l level, wrap func(store) store) *bank {
	b := &bank{rng: rand.New(rand.NewPCG(seed, 0x62616e6b)), seed: seed, disk: vfs.NewMem(), wrap: wrap, empty: true}
	for i := range tellers {
		b.tellers = append(b.tellers, &teller{id: i, level: l, rng: rand.New(rand.NewPCG(seed, uint64(i)))})
	}
	return b
}

// moved returns how many transfers have survived.
func (b *bank) moved() (n int64) {
	for _, c := range b.tellers {
		n += c.begun.Load()
	}
	return n
}

// live opens the database, checks what is there, and lets everybody work until the power fails or
// all transfers are done.
func (b *bank) live(transfers int) (err error) {
	var low, high [tellers]int64 // transfers that each teller may find after the cut
	cut := &cutter{disk: b.disk, rng: rand.New(rand.NewPCG(b.seed, b.rng.Uint64()))}
	cut.before = func() {
		for i, c := range b.tellers {
			low[i] = c.durable.Load()
		}
	}
	cut.after = func() {
		for i, c := range b.tellers {
			high[i] = c.begun.Load()
		}
	}
	cfg := busyConfig(b.rng)
	cfg.FS = cut.fs()
	db, err := engine.Spawn(cfg)
	if err != nil {
		return err
	}
	if err = b.adopt(db); err == nil {
		cut.arm(b.rng.IntN(1500))
		err = b.work(db, cfg.Durability == engine.Sync, cut, transfers)
	}
	b.disk = cut.take()
	for i, c := range b.tellers {
		c.durable.Store(low[i])
		c.begun.Store(high[i])
	}
	return errors.Join(err, db.Close())
}

// found opens the accounts.
func (b *bank) found(db *engine.DB) error {
	batch := db.NewBatch()
	for i := range accounts {
		if err := batch.Put([]byte(accountKey(i)), []byte(fmt.Sprint(initialBalance))); err != nil {
			return err
		}
	}
	b.empty = false
	return db.Apply(batch, engine.Sync)
}

// adopt checks what a database has after it was opened, and goes on from there.
func (b *bank) adopt(db *engine.DB) error {
	if b.empty {
		return b.found(db)
	}
	it, err := db.NewIterator(engine.IterOptions{})
	if err != nil {
		return err
	}
	state, err := drain(it)
	if err != nil {
		return err
	}
	a := newAuditor(b.tellers)
	if err := a.audit(state); err != nil {
		return fmt.Errorf("after recovery: %w", err)
	}
	for i, c := range b.tellers {
		if done := int64(a.done[i]); done < c.durable.Load() || done > c.begun.Load() {
			return fmt.Errorf("after recovery teller %d has done %d transfers; %d were durable, and %d begun",
				i, done, c.durable.Load(), c.begun.Load())
		}
		c.transfers = c.transfers[:a.done[i]]
		c.begun.Store(int64(a.done[i]))
		c.durable.Store(int64(a.done[i]))
	}
	return nil
}

// work lets tellers transfer and auditors look.
func (b *bank) work(db *engine.DB, durable bool, cut *cutter, transfers int) error {
	var s store = engineStore{db}
	if b.wrap != nil {
		s = b.wrap(s)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	ended := make(chan error)
	views := views(db, s)
	for _, c := range b.tellers {
		go func() { ended <- b.serve(ctx, c, s, durable, cut, transfers) }()
	}
	audited := make(chan error, 2)
	for i := range 2 {
		rng := rand.New(rand.NewPCG(b.seed, b.rng.Uint64()+uint64(i)))
		go func() { audited <- b.audit(ctx, db, views, rng) }()
	}
	var errs []error
	for range b.tellers {
		if err := <-ended; err != nil {
			errs = append(errs, err)
			stop(err)
		}
	}
	stop(nil)
	return errors.Join(append(errs, <-audited, <-audited)...)
}

// serve makes transfers until the power fails.
func (b *bank) serve(ctx context.Context, c *teller, s store, durable bool, cut *cutter, transfers int) error {
	for range transfers {
		if cut.happened() || ctx.Err() != nil {
			return nil
		}
		if err := c.transfer(s); err != nil {
			return fmt.Errorf("teller %d: %w", c.id, err)
		}
		if durable {
			c.durable.Store(c.begun.Load())
		}
	}
	return nil
}

// audit looks at the bank again and again, and lets it flush or compact now and then.
func (b *bank) audit(ctx context.Context, db *engine.DB, views []view, rng *rand.Rand) error {
	auditors := map[string]*auditor{}
	for ctx.Err() == nil {
		v := views[rng.IntN(len(views))]
		if auditors[v.name] == nil {
			auditors[v.name] = newAuditor(b.tellers)
		}
		state, err := v.all()
		if err == nil {
			err = auditors[v.name].audit(state)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		switch rng.IntN(60) {
		case 0:
			err = db.Flush(context.WithoutCancel(ctx))
		case 1:
			err = db.Compact(context.WithoutCancel(ctx), nil, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
