package client_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/middb/middb/wire/client"
)

// BenchmarkRoundTrips measures requests over TCP to a server in the same process, by callers at a time.
func BenchmarkRoundTrips(b *testing.B) {
	db := spawn(b)
	c := connect(b, db, "?durability=nosync", client.Options{})
	k, v := []byte("key"), make([]byte, 100)
	if err := c.Put(b.Context(), k, v); err != nil {
		b.Fatal(err)
	}
	for _, callers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprintf("get/callers=%d", callers), func(b *testing.B) {
			parallel(b, callers, func() error {
				_, err := c.Get(b.Context(), k)
				return err
			})
		})
	}
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("put/callers=%d", callers), func(b *testing.B) {
			parallel(b, callers, func() error { return c.Put(b.Context(), k, v) })
		})
	}
	for _, depth := range []int{16, 256} {
		b.Run(fmt.Sprintf("pipeline/depth=%d", depth), func(b *testing.B) {
			b.ReportAllocs()
			p := c.Pipeline()
			for range b.N {
				p.Get(k)
				if p.Len() == depth {
					if err := p.Run(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := p.Run(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// parallel divides b.N runs among callers.
func parallel(b *testing.B, callers int, run func() error) {
	b.ReportAllocs()
	var left atomic.Int64
	left.Store(int64(b.N))
	done := make(chan error, callers)
	for range callers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := run(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
}
