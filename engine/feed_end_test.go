package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

// A feed that nobody reads is cut off at its backlog; writers do not wait for it, nor does the disk fill.
func TestSlowFeedIsCutOff(t *testing.T) {
	mem := vfs.NewMem()
	cfg := feedConfig(mem)
	cfg.FeedRetention, cfg.FeedBacklogBytes = 0, 512<<10
	db := spawn(t, cfg)
	slow, err := db.Watch(t.Context(), 0, nil)
	must(t, err)
	defer slow.Close()
	var h feedHistory
	rng := rand.New(rand.NewPCG(3, 0))
	must(t, h.write(db, rng, true))
	first, err := slow.Next()
	must(t, err)
	got := []Change{first}
	for range 4 {
		for range 500 {
			must(t, h.write(db, rng, false))
		}
		must(t, db.Flush(t.Context()))
		must(t, db.Put([]byte("c"), nil)) // the log writer deletes once the new segment is durable
	}
	files, err := mem.List("/db")
	must(t, err)
	var size int64
	for _, name := range files {
		if strings.HasSuffix(name, ".wal") {
			info, err := mem.Stat("/db/" + name)
			must(t, err)
			size += info.Size
		}
	}
	if most := int64(512<<10 + 4*128<<10); size > most {
		t.Errorf("the log takes %d bytes", size)
	}
	var cut *FeedTruncatedError
	for c, err := range slow.All() {
		if err != nil {
			if !errors.As(err, &cut) {
				t.Fatal(err)
			}
			break
		}
		got = append(got, c)
	}
	must(t, h.check(got, 1, ""))
	if last := got[len(got)-1].Seq; cut.Next != last+1 || cut.Oldest <= cut.Next || slow.Position() != cut.Next {
		t.Fatalf("cut off after %d: %v", last, cut)
	}
	if _, err := slow.Next(); !errors.Is(err, ErrFeedTruncated) {
		t.Fatalf("once more: %v", err)
	}
	if _, err := db.Watch(t.Context(), cut.Next, nil); !errors.Is(err, ErrFeedTruncated) {
		t.Fatalf("resumed: %v", err)
	}
	// An open feed keeps what it has not read.
	next, err := db.Watch(t.Context(), cut.Oldest, nil)
	must(t, err)
	defer next.Close()
	must(t, db.Flush(t.Context()))
	must(t, db.Put([]byte("c"), nil))
	if c, err := next.Next(); err != nil || c.Seq != cut.Oldest {
		t.Fatalf("%+v, %v", c, err)
	}
}

// Nothing else is written: the engine makes durable what nobody asked it to.
func TestFeedSeesNoSyncCommitsInBoundedTime(t *testing.T) {
	db := spawn(t, feedConfig(nil))
	must(t, db.Put([]byte("before"), nil, NoSync))
	f, err := db.Watch(t.Context(), 1, nil)
	must(t, err)
	defer f.Close()
	next := func(want string) {
		t.Helper()
		var c Change
		must(t, within(t, "Next", func() (err error) { c, err = f.Next(); return err }))
		if string(c.Key) != want {
			t.Fatalf("%q came, not %q", c.Key, want)
		}
	}
	next("before")
	// Some of them fill a log block: it is handed over at once, and no tick comes for the rest.
	for i := range 30 {
		k := fmt.Sprint(i)
		must(t, db.Put([]byte(k), make([]byte, 10000), NoSync))
		next(k)
	}
}

func TestFeedEnds(t *testing.T) {
	cause := errors.New("enough")
	for _, end := range []struct {
		name string
		do   func(db *DB, f *Feed, cancel context.CancelCauseFunc, fault *vfs.Fault)
		want error
	}{
		{"feed closed", func(_ *DB, f *Feed, _ context.CancelCauseFunc, _ *vfs.Fault) { _ = f.Close() }, ErrClosed},
		{"database closed", func(db *DB, _ *Feed, _ context.CancelCauseFunc, _ *vfs.Fault) { _ = db.Close() }, ErrClosed},
		{"context cancelled", func(_ *DB, _ *Feed, cancel context.CancelCauseFunc, _ *vfs.Fault) { cancel(cause) }, cause},
		{"engine failed", func(db *DB, _ *Feed, _ context.CancelCauseFunc, fault *vfs.Fault) {
			fault.Inject(vfs.Rule{Ops: vfs.OpSyncData, Path: "*.wal", Sticky: true})
			_ = db.Put([]byte("lost"), nil)
		}, ErrFailed},
	} {
		for _, waiting := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/waiting=%v", end.name, waiting), func(t *testing.T) {
				fault := vfs.NewFault(vfs.NewMem())
				db := spawn(t, feedConfig(fault))
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				f, err := db.Watch(ctx, 0, nil)
				must(t, err)
				must(t, db.Put([]byte("a"), []byte("1")))
				must(t, db.Put([]byte("b"), []byte("2")))
				if c, err := f.Next(); err != nil || string(c.Key) != "a" {
					t.Fatalf("%+v, %v", c, err)
				}
				if end.want == ErrFailed && !waiting {
					end.do(db, f, cancel, fault) // what is durable comes first
				}
				if waiting || end.want == ErrFailed {
					if c, err := f.Next(); err != nil || string(c.Key) != "b" {
						t.Fatalf("%+v, %v", c, err)
					}
				}
				if waiting || end.want != ErrFailed {
					ended := make(chan error, 1)
					if waiting {
						go func() { _, err := f.Next(); ended <- err }()
						for range 1000 { // it waits by then, most likely
							runtime.Gosched()
						}
					}
					end.do(db, f, cancel, fault)
					if waiting {
						must(t, within(t, "Next", func() error {
							if err := <-ended; !errors.Is(err, end.want) {
								return fmt.Errorf("ended with %w", err)
							}
							return nil
						}))
					}
				}
				for _, err := range f.All() {
					if !errors.Is(err, end.want) {
						t.Fatalf("then %v", err)
					}
				}
				must(t, f.Close())
				must(t, f.Close())
				if end.name == "database closed" {
					if _, err := db.Watch(t.Context(), 0, nil); !errors.Is(err, ErrClosed) {
						t.Fatalf("watch: %v", err)
					}
				}
			})
		}
	}
}

