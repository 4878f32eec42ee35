package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// withUsers runs a server with an admin root, and ada, who may read and write red and read blue.
func withUsers(t testing.TB, lo ListenerOptions) (*running, *users.Store) {
	t.Helper()
	db := openMem(t, nil)
	for _, name := range []string{"red", "blue", "green"} {
		if _, err := db.Keyspace(name, engine.KeyspaceOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	st, err := users.Open(db)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	err = errors.Join(
		st.Add(ctx, "root", "secret", []users.Grant{{Keyspace: users.All, Role: users.Admin}}),
		st.Add(ctx, "ada", "lovelace", []users.Grant{{Keyspace: "red", Role: users.Write}, {Keyspace: "blue", Role: users.Read}}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return serveDB(t, db, Options{Users: st}, lo), st
}

// login logs in with SCRAM, and returns the error that there was.
func (c *client) login(name, password string) *wire.Error {
	c.Helper()
	scramClient, err := scram.SHA256.NewClient(name, password, "")
	if err != nil {
		c.Fatal(err)
	}
	conversation := scramClient.NewConversation()
	mechanism, data := wire.ScramSHA256, ""
	for range 2 {
		out, err := conversation.Step(data)
		if err != nil {
			c.Fatal(err)
		}
		id := c.push(wire.TypeAuth, 0, &wire.Auth{Mechanism: mechanism, Data: []byte(out)})
		c.flush()
		f := c.read()
		if f.Type == wire.TypeError && f.ID == id {
			e, err := wire.DecodeError(f.Body)
			if err != nil {
				c.Fatal(err)
			}
			return e
		}
		var reply wire.Auth
		if err = reply.Decode(f.Body); err != nil || f.ID != id {
			c.Fatalf("got %s: %v", show(f), err)
		}
		mechanism, data = "", string(reply.Data)
	}
	if _, err = conversation.Step(data); err != nil || !conversation.Valid() {
		c.Fatalf("the server has not proved who it is: %v", err)
	}
	return nil
}

func TestLogin(t *testing.T) {
	s, _ := withUsers(t, ListenerOptions{})
	c := dial(t, s)
	if reply := c.hello(wire.Hello{Client: "test"}); !reply.Auth || !slices.Equal(reply.Mechanisms, []string{wire.ScramSHA256}) || reply.User != "" {
		t.Errorf("HELLO answers %+v", reply)
	}
	c.ok(wire.TypePing, nil)
	for _, before := range []wire.Type{wire.TypeGet, wire.TypeStats, wire.TypeUsers, wire.TypeScan, wire.TypeBegin} {
		c.fails(before, nil, wire.ErrAuthRequired)
	}
	c.fails(wire.TypeAuth, &wire.Auth{Mechanism: "PLAIN", Data: []byte("\x00root\x00secret")}, wire.ErrAuthFailed)
	c.fails(wire.TypeAuth, &wire.Auth{Data: []byte("c=biws")}, wire.ErrAuthFailed)
	for _, x := range [][2]string{{"root", "wrong"}, {"nobody", "secret"}} {
		if e := c.login(x[0], x[1]); e == nil || e.Code != wire.ErrAuthFailed {
			t.Errorf("login as %s: %v", x[0], e)
		}
		c.fails(wire.TypeGet, nil, wire.ErrAuthRequired)
	}
	if e := c.login("root", "secret"); e != nil {
		t.Fatal(e)
	}
	c.put("k", "v")
	if e := c.login("ada", "lovelace"); e == nil || e.Code != wire.ErrInvalidArgument {
		t.Errorf("a second login: %v", e)
	}
	if a := s.Activity(); a.Rejected != 2 || a.Sessions != 1 {
		t.Errorf("%d logins failed, %d sessions", a.Rejected, a.Sessions)
	}
	other := dial(t, s)
	other.hello(wire.Hello{})
	other.push(wire.TypeGoodbye, 0, nil)
	other.flush()
	other.want(other.next, wire.TypeOK)
	other.closed()
}

func TestRolesHoldForEveryRequest(t *testing.T) {
	s, _ := withUsers(t, ListenerOptions{})
	root, c := dial(t, s), dial(t, s)
	root.hello(wire.Hello{})
	c.hello(wire.Hello{Keyspace: "red"})
	if e := errors.Join(asError(root.login("root", "secret")), asError(c.login("ada", "lovelace"))); e != nil {
		t.Fatal(e)
	}
	c.put("k", "red")
	txn := c.begin(wire.Begin{})
	k, v := []byte("k"), []byte("v")
	for _, x := range []struct {
		t    wire.Type
		body body
	}{
		{wire.TypeGet, &wire.Get{Key: k, Keyspace: "default"}},
		{wire.TypeGet, &wire.Get{Key: k, Keyspace: "nowhere"}},
		{wire.TypeGet, &wire.Get{Key: k, Keyspace: "green", Txn: txn}},
		{wire.TypeGet, &wire.Get{Key: k, Keyspace: "middb.users"}},
		{wire.TypeMGet, &mgetBody{k, "green"}},
		{wire.TypePut, &wire.Put{Key: k, Value: v, Keyspace: "blue"}},
		{wire.TypePut, &wire.Put{Key: k, Value: v, Keyspace: "blue", Durability: wire.NoSync}},
		{wire.TypePut, &wire.Put{Key: k, Value: v, Keyspace: "blue", Txn: txn}},
		{wire.TypeDel, &wire.Del{Key: k, Keyspace: "blue"}},
		{wire.TypeDelRange, &wire.DelRange{Keyspace: "blue"}},
		{wire.TypeMerge, &wire.Merge{Key: k, Operator: "append", Operand: v, Keyspace: "blue"}},
		{wire.TypeCAS, &wire.CAS{Key: k, Value: v, Keyspace: "blue"}},
		{wire.TypeBatch, &wire.Batch{Ops: []wire.Op{{Kind: wire.OpDelete, Key: k}, {Kind: wire.OpDelete, Key: k, Keyspace: "blue"}}}},
		{wire.TypeBatch, &wire.Batch{Txn: txn, Ops: []wire.Op{{Kind: wire.OpDelete, Key: k}, {Kind: wire.OpDelete, Key: k, Keyspace: "blue"}}}},
		{wire.TypeScan, &wire.Scan{Keyspace: "green"}},
		{wire.TypeCount, &wire.Count{Keyspace: "green"}},
		{wire.TypeWatch, &wire.Watch{Keyspace: "green"}},
		{wire.TypeFlush, nil},
		{wire.TypeCompact, &wire.Compact{All: true}},
		{wire.TypeCompact, &wire.Compact{Keyspace: "red"}},
		{wire.TypeSessions, nil},
		{wire.TypeKill, wire.ID(1)},
		{wire.TypeUsers, &wire.Users{Op: wire.OpList}},
		{wire.TypeUsers, &wire.Users{Op: wire.OpPasswd, Name: "root", Password: "x"}},
		{wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpOpen, Name: "new", Create: true}},
		{wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpDrop, Name: "red"}},
	} {
		c.fails(x.t, x.body, wire.ErrPermissionDenied)
	}
	if got := c.value("k"); got != "red" {
		t.Errorf("k is %s", got)
	}
	c.ok(wire.TypeRollback, &wire.Rollback{Txn: txn})
	c.ok(wire.TypeGet, &wire.Get{Key: k, Keyspace: "blue"})
	list, err := wire.DecodeList[string](c.ok(wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpList}))
	if err != nil || !slices.Equal(list, []string{"blue", "red"}) {
		t.Errorf("ada sees %q: %v", list, err)
	}
	list, err = wire.DecodeList[string](root.ok(wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpList}))
	if err != nil || !slices.Contains(list, "middb.users") || len(list) != 5 {
		t.Errorf("root sees %q: %v", list, err)
	}
	root.ok(wire.TypeFlush, nil)
	root.ok(wire.TypeCompact, &wire.Compact{All: true})
	root.ok(wire.TypeCompact, &wire.Compact{Keyspace: "red", Lower: k})
}

