package relation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
)

// A model runs random transactions, several at a time, on the fake and on the oracle.
type model struct {
	t         *testing.T
	r         *rand.Rand
	db        *fake
	c         *Catalog
	using     catalog.Method
	committed *oracle
	history   map[uint64]*oracle // what was committed, by sequence number
	open      []*modelTxn
	given     map[string]bool // numbers, with the id of their table
	fault     int             // after how many operations one fails; 0: never
	log       bytes.Buffer
	commits   int
	conflicts int
	failures  int
	writes    int
}

// A modelTxn is a transaction under way.
type modelTxn struct {
	id        int
	txn       *fakeTxn
	tables    *Tables
	base, own *oracle
}

func (m *model) logf(format string, args ...any) { fmt.Fprintf(&m.log, format+"\n", args...) }

func (m *model) failf(format string, args ...any) {
	m.t.Helper()
	lines := strings.Split(m.log.String(), "\n")
	m.t.Fatalf("%s\nthe last operations:\n%s", fmt.Sprintf(format, args...), strings.Join(lines[max(0, len(lines)-40):], "\n"))
}

func (m *model) n(n int) int { return m.r.IntN(n) }

func (m *model) chance(percent int) bool { return m.r.IntN(100) < percent }

func (m *model) begin() {
	txn := m.db.begin()
	m.open = append(m.open, &modelTxn{
		m.r.IntN(1000), txn, m.c.Tables(context.Background(), txn), m.committed.clone(), m.committed.clone(),
	})
}

// value returns one of few values that a column may have, so that they meet.
func (m *model) value(c *catalog.Column) catalog.Value {
	switch {
	case m.chance(15):
		return catalog.Null()
	case c.Type.Kind == catalog.String:
		return catalog.Str(string(rune('a' + m.n(3))))
	default:
		return catalog.Int(int64(m.n(6)))
	}
}

// outcome holds an error to what the oracle says.
func (m *model) outcome(what string, err error, wrong map[error]bool) (ok bool) {
	m.t.Helper()
	m.db.step = nil
	m.logf("%s: %v", what, err)
	if errors.Is(err, errFakeFault) {
		m.failures++
		return false
	}
	if err == nil && len(wrong) > 0 {
		m.failf("%s succeeded, but %v", what, wrong)
	}
	if err == nil {
		return true
	}
	m.failures++
	for kind := range wrong {
		if errors.Is(err, kind) {
			return false
		}
	}
	m.failf("%s failed with %v, expected %v", what, err, wrong)
	return false
}

// arm has an operation of the storage fail soon, sometimes.
func (m *model) arm() {
	m.db.step = nil
	if m.fault == 0 || !m.chance(8) {
		return
	}
	left := m.n(m.fault)
	m.db.step = func(string) error {
		if left--; left < 0 {
			return errFakeFault
		}
		return nil
	}
}

func (m *model) step() {
	defer func() { m.db.step = nil }()
	switch k := m.n(100); {
	case len(m.open) == 0 || k < 6 && len(m.open) < 3:
		m.begin()
		return
	case k < 7 && m.fault > 0 && m.chance(50):
		m.crash()
		return
	case k < 8:
		m.build()
		return
	}
	i := m.n(len(m.open))
	x := m.open[i]
	switch k := m.n(100); {
	case k < 12:
		m.open = slices.Delete(m.open, i, i+1)
		m.commit(x)
	case k < 15:
		m.open = slices.Delete(m.open, i, i+1)
		x.txn.done = true
	case k < 19:
		m.savepoint(x)
	case k < 26 || len(x.own.tables) == 0:
		m.arm()
		m.ddl(x)
	default:
		m.arm()
		m.dml(x)
	}
}

// commit commits a transaction. What is committed then must satisfy all constraints and be what the oracle has.
func (m *model) commit(x *modelTxn) {
	if err := x.tables.Err(); err != nil {
		m.failf("a statement could not be taken back: %v", err)
	}
	err := x.txn.commit()
	m.logf("%d commit: %v", x.id, err)
	if errors.Is(err, errFakeConflict) {
		m.conflicts++
		return
	}
	if err != nil {
		m.failf("commit: %v", err)
	}
	x.tables.Committed()
	m.commits++
	m.committed = m.committed.merge(x.base, x.own)
	m.compare()
}

