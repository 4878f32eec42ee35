package relation

import (
	"maps"
	"sync/atomic"
)

// A Versioned is a Txn that knows which moment it reads. Of one that is none, schemas are read again in each transaction.
type Versioned interface {
	Txn
	// Seq returns the number of the newest commit that the transaction sees; commits are numbered in their order. It reports
	// false if the transaction must read whatever it relies on.
	Seq() (uint64, bool)
	// Changing is called when the transaction is about to change schemas. Before it is committed, it calls committing; and
	// afterwards what that has returned: with the number of the commit, or 0 if there was certainly none, but not at all if that
	// is not known.
	Changing(committing func() (done func(seq uint64)))
}

// schemas are what a Catalog knows of the schemas as they are after the last commit that has changed any.
type schemas struct {
	changing atomic.Int64  // commits under way that change some
	changed  atomic.Uint64 // the number of the last one
	known    atomic.Pointer[known]
}

// known are schemas as transactions read them that see commit epoch, and none that has changed schemas since. It does not change.
type known struct {
	epoch  uint64
	names  map[string]uint32
	shapes map[uint32]*shape
}

// Epoch tells schemas apart as they were at different times: as long as it is the same, all schemas, views, sequences and
// statistics that a transaction sees are. It reports false if there is no such number, since the transaction has changed some,
// sees old ones, or somebody is about to change them: then they are to be read.
func (t *Tables) Epoch() (epoch uint64, ok bool) {
	if t.versioned == nil || t.changes {
		return 0, false
	}
	seq, ok := t.versioned.Seq()
	if !ok {
		return 0, false
	}
	s := &t.catalog.schemas
	if s.changing.Load() != 0 {
		return 0, false // before changed is read: a commit that was counted then is in it
	}
	epoch = s.changed.Load()
	return epoch, seq >= epoch
}

// Version tells schemas apart as the transaction sees them at different times: as long as it is the same, all schemas, views,
// sequences and statistics are.
func (t *Tables) Version() uint64 { return t.generation + t.announced }

// change is called before the transaction changes schemas or named objects.
func (t *Tables) change() {
	t.announced++
	if !t.changes {
		t.changes = true
		if t.versioned != nil {
			t.versioned.Changing(t.catalog.schemas.committing)
		}
	}
}

// committing has nothing be remembered until it is known which number a commit has. If that never is, nothing is any more.
func (s *schemas) committing() (done func(seq uint64)) {
	s.changing.Add(1)
	return func(seq uint64) {
		for last := s.changed.Load(); seq > last && !s.changed.CompareAndSwap(last, seq); last = s.changed.Load() {
		}
		s.changing.Add(-1)
	}
}

// recent returns what is known of the schemas that the transaction sees, or nil if that is nothing.
func (t *Tables) recent() *known {
	epoch, ok := t.Epoch()
	if !ok {
		return nil
	}
	if k := t.catalog.schemas.known.Load(); k != nil && k.epoch == epoch {
		return k
	}
	return nil
}

// remember notes what the transaction has read, if it is what those see that are to come.
func (t *Tables) remember(name string, id uint32, s *shape) {
	epoch, ok := t.Epoch()
	if !ok {
		return
	}
	c := t.catalog
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.schemas.known.Load()
	if old != nil && old.epoch > epoch {
		return
	}
	next := &known{epoch: epoch}
	if old != nil && old.epoch == epoch {
		next.names, next.shapes = maps.Clone(old.names), maps.Clone(old.shapes)
	} else {
		next.names, next.shapes = make(map[string]uint32), make(map[uint32]*shape)
	}
	if name != "" {
		next.names[name] = id
	}
	if s != nil {
		next.shapes[id] = s
	}
	c.schemas.known.Store(next)
}
