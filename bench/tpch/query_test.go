package main

import (
	"fmt"
	"testing"

	"github.com/middb/middb/bench/ratio"
)

// BenchmarkQueries measures the queries of middb at scale factor 0.1, for profiles: go test -bench Queries -cpuprofile.
func BenchmarkQueries(b *testing.B) {
	s := &store{name: ratio.Middb}
	if err := s.open(b.Context(), b.TempDir(), 0.1); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.close(); err != nil {
			b.Error(err)
		}
	})
	for n := range 22 {
		b.Run(fmt.Sprintf("q%02d", n+1), func(b *testing.B) {
			for b.Loop() {
				if _, err := s.answer(b.Context(), n+1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
