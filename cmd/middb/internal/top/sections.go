package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/middb/middb/metrics"
	"github.com/middb/middb/wire"
)

// header says who the server is and what its connections do.
func (v *view) header(title string) []string {
	s, b := &v.now.Server, &v.before.Server
	out := []string{
		fmt.Sprintf("%s   up %s   in %s/s, out %s/s", v.paint(text.Bold, "middb "+title), duration(int64(s.Uptime)),
			size(v.rate(b.BytesIn, s.BytesIn)), size(v.rate(b.BytesOut, s.BytesOut))),
		fmt.Sprintf("connections %d, sessions %d, requests in flight %d, transactions %d, cursors %d",
			s.Connections, s.Sessions, s.InFlight, s.Txns, s.Cursors),
	}
	if why := v.now.Engine.ReadOnlyBecause; why != "" {
		out = append(out, v.paint(text.FgRed, "READ-ONLY: "+why))
	}
	return out
}

// operations lists what clients ask for, the most frequent first. room is how many lines there are; 0: enough.
func (v *view) operations(room int) []string {
	type row struct {
		name         string
		rate, errors float64
		latency      metrics.Snapshot
	}
	before := map[string]*wire.OperationStats{}
	for i := range v.before.Operations {
		before[v.before.Operations[i].Name] = &v.before.Operations[i]
	}
	rows := []row{{name: "all"}}
	for i := range v.now.Operations {
		o := &v.now.Operations[i]
		b := before[o.Name]
		if b == nil {
			b = &wire.OperationStats{}
		}
		r := row{
			name: o.Name, rate: v.rate(b.Count, o.Count), errors: v.rate(b.Errors, o.Errors),
			latency: wire.HistogramOf(o.Time, o.Latency).Since(wire.HistogramOf(b.Time, b.Latency)),
		}
		rows[0].rate += r.rate
		rows[0].errors += r.errors
		rows[0].latency.Merge(r.latency)
		rows = append(rows, r)
	}
	slices.SortStableFunc(rows[1:], func(a, b row) int { return cmp.Compare(b.rate, a.rate) })
	if room > 0 {
		rows = rows[:min(len(rows), max(1, room-1))]
	}
	const format = "%-16s%11s%10s%10s%10s%10s%10s" // "resp incrbyfloat" is the longest name
	out := []string{v.heading(fmt.Sprintf(format, "OPERATION", "PER SECOND", "ERRORS", "P50", "P99", "P99.9", "MAX"))}
	for _, r := range rows {
		q := func(q float64) string {
			if r.latency.Count() == 0 {
				return "-"
			}
			return duration(r.latency.Quantile(q))
		}
		line := fmt.Sprintf(format, r.name, number(r.rate), number(r.errors), q(0.5), q(0.99), q(0.999), q(1))
		if r.errors > 0 {
			line = v.paint(text.FgRed, line)
		}
		out = append(out, line)
	}
	return out
}

func (v *view) heading(s string) string { return v.paint(text.Bold, s) }

// barWidth is how many columns a bar takes.
const barWidth = 6

