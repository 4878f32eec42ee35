package resp

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/middb/middb/engine"
)

// A committer runs the commands of all connections that read before they write (INCR, APPEND, SET NX, EXEC and so
// on), so that none of them loses what another, or anybody else who uses the database, has written.
//
// Each would be a transaction, and those that change one key at a time would conflict, one after the other. So they
// are gathered instead: one connection at a time leads, takes what the others have queued, runs it all in one
// serializable transaction, commits that, and wakes them. While it waits for the disk the next lot gathers. It is the
// flat combining of Hendler, Incze, Shavit and Tzafrir (2010), and what group commit is to a log.
//
// What remains are conflicts with those who write without it: plain SETs of our own, which hold the gate open while
// they are applied, and other users of the database. After a few attempts the leader shuts the gate, so that a
// stream of SETs of a key cannot keep an INCR of it from getting through for ever.
type committer struct {
	front *Front
	gate  sync.RWMutex

	mu      sync.Mutex
	queue   []*group // behind the one that leads
	leading bool
}

const (
	// sharedAttempts is how often a transaction is tried before the gate is shut.
	sharedAttempts = 3
	// maxAttempts is how often it is tried in all.
	maxAttempts = 100
	// Pauses between attempts are random times below these.
	firstPause = 20 * time.Microsecond
	longPause  = 10 * time.Millisecond

	// A lot has no more commands and bytes than these, unless a single group does.
	lotOps   = 2 * pendingOps
	lotBytes = 1 << 20
)

// commit runs a group in a transaction that is committed, and adds the replies. It is called by the goroutine of the
// group's connection.
func (m *committer) commit(g *group) {
	g.start = len(g.c.out.buf)
	m.mu.Lock()
	if m.leading {
		m.queue = append(m.queue, g)
		m.mu.Unlock()
		if leads := <-g.wake; !leads {
			return
		}
		m.mu.Lock()
	}
	m.leading = true
	lot := m.takeLot(g)
	m.mu.Unlock()

	m.run(lot)
	for _, other := range lot[1:] {
		other.wake <- false
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		m.leading = false
		return
	}
	next := m.queue[0]
	m.queue = slices.Delete(m.queue, 0, 1)
	next.wake <- true
}

// takeLot takes what is queued, as far as it fits, behind first. Who watches a key is in no lot behind somebody who
// changes it: within one transaction nobody would notice.
func (m *committer) takeLot(first *group) []*group {
	lot := []*group{first}
	ops, bytes := len(first.ops), first.bytes
	var changed changes
	for _, g := range m.queue {
		ops += len(g.ops)
		bytes += g.bytes
		if ops > lotOps || bytes > lotBytes {
			break
		}
		if g.watch != nil {
			changed.addAll(lot)
			if changed.meet(g.watch) {
				break
			}
		}
		lot = append(lot, g)
	}
	m.queue = slices.Delete(m.queue, 0, len(lot)-1)
	return lot
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
	for _, g := range lot {
		if err := g.run(t); err != nil {
			return err
		}
	}
	return t.Commit()
}

// changes are the keys that groups may change.
type changes struct {
	groups int // how many were added
	all    bool
	keys   map[changedKey]struct{}
}

type changedKey struct {
	ks  *engine.Keyspace
	key string
}

// addAll adds what groups may change, of which the first ones may have been added before.
func (s *changes) addAll(groups []*group) {
	if s.keys == nil {
		s.keys = map[changedKey]struct{}{}
	}
	for _, g := range groups[s.groups:] {
		for i := range g.ops {
			s.add(g.c.ks, &g.ops[i])
		}
	}
	s.groups = len(groups)
}

func (s *changes) add(ks *engine.Keyspace, o *op) {
	// Behind a SELECT another keyspace is meant; commands without keys that write are those that empty databases.
	if o.cmd.name == "select" || o.cmd.isWrite() && o.cmd.first == 0 {
		s.all = true
	}
	if !o.cmd.isWrite() || s.all {
		return
	}
	for k := range o.cmd.keys(o.args) {
		s.keys[changedKey{ks, string(k)}] = struct{}{}
	}
}

// meet reports whether one of the keys that are watched may be changed.
func (s *changes) meet(w *watch) bool {
	if s.all {
		return true
	}
	for _, k := range w.keys {
		if _, ok := s.keys[changedKey{k.ks, string(k.key)}]; ok {
			return true
		}
	}
	return false
}
