package engine

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/middb/middb/merge"
	"github.com/middb/middb/vfs"
)

func TestGetWithExpiryTellsWhenAValueChangesByItself(t *testing.T) {
	now := time.Unix(1000, 0)
	db, err := Spawn(Config{Dir: "/db", FS: vfs.NewMem(), Clock: func() time.Time { return now }})
	must(t, err)
	defer db.Close()
	ks, err := db.Keyspace("sessions", KeyspaceOptions{})
	must(t, err)
	k := []byte("k")
	want := func(what string, get func([]byte) ([]byte, time.Time, error), value string, ttl time.Duration) {
		t.Helper()
		v, expires, err := get(k)
		if value == "none" {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %q, %v; want ErrNotFound", what, v, err)
			}
			return
		}
		var at time.Time
		if ttl > 0 {
			at = time.Unix(1000, 0).Add(ttl)
		}
		if err != nil || string(v) != value || !expires.Equal(at) {
			t.Errorf("%s: %q until %v, %v; want %q until %v", what, v, expires, err, value, at)
		}
	}
	want("nothing", ks.GetWithExpiry, "none", 0)
	must(t, ks.Put(k, []byte("v")))
	want("put", ks.GetWithExpiry, "v", 0)
	must(t, ks.PutTTL(k, []byte("v"), time.Hour))
	want("expiring put", ks.GetWithExpiry, "v", time.Hour)
	must(t, ks.Merge(k, merge.Append, []byte("+1")))
	want("merged into", ks.GetWithExpiry, "v+1", time.Hour)

	txn := begin(t, db, TxnOptions{})
	defer txn.Rollback()
	want("in a transaction", txn.In(ks).GetWithExpiry, "v+1", time.Hour)
	must(t, txn.In(ks).Merge(k, merge.Append, []byte("+2")))
	want("under a merge of its own", txn.In(ks).GetWithExpiry, "v+1+2", time.Hour)
	must(t, txn.In(ks).PutTTL(k, []byte("w"), time.Minute))
	want("under a put of its own", txn.In(ks).GetWithExpiry, "w", time.Minute)
	until := time.Unix(1000, 0).Add(2 * time.Minute)
	must(t, txn.In(ks).PutUntil(k, []byte("x"), until))
	want("under a put of its own until a time", txn.In(ks).GetWithExpiry, "x", 2*time.Minute)
	must(t, txn.In(ks).Delete(k))
	want("under a deletion of its own", txn.In(ks).GetWithExpiry, "none", 0)

	now = now.Add(time.Hour)
	want("when it has expired", ks.GetWithExpiry, "+1", 0)
	must(t, ks.PutTTL(k, []byte("v"), time.Second))
	now = now.Add(time.Second)
	want("expired", ks.GetWithExpiry, "none", 0)
	must(t, db.DropKeyspace("sessions"))
	if _, _, err := ks.GetWithExpiry(k); !errors.Is(err, ErrKeyspaceDropped) {
		t.Errorf("dropped: %v", err)
	}
}

func TestPutUntilKeepsTheExactTime(t *testing.T) {
	now := time.Unix(1000, 0)
	db, err := Spawn(Config{Dir: "/db", FS: vfs.NewMem(), Clock: func() time.Time { return now }})
	must(t, err)
	defer db.Close()
	k, v := []byte("k"), []byte("v")
	far := time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC) // beyond what nanoseconds since 1970 can say
	for _, c := range []struct {
		at, want time.Time
		gone     bool
	}{
		{at: now.Add(1), want: now.Add(1)},
		{at: far, want: time.Unix(0, math.MaxInt64)},
		{at: now, gone: true},
		{at: now.Add(-time.Minute), gone: true},
	} {
		b := db.NewBatch()
		must(t, b.In(nil).PutUntil(k, v, c.at))
		must(t, db.Apply(b))
		_, at, err := db.GetWithExpiry(k)
		if c.gone && !errors.Is(err, ErrNotFound) || !c.gone && (err != nil || !at.Equal(c.want)) {
			t.Errorf("put until %v: until %v, %v", c.at, at, err)
		}
	}
	var loose Batch
	must(t, loose.In(nil).PutUntil(k, v, now.Add(time.Hour)))
	must(t, db.Apply(&loose))
	if _, at, err := db.GetWithExpiry(k); err != nil || !at.Equal(now.Add(time.Hour)) {
		t.Errorf("by a batch of no database: until %v, %v", at, err)
	}
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(-5, 0), {}} {
		if err := loose.In(nil).PutUntil(k, v, at); !errors.Is(err, ErrInvalidTTL) {
			t.Errorf("put until %v: %v, want ErrInvalidTTL", at, err)
		}
	}
}
