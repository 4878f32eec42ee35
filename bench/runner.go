package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/middb/middb/bench/machine"
)

// A runner takes the measurements, each in a child process.
type runner struct {
	config      Config
	dir         string            // holds every database of this run
	loadedDirs  map[string]string // by engine
	report      *report
	diagnostics io.Writer
}

// measureAll takes all measurements that c asks for: round by round, row by row, engine by engine.
// Progress goes to diagnostics. A measurement that fails ends it.
func measureAll(ctx context.Context, c Config, diagnostics io.Writer) (_ *report, err error) {
	dir, err := os.MkdirTemp(c.Dir, "middb-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the databases: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if c.Profile != "" {
		if err = os.MkdirAll(c.Profile, 0o755); err != nil {
			return nil, err
		}
		// A child must find it whatever its working directory.
		if c.Profile, err = filepath.Abs(c.Profile); err != nil {
			return nil, err
		}
	}
	r := &runner{config: c, dir: dir, loadedDirs: make(map[string]string), report: newReport(c, dir), diagnostics: diagnostics}
	for round := range c.Rounds {
		for _, w := range c.rows {
			for i := range c.engines {
				e := c.engines[(i+round)%len(c.engines)]
				if !w.runs(e) {
					continue
				}
				if err := r.one(ctx, e, w, round); err != nil {
					return nil, fmt.Errorf("%s, %s, round %d: %w", w.name(), e.name, round+1, err)
				}
			}
		}
	}
	r.report.LoadAfter = machine.LoadAverage()
	return r.report, nil
}

// one takes one measurement.
func (r *runner) one(ctx context.Context, e opener, w row, round int) error {
	dir := filepath.Join(r.dir, "scratch")
	if w.workload.start != empty {
		source, err := r.loaded(ctx, e)
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		if w.workload.start == loaded {
			dir = source
		} else if err := copyTree(source, dir); err != nil {
			return fmt.Errorf("copy the loaded database: %w", err)
		}
	}
	s := spec{
		Config: r.config, Engine: e.name, Workload: w.workload.name, Callers: w.callers,
		Round: round, Dir: dir, Stats: r.config.Stats,
	}
	if r.config.Profile != "" {
		s.Profile = filepath.Join(r.config.Profile, fmt.Sprintf("%s-%s-%d.pprof", w.name(), e.name, round+1))
	}
	res, err := r.child(ctx, s)
	if err != nil {
		return err
	}
	r.report.Results = append(r.report.Results, res)
	fmt.Fprintf(r.diagnostics, "round %d  %-20s %-10s %10.0f ops/s  p50 %8.2f µs  p99 %8.2f µs\n",
		round+1, w.name(), e.name, res.rate(), micros(res.P50), micros(res.P99))
	if dir == filepath.Join(r.dir, "scratch") {
		return os.RemoveAll(dir)
	}
	return nil
}

// loaded returns the directory of e's loaded database and loads it first if need be. It lasts for
// all rounds.
func (r *runner) loaded(ctx context.Context, e opener) (string, error) {
	if dir, ok := r.loadedDirs[e.name]; ok {
		return dir, nil
	}
	dir := filepath.Join(r.dir, "loaded-"+e.name)
	res, err := r.child(ctx, spec{Config: r.config, Engine: e.name, Dir: dir})
	if err != nil {
		return "", err
	}
	r.report.Loads = append(r.report.Loads, res)
	fmt.Fprintf(r.diagnostics, "load     %-20s %-10s %10.0f ops/s  settled after %.1f s\n", "", e.name, res.rate(), res.SettleSeconds)
	r.loadedDirs[e.name] = dir
	return dir, nil
}

// child runs this program again to carry out s. It syncs the file systems first, so that what an
// earlier measurement left to be written back is not charged to this one's disk time.
func (r *runner) child(ctx context.Context, s spec) (Result, error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return Result{}, err
	}
	unix.Sync()
	self, err := os.Executable()
	if err != nil {
		return Result{}, err
	}
	in, err := json.Marshal(s)
	if err != nil {
		return Result{}, err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, self, childArgument)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, r.diagnostics
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return Result{}, fmt.Errorf("child process: %w", errors.Join(err, ctx.Err()))
	}
	var res Result
	if err := json.Unmarshal(out.Bytes(), &res); err != nil {
		return Result{}, fmt.Errorf("child process answered %q: %w", out.String(), err)
	}
	return res, nil
}
