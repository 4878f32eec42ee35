package resp

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
)

// A committer runs the commands of all connections that read before they write (INCR, APPEND, SET NX, EXEC and so
// on), so that none of them loses what another, or anybody else who uses the database, has written.
//
// Each would be a transaction, and those that change one key at a time would conflict, one after the other. So a lot
// of them is run in one serializable transaction: see lane. What remains are conflicts with those who write without
// it: plain SETs of our own, which hold the gate open while they are applied, and other users of the database. After
// a few attempts the gate is shut, so that a stream of SETs of a key cannot keep an INCR of it from getting through
// for ever.
type committer struct {
	front *Front
	lane  lane
	gate  sync.RWMutex
	cold  atomic.Int64 // how many commands should have their keys read before
}

const (
	// sharedAttempts is how often a transaction is tried before the gate is shut.
	sharedAttempts = 3
	// maxAttempts is how often it is tried in all.
	maxAttempts = 100
	// Pauses between attempts are random times below these.
	firstPause = 20 * time.Microsecond
	longPause  = 10 * time.Millisecond
)

// commit runs a group in a transaction that is committed, and adds the replies. It is called by the goroutine of the
// group's connection.
func (m *committer) commit(g *group) {
	m.prefetch(g.c.ks, g.ops)
	m.lane.pass(g)
}

// run runs the groups in one transaction, again after each conflict.
func (m *committer) run(lot []*group) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := m.attempt(lot, attempt > sharedAttempts)
		switch {
		case !errors.Is(err, engine.ErrConflict) && !errors.Is(err, engine.ErrTxnTooOld):
		case attempt == maxAttempts:
			err = errBusy
		default:
			m.front.counters.retries.Add(1)
			if attempt > 1 {
				time.Sleep(time.Duration(rand.Int64N(int64(pause))))
				pause = min(2*pause, longPause)
			}
			continue
		}
		for _, g := range lot {
			g.settle(err)
		}
		return
	}
}

// attempt runs the groups in a transaction once.
func (m *committer) attempt(lot []*group, alone bool) error {
	if alone {
		m.gate.Lock()
		defer m.gate.Unlock()
	}
	t, err := m.front.db.Begin(engine.TxnOptions{Isolation: engine.Serializable, Durability: m.front.options.Durability})
	if err != nil {
		return err
	}
	defer t.Rollback()
	start := time.Now()
	ops := 0
	for _, g := range lot {
		ops += len(g.ops)
		if err := g.run(t); err != nil {
			return err
		}
	}
	if time.Since(start) > time.Duration(ops)*coldTime {
		m.cold.Store(coldOps)
	}
	return t.Commit()
}

const (
	// coldTime is what a command in a transaction takes at most, on average, if the keys are in memory.
	coldTime = 20 * time.Microsecond
	// coldOps is for how many commands keys are read before, once others took longer.
	coldOps = 10_000
)

// prefetch reads the keys that commands are about to change, if such keys were on disk lately: by the connection's
// goroutine and beside others, so that the one transaction that all share finds them in memory.
func (m *committer) prefetch(ks *engine.Keyspace, ops []op) {
	if m.cold.Load() <= 0 {
		return
	}
	m.cold.Add(-int64(len(ops)))
	for i := range ops {
		for k := range ops[i].cmd.keys(ops[i].args) {
			_, _ = ks.Has(k) // a failure is found again by who needs the key
		}
	}
}
