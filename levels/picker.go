package levels

import (
	"bytes"
	"math"

	"github.com/middb/middb/sstable"
)

// Defaults of PickerOptions.
const (
	defaultL0Trigger       = 4
	defaultBaseBytes       = 64 << 20
	defaultTargetFileBytes = 16 << 20
	maxTargetFactor        = 4 // a table may grow to this many times TargetFileBytes, level by level
	multiplier             = 10
	expandFactor           = 25 // inputs may be widened to this many target sizes
	overlapFactor          = 10 // an output may overlap this many tables of the level below it
	smallFactor            = 4  // a table is small below this part of its level's target size
	l0BatchFactor          = 4  // one compaction takes this many times the trigger from L0

	// settleShare is the part of the last level's size that everything which settling could win
	// back may have: 1/16. It keeps the total well below 1.25 times what a full compaction leaves.
	settleShare = 16
)

// PickerOptions are the sizes that a Picker works towards. The zero value is the default.
type PickerOptions struct {
	L0Trigger       int   // tables of L0 that start a compaction; 0: 4
	BaseBytes       int64 // target size of the base level; 0: 64 MiB, and better 4 flushes
	TargetFileBytes int64 // target size of a table of the base level; 0: 16 MiB; doubles per level, to 4 times
	// LastCompression is what the last level is to be compressed with. Tables move there as they
	// are while the tree is busy; settling and manual compaction rewrite those of another kind.
	LastCompression sstable.Compression
}

// A Picker chooses compactions. It looks at metadata only and remembers nothing, so that the same
// Version and claims always give the same answer. It may be shared and copied.
type Picker struct {
	o PickerOptions
}

// NewPicker returns a Picker with the options, defaults filled in.
func NewPicker(o PickerOptions) *Picker {
	if o.L0Trigger <= 0 {
		o.L0Trigger = defaultL0Trigger
	}
	if o.BaseBytes <= 0 {
		o.BaseBytes = defaultBaseBytes
	}
	if o.TargetFileBytes <= 0 {
		o.TargetFileBytes = defaultTargetFileBytes
	}
	return &Picker{o: o}
}

// A shape is what the tree should look like given how much is in it: L0 is compacted into the base
// level, levels above it are empty, and each below it is larger by a constant factor of at most ten.
type shape struct {
	base   int
	target [NumLevels]float64 // bytes; of no meaning above the base and for the last level
}

// shape computes the shape from the size of the last level, as RocksDB's dynamic level sizes do:
// the base is the highest level whose target, a tenth of the next one's, is not below BaseBytes.
// It is never below a level that has tables. The factor between levels is then evened out.
func (p *Picker) shape(v *Version) shape {
	s := shape{base: lastLevel}
	var total int64
	for l := lastLevel; l > 0; l-- {
		total += v.bytes[l]
		if v.bytes[l] > 0 {
			s.base = l
		}
	}
	bottom := float64(total) * (multiplier - 1) / multiplier
	size := bottom / math.Pow(multiplier, float64(lastLevel-s.base))
	for s.base > 1 && size > float64(p.o.BaseBytes) {
		s.base--
		size /= multiplier
	}
	factor := 1.0
	if n := lastLevel - s.base; n > 0 {
		factor = max(1, math.Pow(bottom/float64(p.o.BaseBytes), 1/float64(n)))
	}
	size = float64(p.o.BaseBytes)
	for l := s.base; l < NumLevels; l++ {
		s.target[l] = size
		size *= factor
	}
	return s
}

// BaseLevel returns the level that L0 is compacted into.
func (p *Picker) BaseLevel(v *Version) int { return p.shape(v).base }

// Scores returns for each level how full it is, 1 being its target; what running compactions take
// away is not counted. At 1 and above Pick finds something to do there, unless claims forbid it.
func (p *Picker) Scores(v *Version, claims Claims) [NumLevels]float64 {
	s := p.shape(v)
	var out [NumLevels]float64
	for l := range lastLevel {
		out[l] = p.score(v, claims, s, l)
	}
	return out
}

func (p *Picker) score(v *Version, claims Claims, s shape, l int) float64 {
	leaving, tables := claims.leaving(l)
	switch {
	case l == 0:
		return float64(len(v.Levels[0])-tables) / float64(p.o.L0Trigger)
	case l >= lastLevel || v.bytes[l] == 0:
		return 0
	default:
		return float64(v.bytes[l]-leaving) / s.target[l]
	}
}

