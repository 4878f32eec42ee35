package levels

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync/atomic"

	"github.com/middb/middb/iterator"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/sstable"
)

// NumLevels is the number of levels, L0 to L6. On disk; never change.
const NumLevels = 7

// lastLevel is the level below which nothing lies.
const lastLevel = NumLevels - 1

// A Version is an immutable set of live sstables. L0 is ordered newest first and its tables may
// overlap; the tables of each deeper level are sorted by key and disjoint. Of two entries of a key
// the newer lies in the lower-numbered level, or earlier in L0.
//
// The count of references decides only when files may be deleted; memory is the garbage
// collector's business. A read may go on without a reference: what it can meet is a table that
// it has not opened yet and that is deleted meanwhile (fs.ErrNotExist).
type Version struct {
	Levels [NumLevels][]*Table

	id       uint64 // position in the history of the Set
	refs     atomic.Int32
	released func(*Version) // called once, when refs reaches 0

	tables *Tables          // of its tables; nil if it has none
	fences [NumLevels]fence // for search in the levels below L0
	bytes  [NumLevels]int64
	ranged [NumLevels][]*Table // those that have range deletes
}

// newVersion makes a Version of levels that are already in order. It holds one reference. What it
// derives from levels that prev has too is shared with it.
func newVersion(levels [NumLevels][]*Table, prev *Version, released func(*Version)) *Version {
	v := &Version{Levels: levels, released: released}
	v.refs.Store(1)
	if prev != nil {
		v.tables = prev.tables
	}
	for l := range levels {
		if prev != nil && sameTables(prev.Levels[l], levels[l]) {
			v.bytes[l], v.fences[l], v.ranged[l] = prev.bytes[l], prev.fences[l], prev.ranged[l]
			continue
		}
		for _, t := range levels[l] {
			v.bytes[l] += t.Size
			v.tables = t.files
		}
		v.ranged[l] = withRanges(levels[l])
		if l > 0 {
			v.fences[l] = newFence(levels[l])
		}
	}
	return v
}

func sameTables(a, b []*Table) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// NewVersion makes a Version that no Set owns, of tables given by level; tools and tests use it.
// L0 is put in order of age and the others in order of keys.
func NewVersion(levels [NumLevels][]*Table) (*Version, error) {
	for l := range levels {
		levels[l] = slices.Clone(levels[l])
		sortLevel(l, levels[l])
	}
	v := newVersion(levels, nil, nil)
	return v, Check(v)
}

func sortLevel(l int, ts []*Table) {
	slices.SortFunc(ts, func(a, b *Table) int {
		if l > 0 {
			return bytes.Compare(a.Smallest, b.Smallest)
		}
		return compareAge(&a.TableMeta, &b.TableMeta)
	})
}

// compareAge orders tables of L0 newest first. Flushes cover disjoint ranges of sequence numbers;
// tables of one flush share no key, so their order among themselves does not matter.
func compareAge(a, b *TableMeta) int {
	switch {
	case a.MaxSeq != b.MaxSeq && a.MaxSeq > b.MaxSeq, a.MaxSeq == b.MaxSeq && a.Num > b.Num:
		return -1
	case a.Num == b.Num:
		return 0
	default:
		return 1
	}
}

// Ref takes a reference. The caller must know that the Version has one.
func (v *Version) Ref() { v.refs.Add(1) }

