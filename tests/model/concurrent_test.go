package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

// A caller is one of several goroutines that write to one database, each under a prefix of its own
// with its own model. Key 0 counts its commits, so that contents tell the state.
type caller struct {
	name string
	rng  *rand.Rand

	mu       sync.Mutex
	oracle   *oracle
	progress progress
	seqs     []uint64 // by commit - 1: the engine's sequence number, 0 if it did not say
}

func newCaller(name string, rng *rand.Rand) *caller {
	keys := [][]byte{[]byte(name)}
	for i := range 60 {
		keys = append(keys, fmt.Appendf(nil, "%s/%02d", name, i))
	}
	return &caller{name: name, rng: rng, oracle: newOracle(spaceNames[:1], [][][]byte{keys})}
}

// commit writes a batch and awaits its durability, or not.
func (w *caller) commit(db *engine.DB) error {
	b := db.NewBatch()
	for _, p := range w.begin() {
		if err := p.giveTo(b); err != nil {
			return err
		}
	}
	n := int64(w.oracle.last())
	if w.rng.IntN(3) == 0 {
		err := db.Apply(b, engine.Sync)
		if err == nil {
			w.progress.durable.Store(n)
		}
		return err
	}
	pending, err := db.ApplyAsync(context.Background(), b)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.seqs[n-1] = pending.Seq
	w.mu.Unlock()
	if w.rng.IntN(20) == 0 {
		if err := pending.Wait(context.Background()); err != nil {
			return err
		}
		w.progress.durable.Store(n)
	}
	return nil
}

// begin makes the next commit of the model.
func (w *caller) begin() []op {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.oracle.last() + 1
	ops := []op{w.point(key.KindPut, 0, strconv.AppendInt(nil, int64(n), 10))}
	for range w.rng.IntN(8) {
		id := 1 + w.rng.IntN(len(w.oracle.root().keys)-1)
		switch w.rng.IntN(8) {
		case 0, 1:
			ops = append(ops, w.point(key.KindDelete, id, nil))
		case 2:
			p := w.point(key.KindMerge, id, fmt.Appendf(nil, "+%d", n))
			p.operator = merge.Append
			ops = append(ops, p)
		case 3:
			ops = append(ops, w.rangeDelete(id))
		default:
			ops = append(ops, w.point(key.KindPut, id, fmt.Appendf(nil, "%s %d %d", w.name, n, id)))
		}
	}
	w.oracle.commit(commit{ops: ops})
	w.seqs = append(w.seqs, 0)
	w.progress.begun.Store(int64(n))
	return ops
}

func (w *caller) point(kind key.Kind, id int, v []byte) op {
	sp := w.oracle.root()
	return op{kind: kind, space: sp, ids: span{id, id + 1}, key: sp.keys[id], value: v, expiry: never}
}

// rangeDelete deletes a few keys from one on.
func (w *caller) rangeDelete(id int) op {
	sp := w.oracle.root()
	end := min(id+1+w.rng.IntN(8), len(sp.keys)-1)
	return op{kind: key.KindRangeDelete, space: sp, ids: span{id, max(id, end)}, lower: sp.keys[id], upper: sp.keys[end]}
}

// state reads what is under the caller's prefix and returns which of its states that is.
func (w *caller) state(from reader, low, high int) (int, error) {
	it, err := from.NewIterator(engine.IterOptions{Prefix: []byte(w.name)})
	if err != nil {
		return 0, err
	}
	got := contents{spot{0, itself}: {found: true}}
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, v := range it.All() {
		id, exact := w.oracle.root().find(k)
		if !exact {
			return 0, fmt.Errorf("found %s, which was never written", brief(k))
		}
		got[spot{0, id}] = outcome{value: bytes.Clone(v), found: true}
	}
	if err := it.Close(); err != nil {
		return 0, err
	}
	state, err := w.oracle.match(got, low, high, 0)
	if err != nil {
		return 0, fmt.Errorf("writer %s: %w", w.name, err)
	}
	return state, nil
}

