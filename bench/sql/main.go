package main

import (
	"context"
	"errors"
	"fmt"
	"os"

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
			err = errors.Join(err, s.close())
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
	for _, writing := range []bool{false, true} { // what reads finds the tables as they were filled
		for range c.Rounds {
			for i, w := range loads {
				if w.writes != writing {
					continue
				}
				for _, name := range []string{ratio.Middb, mattn, modernc} {
					took, err := w.once(ctx, stores[name])
					if err != nil {
						return nil, fmt.Errorf("%s of %s: %w", w.name, name, err)
					}
					r.Add(i, name, took)
				}
			}
		}
	}
	return r, nil
}
