package main

import (
	"testing"

	"github.com/middb/middb/bench/ratio"
)

// BenchmarkQueries measures middb's queries over all rows, for profiles: go test -bench Queries -cpuprofile.
func BenchmarkQueries(b *testing.B) {
	const rows = 1_000_000
	s, err := newStore(b.Context(), ratio.Middb, b.TempDir(), rows)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			b.Error(err)
		}
	})
	for _, w := range workloads(rows) {
		if w.per > 1 {
			continue
		}
		b.Run(w.name, func(b *testing.B) {
			for b.Loop() {
				if err := w.run(b.Context(), s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