// TryRef takes a reference unless the last one is gone already; then it reports false, for good.
func (v *Version) TryRef() bool {
	for {
		n := v.refs.Load()
		if n == 0 {
			return false
		}
		if v.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Unref gives a reference back. The last one calls the hook of the Set, on this goroutine.
func (v *Version) Unref() {
	n := v.refs.Add(-1)
	if n < 0 {
		panic("levels: Version has no reference to give back")
	}
	if n == 0 && v.released != nil {
		v.released(v)
	}
}

// Bytes returns the size of the tables of a level.
func (v *Version) Bytes(level int) int64 { return v.bytes[level] }

// TotalBytes returns the size of all tables.
func (v *Version) TotalBytes() int64 {
	var n int64
	for _, b := range v.bytes {
		n += b
	}
	return n
}

// Expiring returns the number of entries that expire.
func (v *Version) Expiring() int64 {
	var n int64
	for _, ts := range v.Levels {
		for _, t := range ts {
			n += t.Expiring
		}
	}
	return n
}

// NumTables returns the number of tables.
func (v *Version) NumTables() int {
	n := 0
	for _, ts := range v.Levels {
		n += len(ts)
	}
	return n
}

// Get looks for the newest entry of user key k and appends its stored value to dst. hash is
// sstable.Hash(k). A tombstone is found too, and so is what a range delete hides: it ends the search,
// and the trailer tells. An incomplete merge is not all there is of the key: see AppendEntries. Once
// the readers that it needs are open Get takes no lock and allocates nothing but what dst lacks.
func (v *Version) Get(k []byte, hash uint64, dst []byte) ([]byte, key.Trailer, bool, error) {
	var n sstable.Lookups
	out, tr, found, err := v.get(k, hash, dst, &n)
	if v.tables != nil {
		v.tables.tally.add(hash, n)
	}
	return out, tr, found, err
}

func (v *Version) get(k []byte, hash uint64, dst []byte, n *sstable.Lookups) ([]byte, key.Trailer, bool, error) {
	for _, t := range v.Levels[0] {
		if t.holds(k) {
			if out, tr, found, err := t.get(k, hash, dst, n); found || err != nil {
				return out, tr, found, err
			}
		}
	}
	for l := 1; l < NumLevels; l++ {
		if t := v.tableOf(l, k); t != nil {
			if out, tr, found, err := t.get(k, hash, dst, n); found || err != nil {
				return out, tr, found, err
			}
		}
	}
	return dst, 0, false, nil
}

// tableOf returns the table of a level below L0 that may say something of k, or nil.
func (v *Version) tableOf(l int, k []byte) *Table {
	ts := v.Levels[l]
	if len(ts) == 0 {
		return nil
	}
	if i := v.fences[l].find(ts, k); i < len(ts) && bytes.Compare(k, ts[i].Smallest) >= 0 {
		return ts[i]
	}
	return nil
}

// AppendEntries appends what the tables say of user key k to dst, newest first: merges down to the first
// entry that is none or is complete, or to a range delete, which counts as a tombstone. complete tells
// whether there is such an end; older sources, if there were any, would matter otherwise.
func (v *Version) AppendEntries(dst []merge.Entry, k []byte, hash uint64) (entries []merge.Entry, complete bool, err error) {
	for _, t := range v.Levels[0] {
		if !t.holds(k) {
			continue
		}
		if dst, complete, err = t.appendEntries(dst, k, hash); complete || err != nil {
			return dst, complete, err
		}
	}
	for l := 1; l < NumLevels; l++ {
		if t := v.tableOf(l, k); t != nil {
			if dst, complete, err = t.appendEntries(dst, k, hash); complete || err != nil {
				return dst, complete, err
			}
		}
	}
	return dst, false, nil
}

// appendEntries appends what the table says of k: an entry, and if that is a merge, a range delete below.
func (t *Table) appendEntries(dst []merge.Entry, k []byte, hash uint64) (entries []merge.Entry, complete bool, err error) {
	v, tr, found, err := t.get(k, hash, nil, new(sstable.Lookups)) // the Get that met the merge has counted
	if err != nil || !found {
		return dst, false, err
	}
	dst = append(dst, merge.Entry{Kind: tr.Kind(), Value: v})
	if tr.Kind() != key.KindMerge || merge.Complete(v) {
		return dst, true, nil
	}
	r, err := t.Reader()
	if err != nil || !r.Covers(k) {
		return dst, false, err
	}
	return append(dst, merge.Entry{Kind: key.KindDelete}), true, nil
}

func (t *Table) get(k []byte, hash uint64, dst []byte, n *sstable.Lookups) ([]byte, key.Trailer, bool, error) {
	r, err := t.Reader()
	if err != nil {
		return dst, 0, false, err
	}
	out, tr, found, err := r.Get(k, hash, dst, n)
	runtime.KeepAlive(t)
	return out, tr, found, err
}

// IterOptions says how the iterators of a Version read.
type IterOptions = sstable.IterOptions

// AppendIters appends iterators over the tables that may hold keys in [lower, upper), or hide them,
// newest source first: one for each such table of L0, one for each deeper level. nil bounds are open.
// The bounds choose tables, they do not limit the iterators. The caller keeps the Version reachable
// until it has closed them.
func (v *Version) AppendIters(dst []iterator.Source, lower, upper []byte, o IterOptions) ([]iterator.Source, error) {
	n := len(dst)
	for _, t := range v.Levels[0] {
		if !inBounds(&t.TableMeta, lower, upper) {
			continue
		}
		r, err := t.Reader()
		if err != nil {
			return dst[:n], errors.Join(err, closeIters(dst[n:]))
		}
		dst = append(dst, iterator.Source{Iterator: r.NewIter(o), Ranges: r.Ranges()})
	}
	for l := 1; l < NumLevels; l++ {
		if ts, ranged := v.within(l, lower, upper); len(ts) > 0 {
			dst = append(dst, newLevelIter(ts, ranged, o).source())
		}
	}
	return dst, nil
}

func closeIters(its []iterator.Source) error {
	var err error
	for _, it := range its {
		err = errors.Join(err, it.Close())
	}
	return err
}

func inBounds(m *TableMeta, lower, upper []byte) bool {
	return (upper == nil || bytes.Compare(m.Smallest, upper) < 0) && (lower == nil || bytes.Compare(m.Largest, lower) >= 0)
}

// within returns the tables of a level below L0 that may hold keys in [lower, upper), and those of them
// that have range deletes.
func (v *Version) within(l int, lower, upper []byte) (ts, ranged []*Table) {
	ts, ranged = v.Levels[l], v.ranged[l]
	if lower != nil {
		ts = ts[v.fences[l].find(ts, lower):]
		ranged = ranged[sort.Search(len(ranged), func(i int) bool { return bytes.Compare(ranged[i].Largest, lower) >= 0 }):]
	}
	if upper != nil {
		ts, ranged = before(ts, upper), before(ranged, upper)
	}
	return ts, ranged
}

// before returns those of sorted tables that begin before upper.
func before(ts []*Table, upper []byte) []*Table {
	return ts[:sort.Search(len(ts), func(i int) bool { return bytes.Compare(ts[i].Smallest, upper) >= 0 })]
}

// overlapping returns the tables of a level below L0 that share keys with the inclusive range.
func (v *Version) overlapping(l int, lo, hi []byte) []*Table {
	ts := v.Levels[l]
	from := v.fences[l].find(ts, lo)
	n := sort.Search(len(ts)-from, func(i int) bool { return bytes.Compare(ts[from+i].Smallest, hi) > 0 })
	return ts[from : from+n]
}

// String draws the levels that have tables, one table a line, for tests and tools.
func (v *Version) String() string {
	var sb strings.Builder
	for l, ts := range v.Levels {
		if len(ts) == 0 {
			continue
		}
		fmt.Fprintf(&sb, "L%d: %d bytes\n", l, v.bytes[l])
		for _, t := range ts {
			fmt.Fprintf(&sb, "  %s\n", t.String())
		}
	}
	return sb.String()
}

// Check verifies what every Version must be: tables with bounds in order and at least one entry or range
// delete, L0 newest first, deeper levels sorted and disjoint, no number twice, and neither tombstones nor
// range deletes in the last level.
func Check(v *Version) error {
	seen := make(map[uint64]int)
	for l, ts := range v.Levels {
		for i, t := range ts {
			if other, dup := seen[t.Num]; dup {
				return fmt.Errorf("table %d is in L%d and L%d", t.Num, other, l)
			}
			seen[t.Num] = l
			if bytes.Compare(t.Smallest, t.Largest) > 0 || len(t.Smallest) == 0 || t.Entries+t.Ranges <= 0 || t.MinSeq > t.MaxSeq {
				return fmt.Errorf("table in L%d has impossible metadata: %s", l, t)
			}
			if l == lastLevel && t.Tombstones+t.Ranges > 0 {
				return fmt.Errorf("table in the last level has tombstones or range deletes: %s", t)
			}
			if i == 0 {
				continue
			}
			prev := ts[i-1]
			if l == 0 && compareAge(&prev.TableMeta, &t.TableMeta) >= 0 {
				return fmt.Errorf("tables of L0 are not newest first: %s before %s", prev, t)
			}
			if l > 0 && bytes.Compare(prev.Largest, t.Smallest) >= 0 {
				return fmt.Errorf("tables of L%d overlap: %s and %s", l, prev, t)
			}
		}
	}
	return nil
}

// A fence finds the table of a level for a key with few cache misses: it holds, for each table,
// the eight bytes of its largest key that follow the prefix which all largest keys share.
type fence struct {
	prefix []byte
	words  []uint64
}

func newFence(ts []*Table) fence {
	if len(ts) == 0 {
		return fence{}
	}
	first, last := ts[0].Largest, ts[len(ts)-1].Largest
	f := fence{prefix: first[:key.SharedPrefix(first, last)], words: make([]uint64, len(ts))}
	for i, t := range ts {
		f.words[i] = key.Head(t.Largest[len(f.prefix):])
	}
	return f
}

// find returns the index of the first table whose largest key is not below k, or len(ts).
func (f *fence) find(ts []*Table, k []byte) int {
	if len(ts) == 0 {
		return 0
	}
	n := len(f.prefix)
	if len(k) < n || string(k[:n]) != string(f.prefix) {
		if bytes.Compare(k, f.prefix) < 0 {
			return 0
		}
		return len(ts)
	}
	w := key.Head(k[n:])
	lo, hi := 0, len(ts)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if f.words[mid] < w || f.words[mid] == w && bytes.Compare(ts[mid].Largest, k) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}
