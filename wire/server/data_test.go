package server

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/wire"
)

// hex compares a body.
func wantBody(t testing.TB, what string, got []byte, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %x, want %x", what, got, want)
	}
}

func counter(n int64) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }

func TestEveryRequestOnData(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	k, v := []byte("k"), []byte("v")
	null, yes, no := []byte{0xc0}, []byte{0xc3}, []byte{0xc2}
	wantBody(t, "PUT", c.ok(wire.TypePut, &wire.Put{Key: k, Value: v}), null)
	wantBody(t, "GET", c.ok(wire.TypeGet, &wire.Get{Key: k}), wire.AppendBin(nil, v))
	wantBody(t, "GET exists", c.ok(wire.TypeGet, &wire.Get{Key: k, Want: wire.WantExists}), yes)
	wantBody(t, "GET exists", c.ok(wire.TypeGet, &wire.Get{Key: []byte("l"), Want: wire.WantExists}), no)
	seq := s.db.Stats().LastSeq
	withSeq := wire.AppendUint(wire.AppendBin(wire.AppendArray(nil, 2), v), seq)
	wantBody(t, "GET with sequence number", c.ok(wire.TypeGet, &wire.Get{Key: k, Want: wire.WantSeq}), withSeq)
	wantBody(t, "GET with sequence number", c.ok(wire.TypeGet, &wire.Get{Key: []byte("l"), Want: wire.WantSeq}), null)
	never := wire.AppendNil(wire.AppendBin(wire.AppendArray(nil, 2), v))
	wantBody(t, "GET with expiry", c.ok(wire.TypeGet, &wire.Get{Key: k, Want: wire.WantExpiry}), never)
	c.ok(wire.TypePut, &wire.Put{Key: []byte("ttl"), Value: v, TTL: 3600_000})
	d := wire.NewDecoder(c.ok(wire.TypeGet, &wire.Get{Key: []byte("ttl"), Want: wire.WantExpiry}))
	d.Array("the pair")
	d.Bytes("the value")
	if at := time.UnixMilli(int64(d.Uint("the expiry"))); time.Until(at) < 59*time.Minute || time.Until(at) > time.Hour {
		t.Errorf("it expires at %v", at)
	}

	got := c.ok(wire.TypeCAS, &wire.CAS{Key: []byte("cas"), Value: v})
	wantBody(t, "CAS", got, wire.AppendUint(nil, s.db.Stats().LastSeq))
	c.fails(wire.TypeCAS, &wire.CAS{Key: []byte("cas"), Value: v}, wire.ErrExists)
	c.ok(wire.TypeCAS, &wire.CAS{Key: []byte("cas"), Value: v, Seq: s.db.Stats().LastSeq})
	c.fails(wire.TypeCAS, &wire.CAS{Key: []byte("cas"), Value: v, Seq: 1}, wire.ErrSeqMismatch)

	c.ok(wire.TypeMerge, &wire.Merge{Key: []byte("n"), Operator: merge.Counter, Operand: counter(40)})
	c.ok(wire.TypeMerge, &wire.Merge{Key: []byte("n"), Operator: merge.Counter, Operand: counter(2), Durability: wire.NoSync})
	wantBody(t, "MERGE", c.ok(wire.TypeGet, &wire.Get{Key: []byte("n")}), wire.AppendBin(nil, counter(42)))
	c.fails(wire.TypeMerge, &wire.Merge{Key: k, Operator: "none", Operand: v}, wire.ErrMergeOperator)

	c.ok(wire.TypeBatch, &wire.Batch{Ops: []wire.Op{
		{Kind: wire.OpPut, Key: []byte("b1"), Value: v},
		{Kind: wire.OpPut, Key: []byte("b2"), Value: v, TTL: 1000_000},
		{Kind: wire.OpDelete, Key: []byte("b1")},
		{Kind: wire.OpMerge, Key: []byte("n"), Operator: merge.Counter, Value: counter(1)},
		{Kind: wire.OpPut, Key: []byte("c1"), Value: v},
		{Kind: wire.OpDeleteRange, Key: []byte("c"), End: []byte("cz")},
	}})
	mget := wire.AppendArray(nil, 4)
	mget = wire.AppendBin(wire.AppendNil(wire.AppendBin(wire.AppendNil(mget), v)), counter(43))
	wantBody(t, "MGET", c.ok(wire.TypeMGet, &wire.MGet{Keys: [][]byte{[]byte("b1"), []byte("b2"), []byte("c1"), []byte("n")}}), mget)
	e := c.fails(wire.TypeBatch, &wire.Batch{Ops: []wire.Op{{Kind: wire.OpPut, Key: []byte("b3"), Value: v}, {Kind: wire.OpPut, Value: v}}}, wire.ErrEmptyKey)
	if !strings.HasPrefix(e.Message, "operation 1 of the batch: ") || c.value("b3") != "none" {
		t.Errorf("after a batch with a bad operation, %q: b3 is %s", e.Message, c.value("b3"))
	}

	wantBody(t, "COUNT", c.ok(wire.TypeCount, &wire.Count{}), wire.AppendUint(nil, 4)) // b2 k n ttl
	wantBody(t, "COUNT", c.ok(wire.TypeCount, &wire.Count{Lower: []byte("b"), Upper: []byte("n")}), wire.AppendUint(nil, 2))
	wantBody(t, "COUNT", c.ok(wire.TypeCount, &wire.Count{Prefix: []byte("t")}), wire.AppendUint(nil, 1))
	c.ok(wire.TypeDelRange, &wire.DelRange{Lower: []byte("c"), Upper: []byte("l")})
	c.ok(wire.TypeDel, &wire.Del{Key: []byte("n")})
	wantBody(t, "COUNT", c.ok(wire.TypeCount, &wire.Count{}), wire.AppendUint(nil, 2)) // b2 ttl
	wantBody(t, "PING", c.ok(wire.TypePing, raw("\x92\x01\xa1x")), []byte("\x92\x01\xa1x"))
}

