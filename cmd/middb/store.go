package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/middb/middb/cmd/middb/internal/sqlshell"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
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
	if _, said := errors.AsType[*sqlshell.Failure](err); said { // with what to do about it
		return text
	}
	for _, h := range hints {
		if slices.ContainsFunc(h.about, func(about error) bool { return errors.Is(err, about) }) {
			return text + "\n  " + h.hint
		}
	}
	if answer, ok := errors.AsType[*wire.Error](err); ok && answer.Hint != "" {
		return text + "\n  " + answer.Hint
	}
	return text
}

var hints = []struct {
	about []error // of the engine, and of a server where that has no better one or not the same
	hint  string
}{
	{[]error{engine.ErrLocked}, "close the program that has it open, or if that is middb server talk to it with --server; many can read at a time, or one write"},
	{[]error{engine.ErrDatabaseMissing}, "middb local, put and import make one"},
	{[]error{engine.ErrNewerFormat}, "open it with the version of middb that wrote it, or a later one"},
	{[]error{engine.ErrCorruption}, "middb verify tells what else is damaged; middb repair saves what can still be read"},
	{[]error{engine.ErrNoSpace}, "make room on the disk and try again; what was acknowledged is safe"},
	{[]error{engine.ErrKeyspaceMissing, wire.ErrKeyspaceMissing}, "keyspaces in the shell lists those that are there; use, put and import make one"},
	{[]error{wire.ErrAuthRequired}, "--user names who logs in; MIDDB_PASSWORD has the password, or a terminal, or --password-stdin where it is not another's"},
	{[]error{wire.ErrPermissionDenied}, "an admin can grant it with middb user grant; --keyspace, or use in the shell, chooses another keyspace"},
	{[]error{engine.ErrFeedTruncated}, "watch from the oldest that is kept, or scan and watch from now on"},
	{[]error{engine.ErrCommitUnknown, wire.ErrCommitUnknown}, "read the keys to see whether it was stored"},
	{[]error{engine.ErrMergeOperator, wire.ErrMergeOperator}, wire.ErrMergeOperator.Hint() + "; what cannot be read is there: delete KEY removes it, and scan and export pass it with --from and a key behind it"},
	{[]error{users.ErrRecord}, "middb delete --data-dir DIR --keyspace " + users.Keyspace + " KEY removes it; a user has to be added again then"},
	{[]error{fs.ErrPermission}, "check who owns the file and its directory, and their permissions"},
}

// sink takes the batches of an import.
type sink struct {
	db    *engine.DB
	ks    *engine.Keyspace
	batch *engine.Batch
}

func (s *sink) Put(k, v []byte) error { return s.batch.In(s.ks).Put(k, v) }

func (s *sink) Commit() error {
	if err := s.db.Apply(s.batch, engine.Sync); err != nil {
		return err
	}
	s.batch.Reset()
	return nil
}
