package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/cmd/middb/internal/literal"
	"github.com/middb/middb/merge"
)

// The commands that take arguments: each reads them and calls the method of Session that does it.

func (s *Session) runPut(ctx context.Context, args []literal.Word) error {
	var ttl time.Duration
	if len(args) == 4 && is(args[2], "ttl") {
		var err error
		if ttl, err = ParseTTL(args[3].Raw); err != nil {
			return usage("put", err.Error())
		}
		args = args[:2]
	}
	switch {
	case len(args) < 2:
		return usage("put", "a key or value is missing")
	case len(args) > 2:
		return usage("put", "too many words: put a value that has blanks in quotes")
	}
	return s.Put(ctx, args[0].Bytes, args[1].Bytes, ttl)
}

// is reports whether a word is a keyword.
func is(w literal.Word, keyword string) bool { return !w.Quoted && strings.EqualFold(w.Raw, keyword) }

// ParseTTL reads a time to live.
func ParseTTL(text string) (time.Duration, error) {
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl <= 0 {
		return 0, fmt.Errorf("%s is no time to live; it is more than 0, such as 90s, 1h30m or 720h", text)
	}
	return ttl, nil
}

func (s *Session) runGet(ctx context.Context, args []literal.Word) error {
	if len(args) != 1 {
		return usage("get", "it takes one key")
	}
	return s.Get(ctx, args[0].Bytes)
}

func (s *Session) runDelete(ctx context.Context, args []literal.Word) error {
	if len(args) != 1 {
		return usage("delete", "it takes one key")
	}
	return s.Delete(ctx, args[0].Bytes)
}

func (s *Session) runDelrange(ctx context.Context, args []literal.Word) error {
	if len(args) == 2 && !isFlag(args[0]) && !isFlag(args[1]) {
		if len(args[1].Bytes) == 0 {
			return usage("delrange", "TO is empty; --from KEY alone is a range without end")
		}
		return s.DeleteRange(ctx, Range{From: args[0].Bytes, To: args[1].Bytes})
	}
	r, err := parseRange("delrange", args, "--prefix", "--from", "--to")
	switch {
	case err != nil:
		return err
	case len(r.Prefix) == 0 && r.From == nil && r.To == nil:
		return usage("delrange", "a bound is missing")
	}
	return s.DeleteRange(ctx, r)
}

func (s *Session) runScan(ctx context.Context, args []literal.Word) error {
	r, err := parseRange("scan", args, "--prefix", "--from", "--to", "--limit", "--reverse")
	if err != nil {
		return err
	}
	return s.Scan(ctx, r)
}

func (s *Session) runCompact(ctx context.Context, args []literal.Word) error {
	r, err := parseRange("compact", args, "--from", "--to")
	if err != nil {
		return err
	}
	return s.Compact(ctx, r.From, r.To)
}

func (s *Session) runTTL(ctx context.Context, args []literal.Word) error {
	switch {
	case len(args) == 1:
		return s.TTL(ctx, args[0].Bytes)
	case len(args) != 2:
		return usage("ttl", "it takes a key and perhaps a duration")
	case is(args[1], "none"):
		return s.SetTTL(ctx, args[0].Bytes, 0)
	}
	ttl, err := ParseTTL(args[1].Raw)
	if err != nil {
		return usage("ttl", err.Error())
	}
	return s.SetTTL(ctx, args[0].Bytes, ttl)
}

func (s *Session) runIncr(ctx context.Context, args []literal.Word) error {
	n := int64(1)
	switch {
	case len(args) == 2:
		var err error
		if n, err = strconv.ParseInt(args[1].Raw, 10, 64); err != nil {
			return usage("incr", args[1].Raw+" is no whole number of 64 bits")
		}
	case len(args) != 1:
		return usage("incr", "it takes a key and perhaps a number")
	}
	return s.Merge(ctx, args[0].Bytes, merge.Counter, merge.AppendCount(nil, n))
}

func (s *Session) runCount(ctx context.Context, args []literal.Word) error {
	if len(args) != 1 {
		return usage("count", "it takes one key")
	}
	return s.Count(ctx, args[0].Bytes)
}

func (s *Session) runAppend(ctx context.Context, args []literal.Word) error {
	if len(args) != 2 {
		return usage("append", "it takes a key and a value")
	}
	return s.Merge(ctx, args[0].Bytes, merge.Append, args[1].Bytes)
}

