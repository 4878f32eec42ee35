package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnswersArriveBeforeTheNextLineIsRead holds a conversation through pipes.
func TestAnswersArriveBeforeTheNextLineIsRead(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error)
	go func() {
		done <- New(newMemory(), Options{Out: outW, Err: io.Discard}).Run(context.Background(), inR)
	}()
	for _, turn := range [][2]string{{"put a 1", "OK"}, {"get a", "1"}, {"get b", "(nil)"}, {"delete a", "OK"}} {
		fmt.Fprintln(inW, turn[0])
		buf := make([]byte, 100)
		n, err := outR.Read(buf)
		if err != nil || string(buf[:n]) != turn[1]+"\n" {
			t.Fatalf("%s: got %q, %v, want %q", turn[0], buf[:n], err, turn[1])
		}
	}
	inW.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestScriptStopsWhenNobodyReadsItsAnswers(t *testing.T) {
	m := newMemory()
	err := New(m, Options{Out: brokenPipe{}, Err: io.Discard}).Run(context.Background(), strings.NewReader("put a 1\nput b 2\n"))
	if !errors.Is(err, io.ErrClosedPipe) || len(m.main.entries) != 1 {
		t.Errorf("got %v with %d entries; want the script to stop after one", err, len(m.main.entries))
	}
}

func TestLongLinesAndMissingLineEnds(t *testing.T) {
	m := newMemory()
	value := strings.Repeat("v", 300<<10)
	script := "put a " + value + "\r\nput b \"\x00\xff\"\nput c 1"
	if err := New(m, Options{Out: io.Discard, Err: io.Discard}).Run(context.Background(), strings.NewReader(script)); err != nil {
		t.Fatal(err)
	}
	if m.main.entries["a"].value != value || m.main.entries["b"].value != "\x00\xff" || m.main.entries["c"].value != "1" {
		t.Errorf("got %d bytes, %q, %q", len(m.main.entries["a"].value), m.main.entries["b"].value, m.main.entries["c"].value)
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	var out bytes.Buffer
	s := New(newMemory(), Options{Out: &out, Err: io.Discard})
	for _, c := range commands() {
		out.Reset()
		if err := s.Execute(context.Background(), []byte("help "+c.name)); err != nil || !strings.Contains(out.String(), c.about) {
			t.Errorf("help %s: %q, %v", c.name, out.String(), err)
		}
	}
}

func TestComplete(t *testing.T) {
	s := New(newMemory(), Options{Out: io.Discard, Err: io.Discard})
	for line, want := range map[string]string{
		"s":              "scan |savepoint |sessions |stats ",
		"SC":             "scan ",
		"scan --f":       "scan --from ",
		"scan --from a ": "",
		"get x":          "",
		"help le":        "help levels ",
		"compact --":     "compact --from |compact --to ",
		"delrange --p":   "delrange --prefix ",
		"nothing --":     "",
	} {
		if got := strings.Join(s.Complete(line), "|"); got != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536 << 10: "1.5 MiB", 5 << 40: "5.0 TiB"} {
		if got := FormatBytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

// FuzzExecute holds that no line panics or leaves half an answer.
func FuzzExecute(f *testing.F) {
	files, _ := filepath.Glob("testdata/*/*")
	for _, name := range files {
		text, _ := os.ReadFile(name)
		for line := range bytes.Lines(text) {
			f.Add(bytes.TrimSpace(line))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		var out bytes.Buffer
		s := New(newMemory(), Options{Out: &out, Err: io.Discard})
		_ = s.Run(context.Background(), bytes.NewReader(line))
		if out.Len() > 0 && out.Bytes()[out.Len()-1] != '\n' {
			t.Fatalf("%q answers %q", line, out.String())
		}
	})
}
