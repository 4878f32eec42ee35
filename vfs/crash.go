package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// sectorBytes is what a disk writes whole or not at all, or so it says: Random tears sectors too.
const sectorBytes = 512

// Unsynced says what a power loss does with what was not made durable.
type Unsynced uint8

// What may happen to unsynced changes.
const (
	// LoseAll: none of them arrived.
	LoseAll Unsynced = iota
	// KeepAll: all of them arrived. That is what a killed process leaves, as opposed to a power
	// loss: the system still has its writes.
	KeepAll
	// Random: a random part of them arrived, as a disk with a cache might leave it. Each 512-byte
	// sector of each write was kept, lost or torn (new bytes first, then old), whatever happened
	// to earlier writes. Each change of size was kept or lost, that of a growing write also in
	// part; bytes whose size arrived without them are zero. Of the operations on each directory
	// the first few arrived, for journals keep their order; no rename arrived by half.
	Random
)

// CrashOptions says what kind of crash to play.
type CrashOptions struct {
	Unsynced Unsynced // zero: LoseAll
}

// CrashClone returns the file system as it would be found if the power failed now. This one goes
// on as before. The clone has no locks and nothing unsynced. For Random, equal generators and
// equal histories give equal clones; else rng is not used and may be nil.
func (m *Mem) CrashClone(rng *rand.Rand, o CrashOptions) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := crash{rng: rng, unsynced: o.Unsynced}
	if o.Unsynced == Random {
		c.chooseOps(m.unsynced)
	}
	return &Mem{root: c.clone(m.root)}
}

// A crash is one run of CrashClone.
type crash struct {
	rng      *rand.Rand
	unsynced Unsynced
	changed  map[*memNode]map[string]*memNode // Random: directories that kept operations
}

// chooseOps keeps a prefix of each directory's operations. One that is on two directories is kept
// only if both keep it; else both end there.
func (c *crash) chooseOps(ops []dirOp) {
	counts := map[*memNode]int{}
	var dirs []*memNode // in order of appearance: a map's order would not repeat
	for i := range ops {
		for dir := range ops[i].dirs {
			if counts[dir] == 0 {
				dirs = append(dirs, dir)
			}
			counts[dir]++
		}
	}
	left := map[*memNode]int{} // operations that a directory may still keep
	for _, dir := range dirs {
		left[dir] = c.rng.IntN(counts[dir] + 1)
	}
	c.changed = map[*memNode]map[string]*memNode{}
	for i := range ops {
		kept := true
		for dir := range ops[i].dirs {
			kept = kept && left[dir] > 0
		}
		for dir := range ops[i].dirs {
			if left[dir]--; !kept {
				left[dir] = 0
			}
		}
		if !kept {
			continue
		}
		for _, e := range ops[i].edits[:ops[i].n] {
			if c.changed[e.dir] == nil {
				c.changed[e.dir] = maps.Clone(e.dir.durable)
			}
			e.apply(c.changed[e.dir])
		}
	}
}

// dirs yields each directory that the operation changes once.
func (op *dirOp) dirs(yield func(*memNode) bool) {
	first, last := op.edits[0].dir, op.edits[op.n-1].dir
	if yield(first) && last != first {
		yield(last)
	}
}

// clone returns what is left of a file, or of a directory and all below it.
func (c *crash) clone(n *memNode) *memNode {
	if !n.isDir() {
		return &memNode{data: c.content(n)}
	}
	from := n.entries
	switch c.unsynced {
	case KeepAll: // everything that is there now
	case LoseAll:
		from = n.durable
	case Random:
		from = n.durable
		if changed := c.changed[n]; changed != nil {
			from = changed
		}
	}
	dir := newMemDir()
	for _, name := range slices.Sorted(maps.Keys(from)) {
		dir.entries[name] = c.clone(from[name])
	}
	maps.Copy(dir.durable, dir.entries)
	return dir
}

