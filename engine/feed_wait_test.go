package engine

import (
	"context"
	"errors"
	"testing"
)

func TestNextContextGivesUpAndTheFeedGoesOn(t *testing.T) {
	db := openMem(t, func(c *Config) { c.Durability = Sync })
	must(t, db.Put([]byte("a"), []byte("1")), db.Put([]byte("b"), []byte("2")))
	whole, end := context.WithCancel(context.Background())
	f, err := db.Watch(whole, 1, nil)
	must(t, err)
	defer f.Close()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	next := func(ctx context.Context, want string, wantErr error) {
		t.Helper()
		c, err := f.NextContext(ctx)
		if !errors.Is(err, wantErr) || string(c.Key) != want {
			t.Errorf("got %q, %v; want %q, %v", c.Key, err, want, wantErr)
		}
	}
	next(ended, "a", nil)
	next(ended, "b", nil)
	next(ended, "", context.Canceled)
	next(ended, "", context.Canceled)
	waiting, cancel := context.WithCancel(context.Background())
	go cancel()
	next(waiting, "", context.Canceled)
	go func() { must(t, db.Put([]byte("c"), nil)) }()
	next(context.Background(), "c", nil)
	go end()
	next(context.Background(), "", context.Canceled)
	if _, again := f.Next(); !errors.Is(again, context.Canceled) || f.err == nil {
		t.Errorf("the end of the feed's own context does not end it: %v", again)
	}
	must(t, f.Close())
}
