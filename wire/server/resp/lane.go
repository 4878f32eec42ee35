package resp

import (
	"slices"
	"sync"
	"time"

	"github.com/middb/middb/engine"
)

// A lane commits the groups of many connections a lot at a time. One connection leads: it takes what the others have
// queued, commits all of it together, wakes them, and hands the lead on. While it waits for the disk the next lot
// gathers. It is the flat combining of Hendler, Incze, Shavit and Tzafrir (2010), and what group commit is to a log.
//
// Of lots that wait for the disk there should be few, and each should have all clients in it that write in turn. They
// need a moment to send their next command when they were answered, so the leader waits for as many as there
// were lately: see gather.
type lane struct {
	run     func(lot []*group) // commits the groups and adds their replies
	durable bool               // lots wait for the disk

	mu      sync.Mutex
	queue   []*group // behind the one that leads
	leading bool

	// Of durable lots.
	lately int           // groups in the last lot, and queued when it was done
	took   time.Duration // a lot, on average
	quorum int           // how long a queue the leader waits for; 0: it does not wait
	enough chan struct{} // tells it that the queue is as long
}

func newLane(durable bool, run func(lot []*group)) lane {
	return lane{run: run, durable: durable, enough: make(chan struct{}, 1)}
}

// A lot has no more commands and bytes than these, unless a single group does.
const (
	lotOps   = 2 * pendingOps
	lotBytes = 1 << 20
)

const (
	// fewGroups are not waited for: where so few write at a time, most clients do not write in turn.
	fewGroups = 8
	// longestGather bounds how long the leader waits for others; twice what a lot takes does, too.
	longestGather = time.Millisecond
)

// pass has a group committed. It is called by the goroutine of the group's connection.
func (l *lane) pass(g *group) {
	g.start = len(g.c.out.buf)
	l.mu.Lock()
	if l.leading {
		l.queue = append(l.queue, g)
		if len(l.queue) == l.quorum {
			l.quorum = 0
			l.enough <- struct{}{}
		}
		l.mu.Unlock()
		if leads := <-g.wake; !leads {
			return
		}
		l.mu.Lock()
	}
	l.leading = true
	if l.durable {
		l.gather()
	}
	lot := l.takeLot(g)
	l.mu.Unlock()

	start := time.Now()
	l.run(lot)
	took := time.Since(start)
	for _, other := range lot[1:] {
		other.wake <- false
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	l.took += (took - l.took) / 8
	l.lately = len(lot) + len(l.queue)
	if len(l.queue) == 0 {
		l.leading = false
		return
	}
	next := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	next.wake <- true
}

// gather waits until as many are queued as were lately, or for a while. The lane is locked, but for the time between.
func (l *lane) gather() {
	quorum := l.lately - 1 // without the leader
	if quorum < fewGroups || len(l.queue) >= quorum {
		return
	}
	l.quorum = quorum
	l.mu.Unlock()
	timer := time.NewTimer(min(2*l.took, longestGather))
	select {
	case <-l.enough:
	case <-timer.C:
	}
	timer.Stop()
	l.mu.Lock()
	if l.quorum == 0 { // they may have come together
		select {
		case <-l.enough:
		default:
		}
	}
	l.quorum = 0
}

// takeLot takes what is queued, as far as it fits, behind first. Who watches a key is in no lot behind somebody who
// changes it: within one transaction nobody would notice.
func (l *lane) takeLot(first *group) []*group {
	lot := []*group{first}
	ops, bytes := len(first.ops), first.bytes
	var changed changes
	for _, g := range l.queue {
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
	l.queue = slices.Delete(l.queue, 0, len(lot)-1)
	return lot
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
