package main

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/middb/middb/cmd/middb/internal/shell"
	"github.com/middb/middb/cmd/middb/internal/shell/shelltest"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire/client"
	"github.com/middb/middb/wire/server"
)

// spawnMem opens a database in memory.
func spawnMem(t *testing.T) *engine.DB {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// A serving is a server of a database in this process.
type serving struct {
	*server.Server
	address string
	stop    func()
}

// serve serves a database at an address until stop is called.
func serve(t *testing.T, db *engine.DB, address string, o server.Options) *serving {
	t.Helper()
	s, err := server.New(db, o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l, server.ListenerOptions{}) }()
	return &serving{s, l.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		<-served
	}}
}

// stores are the stores that the shell works on: a database that is open in the process, and one on a server.
var stores = map[string]func(t *testing.T, db *engine.DB) shell.Store{
	"local": func(t *testing.T, db *engine.DB) shell.Store {
		t.Helper()
		st, err := newStore(db)
		if err != nil {
			t.Fatal(err)
		}
		return st
	},
	"remote": func(t *testing.T, db *engine.DB) shell.Store {
		t.Helper()
		s := serve(t, db, "127.0.0.1:0", server.Options{})
		t.Cleanup(s.stop)
		c, err := client.Open(t.Context(), "middb://"+s.address, client.Options{Connections: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return newRemoteStore(c)
	},
}

// forEachStore runs a test on each store, over a database of its own.
func forEachStore(t *testing.T, test func(t *testing.T, st shell.Store)) {
	t.Helper()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { test(t, open(t, spawnMem(t))) })
	}
}

func TestStories(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			shelltest.Play(t, "internal/shell/testdata/any", func(t *testing.T) shell.Store { return open(t, spawnMem(t)) })
		})
	}
}
