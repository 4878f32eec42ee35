package sqlshell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/session"
	"github.com/middb/middb/vfs"
)

// ErrQuit is returned for .quit.
var ErrQuit = shell.ErrQuit

// ErrFailed is returned by Script and Run after errors that were reported.
var ErrFailed = errors.New("a statement failed")

// Options say how a Shell begins. The zero value prints tables.
type Options struct {
	Out, Err io.Writer // answers; notices, times and reported errors
	Mode     Mode      // "": Box on a terminal, else Table
	Terminal bool      // Out is a terminal
	Quiet    bool      // what gives no rows says nothing
	// Explain returns the text of an error that is not one of SQL, with what to do about it. Nil: its Error.
	Explain func(error) string
}

// A Shell runs SQL and dot commands one after the other. Close it.
type Shell struct {
	db      *engine.DB
	sql     *engine.Session
	out     *printer
	file    *os.File // of .output; nil: out goes to main
	main    *printer
	errs    io.Writer
	explain func(error) string

	mode             Mode
	quiet            bool
	timer, showPlans bool

	text  strings.Builder // lines of a statement that goes on
	from  int             // number of its first line; 0: nobody counts
	copy  string          // COPY FROM STDIN whose rows are being taken; "": none
	names *names          // for completion; nil: not known now
	depth int             // of .read
}

// New returns a shell on a database.
func New(db *engine.DB, o Options) *Shell {
	s := &Shell{db: db, sql: db.Session(), errs: o.Err, explain: o.Explain, mode: o.Mode, quiet: o.Quiet}
	s.sql.AllowFiles(vfs.OS)
	s.main = &printer{bufio.NewWriterSize(o.Out, 64<<10)}
	s.out = s.main
	switch {
	case s.mode != "":
	case o.Terminal:
		s.mode = Box
	default:
		s.mode = Table
	}
	if s.explain == nil {
		s.explain = error.Error
	}
	return s
}

// Close rolls back a transaction under way, and ends .output.
func (s *Shell) Close() error { return errors.Join(s.sql.Close(), s.toFile("")) }

// InTransaction reports whether a transaction is under way, which Close would roll back.
func (s *Shell) InTransaction() bool {
	under, _ := s.sql.InTransaction()
	return under
}

// Open reports whether a statement has begun and not ended.
func (s *Shell) Open() bool { return s.text.Len() > 0 || s.copy != "" }

// Cancel gives up what has begun.
func (s *Shell) Cancel() {
	s.text.Reset()
	s.copy = ""
}

// Take takes the next line, whose number in a script is n, or 0 if nobody counts, and runs what it ends.
func (s *Shell) Take(ctx context.Context, line string, n int) error {
	err := s.take(ctx, line, n)
	return errors.Join(err, s.flush())
}

