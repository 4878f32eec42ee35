package model

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// What is tested here is the model itself, by cases small enough to see that they are right.

// small returns a model of two keyspaces with these keys in each.
func small(keys ...string) *oracle {
	var all [][]byte
	for _, k := range keys {
		all = append(all, []byte(k))
	}
	return newOracle([]string{engine.DefaultKeyspace, "other"}, [][][]byte{all, all})
}

func putOf(s *space, id int, v string) op {
	return op{kind: key.KindPut, space: s, ids: span{id, id + 1}, key: s.keys[id], value: []byte(v), expiry: never}
}

func ttlOf(s *space, id int, v string, expiry int64) op {
	p := putOf(s, id, v)
	p.kind, p.expiry = key.KindPutWithExpiry, expiry
	return p
}

func mergeOf(s *space, id int, operator, operand string) op {
	p := putOf(s, id, operand)
	p.kind, p.operator = key.KindMerge, operator
	return p
}

func deleteOf(s *space, id int) op {
	return op{kind: key.KindDelete, space: s, ids: span{id, id + 1}, key: s.keys[id]}
}

// rangeOf deletes a range; "" is no bound.
func rangeOf(s *space, lower, upper string) op {
	x := extentOf(lower, upper)
	return op{kind: key.KindRangeDelete, space: s, lower: x.from, upper: x.to, ids: s.selects(x)}
}

func extentOf(from, to string) (x extent) {
	if from != "" {
		x.from = []byte(from)
	}
	if to != "" {
		x.to = []byte(to)
	}
	return x
}

// contentsOf reads contents like "a=1 b= other/a=2", with the keyspaces that there are.
func contentsOf(o *oracle, s string) contents {
	got := contents{spot{0, itself}: {found: true}}
	for _, f := range strings.Fields(s) {
		k, v, _ := strings.Cut(f, "=")
		k, other := strings.CutPrefix(k, "other/")
		name := 0
		if other {
			name = 1
			got[spot{1, itself}] = outcome{found: true}
		}
		if k != "" {
			id, _ := o.root().find([]byte(k))
			got[spot{name, id}] = outcome{value: []byte(v), found: true}
			if v == "!" { // its merge fails
				got[spot{name, id}] = outcome{failed: true}
			}
		}
	}
	return got
}

func TestOracleMatchesStatesOnly(t *testing.T) {
	o := small("a", "b", "c")
	root, other := o.root(), o.newSpace(1)
	for _, c := range []commit{
		{ops: []op{putOf(root, 0, "1")}},
		{ops: []op{putOf(root, 0, "2"), ttlOf(root, 1, "2", 10)}},
		{ops: []op{deleteOf(root, 0), putOf(root, 2, "")}},
		{hidden: 2, made: other},
		{ops: []op{putOf(other, 0, "5"), rangeOf(root, "b", "")}},
		{hidden: 1, ops: []op{rangeOf(other, "", "")}, dropped: other},
		{hidden: 2, made: o.newSpace(1)},
		{ops: []op{putOf(root, 0, "8"), mergeOf(root, 0, merge.Counter, "operand.")}},
	} {
		o.commit(c)
	}
	for _, c := range []struct {
		got       string
		low, high int
		state     int // -1: none
	}{
		{"", 0, 3, 0},
		{"a=1", 0, 3, 1},
		{"a=2 b=2", 1, 3, 2},
		{"a=2", 0, 3, -1}, // half a batch
		{"b=2 c=", 2, 3, 3},
		{"b=2 c=", 0, 2, -1},    // not begun
		{"a=1", 2, 3, -1},       // was durable
		{"b=2", 0, 3, -1},       // an empty value is a value
		{"a= b=2 c=", 0, 3, -1}, // a deleted key is back
		{"a=2 b=2", 3, 3, -1},   // too old
		{"a=1 b=2", 0, 3, -1},   // an old value
		{"b=2 c=x", 0, 3, -1},   // a wrong value
		{"b=2 c= other/", 3, 5, 4},
		{"b=2 c= other/", 3, 3, -1}, // a keyspace that was not made
		{"other/a=5", 4, 7, 5},
		{"b=2 other/a=5", 4, 7, -1}, // a range delete is forgotten
		{"", 4, 7, 6},
		{"", 4, 5, -1},
		{"other/a=5", 6, 7, -1}, // the dropped one's key is in the new one
		{"other/", 6, 7, 7},
		{"a=! other/", 0, 8, 8},
		{"a=8 other/", 0, 8, -1}, // a merge that must fail does not
	} {
		state, err := o.match(contentsOf(o, c.got), c.low, c.high, 9)
		if err != nil {
			state = -1
		}
		if state != c.state {
			t.Errorf("%q in [%d, %d]: state %d, want %d", c.got, c.low, c.high, state, c.state)
		}
	}
	if state, err := o.match(contentsOf(o, "a=2"), 0, 8, 10); state != 2 || err != nil {
		t.Errorf("after an expiry: state %d, %v", state, err)
	}
	if n := o.seq(8); n != 1+2+2+2+2+2+2+2 {
		t.Errorf("the last sequence number is %d", n)
	}
	o.truncate(5)
	if !other.lives(5) || other.at(0, 5).see(0).String() != `"5"` || len(o.lives[1]) != 1 {
		t.Error("a drop was not forgotten")
	}
	o.truncate(1)
	if v := root.at(0, 1).see(0); !v.found || string(v.value) != "1" || o.last() != 1 || o.living(1, 9) != nil {
		t.Errorf("after truncation: %s, last %d", v, o.last())
	}
	if root.at(1, 5).see(0).found {
		t.Error("a forgotten commit is back")
	}
}

