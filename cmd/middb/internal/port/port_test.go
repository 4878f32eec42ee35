package port

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/tests/environment"
)

// memory is a Sink over a map that keeps only what was committed.
type memory struct {
	entries map[string]string
	batch   map[string]string
	sizes   []int // rows of each committed batch
	rows    int
	fail    int // the n-th commit fails
}

func newMemory() *memory { return &memory{entries: map[string]string{}, batch: map[string]string{}} }

func (m *memory) Put(k, v []byte) error {
	m.batch[string(k)] = string(v)
	m.rows++
	return nil
}

func (m *memory) Commit() error {
	if m.fail > 0 && len(m.sizes)+1 == m.fail {
		return errors.New("no space")
	}
	maps.Copy(m.entries, m.batch)
	clear(m.batch)
	m.sizes = append(m.sizes, m.rows)
	m.rows = 0
	return nil
}

func (m *memory) all() iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for _, k := range slices.Sorted(maps.Keys(m.entries)) {
			if !yield([]byte(k), []byte(m.entries[k])) {
				return
			}
		}
	}
}

func load(t *testing.T, text string, o ImportOptions) (*memory, Report) {
	t.Helper()
	m := newMemory()
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	report, err := Import(context.Background(), strings.NewReader(text), o, m)
	if err != nil {
		t.Fatal(err)
	}
	return m, report
}

func unload(t *testing.T, m *memory, f Format) string {
	t.Helper()
	var out bytes.Buffer
	n, err := Export(context.Background(), &out, ExportOptions{Format: f}, m.all())
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(len(m.entries)) {
		t.Fatalf("exported %d rows of %d", n, len(m.entries))
	}
	return out.String()
}

func TestImportMakesEntriesOfRows(t *testing.T) {
	for _, c := range []struct {
		name, text string
		o          ImportOptions
		want       map[string]string
	}{
		{"header", "id,name\n1,a\n2,b\n", ImportOptions{Key: "id"}, map[string]string{"1": `{"id":"1","name":"a"}`, "2": `{"id":"2","name":"b"}`}},
		{"column number under a header", "id,name\n1,a\n", ImportOptions{Key: "2"}, map[string]string{"a": `{"id":"1","name":"a"}`}},
		{"column named by a number", "2,1\nx,y\n", ImportOptions{Key: "1"}, map[string]string{"y": `{"2":"x","1":"y"}`}},
		{"no header", "1,a\n2,b", ImportOptions{Key: "1", NoHeader: true}, map[string]string{"1": `["1","a"]`, "2": `["2","b"]`}},
		{"row numbers", "x\ny\n", ImportOptions{Key: ":row", NoHeader: true}, map[string]string{"00000000000000000001": `["x"]`, "00000000000000000002": `["y"]`}},
		{"backslash", `1,\N,"C:\",\"` + "\n", ImportOptions{Key: "1", NoHeader: true}, map[string]string{"1": `["1","\\N","C:\\","\\\""]`}},
		{"quotes", "1,\"a \"\"b\"\"\",c\"d,\"\"\n", ImportOptions{Key: "1", NoHeader: true}, map[string]string{"1": `["1","a \"b\"","c\"d",""]`}},
		{"lines in quotes", "1,\"a\r\nb\n\"\r\n\r\n\n2,\"\"\"\"", ImportOptions{Key: "1", NoHeader: true}, map[string]string{"1": `["1","a\r\nb\n"]`, "2": `["2","\""]`}},
		{"byte order mark", "\xef\xbb\xbf\"id\",n\n1,é\n", ImportOptions{Key: "id"}, map[string]string{"1": `{"id":"1","n":"é"}`}},
		{"crlf at the end of the file", "1,a\r\n2,b\r", ImportOptions{Key: "1", NoHeader: true}, map[string]string{"1": `["1","a"]`, "2": `["2","b"]`}},
		{"empty file", "", ImportOptions{Key: "id"}, map[string]string{}},
		{"header alone", "id\n", ImportOptions{Key: "id"}, map[string]string{}},
		{"tsv", "id\tname\n1\ta,b\n2\t\"a\tb\"\n", ImportOptions{Format: TSV, Key: "id"}, map[string]string{"1": `{"id":"1","name":"a,b"}`, "2": `{"id":"2","name":"a\tb"}`}},
		{"tsv without quotes", "id\tname\n1\t\"Rome\" 2\n", ImportOptions{Format: TSV, Key: "id", NoQuotes: true}, map[string]string{"1": `{"id":"1","name":"\"Rome\" 2"}`}},
		{"control bytes", "1,\x00\x1f\x7f\n", ImportOptions{Key: "1", NoHeader: true}, map[string]string{"1": "[\"1\",\"\\u0000\\u001f\x7f\"]"}},
		{"jsonl", "{\"id\": 7, \"x\": [1, 2.50]}\r\n\n {\"id\":\"k\\u0000\"}\n", ImportOptions{Format: JSONL, Key: "id"}, map[string]string{"7": `{"id":7,"x":[1,2.50]}`, "k\x00": `{"id":"k\u0000"}`}},
		{"jsonl row numbers", "{}\n", ImportOptions{Format: JSONL, Key: ":row"}, map[string]string{"00000000000000000001": `{}`}},
		{"jsonl of an export", `{"key":"a","value":"1"}` + "\n" + `{"value_b64":"/w==","key_b64":"AA=="}`, ImportOptions{Format: JSONL}, map[string]string{"a": "1", "\x00": "\xff"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, report := load(t, c.text, c.o)
			if !maps.Equal(m.entries, c.want) {
				t.Errorf("got %q, want %q", m.entries, c.want)
			}
			if report.Rows != int64(len(c.want)) || report.Duplicates != 0 {
				t.Errorf("report %+v", report)
			}
		})
	}
}

