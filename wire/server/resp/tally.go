package resp

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/middb/middb/metrics"
)

// An operation is what became of all commands of one kind. Safe for concurrent use.
type operation struct {
	failed  atomic.Int64
	latency metrics.Histogram
}

// A tally counts the commands that a connection has run. Clients send commands in lots, which are answered together, so
// each of a lot takes as long as the lot does: the clock is read twice for all.
type tally struct {
	ran, failed int64 // not added to the counters of the front yet

	// Of the round: the counts of each kind, which is command.kind or 0 for what is no command, and the kinds that have any.
	kinds []kindTally
	seen  []int
}

type kindTally struct{ ran, failed uint32 }

// add counts a command; nil is one that there is not.
func (t *tally) add(cmd *command, failed bool) {
	kind := 0
	if cmd != nil {
		kind = cmd.kind
	}
	k := &t.kinds[kind]
	if k.ran == 0 {
		t.seen = append(t.seen, kind)
	}
	k.ran++
	t.ran++
	if failed {
		k.failed++
		t.failed++
	}
}

// addAll counts commands that were run together.
func (t *tally) addAll(ops []op) {
	for i := range ops {
		t.add(ops[i].cmd, ops[i].failed)
	}
}

// tell tells the front how long the commands of a round took, from their arrival to their replies.
func (c *conn) tell(took time.Duration) {
	t := &c.tally
	if limit := c.front.options.SlowRequest; limit > 0 && took > limit && len(t.seen) > 0 {
		c.front.options.Logger.Warn("slow request", "request", t.String(), "took", took, "session", c.id, "remote", c.nc.RemoteAddr().String())
	}
	for _, kind := range t.seen {
		k, o := &t.kinds[kind], &c.front.operations[kind]
		o.latency.RecordMany(int64(took), k.ran)
		if k.failed > 0 {
			o.failed.Add(int64(k.failed))
		}
		*k = kindTally{}
	}
	t.seen = t.seen[:0]
}

// String lists the commands of the round: "get", or "90 set, 10 incr".
func (t *tally) String() string {
	var all []string
	for _, kind := range t.seen {
		text := kindName(kind)
		if n := t.kinds[kind].ran; n > 1 {
			text = fmt.Sprintf("%d %s", n, text)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// kindName returns what a kind of commands is called.
func kindName(kind int) string {
	if kind == 0 {
		return "unknown"
	}
	return table[kind-1].name
}
