package relation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
)

var (
	errFakeConflict = errors.New("fake: conflict")
	errFakeFault    = errors.New("fake: the operation fails, as it was told")
	errFakeCrash    = errors.New("fake: crashed")
)

// A fake is a Database in memory: snapshots, own writes, first committer wins.
type fake struct {
	state        fakeState
	seq          uint64
	states       []fakeState // by sequence number, for crashes
	commits      []fakeCommit
	epoch        int  // counts crashes
	serializable bool // what is read counts as depended on

	// step runs before every operation of a transaction, and may have it fail.
	step      func(op string) error
	conflicts int
}

type fakeEntry struct{ k, v []byte }

// fakeState is what is committed: sorted entries of each space, never changed in place.
type fakeState map[Space][]fakeEntry

type fakeKey struct {
	s Space
	k string
}

type fakeRange struct {
	s            Space
	lower, upper []byte
}

func (r fakeRange) holds(k fakeKey) bool {
	return r.s == k.s && k.k >= string(r.lower) && (r.upper == nil || k.k < string(r.upper))
}

type fakeCommit struct {
	seq    uint64
	keys   map[fakeKey]bool
	clears map[Space]bool
}

func newFake() *fake { return &fake{state: fakeState{}, states: []fakeState{{}}} }

// fork returns a database of its own with the same contents.
func (db *fake) fork() *fake {
	return &fake{state: db.state, seq: db.seq, states: slices.Clone(db.states), commits: slices.Clone(db.commits)}
}

type fakeOp struct {
	key   fakeKey
	v     []byte
	del   bool
	clear bool
}

type fakeTxn struct {
	db     *fake
	state  fakeState
	seq    uint64
	epoch  int
	ops    []fakeOp
	latest map[fakeKey]int // index in ops
	clears map[Space]int

	dropped []Space // whose clearing conflicts with nothing
	deps    map[fakeKey]bool
	ranges  []fakeRange
	points  []int
	done    bool
	view    bool

	changing []func() func(uint64)
}

var _ Versioned = (*fakeTxn)(nil)

func (t *fakeTxn) Seq() (uint64, bool) { return t.seq, !t.db.serializable }

func (t *fakeTxn) Changing(committing func() func(uint64)) {
	t.changing = append(t.changing, committing)
}

func (db *fake) begin() *fakeTxn {
	return &fakeTxn{
		db: db, state: db.state, seq: db.seq, epoch: db.epoch,
		latest: map[fakeKey]int{}, clears: map[Space]int{}, deps: map[fakeKey]bool{},
	}
}

func (db *fake) Update(ctx context.Context, f func(Txn) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := db.begin()
		err := f(t)
		if err == nil {
			err = t.commit()
		}
		t.done = true
		if !errors.Is(err, errFakeConflict) {
			return err
		}
		db.conflicts++
	}
}

