package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// TestRestoreNamesKeyspacesWhoseNamesAreLost restores keys of keyspaces 3, which has a name, and 7, whose name and
// number of the next keyspace are lost.
func TestRestoreNamesKeyspacesWhoseNamesAreLost(t *testing.T) {
	db := openMem(t, nil)
	ctx := context.Background()
	three, seven, meta := numberedSpace(3), numberedSpace(7), metaSpace
	r := db.Restore()
	stored := func(s space, k string) []byte { return s.appendStored(nil, []byte(k)) }
	add := func(kind key.Kind, k, v []byte) {
		t.Helper()
		must(t, r.Add(ctx, kind, k, v))
	}
	add(key.KindPut, stored(meta, keyspacePrefix+"three"), []byte{0, 0, 0, 3})
	add(key.KindPut, stored(meta, keyspacePrefix+"recovered-7"), []byte{0, 0, 0, 5})
	for i := range 30_000 { // more than a commit
		add(key.KindPut, stored(three, fmt.Sprintf("k%05d", i)), fmt.Appendf(nil, "a value that is somewhat long %d", i))
	}
	add(key.KindRangeDelete, stored(three, "k00010"), stored(three, "k29990"))
	add(key.KindMerge, stored(three, "k00009"), merge.AppendOperand(nil, merge.Append, []byte("!")))
	add(key.KindDelete, stored(three, "k29999"), nil)
	add(key.KindPutWithExpiry, stored(seven, "a"), key.AppendExpiring(nil, time.Now().Add(time.Hour).UnixNano(), []byte("1")))
	add(key.KindPutWithExpiry, stored(seven, "b"), key.AppendExpiring(nil, 1, []byte("1")))
	add(key.KindPut, stored(defaultSpace, "\x00x"), []byte("zero"))
	renamed, err := r.Finish(ctx)
	must(t, err)
	if fmt.Sprint(renamed) != "[recovered-7x]" {
		t.Errorf("new names: %v", renamed)
	}
	names, err := db.Keyspaces()
	must(t, err)
	if fmt.Sprint(names) != "[default recovered-7 recovered-7x three]" {
		t.Errorf("keyspaces: %v", names)
	}
	open := func(name string) *Keyspace {
		ks, err := db.Keyspace(name, KeyspaceOptions{})
		must(t, err)
		return ks
	}
	it, err := open("three").NewIterator(IterOptions{KeysOnly: true})
	must(t, err)
	n := 0
	for range it.All() {
		n++
	}
	must(t, it.Close())
	if n != 19 {
		t.Errorf("keyspace three has %d keys, want 19", n)
	}
	wantGet(t, open("three").Get, "k00009", "a value that is somewhat long 9!")
	wantGet(t, open("recovered-7x").Get, "a", "1")
	wantGet(t, open("recovered-7x").Get, "b", "none")
	wantGet(t, db.Get, "\x00x", "zero")
	if string(open("new").space.prefix) <= string(seven.prefix) {
		t.Error("a new keyspace got a number that is taken")
	}
	wantGet(t, open("new").Get, "a", "none")
}
