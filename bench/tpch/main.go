package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/middb/middb/tests/tpch"

	"github.com/middb/middb/bench/ratio"
	"github.com/middb/middb/bench/tpch/dbgen"
)

//go:embed queries/*.sql schema.sql
var files embed.FS

// options are the flags that other comparisons do not have.
type options struct {
	scale    float64
	generate string
	only     int
}

func main() { os.Exit(newCommand().Run(os.Args[1:], os.Stdout, os.Stderr)) }

func newCommand() *ratio.Command {
	o := &options{}
	return &ratio.Command{
		Name: "tpch",
		Flags: func(f *flag.FlagSet) {
			f.Float64Var(&o.scale, "scale", 0.1, "scale factor: 1 has 6 million rows of lineitem")
			f.StringVar(&o.generate, "generate", "", "write the tables to this directory, and measure nothing")
			f.IntVar(&o.only, "only", 0, "measure this query only")
		},
		Measure: func(c *ratio.Config) (*ratio.Report, error) {
			switch {
			case o.scale <= 0 || o.scale > 100:
				return nil, fmt.Errorf("a scale factor is above 0 and at most 100, not %v", o.scale)
			case o.generate != "":
				return nil, generate(o)
			default:
				return measure(c, o)
			}
		},
	}
}

// generate writes the tables as files.
func generate(o *options) error {
	if err := os.MkdirAll(o.generate, 0o755); err != nil {
		return err
	}
	for _, table := range dbgen.Tables {
		f, err := os.Create(filepath.Join(o.generate, table+".tbl"))
		if err != nil {
			return err
		}
		if err := errors.Join(dbgen.NewScale(o.scale).Write(table, f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func measure(c *ratio.Config, o *options) (r *ratio.Report, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp(c.Dir, "middb-tpch")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	stores := []*store{{name: ratio.Middb}, {name: sqlite}}
	defer func() {
		for _, s := range stores {
			err = errors.Join(err, s.close())
		}
	}()
	for _, s := range stores {
		if err := s.open(ctx, dir, o.scale); err != nil {
			return nil, fmt.Errorf("load %s: %w", s.name, err)
		}
	}
	var queries []int
	for n := 1; n <= tpch.Queries; n++ {
		if o.only == 0 || o.only == n {
			queries = append(queries, n)
		}
	}
	if err := sameAnswers(ctx, stores, queries); err != nil {
		return nil, err
	}
	return compare(ctx, c.Rounds, stores, queries)
}

// sameAnswers has all stores answer all queries, and compares what they say.
func sameAnswers(ctx context.Context, stores []*store, queries []int) error {
	for _, n := range queries {
		ours, err := stores[0].answer(ctx, n)
		if err != nil {
			return fmt.Errorf("query %d of %s: %w", n, stores[0].name, err)
		}
		theirs, err := stores[1].answer(ctx, n)
		if err != nil {
			return fmt.Errorf("query %d of %s: %w", n, stores[1].name, err)
		}
		if why := tpch.Compare(ours, lines(theirs)); why != "" {
			return fmt.Errorf("query %d: %s and %s differ: %s", n, stores[0].name, stores[1].name, why)
		}
	}
	return nil
}

func compare(ctx context.Context, rounds int, stores []*store, queries []int) (*ratio.Report, error) {
	var rows []ratio.Row
	for _, n := range queries {
		rows = append(rows, ratio.Row{Name: fmt.Sprintf("query %d", n), Per: 1, Peers: []string{sqlite}, Goals: map[string]float64{sqlite: 1}})
	}
	rows = append(rows, ratio.Row{Name: "all", Per: 1, Peers: []string{sqlite}, Goals: map[string]float64{sqlite: 2.4}})
	r := ratio.NewReport(rows)
	for range rounds {
		all := map[string]time.Duration{}
		for i, n := range queries {
			for _, s := range stores {
				began := time.Now()
				if _, err := s.answer(ctx, n); err != nil {
					return nil, fmt.Errorf("query %d of %s: %w", n, s.name, err)
				}
				took := time.Since(began)
				all[s.name] += took
				r.Add(i, s.name, took)
			}
		}
		for name, took := range all {
			r.Add(len(queries), name, took)
		}
	}
	return r, nil
}
