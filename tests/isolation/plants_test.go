package isolation

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/middb/middb/tests/isolation/history"
)

// A plant is a bug, as a wrapper around a store that has none.
type plant struct {
	name    string
	level   level
	begin   func(s store, l level) (txn, error)
	kinds   []history.Kind // what it can cause
	phantom bool           // a missing key is part of it
	robs    bool           // the bank must notice it, too
}

var plants = []plant{
	{name: "writes are not checked", level: snapshot, begin: beginUnchecked, kinds: []history.Kind{history.LostUpdate}, robs: true},
	{name: "writes are checked from a View that is too new", level: snapshot, begin: beginLate, kinds: []history.Kind{history.LostUpdate}, robs: true},
	{name: "reads are checked from a View that is too new", level: serializable, begin: beginLate, kinds: []history.Kind{history.G2, history.GSingle, history.LostUpdate}},
	{name: "serializable is snapshot", level: serializable, begin: beginLower, kinds: []history.Kind{history.G2}},
	{name: "serializable forgets ranges", level: serializable, begin: beginForgetful(forgetRanges), kinds: []history.Kind{history.G2}},
	{name: "serializable forgets missing keys", level: serializable, begin: beginForgetful(forgetMissing), kinds: []history.Kind{history.G2}, phantom: true},
	{name: "serializable forgets keys", level: serializable, begin: beginForgetful(forgetKeys), kinds: []history.Kind{history.G2}},
	{name: "reads are at the newest state", level: snapshot, begin: beginNewest, kinds: []history.Kind{history.GSingle, history.Internal}, robs: true},
	{name: "a commit is not atomic", level: snapshot, begin: beginTorn, kinds: []history.Kind{history.GSingle, history.GNonadjacent, history.G1c}, robs: true},
	{name: "own writes are not seen", level: snapshot, begin: beginBlind, kinds: []history.Kind{history.Internal}},
	{name: "a rollback keeps the writes", level: snapshot, begin: beginUndying(true), kinds: []history.Kind{history.G1a}, robs: true},
	{name: "a refused commit keeps its first write", level: serializable, begin: beginUndying(false), kinds: []history.Kind{history.G1a}, robs: true},
	{name: "a View is older than the last commit", level: snapshot, begin: nil, kinds: []history.Kind{history.GSingle + history.Realtime}},
}

type plantedStore struct {
	store
	plant plant
}

func (p plantedStore) begin(l level) (txn, error) { return p.plant.begin(p.store, l) }

func (p plant) wrap(s store) store {
	if p.begin == nil {
		return &agingStore{store: s}
	}
	return plantedStore{s, p}
}

// causes tells whether an anomaly is one that the bug can cause.
func (p plant) causes(a history.Anomaly) bool {
	return slices.Contains(p.kinds, a.Kind) && (a.Predicate || !p.phantom || strings.Contains(a.Text, "= [],"))
}

// A recorder passes everything on and keeps it, so that it can be done again in another transaction.
type recorder struct {
	txn
	store  store
	level  level
	reads  []func(txn) error
	writes []func(txn) error
}

func record(s store, l level) (*recorder, error) {
	t, err := s.begin(l)
	return &recorder{txn: t, store: s, level: l}, err
}

func (r *recorder) get(k string) (string, bool, error) {
	r.reads = append(r.reads, func(t txn) error { _, _, err := t.get(k); return err })
	return r.txn.get(k)
}

func (r *recorder) scan(s span) ([]pair, error) {
	r.reads = append(r.reads, func(t txn) error { _, err := t.scan(s); return err })
	return r.txn.scan(s)
}

func (r *recorder) put(k, v string) error {
	r.writes = append(r.writes, func(t txn) error { return t.put(k, v) })
	return r.txn.put(k, v)
}

func (r *recorder) add(k, v string) error {
	r.writes = append(r.writes, func(t txn) error { return t.add(k, v) })
	return r.txn.add(k, v)
}

// again does what was recorded.
func again(t txn, done []func(txn) error) error {
	for _, f := range done {
		if err := f(t); err != nil {
			return err
		}
	}
	return nil
}

// blindly commits writes in a transaction of their own.
func (r *recorder) blindly(writes []func(txn) error) error {
	return update(r.store, snapshot, func(t txn) error { return again(t, writes) })
}

type uncheckedTxn struct{ *recorder }

func beginUnchecked(s store, l level) (txn, error) {
	r, err := record(s, l)
	return uncheckedTxn{r}, err
}

func (t uncheckedTxn) commit() error {
	return errors.Join(t.rollback(), t.blindly(t.writes))
}

type lateTxn struct{ *recorder }

func beginLate(s store, l level) (txn, error) {
	r, err := record(s, l)
	return lateTxn{r}, err
}

func (t lateTxn) commit() error {
	late, err := t.store.begin(t.level)
	if err := errors.Join(err, t.rollback(), again(late, t.reads), again(late, t.writes)); err != nil {
		return err
	}
	return late.commit()
}

func beginLower(s store, _ level) (txn, error) { return s.begin(snapshot) }

// What a forgetfulTxn does not check at commit.
const (
	forgetRanges = iota
	forgetMissing
	forgetKeys
)

// A forgetfulTxn is serializable because it reads for update under Snapshot, but for what it forgets.
type forgetfulTxn struct {
	txn
	forgets int
}

func beginForgetful(what int) func(s store, _ level) (txn, error) {
	return func(s store, _ level) (txn, error) {
		t, err := s.begin(snapshot)
		return &forgetfulTxn{t, what}, err
	}
}

