package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestMain lets the test binary be the child process that a run starts.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childArgument {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestSmoke runs every workload on every engine, small.
func TestSmoke(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			var out, diagnostics bytes.Buffer
			args := []string{"--engines", e.name, "--keys", "1000", "--rounds", "1", "--reads", "2000", "--dir", t.TempDir(), "--json"}
			if code := run(context.Background(), args, &out, &diagnostics); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, diagnostics.String())
			}
			var rep report
			check(t, json.Unmarshal(out.Bytes(), &rep))
			want := 0
			for _, w := range must(selectRows("", nil))(t) {
				if w.runs(e) {
					want++
				}
			}
			if len(rep.Results) != want || len(rep.Loads) != 1 {
				t.Fatalf("%d results and %d loads, want %d and 1", len(rep.Results), len(rep.Loads), want)
			}
			for _, r := range rep.Results {
				if r.Ops == 0 || r.Seconds <= 0 || r.P50 <= 0 || r.CPUSeconds <= 0 || r.PeakRSS < 1<<20 || r.DirBytes == 0 {
					t.Errorf("something was not measured: %+v", r)
				}
				if d := r.Ranges; r.Row == "rangedelete" && (d.Delete <= 0 || d.Fresh <= 0 || d.Settled <= 0 || d.Compacted <= 0) {
					t.Errorf("not all of the deletion was measured: %+v", d)
				}
			}
		})
	}
}

func TestMarkdownNamesRatiosAndSettings(t *testing.T) {
	c, err := parseFlags([]string{"--engines", "bbolt,pebble", "--workloads", "readseq,fillrandom-8", "--keys", "500"}, os.Stderr)
	check(t, err)
	rep := newReport(c, t.TempDir())
	for round, seconds := range []float64{1, 2, 4} {
		for _, row := range []string{"readseq", "fillrandom-8"} {
			rep.Results = append(rep.Results,
				Result{Engine: "bbolt", Row: row, Round: round, Ops: 3_000_000, Seconds: seconds, Truncated: row == "readseq"},
				Result{Engine: "pebble", Row: row, Round: round, Ops: 1_000_000, Seconds: seconds})
		}
	}
	text := rep.markdown()
	for _, want := range []string{
		"FormatNewest", "bloom 10 bits", "--keys 500", "| row | bbolt | pebble |",
		"| readseq | 1,500,000* (3.00×) | 500,000 (1.00×) |", "### fillrandom-8", "-50 % to +100 %",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, os.TempDir()+"/") {
		t.Error("the report names a directory of this machine")
	}
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, args := range []string{
		"--engines rocksdb", "--workloads nothing", "--callers 0", "--callers x", "--keys 0", "--rounds 0",
		"--key-shape round", "--reads -1", "--block-bytes 1", "stray", "--nonsense",
	} {
		var out, diagnostics bytes.Buffer
		if code := run(context.Background(), strings.Fields(args), &out, &diagnostics); code != 2 || diagnostics.Len() == 0 {
			t.Errorf("%s: exit code %d, %q", args, code, diagnostics.String())
		}
	}
}

func TestFailedChildFailsTheRun(t *testing.T) {
	var out, diagnostics bytes.Buffer
	file := t.TempDir() + "/file"
	check(t, os.WriteFile(file, nil, 0o644))
	args := []string{"--engines", "bbolt", "--keys", "10", "--workloads", "fillseq", "--dir", file}
	if code := run(context.Background(), args, &out, &diagnostics); code != 1 || out.Len() != 0 {
		t.Errorf("exit code %d, output %q", code, out.String())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	args[len(args)-1] = t.TempDir()
	if code := run(ctx, args, &out, &diagnostics); code != 1 || out.Len() != 0 {
		t.Errorf("cancelled: exit code %d, output %q", code, out.String())
	}
	left, err := os.ReadDir(args[len(args)-1])
	check(t, err)
	if len(left) != 0 {
		t.Errorf("a cancelled run left %s behind", fmt.Sprint(left))
	}
}

func TestCopyTreeKeepsContentsAndHoles(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()+"/to"
	check(t, os.Mkdir(from+"/sub", 0o755))
	content := make([]byte, 8<<20+5)
	copy(content[3<<20:], "in the middle")
	copy(content[8<<20:], "end!!")
	check(t, os.WriteFile(from+"/sub/sparse", content, 0o644))
	check(t, os.WriteFile(from+"/empty", nil, 0o644))
	check(t, os.WriteFile(from+"/zeros", make([]byte, 100), 0o644))
	check(t, copyTree(from, to))
	for _, f := range []string{"/sub/sparse", "/empty", "/zeros"} {
		want, err := os.ReadFile(from + f)
		check(t, err)
		if got := must(os.ReadFile(to + f))(t); !bytes.Equal(got, want) {
			t.Errorf("%s: the copy differs", f)
		}
	}
	if n := must(diskUsage(to))(t); n > 1<<20 {
		t.Errorf("the copy of a sparse file takes %d bytes", n)
	}
}
