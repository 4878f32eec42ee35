package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/middb/middb/bench/ratio"
)

var command = ratio.Command{Name: "sql", Unit: "rows", Size: 1_000_000, Measure: measure}

func main() { os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr)) }

func measure(c *ratio.Config) (r *ratio.Report, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp(c.Dir, "middb-sql")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	stores := map[string]*store{}
	defer func() {
		for _, s := range stores {
			err = errors.Join(err, s.db.Close())
		}
	}()
	for _, name := range []string{ratio.Middb, mattn, modernc} {
		s, err := newStore(ctx, name, dir, c.Size)
		if err != nil {
			return nil, fmt.Errorf("fill %s: %w", name, err)
		}
		stores[name] = s
	}
	loads := workloads(c.Size)
	var rows []ratio.Row
	for _, w := range loads {
		rows = append(rows, ratio.Row{Name: w.name, Per: w.per, Peers: []string{mattn, modernc}, Goals: map[string]float64{mattn: w.goal}})
	}
	r = ratio.NewReport(rows)
	for range c.Rounds {
		for i, w := range loads {
			for _, name := range []string{ratio.Middb, mattn, modernc} {
				began := time.Now()
				if err := w.run(ctx, stores[name]); err != nil {
					return nil, fmt.Errorf("%s of %s: %w", w.name, name, err)
				}
				r.Add(i, name, time.Since(began))
				if w.after != nil {
					if err := w.after(ctx, stores[name]); err != nil {
						return nil, fmt.Errorf("after %s of %s: %w", w.name, name, err)
					}
				}
			}
		}
	}
	return r, nil
}