type mgetBody struct {
	k  []byte
	ks string
}

func (m *mgetBody) Append(dst []byte) []byte {
	x := wire.MGet{Keys: [][]byte{m.k, m.k}, Keyspace: m.ks}
	return x.Append(dst)
}

func asError(e *wire.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func TestChangesOfUsersHoldForSessionsAtOnce(t *testing.T) {
	s, _ := withUsers(t, ListenerOptions{})
	root, c := dial(t, s), dial(t, s)
	root.hello(wire.Hello{})
	c.hello(wire.Hello{})
	if e := errors.Join(asError(root.login("root", "secret")), asError(c.login("ada", "lovelace"))); e != nil {
		t.Fatal(e)
	}
	c.fails(wire.TypeGet, get("k", 0), wire.ErrPermissionDenied)
	root.ok(wire.TypeUsers, &wire.Users{Op: wire.OpGrant, Name: "ada", Grants: []wire.Grant{{Keyspace: "default", Role: "read"}}})
	c.ok(wire.TypeGet, get("k", 0))
	c.ok(wire.TypeUsers, &wire.Users{Op: wire.OpPasswd, Name: "ada", Password: "new"})
	root.ok(wire.TypeUsers, &wire.Users{Op: wire.OpAdd, Name: "bob", Password: "x", Grants: []wire.Grant{{Keyspace: "*", Role: "read"}}})
	root.fails(wire.TypeUsers, &wire.Users{Op: wire.OpAdd, Name: "bob", Password: "x"}, wire.ErrUserExists)
	root.fails(wire.TypeUsers, &wire.Users{Op: wire.OpGrant, Name: "bob", Grants: []wire.Grant{{Keyspace: "*", Role: "king"}}}, wire.ErrInvalidArgument)
	root.fails(wire.TypeUsers, &wire.Users{Op: "hug"}, wire.ErrInvalidArgument)
	list, err := wire.DecodeList[wire.User](root.ok(wire.TypeUsers, &wire.Users{Op: wire.OpList}))
	if err != nil || len(list) != 3 || list[1].Name != "bob" || list[1].Grants[0] != (wire.Grant{Keyspace: "*", Role: "read"}) {
		t.Errorf("the users are %+v: %v", list, err)
	}
	root.ok(wire.TypeUsers, &wire.Users{Op: wire.OpRemove, Name: "ada"})
	c.push(wire.TypeGet, 0, get("k", 0))
	c.flush()
	c.closedBecause(wire.ErrAuthRequired)
	root.fails(wire.TypeUsers, &wire.Users{Op: wire.OpRemove, Name: "ada"}, wire.ErrUserMissing)
}

func TestListenersMayKnowWhoIsThere(t *testing.T) {
	refused := wire.Errorf(wire.ErrAuthFailed, "not you")
	who := make(chan any, 1)
	s, st := withUsers(t, ListenerOptions{Identify: func(net.Conn) (*users.Identity, error) {
		switch x := (<-who).(type) {
		case *users.Identity:
			return x, nil
		case error:
			return nil, x
		default:
			return nil, nil
		}
	}})
	ada, err := st.Lookup("ada")
	if err != nil {
		t.Fatal(err)
	}
	who <- ada
	c := dial(t, s)
	if reply := c.hello(wire.Hello{}); reply.Auth || reply.User != "ada" {
		t.Errorf("HELLO answers %+v", reply)
	}
	c.fails(wire.TypeGet, get("k", 0), wire.ErrPermissionDenied)
	who <- users.Superuser
	c = dial(t, s)
	c.hello(wire.Hello{})
	c.put("k", "v")
	if e := c.login("ada", "lovelace"); e != nil { // who may be somebody else
		t.Fatal(e)
	}
	c.fails(wire.TypeGet, get("k", 0), wire.ErrPermissionDenied)
	who <- nil
	c = dial(t, s)
	if reply := c.hello(wire.Hello{}); !reply.Auth {
		t.Error("no login is needed")
	}
	who <- refused
	dial(t, s).closedBecause(wire.ErrAuthFailed)
}

func TestSessionsAreListedAndKilled(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	victim := dial(t, s)
	reply := victim.hello(wire.Hello{Client: "victim/1"})
	victim.fill(40, 20_000)
	txn := victim.begin(wire.Begin{})
	victim.ok(wire.TypePut, put("never", "v", txn))
	cursor := victim.push(wire.TypeScan, 0, &wire.Scan{Credit: 1})
	victim.flush()
	victim.want(cursor, wire.TypeRows)
	block, _ := newBlock()
	running := victim.push(typeBlock, 0, block)
	victim.flush()
	eventually(t, "it is in flight", func() bool { return s.Activity().InFlight == 2 })
	list, err := wire.DecodeList[wire.Session](c.ok(wire.TypeSessions, nil))
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v: %v", list, err)
	}
	got := list[1]
	if got.Session != reply.Session || got.Client != "victim/1" || got.Txns != 1 || got.Cursors != 1 || got.InFlight != 2 || got.Requests != 45 ||
		!strings.HasPrefix(got.Remote, "127.0.0.1:") || got.Since == 0 {
		t.Errorf("the session is %+v", got)
	}
	wantBody(t, "KILL of nothing", c.ok(wire.TypeKill, wire.ID(4711)), []byte{0xc2})
	wantBody(t, "KILL", c.ok(wire.TypeKill, wire.ID(reply.Session)), []byte{0xc3})
	ended := map[uint32]bool{}
	for range 2 {
		f := victim.read()
		if e, err := wire.DecodeError(f.Body); f.Type != wire.TypeError || err != nil || e.Code != wire.ErrKilled {
			t.Errorf("got %s", show(f))
		}
		ended[f.ID] = true
	}
	if !ended[running] || !ended[cursor] {
		t.Errorf("ended are %v", ended)
	}
	victim.closedBecause(wire.ErrKilled)
	eventually(t, "all is released", func() bool { return s.db.Stats().Views == 0 && s.Activity().Connections == 1 })
}