// compare compares what is committed.
func (m *model) compare() {
	m.t.Helper()
	m.history[m.db.seq] = m.committed
	if wrong := m.committed.violations(); len(wrong) > 0 {
		m.failf("what is committed is wrong: %v", wrong)
	}
	view := m.db.begin()
	m.check("committed", m.c.Tables(context.Background(), view), m.committed)
	if m.t.Failed() {
		m.failf("see above")
	}
}

// check compares tables with the oracle, and each index with its table.
func (m *model) check(what string, tables *Tables, o *oracle) {
	m.t.Helper()
	list, err := tables.List()
	if err != nil {
		m.failf("%s: list: %v", what, err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	if want := slices.Sorted(maps.Keys(o.tables)); !slices.Equal(names, want) {
		m.failf("%s: tables %v, want %v", what, names, want)
	}
	for _, s := range list {
		want := o.tables[s.Name]
		h, err := tables.Table(s.Name)
		if err != nil {
			m.failf("%s: %v", what, err)
		}
		rows, err := h.Scan(ScanOptions{})
		m.rows(what+" "+s.Name, rows, err, want.sorted(nil))
		if len(s.PrimaryKey) > 0 {
			m.bounded(h, want, "", s.PrimaryKey)
			m.single(what+" "+s.Name, h, want, "", s.PrimaryKey)
		}
		for _, ix := range s.Indexes {
			rows, err := h.ScanIndex(ix.Name, ScanOptions{})
			m.rows(what+" "+s.Name+"."+ix.Name, rows, err, want.sorted(ix.Columns))
			m.bounded(h, want, ix.Name, ix.Columns)
			if ix.Unique {
				m.single(what+" "+s.Name+"."+ix.Name, h, want, ix.Name, ix.Columns)
			}
		}
		err = tables.Verify(context.Background(), s.Name, func(f Finding) bool {
			m.failf("%s: %v", what, f)
			return true
		})
		if err != nil {
			m.failf("%s: verify: %v", what, err)
		}
	}
}

func (m *model) rows(what string, rows *Rows, err error, want []string) {
	m.t.Helper()
	if err != nil {
		m.failf("%s: %v", what, err)
	}
	var got []string
	for r, err := range rows.All() {
		if err != nil {
			m.failf("%s: %v", what, err)
		}
		got = append(got, formatValues(r.Values()))
	}
	if !slices.Equal(got, want) {
		m.failf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

// crash ends everything, and may lose what was committed last.
func (m *model) crash() {
	lost := 0
	if m.chance(50) {
		lost = m.n(4)
	}
	m.db.crash(lost)
	m.logf("crash, %d commits lost", lost)
	if lost > 0 {
		clear(m.given) // rows that had them are lost
	}
	for _, x := range m.open {
		if err := x.txn.Put(catalogSpace, []byte("x"), nil); err == nil {
			m.failf("a transaction has survived the crash")
		}
	}
	m.open = nil
	seq := m.db.seq
	for m.history[seq] == nil {
		seq--
	}
	for s := range m.history {
		if s > seq {
			delete(m.history, s)
		}
	}
	m.committed = m.history[seq]
	maps.DeleteFunc(m.given, func(k string, _ bool) bool {
		id, _, _ := strings.Cut(k, ":")
		n, _ := strconv.ParseUint(id, 10, 32)
		return m.committed.byID(uint32(n)) == nil // the table never was, and its id is given again
	})
	m.c = New(m.db, Options{})
	if err := m.c.RemoveUnfinished(context.Background()); err != nil {
		m.failf("remove unfinished: %v", err)
	}
	m.compare()
}

// savepoint rolls back some operations.
func (m *model) savepoint(x *modelTxn) {
	before := x.own.clone()
	point, _ := x.txn.Savepoint()
	for range 1 + m.n(3) {
		if len(x.own.tables) == 0 || m.chance(30) {
			m.ddl(x)
		} else {
			m.dml(x)
		}
	}
	if err := x.txn.RollbackTo(point); err != nil {
		m.failf("%v", err)
	}
	x.txn.Release(point)
	x.tables.Invalidate()
	x.own = before
	m.logf("%d rolled back to savepoint", x.id)
	if m.chance(30) {
		m.check("rolled back", x.tables, x.own)
	}
}

// build builds an index beside the transactions that are open.
func (m *model) build() {
	if len(m.committed.tables) == 0 {
		return
	}
	name := slices.Sorted(maps.Keys(m.committed.tables))[m.n(len(m.committed.tables))]
	want := m.committed.clone()
	d := m.index()
	next, err := candidate(want.tables[name].schema, d)
	wrong := map[error]bool{}
	if err != nil {
		wrong[ErrIndexExists] = true
	} else {
		want.tables[name].schema = next
		wrong = want.violations()
	}
	err = m.c.BuildIndex(context.Background(), name, d, nil)
	if m.outcome(fmt.Sprintf("build index %+v of %s", d, name), err, wrong) {
		m.committed = want
		_ = m.db.View(context.Background(), func(txn Txn) error {
			want.tables[name].schema, err = m.c.Tables(context.Background(), txn).Schema(name)
			return err
		})
	}
	m.compare()
}

// candidate returns the schema with an index.
func candidate(s *catalog.Table, d IndexDefinition) (*catalog.Table, error) {
	ix, err := d.index(s)
	if err != nil {
		return nil, err
	}
	ix.ID = 1<<32 - 1
	return s.AddIndex(ix)
}

func (m *model) index() IndexDefinition {
	return IndexDefinition{
		Name:    fmt.Sprintf("ix%d", m.n(4)),
		Columns: [][]string{{"u"}, {"s DESC"}, {"u", "s"}, {"n DESC", "s"}, {"r NULLS FIRST"}}[m.n(5)],
		Unique:  m.chance(30), Using: m.using,
	}
}

func runModel(t *testing.T, seed uint64, steps int, using catalog.Method, serializable bool, fault int) *model {
	m := &model{
		t: t, r: rand.New(rand.NewPCG(seed, 1)), db: newFake(), using: using, fault: fault,
		committed: newOracle(), history: map[uint64]*oracle{0: newOracle()}, given: map[string]bool{},
	}
	m.db.serializable = serializable
	m.c = New(m.db, Options{})
	for range steps {
		m.step()
	}
	return m
}

func baseSeed(t *testing.T) uint64 {
	if s := os.Getenv("MIDDB_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 1
}

// Random changes of schemas and rows in interleaved transactions agree with an oracle of maps; so do indexes, whether they are
// kept in trees or in the levels.
func TestTablesAgreeWithModel(t *testing.T) {
	runs := 70
	if testing.Short() {
		runs = 10
	}
	if os.Getenv("MIDDB_NIGHTLY") != "" {
		runs = 5000
	}
	if os.Getenv("MIDDB_SEED") != "" {
		runs = 1
	}
	total := model{}
	for i := range runs {
		seed := baseSeed(t) + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Logf("MIDDB_SEED=%d runs this again", seed)
			fault := 0
			if seed%3 == 0 {
				fault = 30
			}
			tree := runModel(t, seed, 250, catalog.BTree, seed%2 == 0, fault)
			levels := runModel(t, seed, 250, catalog.LSM, seed%2 == 0, fault)
			a, b := tree.log.String(), levels.log.String()
			if b = strings.ReplaceAll(b, "Using:lsm", "Using:btree"); a != b {
				t.Errorf("trees and levels differ:\n%s\n%s", a, b)
			}
			total.commits += tree.commits
			total.conflicts += tree.conflicts
			total.failures += tree.failures
			total.writes += tree.writes
		})
	}
	t.Logf("%d commits, %d conflicts, %d statements succeeded, %d failed", total.commits, total.conflicts, total.writes, total.failures)
	if runs > 1 && (total.commits < 10*runs || total.conflicts == 0 || total.writes < total.failures/2) {
		t.Error("the test does not reach enough")
	}
}
