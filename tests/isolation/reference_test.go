package isolation

import (
	"errors"
	"maps"
	"slices"
	"sync"
)

// A reference is the simplest store that has all four levels: all versions of all keys, under one
// lock, checked at commit like the engine's. Read uncommitted writes in place, without any locks, and
// undoes at rollback, so every anomaly is possible.
type reference struct {
	mu   sync.Mutex
	seq  uint64 // of the last commit
	keys map[string][]version
	gone []deletion
}

// A deletion is a range that a commit deleted.
type deletion struct {
	pair
	seq uint64
}

// A version is what a commit did to a key.
type version struct {
	seq     uint64
	v       string
	deleted bool
}

func newReference() *reference { return &reference{keys: map[string][]version{}} }

func (r *reference) begin(l level) (txn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &referenceTxn{r: r, level: l, view: r.seq, writes: map[string]version{}, read: map[string]bool{}, undo: map[string]version{}}, nil
}

// at returns the version of k that a reader at seq sees.
func (r *reference) at(k string, seq uint64) version {
	for _, v := range slices.Backward(r.keys[k]) {
		if v.seq <= seq {
			return v
		}
	}
	return version{deleted: true}
}

// changed tells whether k was committed after seq.
func (r *reference) changed(k string, seq uint64) bool {
	versions := r.keys[k]
	return len(versions) > 0 && versions[len(versions)-1].seq > seq
}

type referenceTxn struct {
	r      *reference
	level  level
	view   uint64
	writes map[string]version
	read   map[string]bool
	ranges []pair // bounds that were read
	locked []string
	erased []pair             // ranges that were deleted
	undo   map[string]version // read uncommitted: what was there before
	over   bool
}

var errOver = errors.New("the transaction is over")

func (t *referenceTxn) enter() error {
	t.r.mu.Lock()
	if t.over {
		t.r.mu.Unlock()
		return errOver
	}
	return nil
}

// see returns the version of k that the transaction sees.
func (t *referenceTxn) see(k string) version {
	if v, own := t.writes[k]; own {
		return v
	}
	if t.level < snapshot {
		return t.r.at(k, t.r.seq)
	}
	return t.r.at(k, t.view)
}

func (t *referenceTxn) get(k string) (string, bool, error) {
	if err := t.enter(); err != nil {
		return "", false, err
	}
	defer t.r.mu.Unlock()
	t.read[k] = true
	v := t.see(k)
	return v.v, !v.deleted, nil
}

func (t *referenceTxn) getForUpdate(k string) (string, bool, error) {
	v, found, err := t.get(k)
	t.locked = append(t.locked, k)
	return v, found, err
}

func (t *referenceTxn) scan(s span) ([]pair, error) {
	if err := t.enter(); err != nil {
		return nil, err
	}
	defer t.r.mu.Unlock()
	found, seen := s.show(t.find(s.lower, s.upper))
	t.ranges = append(t.ranges, pair{seen.lower, seen.upper})
	return found, nil
}

func (t *referenceTxn) find(lower, upper string) (found []pair) {
	keys := map[string]bool{}
	for k := range t.r.keys {
		keys[k] = true
	}
	for k := range t.writes {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if v := t.see(k); inRange(k, lower, upper) && !v.deleted {
			found = append(found, pair{k, v.v})
		}
	}
	return found
}

func (t *referenceTxn) put(k, v string) error { return t.write(k, version{v: v}) }

func (t *referenceTxn) add(k, v string) error {
	if err := t.enter(); err != nil {
		return err
	}
	v = t.see(k).v + v
	t.r.mu.Unlock()
	return t.put(k, v)
}

func (t *referenceTxn) del(k string) error { return t.write(k, version{deleted: true}) }

func (t *referenceTxn) delRange(lower, upper string) error {
	if err := t.enter(); err != nil {
		return err
	}
	found := t.find(lower, upper)
	t.erased = append(t.erased, pair{lower, upper})
	t.r.mu.Unlock()
	for _, p := range found {
		if err := t.del(p.k); err != nil {
			return err
		}
	}
	return nil
}

func (t *referenceTxn) write(k string, v version) error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.r.mu.Unlock()
	if t.level > readUncommitted {
		t.writes[k] = v
		return nil
	}
	if _, again := t.undo[k]; !again {
		t.undo[k] = t.see(k)
	}
	t.install(map[string]version{k: v})
	return nil
}

func (t *referenceTxn) install(writes map[string]version) {
	t.r.seq++
	for k, v := range writes {
		v.seq = t.r.seq
		t.r.keys[k] = append(t.r.keys[k], v)
	}
}

func (t *referenceTxn) commit() error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.r.mu.Unlock()
	t.over = true
	if t.level >= snapshot && len(t.writes)+len(t.locked)+len(t.erased) > 0 {
		if k, found := t.conflict(); found {
			return &conflict{k}
		}
	}
	if len(t.writes)+len(t.erased) > 0 {
		for _, k := range t.locked { // they count as written
			t.writes[k] = t.see(k)
		}
	}
	t.install(t.writes)
	for _, p := range t.erased {
		t.r.gone = append(t.r.gone, deletion{p, t.r.seq})
	}
	return nil
}

// conflict returns the first key, or start of a range, that another transaction committed since this
// one began, and that it wrote or, at serializable, read.
func (t *referenceTxn) conflict() (string, bool) {
	checked := slices.Clone(t.erased)
	one := func(k string) { checked = append(checked, pair{k, k + "\x00"}) }
	for k := range t.writes {
		one(k)
	}
	for _, k := range t.locked {
		one(k)
	}
	if t.level == serializable {
		checked = append(checked, t.ranges...)
		for k := range t.read {
			one(k)
		}
	}
	var conflicts []string
	for _, c := range checked {
		for k := range t.r.keys {
			if inRange(k, c.k, c.v) && t.r.changed(k, t.view) {
				conflicts = append(conflicts, k)
			}
		}
		for _, d := range t.r.gone {
			if d.seq > t.view && (c.v == "" || d.k < c.v) && c.k < d.v {
				conflicts = append(conflicts, max(c.k, d.k))
			}
		}
	}
	if len(conflicts) == 0 {
		return "", false
	}
	return slices.Min(conflicts), true
}

func (t *referenceTxn) rollback() error {
	if err := t.enter(); err != nil {
		return err
	}
	defer t.r.mu.Unlock()
	t.over = true
	if len(t.undo) > 0 {
		t.install(t.undo)
	}
	return nil
}
