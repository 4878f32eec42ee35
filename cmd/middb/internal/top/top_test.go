package top

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/middb/middb/metrics"
	"github.com/middb/middb/wire"
)

var update = flag.Bool("update", false, "write the golden views")

// operation returns an operation whose requests took so long.
func operation(name string, errors int64, took ...time.Duration) wire.OperationStats {
	var h metrics.Histogram
	for _, d := range took {
		h.Record(int64(d))
	}
	s := h.Snapshot()
	return wire.OperationStats{
		Name: name, Count: int64(s.Count()), Errors: errors, Time: s.Sum, Latency: wire.AppendHistogram(nil, s),
	}
}

// repeat returns n times d.
func repeat(n int, d time.Duration) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = d
	}
	return out
}

func syncs(took ...time.Duration) []int64 { return operation("", 0, took...).Latency }

// states returns a server ten seconds after its start, and two seconds later.
func states() (before, now *wire.Stats) {
	ms, us := time.Millisecond, time.Microsecond
	before = &wire.Stats{
		Server:     wire.ServerStats{Uptime: uint64(10 * time.Second), BytesIn: 1 << 20, BytesOut: 1 << 20},
		Operations: []wire.OperationStats{operation("get", 0, repeat(100, 20*us)...), operation("put", 1, repeat(10, 2*ms)...)},
		Actors: []wire.ActorStats{
			{Name: "coordinator", BusyTime: int64(time.Second)}, {Name: "compactor 0", BusyTime: 5}, {Name: "compactor 5", BusyTime: 7},
		},
		Engine: wire.EngineStats{
			LogSyncs: 1, LogSyncTime: int64(2 * ms), LogSyncLatency: syncs(2 * ms), LogBytes: 1000, Commits: 10, WrittenBytes: 900,
			CacheHits: 1000, CacheMisses: 10, FilterExcluded: 50, FilterFound: 10, TableGets: 10, StallTime: int64(ms), Stalls: 1,
		},
	}
	now = &wire.Stats{
		Server: wire.ServerStats{
			Uptime: uint64(12 * time.Second), Connections: 12, Sessions: 10, InFlight: 3, Txns: 2, Cursors: 1, BytesIn: 3 << 20, BytesOut: 21 << 20,
		},
		Operations: []wire.OperationStats{
			operation("begin", 0, repeat(8, 3*us)...),
			operation("get", 0, append(repeat(5100, 20*us), repeat(1900, 90*us)...)...),
			operation("put", 5, append(repeat(2010, 2*ms), 30*ms, 1200*ms)...),
		},
		Levels: []wire.LevelStats{
			{Level: 0, Files: 3, Bytes: 12 << 20, Score: 0.75},
			{Level: 1},
			{Level: 2},
			{Level: 3},
			{Level: 4},
			{Level: 5, Files: 5, Bytes: 70 << 20, Score: 1.09},
			{Level: 6, Files: 17, Bytes: 700 << 20},
		},
		Actors: []wire.ActorStats{
			{Name: "coordinator", Depth: 17, Age: int64(1500 * us), BusyTime: int64(1260 * ms)},
			{Name: "memtable owner", BusyTime: int64(3 * ms)},
			{Name: "log writer", Depth: 1, Age: int64(2 * time.Minute), BusyTime: int64(1960 * ms)},
			{Name: "flusher"},
			{Name: "versions"},
			{Name: "compactor 0", BusyTime: int64(1200 * ms)},
			{Name: "compactor 5", BusyTime: 7},
			{Name: "compactor 6"},
		},
		Engine: wire.EngineStats{
			LogSyncs: 101, LogSyncTime: int64(302 * ms), LogSyncLatency: syncs(append(repeat(99, 2*ms), 100*ms, 2*ms)...),
			LogBytes: 5 << 20, LogKept: 30 << 20, Commits: 2022, WrittenBytes: 3 << 20,
			MemtableBytes: 9 << 20, MemtableKeys: 123_456, SealedMemtables: 1,
			FlushedBytes: 8 << 20, CompactedIn: 40 << 20, CompactedOut: 30 << 20, Compacting: 1, CompactDebt: 5 << 20,
			CacheHits: 6000, CacheMisses: 60, CacheBytes: 100 << 20, FilterExcluded: 9050, FilterFound: 5010, FilterMissed: 90, TableGets: 5010,
			Stalls: 2, StallTime: int64(501 * ms), WriteDelays: 20, WriteDelay: int64(5 * time.Second),
			Views: 4, OldestViewKind: "iterator", OldestViewAge: int64(3*time.Hour + 5*time.Minute), Feeds: 1, TxnCommits: 50, Conflicts: 4,
			WriteAmp: 14.3, ReadAmp: 7, SpaceAmp: 1.12,
		},
	}
	return before, now
}