func TestImportNamesTheLineOfAnError(t *testing.T) {
	long := strings.Repeat("k", key.MaxKeyBytes+1)
	csv1 := ImportOptions{Key: "1", NoHeader: true}
	byName := ImportOptions{Key: "id"}
	jsonl := ImportOptions{Format: JSONL, Key: "id"}
	for _, c := range []struct {
		name, text string
		o          ImportOptions
		line       int
		part       string
	}{
		{"ragged, too few", "1,a\n\n2\n", csv1, 3, "1 columns, but the first line has 2"},
		{"ragged, too many", "1,a\n2,b,c\n", csv1, 2, "3 columns"},
		{"ragged after a row of two lines", "1,\"a\nb\"\n2\n", csv1, 3, "1 columns"},
		{"open quote", "1,a\n2,\"b\nc\n", csv1, 2, "never closed"},
		{"text after a quote", "1,\"a\nb\"c\n", csv1, 2, "text after the closing quote"},
		{"empty key", "1,a\n,b\n", csv1, 2, "the key is empty"},
		{"long key", "1,a\n" + long + ",b\n", csv1, 2, "65537 bytes"},
		{"not utf-8", "1,a\n2,\xff\n", csv1, 2, "column 2 is not UTF-8"},
		{"utf-16", "\xff\xfe1\x00", csv1, 1, "UTF-16"},
		{"header twice", "id,id\n1,2\n", byName, 1, `both named "id"`},
		{"no such column", "a,b\n1,2\n", byName, 1, `no column "id" for the key; the header has a, b`},
		{"no such number", "1,2\n", ImportOptions{Key: "3", NoHeader: true}, 1, "no column 3"},
		{"column zero", "1,2\n", ImportOptions{Key: "0"}, 1, "no column 0"},
		{"row without colon", "1,2\n", ImportOptions{Key: "row"}, 1, "--key :row"},
		{"jsonl: no json", "{\"id\":1}\n{\"id\":\n", jsonl, 2, "ends too early"},
		{"jsonl: array", "[1]\n", jsonl, 1, "not a JSON object"},
		{"jsonl: number", "1\n", jsonl, 1, "not a JSON object"},
		{"jsonl: garbage", "{\"id\":1} x\n", jsonl, 1, "more text after"},
		{"jsonl: no field", "{\"a\":1}\n", jsonl, 1, `no field "id"`},
		{"jsonl: null key", "{\"id\":null}\n", jsonl, 1, "neither text nor a number"},
		{"jsonl: empty key", "{\"id\":\"\"}\n", jsonl, 1, "the key is empty"},
		{"jsonl: field twice", "{\"id\":1,\"id\":2}\n", jsonl, 1, `two fields named "id"`},
		{"jsonl: not utf-8", "{\"id\":\"\xff\"}\n", jsonl, 1, "not UTF-8"},
		{"jsonl: not an export", "{\"key\":\"a\",\"value\":\"b\",\"x\":1}\n", ImportOptions{Format: JSONL}, 1, "--key"},
		{"jsonl: key twice", "{\"key\":\"a\",\"key_b64\":\"\",\"value\":\"\"}\n", ImportOptions{Format: JSONL}, 1, "--key"},
		{"jsonl: bad base64", "{\"key_b64\":\"?\",\"value\":\"\"}\n", ImportOptions{Format: JSONL}, 1, "illegal base64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Import(context.Background(), strings.NewReader(c.text), c.o, newMemory())
			var at *LineError
			if !errors.As(err, &at) || at.Line != c.line || !strings.Contains(err.Error(), c.part) {
				t.Errorf("got %v, want line %d and %q", err, c.line, c.part)
			}
		})
	}
}

