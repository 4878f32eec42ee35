package levels

import (
	"bytes"
	"slices"
)

// Settle chooses a compaction that wins back space when nothing is urgent; the caller asks when
// Pick finds nothing on any level and no flush waits. Once it finds nothing either and no claim is
// held, the tables take at most 1.25 times the bytes that a full compaction would leave, as long
// as the sizes of entries do not differ wildly between what is kept and what is replaced.
//
// The levels above the last can hold at worst one entry for each of their entries that replaces or
// deletes an entry of average size below. Settle goes from the top down to the first level where
// what has added up, in bytes or in entries of the last level, is more than a sixteenth of the
// last level, and compacts that level into the next. So each byte sinks once, and no level is
// merged twice for the data of one. Range deletes, which may hide anything, sink down to the last level
// however small they are. Then it rewrites tables of the last level that have mostly expired by now, in
// nanoseconds since 1970, and those that were moved there with another compression than the level's, if
// they are more than a sixteenth of it.
func (p *Picker) Settle(v *Version, claims Claims, now int64) (*Compaction, bool) {
	return picked(now)(p.settle(v, claims, now))
}

func (p *Picker) settle(v *Version, claims Claims, now int64) (*Compaction, bool) {
	s := p.shape(v)
	allowed := float64(v.bytes[lastLevel]) / settleShare
	average := averageBytes(v.Levels[lastLevel])
	sum := 0.0
	for l := range lastLevel {
		var entries int64
		for _, t := range v.Levels[l] {
			entries += t.Entries
		}
		sum += max(float64(v.bytes[l]), float64(entries)*average)
		due := v.Levels[l]
		if sum <= allowed {
			due = v.ranged[l]
		}
		switch {
		case len(due) == 0:
		case l == 0:
			return p.pickL0(v, claims, s, ReasonSettle)
		default:
			return p.pickLevel(v, claims, s, l, ReasonSettle, due)
		}
	}
	if c, ok := p.pickRewrite(v, claims, s, ReasonExpired, v.Levels[lastLevel], mostlyDead(now)); ok {
		return c, true
	}
	var stale int64
	for _, t := range v.Levels[lastLevel] {
		if p.stale(t) {
			stale += t.Size
		}
	}
	if float64(stale) <= allowed {
		return nil, false
	}
	return p.pickRewrite(v, claims, s, ReasonSettle, v.Levels[lastLevel], p.stale)
}

// pickRewrite takes, of ts, tables of the last level, the first run that is due.
func (p *Picker) pickRewrite(v *Version, claims Claims, s shape, why Reason, ts []*Table, due func(*Table) bool) (*Compaction, bool) {
	var run []*Table
	for _, t := range ts {
		fits := due(t) && !claims.conflict(lastLevel, lastLevel, t.Smallest, t.Largest)
		if len(run) > 0 && (!fits || tableBytes(run)+t.Size > p.largest(s)) {
			break
		}
		if fits {
			run = append(run, t)
		}
	}
	if len(run) == 0 {
		return nil, false
	}
	c := p.plan(v, s, why, []Input{{Level: lastLevel, Tables: run}}, lastLevel)
	return grant(c, v, claims)
}

// largest is how many bytes into the last level one compaction should have at most.
func (p *Picker) largest(s shape) int64 { return expandFactor * p.fileBytes(s, lastLevel) }

// stale reports whether a table of the last level is not compressed as that level is to be.
func (p *Picker) stale(t *Table) bool { return t.Compression != p.o.LastCompression }

// Manual chooses the next compaction of a request to bring every table that may hold a key in
// [lower, upper) into the last level; nil bounds are open. asOf is the last sequence number of
// the request: what is written later is not waited for, so that the request ends. The caller
// repeats it on each new Version. A nil compaction means that the request is done, or, with
// blocked, that it waits for a running one; the caller then picks nothing else meanwhile.
//
// The tables fall into groups that overlap nothing outside. A group becomes one compaction over all
// its levels, so that every byte is written once; but a large one, whose claim would keep all others
// waiting, sinks level by level from the top, in many compactions. After that the last level is one
// sorted run, and has the compression it should, and neither tombstones nor what had expired by now, in
// nanoseconds since 1970, which should be the time of the request so that that ends.
func (p *Picker) Manual(v *Version, claims Claims, lower, upper []byte, asOf uint64, now int64) (c *Compaction, blocked bool) {
	s := p.shape(v)
	due := p.due(now)
	for _, g := range p.groups(v, lower, upper, s) {
		if !unfinished(g, asOf, due) {
			continue
		}
		c, ok := picked(now)(p.sink(v, claims, s, g, asOf, due))
		if ok {
			return c, false
		}
		blocked = true
	}
	return nil, blocked
}

