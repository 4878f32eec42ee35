package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/middb/middb/cmd/middb/internal/literal"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/wire"
)

// Options say where a session's answers go.
type Options struct {
	Out      io.Writer // answers
	Err      io.Writer // errors, one line each
	Terminal bool      // Out is a terminal: draw tables
	// SQL runs lines that are SQL. Nil: there is none here.
	SQL SQL
	// Explain returns the text of an error with what to do about it. Nil: its Error.
	Explain func(error) string
}

// A Session runs commands one after another. It is the state between them: the keyspace in use, an open
// transaction, an open batch.
type Session struct {
	store    Store
	out      *bufio.Writer
	errors   io.Writer
	terminal bool
	explain  func(error) string

	sql  SQL // nil: there is none
	line int // number of the line that is run; 0: nobody counts

	noSQL bool // a statement of SQL goes on, which was refused

	ks    Keyspace // in use
	txn   *txn     // between begin and commit or rollback; else nil
	batch *batch   // between batch and end; else nil

	// goesOn returns a channel that is closed when the input goes on or has ended. Nil: a person types.
	goesOn func() <-chan struct{}
}

// New returns a session on a store, in its default keyspace.
func New(store Store, o Options) *Session {
	explain := o.Explain
	if explain == nil {
		explain = error.Error
	}
	return &Session{
		store: store, out: bufio.NewWriterSize(o.Out, 64<<10), errors: o.Err, terminal: o.Terminal, explain: explain,
		ks: store.Default(), sql: o.SQL,
	}
}

// ErrOutput wraps a failure to write an answer. It ends the session: nobody listens.
var ErrOutput = errors.New("write the answer")

// Execute runs one line and flushes its answer. For a read of a missing key it returns ErrNotFound
// after the answer (nil).
func (s *Session) Execute(ctx context.Context, line []byte) error {
	err := s.execute(ctx, line)
	return s.flush(err)
}

// flush flushes the answer of a command that returned err.
func (s *Session) flush(err error) error {
	if flushErr := s.out.Flush(); flushErr != nil {
		return fmt.Errorf("%w: %w", ErrOutput, flushErr)
	}
	return err
}

func (s *Session) execute(ctx context.Context, line []byte) error {
	if s.takesSQL(line) {
		return s.runSQL(ctx, line)
	}
	if len(line) > 0 && line[0] == '#' {
		return nil
	}
	words, err := literal.Split(line)
	if err != nil {
		return err
	}
	if len(words) == 0 {
		return nil
	}
	c, ok := s.find(words[0].Raw)
	switch {
	case !ok:
		return unknown(words[0].Raw)
	case s.batch != nil && !c.where.has(inBatch):
		return fmt.Errorf("%s cannot stand in a batch; write end to apply the batch first, or cancel", c.name)
	case s.txn != nil && c.where.has(notInTxn):
		return fmt.Errorf("%s cannot stand in a transaction; write commit first, or rollback", c.name)
	}
	if c.plain == nil {
		return c.run(s, ctx, words[1:])
	}
	if len(words) > 1 {
		return usage(c.name, "it takes no arguments")
	}
	return c.plain(s, ctx)
}

// data returns what commands read from, and write to unless there is a batch.
func (s *Session) data() Data {
	if s.txn != nil {
		return s.txn.In(s.ks)
	}
	return s.ks
}

// write writes now, and answers OK, or with the open batch.
func (s *Session) write(op func(Writer) error) error {
	if s.batch == nil {
		return s.ok(op(s.data()))
	}
	err := op(s.batch.In(s.ks))
	if err == nil {
		s.batch.len++
	}
	return err
}

// Put stores a value, now or with the open batch. It is gone after ttl; 0 is never.
func (s *Session) Put(ctx context.Context, k, v []byte, ttl time.Duration) error {
	return s.write(func(w Writer) error { return w.Put(ctx, k, v, ttl) })
}

// Delete removes a key, now or with the open batch. It answers OK whether the key was there or not.
func (s *Session) Delete(ctx context.Context, k []byte) error {
	return s.write(func(w Writer) error { return w.Delete(ctx, k) })
}

// DeleteRange removes the keys of a range, now or with the open batch.
func (s *Session) DeleteRange(ctx context.Context, r Range) error {
	lower, upper := r.Bounds()
	return s.write(func(w Writer) error { return w.DeleteRange(ctx, lower, upper) })
}

// Merge changes a value by an operand, now or with the open batch.
func (s *Session) Merge(ctx context.Context, k []byte, operator string, operand []byte) error {
	return s.write(func(w Writer) error { return w.Merge(ctx, k, operator, operand) })
}

// Get prints a value, or (nil), and then returns ErrNotFound.
func (s *Session) Get(ctx context.Context, k []byte) error {
	v, err := s.data().Get(ctx, k)
	if err != nil {
		return s.missing(err)
	}
	_, err = s.out.Write(append(literal.AppendShown(nil, v), '\n'))
	return err
}

// GetRaw writes the bytes of a value and nothing else. A missing key is ErrNotFound.
func (s *Session) GetRaw(ctx context.Context, k []byte) error {
	v, err := s.data().Get(ctx, k)
	if err != nil {
		return err
	}
	_, err = s.out.Write(v)
	return err
}

// Count prints a value that is a counter as a number.
func (s *Session) Count(ctx context.Context, k []byte) error {
	v, err := s.data().Get(ctx, k)
	if err != nil {
		return s.missing(err)
	}
	n, err := merge.Count(v)
	if err != nil {
		return fmt.Errorf("count: the value is no counter: %w", err)
	}
	_, err = fmt.Fprintln(s.out, n)
	return err
}

// missing answers (nil) if err says that a key is not there.
func (s *Session) missing(err error) error {
	if errors.Is(err, ErrNotFound) {
		fmt.Fprintln(s.out, "(nil)")
	}
	return err
}

// TTL prints how long a key has to live, rounded up to seconds or, from an hour on, minutes: a duration as put
// takes it, or none.
func (s *Session) TTL(ctx context.Context, k []byte) error {
	ttl, err := s.data().TTL(ctx, k)
	if err != nil {
		return s.missing(err)
	}
	text := "none"
	if ttl > 0 {
		unit := time.Second
		switch {
		case ttl < unit:
			unit = time.Millisecond
		case ttl >= time.Hour-time.Minute:
			unit = time.Minute
		}
		text = (ttl + unit - 1).Truncate(unit).String()
	}
	_, err = fmt.Fprintln(s.out, text)
	return err
}

// SetTTL gives a key that is there a time to live; 0 is for ever. A missing one is answered like Get's.
func (s *Session) SetTTL(ctx context.Context, k []byte, ttl time.Duration) error {
	err := s.data().SetTTL(ctx, k, ttl)
	if errors.Is(err, ErrNotFound) {
		return s.missing(ErrNotFound)
	}
	return s.ok(err)
}

// Scan prints the entries of a range, until ctx ends: a terminal may take long to show what a store has at once.
func (s *Session) Scan(ctx context.Context, r Range) error {
	if r.Limit == 0 {
		return nil
	}
	var line []byte
	err := s.data().Scan(ctx, r, func(k, v []byte) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		line = append(literal.AppendShown(line[:0], k), '\t')
		line = append(literal.AppendShown(line, v), '\n')
		if _, err := s.out.Write(line); err != nil {
			return fmt.Errorf("%w: %w", ErrOutput, err)
		}
		return nil
	})
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		return errors.New("scan: interrupted")
	}
	return err
}

// Use makes a keyspace the one in use. With create it is made if it is not there. The default one always is: whoever
// may not use it begins with it all the same, and goes elsewhere.
func (s *Session) Use(ctx context.Context, name string, create bool) error {
	if main := s.store.Default(); name == main.Name() {
		s.ks = main
		return nil
	}
	ks, err := s.store.Keyspace(ctx, name, create)
	if err == nil {
		s.ks = ks
	}
	return err
}

// Keyspaces prints the names of the keyspaces.
func (s *Session) Keyspaces(ctx context.Context) error {
	names, err := s.store.Keyspaces(ctx)
	if err != nil {
		return err
	}
	var t Table
	if s.terminal {
		t.Columns = []string{"keyspace"}
	}
	for _, name := range names {
		t.Rows = append(t.Rows, []any{literal.Show([]byte(name))})
	}
	return s.table(t)
}

// Drop removes a keyspace. The one in use it refuses: what comes next would go elsewhere.
func (s *Session) Drop(ctx context.Context, name string) error {
	if name == s.ks.Name() && name != s.store.Default().Name() {
		return fmt.Errorf("drop: keyspace %s is in use; write use %s first", literal.Show([]byte(name)), s.store.Default().Name())
	}
	return s.ok(s.store.DropKeyspace(ctx, name))
}

// Stats prints counters and sizes.
func (s *Session) Stats(ctx context.Context) error { return s.describe(ctx, StatsTable) }

// Levels prints the levels of sorted files.
func (s *Session) Levels(ctx context.Context) error { return s.describe(ctx, LevelsTable) }

func (s *Session) describe(ctx context.Context, show func(*wire.Stats) Table) error {
	st, err := s.store.Stats(ctx)
	if err != nil {
		return err
	}
	return s.table(show(st))
}

// Ping prints how long a store that is a Server takes to answer.
func (s *Session) Ping(ctx context.Context) error {
	took, err := s.store.(Server).Ping(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, took.Round(time.Microsecond))
	return err
}

// Sessions prints the sessions of a store that is a Server.
func (s *Session) Sessions(ctx context.Context) error {
	list, err := s.store.(Server).Sessions(ctx)
	if err != nil {
		return err
	}
	return s.table(SessionsTable(list))
}

// Kill ends a session of a store that is a Server.
func (s *Session) Kill(ctx context.Context, session uint64) error {
	was, err := s.store.(Server).Kill(ctx, session)
	if err == nil && !was {
		err = fmt.Errorf("kill: there is no session %d; sessions lists them", session)
	}
	return s.ok(err)
}

// Flush writes what is in memory to sorted files.
func (s *Session) Flush(ctx context.Context) error { return s.ok(s.store.Flush(ctx)) }

// Compact merges the sorted files of a range of the keyspace, or without bounds all, down to the last level.
func (s *Session) Compact(ctx context.Context, lower, upper []byte) error {
	if lower == nil && upper == nil {
		return s.ok(s.store.Compact(ctx))
	}
	return s.ok(s.ks.Compact(ctx, lower, upper))
}

func (s *Session) table(t Table) error { return t.Write(s.out, s.terminal) }

// ok answers OK, unless err says otherwise.
func (s *Session) ok(err error) error {
	if err != nil {
		return err
	}
	_, err = s.out.WriteString("OK\n")
	return err
}

// Once runs one command method and flushes its answer, for the program's one-shot commands.
func (s *Session) Once(run func(*Session) error) error { return s.flush(run(s)) }
