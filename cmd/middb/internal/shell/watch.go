package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/middb/middb/cmd/middb/internal/literal"
	"github.com/middb/middb/merge"
)

// A Change is one operation of a commit.
type Change struct {
	Seq      uint64 // sequence number of the operation
	Command  string // the command that does it: put, delete, delrange or merge
	Key      []byte // of a delrange where it begins; nil: it has no bound there
	Value    []byte // of a put, or the operand of a merge
	To       []byte // of a delrange where it ends; nil: it has no bound there
	Operator string // of a merge
	Expires  time.Time
}

// WatchOptions say what a watch passes on.
type WatchOptions struct {
	From   uint64 // the first sequence number; 0: what is committed from now on
	Prefix []byte // of the keys; empty: all
	// Enough is closed when the watch is to end as soon as it has passed on what was committed by then.
	Enough <-chan struct{}
}

// Watch prints the changes of the keyspace until ctx ends or limit of them are printed; negative is no limit. In a
// script it ends when the input goes on, or has ended, and all that was committed before is printed.
func (s *Session) Watch(ctx context.Context, from uint64, prefix []byte, limit int64) error {
	if limit == 0 {
		return nil
	}
	o := WatchOptions{From: from, Prefix: prefix}
	if s.goesOn != nil {
		o.Enough = s.goesOn()
	}
	err := s.ks.Watch(ctx, o, func(c Change) error {
		if _, err := s.out.Write(c.line()); err != nil {
			return fmt.Errorf("%w: %w", ErrOutput, err)
		}
		if err := s.flush(nil); err != nil {
			return err
		}
		if limit--; limit == 0 {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) || ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

var errEnough = errors.New("enough")

// line returns the change as a line of tab-separated cells.
func (c *Change) line() []byte {
	out := strconv.AppendUint(nil, c.Seq, 10)
	cell := func(b []byte) { out = literal.AppendShown(append(out, '\t'), b) }
	cell([]byte(c.Command))
	cell(c.Key)
	switch c.Command {
	case "put":
		cell(c.Value)
	case "delrange":
		cell(c.To)
	case "merge":
		cell([]byte(c.Operator))
		operand := c.Value
		if n, err := merge.Count(operand); err == nil && c.Operator == merge.Counter {
			operand = strconv.AppendInt(nil, n, 10)
		}
		cell(operand)
	}
	if !c.Expires.IsZero() {
		cell([]byte("until " + c.Expires.UTC().Format(time.RFC3339)))
	}
	return append(out, '\n')
}

// ahead looks ahead in the input of a script while a command runs.
type ahead struct {
	in   *bufio.Reader
	seen chan struct{} // closed when there is more input, or its end; nil: nobody asked
}

// goesOn returns a channel that is closed when the input goes on or has ended.
func (a *ahead) goesOn() <-chan struct{} {
	seen := make(chan struct{})
	a.seen = seen
	go func() {
		defer close(seen)
		_, _ = a.in.Peek(1) // the next read says what it is
	}()
	return seen
}

// wait waits until nobody looks ahead, so that the input can be read.
func (a *ahead) wait() {
	if a.seen != nil {
		<-a.seen
		a.seen = nil
	}
}
