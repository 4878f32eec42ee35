package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/middb/middb/cmd/middb/internal/literal"
)

// Options say where a session's answers go.
type Options struct {
	Out      io.Writer // answers
	Err      io.Writer // errors, one line each
	Terminal bool      // Out is a terminal: draw tables
	// Explain returns the text of an error with what to do about it. Nil: its Error.
	Explain func(error) string
}

// A Session runs commands one after another. It is the state between them: an open batch.
type Session struct {
	store    Store
	out      *bufio.Writer
	errors   io.Writer
	terminal bool
	explain  func(error) string

	batch   Batch // between batch and end; else nil
	spoiled bool  // a line of the batch was wrong, and nobody is there to write it again
}

// New returns a session on a store.
func New(store Store, o Options) *Session {
	explain := o.Explain
	if explain == nil {
		explain = error.Error
	}
	return &Session{store: store, out: bufio.NewWriterSize(o.Out, 64<<10), errors: o.Err, terminal: o.Terminal, explain: explain}
}

// errOutput wraps a failure to write an answer. It ends the session: nobody listens.
var errOutput = errors.New("write the answer")

// Execute runs one line and flushes its answer. For get of a missing key it returns ErrNotFound
// after the answer (nil).
func (s *Session) Execute(ctx context.Context, line []byte) error {
	err := s.execute(ctx, line)
	return s.flush(err)
}

// flush flushes the answer of a command that returned err.
func (s *Session) flush(err error) error {
	if flushErr := s.out.Flush(); flushErr != nil {
		return fmt.Errorf("%w: %w", errOutput, flushErr)
	}
	return err
}

func (s *Session) execute(ctx context.Context, line []byte) error {
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
	c, ok := find(words[0].Raw)
	if !ok {
		return unknown(words[0].Raw)
	}
	if s.batch != nil && !c.batch {
		return fmt.Errorf("%s cannot stand in a batch; write end to apply the batch first, or cancel", c.name)
	}
	if c.plain == nil {
		return c.run(s, ctx, words[1:])
	}
	if len(words) > 1 {
		return usage(c.name, "it takes no arguments")
	}
	return c.plain(s, ctx)
}

// Put stores a value, now or with the open batch.
func (s *Session) Put(ctx context.Context, k, v []byte) error {
	if s.batch != nil {
		return s.batch.Put(k, v)
	}
	return s.ok(s.store.Put(ctx, k, v))
}

// Get prints a value, or (nil), and then returns ErrNotFound.
func (s *Session) Get(k []byte) error {
	v, err := s.store.Get(k)
	if errors.Is(err, ErrNotFound) {
		fmt.Fprintln(s.out, "(nil)")
		return err
	}
	if err != nil {
		return err
	}
	_, err = s.out.Write(append(literal.AppendShown(nil, v), '\n'))
	return err
}

// GetRaw writes the bytes of a value and nothing else. A missing key is ErrNotFound.
func (s *Session) GetRaw(k []byte) error {
	v, err := s.store.Get(k)
	if err != nil {
		return err
	}
	_, err = s.out.Write(v)
	return err
}

// Delete removes a key, now or with the open batch. It answers OK whether the key was there or not.
func (s *Session) Delete(ctx context.Context, k []byte) error {
	if s.batch != nil {
		return s.batch.Delete(k)
	}
	return s.ok(s.store.Delete(ctx, k))
}

// Scan prints the entries of a range.
func (s *Session) Scan(ctx context.Context, r Range) error {
	if r.Limit == 0 {
		return nil
	}
	var line []byte
	return s.store.Scan(ctx, r, func(k, v []byte) error {
		line = append(literal.AppendShown(line[:0], k), '\t')
		line = append(literal.AppendShown(line, v), '\n')
		if _, err := s.out.Write(line); err != nil {
			return fmt.Errorf("%w: %w", errOutput, err)
		}
		return nil
	})
}

// Stats prints counters and sizes.
func (s *Session) Stats(context.Context) error { return s.table(s.store.Stats()) }

// Levels prints the levels of sorted files.
func (s *Session) Levels(context.Context) error { return s.table(s.store.Levels()) }

// Flush writes what is in memory to sorted files.
func (s *Session) Flush(ctx context.Context) error { return s.ok(s.store.Flush(ctx)) }

// Compact merges the sorted files of a range down to the last level.
func (s *Session) Compact(ctx context.Context, lower, upper []byte) error {
	return s.ok(s.store.Compact(ctx, lower, upper))
}

func (s *Session) beginBatch(context.Context) error {
	s.batch, s.spoiled = s.store.NewBatch(), false
	return nil
}

func (s *Session) endBatch(ctx context.Context) error {
	if s.batch == nil {
		return errors.New("there is no batch; it begins with batch")
	}
	b, spoiled := s.batch, s.spoiled
	s.batch = nil
	if spoiled {
		return errors.New("nothing of this batch was applied, because a line of it was wrong")
	}
	return s.ok(b.Apply(ctx))
}

func (s *Session) cancelBatch(context.Context) error {
	if s.batch == nil {
		return errors.New("there is no batch; it begins with batch")
	}
	s.batch = nil
	return s.ok(nil)
}

func (s *Session) table(t Table) error {
	if s.terminal {
		return t.draw(s.out)
	}
	return t.print(s.out)
}

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
