package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/middb/middb/vfs"
)

// A feedHistory is what was committed, by sequence number: what feeds must yield.
type feedHistory struct {
	mu  sync.Mutex
	ops map[uint64]Change
}

var feedPrefixes = []string{"a/", "ab/", "b/"}

// write commits a batch of a few operations and notes them.
func (h *feedHistory) write(db *DB, rng *rand.Rand, sync bool) error {
	var b Batch
	var ops []Change
	for range 1 + rng.IntN(4) {
		k := fmt.Appendf(nil, "%s%d", feedPrefixes[rng.IntN(len(feedPrefixes))], rng.IntN(50))
		if rng.IntN(4) == 0 {
			ops = append(ops, Change{Kind: ChangeDelete, Key: k})
			must2(b.Delete(k))
			continue
		}
		v := bytes.Repeat([]byte{byte(rng.Uint32())}, rng.IntN(600))
		if rng.IntN(50) == 0 {
			v = bytes.Repeat([]byte{byte(rng.Uint32())}, 90<<10)
		}
		ops = append(ops, Change{Kind: ChangePut, Key: k, Value: v})
		must2(b.Put(k, v))
	}
	return h.apply(db, &b, ops, sync)
}

func must2(err error) {
	if err != nil {
		panic(err)
	}
}

func (h *feedHistory) apply(db *DB, b *Batch, ops []Change, sync bool) error {
	last, err := db.apply(context.Background(), b, sync)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ops == nil {
		h.ops = map[uint64]Change{}
	}
	for i := range ops {
		ops[i].Seq = last - uint64(len(ops)-1-i)
		h.ops[ops[i].Seq] = ops[i]
	}
	return nil
}

// end commits a last operation for each prefix, durable.
func (h *feedHistory) end(t *testing.T, db *DB) {
	t.Helper()
	var b Batch
	var ops []Change
	for _, p := range feedPrefixes {
		k := []byte(p + "end")
		must(t, b.Put(k, nil))
		ops = append(ops, Change{Kind: ChangePut, Key: k, Value: []byte{}})
	}
	must(t, h.apply(db, &b, ops, true))
}

// check compares what a feed of a prefix has yielded, from a sequence number on, with the history up to
// the last of it: nothing is missing, twice, out of order or different.
func (h *feedHistory) check(got []Change, from uint64, prefix string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range got {
		for ; from < c.Seq; from++ {
			want, ok := h.ops[from]
			if !ok || strings.HasPrefix(string(want.Key), prefix) {
				return fmt.Errorf("a gap: sequence %d, %v %q, came before %d, %v %q", c.Seq, c.Kind, c.Key, from, want.Kind, want.Key)
			}
		}
		want := h.ops[c.Seq]
		if c.Seq != from || !strings.HasPrefix(string(c.Key), prefix) || c.Kind != want.Kind || !bytes.Equal(c.Key, want.Key) ||
			!bytes.Equal(c.Value, want.Value) || c.End != nil || !c.Expires.IsZero() || (c.Value == nil) != (want.Value == nil) {
			return fmt.Errorf("at %d came %d, %v %q = %d bytes; it is %v %q = %d bytes", from, c.Seq, c.Kind, c.Key, len(c.Value), want.Kind, want.Key, len(want.Value))
		}
		from++
	}
	return nil
}

// readFeed reads until the operation that end made.
func readFeed(f *Feed) (got []Change, err error) {
	for c, err := range f.All() {
		if err != nil {
			return got, err
		}
		if got = append(got, c); strings.HasSuffix(string(c.Key), "/end") {
			break
		}
	}
	return got, nil
}

// feedTestSize returns how much of something a test does.
func feedTestSize(n int) int {
	if testing.Short() {
		return (n + 3) / 4
	}
	return n
}