// Debt estimates how many bytes compactions must read before every score is below 1. It is zero
// exactly then.
func (p *Picker) Debt(v *Version) int64 {
	s := p.shape(v)
	var debt, arriving float64
	if len(v.Levels[0]) >= p.o.L0Trigger {
		arriving = float64(v.bytes[0])
		debt += arriving + float64(v.bytes[s.base])
	}
	for l := s.base; l < lastLevel; l++ {
		excess := float64(v.bytes[l]) + arriving - s.target[l]
		arriving = 0
		if excess < 0 || v.bytes[l] == 0 {
			continue
		}
		ratio := float64(v.bytes[l+1]) / float64(v.bytes[l])
		debt += max(excess, 1) * (1 + min(ratio, multiplier))
		arriving = excess
	}
	return int64(debt)
}

// Pick chooses a compaction that takes tables from the level, if its score is at least 1 or it has
// a table that is mostly tombstones and what has expired by now, or has range deletes, and if one can run
// beside the claims. The base level waits while L0 does and has the higher score. In the last level, whose
// score is always 0, tables that are mostly expired are rewritten. now is in nanoseconds since 1970.
func (p *Picker) Pick(v *Version, claims Claims, level int, now int64) (*Compaction, bool) {
	return picked(now)(p.pick(v, claims, level, now))
}

// picked notes when a compaction was picked, so that it runs no earlier: what made it worth while is so then.
func picked(now int64) func(*Compaction, bool) (*Compaction, bool) {
	return func(c *Compaction, ok bool) (*Compaction, bool) {
		if ok {
			c.now = now
		}
		return c, ok
	}
}

func (p *Picker) pick(v *Version, claims Claims, level int, now int64) (*Compaction, bool) {
	if level < 0 || level > lastLevel || len(v.Levels[level]) == 0 {
		return nil, false
	}
	s := p.shape(v)
	if level == lastLevel {
		return p.pickRewrite(v, claims, s, ReasonExpired, v.Levels[level], mostlyDead(now))
	}
	score := p.score(v, claims, s, level)
	if level == 0 {
		if score < 1 {
			return nil, false
		}
		return p.pickL0(v, claims, s, ReasonSize)
	}
	if l0 := p.score(v, claims, s, 0); level == s.base && l0 >= 1 && l0 >= score && !claims.flattening() {
		return nil, false // else L0, which needs all of the base level, would never find it free
	}
	if score < 1 {
		return p.pickLevel(v, claims, s, level, ReasonTombstones, filter(v.Levels[level], mostlyDead(now)))
	}
	return p.pickLevel(v, claims, s, level, ReasonSize, v.Levels[level])
}

// mostlyDead returns what tells of a table whether at least half of its entries are tombstones or have
// expired, or it has range deletes, which may hide any number of entries below.
func mostlyDead(now int64) func(*Table) bool {
	return func(t *Table) bool {
		dead := t.Tombstones
		if t.LatestExpiry <= now {
			dead += t.Expiring
		}
		return t.Ranges > 0 || dead*2 >= t.Entries
	}
}

// hasExpired reports whether the table has an entry that has expired by now.
func (m *TableMeta) hasExpired(now int64) bool { return m.Expiring > 0 && m.EarliestExpiry <= now }

// filter returns the tables that have a property.
func filter(ts []*Table, has func(*Table) bool) (out []*Table) {
	for _, t := range ts {
		if has(t) {
			out = append(out, t)
		}
	}
	return out
}

// grant returns the compaction if it can run.
func grant(c *Compaction, v *Version, claims Claims) (*Compaction, bool) {
	if !c.fits(v, claims) {
		return nil, false
	}
	return c, true
}

// pickL0 takes the oldest tables of L0 into the base level; what is left is newer. If most of them
// were written in key order, so that they overlap nothing, those move.
func (p *Picker) pickL0(v *Version, claims Claims, s shape, why Reason) (*Compaction, bool) {
	ts := v.Levels[0]
	if len(ts) == 0 || claims.flattening() {
		return nil, false
	}
	if n := p.movable(v, s); n > len(ts)/2 {
		c := p.plan(v, s, why, []Input{{Level: 0, Tables: ts[len(ts)-n:]}}, s.base)
		c.Move = true
		return grant(c, v, claims)
	}
	if n := l0BatchFactor * p.o.L0Trigger; len(ts) > n && why == ReasonSize {
		ts = ts[len(ts)-n:]
	}
	c := p.plan(v, s, why, []Input{{Level: 0, Tables: ts}}, s.base)
	p.include(v, c, s.base)
	return grant(c, v, claims)
}

// movable returns how many of the oldest tables of L0 can move to the base level as they are. Small
// tables do not move: merging them costs little, and they would stay small for ever.
func (p *Picker) movable(v *Version, s shape) int {
	ts := v.Levels[0]
	for n := 1; n <= len(ts); n++ {
		t := ts[len(ts)-n]
		if t.Size < p.fileBytes(s, s.base)/smallFactor || !p.mayMove(v, s, t, s.base) {
			return n - 1
		}
		for _, older := range ts[len(ts)-n+1:] {
			if older.overlaps(t.Smallest, t.Largest) {
				return n - 1
			}
		}
	}
	return len(ts)
}

