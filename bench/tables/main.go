package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A config is what the command line asks for.
type config struct {
	rows   int
	rounds int
	dir    string
	check  bool
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings passed in. It returns the exit code: 0 all went well, 1 something failed or, with
// --check, a goal was missed, 2 the command line is wrong.
func run(args []string, out, diagnostics io.Writer) int {
	var c config
	f := flag.NewFlagSet("tables", flag.ContinueOnError)
	f.SetOutput(diagnostics)
	f.IntVar(&c.rows, "rows", 200_000, "rows of a table")
	f.IntVar(&c.rounds, "rounds", 5, "measurements of each row of the report")
	f.StringVar(&c.dir, "dir", "", "make databases in a new directory in here (default: the system's temporary directory)")
	f.BoolVar(&c.check, "check", false, "exit with 1 if a ratio is below its goal")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case f.NArg() > 0 || c.rows < 1 || c.rounds < 1:
		fmt.Fprintln(diagnostics, "tables: no arguments, and --rows and --rounds must be positive")
		return 2
	}
	r, err := measure(&c)
	if err == nil {
		err = r.print(out)
	}
	if err != nil {
		fmt.Fprintln(diagnostics, "tables:", err)
		return 1
	}
	if missed := r.missed(); c.check && len(missed) > 0 {
		fmt.Fprintln(diagnostics, "tables: below the goal:", strings.Join(missed, ", "))
		return 1
	}
	return 0
}

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

// A report has the measurements of each workload and store, in the order of the rounds.
type report struct {
	rows  int
	times []map[string][]time.Duration // by workload
}

func measure(c *config) (*report, error) {
	dir, err := os.MkdirTemp(c.dir, "middb-tables")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	d := newData(c.rows)
	r := &report{rows: c.rows}
	for range workloads {
		r.times = append(r.times, map[string][]time.Duration{})
	}
	for round := range c.rounds {
		for i, w := range workloads {
			for _, name := range append([]string{middb}, w.peers...) {
				at := filepath.Join(dir, fmt.Sprint(round, i, name))
				took, err := w.once(name, at, d)
				if err = errors.Join(err, os.RemoveAll(at)); err != nil {
					return nil, fmt.Errorf("%s of %s: %w", w.name, name, err)
				}
				r.times[i][name] = append(r.times[i][name], took)
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

// perRow returns the median time a row, in nanoseconds.
func (r *report) perRow(workload int, name string) float64 {
	times := slices.Sorted(slices.Values(r.times[workload][name]))
	return float64(times[len(times)/2]) / float64(r.rows)
}

// ratios returns what a peer takes longer than middb: the median, and the least and the greatest of a round.
func (r *report) ratios(workload int, peer string) (median, least, greatest float64) {
	var ratios []float64
	for round, ours := range r.times[workload][middb] {
		ratios = append(ratios, float64(r.times[workload][peer][round])/float64(ours))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1]
}

func (r *report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d rows\tmiddb ns\tpeer\tns\tratio\tspread\tgoal\t\n", r.rows)
	for i := range workloads {
		for _, peer := range workloads[i].peers {
			goal := ""
			if g, ok := workloads[i].goals[peer]; ok {
				goal = fmt.Sprintf("%.1f", g)
			}
			median, least, greatest := r.ratios(i, peer)
			fmt.Fprintf(w, "%s\t%.0f\t%s\t%.0f\t%.2f\t%.2f-%.2f\t%s\t\n", workloads[i].name, r.perRow(i, middb), peer, r.perRow(i, peer), median, least, greatest, goal)
		}
	}
	return w.Flush()
}

// missed names the rows of the report that are below their goals.
func (r *report) missed() (names []string) {
	for i := range workloads {
		for peer, goal := range workloads[i].goals {
			if median, _, _ := r.ratios(i, peer); median < goal {
				names = append(names, workloads[i].name+" beside "+peer)
			}
		}
	}
	slices.Sort(names)
	return names
}
