package simulation

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/middb/middb/key"
)

// A history is the model of a database: every commit that was handed over and may still be there, in
// order, and what each made of which key. The state at a sequence number is what the commits up to it
// make together.
type history struct {
	keys     [][]byte    // ascending, all that may ever be written; a key's index is its id
	versions [][]version // by id, ascending
	commits  []*commit   // ascending
	locked   []uint64    // by id: the last transaction that read it for update

	// acked is a sequence number that somebody knows to be visible: whoever reads from now on sees
	// at least this.
	acked uint64
	// durable is a sequence number that no crash may take back.
	durable uint64
}

// A version is what one operation made of one key: a value, until a time if it expires, and then another
// one or none.
type version struct {
	seq     uint64
	deleted bool
	value   []byte
	expires int64  // nanoseconds since 1970; 0: never
	after   []byte // what operands merged into an expiring value leave; nil: nothing
}

// at returns the value at a time.
func (v *version) at(now int64) (value []byte, ok bool) {
	if v.expires != 0 && now >= v.expires {
		return v.after, v.after != nil
	}
	return v.value, !v.deleted
}

// A write is what an operation of a commit does to a key. An operation may write several.
type write struct {
	op      uint64 // index in the commit
	id      int
	value   []byte // of a merge: what is appended
	deleted bool
	merge   bool
	expires int64
}

// onto returns the version that a write makes on top of another one.
func (w *write) onto(v version) version {
	if !w.merge {
		return version{deleted: w.deleted, value: w.value, expires: w.expires}
	}
	v.deleted, v.value = false, append(bytes.Clone(v.value), w.value...)
	if v.expires != 0 {
		v.after = append(bytes.Clone(v.after), w.value...)
	}
	return v
}

// A commit is one commit as its caller knows it.
type commit struct {
	writes []write
	ops    uint64 // operations, each of which takes a sequence number
	sync   bool

	// Of a transaction: what it read at, and the keys that must be as they were, beside those written.
	txn    bool
	view   uint64
	reads  []int // read, under serializable isolation
	locked []int // read for update

	handedOver bool
	refused    bool   // it conflicts
	first      uint64 // sequence number of its first operation
	last       uint64
}

func newHistory(keys [][]byte) *history {
	return &history{keys: keys, versions: make([][]version, len(keys)), locked: make([]uint64, len(keys))}
}

// last returns the sequence number of the newest operation that was handed over.
func (h *history) last() uint64 {
	if n := len(h.commits); n > 0 {
		return h.commits[n-1].last
	}
	return 0
}

// add takes a commit that was handed over now, so that it follows on all before, or is refused because of
// them.
func (h *history) add(c *commit) {
	c.handedOver = true
	if c.refused = c.txn && h.conflicts(c); c.refused {
		return
	}
	c.first = h.last() + 1
	c.last = c.first + c.ops - 1
	h.commits = append(h.commits, c)
	for i := range c.writes {
		w := &c.writes[i]
		v := version{deleted: true}
		if n := len(h.versions[w.id]); n > 0 {
			v = h.versions[w.id][n-1]
		}
		v = w.onto(v)
		v.seq = c.first + w.op
		h.versions[w.id] = append(h.versions[w.id], v)
	}
	for _, id := range c.locked {
		h.locked[id] = c.last
	}
}

// conflicts reports whether something that a transaction depends on was written since it began.
func (h *history) conflicts(c *commit) bool {
	written := func(id int) bool {
		vs := h.versions[id]
		return h.locked[id] > c.view || len(vs) > 0 && vs[len(vs)-1].seq > c.view
	}
	return slices.ContainsFunc(c.reads, written) || slices.ContainsFunc(c.locked, written) ||
		slices.ContainsFunc(c.writes, func(w write) bool { return written(w.id) })
}

// observe notes that the state at a sequence number was seen by somebody. What is visible stays so,
// and a Sync commit is not visible before no crash can take it back.
func (h *history) observe(seq uint64) {
	h.acked = max(h.acked, seq)
	for _, c := range slices.Backward(h.commits) {
		if c.last <= h.durable {
			break
		}
		if c.sync && c.last <= seq {
			h.durable = c.last
			break
		}
	}
}

// at returns the value of a key at a sequence number and a time.
func (h *history) at(id int, seq uint64, now int64) (value []byte, ok bool) {
	vs := h.versions[id]
	i := len(vs)
	if i > 0 && vs[i-1].seq > seq {
		i = sort.Search(i, func(i int) bool { return vs[i].seq > seq })
	}
	if i == 0 {
		return nil, false
	}
	return vs[i-1].at(now)
}

// boundary reports whether a commit ends at a sequence number.
func (h *history) boundary(seq uint64) bool {
	i := sort.Search(len(h.commits), func(i int) bool { return h.commits[i].last >= seq })
	return seq == 0 || i < len(h.commits) && h.commits[i].last == seq
}