func TestMisuseHasItsOwnErrors(t *testing.T) {
	c := session(t, serve(t, Options{}))
	k, v := []byte("k"), []byte("v")
	big := make([]byte, engine.MaxKeyBytes+1)
	for _, x := range []struct {
		name string
		t    wire.Type
		body body
		code wire.Code
	}{
		{"empty key", wire.TypePut, &wire.Put{Key: []byte{}, Value: v}, wire.ErrEmptyKey},
		{"empty key, not synced", wire.TypePut, &wire.Put{Key: []byte{}, Value: v, Durability: wire.NoSync}, wire.ErrEmptyKey},
		{"long key", wire.TypeGet, &wire.Get{Key: big}, wire.ErrKeyTooLarge},
		{"bounds", wire.TypeDelRange, &wire.DelRange{Lower: []byte("b"), Upper: []byte("a")}, wire.ErrInvalidRange},
		{"bounds of a count", wire.TypeCount, &wire.Count{Lower: []byte("b"), Upper: []byte("a")}, wire.ErrInvalidRange},
		{"time to live", wire.TypePut, &wire.Put{Key: k, Value: v, TTL: 1 << 63}, wire.ErrInvalidTTL},
		{"durability", wire.TypePut, &wire.Put{Key: k, Value: v, Durability: 3}, wire.ErrInvalidArgument},
		{"durability of a CAS", wire.TypeCAS, &wire.CAS{Key: k, Value: v, Durability: 3}, wire.ErrInvalidArgument},
		{"what is wanted", wire.TypeGet, &wire.Get{Key: k, Want: 9}, wire.ErrInvalidArgument},
		{"for update without a transaction", wire.TypeGet, &wire.Get{Key: k, Want: wire.WantForUpdate}, wire.ErrInvalidArgument},
		{"flags of a scan", wire.TypeScan, &wire.Scan{Flags: 8}, wire.ErrInvalidArgument},
		{"keyspace that is not there", wire.TypeGet, &wire.Get{Key: k, Keyspace: "nowhere"}, wire.ErrKeyspaceMissing},
		{"write to one that is not there", wire.TypePut, &wire.Put{Key: k, Value: v, Keyspace: "nowhere"}, wire.ErrKeyspaceMissing},
		{"watch one that is not there", wire.TypeWatch, &wire.Watch{Keyspace: "nowhere"}, wire.ErrKeyspaceMissing},
		{"open one that is not there", wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpOpen, Name: "nowhere"}, wire.ErrKeyspaceMissing},
		{"name of a keyspace", wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpOpen, Create: true}, wire.ErrKeyspaceName},
		{"drop of the default keyspace", wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpDrop, Name: "default"}, wire.ErrKeyspaceName},
		{"operation on keyspaces", wire.TypeKeyspaces, &wire.Keyspaces{Op: "paint"}, wire.ErrInvalidArgument},
		{"transaction that never was", wire.TypeGet, &wire.Get{Key: k, Txn: 7}, wire.ErrNoSuchTxn},
		{"commit of one that never was", wire.TypeCommit, wire.ID(7), wire.ErrNoSuchTxn},
		{"isolation", wire.TypeBegin, &wire.Begin{Isolation: "none"}, wire.ErrInvalidArgument},
		{"cursor that is not there", wire.TypeClose, wire.ID(99), wire.ErrNoSuchCursor},
		{"watch that is not there", wire.TypeUnwatch, &wire.Unwatch{Watch: 99}, wire.ErrNoSuchCursor},
		{"login at a server without users", wire.TypeAuth, &wire.Auth{Mechanism: wire.ScramSHA256}, wire.ErrAuthFailed},
		{"second HELLO", wire.TypeHello, &wire.Hello{}, wire.ErrInvalidArgument},
		{"reserved request", 0x64, nil, wire.ErrUnknownRequest},
		{"reply as a request", wire.TypeOK, nil, wire.ErrUnknownRequest},
		{"users of a server without", wire.TypeUsers, &wire.Users{Op: wire.OpList}, wire.ErrInvalidArgument},
	} {
		t.Run(x.name, func(t *testing.T) {
			c.TB = t
			e := c.fails(x.t, x.body, x.code)
			if e.Message == "" {
				t.Error("without a message")
			}
		})
	}
	c.TB = t
	c.put("k", "still there")
}

