package exec

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
)

// decide says of rows of the left side whether they have a partner, and gives those that the join wants when all pairs are
// known.
func (j *joiner) decide(p pairs) (*catalog.Batch, error) {
	last := int32(-1)
	if n := len(j.l); n > 0 {
		last = j.l[n-1]
	}
	if j.kind == plan.MarkJoin || j.kind == plan.NullAntiJoin {
		if err := j.judge(); err != nil {
			return nil, err
		}
	} else {
		l, _, err := j.satisfying()
		if err != nil {
			return nil, err
		}
		for _, i := range l {
			j.fates[i] = isTrue
		}
	}
	if last >= 0 && !j.done && j.fates[last] == isTrue {
		p.skip(last)
	}
	if !j.done {
		return nil, nil
	}
	return j.fated(), nil
}

// fated gives the rows of the left side whose fate is that of the kind of the join, or all of them and their fates.
func (j *joiner) fated() *catalog.Batch {
	sel := j.sel[:0]
	switch j.kind {
	case plan.MarkJoin:
		j.marks()
		sel = append(sel, j.rows...)
	case plan.SemiJoin:
		for _, i := range j.rows {
			if j.fates[i] == isTrue {
				sel = append(sel, i)
			}
		}
	default:
		for _, i := range j.rows {
			if j.fates[i] == isFalse {
				sel = append(sel, i)
			}
		}
	}
	if j.sel = sel; len(sel) == 0 {
		return nil
	}
	for i, place := range j.places {
		j.out.Columns[i] = j.probe.Columns[place]
	}
	j.out.Len, j.out.Sel = j.probe.Len, sel
	return &j.out
}

// marks makes the column of a MarkJoin.
func (j *joiner) marks() {
	n, c := j.probe.Len, &j.mark
	c.Reset(catalog.Bool, 0, n)
	c.nulls = sized(c.nulls, n)
	c.Nulls = c.nulls
	for _, i := range j.rows {
		c.Ints[i], c.Nulls[i] = 0, j.fates[i] == isUnknown
		if j.fates[i] == isTrue {
			c.Ints[i] = 1
		}
	}
	j.out.Columns[len(j.out.Columns)-1] = &c.Vector
}

// judge evaluates keys and On of the pairs in three-valued logic.
func (j *joiner) judge() error {
	if len(j.l) == 0 {
		return nil
	}
	// Pairs that are false already must not be looked at: what On computes may fail for them.
	l, r := j.l[:0], j.r[:0]
	truths := make([]truth, 0, len(j.l))
	for k, i := range j.l {
		t := isTrue
		if j.equal != nil {
			t = j.equal(i, j.r[k])
		}
		if t != isFalse {
			l, r, truths = append(l, i), append(r, j.r[k]), append(truths, t)
		}
	}
	j.l, j.r = l, r
	if len(l) > 0 && len(j.on.kernels) > 0 {
		if err := j.judgeOn(truths); err != nil {
			return err
		}
	}
	for k, i := range l {
		j.fates[i] = max(j.fates[i], truths[k])
	}
	return nil
}

// judgeOn lowers what is known of pairs to what On says of them.
func (j *joiner) judgeOn(truths []truth) error {
	aligned := j.pairUp()
	place := func(k int) int32 {
		if aligned {
			return j.l[k]
		}
		return int32(k)
	}
	for _, kernel := range j.on.kernels {
		sel := make([]int32, 0, len(truths))
		for k, t := range truths {
			if t != isFalse {
				sel = append(sel, place(k))
			}
		}
		if len(sel) == 0 {
			return nil
		}
		j.both.Sel = sel
		v, err := kernel.Eval(&j.both, j.on.env)
		if err != nil {
			return err
		}
		for k, t := range truths {
			if t == isFalse {
				continue
			}
			i := int(place(k))
			switch {
			case v.IsNull(i):
				truths[k] = isUnknown
			case v.Ints[i] == 0:
				truths[k] = isFalse
			}
		}
	}
	return nil
}

// unmatched gives rows of the buffer that have no partner, after all batches of the probe side; nil at the end.
func (j *joiner) unmatched(most int) *catalog.Batch {
	if !j.keepBuild {
		return nil
	}
	r := j.or[:0]
	for ; j.rest < j.restTo && len(r) < most; j.rest++ {
		if !j.matched[j.base+j.rest] {
			r = append(r, int32(j.rest))
		}
	}
	if j.or = r; len(r) == 0 {
		return nil
	}
	for i, place := range j.places {
		from := place
		if j.probeLeft {
			from -= j.probeWidth
		}
		if from < 0 || !j.probeLeft && from >= j.buildWidth {
			j.out.Columns[i] = nullVector
			continue
		}
		j.columns[i].gather(j.build.columns[from], nil, r, len(r), false)
		j.out.Columns[i] = &j.columns[i].Vector
	}
	j.out.Len, j.out.Sel = len(r), nil
	return &j.out
}
