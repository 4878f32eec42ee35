package parser

import "testing"

func BenchmarkExpression(b *testing.B) {
	for name, sql := range map[string]string{
		"small":  "price > 0 AND name <> ''",
		"medium": "status IN ('new', 'paid', 'sent') AND (total >= 10.5 OR NOT archived) AND lower(name) LIKE 'a%'",
		"number": "42",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Expression(sql); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