func TestKeyspacesOfRequestsAndSessions(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	for _, name := range []string{"red", "blue"} {
		c.ok(wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpOpen, Name: name, Create: true})
	}
	list, err := wire.DecodeList[string](c.ok(wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpList}))
	if err != nil || !slices.Equal(list, []string{"default", "blue", "red"}) {
		t.Errorf("keyspaces are %q: %v", list, err)
	}
	c.ok(wire.TypePut, &wire.Put{Key: []byte("k"), Value: []byte("red"), Keyspace: "red"})
	other := dial(t, s)
	other.hello(wire.Hello{Keyspace: "red"})
	if got := other.value("k"); got != "red" || c.value("k") != "none" {
		t.Errorf("k is %s in red, and %s in the default one", got, c.value("k"))
	}
	blue := "blue"
	other.ok(wire.TypeSet, &wire.Set{Keyspace: &blue})
	other.put("k", "blue")
	other.ok(wire.TypeBatch, &wire.Batch{Keyspace: "red", Ops: []wire.Op{
		{Kind: wire.OpPut, Key: []byte("x"), Value: []byte("red")}, {Kind: wire.OpPut, Key: []byte("x"), Value: []byte("blue"), Keyspace: "blue"},
	}})
	for _, ks := range []string{"red", "blue"} {
		want := wire.AppendBin(wire.AppendBin(wire.AppendArray(nil, 2), []byte(ks)), []byte(ks))
		wantBody(t, ks, c.ok(wire.TypeMGet, &wire.MGet{Keys: [][]byte{[]byte("k"), []byte("x")}, Keyspace: ks}), want)
	}
	c.ok(wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpDrop, Name: "blue"})
	other.fails(wire.TypePut, &wire.Put{Key: []byte("k"), Value: []byte("v")}, wire.ErrKeyspaceMissing)
	var info wire.Info
	if err := info.Decode(c.ok(wire.TypeInfo, nil)); err != nil || info.Keyspaces != 2 || info.Server != "middb" || info.Path != "/db" {
		t.Errorf("INFO: %+v, %v", info, err)
	}
}

