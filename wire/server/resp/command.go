package resp

import (
	"errors"
	"iter"

	"github.com/middb/middb/engine"
)

// A command is a row of the table of commands. One of the four functions runs it; each adds its reply, or returns
// an error and leaves nothing behind but replies, which are taken back.
//
// A function that changes one key adds its reply before it writes.
type command struct {
	name  string
	kind  int // its number in a tally
	arity int // number of arguments, the name among them; negative: at least as many
	role  Role

	// Where the keys are among the arguments: the first, the last (negative: from the end), and their distance.
	// first 0: there are none.
	first, last, step int

	// read reads keys.
	read func(c *conn, args [][]byte, src source) error
	// write reads keys and changes them, in a transaction that may be run again.
	write func(c *conn, args [][]byte, t engine.TxnKeyspace) error
	// blind changes keys without reading, and its reply is OK, if blindFor is nil or says so; else write runs.
	blind    func(c *conn, args [][]byte, w sink) error
	blindFor func(args [][]byte) bool
	// session does what concerns the connection or the server, not keys.
	session func(c *conn, args [][]byte) error

	stranger  bool // may be run before the login
	immediate bool // is run, not queued, between MULTI and EXEC
	outside   bool // is refused between MULTI and EXEC

	// What COMMAND tells. flags are those of Redis that do not follow from the above: denyoom, fast.
	flags   string
	group   string
	since   string
	summary string
}

func (cmd *command) isWrite() bool { return cmd.write != nil || cmd.blind != nil }

func (cmd *command) isBlind(args [][]byte) bool {
	return cmd.blind != nil && (cmd.blindFor == nil || cmd.blindFor(args))
}

// fits reports whether a command may have n arguments.
func (cmd *command) fits(n int) bool { return n == cmd.arity || cmd.arity < 0 && n >= -cmd.arity }

// keys yields the keys among the arguments.
func (cmd *command) keys(args [][]byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if cmd.first == 0 {
			return
		}
		last := cmd.last
		if last < 0 {
			last += len(args)
		}
		for i := cmd.first; i <= last && i < len(args); i += cmd.step {
			if !yield(args[i]) {
				return
			}
		}
	}
}

// inTxn runs the command in a transaction.
func (cmd *command) inTxn(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	switch {
	case cmd.read != nil:
		return cmd.read(c, args, t)
	case cmd.isBlind(args):
		c.out.ok()
		return cmd.blind(c, args, t)
	case cmd.write != nil:
		return cmd.write(c, args, t)
	}
	return cmd.session(c, args)
}

// find returns the command of a name in any case, or nil.
func find(name []byte) *command {
	var lower [longestName]byte
	if len(name) > len(lower) {
		return nil
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return byName[string(lower[:len(name)])]
}

// longestName is the length of the longest name that find looks for.
const longestName = 16

// dispatch runs a command, or puts it among those that are pending or queued. An error ends the connection.
func (c *conn) dispatch(args [][]byte) error {
	cmd := find(args[0])
	c.current = cmd
	var err error
	switch {
	case cmd == nil:
		if isHTTP(args[0]) {
			return protocolError("this port speaks the protocol of Redis, not HTTP")
		}
		err = unknownCommand(args)
	case !cmd.fits(len(args)):
		err = wrongArity(cmd.name)
	case c.identity == nil && !cmd.stranger:
		err = errNoAuth
	case c.may[cmd.role] != nil && (c.multi == nil || !c.multi.selects): // EXEC will check what follows a SELECT
		err = c.allowed(cmd)
	case c.multi != nil && cmd.outside:
		err = errNotInMulti
	case c.multi != nil && !cmd.immediate:
		if err = c.enqueue(cmd, args); err == nil {
			return nil
		}
	case cmd.isWrite():
		c.pend(cmd, args)
		return nil
	default:
		return c.run(cmd, args)
	}
	if c.multi != nil {
		c.multi.broken = true
	}
	c.finish()
	c.tally.add(cmd, true)
	c.out.error(errorText(err))
	return nil
}

// isHTTP reports whether a command is how a browser begins: it may have been made to send what somebody else wants.
func isHTTP(name []byte) bool {
	return string(name) == "POST" || string(name) == "Host:"
}

// run runs a command that does not write, after what is pending.
func (c *conn) run(cmd *command, args [][]byte) error {
	c.finish()
	at, sends := len(c.out.buf), c.sends
	var err error
	if cmd.read != nil {
		err = cmd.read(c, args, c.ks)
	} else {
		err = cmd.session(c, args)
	}
	c.tally.add(cmd, err != nil)
	if err == nil {
		if len(c.out.buf) <= flushBytes {
			return nil
		}
		if err = c.send(); err == nil {
			return nil
		}
		return errors.Join(errSend, err)
	}
	if errors.Is(err, errSend) || c.sends != sends {
		return errors.Join(errSend, err) // part of the reply is on its way: there is no place for an error
	}
	c.out.buf = c.out.buf[:at]
	c.out.error(c.explain(err))
	return nil
}