func TestEntryIsWhatItsOperationsMakeOfIt(t *testing.T) {
	s := small("k").root()
	put, ttl, plus, cut := putOf(s, 0, "v"), ttlOf(s, 0, "v", 10), mergeOf(s, 0, merge.Append, "+"), mergeOf(s, 0, tail, "t")
	one := mergeOf(s, 0, merge.Counter, "\x01\x00\x00\x00\x00\x00\x00\x00")
	for _, c := range []struct {
		ops        []op
		early, now string // at time 9 and 10
	}{
		{[]op{}, "(nil)", "(nil)"},
		{[]op{put, plus, cut}, `"v+t"`, `"v+t"`},
		{[]op{ttl}, `"v"`, "(nil)"},
		{[]op{ttl, plus, plus}, `"v++"`, `"++"`},
		{[]op{put, ttl, deleteOf(s, 0), plus}, `"+"`, `"+"`},
		{[]op{put, plus, rangeOf(s, "", "")}, "(nil)", "(nil)"},
		{[]op{one, one}, `"\x02\x00\x00\x00\x00\x00\x00\x00"`, `"\x02\x00\x00\x00\x00\x00\x00\x00"`},
		{[]op{ttl, one}, "(merge failed)", `"\x01\x00\x00\x00\x00\x00\x00\x00"`},
		{[]op{one, plus, one}, "(merge failed)", "(merge failed)"},
		{[]op{put, one, put}, `"v"`, `"v"`},
		{[]op{putOf(s, 0, ""), cut}, "(merge failed)", "(merge failed)"},
	} {
		var e entry
		for i := range c.ops {
			e = e.after(&c.ops[i])
		}
		if early, now := e.see(9).String(), e.see(10).String(); early != c.early || now != c.now {
			t.Errorf("%s: %s, then %s, want %s and %s", e, early, now, c.early, c.now)
		}
	}
	long := strings.Repeat("x", tailBytes)
	if v, ok := combine(tail, []byte("y"+long), []byte("z")); !ok || string(v) != long[1:]+"z" {
		t.Errorf("the tail is %q", v)
	}
}

// The cursor is compared with a plain list, in both directions.
func TestCursorWalksLikeAList(t *testing.T) {
	o := small("a", "ab", "b", "ba", "c")
	root := o.root()
	o.commit(commit{ops: []op{putOf(root, 0, ""), putOf(root, 1, ""), putOf(root, 2, ""), putOf(root, 4, "")}})
	own := []op{deleteOf(root, 2), putOf(root, 3, "")} // no "b"
	walked := func(c cursor, begin, step func(*cursor)) (got []string) {
		for begin(&c); c.valid; step(&c) {
			got = append(got, string(root.keys[c.pos]))
		}
		return got
	}
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
		bounds := extentOf(c.lower, c.upper).within(withPrefix([]byte(c.prefix)))
		for _, reverse := range []bool{false, true} {
			want := strings.Fields(c.want)
			if reverse {
				slices.Reverse(want)
			}
			cur := cursor{space: root, sight: sight{state: 1, own: own}, bounds: bounds, span: root.selects(bounds), reverse: reverse}
			if got := walked(cur, (*cursor).first, (*cursor).next); !slices.Equal(got, want) {
				t.Errorf("%+v reverse %v: %v", c, reverse, got)
			}
			slices.Reverse(want)
			if got := walked(cur, (*cursor).last, (*cursor).prev); !slices.Equal(got, want) {
				t.Errorf("%+v reverse %v, backwards: %v", c, reverse, got)
			}
		}
	}
	for _, c := range []struct {
		k       string
		reverse bool
		want    string
	}{{"a", false, "a"}, {"aa", false, "ab"}, {"b", false, "ba"}, {"d", false, ""}, {"a", true, "a"}, {"aa", true, "a"}, {"b", true, "ab"}, {"A", true, ""}, {"z", true, "c"}} {
		cur := cursor{space: root, sight: sight{state: 1, own: own}, span: span{0, len(root.keys)}, reverse: c.reverse}
		cur.seek([]byte(c.k))
		got := ""
		if cur.valid {
			got = string(root.keys[cur.pos])
		}
		if got != c.want {
			t.Errorf("seek %q reverse %v stands at %q, want %q", c.k, c.reverse, got, c.want)
		}
	}
}

