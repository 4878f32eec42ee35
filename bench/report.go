package main

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/middb/middb/bench/machine"
)

// A report is all that a run found, and what one needs to judge it. As JSON it is the whole; the
// Markdown shows medians.
type report struct {
	Time       time.Time
	Machine    []string
	LoadBefore string
	LoadAfter  string
	Config     Config
	Settings   []engineSettings
	Loads      []Result
	Results    []Result
}

// engineSettings is how one engine was opened.
type engineSettings struct {
	Engine, Version, Settings string
}

func newReport(c Config, dir string) *report {
	r := &report{Time: time.Now().UTC().Truncate(time.Second), Machine: append(machine.Describe(dir), clockLine()), LoadBefore: machine.LoadAverage(), Config: c}
	versions := moduleVersions()
	for _, e := range c.engines {
		r.Settings = append(r.Settings, engineSettings{e.name, versions[e.module], e.settings(c.options(row{}))})
	}
	return r
}

// moduleVersions maps the modules this program was built from to their versions.
func moduleVersions() map[string]string {
	versions := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			versions[m.Path] = m.Version
		}
	}
	return versions
}

func clockLine() string {
	return fmt.Sprintf("a read of the clock costs %.0f ns; each measured operation has two", clockCost())
}

// reference is the engine that ratios refer to where a row has none of its own: Pebble if it ran, else the
// first.
func (r *report) reference() string { return r.referenceOf(row{}) }

// referenceOf is the engine that the ratios of a row refer to: of those that ran it, the peer that the workload
// names, else Pebble, else the first.
func (r *report) referenceOf(w row) string {
	candidates := []string{w.workload.peer, pebbleEngine.name}
	for _, e := range r.Config.engines {
		candidates = append(candidates, e.name)
	}
	for _, name := range candidates {
		if slices.ContainsFunc(r.Config.engines, func(e opener) bool { return e.name == name && w.runs(e) }) {
			return name
		}
	}
	return candidates[len(candidates)-1] // nobody ran it
}

// of returns the measurements of a row and an engine, by round.
func (r *report) of(row, engine string) []Result {
	var found []Result
	for _, res := range r.Results {
		if res.Row == row && res.Engine == engine {
			found = append(found, res)
		}
	}
	slices.SortFunc(found, func(a, b Result) int { return cmp.Compare(a.Round, b.Round) })
	return found
}

func (res Result) rate() float64 { return float64(res.Ops) / max(res.Seconds, 1e-9) }

// perOp divides a total by the operations done.
func (res Result) perOp(total float64) float64 { return total / float64(max(res.Ops, 1)) }

