package main

import (
	"context"
	"net"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire/server"
)

func Example() {
	if err := start(context.Background(), ""); err != nil {
		panic(err)
	}
	// Output:
	// the feed saw 100 transfers of 250 in all
	// another commit wrote account/bob
	// account/bob = 12500
	// account/ada = 750
	// the first transfer was 1, of 100
}

func TestASecondRunOnTheSameServer(t *testing.T) {
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := server.New(db, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), l, server.ListenerOptions{}) }()
	for range 2 {
		if err := start(t.Context(), "middb://"+l.Addr().String()); err != nil {
			t.Error(err)
		}
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	<-served
	if names, err := db.Keyspaces(); err != nil || len(names) != 1 {
		t.Errorf("it leaves %q, %v", names, err)
	}
}