// runMerge reads the operand of a counter, if it is written plainly, as a number.
func (s *Session) runMerge(ctx context.Context, args []literal.Word) error {
	if len(args) != 3 {
		return usage("merge", "it takes a key, an operator and an operand")
	}
	operator, operand := string(args[1].Bytes), args[2].Bytes
	if operator == merge.Counter && !args[2].Quoted {
		if n, err := strconv.ParseInt(args[2].Raw, 10, 64); err == nil {
			operand = merge.AppendCount(nil, n)
		}
	}
	return s.Merge(ctx, args[0].Bytes, operator, operand)
}

func (s *Session) runBegin(ctx context.Context, args []literal.Word) error {
	var o TxnOptions
	for _, w := range args {
		switch {
		case is(w, "serializable"):
			o.Serializable = true
		case is(w, "readonly"):
			o.ReadOnly = true
		default:
			return usage("begin", w.Raw+" is neither")
		}
	}
	return s.Begin(ctx, o)
}

func (s *Session) runRollback(ctx context.Context, args []literal.Word) error {
	if len(args) == 0 {
		return s.rollback(ctx)
	}
	if len(args) == 2 && is(args[0], "to") {
		if n, err := strconv.Atoi(args[1].Raw); err == nil {
			return s.rollbackTo(ctx, n)
		}
	}
	return usage("rollback", "it takes nothing, or to and the number of a savepoint")
}

func (s *Session) runUse(ctx context.Context, args []literal.Word) error {
	if len(args) != 1 {
		return usage("use", "it takes one keyspace")
	}
	err := s.Use(ctx, string(args[0].Bytes), true)
	if s.batch != nil {
		return err
	}
	return s.ok(err)
}

func (s *Session) runDrop(ctx context.Context, args []literal.Word) error {
	if len(args) != 1 {
		return usage("drop", "it takes one keyspace")
	}
	return s.Drop(ctx, string(args[0].Bytes))
}

// runWatch takes its words with dashes, too.
func (s *Session) runWatch(ctx context.Context, args []literal.Word) error {
	flags := append([]literal.Word(nil), args...)
	for i := 0; i < len(flags); i += 2 {
		for _, name := range []string{"from", "prefix", "limit"} {
			if is(flags[i], name) {
				flags[i].Raw = "--" + name
			}
		}
	}
	r, err := parseRange("watch", flags, "--from", "--prefix", "--limit")
	if err != nil {
		return err
	}
	var from uint64
	if r.From != nil {
		if from, err = strconv.ParseUint(string(r.From), 10, 64); err != nil {
			return usage("watch", "from needs a sequence number")
		}
	}
	return s.Watch(ctx, from, r.Prefix, r.Limit)
}

func (s *Session) runKill(ctx context.Context, args []literal.Word) error {
	if len(args) == 1 {
		if n, err := strconv.ParseUint(args[0].Raw, 10, 64); err == nil {
			return s.Kill(ctx, n)
		}
	}
	return usage("kill", "it takes the number of a session, which sessions prints")
}

// isFlag reports whether a word is a flag, and not what merely looks like one in quotes.
func isFlag(w literal.Word) bool { return !w.Quoted && strings.HasPrefix(w.Raw, "--") }

// parseRange reads the flags of a command, of which it takes those given. A flag's value follows it as a word
// or after an equals sign.
func parseRange(name string, args []literal.Word, takes ...string) (Range, error) {
	r := Range{Limit: -1}
	for i := 0; i < len(args); i++ {
		if !isFlag(args[i]) {
			return r, usage(name, args[i].Raw+" is no flag")
		}
		flag, text, joined := strings.Cut(args[i].Raw, "=")
		if !slices.Contains(takes, flag) || flag == "--reverse" && joined {
			return r, usage(name, "unknown flag "+args[i].Raw)
		}
		var value []byte
		switch {
		case flag == "--reverse":
			r.Reverse = true
			continue
		case joined:
			words, err := literal.Split([]byte(text))
			if err != nil || len(words) != 1 {
				return r, usage(name, "cannot read the value in "+args[i].Raw)
			}
			value = words[0].Bytes
		case i+1 == len(args):
			return r, usage(name, flag+" needs a value")
		default:
			i++
			value = args[i].Bytes
		}
		switch flag {
		case "--prefix":
			r.Prefix = value
		case "--from":
			r.From = value
		case "--to":
			r.To = value
		default:
			n, err := strconv.ParseInt(string(value), 10, 64)
			if err != nil || n < 0 {
				return r, usage(name, "--limit needs a number, 0 or more")
			}
			r.Limit = n
		}
	}
	return r, nil
}