// states yields the sequence numbers in [low, high] at which a commit ends.
func (h *history) states(low, high uint64) (out []uint64) {
	if low == 0 {
		out = append(out, 0)
	}
	i := sort.Search(len(h.commits), func(i int) bool { return h.commits[i].last >= low })
	for ; i < len(h.commits) && h.commits[i].last <= high; i++ {
		out = append(out, h.commits[i].last)
	}
	return out
}

// commitOf returns the commit that has a sequence number.
func (h *history) commitOf(seq uint64) *commit {
	i := sort.Search(len(h.commits), func(i int) bool { return h.commits[i].last >= seq })
	return h.commits[i]
}

// truncate forgets what a crash took back: all after a sequence number.
func (h *history) truncate(seq uint64) {
	for id, vs := range h.versions {
		i := sort.Search(len(vs), func(i int) bool { return vs[i].seq > seq })
		h.versions[id] = vs[:i]
	}
	i := sort.Search(len(h.commits), func(i int) bool { return h.commits[i].last > seq })
	h.commits = h.commits[:i]
	h.acked, h.durable = seq, seq
	clear(h.locked) // no transaction outlives a life
}

// A window is when a read took place: in some state of [low, high], at a time in [from, to].
type window struct {
	low, high uint64
	from, to  int64
}

// checkGet compares what a read of a key found with the states in the window, and returns the sequence
// number of the oldest version that it may be, 0 if that is none at all.
func (h *history) checkGet(id int, got []byte, found bool, in window) (seq uint64, err error) {
	vs := h.versions[id]
	agrees := false
	shows := func(v version, now int64) bool {
		value, ok := v.at(now)
		return ok == found && bytes.Equal(value, got)
	}
	for i := len(vs); ; i-- {
		v := version{deleted: true} // before the first
		if i > 0 {
			v = vs[i-1]
		}
		if v.seq <= in.high && (shows(v, in.from) || shows(v, in.to)) && h.ends(vs, i, in.high) {
			seq, agrees = v.seq, true
		}
		if v.seq <= in.low {
			break
		}
	}
	if agrees {
		return seq, nil
	}
	return 0, fmt.Errorf("get %s found %s, which no state from %d to %d has:%s",
		show(h.keys[id]), answer(got, found), in.low, in.high, h.describe(id, in.high))
}

// ends reports whether version i of vs, counted from 1, is the newest one of its key in some whole
// state up to high: an operation that a later one of the same commit replaces is in none.
func (h *history) ends(vs []version, i int, high uint64) bool {
	if i == 0 {
		return true
	}
	end := h.commitOf(vs[i-1].seq).last
	return end <= high && (i == len(vs) || vs[i].seq > end)
}

// checkAll compares everything that is in the database at a time with a state.
func (h *history) checkAll(got []entry, seq uint64, now int64) error {
	i := 0
	for id, k := range h.keys {
		value, ok := h.at(id, seq, now)
		var e entry
		found := i < len(got) && bytes.Equal(got[i].key, k)
		if found {
			e = got[i]
			i++
		}
		if ok != found || !bytes.Equal(value, e.value) {
			return fmt.Errorf("at %d key %s has %s instead of %s:%s",
				seq, show(k), answer(e.value, found), answer(value, ok), h.describe(id, seq))
		}
	}
	if i < len(got) {
		return fmt.Errorf("key %s is out of place or was never written", show(got[i].key))
	}
	return nil
}

// An entry is a key and its value, as an iterator shows it.
type entry struct{ key, value []byte }

// describeKey is describe of the key k, if it is one.
func (h *history) describeKey(k []byte, seq uint64) string {
	id, ok := slices.BinarySearchFunc(h.keys, k, bytes.Compare)
	if !ok {
		return ""
	}
	return fmt.Sprintf("\n    %s:%s", show(k), h.describe(id, seq))
}

// describe lists the last versions of a key.
func (h *history) describe(id int, seq uint64) string {
	var sb strings.Builder
	vs := h.versions[id]
	for _, v := range vs[max(0, len(vs)-8):] {
		fmt.Fprintf(&sb, " %d:%s", v.seq, answer(v.value, !v.deleted))
		if v.expires != 0 {
			fmt.Fprintf(&sb, "(until %d, then %s)", v.expires, answer(v.after, v.after != nil))
		}
	}
	fmt.Fprintf(&sb, "; %d is durable, %d visible, %d asked for, %d handed over", h.durable, h.acked, seq, h.last())
	return sb.String()
}

// answer prints the result of a read.
func answer(value []byte, found bool) string {
	if !found {
		return "(nil)"
	}
	return show(value)
}

// show prints the beginning of a key or value, which tells it from all others.
func show(b []byte) string {
	const most = 24
	if len(b) <= most {
		return key.Format(b)
	}
	return key.Format(b[:most]) + "..."
}
