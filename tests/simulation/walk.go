package simulation

import (
	"bytes"
	"fmt"

	"github.com/middb/middb/engine"
)

// A move is one movement of an iterator and where it stood afterwards.
type move struct {
	kind  string
	to    []byte // seek: the key
	found bool
	at    entry
}

// walk moves an iterator about, with others in between, and compares where it stood with the states
// that it may show: those given, or those that were visible when it was made. now is the time at which it
// shows them.
func (c *caller) walk(from source, states []uint64, now int64) error {
	h := c.l.r.h
	low := h.acked
	o := engine.IterOptions{Reverse: c.oneIn(3)}
	if a, b := c.id(), c.id(); a <= b && c.oneIn(2) {
		o.Lower, o.Upper = h.keys[a], h.keys[b]
	}
	it, err := from.NewIterator(o)
	if err != nil {
		return err
	}
	if states == nil {
		states = h.states(low, h.last())
	}
	var moves []move
	for n := 1 + c.rng.IntN(2*len(h.keys)); n > 0; n-- {
		m := c.move(it, len(moves) == 0)
		if it.Err() != nil {
			break
		}
		moves = append(moves, m)
		if c.oneIn(8) {
			c.l.s.Wait("its turn to go on", nil)
		}
	}
	c.l.r.result.Reads += len(moves)
	if err = it.Close(); err != nil || c.l.d.dead {
		return err
	}
	for _, seq := range states {
		if err = h.follow(moves, o, seq, now); err == nil {
			h.observe(seq)
			return nil
		}
	}
	return fmt.Errorf("no state of %d agrees, the newest one because %w", states, err)
}

func (c *caller) move(it *engine.Iterator, first bool) move {
	m := move{kind: "next"}
	switch n := c.rng.IntN(12); {
	case first && n < 8:
		m.kind = "first"
	case first || n == 0:
		m.kind = "seek"
	case n == 1:
		m.kind = "last"
	case n < 4:
		m.kind = "prev"
	}
	switch m.kind {
	case "first":
		m.found = it.First()
	case "last":
		m.found = it.Last()
	case "next":
		m.found = it.Next()
	case "prev":
		m.found = it.Prev()
	case "seek":
		m.to = c.l.r.h.keys[c.id()]
		m.found = it.Seek(m.to)
	}
	if m.found {
		m.at = entry{bytes.Clone(it.Key()), bytes.Clone(it.Value())}
	}
	return m
}

// follow makes the moves in the model of a state at a time.
func (h *history) follow(moves []move, o engine.IterOptions, seq uint64, now int64) error {
	var all []entry
	for id, k := range h.keys {
		if o.Lower != nil && bytes.Compare(k, o.Lower) < 0 || o.Upper != nil && bytes.Compare(k, o.Upper) >= 0 {
			continue
		}
		if v, ok := h.at(id, seq, now); ok {
			all = append(all, entry{k, v})
		}
	}
	at := -1 // nowhere
	up := !o.Reverse
	for i, m := range moves {
		switch m.kind {
		case "first":
			at = begins(all, up)
		case "last":
			at = begins(all, !up)
		case "next":
			at = steps(all, at, up)
		case "prev":
			at = steps(all, at, !up)
		case "seek":
			at = seeks(all, m.to, up)
		}
		want := entry{}
		if at >= 0 {
			want = all[at]
		}
		if m.found != (at >= 0) || !bytes.Equal(m.at.key, want.key) || !bytes.Equal(m.at.value, want.value) {
			return fmt.Errorf("at %d, time %d, move %d (%s %s, reverse %v) stands at %s = %s, not %s = %s:%s%s", seq, now,
				i, m.kind, show(m.to), o.Reverse, show(m.at.key), answer(m.at.value, m.found), show(want.key),
				answer(want.value, at >= 0), h.describeKey(m.at.key, seq), h.describeKey(want.key, seq))
		}
	}
	return nil
}

// begins returns the index of the lowest or the highest entry, -1 if there is none.
func begins(all []entry, lowest bool) int {
	if lowest && len(all) > 0 {
		return 0
	}
	return len(all) - 1
}

// steps returns the index beside at, -1 if there is none. From nowhere there is none.
func steps(all []entry, at int, up bool) int {
	switch {
	case at < 0:
		return -1
	case !up:
		return at - 1
	case at+1 < len(all):
		return at + 1
	}
	return -1
}

// seeks returns the index of the first entry that is not below k or, downwards, of the last one that
// is not above it.
func seeks(all []entry, k []byte, up bool) int {
	i := 0
	for i < len(all) && bytes.Compare(all[i].key, k) < 0 {
		i++
	}
	switch {
	case up && i < len(all):
		return i
	case up:
		return -1
	case i < len(all) && bytes.Equal(all[i].key, k):
		return i
	}
	return i - 1
}
