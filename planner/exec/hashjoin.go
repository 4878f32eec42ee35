package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/expr"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A hashJoin puts the rows of one side into a table in memory and looks those of the other one up in it. If the former do
// not fit, rows of both sides go to temporary files by a hash of their keys, and pairs of files are joined one after the
// other (Kitsuregawa et al. 1983, "grace hash join"); files that still do not fit are divided again. Rows come in the order
// of the probe side, as long as everything fits.
type hashJoin struct {
	run    *run
	budget *budget
	holding
	joiner *joiner

	probe, build         Operator
	probeKeys, buildKeys keyColumns
	fixed                bool // the build side gives the same rows each time

	state  joinState
	buffer *rowBuffer
	table  *joinTable
	rows   int64 // of the build side, before any were left out
	nulls  bool  // some of these had a NULL among their keys
	chains chains
	wide   catalog.Batch // a batch of the probe side with its keys
	ramp   ramp
	spill  *joinSpill // nil: everything is in memory
	failed error      // of Reset
	// restrict tells the probe side what the keys of the build side are between; nil: rows outside of that are needed too.
	restrict func(low, high catalog.Value)
}

type joinState uint8

const (
	toBuild joinState = iota
	toProbe
	inBatch
	atRest
	atEnd
)

func newHashJoin(b *builder, n *physical.HashJoin, left, right Operator) (Operator, error) {
	h := &hashJoin{run: b.run, budget: b.budget(n), probe: left, build: right, ramp: ramp{most: b.options.BatchRows}}
	h.holding = b.holding(h.budget)
	probe, build, probeKeys, buildKeys := n.Left, n.Right, n.LeftKeys, n.RightKeys
	if n.BuildLeft {
		h.probe, h.build = right, left
		probe, build, probeKeys, buildKeys = n.Right, n.Left, n.RightKeys, n.LeftKeys
	}
	var err error
	h.joiner, err = b.newJoiner(n.Kind, n.Left.Columns(), n.Right.Columns(), n.Output, n.On, n.Single, !n.BuildLeft)
	if err != nil {
		return nil, err
	}
	if h.probeKeys, err = b.keyColumns(probeKeys, probe.Columns()); err != nil {
		return nil, err
	}
	if h.buildKeys, err = b.keyColumns(buildKeys, build.Columns()); err != nil {
		return nil, err
	}
	h.buffer = newRowBuffer(h.buildKeys.width)
	h.fixed = b.fixed(build)
	h.chains.slow = h.threeValued() && (len(probeKeys) > 1 || len(n.On) > 0)
	h.chains.joiner = h.joiner
	if h.chains.slow {
		h.joiner.equal = h.equal
	}
	if place := h.probeKeys.places[0]; len(probeKeys) == 1 && h.drops() && place < len(probe.Columns()) {
		h.restrict = func(low, high catalog.Value) { restrict(h.probe, place, low, high) }
	}
	return h, nil
}

// threeValued reports whether it matters if conditions are NULL or false.
func (h *hashJoin) threeValued() bool {
	return h.joiner.kind == plan.MarkJoin || h.joiner.kind == plan.NullAntiJoin
}

// drops reports whether rows of the probe side without a partner are not needed.
func (h *hashJoin) drops() bool {
	return !h.joiner.keepProbe && (!h.joiner.leftRows() || h.joiner.kind == plan.SemiJoin)
}

// keyColumns say where the keys of a join are in batches that have the columns of an input and, behind them, what had to be
// computed.
type keyColumns struct {
	places   []int
	computed []*expr.Kernel
	env      *expr.Env
	width    int // of the batches, computed columns included
}

func (b *builder) keyColumns(keys []*expr.Node, columns []plan.Column) (k keyColumns, err error) {
	k.env, k.width = b.env(), len(columns)
	s := b.slots(columns)
	for _, n := range keys {
		if at, ok := s.Columns[n.Column]; ok && n.Op == expr.OpColumn {
			k.places = append(k.places, at)
			continue
		}
		kernel, err := expr.NewKernel(n, s)
		if err != nil {
			return k, err
		}
		k.places, k.computed = append(k.places, k.width), append(k.computed, kernel)
		k.width++
	}
	return k, nil
}

// widen makes dst the batch with its keys behind it.
func (k *keyColumns) widen(dst, b *catalog.Batch) error {
	dst.Columns, dst.Len, dst.Sel = append(dst.Columns[:0], b.Columns...), b.Len, b.Sel
	for _, kernel := range k.computed {
		v, err := kernel.Eval(b, k.env)
		if err != nil {
			return err
		}
		dst.Columns = append(dst.Columns, v)
	}
	return nil
}

// Next implements Operator.
func (h *hashJoin) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		if h.failed != nil {
			return nil, h.failed
		}
		switch h.state {
		case toBuild:
			if err := h.begin(ctx); err != nil {
				return nil, err
			}
		case toProbe:
			if err := h.next(ctx); err != nil {
				return nil, err
			}
		case inBatch:
			b, err := h.match(ctx)
			if b != nil || err != nil {
				return b, err
			}
			h.state = toProbe
		case atRest:
			if b := h.joiner.unmatched(h.run.options.BatchRows); b != nil {
				return b, nil
			}
			if err := h.more(ctx); err != nil {
				return nil, err
			}
		default:
			return nil, nil
		}
	}
}