// checkOrder compares the states of all writers with one another: there must be a sequence number
// up to which all commits are there and after which none is.
func checkOrder(writers []*caller, states []int) error {
	var newest, missing uint64
	var newestIs, missingIs string
	for i, w := range writers {
		w.mu.Lock()
		for n, seq := range w.seqs {
			commit := fmt.Sprintf("commit %d of %s (sequence number %d)", n+1, w.name, seq)
			switch {
			case seq == 0:
			case n < states[i] && seq > newest:
				newest, newestIs = seq, commit
			case n >= states[i] && (missing == 0 || seq < missing):
				missing, missingIs = seq, commit
			}
		}
		w.mu.Unlock()
	}
	if missing != 0 && missing < newest {
		return fmt.Errorf("%s is missing, but %s is there", missingIs, newestIs)
	}
	return nil
}

// readWhile takes snapshots while writers write: each must show one state of each caller, whole
// batches only, and together a prefix of the commit order.
func readWhile(db *engine.DB, writers []*caller, stop <-chan struct{}) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := readOnce(db, writers); err != nil {
			return err
		}
	}
}

func readOnce(db *engine.DB, writers []*caller) (err error) {
	s, err := db.Snapshot()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	states := make([]int, len(writers))
	for i, w := range writers {
		high := int(w.progress.begun.Load())
		if states[i], err = w.state(s, 0, high); err != nil {
			return err
		}
	}
	return checkOrder(writers, states)
}

// writeTogether lets all writers commit at once until each has a number of commits, or the cut is
// taken.
func writeTogether(db *engine.DB, writers []*caller, c *cutter, commits int) error {
	stop := make(chan struct{})
	read := make(chan error, 1)
	go func() { read <- readWhile(db, writers, stop) }()
	written := make(chan error, len(writers))
	for _, w := range writers {
		go func() {
			for range commits {
				if c.hasCut() {
					break
				}
				if err := w.commit(db); err != nil {
					written <- fmt.Errorf("writer %s: %w", w.name, err)
					return
				}
			}
			written <- nil
		}()
	}
	var errs []error
	for range writers {
		errs = append(errs, <-written)
	}
	close(stop)
	return errors.Join(append(errs, <-read)...)
}

func TestConcurrentWritersKeepOneOrder(t *testing.T) {
	for seed := range environment.Seeds(t, seedCount(t)/5+1) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			if err := playTogether(seed); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		})
	}
}

// playTogether runs several writers and readers through several crashes.
func playTogether(seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 0x746f676574686572))
	o := chooseOptions(rng)
	disk := vfs.NewMem()
	var writers []*caller
	var all []*progress
	for i := range 2 + rng.IntN(6) {
		w := newCaller(string(rune('a'+i)), rand.New(rand.NewPCG(seed, uint64(i))))
		writers, all = append(writers, w), append(all, &w.progress)
	}
	for range 4 {
		c := &cutter{disk: disk, progress: all}
		cfg := o.config
		cfg.FS = c.fs()
		db, err := engine.Spawn(cfg)
		if err != nil {
			return fmt.Errorf("%v: %w", o, err)
		}
		if err := adopt(db, writers); err != nil {
			_ = db.Close()
			return fmt.Errorf("%v: after recovery: %w", o, err)
		}
		c.arm(rng.IntN(2000), rand.New(rand.NewPCG(seed, rng.Uint64())))
		err = writeTogether(db, writers, c, 500)
		next := c.result()
		if next == nil {
			next = c.cutNow(rng)
		}
		if err = errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("%v: %w", o, err)
		}
		disk = next.disk
		for i, p := range all {
			p.durable.Store(int64(next.low[i]))
			p.begun.Store(int64(next.high[i]))
		}
	}
	return nil
}

// adopt finds out which states a reopened database shows and makes them the last of the models.
func adopt(db *engine.DB, writers []*caller) error {
	states := make([]int, len(writers))
	for i, w := range writers {
		var err error
		states[i], err = w.state(db, int(w.progress.durable.Load()), int(w.progress.begun.Load()))
		if err != nil {
			return err
		}
	}
	if err := checkOrder(writers, states); err != nil {
		return err
	}
	for i, w := range writers {
		w.oracle.truncate(states[i])
		w.seqs = w.seqs[:states[i]]
		w.progress.durable.Store(int64(states[i]))
		w.progress.begun.Store(int64(states[i]))
	}
	return nil
}
