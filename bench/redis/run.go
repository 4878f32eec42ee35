package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// errMissing says what to install.
var errMissing = errors.New("install it: apt-get install redis-server redis-tools")

// A comparison is one run of this program.
type comparison struct {
	config      config
	dir         string // holds everything that the run makes
	servers     []*server
	report      *report
	diagnostics io.Writer
}

// compare makes all measurements.
func compare(ctx context.Context, c config, diagnostics io.Writer) (rep *report, err error) {
	for _, program := range []string{"redis-server", "redis-benchmark"} {
		if _, err = exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("%s is needed: %w", program, errMissing)
		}
	}
	dir, err := os.MkdirTemp(c.dir, "middb-redis-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &comparison{config: c, dir: dir, diagnostics: diagnostics}
	defer func() { err = errors.Join(err, r.stop()) }()
	if err = r.prepare(ctx); err != nil {
		return nil, err
	}
	for _, row := range c.rows {
		if err = r.measure(ctx, row); err != nil {
			return nil, err
		}
	}
	r.report.finish()
	return r.report, nil
}

// say tells what is being done.
func (r *comparison) say(format string, args ...any) {
	fmt.Fprintf(r.diagnostics, format+"\n", args...)
}

// prepare builds what is missing, and starts and fills a server of each kind for each mode that is measured.
func (r *comparison) prepare(ctx context.Context) (err error) {
	if r.config.middb == "" || r.config.python == "" {
		if err = r.build(ctx); err != nil {
			return err
		}
	}
	for _, m := range []mode{unsynced, synced} {
		if !slices.ContainsFunc(r.config.rows, func(row row) bool { return row.mode == m }) {
			continue
		}
		if err = r.launch(ctx, m); err != nil {
			return err
		}
	}
	r.report, err = newReport(ctx, r.config, r.dir, r.servers)
	return err
}

// launch starts and fills the two servers of a mode.
func (r *comparison) launch(ctx context.Context, m mode) error {
	for _, name := range []string{"redis", "middb"} {
		dir := filepath.Join(r.dir, name+"-"+string(m))
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		var s *server
		var err error
		if name == "redis" {
			s, err = startRedis(ctx, m, dir)
		} else {
			s, err = startMiddb(ctx, r.config, m, r.config.middb, dir)
		}
		if err != nil {
			return err
		}
		r.servers = append(r.servers, s)
		r.say("load %d keys into %s, %s", r.config.keys, name, m)
		if err = errors.Join(s.load(r.config.keys, r.config.valueBytes), s.pause()); err != nil {
			return err
		}
	}
	return nil
}

// build builds middb, and makes a Python that has its package and redis-py, unless the command line names them.
func (r *comparison) build(ctx context.Context) error {
	out, err := output(exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/middb/middb"))
	if err != nil {
		return fmt.Errorf("find the sources of middb (run this in bench/, or give --middb and --python): %w", err)
	}
	root := strings.TrimSpace(out)
	if r.config.middb == "" {
		r.say("build middb")
		r.config.middb = filepath.Join(r.dir, "middb")
		if _, err = output(exec.CommandContext(ctx, "go", "-C", root, "build", "-o", r.config.middb, "./cmd/middb")); err != nil {
			return err
		}
	}
	needed := slices.ContainsFunc(r.config.rows, func(row row) bool { return row.command == "" })
	if r.config.python != "" || !needed {
		return nil
	}
	r.say("make a virtual environment with redis-py")
	venv := filepath.Join(r.dir, "venv")
	r.config.python = filepath.Join(venv, "bin", "python3")
	if _, err = output(exec.CommandContext(ctx, "python3", "-m", "venv", venv)); err != nil {
		return fmt.Errorf("%w (apt-get install python3-venv)", err)
	}
	if _, err = output(exec.CommandContext(ctx, r.config.python, "-m", "pip", "install", "--quiet", "redis", "msgpack")); err != nil {
		return err
	}
	// The package is used as it is in the repository: no wheel has to be built.
	return os.Setenv("PYTHONPATH", filepath.Join(root, "pybind", "src"))
}

// measure makes the measurements of a row: both servers in turn, the order changing from round to round.
func (r *comparison) measure(ctx context.Context, row row) error {
	pair := slices.DeleteFunc(slices.Clone(r.servers), func(s *server) bool { return s.mode != row.mode })
	requests, err := r.requests(ctx, row, pair[0])
	if err != nil {
		return err
	}
	res := &result{row: row, requests: requests}
	for round := range r.config.rounds {
		var got [2]measurement
		for i := range pair {
			which := (i + round) % 2
			m, err := r.one(ctx, row, pair[which], requests)
			if err != nil {
				return err
			}
			got[which] = m
		}
		res.redis, res.middb = append(res.redis, got[0]), append(res.middb, got[1])
		r.say("%s, round %d: redis %.0f/s, middb %.0f/s, %.2f", row.title, round+1, got[0].Rate, got[1].Rate, got[1].Rate/got[0].Rate)
	}
	r.report.results = append(r.report.results, res)
	return nil
}

// requests returns how many requests fill the time that a measurement is to take of a server. The first runs are short
// and slow, so it is tried until one takes a fair part of that time.
func (r *comparison) requests(ctx context.Context, row row, s *server) (int, error) {
	if r.config.requests > 0 {
		return r.config.requests, nil
	}
	for n := 2000; ; {
		m, err := r.one(ctx, row, s, n)
		if err != nil {
			return 0, err
		}
		fill := max(1, int(m.Rate*r.config.seconds))
		if n >= fill/3 {
			return fill, nil
		}
		n = fill / 2
	}
}

// one measures a server while all others are stopped.
func (r *comparison) one(ctx context.Context, row row, s *server, requests int) (m measurement, err error) {
	if err = ctx.Err(); err != nil {
		return m, err
	}
	unix.Sync() // what others have left to be written is not this one's
	if err = s.resume(); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.pause()) }()
	return r.config.measure(ctx, row, s, requests)
}

func (r *comparison) stop() error {
	var errs []error
	for _, s := range r.servers {
		errs = append(errs, s.stop())
	}
	return errors.Join(errs...)
}
