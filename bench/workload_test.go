package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A fakeStore is a sorted slice of entries, with ways to lie.
type fakeStore struct {
	mu     sync.Mutex
	keys   []string
	values map[string][]byte
	// get, put and next, if not nil, falsify what the honest store would do.
	get  func(key string, value []byte, found bool) ([]byte, bool)
	put  func(key string) (drop bool)
	skip func(key string) bool
	keep func(key string) bool // from a range deletion
}

func (s *fakeStore) Put(key, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := string(key)
	if s.put != nil && s.put(k) {
		return nil
	}
	if i, found := slices.BinarySearch(s.keys, k); !found {
		s.keys = slices.Insert(s.keys, i, k)
	}
	s.values[k] = bytes.Clone(value)
	return nil
}

func (s *fakeStore) Load(keys, values [][]byte) error {
	for i := range keys {
		if err := s.Put(keys[i], values[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeStore) Get(dst, key []byte) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.values[string(key)]
	if s.get != nil {
		v, ok = s.get(string(key), v, ok)
	}
	return append(dst[:0], v...), ok, nil
}

func (s *fakeStore) ReadAndPut(dst, read, key, value []byte) ([]byte, bool, error) {
	got, found, err := s.Get(dst, read)
	return got, found, errors.Join(err, s.Put(key, value))
}

func (s *fakeStore) DeleteRange(lower, upper []byte) error {
	s.keys = slices.DeleteFunc(s.keys, func(k string) bool {
		return string(lower) <= k && k < string(upper) && (s.keep == nil || !s.keep(k))
	})
	return nil
}

func (s *fakeStore) Compact(context.Context, []byte, []byte) error { return nil }

func (s *fakeStore) Scan(reverse bool) (scan, error) {
	keys := slices.Clone(s.keys)
	if s.skip != nil {
		keys = slices.DeleteFunc(keys, s.skip)
	}
	if reverse {
		slices.Reverse(keys)
	}
	return &fakeScan{s: s, keys: keys}, nil
}

func (s *fakeStore) Settle() error { return nil }
func (s *fakeStore) Close() error  { return nil }

type fakeScan struct {
	s    *fakeStore
	keys []string
	at   int
}

func (f *fakeScan) First() bool { f.at = 0; return f.at < len(f.keys) }

func (f *fakeScan) Seek(key []byte) bool {
	f.at, _ = slices.BinarySearch(f.keys, string(key))
	return f.at < len(f.keys)
}

func (f *fakeScan) Next() bool    { f.at++; return f.at < len(f.keys) }
func (f *fakeScan) Key() []byte   { return []byte(f.keys[f.at]) }
func (f *fakeScan) Value() []byte { return f.s.values[f.keys[f.at]] }
func (f *fakeScan) Close() error  { return nil }

// runOn runs a workload on s as a child would, loading it first if the workload wants that.
func runOn(t *testing.T, s *fakeStore, name string, callers, keys int) (Result, error) {
	t.Helper()
	s.values = make(map[string][]byte)
	w, ok := workloadNamed(name)
	if !ok {
		t.Fatalf("no workload %q", name)
	}
	c := Config{Keys: keys, ValueBytes: 20, KeyShape: shapeDecimal, Seed: 1, MaxSeconds: 60}
	m := &measurement{
		spec: spec{Config: c, Dir: t.TempDir()}, row: row{w, callers}, ops: w.ops(c, callers),
		keys: newKeySpace(keys, c.Seed, c.KeyShape), order: newPermutation(uint64(keys), c.Seed), store: s,
	}
	if w.start != empty {
		if err := m.load(); err != nil {
			t.Fatal(err)
		}
		m.result = Result{}
	}
	err := errors.Join(m.measure(), m.finish())
	return m.result, err
}

func TestEveryWorkloadAcceptsAnHonestStore(t *testing.T) {
	for _, w := range workloads {
		for _, callers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s-%d", w.name, callers), func(t *testing.T) {
				const keys = 250
				res, err := runOn(t, new(fakeStore), w.name, callers, keys)
				check(t, err)
				if want := w.ops(Config{Keys: keys}, callers); res.Ops > want || res.Ops < want-callers*keys || res.Ops == 0 {
					t.Errorf("%d operations, want %d", res.Ops, want)
				}
				if res.Truncated || res.P50 <= 0 || res.P99 < res.P50 || res.PeakRSS == 0 || res.Seconds <= 0 {
					t.Errorf("an odd result: %+v", res)
				}
			})
		}
	}
}

