package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/page"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// files is a database as its files show it, locked against writers and not recovered.
type files struct {
	dir   string
	set   *levels.Set
	cache *page.Cache
	lock  io.Closer
}

// openFiles opens the files of the database in dir for tools that look at each. Its errors are
// failures with exit code 3.
func openFiles(dir string, salvage bool) (*files, error) {
	f, err := lockFiles(dir)
	if err != nil {
		return nil, &failure{exitOpen, fmt.Errorf("open %s: %w", dir, err)}
	}
	f.cache = page.NewCache(8 << 20)
	f.set, err = levels.Load(levels.Options{FS: vfs.OS, Dir: dir, Cache: f.cache, Salvage: salvage})
	if err != nil {
		f.close()
		return nil, &failure{exitOpen, err}
	}
	return f, nil
}

// lockFiles locks what is a database, so that no lock file is made anywhere else.
func lockFiles(dir string) (*files, error) {
	names, err := vfs.OS.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the directory does not exist; check the path", engine.ErrDatabaseMissing)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasPrefix(name, "CURRENT-") || strings.HasPrefix(name, "MANIFEST-") {
			lock, err := vfs.OS.Lock(vfs.OS.Join(dir, "LOCK"), vfs.LockShared)
			return &files{dir: dir, lock: lock}, err
		}
	}
	return nil, fmt.Errorf("%w in this directory; check the path", engine.ErrDatabaseMissing)
}

func (f *files) close() {
	if f.set != nil {
		_ = f.set.Close() // it was only read
	}
	f.cache.Close()
	_ = f.lock.Close() // the end of the process releases it, too
}

func (f *files) logOptions() wal.RecoverOptions {
	return wal.RecoverOptions{LogID: f.set.Identity().LogID, FlushedSeq: f.set.FlushedSeq(), ReadOnly: true}
}

// verify returns the command that checks a database.
func (p *program) verify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR",
		Short: "check every byte of a database",
		Long: `Read every file of the database in DIR and check every checksum, the order of keys,
the shape of the levels and of the B+Trees, the manifest against the files, and the
chain of the log. Then read every row of every table and check its constraints, and
that each index has the entries of its table and no others. Nothing is changed. No
program may have the database open for writing.

Exit codes: 0 all is well, 1 something is damaged, 3 the files cannot be opened or
the manifest is damaged.`,
		Example: `  middb verify ./mydb`,
		Args:    atMostOne("one DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := p.dir(args)
			if err != nil {
				return err
			}
			f, err := openFiles(dir, false)
			if err != nil {
				return err
			}
			defer f.close()
			if err = p.verifyFiles(f); err == nil {
				err = p.verifyTables(dir)
			}
			if err == nil {
				fmt.Fprintln(p.out, "all is well")
			}
			return err
		},
	}
}

func (p *program) verifyFiles(f *files) error {
	var problems []error
	done := p.meter("sstables", 1, true)
	report, err := levels.Verify(vfs.OS, f.dir, done.setOf)
	done.end()
	if err != nil {
		problems = append(problems, err)
	}
	problems = append(problems, report.Problems...)
	fmt.Fprintf(p.out, "sstables: %d, %s, %d entries\n", report.Tables, shell.FormatBytes(report.Bytes), report.Entries)
	if t := report.Trees; t.Trees > 0 {
		fmt.Fprintf(p.out, "indexes: %d B+Trees, %d entries in %d pages, %d pages free\n", t.Trees, t.Entries, t.Pages, t.Free)
	}
	if len(report.Strays) > 0 {
		fmt.Fprintf(p.out, "left over, removed at the next open for writing: %s\n", strings.Join(report.Strays, ", "))
	}

	done = p.meter("log", 1, true)
	log, err := wal.Verify(vfs.OS, f.dir, f.logOptions(), done.setOf)
	done.end()
	if err == nil {
		err = f.set.CheckManifestAtLeast(log.State.ManifestNumber, log.State.ManifestSynced)
	}
	if err != nil {
		problems = append(problems, err)
	}
	fmt.Fprintf(p.out, "log: %d segments, %d commit groups, %d operations, last sequence number %d\n",
		log.Segments, log.Records, log.Ops, max(log.State.LastSeq, f.set.FlushedSeq()))
	if log.State.TornBytes > 0 {
		fmt.Fprintf(p.out, "the log ends in %d bytes that a crash left unfinished; they were never acknowledged as durable\n", log.State.TornBytes)
	}
	if len(problems) == 0 {
		return nil
	}
	for _, problem := range problems {
		fmt.Fprintf(p.err, "middb: %v\n", problem)
	}
	return &failure{exitFailed, fmt.Errorf("%d problems; middb repair %s tells what can be saved", len(problems), f.dir)}
}

// inspect returns the commands that print files.
func (p *program) inspect() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "print a file of a database in readable form",
		Long:  `Print a log segment, an sstable, a page of an index or a manifest in readable form.`,
		Example: `  middb inspect log ./mydb/000001.wal --verbose
  middb inspect sstable ./mydb/000012.sst
  middb inspect page ./mydb/000013.pages 7
  middb inspect manifest ./mydb/MANIFEST-000002`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("%q is no kind of file: log, sstable, page or manifest", args[0])
			}
			return errors.New("missing: log, sstable, page or manifest, and a FILE")
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	var verbose bool
	kind := func(name, what, example string, dump func(w io.Writer, file string) error) *cobra.Command {
		return &cobra.Command{
			Use:     name + " FILE",
			Short:   "print " + what,
			Example: "  middb inspect " + name + " " + example,
			Args:    exactly("one FILE", 1),
			RunE: func(_ *cobra.Command, args []string) error {
				info, err := vfs.OS.Stat(args[0])
				if err == nil && info.IsDir {
					err = fmt.Errorf("%s is a directory; name a file in it", args[0])
				}
				if err != nil {
					return &failure{exitOpen, err}
				}
				out := bufio.NewWriter(p.out)
				err = dump(out, args[0])
				return failed(errors.Join(err, out.Flush()))
			},
		}
	}
	log := kind("log", "the records of a log segment", "./mydb/000001.wal", func(w io.Writer, file string) error {
		return wal.Dump(w, vfs.OS, file, verbose)
	})
	table := kind("sstable", "the blocks and properties of an sstable", "./mydb/000012.sst", func(w io.Writer, file string) error {
		return dumpTable(w, file, verbose)
	})
	for _, c := range []*cobra.Command{log, table} {
		c.Flags().BoolVarP(&verbose, "verbose", "v", false, "print every entry, too")
	}
	cmd.AddCommand(log, table, p.inspectPage(), kind("manifest", "the edits of a manifest", "./mydb/MANIFEST-000002",
		func(w io.Writer, file string) error { return levels.DumpManifest(w, vfs.OS, file) }))
	return cmd
}

// dumpTable prints an sstable. Its number, which its checksums cover, is in its name.
func dumpTable(w io.Writer, file string, verbose bool) error {
	num, ok := levels.ParseTableName(filepath.Base(file))
	if !ok {
		return fmt.Errorf("%s is not named as an sstable, such as %s", file, levels.TableName(12))
	}
	f, err := vfs.OS.Open(file)
	if err != nil {
		return &failure{exitOpen, err}
	}
	r, err := sstable.Open(f, num, sstable.ReaderOptions{})
	if err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(r.Dump(w, verbose), r.Close())
}
