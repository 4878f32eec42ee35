package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/middb/middb/bench/ratio"
)

var command = ratio.Command{Name: "tables", Unit: "rows", Size: 200_000, Measure: measure}

func main() { os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr)) }

// A workload is something that is measured.
type workload struct {
	name  string
	batch int               // rows inserted in a transaction, 0: all; then what is measured is the insertion, unless read is set
	read  func(store) error // what is measured
	peers []string
	goals map[string]float64 // least ratio to a peer
}

var both = []string{bboltFile, sqliteFile}

// A transaction of bbolt that inserts 200,000 rows takes minutes, as each page that it changes grows until the commit.
var workloads = []workload{
	{name: "insert, 1,000 a transaction", batch: 1000, peers: both, goals: map[string]float64{bboltFile: 3}},
	{name: "insert, all in one", peers: []string{sqliteFile}, goals: map[string]float64{sqliteFile: 1.5}},
	{name: "lookup by an index", batch: 10_000, read: store.lookUp, peers: both},
	{name: "scan of a table", batch: 10_000, read: store.scan, peers: both},
}

func measure(c *ratio.Config) (*ratio.Report, error) {
	dir, err := os.MkdirTemp(c.Dir, "middb-tables")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d := newData(c.Size)
	var rows []ratio.Row
	for _, w := range workloads {
		rows = append(rows, ratio.Row{Name: w.name, Per: c.Size, Peers: w.peers, Goals: w.goals})
	}
	r := ratio.NewReport(rows)
	for round := range c.Rounds {
		for i, w := range workloads {
			for _, name := range append([]string{middb}, w.peers...) {
				at := filepath.Join(dir, fmt.Sprint(round, i, name))
				took, err := w.once(name, at, d)
				if err = errors.Join(err, os.RemoveAll(at)); err != nil {
					return nil, fmt.Errorf("%s of %s: %w", w.name, name, err)
				}
				r.Add(i, name, took)
			}
		}
	}
	return r, nil
}

// once measures a store in a new directory.
func (w *workload) once(name, dir string, d *data) (took time.Duration, err error) {
	if err = os.Mkdir(dir, 0o755); err != nil {
		return 0, err
	}
	batch := w.batch
	if batch == 0 {
		batch = len(d.rows)
	}
	s, err := openStore(name, dir, d)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	for from := 0; from < len(d.rows) && err == nil; from += batch {
		err = s.insert(d.rows[from:min(from+batch, len(d.rows))])
	}
	err = errors.Join(err, s.close())
	if took = time.Since(start); w.read == nil || err != nil {
		return took, err
	}
	if s, err = openStore(name, dir, d); err != nil {
		return 0, err
	}
	start = time.Now()
	err = w.read(s)
	took = time.Since(start)
	return took, errors.Join(err, s.close())
}
