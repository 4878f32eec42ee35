package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/engine"
)

// An access says for what a command opens the database.
type access uint8

const (
	reading  access = iota // shares the directory with other readers
	writing                // the database must exist
	creating               // the database is made if it does not exist
)

// open opens the database in dir. Its errors are failures with exit code 3.
func (p *program) open(dir string, a access, d engine.Durability) (*engine.DB, error) {
	db, err := engine.Spawn(engine.Config{
		Dir:        dir,
		ReadOnly:   a == reading,
		MustExist:  a != creating,
		Durability: d,
		Logger:     slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return nil, &failure{exitOpen, err}
	}
	if torn := db.Recovery().TornBytes; torn > 0 && a != reading {
		fmt.Fprintf(p.err, "middb: a crash left %d bytes at the end of the log unfinished; everything before them is here\n", torn)
	}
	return db, nil
}

// with opens the database in dir, runs use on it and closes it.
func (p *program) with(dir string, a access, d engine.Durability, use func(*engine.DB) error) error {
	db, err := p.open(dir, a, d)
	if err != nil {
		return err
	}
	err = use(db)
	if closeErr := db.Close(); err == nil {
		err = closeErr
	}
	return failed(err)
}

// explain returns the text of an error and what to do about it.
func explain(err error) string {
	text := err.Error()
	for _, h := range hints {
		if errors.Is(err, h.about) {
			return text + "\n  " + h.hint
		}
	}
	return text
}

var hints = []struct {
	about error
	hint  string
}{
	{engine.ErrLocked, "close the program that has it open; many can read at a time, or one write"},
	{engine.ErrDatabaseMissing, "middb local, put and import make one"},
	{engine.ErrNewerFormat, "open it with the version of middb that wrote it, or a later one"},
	{engine.ErrCorruption, "middb verify tells what else is damaged; middb repair saves what a damaged log still holds"},
	{engine.ErrNoSpace, "make room on the disk and try again; what was acknowledged is safe"},
	{engine.ErrCommitUnknown, "read the keys to see whether it was stored"},
	{fs.ErrPermission, "check who owns the file and its directory, and their permissions"},
}

// store is a database as the shell sees it.
type store struct{ db *engine.DB }

var _ shell.Store = store{}

func (s store) Get(k []byte) ([]byte, error) {
	v, err := s.db.Get(k)
	if errors.Is(err, engine.ErrNotFound) {
		return nil, shell.ErrNotFound
	}
	return v, err
}

func (s store) Put(ctx context.Context, k, v []byte) error { return s.db.PutContext(ctx, k, v) }

func (s store) Delete(ctx context.Context, k []byte) error { return s.db.DeleteContext(ctx, k) }

func (s store) NewBatch() shell.Batch { return &batch{db: s.db, Batch: s.db.NewBatch()} }

func (s store) Flush(ctx context.Context) error { return s.db.Flush(ctx) }

func (s store) Compact(ctx context.Context, lower, upper []byte) error {
	return s.db.Compact(ctx, lower, upper)
}

func (s store) Scan(ctx context.Context, r shell.Range, fn func(k, v []byte) error) error {
	it, err := s.db.NewIterator(engine.IterOptions{Lower: r.From, Upper: r.To, Prefix: r.Prefix, Reverse: r.Reverse})
	if err != nil {
		return err
	}
	defer it.Close()
	n := int64(0)
	for k, v := range it.All() {
		if n == r.Limit {
			break
		}
		n++
		if n%256 == 0 && ctx.Err() != nil {
			return fmt.Errorf("scan: %w", ctx.Err())
		}
		if err := fn(k, v); err != nil {
			return err
		}
	}
	return it.Err()
}

// batch is a batch as the shell sees it.
type batch struct {
	*engine.Batch
	db *engine.DB
}

func (b *batch) Apply(ctx context.Context) error { return b.db.ApplyContext(ctx, b.Batch) }

// sink takes the batches of an import.
type sink struct {
	db    *engine.DB
	batch *engine.Batch
}

func (s *sink) Put(k, v []byte) error { return s.batch.Put(k, v) }

func (s *sink) Commit() error {
	if err := s.db.Apply(s.batch, engine.Sync); err != nil {
		return err
	}
	s.batch.Reset()
	return nil
}