// due returns what tells of a table whether a manual compaction rewrites it though it is in the last level.
func (p *Picker) due(now int64) func(*Table) bool {
	return func(t *Table) bool { return p.stale(t) || t.hasExpired(now) }
}

// sink picks what brings a group down, at once or by a step.
func (p *Picker) sink(v *Version, claims Claims, s shape, g []placed, asOf uint64, due func(*Table) bool) (*Compaction, bool) {
	inputs := byLevel(v, g)
	var size int64
	for _, in := range inputs {
		size += tableBytes(in.Tables)
	}
	if size <= p.largest(s) || len(g) == 1 {
		c := p.plan(v, s, ReasonManual, inputs, lastLevel)
		c.Move = len(inputs) == 1 && (inputs[0].Level > 0 || len(g) == 1) && movableGroup(g, due)
		return grant(c, v, claims)
	}
	for _, in := range inputs {
		if in.Level == lastLevel {
			return p.pickRewrite(v, claims, s, ReasonManual, in.Tables, due)
		}
		old := filter(in.Tables, func(t *Table) bool { return t.MinSeq <= asOf })
		switch {
		case len(old) == 0:
		case in.Level == 0:
			return p.pickL0(v, claims, s, ReasonManual)
		default:
			return p.pickLevel(v, claims, s, in.Level, ReasonManual, old)
		}
	}
	return nil, false
}

// A placed is a table and where it lies.
type placed struct {
	*Table
	level int
}

// unfinished reports whether a group has something to bring down or to rewrite.
func unfinished(g []placed, asOf uint64, due func(*Table) bool) bool {
	for _, t := range g {
		if t.level < lastLevel && t.MinSeq <= asOf || t.level == lastLevel && due(t.Table) {
			return true
		}
	}
	return false
}

// movableGroup reports whether tables of one sorted level can go to the last level as they are.
func movableGroup(g []placed, due func(*Table) bool) bool {
	for _, t := range g {
		if t.level == lastLevel || t.Tombstones+t.Ranges > 0 || due(t.Table) {
			return false
		}
	}
	return true
}

// groups splits the tables that overlap [lower, upper) into groups, in key order: tables that
// overlap, directly or through others, are in one group, also if that leads out of the bounds.
// Neighbouring groups are joined while together they are smaller than one table should be.
func (p *Picker) groups(v *Version, lower, upper []byte, s shape) [][]placed {
	var all []placed
	for l, ts := range v.Levels {
		for _, t := range ts {
			all = append(all, placed{t, l})
		}
	}
	slices.SortFunc(all, func(a, b placed) int { return bytes.Compare(a.Smallest, b.Smallest) })
	var out [][]placed
	for len(all) > 0 {
		n, size := p.group(all, p.fileBytes(s, lastLevel))
		g := all[:n]
		all = all[n:]
		if size > 0 && slices.ContainsFunc(g, func(t placed) bool { return inBounds(&t.TableMeta, lower, upper) }) {
			out = append(out, g)
		}
	}
	return out
}

// group returns how many of the tables, sorted by smallest key, make the first group, and its size.
func (p *Picker) group(all []placed, small int64) (n int, size int64) {
	end := all[0].Largest
	for n < len(all) {
		if apart := bytes.Compare(all[n].Smallest, end) > 0; apart && size+all[n].Size > small {
			break
		}
		if bytes.Compare(all[n].Largest, end) > 0 {
			end = all[n].Largest
		}
		size += all[n].Size
		n++
	}
	return n, size
}

// byLevel turns a group into inputs: upper levels first, L0 newest first, the others by key.
func byLevel(v *Version, g []placed) []Input {
	in := make(map[*Table]bool, len(g))
	for _, t := range g {
		in[t.Table] = true
	}
	var out []Input
	for l, ts := range v.Levels {
		var chosen []*Table
		for _, t := range ts {
			if in[t] {
				chosen = append(chosen, t)
			}
		}
		if len(chosen) > 0 {
			out = append(out, Input{Level: l, Tables: chosen})
		}
	}
	return out
}
