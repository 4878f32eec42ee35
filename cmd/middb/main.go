// Command middb works with middb databases: a shell, one-shot commands, import and export, and
// tools that look inside.
//
// Exit codes:
//
//	0  done
//	1  a command failed; a script went on with the next one
//	2  usage: the command line is wrong, and nothing was done
//	3  the database cannot be opened, damage found then included, or the server cannot be reached
//	4  key not found: one-shot commands and a single -c only
//
// Answers go to standard output; errors, progress and rates to standard error.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/middb/middb/cmd/middb/internal/shell"
)

func main() {
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(p.main(os.Args[1:]))
}

// Exit codes; scripts rely on them.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitOpen     = 3
	exitNotFound = 4
)

// A failure ends the program with a code. Errors that are no failure are usage errors: what cobra
// finds wrong with a command line.
type failure struct {
	code int
	err  error // nil: everything was said already
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// failed makes err, unless it is nil, a failure of a command.
func failed(err error) error {
	var f *failure
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &failure{exitFailed, err}
}

// program is one run of middb.
type program struct {
	in       io.Reader
	out, err io.Writer
	dataDir  string // --data-dir
}

// main runs a command line and returns the exit code.
func (p *program) main(args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	ran, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	var f *failure
	if !errors.As(err, &f) {
		fmt.Fprintf(p.err, "middb: %v\nSee %s --help.\n", err, ran.CommandPath())
		return exitUsage
	}
	if f.err != nil {
		fmt.Fprintf(p.err, "middb: %s\n", explain(f.err))
	}
	return f.code
}

// root returns the tree of commands.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "middb",
		Short: "middb is an embedded key-value and SQL database",
		Long: `middb is an embedded database: ordered keys in keyspaces, tables with SQL, serializable
transactions, a feed of what changes, and every acknowledged write survives a
crash. This program is its shell and its tools.

Keys and values on the command line are taken as given, blanks included; those
that begin with hex: or b64: are decoded.

Exit codes: 0 done, 1 a command failed, 2 usage, 3 the database cannot be opened or
the server not reached, 4 key not found (one-shot commands and a single -c).`,
		Example: `  middb local ./mydb                          # a shell; makes ./mydb
  printf 'put a 1\nget a\n' | middb local ./mydb
  middb local ./mydb -c begin -c 'put a 2' -c 'incr n' -c commit
  middb put --data-dir ./mydb --keyspace texts greeting 'hello there'
  middb get --data-dir ./mydb --keyspace texts greeting
  middb sql --data-dir ./mydb -c 'SELECT * FROM users'
  middb client --server localhost:7878 -c ping`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		if _, unknown := errors.AsType[*pflag.NotExistError](err); unknown {
			err = fmt.Errorf("%w (write -- before words that begin with a dash)", err)
		}
		return err
	})
	root.PersistentFlags().StringVar(&p.dataDir, "data-dir", "", "directory of the database")
	root.AddCommand(p.local(), p.client(), p.top())
	root.AddCommand(p.oneShots()...)
	root.AddCommand(p.importFile(), p.exportFile(), p.verify(), p.inspect(), p.repair(), p.table(), p.index(), p.server(), p.user())
	root.AddCommand(p.sql(), p.query(), p.dump(), p.restore())
	root.AddCommand(wordsOfShell(root)...)
	return root
}

// wordsOfShell returns a hidden command for each of the shell's that root does not have, which says where it is one.
func wordsOfShell(root *cobra.Command) []*cobra.Command {
	var words []*cobra.Command
	for _, name := range shell.Commands() {
		if name == "help" || slices.ContainsFunc(root.Commands(), func(c *cobra.Command) bool { return c.Name() == name }) {
			continue
		}
		says := fmt.Sprintf("%s is a word of the shell: type it in middb local or middb client, or give it with -c; help %[1]s there tells more", name)
		word := &cobra.Command{
			Use: name, Hidden: true, DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error { return &failure{exitUsage, errors.New(says)} },
		}
		word.SetHelpFunc(func(*cobra.Command, []string) { fmt.Fprintln(root.OutOrStdout(), says) })
		words = append(words, word)
	}
	return words
}

// dir returns the directory that a command line names: with --data-dir, or as the only one of args.
func (p *program) dir(args []string) (string, error) {
	switch {
	case len(args) == 0 && p.dataDir == "":
		return "", errors.New("the directory of the database is missing; name it with --data-dir DIR")
	case len(args) == 0:
		return p.dataDir, nil
	case args[0] == "":
		return "", errors.New("the directory of the database has an empty name")
	case p.dataDir != "" && p.dataDir != args[0]:
		return "", fmt.Errorf("two directories: %s and --data-dir %s", args[0], p.dataDir)
	default:
		return args[0], nil
	}
}

// isTerminal reports whether a stream of the program is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
