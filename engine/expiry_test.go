package engine

import (
	"errors"
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