func TestWatchIsRefused(t *testing.T) {
	mem := vfs.NewMem()
	db, err := Spawn(feedConfig(mem))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := db.Watch(ctx, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	must(t, db.Close())
	cfg := feedConfig(mem)
	cfg.ReadOnly = true
	db = spawn(t, cfg)
	if _, err := db.Watch(t.Context(), 0, nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("read-only: %v", err)
	}
	cfg.ReadOnly, cfg.FeedRetention = false, -1
	if _, err := Spawn(cfg); !errors.Is(err, ErrInvalidConfig) {
		t.Errorf("negative retention: %v", err)
	}
}

func TestFeedWindowShowsWhatReachesIntoIt(t *testing.T) {
	expiring := append([]byte{0, 0, 0, 0, 0, 0, 0, 1}, "v"...)
	for _, c := range []struct {
		kind key.Kind
		k, v string
		want string
	}{
		{key.KindPut, "b", "v", "put b=v"},
		{key.KindPut, "b\xff", "", "put b\xff="},
		{key.KindPut, "a\xff", "v", ""},
		{key.KindPut, "c", "v", ""},
		{key.KindDelete, "b1", "", "delete b1"},
		{key.KindMerge, "b1", string(merge.AppendOperand(nil, merge.Append, []byte("m"))), "merge append b1=m"},
		{key.KindPutWithExpiry, "b1", string(expiring), fmt.Sprintf("put b1=v until %d", 1<<56)},
		{key.KindRangeDelete, "a", "b", ""},
		{key.KindRangeDelete, "a", "b\x00", "delete range a..b\x00"},
		{key.KindRangeDelete, "a", "z", "delete range a..z"},
		{key.KindRangeDelete, "b5", "b6", "delete range b5..b6"},
		{key.KindRangeDelete, "c", "d", ""},
		{key.KindRangeDelete, string(defaultSpace.lower), string(defaultSpace.upper), "delete range "},
	} {
		w := newFeedWindow(&defaultSpace, []byte("b"))
		k, v := []byte(c.k), []byte(c.v)
		got, ok, err := w.change(c.kind, k, v)
		must(t, err)
		clear(k)
		clear(v)
		text := ""
		if ok {
			text = fmt.Sprintf("%v ", got.Kind)
			if got.Operator != "" {
				text += got.Operator + " "
			}
			text += string(got.Key)
			if got.Value != nil {
				text += fmt.Sprintf("=%s", got.Value)
			}
			if got.End != nil {
				text += fmt.Sprintf("..%s", got.End)
			}
			if !got.Expires.IsZero() {
				text += fmt.Sprintf(" until %d", got.Expires.UnixNano())
			}
		}
		if text != c.want {
			t.Errorf("%v %q %q: %q, want %q", c.kind, c.k, c.v, text, c.want)
		}
	}
	all := newFeedWindow(&defaultSpace, nil)
	if _, ok, err := all.change(key.KindRangeDelete, []byte("a"), []byte("b")); !ok || err != nil {
		t.Errorf("without bounds: %v, %v", ok, err)
	}
	if _, _, err := all.change(key.KindMerge, []byte("a"), []byte("no list")); !errors.Is(err, merge.ErrMalformed) {
		t.Errorf("a bad merge list: %v", err)
	}
	if _, _, err := all.change(99, []byte("a"), nil); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("an unknown kind: %v", err)
	}
}

func TestFeedsOfKeyspacesAreApart(t *testing.T) {
	db := openMem(t, nil)
	users, err := db.Keyspace("users", KeyspaceOptions{})
	must(t, err)
	feed, err := users.Watch(context.Background(), 0, nil)
	must(t, err)
	defer feed.Close()
	must(t, db.Put([]byte("other"), nil), users.Put([]byte("\x00k"), []byte("v")), db.DeleteRange(nil, nil), db.DropKeyspace("users"))
	for _, want := range []ChangeKind{ChangePut, ChangeDeleteRange} {
		c, err := feed.Next()
		must(t, err)
		if c.Kind != want || want == ChangePut && string(c.Key) != "\x00k" || want == ChangeDeleteRange && (c.Key != nil || c.End != nil) {
			t.Errorf("the feed yields %+v, want %v", c, want)
		}
	}
}