// median returns the middle of what f makes of the measurements, the mean of the middle two of an
// even number.
func median(rs []Result, f func(Result) float64) float64 {
	values := make([]float64, len(rs))
	for i, r := range rs {
		values[i] = f(r)
	}
	return middle(values)
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// ratio compares two engines round by round, since measurements of one round stand close together
// in time, and returns the median.
func ratio(rs, reference []Result) float64 {
	values := make([]float64, min(len(rs), len(reference)))
	for i := range values {
		values[i] = rs[i].rate() / reference[i].rate()
	}
	return middle(values)
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# middb and its peers, %s\n\n", r.Time.Format("2006-01-02 15:04 UTC"))
	r.writeHeader(&b)
	r.writeSummary(&b)
	b.WriteString("\n## In detail\n\n" + detailNotes)
	for _, w := range r.Config.rows {
		r.writeRow(&b, w)
	}
	r.writeLoads(&b)
	return b.String()
}

const detailNotes = `Latencies are of single operations in µs (readseq, readreverse: of 100 entries). CPU is that of all
threads; for workloads that write, CPU and storage writes include the flushes and compactions that remained at the end
and took "settle" (it includes 0.2 s of watching for Pebble, 1 s for Badger and goleveldb, which cannot say when they
are idle). Allocations are those on the Go heap (Pebble's block cache and middb's memory are off it). The peak RSS is the
VmHWM of the process, reset after warm-up; pages of mapped files count in it. The directory is what is allocated on disk
after closing. Spread is that of ops/s over the rounds. A * marks a row that the time limit ended early.

`

func (r *report) writeHeader(b *strings.Builder) {
	c := r.Config
	fmt.Fprintf(b, "%d keys of %d bytes (%s), values of %d bytes (half compressible), seed %d, %s; each measurement in its own process, "+
		"interleaved engine by engine and round by round; medians, and ratios as the median over the rounds, to %s unless the row says to whom.\n\n",
		c.Keys, keyBytes, c.KeyShape, c.ValueBytes, c.Seed, plural(c.Rounds, "round"), r.reference())
	for _, line := range r.Machine {
		fmt.Fprintf(b, "- %s\n", line)
	}
	fmt.Fprintf(b, "- load average %s before, %s after\n", r.LoadBefore, r.LoadAfter)
	b.WriteString("\nTo run it again, in `bench/`:\n\n    " + r.commandLine() + "\n\n## Settings\n\n")
	for _, s := range r.Settings {
		fmt.Fprintf(b, "- **%s** %s: %s\n", s.Engine, s.Version, s.Settings)
	}
	fmt.Fprintf(b, "\nWhat reads is given a database loaded in random order in batches of 256, then settled (flushed, and waited for until no "+
		"compaction ran or was due), opened anew and warmed by %d random reads. All point reads copy the value into "+
		"the caller's memory. Before each measurement the file systems are synced. A measurement ends after %d s at the latest. "+
		"The writer of readwhilewriting is held to %s.\n",
		max(c.Keys/8, 1000), c.MaxSeconds, rateLimit(c.WriteRate))
	b.WriteString("\n| row | work | operations |\n|---|---|--:|\n")
	for _, w := range c.rows {
		fmt.Fprintf(b, "| %s | %s | %d |\n", w.name(), w.workload.about, w.workload.ops(c, w.callers))
	}
}

func rateLimit(perSecond int) string {
	if perSecond == 0 {
		return "no rate"
	}
	return fmt.Sprintf("%d puts a second", perSecond)
}

// commandLine is what reproduces the run, short of the directory.
func (r *report) commandLine() string {
	c := r.Config
	engines, rows := make([]string, len(c.engines)), make([]string, len(c.rows))
	for i, e := range c.engines {
		engines[i] = e.name
	}
	for i, w := range c.rows {
		rows[i] = fmt.Sprintf("%s-%d", w.workload.name, w.callers)
	}
	return fmt.Sprintf("go run . --engines %s --workloads %s --keys %d --value-bytes %d --key-shape %s --cache-bytes %d "+
		"--memtable-bytes %d --block-bytes %d --seed %d --rounds %d --reads %d --write-rate %d --max-seconds %d",
		strings.Join(engines, ","), strings.Join(rows, ","), c.Keys, c.ValueBytes, c.KeyShape, c.CacheBytes,
		c.MemtableBytes, c.BlockBytes, c.Seed, c.Rounds, c.Reads, c.WriteRate, c.MaxSeconds)
}

func (r *report) writeSummary(b *strings.Builder) {
	b.WriteString("\n## Operations per second\n\n| row |")
	for _, e := range r.Config.engines {
		fmt.Fprintf(b, " %s |", e.name)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(r.Config.engines)) + "\n")
	for _, w := range r.Config.rows {
		fmt.Fprintf(b, "| %s%s |", w.name(), r.toWhom(w))
		reference := r.of(w.name(), r.referenceOf(w))
		for _, e := range r.Config.engines {
			rs := r.of(w.name(), e.name)
			if len(rs) == 0 {
				b.WriteString(" – |")
				continue
			}
			fmt.Fprintf(b, " %s%s (%.2f×) |", thousands(median(rs, Result.rate)), star(rs), ratio(rs, reference))
		}
		b.WriteString("\n")
	}
}

// toWhom says to which engine the ratios of a row refer if it is not that of the report.
func (r *report) toWhom(w row) string {
	if name := r.referenceOf(w); name != r.reference() {
		return " (× " + name + ")"
	}
	return ""
}