func feedConfig(fs vfs.FS) Config {
	return Config{
		FS: fs, Dir: "/db", MemtableBytes: 128 << 10, MemoryBudget: 4 << 20, LogBytes: 128 << 10, BlockBytes: 512,
		TargetFileBytes: 32 << 10, BaseLevelBytes: 128 << 10, FeedRetention: 1 << 30,
	}
}

func TestFeedOracleFindsWhatFeedsMayGetWrong(t *testing.T) {
	db := spawn(t, feedConfig(nil))
	var h feedHistory
	rng := rand.New(rand.NewPCG(1, 0))
	for range 50 {
		must(t, h.write(db, rng, false))
	}
	h.end(t, db)
	f, err := db.Watch(t.Context(), 1, nil)
	must(t, err)
	defer f.Close()
	got, err := readFeed(f)
	must(t, err)
	must(t, h.check(got, 1, ""))
	for name, wrong := range map[string][]Change{
		"a gap":          slices.Delete(slices.Clone(got), 7, 8),
		"a late start":   got[1:],
		"one twice":      slices.Insert(slices.Clone(got), 7, got[6]),
		"out of order":   append([]Change{got[1], got[0]}, got[2:]...),
		"another kind":   append([]Change{{Seq: 1, Kind: ChangeMerge, Key: got[0].Key, Value: got[0].Value}}, got[1:]...),
		"another key":    append([]Change{{Seq: 1, Kind: got[0].Kind, Key: []byte("a/x"), Value: got[0].Value}}, got[1:]...),
		"another prefix": got,
	} {
		prefix := ""
		if name == "another prefix" {
			prefix = "a"
		}
		if h.check(wrong, 1, prefix) == nil {
			t.Errorf("%s was not found", name)
		}
	}
}

// Feeds from all kinds of places, while writers of every durability, flushes and rotations go on.
func TestFeedsYieldEveryCommitInOrder(t *testing.T) {
	cfg := feedConfig(nil)
	cfg.FeedRetention, cfg.FeedBacklogBytes = 0, 1<<30
	db := spawn(t, cfg)
	var h feedHistory
	const seed = 1
	var feeds, writers sync.WaitGroup
	noted := make(chan struct{}) // all that is committed is in the history
	watch := func(from uint64, prefix string) {
		f, err := db.Watch(t.Context(), from, []byte(prefix))
		if err != nil {
			t.Errorf("watch %d: %v", from, err)
			return
		}
		from = f.Position()
		feeds.Go(func() {
			defer f.Close()
			got, err := readFeed(f)
			<-noted
			if err == nil {
				err = h.check(got, from, prefix)
			}
			if err != nil || len(got) == 0 || f.Position() <= got[len(got)-1].Seq {
				t.Errorf("feed from %d of %q, %d changes: %v", from, prefix, len(got), err)
			}
		})
	}
	for _, prefix := range append(feedPrefixes, "", "a") {
		watch(1, prefix)
	}
	for i := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, i))
		writers.Go(func() {
			for n := range feedTestSize(400) {
				if err := h.write(db, rng, rng.IntN(8) == 0); err != nil {
					t.Errorf("write: %v", err)
				}
				switch n % 100 {
				case 75:
					if err := db.Flush(t.Context()); err != nil {
						t.Errorf("flush: %v", err)
					}
				case 50:
					watch(db.published.Durable()+rng.Uint64N(9), feedPrefixes[rng.IntN(3)])
				}
			}
		})
	}
	writers.Wait()
	h.end(t, db)
	close(noted)
	must(t, within(t, "feeds", func() error { feeds.Wait(); return nil }))
	if n := db.Stats().Flushes; n < 4 {
		t.Errorf("%d flushes", n)
	}
	t.Logf("%d operations, %d flushes", len(h.ops), db.Stats().Flushes)
}