// TestEveryWorkloadRefusesWrongAnswers plants a lie for each workload.
func TestEveryWorkloadRefusesWrongAnswers(t *testing.T) {
	const keys = 250
	keyOf := func(entry uint64) string {
		k := make([]byte, keyBytes)
		newKeySpace(keys, 1, shapeDecimal).key(k, 2*entry)
		return string(k)
	}
	tenth := func(k string) bool {
		for entry := uint64(3); entry < keys; entry += 10 {
			if k == keyOf(entry) {
				return true
			}
		}
		return false
	}
	drops := func() *fakeStore { return &fakeStore{put: tenth} }
	stale := func() *fakeStore {
		puts := 0
		return &fakeStore{put: func(string) bool { puts++; return puts > keys }}
	}
	wrong := func() *fakeStore {
		gets := 0
		return &fakeStore{get: func(_ string, v []byte, ok bool) ([]byte, bool) {
			if gets++; gets > 1000 && ok { // after the warm-up
				v = append([]byte("x"), v[1:]...)
			}
			return v, ok
		}}
	}
	invents := func() *fakeStore {
		return &fakeStore{get: func(_ string, v []byte, _ bool) ([]byte, bool) { return append(v, 'x'), true }}
	}
	skips := func() *fakeStore { return &fakeStore{skip: tenth} }
	skipsOne := func() *fakeStore { return &fakeStore{skip: func(k string) bool { return k == keyOf(keys/2) }} }
	keeps := func() *fakeStore { return &fakeStore{keep: func(k string) bool { return k == keyOf(keys/2) }} }
	for _, c := range []struct {
		workload, lie string
		store         func() *fakeStore
	}{
		{"fillseq", "a put is lost", drops},
		{"fillrandom", "a put is lost", drops},
		{"overwrite", "new values are lost", stale},
		{"readrandom", "values are wrong", wrong},
		{"readwhilewriting", "values are wrong", wrong},
		{"readmissing", "everything is found", invents},
		{"seekrandom", "entries are skipped", skips},
		{"readseq", "an entry is skipped", skipsOne},
		{"readreverse", "an entry is skipped", skipsOne},
		{"txn", "new values are lost", stale},
		{"txn", "values are wrong", wrong},
		{"txnserializable", "new values are lost", stale},
		{"rangedelete", "a key is still there", keeps},
	} {
		t.Run(c.workload+"/"+c.lie, func(t *testing.T) {
			if _, err := runOn(t, c.store(), c.workload, 1, keys); err == nil || !strings.Contains(err.Error(), "wrong answer") {
				t.Errorf("%s: %v, want a wrong answer", c.lie, err)
			}
		})
	}
}

func TestRowsAreChosenByNameAndCallers(t *testing.T) {
	for _, c := range []struct {
		list    string
		callers []int
		want    string
	}{
		{"fillrandom", nil, "fillrandom-1 fillrandom-8"},
		{"readseq, fillrandom-8", nil, "fillrandom-8 readseq"},
		{"fillrandom-4", nil, "fillrandom-4"},
		{"fillrandom,seekrandom", []int{2}, "fillrandom-2 seekrandom-2"},
		{"seekrandom", []int{1, 4}, "seekrandom seekrandom-4"},
	} {
		rows, err := selectRows(c.list, c.callers)
		check(t, err)
		var names []string
		for _, r := range rows {
			names = append(names, r.name())
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%q, %v: rows %q, want %q", c.list, c.callers, got, c.want)
		}
	}
	all, err := selectRows("", nil)
	check(t, err)
	if len(all) != 20 {
		t.Errorf("%d rows by default, want 20", len(all))
	}
	for _, bad := range []string{"fill", "fillrandom-0", "fillrandom-x", "readseq,,"} {
		if _, err := selectRows(bad, nil); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
