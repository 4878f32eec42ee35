package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/vfs"
)

// The test must be able to fail: whatever is not synced although the engine says so is missed.
func TestMissingSyncsAreFound(t *testing.T) {
	const ofFiles = vfs.OpSync | vfs.OpSyncData
	for _, skipped := range []vfs.Rule{
		{Ops: ofFiles, Path: "*.wal"}, {Ops: ofFiles, Path: "*.sst"}, {Ops: ofFiles, Path: "MANIFEST-*"}, {Ops: vfs.OpSyncDir},
	} {
		skipped.Sticky, skipped.Silent = true, true
		t.Run(fmt.Sprintf("%v %s", skipped.Ops, skipped.Path), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 40; seed++ {
				err := play(seed, operationsPerSeed, func(fs vfs.FS) vfs.FS { return vfs.NewFault(fs, skipped) })
				if err != nil {
					t.Logf("found: %.200s", err)
					return
				}
			}
			t.Error("40 seeds found nothing wrong")
		})
	}
}

// What the oracle itself may get wrong: each case is a state, what was found, and the verdict.
func TestOracleMatchesStatesOnly(t *testing.T) {
	o := newOracle([][]byte{[]byte("a"), []byte("b"), []byte("c")})
	o.commit([]write{{id: 0, value: []byte("1")}})
	o.commit([]write{{id: 0, value: []byte("2")}, {id: 1, value: []byte("2")}})
	o.commit([]write{{id: 0, deleted: true}, {id: 2, value: []byte{}}})
	for _, c := range []struct {
		got       contents
		low, high int
		state     int // -1: none
	}{
		{contents{}, 0, 3, 0},
		{contents{0: []byte("1")}, 0, 3, 1},
		{contents{0: []byte("2"), 1: []byte("2")}, 1, 3, 2},
		{contents{0: []byte("2")}, 0, 3, -1}, // half a batch
		{contents{1: []byte("2"), 2: []byte{}}, 2, 3, 3},
		{contents{1: []byte("2"), 2: []byte{}}, 0, 2, -1},    // not begun
		{contents{0: []byte("1")}, 2, 3, -1},                 // was durable
		{contents{1: []byte("2")}, 0, 3, -1},                 // an empty value is a value
		{contents{0: nil, 1: []byte("2"), 2: nil}, 0, 3, -1}, // a deleted key is back
		{contents{0: []byte("2"), 1: []byte("2")}, 2, 2, 2},
		{contents{0: []byte("2"), 1: []byte("2")}, 3, 3, -1},
		{contents{0: []byte("1"), 1: []byte("2")}, 0, 3, -1}, // an old value
		{contents{1: []byte("2"), 2: []byte{0}}, 0, 3, -1},   // a wrong value
	} {
		state, err := o.match(c.got, c.low, c.high)
		if err != nil {
			state = -1
		}
		if state != c.state {
			t.Errorf("%v in [%d, %d]: state %d, want %d", c.got, c.low, c.high, state, c.state)
		}
	}
	o.truncate(1)
	if v, ok := o.at(0, 1); !ok || string(v) != "1" || o.last() != 1 {
		t.Errorf("after truncation: %q %v, last %d", v, ok, o.last())
	}
	if _, ok := o.at(1, 5); ok {
		t.Error("a forgotten commit is back")
	}
}

// The cursor is compared with a plain list, in both directions.
func TestCursorWalksLikeAList(t *testing.T) {
	keys := [][]byte{[]byte("a"), []byte("ab"), []byte("b"), []byte("ba"), []byte("c")}
	o := newOracle(keys)
	o.commit([]write{{id: 0}, {id: 1}, {id: 3}, {id: 4}}) // no "b"
	for _, c := range []struct{ lower, upper, prefix, want string }{
		{"", "", "", "a ab ba c"},
		{"ab", "c", "", "ab ba"},
		{"aa", "bb", "", "ab ba"},
		{"", "", "a", "a ab"},
		{"", "", "b", "ba"},
		{"aa", "", "a", "ab"},
		{"x", "", "", ""},
		{"c", "b", "", ""},
		{"", "", "x", ""},
	} {
		span := o.selects([]byte(c.lower), []byte(c.upper), []byte(c.prefix))
		for _, reverse := range []bool{false, true} {
			want := strings.Fields(c.want)
			if reverse {
				slices.Reverse(want)
			}
			cur := cursor{o: o, state: 1, span: span, reverse: reverse}
			var got []string
			for cur.first(); cur.valid; cur.next() {
				got = append(got, string(keys[cur.pos]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v reverse %v: %v", c, reverse, got)
			}
			slices.Reverse(want)
			got = nil
			for cur.last(); cur.valid; cur.prev() {
				got = append(got, string(keys[cur.pos]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v reverse %v, backwards: %v", c, reverse, got)
			}
		}
	}
	for _, c := range []struct {
		k       string
		reverse bool
		want    string
	}{{"a", false, "a"}, {"aa", false, "ab"}, {"b", false, "ba"}, {"d", false, ""}, {"a", true, "a"}, {"aa", true, "a"}, {"b", true, "ab"}, {"A", true, ""}, {"z", true, "c"}} {
		cur := cursor{o: o, state: 1, span: span{0, len(keys)}, reverse: c.reverse}
		cur.seek([]byte(c.k))
		got := ""
		if cur.valid {
			got = string(keys[cur.pos])
		}
		if got != c.want {
			t.Errorf("seek %q reverse %v stands at %q, want %q", c.k, c.reverse, got, c.want)
		}
	}
}
