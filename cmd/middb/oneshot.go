package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/literal"
	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/engine"
)

// oneShots returns the commands that do one thing and leave.
func (p *program) oneShots() []*cobra.Command {
	return []*cobra.Command{p.put(), p.get(), p.delete(), p.scan(), p.stats(), p.levels(), p.flush(), p.compact()}
}

// keyspaceFlag adds the flag that names a keyspace.
func keyspaceFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "keyspace", engine.DefaultKeyspace, "the keyspace to work on")
}

// A oneShot is where a one-shot command works.
type oneShot struct {
	access   access
	keyspace string
	remote   remote
}

// flags adds the flags that say where; the keyspace has its own.
func (o *oneShot) flags(cmd *cobra.Command) {
	o.remote.flags(cmd, "")
	o.keyspace = engine.DefaultKeyspace
}

// once runs one command in a keyspace of the database of the server that --server names, or else in the directory
// that --data-dir, or the only one of args, names.
func (p *program) once(cmd *cobra.Command, args []string, o *oneShot, run func(context.Context, *shell.Session) error) error {
	ctx := cmd.Context()
	use := func(st shell.Store) error {
		s := shell.New(st, p.shellOptions())
		if err := s.Use(ctx, o.keyspace, o.access == creating); err != nil {
			return err
		}
		return shellFailure(s.Once(func(s *shell.Session) error { return run(ctx, s) }))
	}
	switch {
	case o.remote.server != "" && len(args) > 0:
		return fmt.Errorf("%q is too much: the database is that of the server", args[0])
	case o.remote.server != "":
		return p.withServer(ctx, &o.remote, 0, func(st remoteStore) error {
			if !cmd.Flags().Changed("keyspace") {
				o.keyspace = st.Name() // of the URL
			}
			return use(st)
		})
	}
	if err := o.remote.unused(); err != nil {
		return err
	}
	dir, err := p.dir(args)
	if err != nil {
		return err
	}
	return p.with(dir, o.access, engine.Sync, func(db *engine.DB) error {
		st, err := newStore(db)
		if err != nil {
			return err
		}
		return use(st)
	})
}

func (p *program) put() *cobra.Command {
	o := oneShot{access: creating}
	var ttl time.Duration
	cmd := &cobra.Command{
		Use:   "put --data-dir DIR KEY VALUE",
		Short: "store a value",
		Long: `Store VALUE under KEY and print OK once it is on disk. DIR and the keyspace are made
if they do not exist. With --ttl the key is gone after that time.

KEY and VALUE are taken as given, blanks included; those that begin with hex: or
b64: are decoded. Write -- before a value that begins with a dash.`,
		Example: `  middb put --data-dir ./mydb greeting 'hello there'
  middb put --data-dir ./mydb hex:0001 b64:AP8=
  middb put --data-dir ./mydb --ttl 30m --keyspace sessions 7 ada
  middb put --data-dir ./mydb -- balance -5
  middb put --server localhost:7878 greeting 'hello there'`,
		Args: exactly("a KEY and a VALUE", 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			words, err := parseWords(args)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("ttl") && ttl <= 0 {
				return fmt.Errorf("--ttl %v: it is more than 0", ttl)
			}
			return p.once(cmd, nil, &o, func(ctx context.Context, s *shell.Session) error {
				return s.Put(ctx, words[0], words[1], ttl)
			})
		},
	}
	o.flags(cmd)
	keyspaceFlag(cmd, &o.keyspace)
	cmd.Flags().DurationVar(&ttl, "ttl", 0, "how long the key has to live, such as 90s or 1h30m (default: for good)")
	return cmd
}

func (p *program) get() *cobra.Command {
	var raw bool
	var o oneShot
	cmd := &cobra.Command{
		Use:   "get --data-dir DIR KEY",
		Short: "print a value",
		Long: `Print the value of KEY. If there is none, print (nil) and exit with code 4.

Text is printed as it is, anything with an unprintable byte with escapes. --raw
writes the bytes of the value and nothing else, and nothing for a missing key.`,
		Example: `  middb get --data-dir ./mydb greeting
  middb get --data-dir ./mydb --keyspace users ada
  middb get --data-dir ./mydb --raw picture > picture.png
  middb get --server localhost:7878 greeting`,
		Args: exactly("a KEY", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			words, err := parseWords(args)
			if err != nil {
				return err
			}
			return p.once(cmd, nil, &o, func(ctx context.Context, s *shell.Session) error {
				if raw {
					return s.GetRaw(ctx, words[0])
				}
				return s.Get(ctx, words[0])
			})
		},
	}
	o.flags(cmd)
	keyspaceFlag(cmd, &o.keyspace)
	cmd.Flags().BoolVar(&raw, "raw", false, "write the bytes of the value as they are, without a line end")
	return cmd
}

func (p *program) delete() *cobra.Command {
	o := oneShot{access: writing}
	cmd := &cobra.Command{
		Use:   "delete --data-dir DIR KEY",
		Short: "remove a key",
		Long:  `Remove KEY and its value, and print OK once that is on disk. A key that is not there is no error.`,
		Example: `  middb delete --data-dir ./mydb greeting
  middb delete --data-dir ./mydb --keyspace users ada
  middb delete --server localhost:7878 greeting`,
		Args: exactly("a KEY", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			words, err := parseWords(args)
			if err != nil {
				return err
			}
			return p.once(cmd, nil, &o, func(ctx context.Context, s *shell.Session) error {
				return s.Delete(ctx, words[0])
			})
		},
	}
	o.flags(cmd)
	keyspaceFlag(cmd, &o.keyspace)
	return cmd
}

