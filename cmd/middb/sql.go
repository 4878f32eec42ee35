package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/sqlshell"
	"github.com/middb/middb/engine"
)

// sqlFlags are those of commands that print rows.
type sqlFlags struct{ output string }

func (f *sqlFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.output, "output", "", "print rows as "+sqlshell.ModeNames()+"\n(default: box on a terminal, else table)")
}

// options returns how a shell for SQL begins.
func (f *sqlFlags) options(p *program) (sqlshell.Options, error) {
	o := sqlshell.Options{Out: p.out, Err: p.err, Terminal: isTerminal(p.out), Explain: explain}
	if f.output == "" {
		return o, nil
	}
	var err error
	if o.Mode, err = sqlshell.ParseMode(f.output); err != nil {
		err = fmt.Errorf("--output: %w", err)
	}
	return o, err
}

// A sqlRun is what middb sql is to run.
type sqlRun struct {
	sqlFlags
	commands         []string
	file             string
	keepGoing, quiet bool
	readOnly         bool
}

// sql returns the command that runs SQL.
func (p *program) sql() *cobra.Command {
	var r sqlRun
	cmd := &cobra.Command{
		Use:   "sql --data-dir DIR",
		Short: "run SQL: given with -c, in a file, from a pipe, or at a prompt",
		Long: `Run SQL on the database in DIR, which is made if it does not exist: the statements of
-c, of a file, or of standard input; on a terminal the program prompts for them. A
statement ends with a semicolon, and may have any number of lines. Lines that begin
with a dot are commands, which .help lists. docs/sql.md says what SQL there is.

The first error ends a run with exit code 1; it names the line of the file. With
--keep-going it is reported, and the next statement follows. What was done before it
stays done, but for an open transaction. Statements of a file are on disk when the
program ends, those of others when they are answered.

Files made for PostgreSQL can be read: lines of psql that begin with a backslash, and
CREATE and DROP DATABASE, are passed over, and rows may follow COPY ... FROM STDIN.`,
		Example: `  middb sql --data-dir ./mydb                    # a prompt
  middb sql --data-dir ./mydb -c 'SELECT * FROM users'
  middb sql --data-dir ./mydb -f chinook.sql
  middb sql --data-dir ./mydb --output json -c 'SELECT name, age FROM users ORDER BY age'
  echo 'SELECT count(*) FROM users;' | middb sql --data-dir ./mydb --read-only
  middb sql --data-dir ./mydb -c 'CREATE TABLE t (a INT PRIMARY KEY)' -c 'INSERT INTO t VALUES (1)'`,
		Args: none("; name the directory with --data-dir, and a statement with -c"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.dir(nil)
			if err != nil {
				return err
			}
			if r.commands != nil && cmd.Flags().Changed("file") {
				return errors.New("-c and -f: one of them says what to run")
			}
			o, err := r.options(p)
			if err != nil {
				return err
			}
			o.Quiet = r.quiet
			return p.runSQL(cmd.Context(), dir, &r, o)
		},
	}
	r.flags(cmd)
	cmd.Flags().StringArrayVarP(&r.commands, "command", "c", nil, "run this statement, or several, and leave; may be repeated")
	cmd.Flags().StringVarP(&r.file, "file", "f", "", "run the statements of this file (- is standard input)")
	cmd.Flags().BoolVar(&r.keepGoing, "keep-going", false, "go on after errors; the exit code is 1 all the same")
	cmd.Flags().BoolVarP(&r.quiet, "quiet", "q", false, "print rows only: no INSERT 0 1, and no notices")
	cmd.Flags().BoolVar(&r.readOnly, "read-only", false, "only read: the database must exist, and others may read it meanwhile")
	return cmd
}

// runSQL opens the database and runs what is to be run.
func (p *program) runSQL(ctx context.Context, dir string, r *sqlRun, o sqlshell.Options) error {
	in, durability := p.in, engine.Sync
	if r.file != "" && r.file != "-" { // opened first, so that a wrong name makes no database
		f, err := os.Open(r.file)
		if err != nil {
			return failed(err)
		}
		defer f.Close()
		in, durability = f, engine.NoSync
	}
	a := creating
	if r.readOnly {
		a = reading
	}
	return p.with(dir, a, durability, func(db *engine.DB) error {
		s := sqlshell.New(db, o)
		err := p.feedSQL(ctx, s, r, in)
		if s.InTransaction() {
			fmt.Fprintln(p.err, "middb: the transaction that was open is rolled back (COMMIT ends one)")
			if err == nil {
				err = sqlshell.ErrFailed
			}
		}
		if closeErr := s.Close(); err == nil {
			err = closeErr
		}
		if durability == engine.NoSync && a != reading {
			if syncErr := db.Apply(db.NewBatch(), engine.Sync); err == nil {
				err = syncErr
			}
		}
		return sqlFailure(err)
	})
}

// feedSQL gives a shell what it is to run.
func (p *program) feedSQL(ctx context.Context, s *sqlshell.Shell, r *sqlRun, in io.Reader) error {
	if r.commands == nil && r.file == "" && isTerminal(p.in) && isTerminal(p.out) {
		fmt.Fprintf(p.out, "middb %s, SQL on %s\n.help lists the commands; .quit leaves.\n", version(), p.dataDir)
		return p.interact(ctx, s)
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	if r.commands == nil {
		return s.Script(ctx, sqlshell.Script{In: in, Name: strings.TrimPrefix(r.file, "-"), KeepGoing: r.keepGoing})
	}
	var bad error
	for _, c := range r.commands {
		err := s.Run(ctx, c, r.keepGoing)
		if errors.Is(err, sqlshell.ErrFailed) {
			bad = err
			continue
		}
		if err != nil {
			return err
		}
	}
	return bad
}

// sqlFailure returns the failure of a shell that returned err.
func sqlFailure(err error) error {
	switch {
	case errors.Is(err, sqlshell.ErrFailed):
		return &failure{exitFailed, nil}
	default:
		return failed(err)
	}
}
