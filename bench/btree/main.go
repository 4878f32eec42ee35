package main

import (
	"fmt"
	"os"
	"time"

	"github.com/middb/middb/bench/ratio"
)

var command = ratio.Command{Name: "btree", Unit: "keys", Size: 1_000_000, Measure: measure}

func main() { os.Exit(command.Run(os.Args[1:], os.Stdout, os.Stderr)) }

// A workload is something that is measured.
type workload struct {
	name  string
	peers []string
	goals map[string]float64 // least ratio to a peer
	disk  bool
	once  func(d *data, peer string, full tree) (time.Duration, error)
}

func measure(c *ratio.Config) (*ratio.Report, error) {
	d, err := newData(c)
	if err != nil {
		return nil, err
	}
	defer d.close()
	var rows []ratio.Row
	for _, w := range workloads {
		rows = append(rows, ratio.Row{Name: w.name, Per: c.Size, Peers: w.peers, Goals: w.goals})
	}
	r := ratio.NewReport(rows)
	for range c.Rounds {
		for i, w := range workloads {
			for _, peer := range append([]string{middb}, w.peers...) {
				took, err := w.once(d, peer, d.tree(peer, w.disk))
				if err != nil {
					return nil, fmt.Errorf("%s of %s: %w", w.name, peer, err)
				}
				r.Add(i, peer, took)
			}
		}
	}
	return r, nil
}