func TestOptionsAreCheckedWithoutAFile(t *testing.T) {
	for _, o := range []ImportOptions{
		{Format: CSV},
		{Format: CSV, NoHeader: true, Key: "name"},
		{Format: TSV, NoHeader: true, Key: "0"},
		{Format: JSONL, NoHeader: true},
	} {
		if o.Check() == nil {
			t.Errorf("%+v passed", o)
		}
	}
}

func TestBatchesAreWholeAndCounted(t *testing.T) {
	var text strings.Builder
	for i := range 25 {
		fmt.Fprintf(&text, "%d,x\n", i%20) // 5 duplicates, the last ones
	}
	o := ImportOptions{Key: "1", NoHeader: true, BatchRows: 10}
	m, report := load(t, text.String(), o)
	if !slices.Equal(m.sizes, []int{10, 10, 5}) || report != (Report{Rows: 25, Duplicates: 5}) {
		t.Errorf("batches %v, report %+v", m.sizes, report)
	}

	m = newMemory()
	_, err := Import(context.Background(), strings.NewReader(text.String()+"bad\n"), o, m)
	if err == nil || !slices.Equal(m.sizes, []int{10, 10}) {
		t.Errorf("a bad row: batches %v, %v; want the last one given up", m.sizes, err)
	}

	m = newMemory()
	m.fail = 2
	report, err = Import(context.Background(), strings.NewReader(text.String()), o, m)
	if err == nil || report.Rows != 10 {
		t.Errorf("a failed commit: report %+v, %v", report, err)
	}

	o.BatchBytes = 50
	m, _ = load(t, text.String(), o)
	if slices.Max(m.sizes) > 8 {
		t.Errorf("batches %v of 50 bytes", m.sizes)
	}
}

func TestImportStopsWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	o := ImportOptions{Key: ":row", NoHeader: true, BatchRows: 2, Progress: func(n int64) {
		if n == 4 {
			cancel()
		}
	}}
	report, err := Import(ctx, strings.NewReader(strings.Repeat("x\n", 10)), o, newMemory())
	if !errors.Is(err, context.Canceled) || report.Rows != 4 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestLastDuplicateWins(t *testing.T) {
	m, report := load(t, "a,1\nb,2\na,3\n", ImportOptions{Key: "1", NoHeader: true})
	if m.entries["a"] != `["a","3"]` || report.Duplicates != 1 {
		t.Errorf("got %v, %+v", m.entries, report)
	}
}