// What an iterator has read is told by the keys of which a write would be seen.
func TestTrailIsWhatWasPassed(t *testing.T) {
	o := small("b", "d", "f")
	root := o.root()
	o.commit(commit{ops: []op{putOf(root, 0, ""), putOf(root, 1, ""), putOf(root, 2, "")}})
	for _, c := range []struct {
		moves   string // a letter each, upper case: seek
		reverse bool
		want    string // of "abcdefgh", with bounds "b" and "g"
	}{
		{"", false, ""},
		{"f", false, "b"},
		{"fn", false, "bcd"},
		{"fnnn", false, "bcdef"},
		{"l", false, "f"},
		{"lpp", false, "bcdef"},
		{"lppp", false, "bcdef"},
		{"C", false, "cd"},
		{"Cp", false, "bcd"},
		{"G", false, ""},
		{"A", false, "b"},
		{"f", true, "f"},
		{"fn", true, "def"},
		{"E", true, "de"},
		{"En", true, "bcde"},
		{"H", true, "f"},
		{"A", true, ""},
		{"fCf", false, "bcd"},
	} {
		bounds := extentOf("b", "g")
		cur := cursor{space: root, sight: sight{state: 1}, bounds: bounds, span: root.selects(bounds), reverse: c.reverse, trail: &trail{}}
		for _, m := range []byte(c.moves) {
			switch m {
			case 'f':
				cur.first()
			case 'l':
				cur.last()
			case 'n':
				cur.next()
			case 'p':
				cur.prev()
			default:
				cur.seek(bytes.ToLower([]byte{m}))
			}
		}
		got := ""
		for _, k := range "abcdefgh" {
			if slices.ContainsFunc(cur.trail.read, func(x extent) bool { return x.has([]byte(string(k))) }) {
				got += string(k)
			}
		}
		if got != c.want {
			t.Errorf("%q reverse %v has read %q, want %q", c.moves, c.reverse, got, c.want)
		}
	}
}

func TestForeseenConflicts(t *testing.T) {
	o := small("a", "b", "c", "d")
	root, other := o.root(), o.newSpace(1)
	o.commit(commit{hidden: 2, made: other})
	o.commit(commit{ops: []op{putOf(root, 0, "")}})
	o.commit(commit{ops: []op{putOf(root, 1, ""), rangeOf(root, "c", "d")}, locks: []field{only(root, []byte("x"))}})
	txnOf := func(ops ...op) *txn { return &txn{sight: sight{state: 2, own: ops}} }
	reads := func(level engine.Isolation, x field, ops ...op) *txn {
		t := txnOf(ops...)
		t.options.Isolation, t.read = level, []field{x}
		return t
	}
	locked := txnOf()
	locked.locks = []field{only(root, []byte("b"))}
	readOnly := reads(engine.Serializable, field{root, extent{}})
	readOnly.options.ReadOnly = true
	for name, c := range map[string]struct {
		txn  *txn
		want error
	}{
		"nothing":               {txnOf(), nil},
		"written before":        {txnOf(putOf(root, 0, "")), nil},
		"written since":         {txnOf(putOf(root, 1, "")), engine.ErrConflict},
		"in a range":            {txnOf(mergeOf(root, 2, merge.Append, "")), engine.ErrConflict},
		"at the end of a range": {txnOf(deleteOf(root, 3)), nil},
		"range over a key":      {txnOf(rangeOf(root, "a", "bb")), engine.ErrConflict},
		"range up to a key":     {txnOf(rangeOf(root, "", "b")), nil},
		"range and range":       {txnOf(rangeOf(root, "cc", "")), engine.ErrConflict},
		"range behind a range":  {txnOf(rangeOf(root, "d", "w")), nil},
		"range over a lock":     {txnOf(rangeOf(root, "d", "")), engine.ErrConflict},
		"another keyspace":      {txnOf(putOf(other, 1, "")), nil},
		"read for update":       {locked, engine.ErrConflict},
		"read, snapshot":        {reads(engine.SnapshotIsolation, only(root, []byte("b")), putOf(root, 0, "")), nil},
		"read":                  {reads(engine.Serializable, only(root, []byte("b")), putOf(root, 0, "")), engine.ErrConflict},
		"read and nothing else": {reads(engine.Serializable, only(root, []byte("b"))), nil},
		"a miss in a range":     {reads(engine.Serializable, only(root, []byte("cx")), putOf(root, 0, "")), engine.ErrConflict},
		"a walk between":        {reads(engine.Serializable, field{root, extentOf("bx", "c")}, putOf(root, 0, "")), nil},
		"read-only":             {readOnly, engine.ErrTxnReadOnly},
	} {
		if got := c.txn.foresee(o); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	o.commit(commit{hidden: 1, ops: []op{rangeOf(other, "", "")}, dropped: other})
	if got := txnOf(putOf(other, 1, "")).foresee(o); !errors.Is(got, engine.ErrKeyspaceDropped) {
		t.Errorf("a dropped keyspace: %v", got)
	}
}
