package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/middb/middb/bench/machine"
)

// A report is what a run found.
type report struct {
	time       time.Time
	config     config
	machine    []string
	versions   []string
	commands   []string // how the servers were started
	loadBefore string
	loadAfter  string
	results    []*result
}

// A result is what the rounds of a row found.
type result struct {
	row      row
	requests int
	redis    []measurement // by round
	middb    []measurement
}

func newReport(ctx context.Context, c config, dir string, servers []*server) (*report, error) {
	r := &report{
		time: time.Now().UTC().Truncate(time.Second), config: c, machine: machine.Describe(dir), loadBefore: machine.LoadAverage(),
	}
	for _, s := range servers {
		r.commands = append(r.commands, s.command)
	}
	redis, err := output(exec.CommandContext(ctx, "redis-server", "--version"))
	if err != nil {
		return nil, err
	}
	r.versions = append(r.versions, strings.Join(strings.Fields(redis)[:3], " "))
	if slices.ContainsFunc(c.rows, func(row row) bool { return row.command == "" }) {
		python, err := output(exec.CommandContext(ctx, c.python, "-c",
			"import platform, redis; print('Python', platform.python_version() + ', redis-py', redis.__version__)"))
		if err != nil {
			return nil, err
		}
		r.versions = append(r.versions, strings.TrimSpace(python))
	}
	return r, nil
}

func (r *report) finish() { r.loadAfter = machine.LoadAverage() }

// ratio compares the rates round by round: the median and the ends.
func (r *result) ratio() (mid, low, high float64) {
	ratios := make([]float64, len(r.redis))
	for i := range ratios {
		ratios[i] = r.middb[i].Rate / r.redis[i].Rate
	}
	return median(ratios), slices.Min(ratios), slices.Max(ratios)
}

func (r *result) passes() bool {
	mid, _, _ := r.ratio()
	return mid >= r.row.goal
}

func (r *result) verdict() string {
	if r.passes() {
		return "pass"
	}
	return "BELOW"
}

// missed returns the rows below their goal.
func (r *report) missed() (names []string) {
	for _, res := range r.results {
		if !res.passes() {
			names = append(names, res.row.name)
		}
	}
	return names
}

// of is the median of what f makes of the measurements.
func of(ms []measurement, f func(measurement) float64) float64 {
	values := make([]float64, len(ms))
	for i, m := range ms {
		values[i] = f(m)
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func rate(m measurement) float64 { return m.Rate }
func p50(m measurement) float64  { return m.P50 }
func p99(m measurement) float64  { return m.P99 }
func cpu(m measurement) float64  { return m.CPU }

var heads = []string{"row", "redis /s", "middb /s", "ratio", "spread", "goal", "", "p50 ms", "p99 ms", "server CPU µs"}

// cells are the columns of a result; those with two numbers have that of Redis first.
func (r *result) cells() []string {
	mid, low, high := r.ratio()
	both := func(format string, f func(measurement) float64) string {
		return fmt.Sprintf(format+" / "+format, of(r.redis, f), of(r.middb, f))
	}
	return []string{
		r.row.title, fmt.Sprintf("%.0f", of(r.redis, rate)), fmt.Sprintf("%.0f", of(r.middb, rate)),
		fmt.Sprintf("%.2f", mid), fmt.Sprintf("%.2f–%.2f", low, high), fmt.Sprintf("%.1f", r.row.goal), r.verdict(),
		both("%.2f", p50), both("%.2f", p99), both("%.1f", cpu),
	}
}

// table prints the results for a terminal.
func (r *report) table() string {
	lines := [][]string{heads}
	for _, res := range r.results {
		lines = append(lines, res.cells())
	}
	width := make([]int, len(heads))
	for _, cells := range lines {
		for i, cell := range cells {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 {
				line.WriteString(cell + pad)
			} else {
				line.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// markdown prints the results with what one needs to judge them.
func (r *report) markdown() string {
	var b strings.Builder
	c := r.config
	fmt.Fprintf(&b, "# middb's server and Redis, %s\n\n", r.time.Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(&b, "%d keys with values of %d bytes, %d rounds in turn, over loopback. The same redis-benchmark command lines for both; "+
		"from Python redis-py against Redis and middb's package against middb's own port. Medians; the ratio is the median of those of "+
		"each round, the spread their ends. Where there are two numbers, the first is Redis's.\n\n", c.keys, c.valueBytes, c.rounds)
	for _, line := range r.machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, line := range r.versions {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, line := range r.commands {
		fmt.Fprintf(&b, "- `%s`\n", line)
	}
	fmt.Fprintf(&b, "- load average %s before, %s after\n\n", r.loadBefore, r.loadAfter)
	fmt.Fprintf(&b, "| %s |\n|---|%s\n", strings.Join(heads, " | "), strings.Repeat("---:|", len(heads)-1))
	for _, res := range r.results {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(res.cells(), " | "))
	}
	b.WriteString("\nThe command lines:\n\n")
	for _, res := range r.results {
		line := "redis-benchmark " + strings.Join(res.row.arguments(c, res.requests), " ")
		if res.row.command == "" {
			line = fmt.Sprintf("get.py URL %d %d %d", res.requests, c.keys, c.valueBytes)
		}
		fmt.Fprintf(&b, "- %s: `%s`\n", res.row.title, line)
	}
	return b.String()
}