func TestFeedBeginsAnywhereAndResumesAfterReopen(t *testing.T) {
	mem := vfs.NewMem()
	cfg := feedConfig(mem)
	var h feedHistory
	rng := rand.New(rand.NewPCG(2, 0))
	for life := range 3 {
		db, err := Spawn(cfg)
		must(t, err)
		last := db.Stats().LastSeq
		f, err := db.Watch(t.Context(), 0, nil)
		must(t, err)
		if f.Position() != last+1 {
			t.Fatalf("now is %d, not %d", f.Position(), last+1)
		}
		must(t, f.Close())
		for range 200 {
			must(t, h.write(db, rng, false))
		}
		h.end(t, db)
		last = db.Stats().LastSeq
		for range feedTestSize(40) {
			from := 1 + rng.Uint64N(last)
			f, err := db.Watch(t.Context(), from, nil)
			must(t, err)
			var got []Change
			for uint64(len(got)) < last-from+1 {
				c, err := f.Next()
				must(t, err)
				got = append(got, c)
			}
			must(t, h.check(got, from, ""))
			if f.Position() != last+1 {
				t.Fatalf("position %d after %d", f.Position(), last)
			}
			must(t, f.Close())
		}
		if life == 1 {
			must(t, db.Flush(t.Context()))
		}
		must(t, db.Close())
	}
	// Without retention what is flushed goes at the next open.
	cfg.FeedRetention = 0
	db := spawn(t, cfg)
	must(t, db.Put([]byte("a"), nil))
	_, err := db.Watch(t.Context(), 1, nil)
	var cut *FeedTruncatedError
	if !errors.As(err, &cut) || !errors.Is(err, ErrFeedTruncated) || cut.Next != 1 || cut.Oldest < 2 {
		t.Fatalf("watch from what is gone: %v", err)
	}
	f, err := db.Watch(t.Context(), cut.Oldest, nil)
	must(t, err)
	defer f.Close()
	if c, err := f.Next(); err != nil || c.Seq != cut.Oldest {
		t.Fatalf("watch from the oldest: %+v, %v", c, err)
	}
}

// Whatever a feed has delivered is there after a crash, and a feed goes on from there.
func TestFeedDeliversOnlyWhatSurvivesCrashes(t *testing.T) {
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, 0))
	mem := vfs.NewMem()
	var delivered []Change // by the feeds of all lives
	for life := range feedTestSize(8) {
		cfg := feedConfig(mem)
		db, err := Spawn(cfg)
		must(t, err)
		if last := db.Stats().LastSeq; uint64(len(delivered)) > last {
			t.Fatalf("life %d: %d operations were delivered, %d survived", life, len(delivered), last)
		}
		again, err := db.Watch(t.Context(), 1, nil)
		must(t, err)
		for i, want := range delivered {
			c, err := again.Next()
			must(t, err)
			if c.Seq != uint64(i+1) || c.Kind != want.Kind || !bytes.Equal(c.Key, want.Key) || !bytes.Equal(c.Value, want.Value) {
				t.Fatalf("life %d: %d was %v %q before the crash, and is %v %q", life, i+1, want.Kind, want.Key, c.Kind, c.Key)
			}
		}
		must(t, again.Close())
		f, err := db.Watch(t.Context(), uint64(len(delivered))+1, nil)
		must(t, err)
		stop := make(chan struct{})
		var writers sync.WaitGroup
		for i := range uint64(2) {
			rng := rand.New(rand.NewPCG(seed, i+10*uint64(life)))
			writers.Go(func() {
				var h feedHistory
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					if err := h.write(db, rng, rng.IntN(3) == 0); err != nil {
						t.Errorf("write: %v", err)
						return
					}
				}
			})
		}
		for range 1 + rng.IntN(1200) {
			c, err := f.Next()
			must(t, err)
			delivered = append(delivered, c)
		}
		mem = mem.CrashClone(rng, vfs.CrashOptions{Unsynced: vfs.Unsynced(rng.IntN(3))})
		close(stop)
		writers.Wait()
		must(t, f.Close())
		must(t, db.Close())
	}
}
