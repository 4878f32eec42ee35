package bplustree

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

// TestReadersBesideTheWriter has readers look at the newest sealed state while the writer changes the tree and makes
// checkpoints of it. In each state all keys have the same value.
func TestReadersBesideTheWriter(t *testing.T) {
	const keys, rounds = 500, 200
	fs := vfs.NewMem()
	file := page.Create(func() (vfs.File, uint64, error) {
		f, err := fs.Create("pages")
		return f, 1, err
	}, page.NewCache(256<<10))
	type state struct {
		Snapshot
		generation uint64
		readers    atomic.Int64
	}
	var newest atomic.Pointer[state]
	tree := Open(file, Root{})
	publish := func(round int) {
		for i := range keys {
			if _, err := tree.Put(fmt.Appendf(nil, "key %03d", i), fmt.Appendf(nil, "%d", round)); err != nil {
				t.Fatal(err)
			}
		}
		s := &state{Snapshot: At(file, tree.Root()), generation: file.Seal()}
		if round%10 == 0 {
			c := file.Freeze()
			if err := file.Write(c); err != nil {
				t.Fatal(err)
			}
			file.Installed(c)
		}
		newest.Store(s)
	}
	publish(0)
	done := make(chan struct{})
	var readers sync.WaitGroup
	failures := make(chan error, 4)
	for range cap(failures) {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				s := newest.Load()
				s.readers.Add(1)
				if newest.Load() == s { // else the writer may not have seen that it is read
					if err := uniform(s.Snapshot, keys); err != nil {
						failures <- err
						return
					}
				}
				s.readers.Add(-1)
			}
		})
	}
	old := []*state{newest.Load()}
	for round := 1; round < rounds; round++ {
		publish(round)
		old = slices.DeleteFunc(old, func(s *state) bool {
			if s.readers.Load() > 0 {
				return false
			}
			file.Release(s.generation)
			return true
		})
		old = append(old, newest.Load())
	}
	close(done)
	readers.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}

// uniform checks that a snapshot has so many keys, all with one value.
func uniform(s Snapshot, keys int) error {
	c := s.Cursor()
	defer c.Close()
	n, first := 0, ""
	for ok := c.First(); ok; ok = c.Next() {
		if n++; n == 1 {
			first = string(c.Value())
		}
		if string(c.Value()) != first {
			return fmt.Errorf("%s has the value %s; others have %s", c.Key(), c.Value(), first)
		}
	}
	if n != keys || c.Err() != nil {
		return errors.Join(fmt.Errorf("%d keys", n), c.Err())
	}
	return nil
}