func (t *forgetfulTxn) get(k string) (string, bool, error) {
	v, found, err := t.txn.get(k)
	if err == nil && t.forgets != forgetKeys && (found || t.forgets != forgetMissing) {
		_, _, err = t.getForUpdate(k)
	}
	return v, found, err
}

func (t *forgetfulTxn) scan(s span) ([]pair, error) {
	found, err := t.txn.scan(s)
	if err != nil || t.forgets == forgetRanges {
		return found, err
	}
	keys := keysIn(s.lower, s.upper)
	if t.forgets == forgetMissing {
		keys = nil
		for _, p := range found {
			keys = append(keys, p.k)
		}
	}
	for _, k := range keys {
		if _, _, err := t.getForUpdate(k); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// An overlay is writes that a transaction shows to itself.
type overlay map[string]string

// scan shows a span of a transaction with the writes.
func (o overlay) scan(t txn, s span) ([]pair, error) {
	found, err := t.scan(span{lower: s.lower, upper: s.upper})
	merged := map[string]string{}
	for _, p := range found {
		merged[p.k] = p.v
	}
	for k, v := range o {
		if inRange(k, s.lower, s.upper) {
			merged[k] = v
		}
	}
	found = nil
	for _, k := range slices.Sorted(maps.Keys(merged)) {
		found = append(found, pair{k, merged[k]})
	}
	found, _ = s.show(found)
	return found, err
}

// A newestTxn checks its writes but reads what is newest.
type newestTxn struct {
	*recorder
	own overlay
}

func beginNewest(s store, l level) (txn, error) {
	r, err := record(s, l)
	return &newestTxn{r, overlay{}}, err
}

func (t *newestTxn) get(k string) (v string, found bool, err error) {
	if v, found := t.own[k]; found {
		return v, true, nil
	}
	err = update(t.store, snapshot, func(newest txn) (err error) {
		v, found, err = newest.get(k)
		return err
	})
	return v, found, err
}

func (t *newestTxn) scan(s span) (found []pair, err error) {
	err = update(t.store, snapshot, func(newest txn) (err error) {
		found, err = t.own.scan(newest, s)
		return err
	})
	return found, err
}

func (t *newestTxn) put(k, v string) error {
	t.own[k] = v
	return t.recorder.put(k, v)
}

func (t *newestTxn) add(k, v string) error {
	old, _, err := t.get(k)
	if err != nil {
		return err
	}
	return t.put(k, old+v)
}

// A tornTxn holds the first key that it writes back, and commits it after all others.
type tornTxn struct {
	*recorder
	held overlay
}

func beginTorn(s store, l level) (txn, error) {
	r, err := record(s, l)
	return &tornTxn{r, overlay{}}, err
}

func (t *tornTxn) get(k string) (string, bool, error) {
	if v, found := t.held[k]; found {
		return v, true, nil
	}
	return t.txn.get(k)
}

func (t *tornTxn) scan(s span) ([]pair, error) {
	return t.held.scan(t.txn, s)
}

func (t *tornTxn) put(k, v string) error {
	if _, held := t.held[k]; held || len(t.held) == 0 {
		t.held[k] = v
		_, _, err := t.getForUpdate(k) // so that the check is what it should be
		return err
	}
	return t.txn.put(k, v)
}

func (t *tornTxn) add(k, v string) error {
	if old, held := t.held[k]; held {
		return t.put(k, old+v)
	}
	return t.txn.add(k, v)
}

func (t *tornTxn) commit() error {
	if err := t.txn.commit(); err != nil {
		return err
	}
	runtime.Gosched()
	return update(t.store, snapshot, func(late txn) error {
		for k, v := range t.held {
			if err := late.put(k, v); err != nil {
				return err
			}
		}
		return nil
	})
}

// A blindTxn reads in a transaction that does not have its writes.
type blindTxn struct {
	txn
	reader txn
}

func beginBlind(s store, l level) (txn, error) {
	reader, err := s.begin(l)
	if err != nil {
		return nil, err
	}
	t, err := s.begin(l)
	return &blindTxn{t, reader}, err
}

func (t *blindTxn) get(k string) (string, bool, error) { return t.reader.get(k) }

func (t *blindTxn) scan(s span) ([]pair, error) {
	return t.reader.scan(s)
}

func (t *blindTxn) commit() error { return errors.Join(t.reader.rollback(), t.txn.commit()) }

func (t *blindTxn) rollback() error { return errors.Join(t.reader.rollback(), t.txn.rollback()) }

// An undyingTxn leaves something although it did not commit.
type undyingTxn struct {
	*recorder
	rolledBack bool // what was rolled back stays; else some of what was refused
}

func beginUndying(rolledBack bool) func(s store, l level) (txn, error) {
	return func(s store, l level) (txn, error) {
		r, err := record(s, l)
		return &undyingTxn{r, rolledBack}, err
	}
}

func (t *undyingTxn) rollback() error {
	err := t.txn.rollback()
	if t.rolledBack {
		err = errors.Join(err, t.blindly(t.writes))
	}
	return err
}

func (t *undyingTxn) commit() error {
	err := t.txn.commit()
	if isConflict(err) && !t.rolledBack {
		return errors.Join(err, t.blindly(t.writes[:min(1, len(t.writes))]))
	}
	return err
}

// An agingStore hands out transactions that were begun for callers before.
type agingStore struct {
	store
	mu    sync.Mutex
	begun []txn
}

func (s *agingStore) begin(l level) (txn, error) {
	t, err := s.store.begin(l)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun = append(s.begun, t); len(s.begun) < 4 {
		return s.store.begin(l)
	}
	t, s.begun = s.begun[0], s.begun[1:]
	return t, nil
}
