package resp

import (
	"bytes"
	"errors"

	"github.com/middb/middb/engine"
)

// A multi is the commands between MULTI and EXEC.
type multi struct {
	ops     []op
	bytes   int
	writes  bool
	selects bool // a SELECT is among them
	broken  bool // a command could not be queued: EXEC will refuse
}

// enqueue keeps a command for EXEC. The arguments are copied: they stay longer than what was received.
func (c *conn) enqueue(cmd *command, args [][]byte) error {
	m := c.multi
	m.bytes += argsBytes(args)
	if m.bytes > c.front.options.Limits.QueuedBytes {
		m.ops, m.broken = nil, true
		return errQueueLarge
	}
	kept := make([][]byte, len(args))
	n := 0
	for _, a := range args {
		n += len(a)
	}
	buf := make([]byte, 0, n)
	for i, a := range args {
		buf = append(buf, a...)
		kept[i] = buf[len(buf)-len(a):]
	}
	m.ops = append(m.ops, op{cmd: cmd, args: kept})
	m.writes = m.writes || cmd.isWrite()
	m.selects = m.selects || cmd.name == "select"
	c.out.simple("QUEUED")
	return nil
}

func cmdMulti(c *conn, _ [][]byte) error {
	if c.multi != nil {
		return replyError("ERR MULTI calls can not be nested")
	}
	c.multi = &multi{}
	c.out.ok()
	return nil
}

func cmdDiscard(c *conn, _ [][]byte) error {
	if c.multi == nil {
		return replyError("ERR DISCARD without MULTI")
	}
	c.multi = nil
	c.unwatch()
	c.out.ok()
	return nil
}

// cmdExec runs what was queued: in a transaction with others, or by itself if it only reads.
func cmdExec(c *conn, _ [][]byte) error {
	m := c.multi
	if m == nil {
		return replyError("ERR EXEC without MULTI")
	}
	g := &group{c: c, ops: m.ops, bytes: m.bytes, wake: c.pending.wake, exec: true, watch: c.watch, db: c.db, ks: c.ks}
	c.multi, c.watch = nil, nil
	defer g.watch.end()
	if m.broken {
		return errExecAbort
	}
	if m.writes {
		c.front.committer.commit(g)
	} else if err := c.execReads(g); err != nil {
		return err
	}
	c.tally.addAll(g.ops)
	return nil
}

// execReads runs commands that only read, at one moment. The replies are sent while they are made.
func (c *conn) execReads(g *group) error {
	t, err := c.front.db.Begin(engine.TxnOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer t.Rollback()
	return g.runExec(t)
}

// runExec runs the commands between MULTI and EXEC.
func (g *group) runExec(t *engine.Txn) error {
	c := g.c
	if g.watch != nil {
		changed, err := g.watch.changed(t)
		if err != nil {
			return err
		}
		if changed {
			c.out.nullArray()
			return nil
		}
	}
	c.use(g.db, g.ks) // this may be run again
	c.out.array(len(g.ops))
	for i := range g.ops {
		if err := g.runOp(t, &g.ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// A watch is the keys that WATCH has named, and a transaction that began then and holds them: its commit fails if
// anybody has written one of them since.
type watch struct {
	c     *conn
	txn   *engine.Txn
	keys  []watchedKey
	bytes int
	lost  bool // one was changed, or the transaction became too old to tell
}

type watchedKey struct {
	ks    *engine.Keyspace
	key   []byte
	found bool // it was there; it may also go away by expiring, which is nobody's write
}

func cmdWatch(c *conn, args [][]byte) error {
	if c.multi != nil {
		return replyError("ERR WATCH inside MULTI is not allowed")
	}
	if c.watch == nil {
		t, err := c.front.db.Begin(c.watchOptions())
		if err != nil {
			return err
		}
		c.watch = &watch{c: c, txn: t}
	}
	w := c.watch
	for _, k := range args[1:] {
		if w.bytes += len(k) + argBytes; w.bytes > c.front.options.Limits.QueuedBytes {
			c.unwatch()
			return errQueueLarge
		}
		key := watchedKey{ks: c.ks, key: bytes.Clone(k)}
		var err error
		if key.found, err = hold(w.txn, key); err != nil && !errors.Is(err, engine.ErrTxnExpired) {
			c.unwatch()
			return err
		}
		w.keys = append(w.keys, key)
	}
	c.out.ok()
	return nil
}

func (c *conn) watchOptions() engine.TxnOptions {
	return engine.TxnOptions{Timeout: c.front.options.Limits.WatchTimeout, Durability: engine.NoSync}
}

// hold has a transaction fail to commit if another one writes a key first, and reports whether the key is there.
func hold(t *engine.Txn, k watchedKey) (found bool, err error) {
	_, err = t.In(k.ks).GetForUpdate(k.key)
	switch {
	case absent(err):
		return false, nil
	case errors.Is(err, engine.ErrMergeOperator):
		return true, nil
	}
	return err == nil, err
}

// changed reports whether a watched key was changed between WATCH and the moment that t sees. What is changed after
// that t notices itself, as it has read the keys here.
//
// The transaction of WATCH ends here. Another one takes its place before, as t may have to be run again.
func (w *watch) changed(t *engine.Txn) (bool, error) {
	if w.lost {
		return true, nil
	}
	for _, k := range w.keys {
		found, err := has(t.In(k.ks), k.key)
		switch {
		case err != nil:
			return false, err
		case k.found && !found:
			return true, nil
		}
	}
	next, err := w.c.front.db.Begin(w.c.watchOptions())
	if err != nil {
		return false, err
	}
	for _, k := range w.keys {
		if _, err = hold(next, k); err != nil {
			next.Rollback()
			return false, err
		}
	}
	err = w.txn.Commit()
	w.txn = next
	for _, lost := range []error{engine.ErrConflict, engine.ErrTxnTooOld, engine.ErrTxnExpired} {
		if errors.Is(err, lost) {
			w.lost = true
			return true, nil
		}
	}
	return false, err
}

// unwatch forgets what WATCH has named.
func (c *conn) unwatch() {
	c.watch.end()
	c.watch = nil
}

// end lets go of what a watch, or none, holds.
func (w *watch) end() {
	if w != nil {
		w.txn.Rollback()
	}
}

func cmdUnwatch(c *conn, _ [][]byte) error {
	c.unwatch()
	c.out.ok()
	return nil
}