func TestStatsTellOfServerAndEngine(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	c.put("k", "v")
	c.fails(wire.TypePut, put("", "v", 0), wire.ErrEmptyKey)
	c.begin(wire.Begin{})
	c.ok(wire.TypeFlush, nil) // has the log synced
	var st wire.Stats
	if err := st.Decode(c.ok(wire.TypeStats, nil)); err != nil {
		t.Fatal(err)
	}
	if v := st.Server; v.Connections != 1 || v.Sessions != 1 || v.Accepted != 1 || v.Txns != 1 || v.InFlight != 1 || v.BytesIn < 50 || v.BytesOut < 50 || v.Buffered == 0 {
		t.Errorf("the server: %+v", v)
	}
	if e := st.Engine; e.LastSeq != 1 || e.Txns != 1 || e.Views != 1 || e.Keyspaces != 1 || len(st.Levels) == 0 {
		t.Errorf("the engine: %+v", e)
	}
	i := slices.IndexFunc(st.Operations, func(o wire.OperationStats) bool { return o.Name == "put" })
	if i < 0 || st.Operations[i].Count != 2 || st.Operations[i].Errors != 1 || st.Operations[i].Time <= 0 || st.Operations[i].P99 <= 0 {
		t.Errorf("operations: %+v", st.Operations)
	} else if l := wire.HistogramOf(st.Operations[i].Time, st.Operations[i].Latency); l.Count() != 2 || l.Quantile(0.99) != st.Operations[i].P99 {
		t.Errorf("the latency of puts: %v", l)
	}
	if e := st.Engine; e.Commits != 1 || e.WrittenBytes < 2 || e.WriteAmp < 1 || e.ReadAmp < 2 || len(e.LogSyncLatency) < 2 {
		t.Errorf("the engine: %+v", e)
	}
	busy := func(a wire.ActorStats) bool {
		return a.Name == "log writer" && a.BusyTime > 0 && a.Busy > 0 && a.Busy <= 1
	}
	if !slices.ContainsFunc(st.Actors, busy) {
		t.Errorf("actors: %+v", st.Actors)
	}
}