// content returns what is left of a file's bytes. No one changes them now: Mem.mu is held.
func (c *crash) content(n *memNode) []byte {
	data := slices.Clone(n.data)
	if c.unsynced == KeepAll {
		return data
	}
	// Go back to the last sync. On the way each write still shows the bytes that it wrote.
	written := make([][]byte, len(n.changes))
	for i := len(n.changes) - 1; i >= 0; i-- {
		ch := &n.changes[i]
		if c.unsynced == Random && !ch.truncate {
			written[i] = slices.Clone(data[ch.off : ch.off+ch.length])
		}
		data = ch.undo(data)
	}
	if c.unsynced == LoseAll {
		return data
	}
	for i := range n.changes {
		ch := &n.changes[i]
		switch {
		case !ch.truncate:
			data = c.rewrite(data, written[i], ch.off)
		case c.rng.IntN(2) == 0:
			data = resize(data, ch.off)
		}
	}
	return data
}

// undo returns data as it was before the change, which must be the last one of it.
func (ch *change) undo(data []byte) []byte {
	if ch.truncate {
		data = data[:min(ch.off, ch.oldSize)]
		return append(data, ch.old...)
	}
	copy(data[ch.off:], ch.old)
	return data[:ch.oldSize]
}

// rewrite brings a random part of a write to data.
func (c *crash) rewrite(data, p []byte, off int64) []byte {
	const keepAll, loseAll = 0, 1 // else each sector for itself
	fate := c.rng.IntN(4)
	size, end := int64(len(data)), off+int64(len(p))
	if end > size {
		switch c.rng.IntN(3) {
		case 0:
			size = end
		case 1:
			size += c.rng.Int64N(end - size)
		}
		if fate == keepAll {
			size = end
		}
		data = resize(data, size)
	}
	if fate == loseAll {
		return data
	}
	for len(p) > 0 {
		n := min(sectorBytes-int(off%sectorBytes), len(p))
		kept := n
		if fate != keepAll {
			kept = c.sector(n)
		}
		if off < size {
			copy(data[off:], p[:kept])
		}
		p, off = p[n:], off+int64(n)
	}
	return data
}

// sector returns how many of n bytes for one sector arrive.
func (c *crash) sector(n int) int {
	switch c.rng.IntN(8) {
	case 0, 1, 2:
		return 0
	case 3:
		return c.rng.IntN(n) // torn
	}
	return n
}

// settle makes durable what was done to a directory, and whatever that depends on: operations on a
// directory reach the journal in order, and a rename between two directories reaches it whole.
func (m *Mem) settle(dir *memNode) {
	involved := map[*memNode]bool{dir: true}
	durable := make([]bool, len(m.unsynced))
	for i := len(m.unsynced) - 1; i >= 0; i-- {
		op := &m.unsynced[i]
		for dir := range op.dirs {
			durable[i] = durable[i] || involved[dir]
		}
		if durable[i] {
			for dir := range op.dirs {
				involved[dir] = true
			}
		}
	}
	rest := m.unsynced[:0]
	for i, op := range m.unsynced {
		if !durable[i] {
			rest = append(rest, op)
			continue
		}
		for _, e := range op.edits[:op.n] {
			e.apply(e.dir.durable)
		}
	}
	clear(m.unsynced[len(rest):])
	m.unsynced = rest
}

// dropUnsynced forgets what was written since the last sync, as a kernel may after a failed one:
// the pages count as clean, so that no later sync writes them, and read as the disk has them once
// they were evicted. The size stays, not yet synced; what lay beyond the old one reads as zero.
func (f *memFile) dropUnsynced() {
	f.m.mu.RLock()
	defer f.m.mu.RUnlock()
	n := f.n
	n.mu.Lock()
	defer n.mu.Unlock()
	size := int64(len(n.data))
	for i := len(n.changes) - 1; i >= 0; i-- {
		n.data = n.changes[i].undo(n.data)
	}
	n.changes = nil
	n.setSize(size)
}
