package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

// childArgument, as the only argument, makes this program a child: it reads a [spec] from standard
// input, carries it out and writes a [Result] to standard output.
const childArgument = "run-one-measurement"

// A spec is one measurement, or one load, for a child process.
type spec struct {
	Config   Config
	Engine   string
	Workload string // empty: load
	Callers  int
	Round    int
	Dir      string // the database
	Profile  string // file for a CPU profile; empty: none
	Stats    bool
}

// A Result is what one measurement found. Costs are totals, not per operation.
type Result struct {
	Engine    string
	Row       string
	Round     int
	Ops       int     // operations done
	Seconds   float64 // from the first to the end of the last
	Truncated bool    // MaxSeconds ended it early

	P50, P99, P999, Max int64 // nanoseconds

	SettleSeconds float64 // until flush and compaction came to rest, writing workloads only
	CPUSeconds    float64 // of all threads, including the settling
	Allocs        uint64  // Go heap objects, without the settling
	AllocBytes    uint64
	WriteBytes    uint64 // storage writes, including settling and closing
	WriteCalls    uint64 // bytes passed to write calls; mapped files need none
	ReadBytes     uint64 // storage reads
	DirBytes      uint64 // allocated to files after closing
	PeakRSS       uint64 // without the settling

	WriterOps int   // puts of the writer in readwhilewriting
	WriterP99 int64 // nanoseconds

	Ranges rangeDeletion // of rangedelete
}

// childMain is the whole life of a child process.
func childMain(in io.Reader, out io.Writer) error {
	var s spec
	if err := json.NewDecoder(in).Decode(&s); err != nil {
		return fmt.Errorf("read specification: %w", err)
	}
	e, ok := engineNamed(s.Engine)
	if !ok {
		return fmt.Errorf("no engine %q", s.Engine)
	}
	m := &measurement{spec: s, keys: newKeySpace(s.Config.Keys, s.Config.Seed, s.Config.KeyShape)}
	m.order = newPermutation(m.keys.entries, s.Config.Seed)
	m.result = Result{Engine: s.Engine, Round: s.Round}
	r := row{callers: s.Callers}
	work := m.load
	if s.Workload != "" {
		if r.workload, ok = workloadNamed(s.Workload); !ok {
			return fmt.Errorf("no workload %q", s.Workload)
		}
		m.row, m.result.Row = r, r.name()
		m.ops = r.workload.ops(s.Config, s.Callers)
		work = m.measure
	}
	var err error
	if m.store, err = e.open(s.Dir, s.Config.options(r)); err != nil {
		return err
	}
	if err := work(); err != nil {
		return errors.Join(err, m.store.Close())
	}
	if err := m.finish(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(m.result)
}

// A measurement is the state of a child while it works.
type measurement struct {
	spec   spec
	row    row
	ops    int
	keys   keySpace
	order  permutation // of the entries
	store  store
	before usage
	result Result
	done   []int // operations that each worker did
}

// measure warms up, runs the workload between two looks at the counters, and settles.
func (m *measurement) measure() error {
	w := m.row.workload
	if w.start != empty {
		if err := m.warm(); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
	}
	runtime.GC()
	err := resetPeak()
	if err != nil {
		return err
	}
	if m.before, err = currentUsage(); err != nil {
		return err
	}
	if err = m.profiled(func() error { return w.run(m) }); err != nil {
		return err
	}
	after, err := currentUsage()
	if err != nil {
		return err
	}
	if m.result.PeakRSS, err = peakResident(); err != nil {
		return err
	}
	m.result.Allocs = after.allocs - m.before.allocs
	m.result.AllocBytes = after.allocBytes - m.before.allocBytes
	if w.start != loaded {
		if after, err = m.settle(); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
	m.result.CPUSeconds = (after.cpu - m.before.cpu).Seconds()
	if w.check != nil {
		if err := w.check(m); err != nil {
			return err
		}
	}
	if s, ok := m.store.(statser); ok && m.spec.Stats {
		fmt.Fprintln(os.Stderr, s.Stats())
	}
	return nil
}

// profiled runs work, under the CPU profiler if one was asked for.
func (m *measurement) profiled(work func() error) (err error) {
	if m.spec.Profile == "" {
		return work()
	}
	f, err := os.Create(m.spec.Profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return work()
}

func (m *measurement) settle() (usage, error) {
	start := now()
	if err := m.store.Settle(); err != nil {
		return usage{}, err
	}
	m.result.SettleSeconds = seconds(now() - start)
	return currentUsage()
}

// finish closes the store and takes what only then is known.
func (m *measurement) finish() error {
	if err := m.store.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	u, err := currentUsage()
	if err != nil {
		return err
	}
	m.result.WriteBytes = u.written - m.before.written
	m.result.WriteCalls = u.wrote - m.before.wrote
	m.result.ReadBytes = u.read - m.before.read
	m.result.DirBytes, err = diskUsage(m.spec.Dir)
	return err
}

// A worker is one caller: its buffers, its generator and its histogram.
type worker struct {
	index     int
	share     int // operations it is to do
	done      int // operations it did
	truncated bool
	deadline  int64
	random    *random
	latency   histogram
	key       []byte
	value     []byte // a value made, to be put or compared with
	got       []byte // a value read
	touched   int    // keeps the compiler from dropping the reads of what scans return
}

func (m *measurement) newWorker(index, callers int) *worker {
	share := m.ops / callers
	if index < m.ops%callers {
		share++
	}
	return &worker{
		index:  index,
		share:  share,
		random: newRandom(m.spec.Config.Seed, m.row.workload.name, index),
		key:    make([]byte, keyBytes),
		value:  make([]byte, m.spec.Config.ValueBytes),
		got:    make([]byte, 0, 2*m.spec.Config.ValueBytes),
	}
}

// record counts an operation that began at start and ended at end, and reports whether there is
// time for more.
func (w *worker) record(start, end int64) bool {
	w.done++
	w.latency.record(end - start)
	w.truncated = end > w.deadline
	return !w.truncated
}

// parallel runs work in as many workers as there are callers, all starting at once, and enters
// what they did in the result.
func (m *measurement) parallel(work func(w *worker) error) error {
	callers := m.row.callers
	workers, errs := make([]*worker, callers), make([]error, callers)
	var done sync.WaitGroup
	gate := make(chan struct{})
	for i := range workers {
		workers[i] = m.newWorker(i, callers)
		done.Go(func() {
			<-gate
			errs[i] = work(workers[i])
		})
	}
	start := now()
	for _, w := range workers {
		w.deadline = start + int64(m.spec.Config.MaxSeconds)*int64(time.Second)
	}
	close(gate)
	done.Wait()
	m.result.Seconds = seconds(now() - start)
	var total histogram
	for _, w := range workers {
		total.merge(&w.latency)
		m.result.Ops += w.done
		m.result.Truncated = m.result.Truncated || w.truncated && w.done < w.share
		m.done = append(m.done, w.done)
	}
	m.result.P50, m.result.P99, m.result.P999 = total.quantile(0.5), total.quantile(0.99), total.quantile(0.999)
	m.result.Max = total.max
	return errors.Join(errs...)
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }
