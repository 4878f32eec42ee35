// Command middb-sim plays seeds of the simulation of middb's actors: see package tests/simulation.
//
//	go run ./tests/simulation/cmd/middb-sim --seed 17 --trace
//
// plays one seed again and shows all that happened in it;
//
//	go run ./tests/simulation/cmd/middb-sim --seed 1 --count 100000
//
// looks for one that fails. Exit codes: 0 nothing is wrong, 1 a seed failed, 2 the command line is
// wrong.
package main

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"github.com/middb/middb/tests/simulation"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// errFailed says that a seed failed, which was reported.
var errFailed = errors.New("a seed failed")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs a command line and returns the exit code.
func run(args []string, out, errOut io.Writer) int {
	var seed, count uint64
	var trace bool
	root := &cobra.Command{
		Use:           "middb-sim",
		Short:         "Play seeds of the simulation of middb's actors",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			if trace && count != 1 {
				return errors.New("--trace shows one seed; leave --count away")
			}
			return play(out, seed, count, trace)
		},
	}
	root.Flags().Uint64Var(&seed, "seed", 1, "the seed, or the first of many")
	root.Flags().Uint64Var(&count, "count", 1, "how many seeds to play, until one fails")
	root.Flags().BoolVar(&trace, "trace", false, "show every event of the seed")
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.Execute()
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintf(errOut, "middb-sim: %v\n", err)
	return exitUsage
}

// play plays seeds and reports what came of them.
func play(out io.Writer, first, count uint64, trace bool) error {
	var sum simulation.Tally
	var failed *simulation.Result
	played := uint64(0)
	simulation.PlayAll(from(first, count), simulation.Plan{KeepTrace: trace}, func(r *simulation.Result) bool {
		played++
		sum.Add(r.Tally)
		if trace {
			fmt.Fprintf(out, "%s", r.Trace)
		}
		if count == 1 {
			fmt.Fprintf(out, "seed %d: %s\ntrace %016x\n", r.Seed, r.Options, r.Hash)
		}
		if r.Err != nil {
			failed = r
		}
		return r.Err == nil
	})
	if failed != nil {
		fmt.Fprintf(out, "FAILED: %v\nreplay: go run ./tests/simulation/cmd/middb-sim --seed %d --trace\n", failed.Err, failed.Seed)
		return errFailed
	}
	fmt.Fprintf(out, "ok: %d seeds, %s\n", played, sum.String())
	return nil
}

// from yields so many seeds.
func from(first, count uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := uint64(0); i < count && yield(first+i); i++ {
		}
	}
}