func TestLogsFailuresAndSlowRequests(t *testing.T) {
	var log lockedBuffer
	s := serve(t, Options{SlowRequest: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c := session(t, s)
	c.fails(typePanic, nil, wire.ErrInternal)
	if _, err := c.Write(make([]byte, wire.HeaderBytes)); err != nil {
		t.Fatal(err)
	}
	c.closedBecause(wire.ErrProtocol)
	eventually(t, "the end is logged", func() bool { return strings.Contains(log.String(), "connection closed") })
	for _, want := range []string{"slow request", "request=HELLO", "panic=planted", "order_test.go", "connection closed", "with the number 0"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log.String())
		}
	}
}

func TestSlowRequestsAreLoggedForPeople(t *testing.T) {
	var log lockedBuffer
	s := serve(t, Options{SlowRequest: 1, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	c := session(t, s)
	c.push(wire.TypeScan, 0, &wire.Scan{})
	c.flush()
	if f := c.read(); f.Type != wire.TypeEnd {
		t.Fatalf("got %v", f.Type)
	}
	c.ok(wire.TypePing, nil)
	eventually(t, "a request is logged", func() bool { return strings.Contains(log.String(), `"request":"PING","took":"`) })
	if strings.Contains(log.String(), "SCAN") {
		t.Errorf("a scan, which may last, is slow:\n%s", log.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestWhoIsGoneIsNoFailure(t *testing.T) {
	var log lockedBuffer
	s := serve(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	c := session(t, s)
	block, release := newBlock()
	defer release()
	c.push(typeBlock, 0, block)
	c.flush()
	eventually(t, "it is in flight", func() bool { return s.Activity().InFlight == 1 })
	_ = c.Close()
	eventually(t, "the connection is gone", func() bool { return s.Activity().Connections == 0 })
	if text := log.String(); strings.Contains(text, "ERROR") {
		t.Errorf("the operator is told:\n%s", text)
	}
}
