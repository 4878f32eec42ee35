package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
)

// A config is what the command line asks for.
type config struct {
	rows       []row
	rounds     int
	seconds    float64 // that a measurement of Redis is to take
	requests   int     // of each measurement; 0: from seconds
	keys       int
	valueBytes int
	procs      int    // GOMAXPROCS of middb
	dir        string // where a directory for the databases is made
	middb      string // program; empty: it is built
	python     string // interpreter that has redis and middb; empty: a virtual environment is made
	markdown   bool
	check      bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with its surroundings passed in; it returns the exit code: 0 all went well, 1 something failed or, with
// --check, a goal was missed, 2 the command line is wrong.
func run(ctx context.Context, args []string, out, diagnostics io.Writer) int {
	c, err := parseFlags(args, diagnostics)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	rep, err := compare(ctx, c, diagnostics)
	if err != nil {
		fmt.Fprintln(diagnostics, "redis:", err)
		return 1
	}
	text := rep.table()
	if c.markdown {
		text = rep.markdown()
	}
	if _, err := io.WriteString(out, text); err != nil {
		fmt.Fprintln(diagnostics, "redis: write report:", err)
		return 1
	}
	if missed := rep.missed(); c.check && len(missed) > 0 {
		fmt.Fprintf(diagnostics, "redis: below the goal: %q\n", missed)
		return 1
	}
	return 0
}

// parseFlags reads the command line. Usage and mistakes are written to out.
func parseFlags(args []string, out io.Writer) (config, error) {
	var c config
	var list string
	f := flag.NewFlagSet("redis", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&list, "rows", "", "comma-separated, of "+rowNames()+" (default: all)")
	f.IntVar(&c.rounds, "rounds", 5, "measurements of each row and server; the report gives medians")
	f.Float64Var(&c.seconds, "seconds", 3, "how long a measurement of Redis takes, about; middb gets as many requests")
	f.IntVar(&c.requests, "requests", 0, "requests of each measurement, in place of --seconds")
	f.IntVar(&c.keys, "keys", 100_000, "keys that are loaded first and then drawn from")
	f.IntVar(&c.valueBytes, "value-bytes", 100, "length of a value")
	f.IntVar(&c.procs, "procs", 2*runtime.NumCPU(), "GOMAXPROCS of middb")
	f.StringVar(&c.dir, "dir", "", "make the databases in a new directory in here (default: the system's temporary directory)")
	f.StringVar(&c.middb, "middb", "", "`program` to measure (default: built from this repository)")
	f.StringVar(&c.python, "python", "", "`interpreter` with the packages redis and middb (default: a virtual environment made with python3)")
	f.BoolVar(&c.markdown, "markdown", false, "print Markdown, with the machine and the settings")
	f.BoolVar(&c.check, "check", false, "exit with 1 if a ratio is below its goal")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	err := c.finish(f.Args(), list)
	if err != nil {
		fmt.Fprintln(out, "redis:", err)
	}
	return c, err
}

func (c *config) finish(rest []string, list string) (err error) {
	if c.rows, err = selectRows(list); err != nil {
		return err
	}
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case c.rounds < 1 || c.keys < 1 || c.valueBytes < 1 || c.procs < 1:
		return errors.New("--rounds, --keys, --value-bytes and --procs must be positive")
	case c.seconds <= 0 || c.requests < 0:
		return errors.New("--seconds must be positive, and --requests not negative")
	}
	return nil
}
