package model

import (
	"fmt"
	"strings"
)

// A spot is where a key is found: the name of its keyspace, and its id there; or a keyspace itself.
type spot struct{ name, id int }

// contents is what was found, keyspaces as well as what reads of keys say.
type contents map[spot]outcome

// spots yields every spot there may be.
func (o *oracle) spots(yield func(spot) bool) {
	for name, keys := range o.keys {
		for id := itself; id < len(keys); id++ {
			if !yield(spot{name, id}) {
				return
			}
		}
	}
}

// look returns what state n has at a spot at a time.
func (o *oracle) look(at spot, n int, now int64) outcome {
	s := o.living(at.name, n)
	switch {
	case s == nil:
		return outcome{}
	case at.id == itself:
		return outcome{found: true}
	}
	return s.at(at.id, n).see(now)
}

// match returns the newest state in [low, high] that has exactly these contents at a time.
func (o *oracle) match(got contents, low, high int, now int64) (state int, err error) {
	wrong := make(map[spot]bool)
	for at := range o.spots {
		if !got[at].equal(o.look(at, low, now)) {
			wrong[at] = true
		}
	}
	state, closest, least := -1, low, len(wrong)
	for n := low; ; n++ {
		if len(wrong) == 0 {
			state = n
		} else if len(wrong) < least {
			closest, least = n, len(wrong)
		}
		if n == high {
			break
		}
		for _, t := range o.commits[n].touched {
			at := spot{t.space.name, t.id}
			if got[at].equal(o.look(at, n+1, now)) {
				delete(wrong, at)
			} else {
				wrong[at] = true
			}
		}
	}
	if state < 0 {
		return 0, fmt.Errorf("no state from %d (durable) to %d (begun) has these %d entries; state %d comes closest, %d differ at time %d:\n%s",
			low, high, len(got), closest, least, now, o.describe(got, closest, now))
	}
	return state, nil
}

// numbered returns the newest state in [low, high] whose last operation has a sequence number.
func (o *oracle) numbered(seq uint64, low, high int) (state int, err error) {
	for n := high; n >= low; n-- {
		if o.seq(n) == seq {
			return n, nil
		}
	}
	return 0, fmt.Errorf("the last operation has sequence number %d; the commits from %d (durable) to %d (begun) end at %d to %d",
		seq, low, high, o.seq(low), o.seq(high))
}

// describe lists a few of the spots that differ from state n, with their histories around it.
func (o *oracle) describe(got contents, n int, now int64) string {
	var sb strings.Builder
	lines := 0
	for at := range o.spots {
		want := o.look(at, n, now)
		if got[at].equal(want) {
			continue
		}
		if lines++; lines > 4 {
			break
		}
		if at.id == itself {
			fmt.Fprintf(&sb, "    keyspace %d: found %v, want %v\n", at.name, got[at].found, want.found)
			continue
		}
		fmt.Fprintf(&sb, "    key %d %s in keyspace %d: found %s, want %s;", at.id, brief(o.keys[at.name][at.id]), at.name, got[at], want)
		if s := o.living(at.name, n); s != nil {
			sb.WriteString(s.past(at.id))
		}
		sb.WriteByte('\n')
	}
	return sb.String()
}

// past prints the last versions of a key, each with its commit.
func (s *space) past(id int) string {
	const most = 20
	var sb strings.Builder
	h := s.history[id]
	sb.WriteString(" history")
	for _, v := range h[max(0, len(h)-most):] {
		fmt.Fprintf(&sb, " %d:%s", v.commit, v.entry)
	}
	return sb.String()
}