// mayMove reports whether a table can go to a lower level without being rewritten: it overlaps
// nothing there and not too much in the level after that, and brings no tombstones or range deletes into
// the last level.
func (p *Picker) mayMove(v *Version, s shape, t *Table, to int) bool {
	if len(v.overlapping(to, t.Smallest, t.Largest)) > 0 {
		return false
	}
	if to == lastLevel {
		return t.Tombstones+t.Ranges == 0
	}
	return tableBytes(v.overlapping(to+1, t.Smallest, t.Largest)) <= overlapFactor*p.fileBytes(s, to+1)
}

// include adds the tables of the output level that the compaction's range overlaps.
func (p *Picker) include(v *Version, c *Compaction, level int) {
	if ts := v.overlapping(level, c.Smallest, c.Largest); len(ts) > 0 {
		c.Inputs = append(c.Inputs, Input{Level: level, Tables: ts})
		c.bound()
	}
}

// plan starts a compaction of the inputs into the output level.
func (p *Picker) plan(v *Version, s shape, why Reason, inputs []Input, output int) *Compaction {
	c := &Compaction{
		Reason: why, Inputs: inputs, Output: output, version: v,
		targetBytes: p.fileBytes(s, output), grandparentBytes: math.MaxInt64,
	}
	if output < lastLevel {
		c.grandparentBytes = overlapFactor * p.fileBytes(s, output+1)
	}
	c.bound()
	return c
}

// fileBytes returns the target size of a table of the level.
func (p *Picker) fileBytes(s shape, level int) int64 {
	return p.o.TargetFileBytes * min(maxTargetFactor, int64(1)<<max(0, level-s.base))
}

// pickLevel takes one of ts, tables of a level below L0 in key order, that brings the most space down
// per byte rewritten: least overlap with the next level first, tombstones counting for what they
// remove, and range deletes for all that overlaps.
func (p *Picker) pickLevel(v *Version, claims Claims, s shape, level int, why Reason, ts []*Table) (*Compaction, bool) {
	next := v.Levels[level+1]
	average := averageBytes(next)
	var best *Table
	var bestCost float64
	for i, j := 0, 0; i < len(ts); i++ {
		t := ts[i]
		for j < len(next) && bytes.Compare(next[j].Largest, t.Smallest) < 0 {
			j++
		}
		lo, hi := t.Smallest, t.Largest
		var overlap int64
		for k := j; k < len(next) && bytes.Compare(next[k].Smallest, t.Largest) <= 0; k++ {
			overlap += next[k].Size
			lo, hi = widen(lo, hi, &next[k].TableMeta)
		}
		gain := float64(t.Size) + float64(t.Tombstones)*average
		if t.Ranges > 0 {
			gain += float64(overlap)
		}
		cost := float64(overlap) / gain
		if (best == nil || cost < bestCost) && !claims.conflict(level, level+1, lo, hi) {
			best, bestCost = t, cost
		}
	}
	if best == nil {
		return nil, false
	}
	c := p.plan(v, s, why, []Input{{Level: level, Tables: []*Table{best}}}, level+1)
	if p.mayMove(v, s, best, level+1) {
		c.Move = true
		return grant(c, v, claims)
	}
	p.include(v, c, level+1)
	p.expand(v, claims, c)
	return grant(c, v, claims)
}

// expand adds neighbours of the input from its level as far as that pulls in no further table of
// the output level and the whole does not become too large.
func (p *Picker) expand(v *Version, claims Claims, c *Compaction) {
	if len(c.Inputs) < 2 {
		return
	}
	level := c.From()
	ts := v.overlapping(level, c.Smallest, c.Largest)
	if len(ts) == len(c.Inputs[0].Tables) || tableBytes(ts)+tableBytes(c.Inputs[1].Tables) > expandFactor*c.targetBytes {
		return
	}
	lo, hi := c.Smallest, c.Largest
	for _, t := range ts {
		lo, hi = widen(lo, hi, &t.TableMeta)
	}
	if len(v.overlapping(c.Output, lo, hi)) == len(c.Inputs[1].Tables) && !claims.conflict(level, c.Output, lo, hi) {
		c.Inputs[0].Tables, c.Smallest, c.Largest = ts, lo, hi
	}
}

// averageBytes returns the average size of an entry, zero if there is none.
func averageBytes(ts []*Table) float64 {
	var size, entries int64
	for _, t := range ts {
		size += t.Size
		entries += t.Entries
	}
	if entries == 0 {
		return 0
	}
	return float64(size) / float64(entries)
}
