package resp

import (
	"fmt"
	"slices"
	"strings"
)

// checkName verifies the name that a client gives itself.
func checkName(name []byte) error {
	for _, b := range name {
		if b < '!' || b > '~' {
			return replyError("ERR Client names cannot contain spaces, newlines or special characters.")
		}
	}
	if len(name) > maxClientName {
		return replyError("ERR Client names cannot be longer than 256 bytes")
	}
	return nil
}

const maxClientName = 256

func cmdClient(c *conn, args [][]byte) error {
	c.account() // so that it finds itself in the list as it is
	sub := args[1]
	switch {
	case is(sub, "id") && len(args) == 2:
		c.out.int(c.id)
	case is(sub, "getname") && len(args) == 2:
		if c.name == "" {
			c.out.null()
		} else {
			c.out.bulkString(c.name)
		}
	case is(sub, "setname") && len(args) == 3:
		if err := checkName(args[2]); err != nil {
			return err
		}
		c.setName(string(args[2]))
		c.out.ok()
	case is(sub, "setinfo") && len(args) == 4:
		return c.setInfo(args[2], args[3])
	case is(sub, "info") && len(args) == 2:
		c.out.text(c.describe() + "\n")
	case is(sub, "list"):
		return c.clientList(args[2:])
	case is(sub, "kill") && len(args) >= 3:
		return c.clientKill(args[2:])
	case (is(sub, "no-evict") || is(sub, "no-touch")) && len(args) == 3:
		// No client is evicted, and reads leave no trace in keys: both hold already.
		if !is(args[2], "on") && !is(args[2], "off") {
			return errSyntax
		}
		c.out.ok()
	case is(sub, "help"):
		c.out.help("CLIENT", "GETNAME", "ID", "INFO", "KILL <addr>|ID <id>|ADDR <addr>", "LIST", "NO-EVICT ON|OFF", "NO-TOUCH ON|OFF", "SETINFO <option> <value>", "SETNAME <name>")
	default:
		return subcommandError("client", sub, "id", "getname", "setname", "setinfo", "info", "kill", "no-evict", "no-touch")
	}
	return nil
}

// subcommandError is the error for a subcommand that there is not, or that has the wrong number of arguments.
func subcommandError(name string, sub []byte, known ...string) error {
	for _, k := range known {
		if is(sub, k) {
			return wrongArity(name + "|" + k)
		}
	}
	return unknownSubcommand(name, sub)
}

// help adds the lines that tell of the subcommands of a command.
func (r *reply) help(name string, subs ...string) {
	r.array(1 + len(subs))
	r.simple(name + " <subcommand> [<arg> ...]. Subcommands are:")
	for _, s := range subs {
		r.simple(s)
	}
}

func (c *conn) setInfo(what, value []byte) error {
	i := 0
	switch {
	case is(what, "lib-name"):
	case is(what, "lib-ver"):
		i = 1
	default:
		return replyError("ERR Unrecognized option '" + clip(what, shownName) + "'")
	}
	if checkName(value) != nil {
		return replyError("ERR " + strings.ToLower(string(what)) + " cannot contain spaces, newlines or special characters.")
	}
	c.mu.Lock()
	c.library[i] = string(value)
	c.mu.Unlock()
	c.out.ok()
	return nil
}

// describe returns the line of a connection in CLIENT LIST. It may be called for any connection.
func (c *conn) describe() string {
	now := c.front.options.Clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	version := 2
	if c.v3 {
		version = 3
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s name=%s age=%d idle=%d flags=N db=%d multi=%d cmd=%s user=%s lib-name=%s lib-ver=%s resp=%d",
		c.id, c.nc.RemoteAddr(), c.nc.LocalAddr(), c.name, int64(now.Sub(c.since).Seconds()), int64(now.Sub(c.active).Seconds()),
		c.shownDB, c.queued, c.last, c.user, c.library[0], c.library[1], version)
}

// clientTypes are what clients may be in Redis; here all are normal.
var clientTypes = []string{"normal", "master", "replica", "slave", "pubsub"}

func (c *conn) clientList(args [][]byte) error {
	if err := c.may[Admin]; err != nil {
		return noPermission("client|list", err)
	}
	ids := map[int64]bool{}
	switch {
	case len(args) == 0:
	case len(args) == 2 && is(args[0], "type"):
		if !slices.ContainsFunc(clientTypes, func(t string) bool { return is(args[1], t) }) {
			return replyError("ERR Unknown client type '" + clip(args[1], shownName) + "'")
		}
		if !is(args[1], "normal") {
			c.out.text("")
			return nil
		}
	case len(args) >= 2 && is(args[0], "id"):
		for _, a := range args[1:] {
			n, ok := parseInt(a)
			if !ok {
				return replyError("ERR Invalid client ID")
			}
			ids[n] = true
		}
	default:
		return errSyntax
	}
	var b strings.Builder
	for _, other := range c.front.connections() {
		if len(ids) == 0 || ids[other.id] {
			b.WriteString(other.describe() + "\n")
		}
	}
	c.out.text(b.String())
	return nil
}

// clientKill ends connections: the one of an address, which must be there, or those that a filter names.
func (c *conn) clientKill(args [][]byte) error {
	if err := c.may[Admin]; err != nil {
		return noPermission("client|kill", err)
	}
	match := func(other *conn) bool { return other.nc.RemoteAddr().String() == string(args[len(args)-1]) }
	switch {
	case len(args) == 1, len(args) == 2 && is(args[0], "addr"):
	case len(args) == 2 && is(args[0], "id"):
		id, ok := parseInt(args[1])
		if !ok || id < 1 {
			return replyError("ERR client-id should be greater than 0")
		}
		match = func(other *conn) bool { return other.id == id }
	default:
		return errSyntax
	}
	n := int64(0)
	for _, other := range c.front.connections() {
		if !match(other) {
			continue
		}
		n++
		if other == c {
			c.quit = true
		} else {
			other.nc.Close()
		}
	}
	switch {
	case len(args) > 1:
		c.out.int(n)
	case n == 0:
		return replyError("ERR No such client")
	default:
		c.out.ok()
	}
	return nil
}
