package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A config is what the command line asks for.
type config struct {
	keys   int
	rounds int
	dir    string
	check  bool
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings passed in. It returns the exit code: 0 all went well, 1 something failed or, with
// --check, a goal was missed, 2 the command line is wrong.
func run(args []string, out, diagnostics io.Writer) int {
	var c config
	f := flag.NewFlagSet("btree", flag.ContinueOnError)
	f.SetOutput(diagnostics)
	f.IntVar(&c.keys, "keys", 1_000_000, "keys of a tree")
	f.IntVar(&c.rounds, "rounds", 5, "measurements of each row; the report gives medians")
	f.StringVar(&c.dir, "dir", "", "make files in a new directory in here (default: the system's temporary directory)")
	f.BoolVar(&c.check, "check", false, "exit with 1 if a ratio is below its goal")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case f.NArg() > 0 || c.keys < 1 || c.rounds < 1:
		fmt.Fprintln(diagnostics, "btree: no arguments, and --keys and --rounds must be positive")
		return 2
	}
	r, err := measure(&c)
	if err == nil {
		err = r.print(out)
	}
	if err != nil {
		fmt.Fprintln(diagnostics, "btree:", err)
		return 1
	}
	if missed := r.missed(); c.check && len(missed) > 0 {
		fmt.Fprintln(diagnostics, "btree: below the goal:", strings.Join(missed, ", "))
		return 1
	}
	return 0
}

// A workload is something that is measured.
type workload struct {
	name  string
	peers []string
	goals map[string]float64 // least ratio to a peer
	disk  bool
	once  func(d *data, peer string, full tree) (time.Duration, error)
}

// A report has the measurements of each workload and tree.
type report struct {
	keys int
	rows []row
}

type row struct {
	*workload
	times map[string][]time.Duration
}

func measure(c *config) (*report, error) {
	d, err := newData(c)
	if err != nil {
		return nil, err
	}
	defer d.close()
	r := &report{keys: c.keys}
	for i := range workloads {
		r.rows = append(r.rows, row{&workloads[i], map[string][]time.Duration{}})
	}
	for range c.rounds {
		for _, row := range r.rows {
			for _, peer := range append([]string{middb}, row.peers...) {
				took, err := row.once(d, peer, d.tree(peer, row.disk))
				if err != nil {
					return nil, fmt.Errorf("%s of %s: %w", row.name, peer, err)
				}
				row.times[peer] = append(row.times[peer], took)
			}
		}
	}
	return r, nil
}

// perKey returns the median time a key, in nanoseconds.
func (r *report) perKey(row *row, peer string) float64 {
	times := slices.Sorted(slices.Values(row.times[peer]))
	return float64(times[len(times)/2]) / float64(r.keys)
}

func (r *report) ratio(row *row, peer string) float64 {
	return r.perKey(row, peer) / r.perKey(row, middb)
}

func (r *report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d keys\tmiddb ns\tpeer\tns\tratio\tgoal\t\n", r.keys)
	for i := range r.rows {
		row := &r.rows[i]
		for _, peer := range row.peers {
			goal := ""
			if g, ok := row.goals[peer]; ok {
				goal = fmt.Sprintf("%.1f", g)
			}
			fmt.Fprintf(w, "%s\t%.0f\t%s\t%.0f\t%.2f\t%s\t\n", row.name, r.perKey(row, middb), peer, r.perKey(row, peer), r.ratio(row, peer), goal)
		}
	}
	return w.Flush()
}

// missed names the rows that are below their goals.
func (r *report) missed() (names []string) {
	for i := range r.rows {
		for peer, goal := range r.rows[i].goals {
			if r.ratio(&r.rows[i], peer) < goal {
				names = append(names, r.rows[i].name+" beside "+peer)
			}
		}
	}
	slices.Sort(names)
	return names
}