func (p *program) scan() *cobra.Command {
	var o oneShot
	var b bounds
	var reverse bool
	var limit int64
	cmd := &cobra.Command{
		Use:   "scan --data-dir DIR",
		Short: "print the entries of a range",
		Long: `Print the entries with --from <= key < --to that begin with --prefix, in byte order
of their keys, as lines KEY<TAB>VALUE. Text is printed as it is, anything with an
unprintable byte with escapes; export --format jsonl writes every byte.`,
		Example: `  middb scan --data-dir ./mydb
  middb scan --data-dir ./mydb --prefix user: --limit 10
  middb scan --data-dir ./mydb --keyspace users
  middb scan --data-dir ./mydb --from a --to hex:62ff --reverse
  middb scan --server localhost:7878 --prefix user:`,
		Args: atMostOne("one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := b.parse(cmd)
			if err != nil {
				return err
			}
			r.Reverse = reverse
			if cmd.Flags().Changed("limit") {
				if limit < 0 {
					return fmt.Errorf("--limit %d: it is 0 or more", limit)
				}
				r.Limit = limit
			}
			return p.once(cmd, args, &o, func(ctx context.Context, s *shell.Session) error { return s.Scan(ctx, r) })
		},
	}
	o.flags(cmd)
	b.flags(cmd, &o.keyspace)
	cmd.Flags().BoolVar(&reverse, "reverse", false, "greatest key first")
	cmd.Flags().Int64Var(&limit, "limit", 0, "print at most this many entries (default: all)")
	return cmd
}

func (p *program) stats() *cobra.Command {
	var o oneShot
	cmd := &cobra.Command{
		Use:   "stats --data-dir DIR",
		Short: "print counters and sizes of a database",
		Example: `  middb stats --data-dir ./mydb
  middb stats --server localhost:7878`,
		Args: atMostOne("one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.once(cmd, args, &o, func(ctx context.Context, s *shell.Session) error { return s.Stats(ctx) })
		},
	}
	o.flags(cmd)
	return cmd
}

func (p *program) levels() *cobra.Command {
	var o oneShot
	cmd := &cobra.Command{
		Use:   "levels --data-dir DIR",
		Short: "print the levels of sorted files of a database",
		Example: `  middb levels --data-dir ./mydb
  middb levels --server localhost:7878`,
		Args: atMostOne("one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.once(cmd, args, &o, func(ctx context.Context, s *shell.Session) error { return s.Levels(ctx) })
		},
	}
	o.flags(cmd)
	return cmd
}

func (p *program) flush() *cobra.Command {
	o := oneShot{access: writing}
	cmd := &cobra.Command{
		Use:   "flush --data-dir DIR",
		Short: "write what is in memory and in the log to sorted files",
		Example: `  middb flush --data-dir ./mydb
  middb flush --server localhost:7878`,
		Args: atMostOne("one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.once(cmd, args, &o, func(ctx context.Context, s *shell.Session) error { return s.Flush(ctx) })
		},
	}
	o.flags(cmd)
	return cmd
}

func (p *program) compact() *cobra.Command {
	o := oneShot{access: writing}
	var b bounds
	cmd := &cobra.Command{
		Use:   "compact --data-dir DIR",
		Short: "merge sorted files down to the last level",
		Long: `Merge the sorted files that hold keys of the keyspace with --from <= key < --to down
to the last level; without bounds all files, those of other keyspaces included.`,
		Example: `  middb compact --data-dir ./mydb
  middb compact --data-dir ./mydb --from a --to m
  middb compact --server localhost:7878`,
		Args: atMostOne("one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := b.parse(cmd)
			if err != nil {
				return err
			}
			return p.once(cmd, args, &o, func(ctx context.Context, s *shell.Session) error {
				return s.Compact(ctx, r.From, r.To)
			})
		},
	}
	o.flags(cmd)
	b.flags(cmd, &o.keyspace)
	return cmd
}

// bounds are the flags that select a range of keys of a keyspace.
type bounds struct{ prefix, from, to string }

func (b *bounds) flags(cmd *cobra.Command, keyspace *string) {
	if cmd.Name() != "compact" {
		cmd.Flags().StringVar(&b.prefix, "prefix", "", "only keys that begin with this")
	}
	cmd.Flags().StringVar(&b.from, "from", "", "only keys from this one on")
	keyspaceFlag(cmd, keyspace)
	cmd.Flags().StringVar(&b.to, "to", "", "only keys before this one")
}

func (b *bounds) parse(cmd *cobra.Command) (shell.Range, error) {
	r := shell.Range{Limit: -1}
	for _, f := range []struct {
		name, text string
		into       *[]byte
	}{{"prefix", b.prefix, &r.Prefix}, {"from", b.from, &r.From}, {"to", b.to, &r.To}} {
		if !cmd.Flags().Changed(f.name) {
			continue
		}
		value, err := literal.Parse(f.text)
		if err != nil {
			return r, fmt.Errorf("--%s: %w", f.name, err)
		}
		*f.into = value
	}
	return r, nil
}

func parseWords(args []string) ([][]byte, error) {
	words := make([][]byte, len(args))
	for i, arg := range args {
		var err error
		if words[i], err = literal.Parse(arg); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// exactly wants n arguments, which are described by what.
func exactly(what string, n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < n:
			return errors.New("missing: it takes " + what)
		case len(args) > n:
			return fmt.Errorf("%q is too much: it takes %s", args[n], what)
		default:
			return nil
		}
	}
}

// none wants no argument. instead tells where what somebody may give is said, or is empty.
func none(instead string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return fmt.Errorf("%q is too much: it takes no words%s", args[0], instead)
	}
}

// atMostOne wants no argument or the one that what describes.
func atMostOne(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 1 {
			return fmt.Errorf("%q is too much: it takes %s", args[1], what)
		}
		return nil
	}
}
