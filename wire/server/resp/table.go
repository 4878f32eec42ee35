package resp

import (
	"slices"
	"time"
)

// table has the commands, by group; byName has them by name. They are set by init, as some commands tell of them.
var (
	table  []command
	byName map[string]*command
)

func init() {
	table = slices.Concat(stringCommands(), keyCommands(), transactionCommands(), connectionCommands(), serverCommands())
	byName = make(map[string]*command, len(table))
	for i := range table {
		table[i].kind = 1 + i
		byName[table[i].name] = &table[i]
	}
}

func stringCommands() []command {
	one := func(c command) command {
		c.group, c.first, c.last, c.step = "string", 1, 1, 1
		return c
	}
	many := func(step int, c command) command {
		c.group, c.first, c.last, c.step = "string", 1, -1, step
		return c
	}
	return []command{
		one(command{name: "append", arity: 3, role: Write, write: cmdAppend, flags: "denyoom fast", since: "2.0.0", summary: "Appends a string to the value of a key."}),
		one(command{name: "decr", arity: 2, role: Write, write: cmdIncr(-1), flags: "denyoom fast", since: "1.0.0", summary: "Decrements the integer value of a key by one."}),
		one(command{name: "decrby", arity: 3, role: Write, write: cmdIncrby(-1), flags: "denyoom fast", since: "1.0.0", summary: "Decrements the integer value of a key by a number."}),
		one(command{name: "get", arity: 2, role: Read, read: cmdGet, flags: "fast", since: "1.0.0", summary: "Returns the value of a key."}),
		one(command{name: "getdel", arity: 2, role: Write, write: cmdGetdel, flags: "fast", since: "6.2.0", summary: "Returns the value of a key and deletes it."}),
		one(command{name: "getex", arity: -2, role: Write, write: cmdGetex, flags: "fast", since: "6.2.0", summary: "Returns the value of a key and sets when it expires."}),
		one(command{name: "getset", arity: 3, role: Write, write: cmdGetset, flags: "denyoom fast", since: "1.0.0", summary: "Sets the value of a key and returns the one before."}),
		one(command{name: "incr", arity: 2, role: Write, write: cmdIncr(1), flags: "denyoom fast", since: "1.0.0", summary: "Increments the integer value of a key by one."}),
		one(command{name: "incrby", arity: 3, role: Write, write: cmdIncrby(1), flags: "denyoom fast", since: "1.0.0", summary: "Increments the integer value of a key by a number."}),
		one(command{name: "incrbyfloat", arity: 3, role: Write, write: cmdIncrbyfloat, flags: "denyoom fast", since: "2.6.0", summary: "Increments the value of a key by a number with a fraction."}),
		many(1, command{name: "mget", arity: -2, role: Read, read: cmdMget, flags: "fast", since: "1.0.0", summary: "Returns the values of keys, at one moment."}),
		many(2, command{name: "mset", arity: -3, role: Write, blind: blindMset, flags: "denyoom", since: "1.0.1", summary: "Sets the values of keys, together."}),
		many(2, command{name: "msetnx", arity: -3, role: Write, write: cmdMsetnx, flags: "denyoom", since: "1.0.1", summary: "Sets the values of keys if none of them is there."}),
		one(command{name: "psetex", arity: 4, role: Write, blind: blindSetWith("psetex", time.Millisecond), flags: "denyoom", since: "2.6.0", summary: "Sets the value of a key that expires after milliseconds."}),
		one(command{name: "set", arity: -3, role: Write, blind: blindSet, blindFor: blindSetFor, write: cmdSet, flags: "denyoom", since: "1.0.0", summary: "Sets the value of a key."}),
		one(command{name: "setex", arity: 4, role: Write, blind: blindSetWith("setex", time.Second), flags: "denyoom", since: "2.0.0", summary: "Sets the value of a key that expires after seconds."}),
		one(command{name: "setnx", arity: 3, role: Write, write: cmdSetnx, flags: "denyoom fast", since: "1.0.0", summary: "Sets the value of a key that is not there."}),
		one(command{name: "strlen", arity: 2, role: Read, read: cmdStrlen, flags: "fast", since: "2.2.0", summary: "Returns the length of the value of a key."}),
	}
}