func TestPipelinedSyncedWritesShareSyncs(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	for round := range 5 {
		before := s.db.Stats().LogSyncs
		block, release := newBlock()
		blocked := c.push(typeBlock, 0, block) // all of them have arrived before the first one is run
		var ids []uint32
		for i := range 16 {
			ids = append(ids, c.push(wire.TypePut, 0, &wire.Put{Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "%d", round), Durability: wire.Sync}))
		}
		c.flush()
		eventually(t, "all are in flight", func() bool { return s.Activity().InFlight == 17 })
		release()
		c.want(blocked, wire.TypeOK)
		for _, id := range ids {
			c.want(id, wire.TypeOK)
		}
		st := s.db.Stats()
		if n := st.LogSyncs - before; n > 2 {
			t.Errorf("16 pipelined writes cost %d syncs", n)
		}
		if st.DurableSeq < st.LastSeq {
			t.Errorf("answered, and not durable: %d of %d", st.DurableSeq, st.LastSeq)
		}
	}
}

func TestAGroupOfWritesKeepsOrderAndErrors(t *testing.T) {
	for _, durability := range []wire.Durability{wire.Sync, wire.NoSync} {
		c := session(t, serve(t, Options{}))
		put := func(k, v string, d wire.Durability) uint32 {
			return c.push(wire.TypePut, 0, &wire.Put{Key: []byte(k), Value: []byte(v), Durability: d})
		}
		var ids []uint32
		for i := range 3000 { // more than a group takes
			ids = append(ids, put("k", fmt.Sprint(i), durability))
		}
		bad := put("", "no key", durability)
		other := put("k", "other durability", 3-durability)
		del := c.push(wire.TypeDel, 0, &wire.Del{Key: []byte("k"), Durability: durability})
		merged := c.push(wire.TypeMerge, 0, &wire.Merge{Key: []byte("k"), Operator: merge.Append, Operand: []byte("end"), Durability: durability})
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.flush()
		}()
		for _, id := range ids {
			c.want(id, wire.TypeOK)
		}
		c.wantError(bad, wire.ErrEmptyKey)
		for _, id := range []uint32{other, del, merged} {
			c.want(id, wire.TypeOK)
		}
		<-done
		if got := c.value("k"); got != "end" {
			t.Errorf("at the end k is %s", got)
		}
	}
}

func TestWritesOfAGroupAreBeforeWhatFollows(t *testing.T) {
	c := session(t, serve(t, Options{}))
	for i := range 200 {
		var ids []uint32
		for j := range 3 {
			ids = append(ids, c.push(wire.TypePut, 0, &wire.Put{Key: fmt.Appendf(nil, "%d/%d", i, j), Value: []byte("v"), Durability: wire.NoSync}))
		}
		count := c.push(wire.TypeCount, 0, &wire.Count{Prefix: fmt.Appendf(nil, "%d/", i)})
		for range 50 { // so that the reader has something to do
			c.push(wire.TypePut, wire.NoReply, &wire.Put{Key: []byte("other"), Value: []byte("v"), Durability: wire.NoSync})
		}
		c.flush()
		for _, id := range ids {
			c.want(id, wire.TypeOK)
		}
		wantBody(t, "COUNT", c.want(count, wire.TypeOK), wire.AppendUint(nil, 3))
	}
}

