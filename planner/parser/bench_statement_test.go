package parser

import "testing"

func BenchmarkStatement(b *testing.B) {
	for name, sql := range map[string]string{
		"point":  "SELECT id, name, price FROM items WHERE id = $1",
		"insert": "INSERT INTO items (id, name, price) VALUES ($1, $2, $3)",
		"update": "UPDATE items SET price = price + $1 WHERE id = $2",
		"join": `SELECT c.name, count(*) AS n, sum(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id
			WHERE o.day >= DATE '2026-01-01' GROUP BY c.name HAVING count(*) > 3 ORDER BY n DESC LIMIT 10`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Statement(sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
