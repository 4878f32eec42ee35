package server

import (
	"testing"

	"github.com/middb/middb/wire"
)

func (c *client) begin(m wire.Begin) uint64 {
	c.Helper()
	var reply wire.BeginReply
	if err := reply.Decode(c.ok(wire.TypeBegin, &m)); err != nil || reply.Txn == 0 {
		c.Fatalf("begin: %+v, %v", reply, err)
	}
	return reply.Txn
}

func get(k string, txn uint64) *wire.Get { return &wire.Get{Key: []byte(k), Txn: txn} }

func put(k, v string, txn uint64) *wire.Put {
	return &wire.Put{Key: []byte(k), Value: []byte(v), Txn: txn}
}

func bin(s string) []byte { return wire.AppendBin(nil, []byte(s)) }

func TestTransactionsLastOverRequests(t *testing.T) {
	s := serve(t, Options{})
	c, other := session(t, s), session(t, s)
	c.put("a", "old")
	txn := c.begin(wire.Begin{})
	other.put("a", "new")
	wantBody(t, "a within", c.ok(wire.TypeGet, get("a", txn)), bin("old"))
	c.ok(wire.TypePut, put("b", "mine", txn))
	c.ok(wire.TypeBatch, &wire.Batch{Txn: txn, Ops: []wire.Op{{Kind: wire.OpPut, Key: []byte("c"), Value: []byte("mine")}}})
	c.fails(wire.TypeBatch, &wire.Batch{Txn: txn, Ops: []wire.Op{
		{Kind: wire.OpDelete, Key: []byte("c")}, {Kind: wire.OpPut, Key: []byte{}, Value: []byte("v")},
	}}, wire.ErrEmptyKey)
	mget := wire.AppendBin(append(append(wire.AppendArray(nil, 3), bin("old")...), bin("mine")...), []byte("mine"))
	wantBody(t, "MGET", c.ok(wire.TypeMGet, &wire.MGet{Keys: [][]byte{[]byte("a"), []byte("b"), []byte("c")}, Txn: txn}), mget)
	wantBody(t, "COUNT", c.ok(wire.TypeCount, &wire.Count{Txn: txn}), wire.AppendUint(nil, 3))
	c.fails(wire.TypeGet, &wire.Get{Key: []byte("a"), Txn: txn, Want: wire.WantSeq}, wire.ErrInvalidArgument)
	if got := other.value("b"); got != "none" {
		t.Errorf("others see %s", got)
	}
	other.fails(wire.TypeGet, get("a", txn), wire.ErrNoSuchTxn)
	c.ok(wire.TypeCommit, wire.ID(txn))
	if got := other.value("b"); got != "mine" {
		t.Errorf("after the commit others see %s", got)
	}
	c.fails(wire.TypeGet, get("a", txn), wire.ErrTxnDone)
	c.fails(wire.TypeCommit, wire.ID(txn), wire.ErrTxnDone)
}

func TestConflictsSayWhere(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	c.ok(wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpOpen, Name: "red", Create: true})
	for _, prepare := range []func(txn uint64){
		func(txn uint64) { // both write
			c.ok(wire.TypePut, &wire.Put{Key: []byte("k"), Value: []byte("mine"), Keyspace: "red", Txn: txn})
		},
		func(txn uint64) { // read for update
			c.ok(wire.TypeGet, &wire.Get{Key: []byte("k"), Keyspace: "red", Txn: txn, Want: wire.WantForUpdate})
		},
		func(txn uint64) { // read by a serializable one
			c.ok(wire.TypeGet, &wire.Get{Key: []byte("k"), Keyspace: "red", Txn: txn})
		},
		func(txn uint64) { // walked over by a serializable one
			id := c.push(wire.TypeScan, 0, &wire.Scan{Keyspace: "red", Txn: txn})
			c.flush()
			c.stream(id, false)
		},
	} {
		txn := c.begin(wire.Begin{Isolation: wire.Serializable})
		prepare(txn)
		c.ok(wire.TypePut, put("elsewhere", "v", txn))
		c.ok(wire.TypePut, &wire.Put{Key: []byte("k"), Value: []byte("other"), Keyspace: "red"})
		e := c.fails(wire.TypeCommit, wire.ID(txn), wire.ErrConflict)
		if string(e.Key) != "k" || e.Keyspace != "red" || e.Seq != s.db.Stats().LastSeq || !e.Retry {
			t.Errorf("the conflict is %+v", e)
		}
	}
}