// TestTablesRoundTrip imports tables of nasty cells, exports them, reads the result with
// encoding/csv and with the importer, and wants every row back.
func TestTablesRoundTrip(t *testing.T) {
	seed := environment.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	pieces := []string{"", "a", ",", "\t", "\"", "\\N", "\\", "\n", "é", "\x00", " ", "'", "\ufeff", "東", "hex:", "x\ny", "--"}
	for round := range 300 {
		format := []Format{CSV, TSV}[rng.IntN(2)]
		columns := 1 + rng.IntN(4)
		header := rng.IntN(2) == 0
		var rows [][]string
		for r := range 1 + rng.IntN(8) {
			cells := make([]string, columns)
			for c := range cells {
				for range rng.IntN(4) {
					cells[c] += pieces[rng.IntN(len(pieces))]
				}
				if r == 0 && header {
					cells[c] += fmt.Sprint("#", c)
				}
				if r == 0 {
					cells[c] = strings.TrimLeft(cells[c], "\ufeff") // there it marks the file
				}
			}
			rows = append(rows, cells)
		}
		var text bytes.Buffer
		w := csv.NewWriter(&text)
		w.Comma = rune(format.comma())
		for _, cells := range rows {
			if columns == 1 && cells[0] == "" {
				cells[0] = "-" // encoding/csv writes a blank line, which is no row
			}
			w.Write(cells)
		}
		w.Flush()

		o := ImportOptions{Format: format, Key: KeyRow, NoHeader: !header}
		m, _ := load(t, text.String(), o)
		out := unload(t, m, format)
		want := rows
		if len(m.entries) == 0 {
			want = nil // a header alone leaves nothing to export
		}
		r := csv.NewReader(strings.NewReader(out))
		r.Comma = rune(format.comma())
		got, err := r.ReadAll()
		if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Fatalf("seed %d round %d: got %q, %v, want %q; export:\n%s", seed, round, got, err, want, out)
		}
		again, _ := load(t, out, o)
		if !maps.Equal(again.entries, m.entries) {
			t.Fatalf("seed %d round %d: the second import differs:\n%q\n%q", seed, round, again.entries, m.entries)
		}
	}
}

func TestCarriageReturnsSurvive(t *testing.T) {
	m, _ := load(t, "1,\"a\r\nb\r\"\n2,c\rd\n", ImportOptions{Key: "1", NoHeader: true})
	out := unload(t, m, CSV)
	if want := "1,\"a\r\nb\r\"\n2,\"c\rd\"\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestAnyDatabaseSurvivesJSONL(t *testing.T) {
	seed := environment.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 0))
	m := newMemory()
	for range 500 {
		b := make([]byte, 1+rng.IntN(12))
		for i := range b {
			b[i] = byte(rng.Uint32())
			if rng.IntN(2) == 0 {
				b[i] &= 0x7f
			}
		}
		cut := 1 + rng.IntN(len(b))
		m.entries[string(b[:cut])] = string(b[cut:])
	}
	back, _ := load(t, unload(t, m, JSONL), ImportOptions{Format: JSONL})
	if !maps.Equal(back.entries, m.entries) {
		t.Errorf("seed %d: the import differs", seed)
	}
}

