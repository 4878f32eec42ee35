package main

import (
	"context"
	"fmt"

	"github.com/middb/middb/engine"
)

// mostFindings bounds what verify prints: after so much the point is made.
const mostFindings = 20

// verifyTables checks the rows and indexes of all tables of a database whose files are in order.
func (p *program) verifyTables(dir string) error {
	return p.with(dir, reading, engine.Default, func(db *engine.DB) error {
		schemas, err := db.ListTables()
		if err != nil || len(schemas) == 0 {
			return err
		}
		indexes := 0
		for _, s := range schemas {
			indexes += len(s.Indexes)
		}
		fmt.Fprintf(p.out, "tables: %d, with %d indexes\n", len(schemas), indexes)
		found := 0
		err = db.VerifyTables(context.Background(), func(f engine.Finding) bool {
			fmt.Fprintf(p.err, "middb: %v\n", f)
			found++
			return found < mostFindings
		})
		if err == nil && found > 0 {
			err = fmt.Errorf("%d problems in tables; middb repair %s --to NEW makes the indexes anew", found, dir)
		}
		return err
	})
}
