package shell

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/middb/middb/cmd/middb/internal/literal"
)

// A command is one of the shell's.
type command struct {
	name  string
	args  string // as shown by help
	about string
	where where
	run   func(s *Session, ctx context.Context, args []literal.Word) error
	plain func(s *Session, ctx context.Context) error // in place of run: takes no arguments
}

// where says where a command may stand beside its usual place.
type where uint8

const (
	inBatch  where = 1 << iota // also between batch and end
	notInTxn                   // not in a transaction: rollback does not undo it
	onServer                   // only where the store is a Server
)

func (w where) has(bit where) bool { return w&bit != 0 }

// commands returns the shell's commands in the order of help.
func commands() []command {
	return []command{
		{"put", "KEY VALUE [ttl DURATION]", "store a value, for good or for a time such as 90s or 1h30m", inBatch, (*Session).runPut, nil},
		{"get", "KEY", "print a value, or (nil)", 0, (*Session).runGet, nil},
		{"delete", "KEY", "remove a key", inBatch, (*Session).runDelete, nil},
		{"delrange", delrangeArgs, "remove all keys of a range", inBatch, (*Session).runDelrange, nil},
		{"scan", scanArgs, "print the entries of a range as KEY<TAB>VALUE lines", 0, (*Session).runScan, nil},
		{"ttl", "KEY [DURATION | none]", "print how long a key has to live, or change it", 0, (*Session).runTTL, nil},
		{"incr", "KEY [N]", "add N, or 1, to a counter", inBatch, (*Session).runIncr, nil},
		{"count", "KEY", "print a counter as a number", 0, (*Session).runCount, nil},
		{"append", "KEY VALUE", "add to the end of a value", inBatch, (*Session).runAppend, nil},
		{"merge", "KEY OPERATOR OPERAND", "change a value by an operator: counter (a number) or append", inBatch, (*Session).runMerge, nil},
		{"begin", "[serializable] [readonly]", "begin a transaction: what follows reads one moment …", 0, (*Session).runBegin, nil},
		{"commit", "", "… and its writes are applied, unless another's got in the way", 0, nil, (*Session).commit},
		{"rollback", "[to N]", "… or given up; or only those since savepoint N", 0, (*Session).runRollback, nil},
		{"savepoint", "", "mark this moment of the transaction, and print the number of the mark", 0, nil, (*Session).savepoint},
		{"batch", "", "begin a batch: writes are collected …", 0, nil, (*Session).beginBatch},
		{"end", "", "… and applied, all or none", inBatch, nil, (*Session).endBatch},
		{"cancel", "", "give the batch up", inBatch, nil, (*Session).cancelBatch},
		{"use", "KEYSPACE", "read and write this keyspace from now on; it is made if it is not there", inBatch, (*Session).runUse, nil},
		{"keyspaces", "", "print the names of all keyspaces", 0, nil, (*Session).Keyspaces},
		{"drop", "KEYSPACE", "remove a keyspace with all its keys", notInTxn, (*Session).runDrop, nil},
		{"watch", "[from SEQ] [prefix P] [limit N]", "print changes as they are committed, until Ctrl-C or, in a script, the next line", notInTxn, (*Session).runWatch, nil},
		{"ping", "", "print how long the server takes to answer", onServer, nil, (*Session).Ping},
		{"sessions", "", "print who is connected to the server", onServer, nil, (*Session).Sessions},
		{"kill", "SESSION", "end a session, its transactions and requests included", onServer, (*Session).runKill, nil},
		{"stats", "", "print counters and sizes", 0, nil, (*Session).Stats},
		{"levels", "", "print the levels of sorted files", 0, nil, (*Session).Levels},
		{"flush", "", "write what is in memory to sorted files", 0, nil, (*Session).Flush},
		{"compact", "[--from KEY] [--to KEY]", "merge sorted files down to the last level", 0, (*Session).runCompact, nil},
		{"help", "[COMMAND]", "say this", inBatch, (*Session).runHelp, nil},
		{"quit", "", "leave (exit and the end of the input do, too)", inBatch, nil, func(*Session, context.Context) error { return ErrQuit }},
	}
}

// Commands returns the names of all commands.
func Commands() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

const (
	scanArgs     = "[--prefix P] [--from KEY] [--to KEY] [--limit N] [--reverse]"
	delrangeArgs = "FROM TO, or [--prefix P] [--from KEY] [--to KEY]"
)

const helpWords = `Keys and values are words: plain, "in quotes" with the escapes \" \\ \n \r \t \0 \xNN \uNNNN,
'in quotes' without, hex:00ff or b64:AP8=. Ranges are --from <= key < --to, in byte order.
Text is printed as it is; anything with an unprintable byte is printed with escapes.
`

const helpSQL = `
Lines that begin as SQL does are SQL, until a semicolon: SELECT, INSERT, DELETE FROM, BEGIN; and so on.
.help lists the commands that go with it.
`

// ErrQuit is returned by what ends a session.
var ErrQuit = errors.New("quit")

// find returns the command of a name, if the session's store has it.
func (s *Session) find(name string) (command, bool) {
	c, ok := find(name)
	return c, ok && s.has(c)
}

func (s *Session) has(c command) bool {
	_, server := s.store.(Server)
	return server || !c.where.has(onServer)
}

func find(name string) (command, bool) {
	name = strings.ToLower(name)
	if name == "exit" {
		name = "quit"
	}
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// usage returns the error of a command that was written wrongly.
func usage(name, problem string) error {
	c, _ := find(name)
	return fmt.Errorf("%s: %s; write: %s", name, problem, strings.TrimSpace(c.name+" "+c.args))
}

func unknown(name string) error {
	return fmt.Errorf("unknown command %s; help lists the commands", name)
}

func (s *Session) runHelp(_ context.Context, args []literal.Word) error {
	if len(args) > 1 {
		return usage("help", "it takes one command")
	}
	for _, c := range commands() {
		if s.has(c) && (len(args) == 0 || string(args[0].Bytes) == c.name) {
			fmt.Fprintf(s.out, "%-9s %s\n", c.name, c.about)
			if c.args != "" {
				fmt.Fprintf(s.out, "          %s %s\n", c.name, c.args)
			}
		}
	}
	if len(args) == 0 {
		fmt.Fprint(s.out, "\n"+helpWords)
		if s.sql != nil {
			fmt.Fprint(s.out, helpSQL)
		}
	} else if _, ok := s.find(string(args[0].Bytes)); !ok {
		return unknown(args[0].Raw)
	}
	return nil
}
