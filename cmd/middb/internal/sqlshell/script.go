package sqlshell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/middb/middb/planner/parser"
)

// A Script is statements and dot commands to run.
type Script struct {
	In        io.Reader
	Name      string // of the file, for errors; may be empty
	KeepGoing bool   // report errors, and go on
	bare      bool   // nobody counts its lines
}

// Script runs a script. Its first error ends it and is returned, a *Failure; with KeepGoing errors are reported and the
// result is then ErrFailed.
func (s *Shell) Script(ctx context.Context, script Script) error {
	src := &source{in: bufio.NewReaderSize(script.In, 64<<10), line: 1}
	bad := false
	for {
		piece, err := src.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read line %d: %w", src.line, err)
		}
		err = errors.Join(s.piece(ctx, src, piece), s.flush())
		var f *Failure
		switch {
		case errors.Is(err, ErrQuit):
			return nil
		case err == nil:
			continue
		case errors.As(err, &f) && f.File == "": // else it is of a file that this one reads
			f.File = script.Name
			if script.bare {
				f.Line = 0
			}
		}
		if !script.KeepGoing || f == nil || ctx.Err() != nil {
			return err
		}
		bad = true
		fmt.Fprintf(s.errs, "middb: %v\n", err)
	}
	if bad {
		return ErrFailed
	}
	return nil
}

// piece runs a piece of a script.
func (s *Shell) piece(ctx context.Context, src *source, p piece) error {
	switch {
	case strings.HasPrefix(p.text, "."):
		return s.failure(s.command(ctx, p.text), p.line)
	case strings.HasPrefix(p.text, `\`):
		word, _, _ := strings.Cut(strings.TrimSuffix(p.text, ";"), " ")
		s.note(p.line, word+" is a command of psql and is passed over")
		return nil
	case !readsRows(p.text):
		return s.statement(ctx, p.text, p.line, nil)
	}
	rows := &inline{src: src}
	err := s.statement(ctx, p.text, p.line, rows)
	if drainErr := rows.drain(); err == nil {
		err = s.failure(drainErr, p.line)
	}
	return err
}

// A piece is a statement without its semicolon, or a line that is a command.
type piece struct {
	text string
	line int // where it begins
}

// A source cuts a stream into pieces. It holds a part of the stream, whole lines, in which at least one statement ends.
type source struct {
	in    *bufio.Reader
	text  string        // what was read and not given yet
	line  int           // number of the first line of text
	parts []parser.Part // of text, moved by gone
	gone  int           // bytes of text that were given since it was split
	fresh bool          // parts are those of text
	ended bool          // there is no more to read
	chunk int           // bytes to read at a time
}

// next returns the next piece, or io.EOF.
func (s *source) next() (piece, error) {
	for {
		if !s.fresh {
			s.parts, s.gone, s.fresh = parser.Split(s.text), 0, true
		}
		if len(s.parts) > 0 {
			from := s.parts[0].From - s.gone
			if c := s.text[from]; c == '.' || c == '\\' {
				s.skip(from)
				p := piece{line: s.line}
				line, _ := s.readLine()
				p.text = strings.TrimSpace(line)
				return p, nil
			}
			if s.parts[0].Ended || s.ended {
				return s.take(), nil
			}
		}
		if s.ended {
			return piece{}, io.EOF
		}
		if err := s.fill(); err != nil {
			return piece{}, err
		}
	}
}

// take takes the first part.
func (s *source) take() piece {
	part := s.parts[0]
	s.parts = s.parts[1:]
	s.skip(part.From - s.gone)
	p := piece{text: s.text[:part.To-part.From], line: s.line}
	end := len(p.text)
	if part.Ended {
		end += semicolon(s.text[end:]) + 1
	}
	s.skip(end)
	return p
}

// semicolon returns the place of the semicolon that a text has behind blanks and comments.
func semicolon(text string) int {
	depth := 0 // of comments, which may be in each other
	for i := 0; i < len(text); i++ {
		switch rest := text[i:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			i++
		case depth > 0 && strings.HasPrefix(rest, "*/"):
			depth--
			i++
		case depth == 0 && strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				return len(text) - 1
			}
			i += n
		case depth == 0 && text[i] == ';':
			return i
		}
	}
	return len(text) - 1
}

// skip gives up n bytes.
func (s *source) skip(n int) {
	s.line += strings.Count(s.text[:n], "\n")
	s.text = s.text[n:]
	s.gone += n
}

// fill reads more: twice as much each time no statement has ended, so that a long one is not split again and again.
func (s *source) fill() error {
	s.chunk = max(2*s.chunk, 64<<10)
	if len(s.parts) == 0 {
		s.chunk = 64 << 10
	}
	var b strings.Builder
	b.WriteString(s.text)
	for want := b.Len() + s.chunk; b.Len() < want; {
		line, err := s.in.ReadString('\n')
		b.WriteString(line)
		if errors.Is(err, io.EOF) {
			s.ended = true
			break
		}
		if err != nil {
			return err
		}
		if s.in.Buffered() == 0 {
			break // a pipe: what is there is answered first
		}
	}
	s.text, s.fresh = b.String(), false
	return nil
}

// readLine takes the rest of a line. ok is false at the end.
func (s *source) readLine() (line string, ok bool) {
	s.fresh = false
	if !strings.Contains(s.text, "\n") && !s.ended {
		more, err := s.in.ReadString('\n')
		s.text += more
		s.ended = err != nil
	}
	if s.text == "" {
		return "", false
	}
	line, _, found := strings.Cut(s.text, "\n")
	n := len(line)
	if found {
		n++
	}
	s.skip(n)
	return strings.TrimSuffix(line, "\r"), true
}

// inline is the rows of COPY FROM STDIN in a script: the lines behind the one with the statement, up to \.
type inline struct {
	src   *source
	begun bool
	done  bool
	rest  string
	err   error
}

// Read implements io.Reader.
func (r *inline) Read(p []byte) (int, error) {
	if r.rest == "" && !r.advance() {
		if r.err != nil {
			return 0, r.err
		}
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// advance goes to the next line. It reports whether there is one.
func (r *inline) advance() bool {
	if r.done {
		return false
	}
	if !r.begun {
		r.begun = true
		r.src.readLine() // what is behind the semicolon
	}
	line, ok := r.src.readLine()
	if !ok {
		r.err = errors.New(`the input ended within the rows of COPY, which end with \. in a line of its own`)
	}
	if r.done = !ok || line == `\.`; r.done {
		return false
	}
	r.rest = line + "\n"
	return true
}

// drain passes over what was not read.
func (r *inline) drain() error {
	for r.advance() {
		r.rest = ""
	}
	return r.err
}

// Run runs a text, such as one given with -c. It is a script without the numbers of lines; what COPY FROM STDIN reads is in it.
func (s *Shell) Run(ctx context.Context, text string, keepGoing bool) error {
	return s.Script(ctx, Script{In: strings.NewReader(text), KeepGoing: keepGoing, bare: true})
}