func TestSavepoints(t *testing.T) {
	c := session(t, serve(t, Options{}))
	txn := c.begin(wire.Begin{})
	c.ok(wire.TypePut, put("a", "1", txn))
	wantBody(t, "SAVEPOINT", c.ok(wire.TypeSavepoint, wire.ID(txn)), wire.AppendUint(nil, 1))
	c.ok(wire.TypePut, put("a", "2", txn))
	wantBody(t, "SAVEPOINT", c.ok(wire.TypeSavepoint, wire.ID(txn)), wire.AppendUint(nil, 2))
	c.ok(wire.TypeRollback, &wire.Rollback{Txn: txn, Savepoint: 1})
	c.fails(wire.TypeRollback, &wire.Rollback{Txn: txn, Savepoint: 2}, wire.ErrSavepoint)
	c.fails(wire.TypeRollback, &wire.Rollback{Txn: txn, Savepoint: 3}, wire.ErrSavepoint)
	wantBody(t, "SAVEPOINT", c.ok(wire.TypeSavepoint, wire.ID(txn)), wire.AppendUint(nil, 3))
	c.ok(wire.TypeCommit, wire.ID(txn))
	if got := c.value("a"); got != "1" {
		t.Errorf("a is %s", got)
	}
	txn = c.begin(wire.Begin{})
	c.ok(wire.TypePut, put("a", "2", txn))
	c.ok(wire.TypeRollback, &wire.Rollback{Txn: txn})
	c.fails(wire.TypeRollback, &wire.Rollback{Txn: txn}, wire.ErrTxnDone)
	if got := c.value("a"); got != "1" {
		t.Errorf("after the rollback a is %s", got)
	}
}

func TestReadOnlyTransactions(t *testing.T) {
	c := session(t, serve(t, Options{}))
	txn := c.begin(wire.Begin{ReadOnly: true})
	c.fails(wire.TypePut, put("a", "1", txn), wire.ErrTxnReadOnly)
	c.fails(wire.TypeGet, &wire.Get{Key: []byte("a"), Txn: txn, Want: wire.WantForUpdate}, wire.ErrTxnReadOnly)
	c.ok(wire.TypeCommit, wire.ID(txn))
	c.fails(wire.TypeGet, get("a", txn), wire.ErrTxnDone)
}

func TestTransactionsExpireWithTheirCursors(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	c.put("a", "1")
	txn := c.begin(wire.Begin{TimeoutMS: 20})
	c.ok(wire.TypePut, put("b", "2", txn))
	eventually(t, "the transaction has expired", func() bool { return s.db.Stats().Views == 0 })
	c.fails(wire.TypeCommit, wire.ID(txn), wire.ErrTxnExpired)
	c.fails(wire.TypeGet, get("a", txn), wire.ErrTxnDone)
	if got := c.value("b"); got != "none" {
		t.Errorf("b is %s", got)
	}
}

func TestCursorsEndWithTheirTransaction(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	c.fill(40, 20_000)
	for name, end := range map[string]func(txn uint64){
		"commit":   func(txn uint64) { c.push(wire.TypeCommit, 0, wire.ID(txn)) },
		"rollback": func(txn uint64) { c.push(wire.TypeRollback, 0, &wire.Rollback{Txn: txn}) },
	} {
		txn := c.begin(wire.Begin{})
		id := c.push(wire.TypeScan, 0, &wire.Scan{Txn: txn, Credit: 1})
		c.flush()
		c.want(id, wire.TypeRows)
		end(txn)
		c.flush()
		got := map[wire.Type]bool{}
		for range 2 {
			f := c.read()
			got[f.Type] = true
			if f.ID == id {
				if e, err := wire.DecodeError(f.Body); err != nil || e.Code != wire.ErrTxnDone {
					t.Errorf("%s: the cursor ends with %s", name, show(f))
				}
			}
		}
		if !got[wire.TypeOK] || !got[wire.TypeError] {
			t.Errorf("%s: got %v", name, got)
		}
		if n := s.db.Stats().Views; n != 0 {
			t.Errorf("%s: %d views are open", name, n)
		}
	}
}