// bar draws a part of a whole; above high it is shown as much.
func (v *view) bar(part, high float64) string {
	eighths := int(min(1, max(0, part))*barWidth*8 + 0.5)
	full, rest := eighths/8, eighths%8
	b := strings.Repeat("█", full)
	if rest > 0 {
		b += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	b = text.Pad(b, barWidth, '·')
	switch {
	case part > high:
		return v.paint(text.FgRed, b)
	case part > high/2:
		return v.paint(text.FgYellow, b)
	default:
		return v.paint(text.FgGreen, b)
	}
}

// levels shows level 0 and those below it that have files.
func (v *view) levels() []string {
	out := []string{v.heading(fmt.Sprintf("%-5s%6s%10s  %-11s", "LEVEL", "FILES", "SIZE", "SCORE"))}
	for _, l := range v.now.Levels {
		if l.Level > 0 && l.Files == 0 {
			continue
		}
		score := "" // the last level has none: nothing lies below it
		if l.Level < int64(len(v.now.Levels)-1) {
			score = fmt.Sprintf("%s %4.2f", v.bar(l.Score, 1), l.Score)
		}
		out = append(out, fmt.Sprintf("L%-4d%6d%10s  %s", l.Level, l.Files, size(float64(l.Bytes)), score))
	}
	return out
}

// actors shows the actors; of the compactors those that do something.
func (v *view) actors() []string {
	before := map[string]int64{}
	for _, a := range v.before.Actors {
		before[a.Name] = a.BusyTime
	}
	out := []string{v.heading(fmt.Sprintf("%-14s%6s%9s  %-12s", "ACTOR", "DEPTH", "AGE", "BUSY"))}
	for _, a := range v.now.Actors {
		busy := v.share(before[a.Name], a.BusyTime)
		if strings.HasPrefix(a.Name, "compactor") && busy == 0 && a.Depth == 0 {
			continue
		}
		age := "-"
		if a.Age > 0 {
			age = duration(a.Age)
		}
		out = append(out, fmt.Sprintf("%-14s%6d%9s  %s %s", a.Name, a.Depth, age, v.bar(busy, 0.9), percent(min(1, busy))))
	}
	return out
}

// summary says in a few lines how the engine fares.
func (v *view) summary() []string {
	e, b := &v.now.Engine, &v.before.Engine
	syncs := wire.HistogramOf(e.LogSyncTime, e.LogSyncLatency).Since(wire.HistogramOf(b.LogSyncTime, b.LogSyncLatency))
	tables := e.FilterFound - b.FilterFound + e.FilterMissed - b.FilterMissed
	perGet := "-"
	if gets := e.TableGets - b.TableGets; gets > 0 {
		perGet = fmt.Sprintf("%.2f", float64(tables)/float64(gets))
	}
	oldest := ""
	if e.Views > 0 {
		oldest = fmt.Sprintf(", oldest: %s of %s", e.OldestViewKind, duration(e.OldestViewAge))
	}
	lines := []struct{ name, says string }{
		{"writes", fmt.Sprintf("%s commits/s, %s/s   memtable %s with %s keys, %d sealed",
			number(v.rate(b.Commits, e.Commits)), size(v.rate(b.WrittenBytes, e.WrittenBytes)),
			size(float64(e.MemtableBytes)), number(float64(e.MemtableKeys)), e.SealedMemtables)},
		{"log", fmt.Sprintf("%s syncs/s, p50 %s, p99 %s   %s/s, %s kept",
			number(v.rate(b.LogSyncs, e.LogSyncs)), duration(syncs.Quantile(0.5)), duration(syncs.Quantile(0.99)),
			size(v.rate(b.LogBytes, e.LogBytes)), size(float64(e.LogKept)))},
		{"stalls", v.stalls()},
		{"disk", fmt.Sprintf("flush %s/s, compaction %s/s read, %s/s written, %d running, %s behind",
			size(v.rate(b.FlushedBytes, e.FlushedBytes)), size(v.rate(b.CompactedIn, e.CompactedIn)),
			size(v.rate(b.CompactedOut, e.CompactedOut)), e.Compacting, size(float64(e.CompactDebt)))},
		{"cache", fmt.Sprintf("%s hits, %s   filters spared %s of reads, %s sstables read by get",
			ratio(e.CacheHits-b.CacheHits, e.CacheMisses-b.CacheMisses), size(float64(e.CacheBytes)),
			ratio(e.FilterExcluded-b.FilterExcluded, tables), perGet)},
		{"amplified", fmt.Sprintf("writes %.1f times, reads from %d sources at most, space %.2f times", e.WriteAmp, e.ReadAmp, e.SpaceAmp)},
		{"views", fmt.Sprintf("open %d%s   feeds %d   %s transactions/s, %s conflicts/s", e.Views, oldest, e.Feeds,
			number(v.rate(b.TxnCommits, e.TxnCommits)), number(v.rate(b.Conflicts, e.Conflicts)))},
	}
	var out []string
	for _, l := range lines {
		out = append(out, v.heading(fmt.Sprintf("%-11s", l.name))+l.says)
	}
	return out
}

// stalls says what writes waited for: a flush or the log as a part of the time, for they hold up all of them; what
// holds up each by itself as the number that waited at a time.
func (v *view) stalls() string {
	e, b := &v.now.Engine, &v.before.Engine
	var says []string
	for _, s := range []struct {
		cause            string
		all              bool // waits together
		count, before    int64
		time, timeBefore int64
	}{
		{"flush", true, e.Stalls, b.Stalls, e.StallTime, b.StallTime},
		{"log", true, e.LogStalls, b.LogStalls, e.LogStallTime, b.LogStallTime},
		{"compaction", false, e.WriteDelays, b.WriteDelays, e.WriteDelay, b.WriteDelay},
		{"room", false, e.WriteQueued, b.WriteQueued, e.WriteQueueTime, b.WriteQueueTime},
	} {
		waited := v.share(s.timeBefore, s.time)
		switch {
		case s.count == s.before && waited == 0:
		case s.all:
			says = append(says, s.cause+" "+percent(min(1, waited))+" of the time")
		default:
			says = append(says, s.cause+" "+number(waited)+" writers at a time")
		}
	}
	if len(says) == 0 {
		return "none"
	}
	return v.paint(text.FgYellow, "writes wait for "+strings.Join(says, ", "))
}
