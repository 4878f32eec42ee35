package shell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/middb/middb/cmd/middb/internal/literal"
)

// A command is one of the shell's.
type command struct {
	name  string
	args  string // as shown by help
	about string
	batch bool // may stand between batch and end
	run   func(s *Session, ctx context.Context, args []literal.Word) error
	plain func(s *Session, ctx context.Context) error // in place of run: takes no arguments
}

// commands returns the shell's commands in the order of help.
func commands() []command {
	return []command{
		{"put", "KEY VALUE", "store a value", true, (*Session).runPut, nil},
		{"get", "KEY", "print a value, or (nil)", false, (*Session).runGet, nil},
		{"delete", "KEY", "remove a key", true, (*Session).runDelete, nil},
		{"scan", scanArgs, "print the entries of a range as KEY<TAB>VALUE lines", false, (*Session).runScan, nil},
		{"batch", "", "begin a batch: put and delete are collected …", false, nil, (*Session).beginBatch},
		{"end", "", "… and applied, all or none", true, nil, (*Session).endBatch},
		{"cancel", "", "give the batch up", true, nil, (*Session).cancelBatch},
		{"stats", "", "print counters and sizes", false, nil, (*Session).Stats},
		{"levels", "", "print the levels of sorted files", false, nil, (*Session).Levels},
		{"flush", "", "write what is in memory to sorted files", false, nil, (*Session).Flush},
		{"compact", "[--from KEY] [--to KEY]", "merge sorted files down to the last level", false, (*Session).runCompact, nil},
		{"help", "[COMMAND]", "say this", true, (*Session).runHelp, nil},
		{"quit", "", "leave (exit and the end of the input do, too)", true, nil, func(*Session, context.Context) error { return errQuit }},
	}
}

const scanArgs = "[--prefix P] [--from KEY] [--to KEY] [--limit N] [--reverse]"

const helpWords = `Keys and values are words: plain, "in quotes" with the escapes \" \\ \n \r \t \0 \xNN \uNNNN,
'in quotes' without, hex:00ff or b64:AP8=. Ranges are --from <= key < --to, in byte order.
Text is printed as it is; anything with an unprintable byte is printed with escapes.
`

// errQuit ends a session.
var errQuit = errors.New("quit")

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

func (s *Session) runPut(ctx context.Context, args []literal.Word) error {
	switch {
	case len(args) < 2:
		return usage("put", "a key or value is missing")
	case len(args) > 2:
		return usage("put", "too many words: put a value that has blanks in quotes")
	}
	return s.Put(ctx, args[0].Bytes, args[1].Bytes)
}

func (s *Session) runGet(_ context.Context, args []literal.Word) error {
	if len(args) != 1 {
		return usage("get", "it takes one key")
	}
	return s.Get(args[0].Bytes)
}

func (s *Session) runDelete(ctx context.Context, args []literal.Word) error {
	if len(args) != 1 {
		return usage("delete", "it takes one key")
	}
	return s.Delete(ctx, args[0].Bytes)
}

func (s *Session) runScan(ctx context.Context, args []literal.Word) error {
	r, err := parseRange("scan", args, true)
	if err != nil {
		return err
	}
	return s.Scan(ctx, r)
}

func (s *Session) runCompact(ctx context.Context, args []literal.Word) error {
	r, err := parseRange("compact", args, false)
	if err != nil {
		return err
	}
	return s.Compact(ctx, r.From, r.To)
}

func (s *Session) runHelp(_ context.Context, args []literal.Word) error {
	if len(args) > 1 {
		return usage("help", "it takes one command")
	}
	for _, c := range commands() {
		if len(args) == 0 || string(args[0].Bytes) == c.name {
			fmt.Fprintf(s.out, "%-7s %s\n", c.name, c.about)
			if c.args != "" {
				fmt.Fprintf(s.out, "        %s %s\n", c.name, c.args)
			}
		}
	}
	if len(args) == 0 {
		fmt.Fprint(s.out, "\n"+helpWords)
	} else if _, ok := find(string(args[0].Bytes)); !ok {
		return unknown(args[0].Raw)
	}
	return nil
}

func unknown(name string) error {
	return fmt.Errorf("unknown command %s; help lists the commands", name)
}

// parseRange reads the flags of scan, or those of compact when all is false. A flag's value
// follows it as a word or after an equals sign.
func parseRange(name string, args []literal.Word, all bool) (Range, error) {
	r := Range{Limit: -1}
	for i := 0; i < len(args); i++ {
		flag, text, joined := strings.Cut(args[i].Raw, "=")
		if args[i].Quoted || !strings.HasPrefix(flag, "--") {
			return r, usage(name, args[i].Raw+" is no flag")
		}
		if all && flag == "--reverse" && !joined {
			r.Reverse = true
			continue
		}
		var into *[]byte
		switch {
		case flag == "--from":
			into = &r.From
		case flag == "--to":
			into = &r.To
		case flag == "--prefix" && all:
			into = &r.Prefix
		case flag == "--limit" && all:
			into = new([]byte)
		default:
			return r, usage(name, "unknown flag "+args[i].Raw)
		}
		switch {
		case joined:
			value, err := literal.Split([]byte(text))
			if err != nil || len(value) != 1 {
				return r, usage(name, "cannot read the value in "+args[i].Raw)
			}
			*into = value[0].Bytes
		case i+1 == len(args):
			return r, usage(name, flag+" needs a value")
		default:
			i++
			*into = args[i].Bytes
		}
		if flag == "--limit" {
			n, err := strconv.ParseInt(string(*into), 10, 64)
			if err != nil || n < 0 {
				return r, usage(name, "--limit needs a number, 0 or more")
			}
			r.Limit = n
		}
	}
	return r, nil
}
