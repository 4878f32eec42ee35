package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/port"
	"github.com/middb/middb/engine"
)

// importFile returns the command that loads a file.
func (p *program) importFile() *cobra.Command {
	var o port.ImportOptions
	var format, keyspace string
	cmd := &cobra.Command{
		Use:   "import --data-dir DIR --format csv|tsv|jsonl --key COLUMN FILE",
		Short: "load the rows of a file",
		Long: `Load the rows of FILE (- is standard input) into a keyspace of the database in DIR.
Both are made if they do not exist.

The value of a csv or tsv row is JSON: {"column":"text",...} under a header, else
["text",...]. A backslash means itself, so \N is the text \N. tsv is csv with tabs,
quotes included; --no-quotes reads files in which quotes mean nothing. The value
of a jsonl line is the object in it. jsonl without --key is what export writes:
{"key":"...","value":"..."} a line.

The key is a column by --key NAME, by --key N from 1, or with --key :row the
number of the row in 20 digits. Rows that have the key of an earlier row, or one
that is in the database, replace it; those within the file are counted.

Rows are stored in atomic batches, each on disk before the next one begins. After
an error, the batches before it stay; the import can be run again.`,
		Example: `  middb import --data-dir ./mydb --format csv --key id people.csv
  middb import --data-dir ./mydb --keyspace airports --format csv --no-header --key 1 airports.dat
  middb import --data-dir ./mydb --format csv --no-header --key :row routes.dat
  zcat events.jsonl.gz | middb import --data-dir ./mydb --format jsonl --key id -`,
		Args: exactly("one FILE; - is standard input", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := p.dir(nil)
			if err != nil {
				return err
			}
			if o.Format, err = chooseFormat(format, args[0]); err != nil {
				return err
			}
			if cmd.Flags().Changed("key") && o.Key == "" && o.Format == port.JSONL {
				return errors.New("--key has an empty name")
			}
			if err := o.Check(); err != nil {
				return err
			}
			return failed(p.load(cmd.Context(), dir, keyspace, args[0], o))
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "format of FILE: "+port.FormatNames+" (default: by its extension)")
	cmd.Flags().StringVar(&o.Key, "key", "", "column that becomes the key: its name, its number from 1, or :row")
	keyspaceFlag(cmd, &keyspace)
	cmd.Flags().BoolVar(&o.NoHeader, "no-header", false, "the first line of csv or tsv is a row, not column names")
	cmd.Flags().BoolVar(&o.NoQuotes, "no-quotes", false, "quotes in csv or tsv mean themselves")
	return cmd
}

// chooseFormat returns the format named, or else the one that goes with a file's extension.
func chooseFormat(name, file string) (port.Format, error) {
	if name != "" {
		return port.ParseFormat(name)
	}
	if f, err := port.ParseFormat(strings.TrimPrefix(filepath.Ext(file), ".")); err == nil {
		return f, nil
	}
	return 0, errors.New("--format is missing: " + port.FormatNames)
}

// load imports a file. The file is opened first, so that a wrong name makes no database.
func (p *program) load(ctx context.Context, dir, keyspace, file string, o port.ImportOptions) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	var in io.Reader
	size, name := int64(-1), "standard input"
	if file == "-" {
		in = cancellable(ctx, p.in)
	} else {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if info.IsDir() {
			return fmt.Errorf("import %s: it is a directory", file)
		}
		if info.Mode().IsRegular() {
			size = info.Size()
		}
		in, name = f, file
	}
	return p.with(dir, creating, engine.Sync, func(db *engine.DB) error {
		ks, err := db.Keyspace(keyspace, engine.KeyspaceOptions{})
		if err != nil {
			return err
		}
		done := p.meter("import", size, true)
		start := time.Now()
		report, err := port.Import(ctx, io.TeeReader(in, done), o, &sink{db, ks, db.NewBatch()})
		done.end()
		if err != nil {
			return importError(name, report, err)
		}
		duplicates := ""
		if report.Duplicates > 0 {
			duplicates = fmt.Sprintf(" (%d duplicate keys, the last one kept)", report.Duplicates)
		}
		fmt.Fprintf(p.err, "imported %d rows%s %s\n", report.Rows, duplicates, rate(report.Rows, time.Since(start)))
		return nil
	})
}

// cancellable returns a reader of r whose reads fail when ctx ends, also one that is waiting.
func cancellable(ctx context.Context, r io.Reader) io.Reader {
	out, in := io.Pipe()
	context.AfterFunc(ctx, func() { in.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(in, r)
		in.CloseWithError(err)
	}()
	return out
}

func importError(name string, report port.Report, err error) error {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	return fmt.Errorf("import %s: %w; %d rows before it were stored", name, err, report.Rows)
}

// rate says how long n rows took.
func rate(n int64, took time.Duration) string {
	seconds := max(took.Seconds(), 1e-6)
	return fmt.Sprintf("in %.2f s, %.0f rows/s", seconds, float64(n)/seconds)
}

// exportFile returns the command that writes a file.
func (p *program) exportFile() *cobra.Command {
	var format string
	var b bounds
	var keyspace string
	cmd := &cobra.Command{
		Use:   "export --data-dir DIR --format csv|tsv|jsonl [FILE]",
		Short: "write the entries to a file",
		Long: `Write the entries of a keyspace, in byte order of their keys, to FILE or standard
output. FILE is replaced only when all was written. Merged values are written as
they are read; how long entries have to live is not written.

jsonl writes {"key":"...","value":"..."} a line, and for what is not UTF-8 the
fields key_b64 and value_b64; import --format jsonl reads it back, whatever the
database holds. csv and tsv write the columns of imported rows, under a header
if they had one; entries that are no rows of the same columns are an error.`,
		Example: `  middb export --data-dir ./mydb --format csv airports.csv
  middb export --data-dir ./mydb --format jsonl | gzip > backup.jsonl.gz
  middb export --data-dir ./mydb --format tsv --keyspace users --prefix a`,
		Args: atMostOne("one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := "-"
			if len(args) == 1 {
				file = args[0]
			}
			dir, err := p.dir(nil)
			if err != nil {
				return err
			}
			f, err := chooseFormat(format, file)
			if err != nil {
				return err
			}
			r, err := b.parse(cmd)
			if err != nil {
				return err
			}
			return p.with(dir, reading, engine.Sync, func(db *engine.DB) error {
				o := engine.IterOptions{Lower: r.From, Upper: r.To, Prefix: r.Prefix}
				ks, err := db.Keyspace(keyspace, engine.KeyspaceOptions{MustExist: true})
				if err != nil {
					return err
				}
				return p.unload(cmd.Context(), ks, o, f, file)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "format to write: "+port.FormatNames+" (default: by the extension of FILE)")
	b.flags(cmd, &keyspace)
	return cmd
}

func (p *program) unload(ctx context.Context, ks *engine.Keyspace, span engine.IterOptions, f port.Format, file string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	var rows int64
	write := func(w io.Writer) error {
		it, err := ks.NewIterator(span)
		if err != nil {
			return err
		}
		defer it.Close()
		o := port.ExportOptions{Format: f}
		if !isTerminal(w) {
			done := p.meter("export", -1, false)
			defer done.end()
			o.Progress = done.set
		}
		if rows, err = port.Export(ctx, w, o, it.All()); err != nil {
			return err
		}
		return it.Err()
	}
	start := time.Now()
	var err error
	if file == "-" {
		err = write(p.out)
	} else {
		err = writeFile(file, 0o666, write)
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	fmt.Fprintf(p.err, "exported %d rows %s\n", rows, rate(rows, time.Since(start)))
	return nil
}
