package simulation

import (
	"slices"
	"testing"

	"github.com/middb/middb/engine"
)

// letters is a history of four commits on the keys a, b and c. The third one writes a twice.
func letters() *history {
	h := newHistory([][]byte{[]byte("a"), []byte("b"), []byte("c")})
	h.add(&commit{ops: 1, writes: []write{{id: 0, value: []byte("a1")}}})
	h.add(&commit{ops: 2, sync: true, writes: []write{{op: 0, id: 0, value: []byte("a2")}, {op: 1, id: 1, value: []byte("b3")}}})
	h.add(&commit{ops: 3, writes: []write{{op: 0, id: 0, value: []byte("a4")}, {op: 1, id: 0, deleted: true}, {op: 2, id: 2, value: []byte{}}}})
	h.add(&commit{ops: 1, writes: []write{{id: 0, value: []byte("a7")}}})
	return h
}

func TestReadsMatchStatesOnly(t *testing.T) {
	h := letters()
	for _, c := range []struct {
		id        int
		got       string // "-": not found
		low, high uint64
		seq       int // -1: no state has it
	}{
		{0, "-", 0, 7, 0}, // also after the third commit, but the oldest counts
		{0, "-", 1, 7, 5},
		{0, "a1", 0, 7, 1},
		{0, "a1", 1, 1, 1},
		{0, "a1", 3, 7, -1},
		{0, "a2", 1, 3, 2},
		{0, "a2", 0, 1, -1}, // not handed over
		{0, "a4", 0, 7, -1}, // replaced within its commit
		{0, "a7", 6, 7, 7},
		{0, "-", 7, 7, -1},
		{1, "-", 1, 3, 0},
		{1, "-", 3, 7, -1},
		{1, "b3", 6, 6, 3},
		{2, "", 3, 6, 6}, // empty is not missing
		{2, "-", 6, 7, -1},
		{1, "b4", 0, 7, -1},
	} {
		found := c.got != "-"
		var v []byte
		if found {
			v = []byte(c.got)
		}
		seq, err := h.checkGet(c.id, v, found, window{low: c.low, high: c.high})
		if err != nil != (c.seq < 0) || err == nil && seq != uint64(c.seq) {
			t.Errorf("%+v: %d %v", c, seq, err)
		}
	}
}

func TestContentsMatchOneState(t *testing.T) {
	h := letters()
	a2, b3, c6 := entry{[]byte("a"), []byte("a2")}, entry{[]byte("b"), []byte("b3")}, entry{[]byte("c"), []byte{}}
	for _, c := range []struct {
		got []entry
		seq uint64
		ok  bool
	}{
		{nil, 0, true},
		{[]entry{a2, b3}, 3, true},
		{[]entry{a2, b3}, 6, false},
		{[]entry{b3, c6}, 6, true},
		{[]entry{a2}, 3, false},
		{[]entry{b3, a2}, 3, false},
		{[]entry{a2, b3, {[]byte("d"), nil}}, 3, false},
		{[]entry{a2, a2, b3}, 3, false},
	} {
		if err := h.checkAll(c.got, c.seq, 0); (err == nil) != c.ok {
			t.Errorf("%q at %d: %v", c.got, c.seq, err)
		}
	}
}

func TestStatesEndWithCommits(t *testing.T) {
	h := letters()
	if got := h.states(0, 6); !slices.Equal(got, []uint64{0, 1, 3, 6}) {
		t.Error(got)
	}
	if h.boundary(2) || h.boundary(8) || !h.boundary(0) || !h.boundary(3) {
		t.Error("wrong boundaries")
	}
	h.observe(1)
	if h.acked != 1 || h.durable != 0 {
		t.Errorf("%d %d", h.acked, h.durable)
	}
	h.observe(6) // and with it the Sync commit
	if h.acked != 6 || h.durable != 3 {
		t.Errorf("%d %d", h.acked, h.durable)
	}
	h.truncate(3)
	if v, _ := h.at(0, 9, 0); string(v) != "a2" || h.last() != 3 {
		t.Errorf("%q %d", v, h.last())
	}
}

func TestMovesFollowOneState(t *testing.T) {
	h := letters()
	at := func(kind, k, v string) move {
		return move{kind: kind, found: true, at: entry{[]byte(k), []byte(v)}}
	}
	moves := []move{at("first", "a", "a2"), at("next", "b", "b3"), {kind: "next"}, {kind: "prev"}, at("last", "b", "b3"), at("prev", "a", "a2")}
	if err := h.follow(moves, engine.IterOptions{}, 3, 0); err != nil {
		t.Error(err)
	}
	if err := h.follow(moves, engine.IterOptions{}, 6, 0); err == nil {
		t.Error("another state has other keys")
	}
	back := []move{at("first", "b", "b3"), at("next", "a", "a2"), {kind: "next"}}
	if err := h.follow(back, engine.IterOptions{Reverse: true}, 3, 0); err != nil {
		t.Error(err)
	}
	seek := at("seek", "b", "b3")
	seek.to = []byte("b")
	if err := h.follow([]move{seek}, engine.IterOptions{Lower: []byte("b")}, 3, 0); err != nil {
		t.Error(err)
	}
	if err := h.follow([]move{seek}, engine.IterOptions{Upper: []byte("b")}, 3, 0); err == nil {
		t.Error("the bound is exclusive")
	}
}
