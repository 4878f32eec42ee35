package resp

import (
	"runtime"
	"slices"
	"sync"

	"github.com/middb/middb/engine"
)

// A lane commits the groups of many connections a lot at a time. One connection leads: it takes what the others have
// queued, commits all of it together, wakes them, and hands the lead on. While it waits for the disk the next lot
// gathers. It is the flat combining of Hendler, Incze, Shavit and Tzafrir (2010), and what group commit is to a log.
type lane struct {
	run   func(lot []*group) // commits the groups and adds their replies
	yield bool               // let others queue before a lot is taken: for lots that take long

	mu      sync.Mutex
	queue   []*group // behind the one that leads
	leading bool
}

// A lot has no more commands and bytes than these, unless a single group does.
const (
	lotOps   = 2 * pendingOps
	lotBytes = 1 << 20
)

// pass has a group committed. It is called by the goroutine of the group's connection.
func (l *lane) pass(g *group) {
	g.start = len(g.c.out.buf)
	l.mu.Lock()
	if l.leading {
		l.queue = append(l.queue, g)
		l.mu.Unlock()
		if leads := <-g.wake; !leads {
			return
		}
		l.mu.Lock()
	}
	l.leading = true
	if l.yield {
		// Those who were just answered send their replies now, and some of their clients' next commands are here.
		l.mu.Unlock()
		runtime.Gosched()
		l.mu.Lock()
	}
	lot := l.takeLot(g)
	l.mu.Unlock()

	l.run(lot)
	for _, other := range lot[1:] {
		other.wake <- false
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.leading = false
		return
	}
	next := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	next.wake <- true
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
