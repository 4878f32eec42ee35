package resp

import (
	"errors"
	"time"

	"github.com/middb/middb/engine"
)

// A source is what commands read: a keyspace, or one in a transaction.
type source interface {
	GetTo(dst, k []byte) ([]byte, error)
	GetWithExpiry(k []byte) (v []byte, expires time.Time, err error)
	Has(k []byte) (bool, error)
	NewIterator(o engine.IterOptions) (*engine.Iterator, error)
}

// A sink is where writes go that need not read: a batch, or a transaction.
type sink interface {
	Put(k, v []byte) error
	PutUntil(k, v []byte, at time.Time) error
	Delete(k []byte) error
}

// An op is a command that waits to be run with others.
type op struct {
	cmd    *command
	args   [][]byte
	failed bool
}

// Bounds of what is collected before it is committed.
const (
	pendingOps   = 512
	pendingBytes = 256 << 10
)

// A group is commands of one connection that are committed together: the writes of a pipeline, or the commands
// between MULTI and EXEC.
type group struct {
	c     *conn
	ops   []op
	bytes int
	start int       // where the replies begin in c.out
	wake  chan bool // see committer.commit

	exec  bool // the commands between MULTI and EXEC: the replies are the elements of one array
	watch *watch
	db    int // that was selected before, as SELECT may be among them
	ks    *engine.Keyspace
}

// argsBytes is how much memory the arguments of a command take.
func argsBytes(args [][]byte) int {
	n := argBytes * len(args)
	for _, a := range args {
		n += len(a)
	}
	return n
}

// pend adds a write to those that are committed together, at the end of what has come, or before a command that must
// see them.
func (c *conn) pend(cmd *command, args [][]byte) {
	p := &c.pending
	n := argsBytes(args)
	if len(p.ops) == pendingOps || len(p.ops) > 0 && p.bytes+n > pendingBytes {
		c.finish()
	}
	if len(p.ops) == 0 {
		c.plain = true
	}
	c.plain = c.plain && cmd.isBlind(args)
	p.ops = append(p.ops, op{cmd: cmd, args: args})
	p.bytes += n
}

// finish commits what is pending and adds the replies. The slices of the commands are not needed any more then.
func (c *conn) finish() {
	p := &c.pending
	if len(p.ops) == 0 {
		return
	}
	if c.plain {
		c.front.blind.commit(p)
	} else {
		c.front.committer.commit(p)
	}
	c.tally.addAll(p.ops)
	clear(p.ops)
	p.ops, p.bytes = p.ops[:0], 0
}

// refuse answers every command with an error, in place of what was answered from start on.
func (c *conn) refuse(start int, ops []op, err error) {
	c.out.buf = c.out.buf[:start]
	text := c.explain(err)
	for i := range ops {
		ops[i].failed = true
		c.out.error(text)
	}
}

// explain returns the text of an error for the client, and has a keyspace that was dropped opened anew for the next
// command.
func (c *conn) explain(err error) string {
	if errors.Is(err, engine.ErrKeyspaceDropped) {
		if ks, e := c.front.reopen(c.db, c.ks); e == nil {
			c.use(c.db, ks)
		}
	}
	return errorText(err)
}

// run runs the commands of the group in a transaction and adds their replies. An error means that the transaction
// must not be committed, for any group.
func (g *group) run(t *engine.Txn) error {
	c := g.c
	c.out.buf = c.out.buf[:g.start]
	c.txn = t
	defer func() { c.txn = nil }()
	if g.exec {
		return g.runExec(t)
	}
	for i := range g.ops {
		if err := g.runOp(t, &g.ops[i]); err != nil {
			return err
		}
	}
	return nil
}

// runOp runs one command, of which nothing remains if it fails but its error.
func (g *group) runOp(t *engine.Txn, o *op) error {
	c := g.c
	at, sends := len(c.out.buf), c.sends
	var undo engine.Savepoint
	several := o.cmd.last < 0 || o.cmd.first == 0 // so an error may come after a write
	if several {
		var err error
		if undo, err = t.Savepoint(); err != nil {
			return err
		}
	}
	err := c.allowed(o.cmd)
	if err == nil {
		err = o.cmd.inTxn(c, o.args, t.In(c.ks))
	}
	o.failed = err != nil
	switch {
	case err == nil:
		return nil
	case c.sends != sends:
		return errors.Join(errSend, err) // part of the reply is on its way
	}
	c.out.buf = c.out.buf[:at]
	c.out.error(c.explain(err))
	if several {
		return t.RollbackTo(undo)
	}
	return nil
}

// settle ends the group after its transaction: with err, if that is not nil, for every reply.
func (g *group) settle(err error) {
	if err == nil {
		return
	}
	if g.exec {
		g.c.use(g.db, g.ks)
		g.c.out.buf = g.c.out.buf[:g.start]
		g.c.out.error(g.c.explain(err))
		for i := range g.ops {
			g.ops[i].failed = true
		}
		return
	}
	g.c.refuse(g.start, g.ops, err)
}
