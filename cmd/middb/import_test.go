package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/middb/middb/tests/environment"
)

// table returns rows of generated csv whose first column numbers them in a width that sorts.
func table(rng *rand.Rand, rows int, mark string) [][]string {
	cells := []string{`\N`, "", "plain", `quo"ted`, "com,ma", "Zürich", "line\nbreak", `back\slash`, "0012.50"}
	out := make([][]string, rows)
	for i := range out {
		out[i] = []string{fmt.Sprintf("%06d", i+1), mark, cells[rng.IntN(len(cells))], cells[rng.IntN(len(cells))], strings.Repeat("x", 60)}
	}
	return out
}

func encode(t *testing.T, rows [][]string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func exported(t *testing.T, dir string) [][]string {
	t.Helper()
	out := must(t, dir, "", "export", "--data-dir", "db", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestImportedRowsComeBack(t *testing.T) {
	seed := environment.Seed(t)
	rows := table(rand.New(rand.NewPCG(seed, 1)), 3500, "v1")
	for _, c := range []struct {
		name string
		key  string
		want [][]string
	}{
		{"by column", "1", rows},
		{"by row number", ":row", rows},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "rows.csv"), encode(t, rows), 0o644); err != nil {
				t.Fatal(err)
			}
			_, errs, code := middb(t, dir, "", "import", "--data-dir", "db", "--no-header", "--key", c.key, "rows.csv")
			if code != 0 || !strings.HasPrefix(errs, "imported 3500 rows in ") {
				t.Fatalf("import: exit code %d, %s", code, errs)
			}
			if got := exported(t, dir); !slices.EqualFunc(got, c.want, slices.Equal[[]string]) {
				t.Errorf("seed %d: %d rows came back, and differ", seed, len(got))
			}
		})
	}
}

// TestKilledImportLeavesWholeBatches kills the program with kill -9 in the middle of a second
// import, which gives every row of the first one another mark. It must find a whole number of the
// second import's batches, among them every one that was committed before, and else the first.
func TestKilledImportLeavesWholeBatches(t *testing.T) {
	seed := environment.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 2))
	const batch = 1000
	const rows = 30 * batch
	first, second := table(rng, rows, "v1"), table(rng, rows, "v2")
	for i := range second {
		copy(second[i][2:], first[i][2:])
	}
	dir := t.TempDir()
	must(t, dir, string(encode(t, first)), "import", "--data-dir", "db", "--format", "csv", "--no-header", "--key", "1", "-")
	rounds := 3
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		cut := rng.IntN(rows)
		sent := encode(t, second[:cut])
		cmd := command(dir, "import", "--data-dir", "db", "--format", "csv", "--no-header", "--key", "1", "-")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(in, bytes.NewReader(sent)); err != nil {
			t.Fatal(err)
		}
		// The program has read all but what the pipe and its own buffer hold, and it committed
		// each batch before it read on.
		const unread = (64 + 256) << 10
		least := bytes.Count(sent[:max(0, len(sent)-unread)], []byte("\n")) * 8 / 10 / batch * batch
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()

		got := exported(t, dir)
		if len(got) != rows {
			t.Fatalf("seed %d round %d: %d rows, want %d", seed, round, len(got), rows)
		}
		done := 0
		for done < rows && got[done][1] == "v2" {
			done++
		}
		for i, row := range got {
			want := first[i]
			if i < done {
				want = second[i]
			}
			if !slices.Equal(row, want) {
				t.Fatalf("seed %d round %d: row %d is %q, want %q (%d rows are new)", seed, round, i+1, row, want, done)
			}
		}
		if done%batch != 0 || done > cut || done < least {
			t.Fatalf("seed %d round %d: %d new rows of %d sent; want whole batches of %d, and at least %d", seed, round, done, cut, batch, least)
		}
		// Back to the first state for the next round.
		must(t, dir, string(encode(t, first)), "import", "--data-dir", "db", "--format", "csv", "--no-header", "--key", "1", "-")
	}
}

// TestInterruptedImportKeepsWholeBatches interrupts an import that waits for more input.
func TestInterruptedImportKeepsWholeBatches(t *testing.T) {
	dir := t.TempDir()
	rows := table(rand.New(rand.NewPCG(1, 1)), 10_500, "v1")
	cmd := command(dir, "import", "--data-dir", "db", "--format", "csv", "--no-header", "--key", "1", "-")
	var errs strings.Builder
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds: when it is written, the program reads and listens to signals.
	if _, err := in.Write(encode(t, rows)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitFailed {
		t.Fatalf("%v, %s", err, errs.String())
	}
	in.Close()
	done := len(exported(t, dir))
	if want := fmt.Sprintf("interrupted; %d rows before it were stored", done); done%1000 != 0 || !strings.Contains(errs.String(), want) {
		t.Errorf("%d rows, %s", done, errs.String())
	}
}

// TestOpenFlights loads the real files where they are at hand; see CONTRIBUTING.
func TestOpenFlights(t *testing.T) {
	data := environment.OpenFlights(t)
	for _, c := range []struct {
		file, key string
		rows      int
	}{{"airports.dat", "1", 7698}, {"routes.dat", ":row", 67663}} {
		t.Run(c.file, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(data, c.file)
			_, errs, code := middb(t, dir, "", "import", "--data-dir", "db", "--format", "csv", "--no-header", "--key", c.key, file)
			if code != 0 || !strings.HasPrefix(errs, "imported "+strconv.Itoa(c.rows)+" rows in") {
				t.Fatalf("exit code %d, %s", code, errs)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			if c.key == "1" {
				slices.SortFunc(want, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
			}
			if got := exported(t, dir); !slices.EqualFunc(got, want, slices.Equal[[]string]) {
				t.Errorf("%d rows came back, and differ", len(got))
			}
		})
	}
}