func TestViews(t *testing.T) {
	before, now := states()
	failed := *now
	failed.Engine.ReadOnlyBecause = "log writer: sync segment 7: input/output error"
	for _, c := range []struct {
		file        string
		before, now *wire.Stats
		screen      Screen
	}{
		{"interval", before, now, Screen{Title: "localhost:7878", Width: 110}},
		{"since-start", nil, now, Screen{Title: "localhost:7878", Width: 110}},
		{"restarted", now, before, Screen{Title: "localhost:7878", Width: 110}},
		{"terminal", before, now, Screen{Title: "localhost:7878", Width: 80, Height: 24}},
		{"narrow", before, now, Screen{Title: "localhost:7878", Width: 60, Height: 30}},
		{"tiny", before, now, Screen{Title: "localhost:7878", Width: 20, Height: 5}},
		{"read-only", before, &failed, Screen{Title: "localhost:7878", Width: 110, Height: 12}},
		{"idle", &wire.Stats{}, &wire.Stats{}, Screen{Title: "localhost:7878", Width: 110}},
		{"colors", before, &failed, Screen{Title: "localhost:7878", Width: 90, Height: 24, Color: true}},
	} {
		t.Run(c.file, func(t *testing.T) {
			got := c.screen.Draw(c.before, c.now)
			lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
			if c.screen.Height > 0 && len(lines) > c.screen.Height {
				t.Errorf("%d lines on a screen of %d", len(lines), c.screen.Height)
			}
			for _, l := range lines {
				if n := text.StringWidthWithoutEscSequences(l); n > c.screen.Width {
					t.Errorf("a line of %d columns on a screen of %d: %q", n, c.screen.Width, l)
				}
			}
			golden := filepath.Join("testdata", c.file+".txt")
			shown := strings.ReplaceAll(got, "\x1b", "^")
			if *update {
				if err := os.WriteFile(golden, []byte(shown), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if shown != string(want) {
				t.Errorf("%s (write it anew with -update) is:\n%s\nwant:\n%s", golden, shown, want)
			}
		})
	}
}

func TestNumbersForPeople(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", -1: "0", 7: "7 ns", 1500: "1.50 µs", 9_996: "10.0 µs", 123_456: "123 µs", 99_960_000: "100 ms", 12 * time.Second: "12.0 s",
		61 * time.Second: "1m 01s", 3*time.Hour + 5*time.Minute: "3h 05m", 50 * time.Hour: "2d 02h",
	} {
		if got := duration(int64(d)); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
	for x, want := range map[float64]string{0: "0", 0.25: "0.2", 12: "12", 999.6: "1,000", 1234567: "1,234,567"} {
		if got := number(x); got != want {
			t.Errorf("%v: %q, want %q", x, got, want)
		}
	}
}

func TestPlainPrintsOneTextAfterTheOther(t *testing.T) {
	before, now := states()
	asked := 0
	source := func(context.Context) (*wire.Stats, error) {
		asked++
		return []*wire.Stats{before, now, now}[asked-1], nil
	}
	var out bytes.Buffer
	if err := Run(t.Context(), Options{Source: source, Title: "x", Interval: time.Millisecond, Count: 3, Out: &out}); err != nil {
		t.Fatal(err)
	}
	s := Screen{Title: "x", Width: plainWidth}
	if want := s.Draw(nil, before) + "\n" + s.Draw(before, now) + "\n" + s.Draw(now, now); out.String() != want {
		t.Fatalf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestPlainEndsWithItsContextAndItsServer(t *testing.T) {
	_, now := states()
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	source := func(context.Context) (*wire.Stats, error) {
		if asked++; asked == 3 {
			cancel()
		}
		return now, nil
	}
	var out bytes.Buffer
	if err := Run(ctx, Options{Source: source, Interval: time.Millisecond, Out: &out}); err != nil || asked != 3 {
		t.Fatalf("%v after %d answers", err, asked)
	}
	lost := errors.New("lost")
	source = func(context.Context) (*wire.Stats, error) { return nil, fmt.Errorf("ask: %w", lost) }
	if err := Run(t.Context(), Options{Source: source, Out: &out}); !errors.Is(err, lost) {
		t.Fatalf("%v", err)
	}
}