func (db *fake) View(ctx context.Context, f func(Txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := db.begin()
	t.view = true
	defer func() { t.done = true }()
	return f(t)
}

// crash ends all transactions and loses the last commits, if any.
func (db *fake) crash(lost int) {
	db.epoch++
	db.seq -= uint64(min(lost, len(db.states)-1))
	db.states = db.states[:db.seq+1]
	db.state = db.states[db.seq]
	db.commits = db.commits[:db.seq]
}

func (t *fakeTxn) enter(op string) error {
	switch {
	case t.done:
		return errors.New("fake: the transaction is over")
	case t.epoch != t.db.epoch:
		return errFakeCrash
	}
	if step := t.db.step; step != nil {
		if err := step(op); err != nil {
			return err
		}
	}
	if t.epoch != t.db.epoch {
		return errFakeCrash
	}
	return nil
}

func (t *fakeTxn) Get(s Space, dst, k []byte) ([]byte, bool, error) {
	if err := t.enter("get"); err != nil {
		return dst, false, err
	}
	key := fakeKey{s, string(k)}
	if t.db.serializable {
		t.deps[key] = true
	}
	i, own := t.latest[key]
	c, cleared := t.clears[s]
	switch {
	case own && (!cleared || i > c):
		if t.ops[i].del {
			return dst, false, nil
		}
		return append(dst, t.ops[i].v...), true, nil
	case cleared:
		return dst, false, nil
	}
	entries := t.state[s]
	n, found := slices.BinarySearchFunc(entries, k, func(e fakeEntry, k []byte) int { return bytes.Compare(e.k, k) })
	if !found {
		return dst, false, nil
	}
	return append(dst, entries[n].v...), true, nil
}

func (t *fakeTxn) write(name string, op fakeOp) error {
	if t.view {
		return errors.New("fake: read-only")
	}
	if err := t.enter(name); err != nil {
		return err
	}
	if op.key.s.Tree && len(op.key.k)+len(op.v) > MaxTreeEntry {
		return fmt.Errorf("fake: an entry of %d bytes is too long for a tree", len(op.key.k)+len(op.v))
	}
	t.apply(op)
	return nil
}

func (t *fakeTxn) apply(op fakeOp) {
	t.ops = append(t.ops, op)
	if op.clear {
		t.clears[op.key.s] = len(t.ops) - 1
		return
	}
	t.latest[op.key] = len(t.ops) - 1
}

func (t *fakeTxn) Put(s Space, k, v []byte) error {
	return t.write("put", fakeOp{key: fakeKey{s, string(k)}, v: bytes.Clone(v)})
}

func (t *fakeTxn) Delete(s Space, k []byte) error {
	return t.write("delete", fakeOp{key: fakeKey{s, string(k)}, del: true})
}

func (t *fakeTxn) Clear(s Space) error {
	return t.write("clear", fakeOp{key: fakeKey{s: s}, clear: true})
}

func (t *fakeTxn) Drop(s Space) error {
	t.dropped = append(t.dropped, s)
	return t.write("drop", fakeOp{key: fakeKey{s: s}, clear: true})
}

func (t *fakeTxn) DependOn(s Space, k []byte) { t.deps[fakeKey{s, string(k)}] = true }

func (t *fakeTxn) DependOnRange(s Space, lower, upper []byte) {
	t.ranges = append(t.ranges, fakeRange{s, bytes.Clone(lower), bytes.Clone(upper)})
}

func (t *fakeTxn) Savepoint() (any, error) {
	if err := t.enter("savepoint"); err != nil {
		return nil, err
	}
	t.points = append(t.points, len(t.ops))
	return len(t.points) - 1, nil
}

func (t *fakeTxn) RollbackTo(point any) error {
	if t.epoch != t.db.epoch {
		return errFakeCrash
	}
	i := point.(int)
	if i >= len(t.points) {
		return errors.New("fake: no such savepoint")
	}
	t.points = t.points[:i+1]
	ops := t.ops[:t.points[i]]
	t.ops, t.latest, t.clears = nil, map[fakeKey]int{}, map[Space]int{}
	for _, op := range ops {
		t.apply(op)
	}
	return nil
}

func (t *fakeTxn) Release(point any) { t.points = t.points[:point.(int)] }

// merged returns a space as the transaction sees it now.
func (t *fakeTxn) merged(s Space) []fakeEntry {
	var out []fakeEntry
	c, cleared := t.clears[s]
	var own []fakeKey
	for k, i := range t.latest {
		if k.s == s && (!cleared || i > c) {
			own = append(own, k)
		}
	}
	if len(own) == 0 && !cleared {
		return t.state[s]
	}
	sort.Slice(own, func(i, j int) bool { return own[i].k < own[j].k })
	var base []fakeEntry
	if !cleared {
		base = t.state[s]
	}
	for len(base) > 0 || len(own) > 0 {
		if len(own) == 0 || len(base) > 0 && string(base[0].k) < own[0].k {
			out = append(out, base[0])
			base = base[1:]
			continue
		}
		if len(base) > 0 && string(base[0].k) == own[0].k {
			base = base[1:]
		}
		if op := t.ops[t.latest[own[0]]]; !op.del {
			out = append(out, fakeEntry{[]byte(op.key.k), op.v})
		}
		own = own[1:]
	}
	return out
}

type fakeIterator struct {
	t       *fakeTxn
	entries []fakeEntry
	reverse bool
	i       int
	err     error
	key     []byte // what the iterator lends is overwritten when it moves
	value   []byte
}

func (t *fakeTxn) Iterate(s Space, o Bounds) (Iterator, error) {
	if err := t.enter("iterate"); err != nil {
		return nil, err
	}
	if t.db.serializable {
		t.ranges = append(t.ranges, fakeRange{s, bytes.Clone(o.Lower), bytes.Clone(o.Upper)})
	}
	entries := t.merged(s)
	at := func(k []byte) int {
		return sort.Search(len(entries), func(i int) bool { return bytes.Compare(entries[i].k, k) >= 0 })
	}
	from, to := 0, len(entries)
	if o.Lower != nil {
		from = at(o.Lower)
	}
	if o.Upper != nil {
		to = max(from, at(o.Upper))
	}
	entries = slices.Clone(entries[from:to])
	if o.Reverse {
		slices.Reverse(entries)
	}
	return &fakeIterator{t: t, entries: entries, reverse: o.Reverse, i: -1}, nil
}

func (it *fakeIterator) at(i int) bool {
	it.i = i
	for j := range it.key {
		it.key[j] = 0xdb
	}
	for j := range it.value {
		it.value[j] = 0xdb
	}
	if it.err = it.t.enter("next"); it.err != nil || i >= len(it.entries) {
		return false
	}
	it.key = append(it.key[:0], it.entries[i].k...)
	it.value = append(it.value[:0], it.entries[i].v...)
	return true
}

func (it *fakeIterator) First() bool { return it.at(0) }
func (it *fakeIterator) Next() bool  { return it.at(it.i + 1) }

func (it *fakeIterator) Seek(k []byte) bool {
	return it.at(sort.Search(len(it.entries), func(i int) bool {
		c := bytes.Compare(it.entries[i].k, k)
		return c >= 0 && !it.reverse || c <= 0 && it.reverse
	}))
}

func (it *fakeIterator) Key() []byte   { return it.key }
func (it *fakeIterator) Value() []byte { return it.value }
func (it *fakeIterator) Err() error    { return it.err }
func (it *fakeIterator) Close() error  { return nil }

// conflict reports whether a commit since the transaction began wrote what it depends on.
func (t *fakeTxn) conflict(c fakeCommit) bool {
	hit := func(k fakeKey) bool {
		_, own := t.latest[k]
		_, cleared := t.clears[k.s]
		cleared = cleared && !slices.Contains(t.dropped, k.s)
		return own || cleared || t.deps[k] ||
			slices.ContainsFunc(t.ranges, func(r fakeRange) bool { return r.holds(k) })
	}
	for k := range c.keys {
		if hit(k) {
			return true
		}
	}
	for s := range c.clears {
		for k := range t.latest {
			if k.s == s {
				return true
			}
		}
		for k := range t.deps {
			if k.s == s {
				return true
			}
		}
		_, cleared := t.clears[s]
		if cleared || slices.ContainsFunc(t.ranges, func(r fakeRange) bool { return r.s == s }) {
			return true
		}
	}
	return false
}

func (t *fakeTxn) commit() (err error) {
	if err := t.enter("commit"); err != nil {
		return err
	}
	t.done = true
	db := t.db
	for _, f := range t.changing {
		outcome := f()
		defer func() {
			if err == nil {
				outcome(db.seq)
			} else {
				outcome(0)
			}
		}()
	}
	for _, c := range db.commits[min(t.seq, uint64(len(db.commits))):] {
		if t.conflict(c) {
			return errFakeConflict
		}
	}
	if len(t.ops) == 0 {
		return nil
	}
	c := fakeCommit{seq: db.seq + 1, keys: map[fakeKey]bool{}, clears: map[Space]bool{}}
	current := &fakeTxn{db: db, state: db.state, ops: t.ops, latest: t.latest, clears: t.clears}
	next := fakeState{}
	for s, e := range db.state {
		next[s] = e
	}
	for k := range t.latest {
		c.keys[k] = true
		next[k.s] = nil
	}
	for s := range t.clears {
		c.clears[s] = true
		next[s] = nil
	}
	for s, e := range next {
		if e == nil {
			next[s] = current.merged(s)
		}
	}
	db.seq++
	db.state = next
	db.states = append(db.states, next)
	db.commits = append(db.commits, c)
	return nil
}
