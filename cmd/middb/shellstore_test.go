package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/middb/middb/cmd/middb/internal/shell"
)

// TestSessionsConflict runs two sessions on one database, as a server would.
func TestSessionsConflict(t *testing.T) { forEachStore(t, sessionsConflict) }

func sessionsConflict(t *testing.T, st shell.Store) {
	var out bytes.Buffer
	sessions := map[string]*shell.Session{}
	for _, name := range []string{"ada", "bob"} {
		sessions[name] = shell.New(st, shell.Options{Out: &out, Err: &out})
	}
	for _, step := range []struct{ who, line, wants string }{
		{"ada", "use stock", ""},
		{"bob", "use stock", ""},
		{"ada", "put apples 3", ""},
		{"ada", "begin", ""},
		{"bob", "begin", ""},
		{"ada", "put apples 2", ""},
		{"bob", "put apples 1", ""},
		{"bob", "put pears 1", ""},
		{"ada", "commit", ""},
		{"bob", "commit", `key apples of keyspace "stock" was written by operation 4 after the transaction began; run it again`},
		{"bob", "get pears", "key not found"},
		{"bob", "get apples", ""},
		// Nothing that either wrote is in the way; what ada read is.
		{"ada", "begin serializable", ""},
		{"ada", "scan --from a --to b", ""},
		{"bob", "put avocados 5", ""},
		{"ada", "put pears 2", ""},
		{"ada", "commit", "key avocados"},
		{"ada", "begin", ""},
		{"ada", "scan --from a --to b", ""},
		{"bob", "put avocados 6", ""},
		{"ada", "put pears 2", ""},
		{"ada", "commit", ""},
		{"ada", "begin", ""},
		{"ada", "put apples 1", ""},
		{"bob", "use default", ""},
		{"bob", "drop stock", ""},
		{"ada", "commit", "the keyspace was dropped"},
		{"ada", "get apples", "keyspace"}, // was dropped; a server, which knows it by name, has none
	} {
		err := sessions[step.who].Execute(context.Background(), []byte(step.line))
		if (err == nil) != (step.wants == "") || err != nil && !strings.Contains(err.Error(), step.wants) {
			t.Errorf("%s: %s: %v; want %q", step.who, step.line, err, step.wants)
		}
	}
	if got, want := out.String(), "apples\t2\navocados\t5\n"; !strings.Contains(got, want) {
		t.Errorf("the sessions print\n%s, want %s in it", got, want)
	}
}

// TestWatchFollowsUntilTheInputGoesOn watches what another session writes.
func TestWatchFollowsUntilTheInputGoesOn(t *testing.T) { forEachStore(t, watchFollows) }

func watchFollows(t *testing.T, st shell.Store) {
	inR, in := io.Pipe()
	out, outW := io.Pipe()
	done := make(chan error)
	go func() {
		done <- shell.New(st, shell.Options{Out: outW, Err: outW}).Run(context.Background(), inR)
	}()
	lines := bufio.NewReader(out)
	writer := shell.New(st, shell.Options{Out: io.Discard, Err: io.Discard})
	for _, step := range []struct{ write, in, wants string }{
		{in: "put a1 0", wants: "OK"},
		{in: "watch from 1 prefix a", wants: "1\tput\ta1\t0"},
		{write: "put b 1"},
		{write: "put a2 2", wants: "3\tput\ta2\t2"},
		{write: "delete a2", wants: "4\tdelete\ta2"},
		{in: "get b", wants: "1"},
		{in: "watch from 4 limit 2", wants: "4\tdelete\ta2"},
		{write: "incr n", wants: "5\tmerge\tn\tcounter\t1"},
		{in: "get a1", wants: "0"},
	} {
		if step.write != "" {
			if err := writer.Execute(context.Background(), []byte(step.write)); err != nil {
				t.Fatal(err)
			}
		}
		if step.in != "" {
			fmt.Fprintln(in, step.in)
		}
		if step.wants != "" {
			if line, err := lines.ReadString('\n'); line != step.wants+"\n" {
				t.Fatalf("%+v: got %q, %v", step, line, err)
			}
		}
	}
	in.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := writer.Execute(ctx, []byte("watch")); err != nil {
		t.Errorf("a watch that is interrupted: %v", err)
	}
}

// interrupting is a terminal that is slower than the store: a person gives up when it shows the first lines.
type interrupting struct {
	stop func()
	seen int
}

func (w *interrupting) Write(b []byte) (int, error) {
	w.stop()
	w.seen += bytes.Count(b, []byte{'\n'})
	return len(b), nil
}

func TestAScanIsInterrupted(t *testing.T) { forEachStore(t, scanIsInterrupted) }

func scanIsInterrupted(t *testing.T, st shell.Store) {
	const entries = 20000
	var script strings.Builder
	script.WriteString("batch\n")
	for i := range entries {
		fmt.Fprintf(&script, "put %05d %s\n", i, strings.Repeat("v", 100))
	}
	script.WriteString("end\n")
	if err := shell.New(st, shell.Options{Out: io.Discard, Err: io.Discard}).Run(t.Context(), strings.NewReader(script.String())); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out := &interrupting{stop: stop}
	err := shell.New(st, shell.Options{Out: out, Err: io.Discard}).Execute(ctx, []byte("scan"))
	if err == nil || err.Error() != "scan: interrupted" {
		t.Errorf("got %v", err)
	}
	if out.seen > entries/4 {
		t.Errorf("%d of %d lines were still written", out.seen, entries)
	}
}
