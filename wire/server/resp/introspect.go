package resp

import (
	"slices"
	"strings"
)

// cmdCommand tells of the commands: redis-cli asks for their documentation, other clients for where keys are.
func cmdCommand(c *conn, args [][]byte) error {
	if len(args) == 1 {
		c.out.array(len(table))
		for i := range table {
			c.describeCommand(&table[i])
		}
		return nil
	}
	switch sub := args[1]; {
	case is(sub, "count") && len(args) == 2:
		c.out.int(int64(len(table)))
	case is(sub, "list") && len(args) == 2:
		c.out.array(len(table))
		for i := range table {
			c.out.bulkString(table[i].name)
		}
	case is(sub, "list"):
		return errSyntax // there are no filters
	case is(sub, "info"):
		c.commandInfo(args[2:])
	case is(sub, "docs"):
		c.commandDocs(args[2:])
	case is(sub, "getkeys") && len(args) >= 3:
		return c.commandKeys(args[2:])
	case is(sub, "help"):
		c.out.help("COMMAND", "(no subcommand)", "COUNT", "DOCS [<command> ...]", "GETKEYS <command> [<arg> ...]", "INFO [<command> ...]", "LIST")
	default:
		return subcommandError("command", sub, "count", "getkeys")
	}
	return nil
}

// named returns the commands of some names, nil for those that there are not, or all if there are no names.
func named(names [][]byte) []*command {
	var out []*command
	for _, n := range names {
		out = append(out, find(n))
	}
	if len(names) == 0 {
		for i := range table {
			out = append(out, &table[i])
		}
	}
	return out
}

func (c *conn) commandInfo(names [][]byte) {
	cmds := named(names)
	c.out.array(len(cmds))
	for _, cmd := range cmds {
		if cmd == nil {
			c.out.nullArray()
		} else {
			c.describeCommand(cmd)
		}
	}
}

func (cmd *command) allFlags() []string {
	var flags []string
	add := func(on bool, name string) {
		if on {
			flags = append(flags, name)
		}
	}
	add(cmd.isWrite(), "write")
	add(cmd.read != nil, "readonly")
	add(cmd.role == Admin, "admin")
	add(cmd.stranger, "no_auth")
	add(cmd.outside, "no_multi")
	return append(flags, strings.Fields(cmd.flags)...)
}

// describeCommand adds what COMMAND INFO tells of a command: name, arity, flags, first and last key, distance of keys,
// categories, and three things that none has here: tips, specifications of keys, subcommands.
func (c *conn) describeCommand(cmd *command) {
	c.out.array(10)
	c.out.bulkString(cmd.name)
	c.out.int(int64(cmd.arity))
	flags := cmd.allFlags()
	c.out.set(len(flags))
	for _, f := range flags {
		c.out.simple(f)
	}
	c.out.int(int64(cmd.first))
	c.out.int(int64(cmd.last))
	c.out.int(int64(cmd.step))
	c.out.set(1)
	c.out.simple("@" + cmd.group)
	c.out.array(0)
	c.out.array(0)
	c.out.array(0)
}

func (c *conn) commandDocs(names [][]byte) {
	cmds := slices.DeleteFunc(named(names), func(cmd *command) bool { return cmd == nil })
	c.out.mapping(len(cmds))
	for _, cmd := range cmds {
		c.out.bulkString(cmd.name)
		c.out.mapping(3)
		for _, f := range [][2]string{{"summary", cmd.summary}, {"since", cmd.since}, {"group", cmd.group}} {
			c.out.bulkString(f[0])
			c.out.bulkString(f[1])
		}
	}
}

func (c *conn) commandKeys(args [][]byte) error {
	cmd := find(args[0])
	switch {
	case cmd == nil:
		return replyError("ERR Invalid command specified")
	case !cmd.fits(len(args)):
		return replyError("ERR Invalid number of arguments specified for command")
	case cmd.first == 0:
		return replyError("ERR The command has no key arguments")
	}
	keys := slices.Collect(cmd.keys(args))
	c.out.array(len(keys))
	for _, k := range keys {
		if err := c.bulk(k); err != nil {
			return err
		}
	}
	return nil
}
