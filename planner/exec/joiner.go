package exec

import (
	"context"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/plan"
)

// A joiner makes the rows of a join from pairs of rows that may belong together. One side is probed with, batch by batch;
// of the other side there is a buffer of rows. All kinds of joins go through it, whatever finds the pairs; rows come in the
// order of the probe side.
type joiner struct {
	kind   plan.JoinKind
	single bool
	at     int // place of the join in the text, for errors

	probeLeft  bool // the probe side is the left one
	probeWidth int  // how many columns each side has
	buildWidth int
	keepProbe  bool  // rows of the probe side without a partner are given, with NULLs
	keepBuild  bool  // those of the other side too, at the end
	places     []int // of the columns of the output among those of both sides, the left ones first
	columns    []column
	mark       column // of a MarkJoin, the last one

	on      condition
	needed  []int // places of the columns that they see
	checked []column
	// equal says of a pair what its keys do, where that may be unknown; nil: On says everything.
	equal func(l, r int32) truth

	build   *rowBuffer
	matched []bool // of build, if the join needs to know
	base    int    // of matched: the first row of build, which may be a part of all

	probe  *catalog.Batch
	rows   []int32 // of probe
	next   int     // of rows: the first one that is not finished, of joins that give pairs
	hit    bool    // it has a partner
	done   bool    // there are no more pairs
	fates  []truth // of the rows at places of probe, of joins that give rows of the left side only
	l, r   []int32 // pairs
	ol, or []int32 // those that are given; -1: NULLs
	sel    []int32
	both   catalog.Batch // to evaluate On
	out    catalog.Batch
	rest   int // of build: the first row that was not given at the end
	restTo int // of build: the first row that must not be given yet
}

// A truth is a three-valued logical value.
type truth uint8

const (
	isFalse truth = iota
	isUnknown
	isTrue
)

// pairs finds pairs for a joiner, batch by batch of the probe side.
type pairs interface {
	// find appends the next pairs to l and r: places in the probe batch and in the buffer, in the order of the former. It
	// appends about as many as most, and returns false if there are no more.
	find(ctx context.Context, l, r []int32, most int) ([]int32, []int32, bool, error)
	// skip leaves out all other pairs of a row of the probe batch, which the last pair was of.
	skip(row int32)
}

// newJoiner makes what is the same for all algorithms.
func (b *builder) newJoiner(
	kind plan.JoinKind, left, right, output []plan.Column, on []*expr.Node, single, probeLeft bool,
) (*joiner, error) {
	j := &joiner{kind: kind, single: single, probeLeft: probeLeft, on: condition{env: b.env()}, at: -1}
	j.probeWidth, j.buildWidth = len(left), len(right)
	if !probeLeft {
		j.probeWidth, j.buildWidth = len(right), len(left)
	}
	j.keepProbe = kind == plan.FullJoin || kind == plan.LeftJoin && probeLeft
	j.keepBuild = kind == plan.FullJoin || kind == plan.LeftJoin && !probeLeft || kind == plan.AntiJoin && !probeLeft
	both := append(append([]plan.Column(nil), left...), right...)
	given := output
	if kind == plan.MarkJoin {
		given = output[:len(output)-1]
	}
	var err error
	if j.places, err = placesOf(both, idsOf(given)); err != nil {
		return nil, err
	}
	j.columns, j.checked = make([]column, len(both)), make([]column, len(both))
	j.out.Columns = make([]*catalog.Vector, len(output))
	j.both.Columns = make([]*catalog.Vector, len(both))
	if j.on.kernels, err = b.kernels(on, both); err != nil {
		return nil, err
	}
	slots, seen := b.slots(both), make([]bool, len(both))
	for _, n := range on {
		for _, id := range n.Columns() {
			if at, ok := slots.Columns[id]; ok && !seen[at] {
				seen[at] = true
				j.needed = append(j.needed, at)
			}
		}
	}
	for i := range j.both.Columns {
		j.both.Columns[i] = nullVector
	}
	return j, nil
}

// leftRows reports whether the join gives rows of the left side only, which is probed with.
func (j *joiner) leftRows() bool { return j.kind.LeftOnly() && j.probeLeft }

// begin has the joiner join a buffer, all of which it has.
func (j *joiner) begin(build *rowBuffer) { j.beginParts(build, build.n) }

// beginParts is begin for a buffer that has a part of all rows at a time.
func (j *joiner) beginParts(build *rowBuffer, all int) {
	j.probe = nil
	j.part(build, 0)
	if j.keepBuild || j.kind.LeftOnly() && !j.probeLeft {
		j.matched = sized(j.matched, all)
		clear(j.matched)
	}
}

// part has it go on with the part of the other side that begins with a row.
func (j *joiner) part(build *rowBuffer, base int) {
	j.build, j.base, j.rest, j.restTo = build, base, 0, build.n
}

// start begins with a batch of the probe side.
func (j *joiner) start(probe *catalog.Batch) {
	j.probe, j.rows = probe, selected(probe)
	j.next, j.hit, j.done = 0, false, false
	if j.leftRows() {
		j.fates = sized(j.fates, probe.Len)
		clear(j.fates)
	}
}