// begin reads the build side.
func (h *hashJoin) begin(ctx context.Context) error {
	if h.table == nil {
		if err := h.fill(ctx); err != nil {
			return err
		}
	}
	if h.spill != nil {
		if err := h.spill.begin(ctx); err != nil {
			return err
		}
		return h.more(ctx)
	}
	return h.ready()
}

// ready begins to join what is in the buffer.
func (h *hashJoin) ready() error {
	if h.table == nil {
		h.table = newJoinTable(h.buffer, h.buildKeys.places)
	}
	h.joiner.begin(h.buffer)
	h.chains.use(h.table)
	if h.state = toProbe; h.buffer.n == 0 && h.drops() && h.spill == nil {
		h.state = atEnd
	}
	if t := h.table; h.restrict != nil && h.spill == nil && (t.dense != nil || t.ints != nil) {
		v := h.buffer.columns[h.buildKeys.places[0]]
		h.restrict(wordValue(v.Kind, t.low), wordValue(v.Kind, t.high))
	}
	return nil
}

// wordValue returns the value that a vector keeps as a number.
func wordValue(k catalog.Kind, n int64) catalog.Value {
	v := catalog.Vector{Kind: k, Ints: []int64{n}}
	return v.Value(0)
}

// fill reads the build side into the buffer, or into files.
func (h *hashJoin) fill(ctx context.Context) error {
	var wide catalog.Batch
	var sel []int32
	h.rows, h.nulls = 0, false
	for {
		b, err := h.build.Next(ctx)
		if err != nil {
			return err
		}
		if b == nil {
			return nil
		}
		if err = ctx.Err(); err != nil {
			return err
		}
		if err = h.buildKeys.widen(&wide, b); err != nil {
			return err
		}
		h.rows += int64(wide.Rows())
		if !h.joiner.keepBuild && !h.chains.slow {
			if sel = withKeys(sel[:0], &wide, h.buildKeys.places); len(sel) < wide.Rows() {
				h.nulls = true
			}
			if wide.Sel = sel; len(sel) == 0 {
				continue
			}
		}
		if h.spill != nil {
			if err = h.spill.add(&wide); err != nil {
				return err
			}
			continue
		}
		if err = h.buffer.append(&wide, nil); err != nil {
			return err
		}
		if !h.fits(h.buffer.bytes+int64(h.buffer.n)*joinRowBytes) && !h.chains.slow {
			if h.spill, err = newJoinSpill(h); err != nil {
				return err
			}
		}
	}
}

// withKeys appends the places of rows that have no NULL among their keys.
func withKeys(sel []int32, b *catalog.Batch, places []int) []int32 {
	for _, i := range selected(b) {
		if !anyNull(b.Columns, places, int(i)) {
			sel = append(sel, i)
		}
	}
	return sel
}

// next reads the next batch of the probe side.
func (h *hashJoin) next(ctx context.Context) (err error) {
	var b *catalog.Batch
	if h.spill != nil {
		if b, err = h.spill.next(); b != nil {
			h.wide = *b
		}
	} else if b, err = h.probe.Next(ctx); b != nil && err == nil {
		err = h.probeKeys.widen(&h.wide, b)
	}
	if err != nil {
		return err
	}
	if b == nil {
		h.state = atRest
		return nil
	}
	h.joiner.start(&h.wide)
	h.chains.begin(&h.wide, h.probeKeys.places)
	h.state = inBatch
	return nil
}

// match gives the next rows of a batch of the probe side.
func (h *hashJoin) match(ctx context.Context) (*catalog.Batch, error) {
	j := h.joiner
	if !j.leftRows() || h.chains.slow || len(j.on.kernels) > 0 {
		return j.join(ctx, &h.chains, h.ramp.next())
	}
	if j.done {
		return nil, nil
	}
	j.done = true
	missing := isFalse
	if h.threeValued() && h.nulls {
		missing = isUnknown
	}
	for k, i := range j.rows {
		switch {
		case h.chains.heads[k] != 0:
			j.fates[i] = isTrue
		case h.threeValued() && h.rows > 0 && anyNull(h.wide.Columns, h.probeKeys.places, int(i)):
			j.fates[i] = isUnknown
		default:
			j.fates[i] = missing
		}
	}
	return j.fated(), nil
}

// more begins with the next pair of files, if there are any.
func (h *hashJoin) more(ctx context.Context) error {
	if h.spill == nil {
		h.state = atEnd
		return nil
	}
	some, err := h.spill.load(ctx)
	if err != nil {
		return err
	}
	if !some {
		h.state = atEnd
		return nil
	}
	h.table = nil
	return h.ready()
}

// equal compares the keys of a pair.
func (h *hashJoin) equal(l, r int32) truth {
	t := isTrue
	for k, at := range h.probeKeys.places {
		x, y := h.wide.Columns[at].Value(int(l)), h.buffer.columns[h.buildKeys.places[k]].Value(int(r))
		switch {
		case x.IsNull() || y.IsNull():
			t = isUnknown
		case catalog.Compare(x, y) != 0:
			return isFalse
		}
	}
	return t
}

// Reset implements Operator.
func (h *hashJoin) Reset() {
	h.probe.Reset()
	h.ramp.reset()
	h.state = toBuild
	if h.fixed && h.table != nil && h.spill == nil {
		return
	}
	h.build.Reset()
	h.table = nil
	h.buffer.clear()
	h.budget.Release()
	h.failed = errors.Join(h.failed, h.spill.close())
	h.spill = nil
}

// Close implements Operator.
func (h *hashJoin) Close() error {
	h.buffer, h.table = nil, nil
	h.budget.Release()
	return h.spill.close()
}