func (r *report) writeRow(b *strings.Builder, w row) {
	fmt.Fprintf(b, "### %s\n\n", w.name())
	fmt.Fprintf(b, "| engine | ops/s | × %s | p50 | p99 | p99.9 | CPU µs/op | allocs/op | alloc B/op | written MiB | directory MiB | peak RSS MiB | settle s | spread |\n"+
		"|---|%s\n", r.referenceOf(w), strings.Repeat("--:|", 13))
	reference := r.of(w.name(), r.referenceOf(w))
	var writers, deletions []string
	for _, e := range r.Config.engines {
		rs := r.of(w.name(), e.name)
		if len(rs) == 0 {
			continue
		}
		of := func(f func(Result) float64) float64 { return median(rs, f) }
		fmt.Fprintf(b, "| %s | %s%s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f | %.1f | %.1f | %.0f | %.1f | %s |\n", e.name,
			thousands(of(Result.rate)), star(rs), ratio(rs, reference),
			of(func(r Result) float64 { return micros(r.P50) }),
			of(func(r Result) float64 { return micros(r.P99) }),
			of(func(r Result) float64 { return micros(r.P999) }),
			of(func(r Result) float64 { return r.perOp(r.CPUSeconds * 1e6) }),
			of(func(r Result) float64 { return r.perOp(float64(r.Allocs)) }),
			of(func(r Result) float64 { return r.perOp(float64(r.AllocBytes)) }),
			of(func(r Result) float64 { return mebi(r.WriteBytes) }),
			of(func(r Result) float64 { return mebi(r.DirBytes) }),
			of(func(r Result) float64 { return mebi(r.PeakRSS) }),
			of(func(r Result) float64 { return r.SettleSeconds }), spread(rs))
		if n := of(func(r Result) float64 { return float64(r.WriterOps) / r.Seconds }); n > 0 {
			writers = append(writers, fmt.Sprintf("%s %s puts/s, p99 %.1f µs", e.name, thousands(n),
				of(func(r Result) float64 { return micros(r.WriterP99) })))
		}
		if d := medianDeletion(rs); d.Delete > 0 {
			deletions = append(deletions, d.sentence(e.name))
		}
	}
	b.WriteString("\n")
	if len(writers) > 0 {
		fmt.Fprintf(b, "The writers: %s.\n\n", strings.Join(writers, "; "))
	}
	if len(deletions) > 0 {
		fmt.Fprintf(b, "The deletion of %d keys: %s.\n\n", r.Config.Keys-1, strings.Join(deletions, "; "))
	}
}

func (r *report) writeLoads(b *strings.Builder) {
	if len(r.Loads) == 0 {
		return
	}
	b.WriteString("### Loading, once for all rounds\n\n| engine | entries/s in batches | settle s | written MiB | directory MiB |\n|---|--:|--:|--:|--:|\n")
	for _, e := range r.Config.engines {
		for _, l := range r.Loads {
			if l.Engine == e.name {
				fmt.Fprintf(b, "| %s | %s | %.1f | %.1f | %.1f |\n", e.name, thousands(l.rate()), l.SettleSeconds, mebi(l.WriteBytes), mebi(l.DirBytes))
			}
		}
	}
}

func star(rs []Result) string {
	if slices.ContainsFunc(rs, func(r Result) bool { return r.Truncated }) {
		return "*"
	}
	return ""
}

// spread shows how far from the median the slowest and fastest round were.
func spread(rs []Result) string {
	if len(rs) < 2 {
		return "–"
	}
	low, high, mid := rs[0].rate(), rs[0].rate(), median(rs, Result.rate)
	for _, r := range rs {
		low, high = min(low, r.rate()), max(high, r.rate())
	}
	return fmt.Sprintf("%+.0f %% to %+.0f %%", (low/mid-1)*100, (high/mid-1)*100)
}

// thousands prints a rate with separators: 1,234,567.
func thousands(f float64) string {
	s := fmt.Sprintf("%.0f", f)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func micros(ns int64) float64   { return float64(ns) / 1e3 }
func mebi(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
