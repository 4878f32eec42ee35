package model

import (
	"slices"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/key"
)

// anyName returns the name of a keyspace that can be made and dropped.
func (r *run) anyName() int { return 1 + r.rng.IntN(len(spaceNames)-1) }

// makeSpace opens a keyspace, which makes it if it is not there.
func (r *run) makeSpace() {
	r.done++
	n := r.anyName()
	must := engine.KeyspaceOptions{MustExist: r.rng.IntN(3) == 0}
	if sp := r.oracle.living(n, r.oracle.last()); sp != nil {
		again, err := r.db.Keyspace(spaceNames[n], must)
		r.must(err, "open a keyspace again")
		if again != r.handles[sp] {
			r.failf("keyspace %d has two handles", n)
		}
		return
	}
	if must.MustExist {
		_, err := r.db.Keyspace(spaceNames[n], must)
		r.expect(err, engine.ErrKeyspaceMissing, "open a keyspace that is not there")
		return
	}
	r.note("make keyspace %d", n)
	sp := r.oracle.newSpace(n)
	r.enter(commit{hidden: 2, made: sp}) // its number and the next one
	ks, err := r.db.Keyspace(spaceNames[n], must)
	r.ended(err, engine.Sync)
	r.handles[sp] = ks
}

// dropSpace drops a keyspace.
func (r *run) dropSpace() {
	r.done++
	n := r.anyName()
	sp := r.oracle.living(n, r.oracle.last())
	if sp == nil {
		r.expect(r.db.DropKeyspace(spaceNames[n]), engine.ErrKeyspaceMissing, "drop a keyspace that is not there")
		r.expect(r.db.DropKeyspace(spaceNames[0]), engine.ErrKeyspaceName, "drop the default keyspace")
		return
	}
	r.note("drop keyspace %d", n)
	all := op{kind: key.KindRangeDelete, space: sp, ids: span{0, len(sp.keys)}}
	r.enter(commit{hidden: 1, ops: []op{all}, dropped: sp})
	r.ended(r.db.DropKeyspace(spaceNames[n]), engine.Sync)
	r.dropped = append(r.dropped, sp)
	if len(r.dropped) > 6 {
		delete(r.handles, r.dropped[0])
		r.dropped = r.dropped[1:]
	}
}

// useDropped uses a keyspace that was dropped.
func (r *run) useDropped() {
	if len(r.dropped) == 0 {
		return
	}
	r.done++
	sp := r.dropped[r.rng.IntN(len(r.dropped))]
	ks := r.handles[sp]
	p := r.makePut(sp)
	_, err := ks.Get(p.key)
	r.expect(err, engine.ErrKeyspaceDropped, "get in a dropped keyspace")
	_, err = ks.NewIterator(engine.IterOptions{})
	r.expect(err, engine.ErrKeyspaceDropped, "iterate in a dropped keyspace")
	r.expect(p.giveTo(durable{ks, engine.Default}), engine.ErrKeyspaceDropped, "put in a dropped keyspace")
	b := r.db.NewBatch()
	r.fill(b, []op{r.makePut(r.oracle.root()), p})
	r.expect(r.db.Apply(b), engine.ErrKeyspaceDropped, "apply to a dropped keyspace")
}

// listSpaces compares the list of keyspaces.
func (r *run) listSpaces() {
	r.done++
	names, err := r.db.Keyspaces()
	r.must(err, "list keyspaces")
	var want []string
	for n := range spaceNames {
		if r.oracle.living(n, r.oracle.last()) != nil {
			want = append(want, spaceNames[n])
		}
	}
	slices.Sort(want[1:])
	if !slices.Equal(names, want) {
		r.failf("the keyspaces are %q, want %q", names, want)
	}
}

// openSpaces opens the keyspaces of a database that was just opened.
func (r *run) openSpaces() {
	r.handles, r.dropped = make(map[*space]*engine.Keyspace), nil
	for n := range spaceNames {
		if sp := r.oracle.living(n, r.oracle.last()); sp != nil {
			ks, err := r.db.Keyspace(spaceNames[n], engine.KeyspaceOptions{MustExist: true})
			r.must(err, "open a keyspace")
			r.handles[sp] = ks
		}
	}
	r.listSpaces()
}
