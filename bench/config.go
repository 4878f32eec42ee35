package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A Config is what the command line asks for.
type Config struct {
	Keys          int      // entries of a full database
	ValueBytes    int      // length of every value
	KeyShape      string   // "decimal" or "spread"
	CacheBytes    int64    // block cache of every engine
	MemtableBytes int64    // memtable of every engine
	BlockBytes    int      // data block of every engine
	Seed          uint64   // of keys' order, values and draws
	Rounds        int      // measurements of every row and engine
	Reads         int      // point reads of a row; 0: from Keys
	WriteRate     int      // puts a second of readwhilewriting's writer; 0: as fast as it can
	MaxSeconds    int      // a measurement ends after this long
	Dir           string   `json:"-"` // where a directory for the databases is made
	Profile       string   `json:"-"` // where CPU profiles go; empty: none
	Stats         bool     `json:"-"` // print the engines' own statistics
	JSON          bool     `json:"-"` // print JSON, not Markdown
	engines       []opener // in the order of the report
	rows          []row    // the same
}

// parseFlags reads the command line. Usage and mistakes are written to out.
func parseFlags(args []string, out io.Writer) (Config, error) {
	var c Config
	var engineList, workloadList, callerList string
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(out)
	f.StringVar(&engineList, "engines", "", "comma-separated, of "+strings.Join(engineNames(), ", ")+" (default: the first and the four peers)")
	f.StringVar(&workloadList, "workloads", "", "comma-separated, of "+strings.Join(workloadNames(), ", ")+"; fillrandom-8 is the row with 8 callers (default: all)")
	f.StringVar(&callerList, "callers", "", "`numbers` of callers, comma-separated, in place of each workload's own")
	f.IntVar(&c.Keys, "keys", 1_000_000, "entries in a full database")
	f.IntVar(&c.ValueBytes, "value-bytes", 100, "length of a value")
	f.StringVar(&c.KeyShape, "key-shape", shapeDecimal, "decimal (zero-padded numbers) or spread (no common prefixes)")
	f.Int64Var(&c.CacheBytes, "cache-bytes", 256<<20, "block cache")
	f.Int64Var(&c.MemtableBytes, "memtable-bytes", 64<<20, "memtable")
	f.IntVar(&c.BlockBytes, "block-bytes", 8<<10, "data block before compression")
	f.Uint64Var(&c.Seed, "seed", 1, "decides keys, values and the order of operations")
	f.IntVar(&c.Rounds, "rounds", 3, "measurements of everything; the report gives medians")
	f.IntVar(&c.Reads, "reads", 0, "point reads in a row (default: as many as keys, at least 1,000,000 or ten times the keys)")
	f.IntVar(&c.WriteRate, "write-rate", 20_000, "puts a second of the writer in readwhilewriting; 0: no limit")
	f.IntVar(&c.MaxSeconds, "max-seconds", 60, "end a measurement after this long, and mark it")
	f.StringVar(&c.Dir, "dir", "", "make the databases in a new directory in here (default: the system's temporary directory)")
	f.StringVar(&c.Profile, "profile", "", "write a CPU profile of each measurement into this `directory`")
	f.BoolVar(&c.Stats, "stats", false, "print the engines' own statistics after each measurement")
	f.BoolVar(&c.JSON, "json", false, "print all measurements as JSON")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	err := c.finish(f.Args(), engineList, workloadList, callerList)
	if err != nil {
		fmt.Fprintln(out, "bench:", err)
	}
	return c, err
}

func (c *Config) finish(rest []string, engineList, workloadList, callerList string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	var callers []int
	if callerList != "" {
		for word := range strings.SplitSeq(callerList, ",") {
			n, err := strconv.Atoi(strings.TrimSpace(word))
			if err != nil || n < 1 {
				return fmt.Errorf("--callers: %q is not a number of callers", word)
			}
			callers = append(callers, n)
		}
	}
	var errEngines, errRows error
	c.engines, errEngines = selectEngines(engineList)
	c.rows, errRows = selectRows(workloadList, callers)
	if err := errors.Join(errEngines, errRows); err != nil {
		return err
	}
	switch {
	case c.Keys < 1 || c.ValueBytes < 1 || c.Rounds < 1 || c.MaxSeconds < 1 || c.MemtableBytes < 1<<20 || c.BlockBytes < 512:
		return errors.New("--keys, --value-bytes, --rounds and --max-seconds must be positive, " +
			"--memtable-bytes at least 1 MiB, --block-bytes at least 512")
	case c.CacheBytes < 1<<20:
		return errors.New("--cache-bytes must be at least 1 MiB")
	case c.Reads < 0 || c.WriteRate < 0:
		return errors.New("--reads and --write-rate cannot be negative")
	case c.KeyShape != shapeDecimal && c.KeyShape != shapeSpread:
		return fmt.Errorf("--key-shape %q: want %s or %s", c.KeyShape, shapeDecimal, shapeSpread)
	}
	return nil
}

// options are what engines are opened with for a row.
func (c Config) options(r row) Options {
	return Options{
		Sync:          r.workload.sync,
		Callers:       r.callers,
		Transactions:  r.workload.needs&transactions != 0,
		Serializable:  r.workload.needs&serializable != 0,
		MemtableBytes: c.MemtableBytes,
		CacheBytes:    c.CacheBytes,
		BlockBytes:    c.BlockBytes,
	}
}
