package crash

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// A write is one operation of a commit.
type write struct {
	id      int // of the key
	deleted bool
	to      int // if not 0: what is deleted is the range from id to this one, exclusive, in one keyspace
	merged  bool
	ttl     time.Duration // of a put; 0: for ever
}

// Times to live: one ends before anybody looks at the key again, the other never does.
const (
	brief   = time.Second
	lasting = 1_000_000 * time.Hour
)

// A commit is what the script gave to the engine as one.
type commit struct {
	number  uint32 // from 1, in the order of beginning; its values contain it
	at      place
	writes  []write
	txn     bool // given as a transaction
	drop    bool // given as the drop of the keyspace that the one write, a range, is all of
	handed  bool // the engine has been asked for it
	refused bool // the engine said that it did not happen
}

// A place is where a commit stands in the order of commits: sequential ones have a turn each; those
// of concurrent callers share one and are ordered by the sequence number that the engine told.
type place struct {
	turn int
	seq  uint64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.turn, q.turn), cmp.Compare(p.seq, q.seq))
}

// A journal records what the script asked for and what it was told. It may be asked at any moment
// from any goroutine what a crash must not take.
type journal struct {
	keys int

	mu      sync.Mutex
	turn    int
	commits []*commit // by number
	visible place     // everything up to here has been answered
	durable place     // everything up to here has been acknowledged as durable
}

// A mark is what was begun and acknowledged at a moment.
type mark struct {
	durable place
	visible place
	begun   uint32
}

// begin enters a commit; a concurrent one belongs to the turn that the caller has begun with share.
func (j *journal) begin(writes []write, concurrent bool) *commit {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !concurrent {
		j.turn++
	}
	c := &commit{number: uint32(len(j.commits) + 1), at: place{turn: j.turn}, writes: writes}
	j.commits = append(j.commits, c)
	return c
}

// share begins a turn of concurrent commits.
func (j *journal) share() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.turn++
}

// answered notes that the commit is visible, at a sequence number if it is a concurrent one.
func (j *journal) answered(c *commit, seq uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.at.seq = seq
	if j.visible.compare(c.at) < 0 {
		j.visible = c.at
	}
}

// synced notes that the commit, and so everything before it, is durable.
func (j *journal) synced(c *commit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.durable.compare(c.at) < 0 {
		j.durable = c.at
	}
}

// allSynced notes that everything answered so far is durable.
func (j *journal) allSynced() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.durable = j.visible
}

// refuse notes that the commit did not happen.
func (j *journal) refuse(c *commit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	c.refused = true
}

func (j *journal) mark() mark {
	j.mu.Lock()
	defer j.mu.Unlock()
	return mark{durable: j.durable, visible: j.visible, begun: uint32(len(j.commits))}
}

// A history is a journal whose commits have been put in order. State n is what the first n make.
type history struct {
	order  []*commit
	states []contents
	newest []uint32 // the highest number of a commit in state n
}

// history orders the commits so far; those of concurrent callers must have been answered.
func (j *journal) history() *history {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := &history{states: []contents{make(contents, j.keys)}, newest: []uint32{0}}
	for _, c := range j.commits {
		if !c.refused {
			h.order = append(h.order, c)
		}
	}
	slices.SortStableFunc(h.order, func(a, b *commit) int { return a.at.compare(b.at) })
	for i, c := range h.order {
		h.states = append(h.states, h.states[i].after(c))
		h.newest = append(h.newest, max(h.newest[i], c.number))
	}
	return h
}

// after returns the state that the commit makes of s.
func (s contents) after(c *commit) contents {
	next := slices.Clone(s)
	for _, w := range c.writes {
		switch {
		case w.to > 0:
			clear(next[w.id:w.to])
		case w.deleted || w.ttl == brief:
			next[w.id] = 0
		case w.merged:
			next[w.id] = merged(next[w.id], c.number)
		default:
			next[w.id] = c.number
		}
	}
	return next
}

// match returns the number of the newest state that found shows and that holds everything up to low and nothing beyond the commit begun last.
func (h *history) match(found contents, low place, begun uint32) (int, error) {
	least := 0
	for least < len(h.order) && h.order[least].at.compare(low) <= 0 {
		least++
	}
	most := len(h.order)
	for most > 0 && h.newest[most] > begun {
		most--
	}
	for i := most; i >= least; i-- {
		if found.shows(h.states[i]) {
			return i, nil
		}
	}
	return 0, h.mismatch(found, least, most)
}

// mismatch describes how found differs from the closest state, in the range or not.
func (h *history) mismatch(found contents, least, most int) error {
	best, bestDiff := 0, len(found)+1
	for i := len(h.states) - 1; i >= 0; i-- {
		diff := 0
		for id := range found {
			if h.states[i][id] != found[id] && found[id] != unknown {
				diff++
			}
		}
		if diff < bestDiff {
			best, bestDiff = i, diff
		}
	}
	var sb strings.Builder
	shown := 0
	for id := range found {
		if want, got := h.states[best][id], found[id]; want != got && got != unknown && shown < 10 {
			shown++
			fmt.Fprintf(&sb, "\n  %s: %d, want %d", keyOf(id), got, want)
		}
	}
	return fmt.Errorf("the contents are none of the states %d to %d; the closest is state %d, after commit %s, with %d differences%s",
		least, most, best, h.describe(best), bestDiff, sb.String())
}

func (h *history) describe(state int) string {
	if state == 0 {
		return "none"
	}
	c := h.order[state-1]
	return fmt.Sprintf("%d (%d operations, turn %d, sequence %d)", c.number, len(c.writes), c.at.turn, c.at.seq)
}

// truncate forgets the commits that a recovery did not find. What it found is durable.
func (j *journal) truncate(h *history, state int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range h.order[state:] {
		c.refused = true
	}
	j.visible = place{turn: j.turn, seq: math.MaxUint64}
	j.durable = j.visible
}
