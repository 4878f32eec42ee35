package model

import (
	"bytes"
	"slices"
	"sort"

	"github.com/middb/middb/engine"
)

// An oracle is the model of a database: the history of every key that the run may write, in every keyspace.
// Commits are numbered from 1; state n is what the first n of them make.
type oracle struct {
	names   []string   // of the keyspaces that there may be; the first is the default one
	keys    [][][]byte // by name: the keys that may be written, ascending; a key's index is its id
	lives   [][]*space // by name: the keyspaces that have had it, oldest first
	commits []commit   // commit n is at n-1
}

// A space is a keyspace from the commit that makes it to the one that drops it. One that is made anew under
// the same name is another one.
type space struct {
	name       int // its index
	keys       [][]byte
	born, died int         // commits; died is 0 while it lives, born is 0 for the default one
	history    [][]version // by id, by ascending commit
}

// A version is what one commit made of one key.
type version struct {
	commit int
	seq    uint64 // of the operation that did
	entry
}

// A commit is what becomes visible, and survives a crash, as one.
type commit struct {
	ops     []op
	hidden  int     // operations before those, which write no user's key
	locks   []field // of a transaction: what was read for update counts as written
	made    *space
	dropped *space

	last    uint64 // sequence number of the last operation
	touched []touch
}

// A touch is a key that a commit gave a new version, or a keyspace that it made or dropped.
type touch struct {
	space *space
	id    int // or itself
}

// itself stands for a keyspace where the ids of its keys stand for them.
const itself = -1

// newOracle returns the model of an empty database. Keys are ascending, by name.
func newOracle(names []string, keys [][][]byte) *oracle {
	o := &oracle{names: names, keys: keys, lives: make([][]*space, len(names))}
	o.lives[0] = []*space{o.newSpace(0)}
	return o
}

// newSpace returns a keyspace that a commit may make.
func (o *oracle) newSpace(name int) *space {
	return &space{name: name, keys: o.keys[name], history: make([][]version, len(o.keys[name]))}
}

// root returns the default keyspace.
func (o *oracle) root() *space { return o.lives[0][0] }

// living returns the keyspace that has a name in state n, or nil.
func (o *oracle) living(name, n int) *space {
	for _, s := range slices.Backward(o.lives[name]) {
		if s.lives(n) {
			return s
		}
	}
	return nil
}

// lives reports whether the keyspace is there in state n.
func (s *space) lives(n int) bool { return s.born <= n && (s.died == 0 || n < s.died) }

// last returns the number of the newest commit.
func (o *oracle) last() int { return len(o.commits) }

// seq returns the sequence number of the last operation in state n.
func (o *oracle) seq(n int) uint64 {
	if n == 0 {
		return 0
	}
	return o.commits[n-1].last
}

// commit appends a commit. Each operation has a sequence number of its own; of several on one key each
// begins with what those before it made.
func (o *oracle) commit(c commit) {
	n := o.last() + 1
	seq := o.seq(n-1) + uint64(c.hidden)
	for i := range c.ops {
		p := &c.ops[i]
		seq++
		for id := p.ids.low; id < p.ids.high; id++ {
			if p.space.write(p, id, n, seq) {
				c.touched = append(c.touched, touch{p.space, id})
			}
		}
	}
	c.last = seq
	if s := c.made; s != nil {
		s.born = n
		o.lives[s.name] = append(o.lives[s.name], s)
		c.touched = append(c.touched, touch{s, itself})
	}
	if s := c.dropped; s != nil {
		s.died = n
		c.touched = append(c.touched, touch{s, itself})
	}
	o.commits = append(o.commits, c)
}

// write adds what an operation of commit n makes of a key, and reports whether that is the first version of
// the key that the commit makes.
func (s *space) write(p *op, id, n int, seq uint64) bool {
	h := s.history[id]
	var e entry
	if len(h) > 0 {
		e = h[len(h)-1].entry
	}
	v := version{n, seq, e.after(p)}
	switch {
	case e.nothing() && v.nothing():
		return false
	case len(h) > 0 && h[len(h)-1].commit == n:
		h[len(h)-1] = v
		return false
	}
	s.history[id] = append(h, v)
	return true
}

// at returns what a key is in state n.
func (s *space) at(id, n int) (v version) {
	h := s.history[id]
	i := len(h)
	if i > 0 && h[i-1].commit > n {
		i = sort.Search(i, func(i int) bool { return h[i].commit > n })
	}
	if i == 0 {
		return v
	}
	return h[i-1]
}

// find returns the id of the smallest key that is not below k, and whether it is k.
func (s *space) find(k []byte) (id int, exact bool) {
	return slices.BinarySearchFunc(s.keys, k, bytes.Compare)
}

// truncate forgets all commits after n.
func (o *oracle) truncate(n int) {
	for _, c := range slices.Backward(o.commits[n:]) {
		for _, t := range c.touched {
			if t.id == itself {
				continue
			}
			h := t.space.history[t.id]
			for len(h) > 0 && h[len(h)-1].commit > n {
				h = h[:len(h)-1]
			}
			t.space.history[t.id] = h
		}
		if s := c.made; s != nil {
			o.lives[s.name] = o.lives[s.name][:len(o.lives[s.name])-1]
		}
		if s := c.dropped; s != nil {
			s.died = 0
		}
	}
	o.commits = o.commits[:n]
}

// A sight is what a reader sees: a state of the database at a time, beneath writes of its own.
type sight struct {
	state int
	now   int64
	own   []op
}

// at returns what a reader sees of a key.
func (s *sight) at(sp *space, id int) outcome {
	e := sp.at(id, s.state).entry
	for i := range s.own {
		if p := &s.own[i]; p.space == sp && p.ids.low <= id && id < p.ids.high {
			e = e.after(p)
		}
	}
	return e.see(s.now)
}

// names of the keyspaces of a run; all but the first may be made and dropped.
var spaceNames = []string{engine.DefaultKeyspace, "users", "\x00\xff", "a rather long name / with a slash"}
