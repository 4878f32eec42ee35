package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/key"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// repair returns the command that saves what a damaged database still holds.
func (p *program) repair() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "repair DIR",
		Short: "save what a damaged database still holds",
		Long: `Find everything in the damaged database in DIR that can still be read, and say what
cannot. With --to, make a new database of it in NEW.

DIR itself is never changed. What is saved may be a state that the database never
had: where an entry is lost, an older one of the same key, if there is one, is
back, and so are keys whose deletion, or that of their keyspace, is lost. A
keyspace whose name is lost gets a new one. Indexes of tables are made anew. Files
may be missing; only a database whose manifest is damaged cannot be repaired:
restore a backup.`,
		Example: `  middb repair ./mydb
  middb repair ./mydb --to ./saved`,
		Args: atMostOne("one DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := p.dir(args)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("to") {
				if _, err = os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("--to %s exists; name a directory that does not", to)
				}
			}
			f, err := openFiles(dir, true)
			if err != nil {
				return err
			}
			defer f.close()
			if !cmd.Flags().Changed("to") {
				return failed(p.salvage(cmd.Context(), f, nil))
			}
			return p.with(to, creating, engine.NoSync, func(db *engine.DB) error {
				return p.salvage(cmd.Context(), f, db)
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "make a new database of what can be saved in this directory")
	return cmd
}

// salvage copies what can be read of f into db, or only counts it if db is nil.
func (p *program) salvage(ctx context.Context, f *files, db *engine.DB) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	out := &copier{ctx: ctx}
	if db != nil {
		out.to = db.Restore()
	}
	damaged, err := out.tables(f.set.Current())
	if err != nil {
		return fmt.Errorf("repair %s: %w", f.dir, err)
	}
	fmt.Fprintf(p.out, "sstables: %d, %d entries read, %d damaged\n", f.set.Current().NumTables(), out.ops, len(damaged))
	for _, d := range damaged {
		fmt.Fprintf(p.out, "  %v\n", d)
	}
	before := out.ops
	log, err := out.log(f)
	if err != nil {
		return fmt.Errorf("repair %s: %w", f.dir, err)
	}
	fmt.Fprintf(p.out, "log: %d segments, %d operations that are in no sstable, something is missing in %d places\n", log.Segments, out.ops-before, len(log.Holes))
	for _, h := range log.Holes {
		fmt.Fprintf(p.out, "  %s at offset %d: %s (after sequence number %d)\n", h.File, h.Offset, h.Detail, h.AfterSeq)
	}
	if db == nil {
		fmt.Fprintf(p.out, "nothing was written; middb repair %s --to NEW makes a database of what was read\n", f.dir)
		return nil
	}
	renamed, err := out.to.Finish(ctx)
	if err != nil {
		return err
	}
	for _, name := range renamed {
		fmt.Fprintf(p.out, "the name of a keyspace is lost; it is called %s now\n", name)
	}
	lost, err := out.to.RebuildIndexes(ctx)
	if err != nil {
		return err
	}
	for _, problem := range lost {
		fmt.Fprintf(p.out, "an index is lost: %v\n", problem)
	}
	if err := db.Flush(ctx); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "saved in %s\n", db.Path())
	return nil
}

// copier copies operations as they are stored, or counts them.
type copier struct {
	ctx context.Context
	to  *engine.Restore // nil: only count
	ops int64
}

// tables copies the tables of v, oldest first, so that of each key the newest entry comes last. It
// returns what was found damaged; the error is of writing.
func (c *copier) tables(v *levels.Version) (damaged []error, err error) {
	for level := levels.NumLevels - 1; level >= 0; level-- {
		tables := slices.Clone(v.Levels[level])
		slices.Reverse(tables) // level 0 has the newest first; below, the order does not matter
		for _, t := range tables {
			r, err := t.Reader()
			if err != nil {
				damaged = append(damaged, err)
				continue
			}
			damage, err := c.table(r)
			if err != nil {
				return damaged, err
			}
			damaged = append(damaged, damage...)
		}
	}
	return damaged, nil
}

// table copies a table: its range deletes first, for they hide what is in older tables alone. It returns what is damaged, and
// the error of writing.
func (c *copier) table(r *sstable.Reader) (damaged []error, err error) {
	for _, d := range r.RangeDeletes() {
		if err := c.add(key.KindRangeDelete, d.Start, d.End); err != nil {
			return nil, err
		}
	}
	return r.Salvage(func(it *sstable.Iter) error { return c.add(it.Trailer().Kind(), it.Key(), it.Value()) })
}

// log copies the operations of the log that are not in the sstables.
func (c *copier) log(f *files) (wal.SalvageReport, error) {
	flushed := f.set.FlushedSeq()
	return wal.Salvage(vfs.OS, f.dir, f.logOptions(), func(rec wal.Record) error {
		ops := rec.Ops
		for i := range rec.Count {
			kind, k, v, rest, err := wal.DecodeOp(ops)
			if err != nil {
				return err
			}
			ops = rest
			if rec.FirstSeq+uint64(i) <= flushed {
				continue
			}
			if err := c.add(kind, k, v); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *copier) add(kind key.Kind, k, v []byte) error {
	c.ops++
	if c.ops%1024 == 0 && c.ctx.Err() != nil {
		return errors.New("copy: interrupted")
	}
	if c.to == nil {
		return nil
	}
	if err := c.to.Add(c.ctx, kind, k, v); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}