func keyCommands() []command {
	one := func(c command) command {
		c.group, c.first, c.last, c.step = "generic", 1, 1, 1
		return c
	}
	many := func(c command) command {
		c.group, c.first, c.last, c.step = "generic", 1, -1, 1
		return c
	}
	return []command{
		many(command{name: "del", arity: -2, role: Write, write: cmdDel, since: "1.0.0", summary: "Deletes keys."}),
		many(command{name: "exists", arity: -2, role: Read, read: cmdExists, flags: "fast", since: "1.0.0", summary: "Counts which of some keys are there."}),
		one(command{name: "expire", arity: -3, role: Write, write: cmdExpire("expire", time.Second, false), flags: "fast", since: "1.0.0", summary: "Sets after how many seconds a key expires."}),
		one(command{name: "expireat", arity: -3, role: Write, write: cmdExpire("expireat", time.Second, true), flags: "fast", since: "1.2.0", summary: "Sets at which Unix time a key expires."}),
		one(command{name: "expiretime", arity: 2, role: Read, read: cmdTTL(time.Second, true), flags: "fast", since: "7.0.0", summary: "Returns the Unix time at which a key expires."}),
		{name: "keys", arity: 2, role: Read, read: cmdKeys, group: "generic", since: "1.0.0", summary: "Returns all keys that match a pattern."},
		one(command{name: "persist", arity: 2, role: Write, write: cmdPersist, flags: "fast", since: "2.2.0", summary: "Makes a key not expire."}),
		one(command{name: "pexpire", arity: -3, role: Write, write: cmdExpire("pexpire", time.Millisecond, false), flags: "fast", since: "2.6.0", summary: "Sets after how many milliseconds a key expires."}),
		one(command{name: "pexpireat", arity: -3, role: Write, write: cmdExpire("pexpireat", time.Millisecond, true), flags: "fast", since: "2.6.0", summary: "Sets at which Unix time in milliseconds a key expires."}),
		one(command{name: "pexpiretime", arity: 2, role: Read, read: cmdTTL(time.Millisecond, true), flags: "fast", since: "7.0.0", summary: "Returns the Unix time in milliseconds at which a key expires."}),
		one(command{name: "pttl", arity: 2, role: Read, read: cmdTTL(time.Millisecond, false), flags: "fast", since: "2.6.0", summary: "Returns after how many milliseconds a key expires."}),
		{name: "randomkey", arity: 1, role: Read, read: cmdRandomkey, group: "generic", since: "1.0.0", summary: "Returns some key."},
		{name: "scan", arity: -2, role: Read, read: cmdScan, group: "generic", since: "2.8.0", summary: "Returns the next keys of a walk over all."},
		many(command{name: "touch", arity: -2, role: Read, read: cmdExists, flags: "fast", since: "3.2.1", summary: "Counts which of some keys are there."}),
		one(command{name: "ttl", arity: 2, role: Read, read: cmdTTL(time.Second, false), flags: "fast", since: "1.0.0", summary: "Returns after how many seconds a key expires."}),
		one(command{name: "type", arity: 2, role: Read, read: cmdType, flags: "fast", since: "1.0.0", summary: "Returns the type of the value of a key: string, or none."}),
		many(command{name: "unlink", arity: -2, role: Write, write: cmdDel, flags: "fast", since: "4.0.0", summary: "Deletes keys."}),
	}
}

func transactionCommands() []command {
	return []command{
		{name: "discard", arity: 1, session: cmdDiscard, immediate: true, flags: "fast", group: "transactions", since: "2.0.0", summary: "Forgets the commands since MULTI."},
		{name: "exec", arity: 1, session: cmdExec, immediate: true, group: "transactions", since: "1.2.0", summary: "Runs the commands since MULTI in one transaction."},
		{name: "multi", arity: 1, session: cmdMulti, immediate: true, flags: "fast", group: "transactions", since: "1.2.0", summary: "Begins to queue commands for a transaction."},
		{name: "unwatch", arity: 1, session: cmdUnwatch, flags: "fast", group: "transactions", since: "2.2.0", summary: "Forgets the keys that are watched."},
		{name: "watch", arity: -2, role: Read, session: cmdWatch, immediate: true, first: 1, last: -1, step: 1, flags: "fast", group: "transactions", since: "2.2.0", summary: "Has EXEC do nothing if somebody changes one of some keys before."},
	}
}

func connectionCommands() []command {
	return []command{
		{name: "auth", arity: -2, session: cmdAuth, stranger: true, outside: true, flags: "fast", group: "connection", since: "1.0.0", summary: "Logs in."},
		{name: "client", arity: -2, session: cmdClient, group: "connection", since: "2.4.0", summary: "Tells of connections, names and ends them."},
		{name: "echo", arity: 2, session: cmdEcho, flags: "fast", group: "connection", since: "1.0.0", summary: "Returns its argument."},
		{name: "hello", arity: -1, session: cmdHello, stranger: true, outside: true, flags: "fast", group: "connection", since: "6.0.0", summary: "Chooses the version of the protocol, and logs in."},
		{name: "ping", arity: -1, session: cmdPing, flags: "fast", group: "connection", since: "1.0.0", summary: "Returns PONG, or its argument."},
		{name: "quit", arity: -1, session: cmdQuit, stranger: true, immediate: true, flags: "fast", group: "connection", since: "1.0.0", summary: "Ends the connection."},
		{name: "reset", arity: 1, session: cmdReset, stranger: true, immediate: true, flags: "fast", group: "connection", since: "6.2.0", summary: "Makes the connection as it was at the beginning."},
		{name: "select", arity: 2, session: cmdSelect, flags: "fast", group: "connection", since: "1.0.0", summary: "Chooses the database."},
	}
}

func serverCommands() []command {
	return []command{
		{name: "command", arity: -1, session: cmdCommand, group: "server", since: "2.8.13", summary: "Tells of the commands."},
		{name: "config", arity: -2, session: cmdConfig, group: "server", since: "2.0.0", summary: "Tells of the configuration."},
		{name: "dbsize", arity: 1, role: Read, read: cmdDbsize, flags: "fast", group: "server", since: "1.0.0", summary: "Returns how many keys there are."},
		{name: "flushall", arity: -1, role: Write, write: cmdFlushall, group: "server", since: "1.0.0", summary: "Deletes all keys of all databases."},
		{name: "flushdb", arity: -1, role: Write, write: cmdFlushdb, group: "server", since: "1.0.0", summary: "Deletes all keys of the database."},
		{name: "info", arity: -1, session: cmdInfo, group: "server", since: "1.0.0", summary: "Tells of the server."},
		{name: "time", arity: 1, session: cmdTime, flags: "fast", group: "server", since: "2.6.0", summary: "Returns the time of the server."},
	}
}