func TestTransactionsEndWithTheirConnection(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	c.fill(40, 20_000)
	for range 5 {
		txn := c.begin(wire.Begin{})
		c.ok(wire.TypePut, put("never", "v", txn))
		id := c.push(wire.TypeScan, 0, &wire.Scan{Txn: txn, Credit: 1})
		c.flush()
		c.want(id, wire.TypeRows)
		id = c.push(wire.TypeScan, 0, &wire.Scan{Credit: 1})
		c.flush()
		c.want(id, wire.TypeRows)
		id = c.push(wire.TypeWatch, 0, &wire.Watch{From: s.db.Stats().LastSeq + 1})
		c.flush()
		c.want(id, wire.TypeOK)
	}
	if st := s.db.Stats(); st.Txns != 5 || st.Views != 15 {
		t.Errorf("%d transactions and %d views", st.Txns, st.Views)
	}
	_ = c.Close()
	eventually(t, "all is released", func() bool {
		st := s.db.Stats()
		return st.Txns == 0 && st.Views == 0 && s.Activity().Connections == 0
	})
	if got := session(t, s).value("never"); got != "none" {
		t.Errorf("a transaction without an end has written %s", got)
	}
}

func TestTransactionsAreLimited(t *testing.T) {
	s := serve(t, Options{MaxTxns: 2, MaxConnections: 8, MaxFrame: 512 << 10, MaxMemory: 4<<20 + 8*connBytes})
	c := session(t, s)
	first := c.begin(wire.Begin{})
	c.begin(wire.Begin{})
	c.fails(wire.TypeBegin, &wire.Begin{}, wire.ErrLimit)
	v := make([]byte, 50_000)
	refused := 0
	for range 100 {
		id := c.push(wire.TypePut, 0, &wire.Put{Key: []byte("k"), Value: v, Txn: first})
		c.flush()
		if f := c.read(); f.Type == wire.TypeError {
			if e, err := wire.DecodeError(f.Body); err != nil || e.Code != wire.ErrLimit || f.ID != id {
				t.Fatalf("got %s", show(f))
			}
			refused++
		}
	}
	if refused < 70 || refused > 85 { // 1 MiB of 5 MB is taken
		t.Errorf("%d of 100 writes were refused", refused)
	}
	c.ok(wire.TypeRollback, &wire.Rollback{Txn: first})
	second := c.begin(wire.Begin{})
	c.ok(wire.TypePut, &wire.Put{Key: []byte("k"), Value: v, Txn: second})
	c.ok(wire.TypeCommit, wire.ID(second))
}

// The reader of a connection must not wait for a transaction that another request of it uses.
func TestABusyTransactionDoesNotHoldUpTheReader(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	txn := c.begin(wire.Begin{})
	inside := s.connections()[0]
	held, err := inside.txn(txn)
	if err != nil {
		t.Fatal(err)
	}
	held.mu.Lock()
	blocked := c.push(wire.TypePut, 0, put("k", "v", txn))
	read := c.push(wire.TypeGet, wire.AnyOrder, get("k", txn))
	cancel := c.push(wire.TypeCancel, 0, wire.ID(4711))
	c.flush()
	c.want(cancel, wire.TypeOK)
	held.mu.Unlock()
	got := []uint32{c.read().ID, c.read().ID}
	if got[0]+got[1] != blocked+read {
		t.Errorf("answered are %d", got)
	}
}