func TestASyncedWriteAmongOthersIsDurable(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	for range 20 {
		block, release := newBlock()
		ids := []uint32{c.push(typeBlock, 0, block)}
		for _, d := range []wire.Durability{wire.NoSync, wire.Sync, wire.NoSync} {
			ids = append(ids, c.push(wire.TypePut, 0, &wire.Put{Key: []byte("k"), Value: []byte("v"), Durability: d}))
		}
		c.flush()
		eventually(t, "all are queued", func() bool { return s.Activity().InFlight == 4 })
		release()
		for _, id := range ids {
			c.want(id, wire.TypeOK)
		}
		if st := s.db.Stats(); st.DurableSeq < st.LastSeq-1 {
			t.Fatalf("it was answered, and %d of %d are durable", st.DurableSeq, st.LastSeq)
		}
	}
}

func TestLongRepliesAndValues(t *testing.T) {
	s := serve(t, Options{MaxFrame: 1 << 20})
	c := session(t, s)
	v := bytes.Repeat([]byte("0123456789abcdef"), 40_000) // 640,000 bytes
	for _, k := range []string{"a", "b"} {
		c.ok(wire.TypePut, &wire.Put{Key: []byte(k), Value: v})
	}
	wantBody(t, "GET", c.ok(wire.TypeGet, &wire.Get{Key: []byte("a")}), wire.AppendBin(nil, v))
	c.fails(wire.TypeMGet, &wire.MGet{Keys: [][]byte{[]byte("a"), []byte("b")}}, wire.ErrReplyTooLarge)
	// Whoever writes past the server may write what no frame can hold.
	if err := s.db.Put([]byte("c"), append(v, v...)); err != nil {
		t.Fatal(err)
	}
	c.fails(wire.TypeGet, &wire.Get{Key: []byte("c")}, wire.ErrReplyTooLarge)
	id := c.push(wire.TypeScan, 0, &wire.Scan{})
	c.flush()
	for range 2 {
		if got := rows(t, c.want(id, wire.TypeRows), false); len(got) != 1 {
			t.Errorf("%d entries in a frame", len(got))
		}
	}
	c.wantError(id, wire.ErrReplyTooLarge)
}

func TestCompression(t *testing.T) {
	s := serve(t, Options{})
	c := dial(t, s)
	if reply := c.hello(wire.Hello{Compress: []string{"snappy", wire.Zlib}}); reply.Compress != wire.Zlib {
		t.Fatalf("agreed on %q", reply.Compress)
	}
	c.frames.AllowCompression()
	v := bytes.Repeat([]byte("compressible "), 10_000)
	put := wire.Put{Key: []byte("k"), Value: v}
	frame := put.Append(wire.BeginFrame(nil, wire.TypePut, 0, 1))
	frame = new(wire.Deflater).EndFrame(frame, 0)
	if len(frame) > 5000 {
		t.Fatalf("the request has %d bytes", len(frame))
	}
	if _, err := c.Write(frame); err != nil {
		t.Fatal(err)
	}
	c.want(1, wire.TypeOK)
	before := s.Activity().BytesOut
	wantBody(t, "GET", c.ok(wire.TypeGet, &wire.Get{Key: []byte("k")}), wire.AppendBin(nil, v))
	if n := s.Activity().BytesOut - before; n > 5000 {
		t.Errorf("the reply has %d bytes", n)
	}
	id := c.push(wire.TypeScan, 0, &wire.Scan{})
	c.flush()
	if got, _ := c.stream(id, false); len(got) != 1 || got[0] != "k="+string(v) {
		t.Errorf("the scan yields %d entries", len(got))
	}
}
