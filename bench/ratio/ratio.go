// Package ratio measures middb beside its peers and reports how many times as long a peer takes: above 1 middb is faster.
// It is the command line and the report of those commands of bench that compare so.
//
// The rounds of all alternate, so that a busy machine is busy for all of them, and each row of the report gives the median of
// its rounds, and the ratio with its least and greatest value.
package ratio

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Middb is the name under which the times of middb are kept.
const Middb = "middb"

// A Command is one that compares.
type Command struct {
	Name    string
	Unit    string                           // what there is a number of, in the plural: rows; it names the flag. Empty: there is no such flag
	Size    int                              // how many by default
	Flags   func(f *flag.FlagSet)            // more flags; nil: none
	Measure func(c *Config) (*Report, error) // a nil Report: there is nothing to report
}

// A Config is what the command line asks for.
type Config struct {
	Size   int
	Rounds int
	Dir    string
	Check  bool
}

// Run is main with its surroundings passed in. It returns the exit code: 0 all went well, 1 something failed or, with
// --check, a goal was missed, 2 the command line is wrong.
func (d *Command) Run(args []string, out, diagnostics io.Writer) int {
	var c Config
	f := flag.NewFlagSet(d.Name, flag.ContinueOnError)
	f.SetOutput(diagnostics)
	if c.Size = d.Size; d.Unit != "" {
		f.IntVar(&c.Size, d.Unit, d.Size, "how many "+d.Unit+" there are")
	}
	if d.Flags != nil {
		d.Flags(f)
	}
	f.IntVar(&c.Rounds, "rounds", 5, "measurements of each row of the report")
	f.StringVar(&c.Dir, "dir", "", "make files in a new directory in here (default: the system's temporary directory)")
	f.BoolVar(&c.Check, "check", false, "exit with 1 if a ratio is below its goal")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case f.NArg() > 0 || c.Size < 1 && d.Unit != "" || c.Rounds < 1:
		fmt.Fprintf(diagnostics, "%s: no arguments, and numbers must be positive\n", d.Name)
		return 2
	}
	r, err := d.Measure(&c)
	if err == nil && r != nil {
		title := d.Name
		if d.Unit != "" {
			title = fmt.Sprintf("%d %s", c.Size, d.Unit)
		}
		err = r.print(out, title)
	}
	if err != nil {
		fmt.Fprintf(diagnostics, "%s: %v\n", d.Name, err)
		return 1
	}
	if r == nil {
		return 0
	}
	if missed := r.missed(); c.Check && len(missed) > 0 {
		fmt.Fprintf(diagnostics, "%s: below the goal: %s\n", d.Name, strings.Join(missed, ", "))
		return 1
	}
	return 0
}

// A Row is something that is measured.
type Row struct {
	Name  string
	Per   int // how many operations one measurement has: times are printed for one of them
	Peers []string
	Goals map[string]float64 // least ratio to a peer
}

// A Report has the times of each row and of middb and its peers, in the order of the rounds.
type Report struct {
	rows  []Row
	times []map[string][]time.Duration
}

// NewReport returns one without times.
func NewReport(rows []Row) *Report {
	r := &Report{rows: rows}
	for range rows {
		r.times = append(r.times, map[string][]time.Duration{})
	}
	return r
}

// Add adds a time to a row.
func (r *Report) Add(row int, name string, took time.Duration) {
	r.times[row][name] = append(r.times[row][name], took)
}

// per returns the median time of an operation, in nanoseconds.
func (r *Report) per(row int, name string) float64 {
	times := slices.Sorted(slices.Values(r.times[row][name]))
	return float64(times[len(times)/2]) / float64(r.rows[row].Per)
}

// ratios returns what a peer takes longer than middb: the median, and the least and the greatest of a round.
func (r *Report) ratios(row int, peer string) (median, least, greatest float64) {
	var ratios []float64
	for round, ours := range r.times[row][Middb] {
		ratios = append(ratios, float64(r.times[row][peer][round])/float64(ours))
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1]
}

func (r *Report) print(out io.Writer, title string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tmiddb\tpeer\t\tratio\tspread\tgoal\t\n", title)
	for i := range r.rows {
		for _, peer := range r.rows[i].Peers {
			goal := ""
			if g, ok := r.rows[i].Goals[peer]; ok {
				goal = fmt.Sprintf("%.1f", g)
			}
			median, least, greatest := r.ratios(i, peer)
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2f\t%.2f-%.2f\t%s\t\n", r.rows[i].Name,
				duration(r.per(i, Middb)), peer, duration(r.per(i, peer)), median, least, greatest, goal)
		}
	}
	return w.Flush()
}

// duration prints nanoseconds with a unit that suits them.
func duration(ns float64) string {
	switch {
	case ns < 10_000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 10_000_000:
		return fmt.Sprintf("%.1f us", ns/1e3)
	default:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	}
}

// missed names the rows of the report that are below their goals.
func (r *Report) missed() (names []string) {
	for i := range r.rows {
		for peer, goal := range r.rows[i].Goals {
			if median, _, _ := r.ratios(i, peer); median < goal {
				names = append(names, r.rows[i].Name+" beside "+peer)
			}
		}
	}
	slices.Sort(names)
	return names
}
