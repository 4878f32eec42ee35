package monitor

import (
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/metrics"
)

// A number is a metric that is read from what S says. One of a server has a label, its protocol.
type number[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*S) float64
}

func gauge[S any, V int | int64 | uint64 | float64](name, help string, value func(*S) V, labels ...string) number[S] {
	return number[S]{describe(name, help, labels...), prometheus.GaugeValue, func(s *S) float64 { return float64(value(s)) }}
}

func counter[S any](name, help string, value func(*S) int64, labels ...string) number[S] {
	return number[S]{describe(name, help, labels...), prometheus.CounterValue, func(s *S) float64 { return float64(value(s)) }}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("middb_"+name, help, labels, nil)
}

// The metrics with labels.
var (
	buildInfo = describe("build_info", "Version of the program; always 1.", "version", "goversion")

	levelFiles      = describe("level_files", "Sstables of the level.", "level")
	levelBytes      = describe("level_bytes", "Size of the sstables of the level.", "level")
	levelEntries    = describe("level_entries", "Entries in the sstables of the level, tombstones included.", "level")
	levelTombstones = describe("level_tombstones", "Tombstones in the sstables of the level.", "level")
	levelScore      = describe("level_score", "How full the level is; above 1 it is to be compacted.", "level")

	stalls       = describe("write_stalls_total", "Times that writes waited, by cause.", "cause")
	stallSeconds = describe("write_stall_seconds_total", "Time that writes waited, by cause.", "cause")

	filterChecks = describe("filter_checks_total", "Sstables that a read of a key looked at by what came of it: "+
		"excluded by the filter, found the key, or missed it although the filter said yes.", "result")

	logSync = describe("log_sync_duration_seconds", "Syncs of the log by how long they took.")

	actorDepth = describe("actor_mailbox_depth", "Messages that wait for the actor.", "actor")
	actorAge   = describe("actor_mailbox_age_seconds", "How long the oldest message has waited for the actor.", "actor")
	actorBusy  = describe("actor_busy_seconds_total", "Time that the actor spent on messages; its rate is the busy share.", "actor")

	operationDuration = describe("operation_duration_seconds",
		"Requests by how long they took to their answer; an operation appears with its first request.",
		"protocol", "operation")
	operationErrors = describe("operation_errors_total", "Requests that were answered with an error.",
		"protocol", "operation")
)

// Bounds of the buckets of histograms, as exponents of two: nanoseconds from 1 µs, or 8 µs, to 34 s.
const (
	firstOperationBound = 10
	firstSyncBound      = 13
	lastBound           = 35
)

// collector turns what database and servers say into metrics when it is asked.
type collector struct {
	db      Database
	servers map[string]Source
	version string
}

func newCollector(db Database, o *Options) *collector {
	return &collector{db: db, servers: o.Servers, version: o.Version}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		buildInfo, levelFiles, levelBytes, levelEntries, levelTombstones, levelScore, stalls, stallSeconds,
		filterChecks, logSync, actorDepth, actorAge, actorBusy,
	} {
		ch <- d
	}
	for i := range engineNumbers {
		ch <- engineNumbers[i].desc
	}
	ch <- operationDuration
	ch <- operationErrors
	for i := range serverNumbers {
		ch <- serverNumbers[i].desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	out := sink(ch)
	out.gauge(buildInfo, 1, c.version, runtime.Version())
	s := c.db.Stats()
	collect(out, engineNumbers, &s)
	out.levels(s.Levels)
	out.stalls(&s)
	out.counter(filterChecks, float64(s.Lookups.Excluded), "excluded")
	out.counter(filterChecks, float64(s.Lookups.Found), "found")
	out.counter(filterChecks, float64(s.Lookups.Missed), "missed")
	out.histogram(logSync, s.LogSync, firstSyncBound)
	for _, a := range c.db.Actors() {
		out.gauge(actorDepth, float64(a.Depth), a.Name)
		out.gauge(actorAge, a.Age.Seconds(), a.Name)
		out.counter(actorBusy, a.Busy.Seconds(), a.Name)
	}
	for protocol, server := range c.servers {
		a := server.Activity()
		collect(out, serverNumbers, &a, protocol)
		for i := range a.Operations {
			if o := &a.Operations[i]; o.Latency.Count() > 0 {
				out.histogram(operationDuration, o.Latency, firstOperationBound, protocol, o.Name)
				out.counter(operationErrors, float64(o.Errors), protocol, o.Name)
			}
		}
	}
}

// A sink takes the metrics of one scrape.
type sink chan<- prometheus.Metric

func collect[S any](out sink, numbers []number[S], s *S, labels ...string) {
	for i := range numbers {
		n := &numbers[i]
		out <- prometheus.MustNewConstMetric(n.desc, n.kind, n.value(s), labels...)
	}
}

func (out sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (out sink) counter(d *prometheus.Desc, v float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (out sink) histogram(d *prometheus.Desc, s metrics.Snapshot, first int, labels ...string) {
	buckets := make(map[float64]uint64)
	for i, n := range s.Cumulative(first, lastBound) {
		buckets[seconds(1<<(first+i))] = n
	}
	out <- prometheus.MustNewConstHistogram(d, s.Count(), seconds(s.Sum), buckets, labels...)
}

func (out sink) levels(levels []engine.LevelStats) {
	for i := range levels {
		l := &levels[i]
		level := strconv.Itoa(l.Level)
		out.gauge(levelFiles, float64(l.Files), level)
		out.gauge(levelBytes, float64(l.Bytes), level)
		out.gauge(levelEntries, float64(l.Entries), level)
		out.gauge(levelTombstones, float64(l.Tombstones), level)
		out.gauge(levelScore, l.Score, level)
	}
}

func (out sink) stalls(s *engine.Stats) {
	for _, c := range []struct {
		cause string
		count int64
		took  time.Duration
	}{
		{"flush", s.Stalls, s.StallTime},
		{"log", s.LogStalls, s.LogStallTime},
		{"compaction", s.WriteDelays, s.WriteDelay},
		{"in_flight", s.WriteQueued, s.WriteQueueTime},
	} {
		out.counter(stalls, float64(c.count), c.cause)
		out.counter(stallSeconds, c.took.Seconds(), c.cause)
	}
}

func seconds(nanoseconds int64) float64 { return time.Duration(nanoseconds).Seconds() }