func TestExportWritesScalarsAndNestedValues(t *testing.T) {
	m := newMemory()
	m.entries["a"] = `{"id": 1.50, "ok": true, "none": null, "deep": {"x": [1, "é"]}, "t": "\u00e9\n"}`
	m.entries["b"] = `{"t":"","none":"","ok":false,"id":-1,"deep":""}`
	want := "id,ok,none,deep,t\n1.50,true,,\"{\"\"x\"\":[1,\"\"é\"\"]}\",\"é\n\"\n-1,false,,,\n"
	if got := unload(t, m, CSV); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExportRefusesWhatIsNoTable(t *testing.T) {
	for _, c := range []struct{ first, second, part string }{
		{`["a"]`, `plain`, "no row of columns"},
		{`["a"]`, `3`, "not a JSON object or array"},
		{`["a"]`, "[\"\xff\"]", "not UTF-8"},
		{`["a"]`, `["a","b"]`, "2 columns"},
		{`["a"]`, `{"x":"a"}`, "with and without column names"},
		{`{"x":"a"}`, `["a"]`, "with and without column names"},
		{`{"x":"a"}`, `{"y":"a"}`, `"y" is not among`},
		{`{"x":"a"}`, `{"x":"a","x":"b"}`, `two fields named "x"`},
		{`[]`, `[]`, "no columns"},
		{`["a"]`, `["a"`, "ends too early"},
	} {
		m := newMemory()
		m.entries["k1"], m.entries["k2\x00"] = c.first, c.second
		_, err := Export(context.Background(), io.Discard, ExportOptions{Format: CSV}, m.all())
		if err == nil || !strings.Contains(err.Error(), c.part) || !strings.Contains(err.Error(), "--format jsonl") {
			t.Errorf("%s then %s: got %v, want %q", c.first, c.second, err, c.part)
		}
		if c.first != "[]" && !strings.Contains(err.Error(), `key k2\x00:`) {
			t.Errorf("%v does not name the key", err)
		}
	}
}

// TestOpenFlightsRoundTrip loads the real files where they are at hand; see CONTRIBUTING.
func TestOpenFlightsRoundTrip(t *testing.T) {
	dir := environment.OpenFlights(t)
	for file, want := range map[string]int{"airports": 7698, "routes": 67663, "airlines": 6162, "planes": 246, "countries": 261} {
		text, err := os.ReadFile(dir + "/" + file + ".dat")
		if err != nil {
			t.Fatal(err)
		}
		m, report := load(t, string(text), ImportOptions{Key: KeyRow, NoHeader: true})
		if report.Rows != int64(want) {
			t.Errorf("%s: %d rows, want %d", file, report.Rows, want)
		}
		before, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		after, err := csv.NewReader(strings.NewReader(unload(t, m, CSV))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(before, after, slices.Equal[[]string]) {
			t.Errorf("%s: the rows differ", file)
		}
	}
}

// FuzzImport holds that no file makes the importer panic, and that what it takes from a table
// comes back through an export.
func FuzzImport(f *testing.F) {
	f.Add(uint8(0), false, []byte("id,name\n1,\"a\"\"b\"\r\n2,\n"))
	f.Add(uint8(1), true, []byte("1\t\"x\ny\"\n"))
	f.Add(uint8(2), false, []byte(`{"key":"a","value_b64":"/w=="}`))
	f.Add(uint8(3), false, []byte(`{"id":[1,{"a":"\ud800"}]}`))
	f.Fuzz(func(t *testing.T, kind uint8, noHeader bool, text []byte) {
		o := ImportOptions{Format: Format(kind % 3), Key: KeyRow, NoHeader: noHeader}
		if o.Format == JSONL {
			o.NoHeader = false
			if kind > 2 {
				o.Key = ""
			}
		}
		m := newMemory()
		if _, err := Import(context.Background(), bytes.NewReader(text), o, m); err != nil || len(m.entries) == 0 {
			return
		}
		out := o.Format
		if out == JSONL {
			o.Key = ""
		}
		back, _ := load(t, unload(t, m, out), o)
		if !maps.Equal(back.entries, m.entries) {
			t.Fatalf("%q became %q and then %q", text, m.entries, back.entries)
		}
	})
}

func BenchmarkImportCSV(b *testing.B) {
	line := []byte(`1,"Goroka Airport","Goroka","Papua New Guinea","GKA","AYGA",-6.081689834590001,145.391998291,5282,10,"U","Pacific/Port_Moresby","airport","OurAirports"` + "\n")
	text := bytes.Repeat(line, 10000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Import(context.Background(), bytes.NewReader(text), ImportOptions{Key: "1", NoHeader: true}, newMemory()); err != nil {
			b.Fatal(err)
		}
	}
}
