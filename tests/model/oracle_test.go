package model

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/middb/middb/key"
)

// An oracle is the model of a database: the history of every key that the run may write. Commits
// are numbered from 1; state n is what the first n of them make.
type oracle struct {
	keys    [][]byte    // ascending; a key's index is its id
	history [][]version // by id, by ascending commit
	commits [][]int     // ids that commit n wrote, at n-1
}

// A version is what one commit made of one key.
type version struct {
	commit  int
	value   []byte
	deleted bool
}

// A write is one operation of a commit.
type write struct {
	id      int
	value   []byte
	deleted bool
}

func newOracle(keys [][]byte) *oracle {
	return &oracle{keys: keys, history: make([][]version, len(keys))}
}

// last returns the number of the newest commit.
func (o *oracle) last() int { return len(o.commits) }

// commit appends a commit. Of several writes to one key the last one counts.
func (o *oracle) commit(writes []write) {
	n := len(o.commits) + 1
	ids := make([]int, 0, len(writes))
	for _, w := range writes {
		v := version{commit: n, value: w.value, deleted: w.deleted}
		h := o.history[w.id]
		if len(h) > 0 && h[len(h)-1].commit == n {
			h[len(h)-1] = v
			continue
		}
		o.history[w.id] = append(h, v)
		ids = append(ids, w.id)
	}
	o.commits = append(o.commits, ids)
}

// at returns the value of a key in state n.
func (o *oracle) at(id, n int) (value []byte, ok bool) {
	h := o.history[id]
	i := len(h)
	if i > 0 && h[i-1].commit > n {
		i = sort.Search(i, func(i int) bool { return h[i].commit > n })
	}
	if i == 0 || h[i-1].deleted {
		return nil, false
	}
	return h[i-1].value, true
}

// find returns the id of the smallest key that is not below k, and whether it is k.
func (o *oracle) find(k []byte) (id int, exact bool) {
	return slices.BinarySearchFunc(o.keys, k, bytes.Compare)
}

// truncate forgets all commits after n.
func (o *oracle) truncate(n int) {
	for _, ids := range o.commits[n:] {
		for _, id := range ids {
			h := o.history[id]
			for len(h) > 0 && h[len(h)-1].commit > n {
				h = h[:len(h)-1]
			}
			o.history[id] = h
		}
	}
	o.commits = o.commits[:n]
}

// contents is what a scan found: values by id.
type contents map[int][]byte

// match returns the newest state in [low, high] that has exactly these contents.
func (o *oracle) match(got contents, low, high int) (state int, err error) {
	wrong := make(map[int]bool)
	for id := range o.keys {
		if o.differs(got, id, low) {
			wrong[id] = true
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
		for _, id := range o.commits[n] {
			if o.differs(got, id, n+1) {
				wrong[id] = true
			} else {
				delete(wrong, id)
			}
		}
	}
	if state < 0 {
		return 0, fmt.Errorf("no state from %d (durable) to %d (begun) has these %d entries; state %d comes closest, %d keys differ:\n%s",
			low, high, len(got), closest, least, o.describe(got, closest))
	}
	return state, nil
}

// differs tells whether got has something else for a key than state n.
func (o *oracle) differs(got contents, id, n int) bool {
	want, ok := o.at(id, n)
	value, found := got[id]
	return ok != found || !bytes.Equal(want, value)
}

// describe lists a few of the keys that differ from state n, with their histories around it.
func (o *oracle) describe(got contents, n int) string {
	var sb strings.Builder
	lines := 0
	for id := range o.keys {
		if !o.differs(got, id, n) {
			continue
		}
		if lines++; lines > 4 {
			break
		}
		value, found := got[id]
		fmt.Fprintf(&sb, "    key %d %s: found %s; history", id, brief(o.keys[id]), answer(value, found))
		h := o.history[id]
		for _, v := range h[max(0, len(h)-20):] {
			fmt.Fprintf(&sb, " %d:%s", v.commit, answer(v.value, !v.deleted))
		}
		sb.WriteByte('\n')
	}
	return sb.String()
}

// answer prints the result of a read.
func answer(value []byte, found bool) string {
	if !found {
		return "(nil)"
	}
	return brief(value)
}

// brief prints the beginning of a key or value, and how long it is if that is not all.
func brief(b []byte) string {
	const most = 24
	if len(b) <= most {
		return `"` + key.Format(b) + `"`
	}
	return fmt.Sprintf(`"%s"...(%d bytes)`, key.Format(b[:most]), len(b))
}
