package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		if err := childMain(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench child:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings passed in; it returns the exit code: 0 all went well, 1 a
// measurement failed, 2 the command line is wrong.
func run(ctx context.Context, args []string, out, diagnostics io.Writer) int {
	c, err := parseFlags(args, diagnostics)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	rep, err := measureAll(ctx, c, diagnostics)
	if err != nil {
		fmt.Fprintln(diagnostics, "bench:", err)
		return 1
	}
	if c.JSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(rep)
	} else {
		_, err = io.WriteString(out, rep.markdown())
	}
	if err != nil {
		fmt.Fprintln(diagnostics, "bench: write report:", err)
		return 1
	}
	return 0
}
