package levels

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
)

// A forest makes Versions of any shape, beside the model that they must equal.
type forest struct {
	t     *testing.T
	rng   *rand.Rand
	b     *Builder
	seq   uint64
	now   int64
	model model
}

func newForest(t *testing.T, seed uint64) *forest {
	fs := newMem(t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d or one after it", seed)
		}
	})
	f := &forest{t: t, rng: rand.New(rand.NewPCG(seed, 2)), now: 1000, model: model{}}
	f.b = &Builder{Tables: NewTables(fs, "db", page.NewCache(1<<20)), NextFileNum: counter(1), BlockBytes: 100}
	return f
}

// key returns one of few keys, of which many are neighbours: nothing is between k and k with a zero.
func (f *forest) key() string {
	k := make([]byte, 1+f.rng.IntN(4))
	for i := range k {
		k[i] = "\x00ab"[f.rng.IntN(3)]
	}
	return "k" + string(k)
}

// write does random things in memory and writes them to a level, in tables of a few entries.
func (f *forest) write(level, n int) []*Table {
	m := memory{entries: map[string]memEntry{}}
	for range n {
		f.seq++
		k := f.key()
		if end := f.key(); k < end && f.rng.IntN(6) == 0 {
			m.deleteRange(k, end, f.seq)
			f.model.deleteRange(k, end, f.seq)
			continue
		}
		op := randomOp(f.rng, f.seq, f.now)
		m.add(k, op)
		f.model.add(k, op)
	}
	out := output{b: f.b, level: level, limit: 1 << 20}
	if level > 0 {
		out.limit = int64(1 + f.rng.IntN(400))
	}
	if level < lastLevel {
		for _, r := range m.ranges.Spans() {
			out.ranges = append(out.ranges, sstable.Range(r))
		}
	}
	fin := finisher{now: f.now}
	for _, e := range m.sorted() {
		tr, v := fin.finish(e.t, e.v, level == lastLevel)
		if level == lastLevel && tr.Kind() == key.KindDelete {
			continue
		}
		if err := out.add(e.k, tr, v); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := out.finish(); err != nil {
		f.t.Fatal(err)
	}
	return f.tables(out.added)
}

func (f *forest) tables(added []Added) (out []*Table) {
	for _, a := range added {
		out = append(out, f.b.Tables.NewTable(a.TableMeta))
	}
	return out
}

// grow makes a Version, the oldest entries deepest.
func (f *forest) grow() *Version {
	var levels [NumLevels][]*Table
	for l := lastLevel; l > 0; l-- {
		if f.rng.IntN(2) == 0 {
			levels[l] = f.write(l, f.rng.IntN(60))
		}
	}
	for range f.rng.IntN(5) {
		levels[0] = append(f.write(0, f.rng.IntN(20)), levels[0]...)
	}
	return f.version(levels)
}

func (f *forest) version(levels [NumLevels][]*Table) *Version {
	v, err := NewVersion(levels)
	if err != nil {
		f.t.Fatalf("%v\n%v", err, v)
	}
	return v
}

// choose makes a compaction of any sort that fits.
func (f *forest) choose(v *Version) *Compaction {
	var from []int
	for l, ts := range v.Levels {
		if len(ts) > 0 {
			from = append(from, l)
		}
	}
	if len(from) == 0 {
		return nil
	}
	l := from[f.rng.IntN(len(from))]
	ts := v.Levels[l]
	if l == 0 {
		ts = ts[f.rng.IntN(len(ts)):]
	} else {
		i := f.rng.IntN(len(ts))
		ts = ts[i : i+1+f.rng.IntN(len(ts)-i)]
	}
	c := &Compaction{
		Inputs: []Input{{Level: l, Tables: ts}}, Output: l, version: v,
		targetBytes: int64(1 + f.rng.IntN(600)), grandparentBytes: int64(f.rng.IntN(1000)),
	}
	c.bound()
	if l < lastLevel {
		c.Output = l + 1 + f.rng.IntN(lastLevel-l)
	}
	for settled := false; !settled; {
		inputs := c.Inputs[:1:1]
		for l := c.From() + 1; l <= c.Output; l++ {
			if ts := v.overlapping(l, c.Smallest, c.Largest); len(ts) > 0 {
				inputs = append(inputs, Input{Level: l, Tables: ts})
			}
		}
		if l > 0 {
			inputs[0].Tables = v.overlapping(l, c.Smallest, c.Largest)
		}
		lo, hi := c.Smallest, c.Largest
		c.Inputs = inputs
		c.bound()
		settled = bytes.Equal(lo, c.Smallest) && bytes.Equal(hi, c.Largest)
	}
	if !c.fits(v, nil) {
		f.t.Fatalf("%v does not fit\n%v", c, v)
	}
	return c
}

// run carries a compaction out and returns the Version after it.
func (f *forest) run(v *Version, c *Compaction) (*Version, []Added) {
	e, err := c.Run(f.b, func() bool { return false }, f.now)
	if err != nil {
		f.t.Fatal(err)
	}
	levels := v.Levels
	for _, in := range c.Inputs {
		levels[in.Level] = slices.DeleteFunc(slices.Clone(levels[in.Level]), func(t *Table) bool { return slices.Contains(in.Tables, t) })
	}
	levels[c.Output] = append(slices.Clone(levels[c.Output]), f.tables(e.Added)...)
	return f.version(levels), e.Added
}
