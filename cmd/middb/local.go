package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/peterh/liner"
	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/cmd/middb/internal/sqlshell"
	"github.com/middb/middb/engine"
)

// local returns the command that opens a shell.
func (p *program) local() *cobra.Command {
	var commands []string
	var durability, keyspace string
	cmd := &cobra.Command{
		Use:   "local DIR",
		Short: "open a shell on a database in a directory",
		Long: `Open a shell on the database in DIR, which is made if it does not exist.

On a terminal the shell prompts, completes with the tab key and keeps a history.
Otherwise it reads one command a line from standard input, prints plain answers
and reports errors on standard error with their line; after an error it goes on
with the next line, and ends with exit code 1. "help" lists the commands.

Between begin and commit lies a transaction: it reads one moment, with its own
writes on top, and is committed as a whole, or not at all if another commit wrote
what it wrote (with begin serializable: or read). In a script a wrong line in it
makes commit refuse. The end of the input rolls it back.

A line that begins as SQL does is SQL, and so are those that follow until a semicolon.
DELETE FROM a table, DROP TABLE, VIEW, INDEX or SEQUENCE, and BEGIN; COMMIT; ROLLBACK;
and SAVEPOINT name; with their semicolon are SQL; delete, drop, begin, commit, rollback
and savepoint are else the shell's own. Both have transactions of their own. Lines that
begin with a dot are commands that go with SQL; .help lists them.`,
		Example: `  middb local ./mydb
  printf 'put a 1\nget a\n' | middb local ./mydb
  middb local ./mydb -c 'get a'
  middb local ./mydb -c batch -c 'put a 1' -c 'delete b' -c end
  middb local ./mydb -c 'put session/7 ada ttl 30m' -c 'incr logins' -c 'count logins'
  middb local ./mydb -c 'CREATE TABLE t (a INT PRIMARY KEY)' -c 'INSERT INTO t VALUES (1)' -c .tables
  middb local ./mydb --keyspace users -c 'delrange --prefix test/'
  middb local ./mydb < commands.txt`,
		Args: atMostOne("one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := p.dir(args)
			if err != nil {
				return err
			}
			d, err := parseDurability(durability)
			if err != nil {
				return err
			}
			return p.with(dir, creating, d, func(db *engine.DB) error {
				st, err := newStore(db)
				if err != nil {
					return err
				}
				sql := sqlshell.New(db, sqlshell.Options{Out: p.out, Err: p.err, Terminal: isTerminal(p.out), Explain: explain})
				err = p.session(cmd.Context(), st, sql, fmt.Sprintf("middb %s, %s", version(), db.Path()), commands, keyspace)
				if closeErr := sql.Close(); err == nil {
					err = closeErr
				}
				return err
			})
		},
	}
	commandFlag(cmd, &commands)
	cmd.Flags().StringVar(&durability, "durability", "sync",
		"when a write is answered: sync, once it is on disk; nosync, up to 50 ms before it is written")
	keyspaceFlag(cmd, &keyspace)
	return cmd
}

func parseDurability(name string) (engine.Durability, error) {
	switch name {
	case "sync":
		return engine.Sync, nil
	case "nosync":
		return engine.NoSync, nil
	default:
		return 0, fmt.Errorf("--durability %s: it is sync or nosync", name)
	}
}

// session runs the commands of a shell: those given with -c, those a person types, or a script.
func (p *program) session(ctx context.Context, st shell.Store, sql shell.SQL, greeting string, commands []string, keyspace string) error {
	o := p.shellOptions()
	o.SQL = sql
	s := shell.New(st, o)
	err := s.Use(ctx, keyspace, true)
	switch {
	case err != nil:
		return err
	case commands != nil:
		err = s.RunCommands(ctx, commands)
	case isTerminal(p.in) && isTerminal(p.out):
		fmt.Fprintf(p.out, "%s\nhelp lists the commands; quit leaves.\n", greeting)
		err = p.interact(ctx, s)
	default:
		err = s.Run(ctx, p.in)
	}
	return shellFailure(err)
}

// shellFailure returns the failure of a session that returned err.
func shellFailure(err error) error {
	switch {
	case errors.Is(err, shell.ErrNotFound):
		return &failure{exitNotFound, nil}
	case errors.Is(err, shell.ErrFailed):
		return &failure{exitFailed, nil}
	default:
		return failed(err)
	}
}

func (p *program) shellOptions() shell.Options {
	return shell.Options{Out: p.out, Err: p.err, Terminal: isTerminal(p.out), Explain: explain}
}

// A talker is what a person at a terminal talks to.
type talker interface {
	Complete(line string) []string
	Interact(ctx context.Context, p shell.Prompter, interruptible func(context.Context) (context.Context, func())) error
}

// interact runs a session at a terminal.
func (p *program) interact(ctx context.Context, s talker) error {
	line := liner.NewLiner()
	defer line.Close()
	line.SetCtrlCAborts(true)
	line.SetCompleter(s.Complete)
	history, err := historyFile()
	if err == nil {
		err = readHistory(line, history)
	}
	if err != nil {
		fmt.Fprintf(p.err, "middb: no history: %v\n", err)
		return s.Interact(ctx, line, interruptible)
	}
	err = s.Interact(ctx, line, interruptible)
	if saveErr := saveHistory(line, history); saveErr != nil {
		fmt.Fprintf(p.err, "middb: the history was not saved: %v\n", saveErr)
	}
	return err
}

// interruptible returns a context that ends when the user asks the program to stop. A second
// request ends the program, which is safe at any time.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// historyFile returns where the shell keeps what was typed, in the user's state directory.
func historyFile() (string, error) {
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "middb", "history"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".local", "state", "middb", "history"), nil
}

func readHistory(line *liner.State, name string) error {
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = line.ReadHistory(f)
	return err
}

// saveHistory writes the history so that only its user can read it: it holds keys and values.
func saveHistory(line *liner.State, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return writeFile(name, 0o600, func(w io.Writer) error {
		_, err := line.WriteHistory(w)
		return err
	})
}
