package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// What redis-benchmark 7.0.15 prints with --csv.
const benchmarkOutput = `"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"GET","267201.06","2.705","0.344","1.799","6.239","12.423","61.471"
`

func TestOutputOfRedisBenchmarkIsRead(t *testing.T) {
	m, err := parseBenchmark(benchmarkOutput)
	if err != nil {
		t.Fatal(err)
	}
	if want := (measurement{Rate: 267201.06, P50: 1.799, P99: 12.423}); m != want {
		t.Errorf("read %+v, want %+v", m, want)
	}
}

func TestWrongOutputOfRedisBenchmarkIsRefused(t *testing.T) {
	head, line, _ := strings.Cut(benchmarkOutput, "\n")
	for name, out := range map[string]string{
		"nothing":          "",
		"no line":          head + "\n",
		"two tests":        benchmarkOutput + line,
		"another column":   strings.Replace(benchmarkOutput, "p99_latency_ms", "p98_latency_ms", 1),
		"no number":        strings.Replace(benchmarkOutput, "267201.06", "nan?", 1),
		"nothing was done": strings.Replace(benchmarkOutput, "267201.06", "0.00", 1),
		"an error":         "ERR unknown command\n",
	} {
		if m, err := parseBenchmark(out); err == nil {
			t.Errorf("%s: read %+v", name, m)
		}
	}
}

func TestOutputOfPythonIsRead(t *testing.T) {
	m, err := parsePython(`{"rate": 16000.5, "p50_ms": 0.06, "p99_ms": 0.2}` + "\n")
	if want := (measurement{Rate: 16000.5, P50: 0.06, P99: 0.2}); err != nil || m != want {
		t.Errorf("read %+v, %v; want %+v", m, err, want)
	}
	for _, out := range []string{"", "Traceback", `{"rate": 0}`, `{"rate": 1} {"rate": 2}`} {
		if m, err := parsePython(out); err == nil {
			t.Errorf("%q: read %+v", out, m)
		}
	}
}

func TestProcessorTimeIsRead(t *testing.T) {
	const stat = "4242 (a b) c) S 1 4242 4242 0 -1 4194560 1 0 0 0 123 77 0 0 20 0 8 0 100 1 1 1"
	if d, err := parseCPU(stat); err != nil || d != 2*time.Second {
		t.Errorf("read %v, %v", d, err)
	}
	if d, err := parseCPU("1 (x) S 1"); err == nil {
		t.Errorf("read %v of a short line", d)
	}
}

func measurements(rates ...float64) []measurement {
	ms := make([]measurement, len(rates))
	for i, r := range rates {
		ms[i] = measurement{Rate: r, P50: 1, P99: 2, CPU: 3}
	}
	return ms
}

// The rates differ between rounds more than between servers; rounds are what is compared.
func TestRatioIsTheMedianOfTheRounds(t *testing.T) {
	r := &result{row: rows[0], redis: measurements(100, 1000, 10), middb: measurements(90, 700, 12)}
	mid, low, high := r.ratio()
	if mid != 0.9 || low != 0.7 || high != 1.2 {
		t.Errorf("the ratio is %v (%v to %v)", mid, low, high)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("the median of four numbers is %v", got)
	}
}

func TestRowsBelowTheirGoalAreNamed(t *testing.T) {
	for _, r := range rows {
		for _, c := range []struct {
			ratio  float64
			passes bool
		}{{r.goal, true}, {r.goal - 0.01, false}, {r.goal + 1, true}} {
			rep := &report{results: []*result{{row: r, redis: measurements(1000), middb: measurements(1000 * c.ratio)}}}
			missed, text := rep.missed(), rep.table()
			if (len(missed) == 0) != c.passes || strings.Contains(text, "BELOW") == c.passes {
				t.Errorf("%s at %v: missed %v\n%s", r.name, c.ratio, missed, text)
			}
			if md := rep.markdown(); !strings.Contains(md, "| "+r.title+" | 1000 |") {
				t.Errorf("the Markdown has no line on %s:\n%s", r.name, md)
			}
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"--help", 0, "-rounds"},
		{"--rows get-2", 2, `no row "get-2"; they are get-1, get-50`},
		{"--rounds 0", 2, "must be positive"},
		{"--seconds -1", 2, "must be positive"},
		{"--requests -1", 2, "not negative"},
		{"more", 2, `unexpected argument "more"`},
		{"--middb /nowhere/middb --rows get-1 --keys 1", 1, "/nowhere/middb"},
	} {
		var out, complaint bytes.Buffer
		if strings.Contains(c.args, "nowhere") && !installed() {
			c.says = "apt-get install redis-server redis-tools"
		}
		code := run(t.Context(), strings.Fields(c.args), &out, &complaint)
		if code != c.code || !strings.Contains(complaint.String(), c.says) {
			t.Errorf("%s: exit code %d, %s", c.args, code, complaint.String())
		}
	}
}

func installed() bool {
	_, errServer := exec.LookPath("redis-server")
	_, errTools := exec.LookPath("redis-benchmark")
	return errServer == nil && errTools == nil
}

// Every row that needs no Python runs, against both servers.
func TestSmallComparison(t *testing.T) {
	if !installed() {
		t.Skip("redis-server and redis-benchmark are not installed")
	}
	names := strings.ReplaceAll(strings.ReplaceAll(rowNames(), ", ", ","), ",python-get", "")
	var out, complaint bytes.Buffer
	args := []string{"--dir", t.TempDir(), "--rows", names, "--rounds", "2", "--requests", "500", "--keys", "1000", "--markdown"}
	if code := run(t.Context(), args, &out, &complaint); code != 0 {
		t.Fatalf("exit code %d: %s", code, complaint.String())
	}
	for _, r := range rows {
		if r.command != "" && !strings.Contains(out.String(), "\n| "+r.title+" | ") {
			t.Errorf("%s is not in the report:\n%s", r.title, out.String())
		}
	}
}
