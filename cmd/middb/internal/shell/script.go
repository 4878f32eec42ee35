package shell

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/middb/middb/key"
)

// ErrFailed is returned by Run and RunCommands after commands failed that were reported.
var ErrFailed = errors.New("a command failed")

// maxLineBytes bounds a line: a put of the longest key and value, each written in hexadecimal.
const maxLineBytes = 2*(key.MaxKeyBytes+key.MaxValueBytes) + 64

// errLineTooLong is the error of one line; the next one can be read.
var errLineTooLong = errors.New("the line is longer than the longest put")

// Run runs the lines of a script until it ends or quits. Each failure is reported with its line;
// the result is then ErrFailed.
func (s *Session) Run(ctx context.Context, script io.Reader) error {
	in := bufio.NewReaderSize(script, 64<<10)
	next := &ahead{in: in}
	s.goesOn = next.goesOn
	var line []byte
	var failed bool
	for n := 1; ; n++ {
		var err error
		next.wait()
		line, err = readLine(in, line[:0])
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			s.line = n
			err = s.Execute(ctx, line)
		} else if !errors.Is(err, errLineTooLong) {
			s.report("", fmt.Errorf("read line %d: %w", n, err))
			failed = true
			break
		}
		if errors.Is(err, ErrQuit) {
			break
		}
		if errors.Is(err, ErrOutput) {
			return err
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			failed = true
			s.spoil()
			s.reportLine(n, err)
		}
	}
	return s.finish(ctx, failed)
}

// RunCommands runs the commands given with -c, each of one or more lines, like the lines of a
// script. Of a single command it returns the error, ErrNotFound included; of several, failures
// are reported and the result is ErrFailed.
func (s *Session) RunCommands(ctx context.Context, given []string) error {
	if len(given) > 1 {
		given = slices.Clone(given)
		for i, c := range given {
			given[i] = ended(c)
		}
	}
	text := strings.Join(given, "\n")
	if len(given) > 1 || strings.Contains(strings.TrimSpace(text), "\n") {
		return s.Run(ctx, strings.NewReader(text))
	}
	s.goesOn = (&ahead{in: bufio.NewReader(strings.NewReader(""))}).goesOn
	err := s.Execute(ctx, []byte(strings.TrimSpace(text)))
	if err == nil && s.sql != nil && s.sql.Open() {
		err = s.sql.Finish(ctx)
	}
	if errors.Is(err, ErrQuit) {
		err = nil
	}
	return errors.Join(err, errors.Join(s.leave(ctx)...))
}

var errOpenBatch = errors.New("the input ended inside a batch; nothing of it was applied (a batch ends with end)")

// finish ends a script.
func (s *Session) finish(ctx context.Context, failed bool) error {
	for _, lost := range s.leave(ctx) {
		failed = true
		s.report("", lost)
	}
	if failed {
		return ErrFailed
	}
	return nil
}

func (s *Session) report(where string, err error) {
	fmt.Fprintf(s.errors, "middb: %s%s\n", where, s.explain(err))
}

// readLine appends the next line to buf, without its line end. It returns io.EOF only when there
// is no line, and errLineTooLong after it has read past one.
func readLine(in *bufio.Reader, buf []byte) ([]byte, error) {
	tooLong := false
	for {
		part, err := in.ReadSlice('\n')
		if len(buf)+len(part) > maxLineBytes {
			tooLong = true
			buf = buf[:0]
		}
		if !tooLong {
			buf = append(buf, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(buf) > 0 || tooLong), err == nil:
			if tooLong {
				return buf, errLineTooLong
			}
			buf = bytes.TrimSuffix(buf, []byte{'\n'})
			return bytes.TrimSuffix(buf, []byte{'\r'}), nil
		default:
			return buf, err
		}
	}
}
