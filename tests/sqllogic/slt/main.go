// Command slt runs files of sqllogictest against middb, each in an empty database in memory, and prints how many records
// passed, failed and were skipped. It exits with 1 if one has failed.
//
//	go run ./tests/sqllogic/slt FILE...
//	go run ./tests/sqllogic/slt --plans all FILE...
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/middb/middb/tests/sqllogic"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "slt:", err)
		os.Exit(1)
	}
}

// errFailed says that records have failed, which is printed already.
var errFailed = errors.New("some records have failed")

// options are the flags.
type options struct {
	plans  string
	sample int
	first  int
	jobs   int
}

func command() *cobra.Command {
	o := &options{}
	c := &cobra.Command{
		Use:   "slt [flags] FILE|FOLDER...",
		Short: "run files of sqllogictest against middb",
		Long: "Slt runs files of sqllogictest, each in an empty database in memory. In a folder it runs all files\n" +
			"whose names end in .test or .slt. It exits with 1 if a record has failed.",
		Example: "  slt select1.test\n  slt --plans all --sample 20 sqllogictest/\n  slt --plans 'merge joins,spilling' joins.slt",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return run(c.Context(), c.OutOrStdout(), o, args)
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	f := c.Flags()
	f.StringVar(&o.plans, "plans", sqllogic.Plans[0].Name, "force plans: all, or names with commas between them: "+strings.Join(names(), ", "))
	f.IntVar(&o.sample, "sample", 1, "run one query of so many")
	f.IntVar(&o.first, "first", 10, "print so many failures of each file")
	f.IntVar(&o.jobs, "jobs", runtime.GOMAXPROCS(0), "run so many files at a time")
	return c
}

func names() []string {
	all := make([]string, len(sqllogic.Plans))
	for i, p := range sqllogic.Plans {
		all[i] = p.Name
	}
	return all
}

// chosen returns the plans that a flag names.
func chosen(list string) ([]sqllogic.Plan, error) {
	if list == "all" {
		return sqllogic.Plans, nil
	}
	var all []sqllogic.Plan
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(names(), strings.TrimSpace(name))
		if i < 0 {
			return nil, fmt.Errorf("there is no plan %q: all, or some of %s", name, strings.Join(names(), ", "))
		}
		all = append(all, sqllogic.Plans[i])
	}
	return all, nil
}

// expand replaces folders by the files in them.
func expand(paths []string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		err = filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (filepath.Ext(path) == ".test" || filepath.Ext(path) == ".slt") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// A job is a file under a plan.
type job struct {
	file   string
	plan   sqllogic.Plan
	result *sqllogic.Result
	took   time.Duration
	err    error
	done   chan struct{}
}

func run(ctx context.Context, out io.Writer, o *options, args []string) error {
	plans, err := chosen(o.plans)
	if err != nil {
		return err
	}
	files, err := expand(args)
	if err != nil {
		return err
	}
	var jobs []*job
	for _, p := range plans {
		for _, f := range files {
			jobs = append(jobs, &job{file: f, plan: p, done: make(chan struct{})})
		}
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, max(1, o.jobs))
	wg.Go(func() {
		for _, j := range jobs {
			places <- struct{}{}
			wg.Go(func() {
				j.run(ctx, o)
				close(j.done)
				<-places
			})
		}
	})
	err = report(out, jobs)
	wg.Wait()
	return errors.Join(err, ctx.Err())
}

func (j *job) run(ctx context.Context, o *options) {
	f, err := os.Open(j.file)
	if err != nil {
		j.err = err
		return
	}
	defer f.Close()
	records, err := sqllogic.Read(j.file, f)
	if err != nil {
		j.err = err
		return
	}
	db, closeDB, err := sqllogic.Open(ctx, j.plan)
	if err != nil {
		j.err = err
		return
	}
	began := time.Now()
	j.result = sqllogic.Run(ctx, j.file, records, db, sqllogic.Options{Sample: o.sample, Failures: max(1, o.first), Plan: j.plan.Condition()})
	j.took = time.Since(began)
	j.err = closeDB()
}

// report prints results as they come, in the order of the jobs.
func report(out io.Writer, jobs []*job) error {
	total := sqllogic.Result{Differences: map[string]int{}}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "passed\tfailed\tskipped\tseconds\t  file\t")
	bad := false
	for _, j := range jobs {
		<-j.done
		name := j.file
		if len(j.plan.Settings) > 0 {
			name += " (" + j.plan.Name + ")"
		}
		if j.err != nil {
			bad = true
			fmt.Fprintf(table, "\t\t\t\t  %s: %v\t\n", name, j.err)
		}
		r := j.result
		if r == nil {
			continue
		}
		fmt.Fprintf(table, "%d\t%d\t%d\t%.1f\t  %s\t\n", r.Passed, r.Failed, r.Skipped, j.took.Seconds(), name)
		for _, f := range r.Failures {
			fmt.Fprintf(table, "\n%s\n\n", f)
		}
		total.Passed, total.Failed, total.Skipped = total.Passed+r.Passed, total.Failed+r.Failed, total.Skipped+r.Skipped
		for name, n := range r.Differences {
			total.Differences[name] += n
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(table, "%d\t%d\t%d\t\t  in all\t\n", total.Passed, total.Failed, total.Skipped)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, d := range sqllogic.AllDifferences() {
		if n := total.Differences[d.Name]; n > 0 {
			fmt.Fprintf(out, "skipped on purpose: %d %s: %s\n", n, d.Name, d.Why)
			delete(total.Differences, d.Name)
		}
	}
	if bad || total.Failed > 0 {
		return errFailed
	}
	return nil
}
