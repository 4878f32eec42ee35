package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/sqlshell"
	"github.com/middb/middb/engine"
)

// dump returns the command that writes tables as SQL.
func (p *program) dump() *cobra.Command {
	var file string
	var schemaOnly bool
	cmd := &cobra.Command{
		Use:   "dump --data-dir DIR [TABLE...]",
		Short: "write tables as SQL that makes them again",
		Long: `Write SQL that makes the tables again: sequences and identity columns, which go on where
they are, tables, rows, indexes, foreign keys and views, as of one moment. With
TABLEs only those, and the sequences that their columns use; a foreign key to a table
that is not among them is left out. middb restore, middb sql -f and psql read it.
What is in keyspaces middb export writes.

The same content gives the same text. A FILE is replaced only when all was written.`,
		Example: `  middb dump --data-dir ./mydb > mydb.sql
  middb dump --data-dir ./mydb --file mydb.sql
  middb dump --data-dir ./mydb users orders
  middb dump --data-dir ./mydb --schema-only`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := p.dir(nil)
			if err != nil {
				return err
			}
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			o := sqlshell.Dumping{NoRows: schemaOnly}
			for _, a := range args {
				o.Tables = append(o.Tables, nameOf(a))
			}
			return p.with(dir, reading, engine.Default, func(db *engine.DB) error { return p.writeDump(ctx, db, file, o) })
		},
	}
	cmd.Flags().StringVar(&file, "file", "-", "write to this file (- is standard output)")
	cmd.Flags().BoolVar(&schemaOnly, "schema-only", false, "write what there is, without rows")
	return cmd
}

func (p *program) writeDump(ctx context.Context, db *engine.DB, file string, o sqlshell.Dumping) error {
	if file == "-" {
		return sqlshell.Dump(ctx, db, p.out, o)
	}
	done := p.meter("rows", -1, false)
	defer done.end()
	o.Progress = done.set
	return writeFile(file, 0o666, func(w io.Writer) error { return sqlshell.Dump(ctx, db, w, o) })
}

// restore returns the command that runs a dump.
func (p *program) restore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore --data-dir DIR FILE",
		Short: "make the tables of a dump again",
		Long: `Run the SQL of FILE (- is standard input), which middb dump has written, on the database
in DIR, which is made if it does not exist. Tables of the dump must not be there.

The first error ends it; what was restored before it stays. Everything is on disk when
the program ends.`,
		Example: `  middb restore --data-dir ./copy mydb.sql
  middb dump --data-dir ./mydb | middb restore --data-dir ./copy -`,
		Args: exactly("one FILE; - is standard input", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := p.dir(nil)
			if err != nil {
				return err
			}
			return p.restoreFile(cmd.Context(), dir, args[0])
		},
	}
	return cmd
}

func (p *program) restoreFile(ctx context.Context, dir, file string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	in, size, name := p.in, int64(-1), "standard input"
	if file != "-" { // opened first, so that a wrong name makes no database
		f, err := os.Open(file)
		if err != nil {
			return failed(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		in, name = f, file
	}
	return p.with(dir, creating, engine.NoSync, func(db *engine.DB) error {
		s := sqlshell.New(db, sqlshell.Options{Out: io.Discard, Err: p.err, Quiet: true, Explain: explain})
		done := p.meter("restore", size, true)
		start := time.Now()
		err := s.Script(ctx, sqlshell.Script{In: io.TeeReader(in, done), Name: name})
		done.end()
		if s.InTransaction() && err == nil {
			err = errors.New("the file ends within a transaction, which is rolled back")
		}
		err = errors.Join(err, s.Close())
		if syncErr := db.Apply(db.NewBatch(), engine.Sync); err == nil {
			err = syncErr
		}
		if err == nil {
			fmt.Fprintf(p.err, "restored %s in %.2f s\n", name, time.Since(start).Seconds())
		}
		return err
	})
}