// join returns the next rows that the batch gives, or nil if there are no more.
func (j *joiner) join(ctx context.Context, p pairs, most int) (*catalog.Batch, error) {
	for !j.done {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l, r, more, err := p.find(ctx, j.l[:0], j.r[:0], most)
		j.l, j.r, j.done = l, r, !more
		if err != nil {
			return nil, err
		}
		var b *catalog.Batch
		switch {
		case j.leftRows():
			b, err = j.decide(p)
		case j.kind.LeftOnly():
			b, err = j.mating()
		default:
			b, err = j.give()
		}
		if b != nil || err != nil {
			return b, err
		}
	}
	return nil, nil
}

// give makes rows of the pairs that satisfy On, and of rows that have no partner and are finished.
func (j *joiner) give() (*catalog.Batch, error) {
	l, r, err := j.satisfying()
	if err != nil {
		return nil, err
	}
	if j.matched != nil {
		for _, row := range r {
			j.matched[j.base+int(row)] = true
		}
	}
	if !j.keepProbe {
		return j.assemble(l, r, false), nil
	}
	ol, or, missing := j.ol[:0], j.or[:0], false
	for k, i := range l {
		for j.rows[j.next] != i {
			if !j.hit {
				ol, or, missing = append(ol, j.rows[j.next]), append(or, -1), true
			}
			j.next++
			j.hit = false
		}
		if j.hit && j.single {
			return nil, tooManyRows(j.at)
		}
		ol, or, j.hit = append(ol, i), append(or, r[k]), true
	}
	if j.done {
		for ; j.next < len(j.rows); j.next++ {
			if !j.hit {
				ol, or, missing = append(ol, j.rows[j.next]), append(or, -1), true
			}
			j.hit = false
		}
	}
	j.ol, j.or = ol, or
	return j.assemble(ol, or, missing), nil
}

// mating gives the rows of the buffer that get a partner, and are of the left side. Those that get none come at the end.
func (j *joiner) mating() (*catalog.Batch, error) {
	l, r, err := j.satisfying()
	if err != nil {
		return nil, err
	}
	ol, or := j.ol[:0], j.or[:0]
	for k, row := range r {
		if !j.matched[row] {
			j.matched[row] = true
			ol, or = append(ol, l[k]), append(or, row)
		}
	}
	j.ol, j.or = ol, or
	if j.kind != plan.SemiJoin {
		return nil, nil
	}
	return j.assemble(ol, or, false), nil
}

// assemble makes a batch of pairs, nil of none. Where every row of the probe side is there once, its columns are not copied.
func (j *joiner) assemble(l, r []int32, missing bool) *catalog.Batch {
	if len(l) == 0 {
		return nil
	}
	at, n := l, j.probe.Len
	if !ascends(l) {
		at, n = nil, len(l)
	}
	for i, place := range j.places {
		j.out.Columns[i] = j.pick(&j.columns[i], place, at, l, r, n, missing)
	}
	j.out.Len, j.out.Sel = n, at
	return &j.out
}

// pick returns a column of pairs, at places of n or one behind the other.
func (j *joiner) pick(c *column, place int, at, l, r []int32, n int, missing bool) *catalog.Vector {
	from := place
	if j.probeLeft {
		from -= j.probeWidth
	}
	switch {
	case from >= 0 && (j.probeLeft || from < j.buildWidth):
		c.gather(j.build.columns[from], at, r, n, missing)
		return &c.Vector
	case !j.probeLeft:
		place -= j.buildWidth
	}
	if at != nil {
		return j.probe.Columns[place]
	}
	c.gather(j.probe.Columns[place], nil, l, n, false)
	return &c.Vector
}

func ascends(l []int32) bool {
	for k := 1; k < len(l); k++ {
		if l[k] <= l[k-1] {
			return false
		}
	}
	return true
}

// satisfying returns the pairs for which On is true.
func (j *joiner) satisfying() (l, r []int32, err error) {
	l, r = j.l, j.r
	if len(j.on.kernels) == 0 || len(l) == 0 {
		return l, r, nil
	}
	aligned := j.pairUp()
	sel, err := j.on.apply(&j.both)
	if err != nil {
		return nil, nil, err
	}
	if !aligned {
		for i, k := range sel { // ascending, so that nothing is overwritten that is still wanted
			l[i], r[i] = l[k], r[k]
		}
		return l[:len(sel)], r[:len(sel)], nil
	}
	n := 0
	for k, i := range l {
		if n < len(sel) && sel[n] == i {
			l[n], r[n] = l[k], r[k]
			n++
		}
	}
	return l[:n], r[:n], nil
}

// pairUp makes the batch of the pairs that On is evaluated for. It reports whether they are at the places of the probe
// batch.
func (j *joiner) pairUp() (aligned bool) {
	at, n := j.l, j.probe.Len
	if !ascends(j.l) {
		at, n = nil, len(j.l)
	}
	for _, place := range j.needed {
		j.both.Columns[place] = j.pick(&j.checked[place], place, at, j.l, j.r, n, false)
	}
	j.both.Len, j.both.Sel = n, at
	return at != nil
}