func (s *Shell) take(ctx context.Context, line string, n int) error {
	if s.copy != "" {
		return s.takeRow(ctx, line)
	}
	if s.text.Len() == 0 {
		s.from = n
		switch trimmed := strings.TrimSpace(line); {
		case strings.HasPrefix(trimmed, "."):
			return s.failure(s.command(ctx, trimmed), n)
		case strings.HasPrefix(trimmed, `\`):
			return s.failure(psqlCommand(trimmed), n)
		}
	}
	s.text.WriteString(line)
	s.text.WriteByte('\n')
	if !strings.Contains(line, ";") {
		if len(parser.Split(s.text.String())) == 0 {
			s.text.Reset() // nothing but comments
		}
		return nil
	}
	text := s.text.String()
	parts := parser.Split(text)
	if len(parts) > 0 && !parts[len(parts)-1].Ended {
		return nil
	}
	s.text.Reset()
	for i, p := range parts {
		sql := text[p.From:p.To]
		from := s.lineAt(text[:p.From])
		if readsRows(sql) && i == len(parts)-1 {
			s.copy, s.from = sql, from
			return nil
		}
		if err := s.statement(ctx, sql, from, nil); err != nil {
			return err
		}
	}
	return nil
}

// lineAt returns the number of the line at the end of a text that begins where the statement does.
func (s *Shell) lineAt(before string) int {
	if s.from == 0 {
		return 0
	}
	return s.from + strings.Count(before, "\n")
}

// takeRow takes a line of the rows of COPY FROM STDIN, up to \.
func (s *Shell) takeRow(ctx context.Context, line string) error {
	if line != `\.` {
		s.text.WriteString(line)
		s.text.WriteByte('\n')
		return nil
	}
	sql, rows := s.copy, s.text.String()
	s.Cancel()
	return s.statement(ctx, sql, s.from, strings.NewReader(rows))
}

// Finish runs what has begun and was not ended, at the end of the input.
func (s *Shell) Finish(ctx context.Context) error {
	if s.copy != "" {
		s.Cancel()
		return s.failure(errors.New(`the input ended within the rows of COPY, which end with \. in a line of its own; none was stored`), s.from)
	}
	text := s.text.String()
	s.text.Reset()
	for _, p := range parser.Split(text) {
		if err := s.statement(ctx, text[p.From:p.To], s.lineAt(text[:p.From]), nil); err != nil {
			return errors.Join(err, s.flush())
		}
	}
	return s.flush()
}

// psqlCommand returns the error of a line that only psql knows.
func psqlCommand(line string) error {
	word, _, _ := strings.Cut(strings.TrimSuffix(line, ";"), " ")
	return fmt.Errorf("%s is a command of psql; .help lists those that are here", word)
}

// flush has everything written.
func (s *Shell) flush() error {
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("%w: %w", ErrOutput, err)
	}
	return nil
}

// ErrOutput is matched by errors of writing the answers. They end a shell: nobody listens.
var ErrOutput = shell.ErrOutput

var _ shell.SQL = (*Shell)(nil)

// statement runs one statement, which begins in a line. rows is what COPY FROM STDIN reads.
func (s *Shell) statement(ctx context.Context, sql string, line int, rows io.Reader) error {
	if what := ofServers(sql); what != "" {
		s.note(line, what+" is passed over: a directory is one database")
		return nil
	}
	start := time.Now()
	err := s.planFirst(ctx, sql)
	if err == nil {
		err = s.run(ctx, sql, rows)
	}
	for _, n := range s.sql.Notices() {
		s.note(line, n.Message)
	}
	if changesNames(sql) {
		s.names = nil
	}
	if err == nil && s.timer {
		err = s.flush() // so that the time stands behind the rows
		fmt.Fprintf(s.errs, "Time: %.3f ms\n", float64(time.Since(start).Microseconds())/1000)
	}
	return s.failure(err, line)
}

func (s *Shell) run(ctx context.Context, sql string, in io.Reader) error {
	switch {
	case in != nil:
		r, err := s.sql.CopyFrom(ctx, sql, in)
		return s.tag(r.Tag, err)
	case readsRows(sql):
		return errors.New(`the rows of COPY FROM STDIN are missing: they follow in lines, and \. ends them`)
	case writesRows(sql):
		_, err := s.sql.CopyTo(ctx, sql, s.out)
		return err
	}
	rows, err := s.sql.Query(ctx, sql)
	if err != nil {
		return err
	}
	return s.show(rows)
}

// show prints the rows of a statement, and its tag if it is more than a query.
func (s *Shell) show(rows *session.Rows) error {
	if len(rows.Columns()) == 0 {
		err := errors.Join(rows.Err(), rows.Close())
		return s.tag(rows.Tag(), err)
	}
	m := s.mode
	if c := rows.Columns(); len(c) == 1 && c[0].Name == "QUERY PLAN" && !m.forPrograms() {
		return s.lines(rows)
	}
	if err := paint(m, s.out, rows); err != nil {
		return err
	}
	if tag := rows.Tag(); strings.HasPrefix(tag, "SELECT") || strings.HasPrefix(tag, "SHOW") {
		return nil
	}
	return s.tag(rows.Tag(), nil)
}

// lines prints rows of one text each as they are, such as a plan.
func (s *Shell) lines(rows *session.Rows) error {
	for rows.Next() {
		s.out.add(rows.Values()[0].String(), "\n")
	}
	return errors.Join(rows.Err(), rows.Close())
}

// tag says what was done, where that is for people.
func (s *Shell) tag(tag string, err error) error {
	if err == nil && tag != "" && !s.quiet && !s.mode.forPrograms() {
		s.out.add(tag, "\n")
	}
	return err
}

// planFirst prints the plan of a statement, if that was asked for.
func (s *Shell) planFirst(ctx context.Context, sql string) error {
	if !s.showPlans || !hasPlan(sql) {
		return nil
	}
	rows, err := s.sql.Query(ctx, "EXPLAIN "+sql)
	if err != nil {
		return nil // the statement has the error, too, and at the right place
	}
	if err := s.lines(rows); err != nil {
		return err
	}
	s.out.add("\n")
	return nil
}

// note says something beside the answers.
func (s *Shell) note(line int, message string) {
	if s.quiet {
		return
	}
	_ = s.out.Flush() // in order, where both are seen; who writes next sees the error
	where := ""
	if line > 0 {
		where = fmt.Sprintf("line %d: ", line)
	}
	fmt.Fprintf(s.errs, "NOTICE:  %s%s\n", where, message)
}
