package opt

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkRewrite measures queries that must cost next to nothing, and one that is large.
func BenchmarkRewrite(b *testing.B) {
	c := tables{}
	c.create(b, randomSchema)
	queries := map[string]string{
		"point":    "SELECT a, b FROM r WHERE id = 5",
		"join":     "SELECT r.a FROM r JOIN s ON r.a = s.id WHERE s.b = 3",
		"exists":   "SELECT a FROM r WHERE EXISTS (SELECT 1 FROM s WHERE s.a = r.id)",
		"chain 64": manyTables(64, func(i int) string { return fmt.Sprintf("t%d.a = t%d.id", i-1, i) }),
		"star 64":  manyTables(64, func(i int) string { return fmt.Sprintf("t0.a = t%d.id", i) }),
		"clique 10": manyTables(10, func(i int) string {
			var all []string
			for j := range i {
				all = append(all, fmt.Sprintf("t%d.a + t%d.b = %d", j, i, i*j))
			}
			return strings.Join(all, " AND ")
		}),
		"chain 10": manyTables(10, func(i int) string { return fmt.Sprintf("t%d.a = t%d.id", i-1, i) }),
	}
	for name, sql := range queries {
		b.Run(name, func(b *testing.B) {
			q := bound(b, c, sql)
			b.ReportAllocs()
			for b.Loop() {
				Rewrite(q, nil)
			}
		})
	}
}

// manyTables joins r with itself many times, with conditions between each one and those before it.
func manyTables(n int, on func(i int) string) string {
	var from, where []string
	for i := range n {
		from = append(from, fmt.Sprintf("r AS t%d", i))
		if i > 0 {
			where = append(where, on(i))
		}
	}
	return "SELECT count(*) FROM " + strings.Join(from, ", ") + " WHERE " + strings.Join(where, " AND ")
}
