package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/golden.json anew")

// A message is what this package encodes and decodes.
type message interface {
	Append(dst []byte) []byte
}

type decodable interface{ Decode(body []byte) error }

// A golden is a frame of testdata/golden.json. The Python suite reads the same file.
type golden struct {
	Name    string          `json:"name"`
	Message string          `json:"message"` // name of the type
	Type    Type            `json:"type"`
	Flags   Flags           `json:"flags"`
	ID      uint32          `json:"id"`
	Body    json.RawMessage `json:"body"` // as appendJSON writes it
	Hex     string          `json:"hex"`  // the whole frame
}

// An example is a frame as this package makes it.
type example struct {
	name    string
	t       Type
	flags   Flags
	id      uint32
	message message
}

// raw is a body that is not one message.
type raw []byte

func (r raw) Append(dst []byte) []byte { return append(dst, r...) }

type errorMessage struct{ *Error }

func (m *errorMessage) Decode(body []byte) (err error) {
	m.Error, err = DecodeError(body)
	return err
}

func ptr[T any](v T) *T { return &v }

// examples are at least one frame of each message, with its defaults and with all of it.
func examples() []example {
	key, value := []byte("user/1"), []byte("Ada")
	binary := []byte{0, 0xff, 0x80, '\n'}
	return append([]example{
		{"hello", TypeHello, 0, 1, &Hello{Client: "middb-go 1.0"}},
		{"hello with everything", TypeHello, 0, 1, &Hello{Client: "c", Keyspace: "users", Compress: []string{Zlib}, Notices: true}},
		{"reply to hello", TypeOK, 0, 1, &HelloReply{
			Server: "middb", Version: "1.0", Session: 7, Auth: true, Mechanisms: []string{ScramSHA256}, Compress: Zlib,
			Limits: Limits{Frame: 16 << 20, InFlight: 1024, Unsent: 64 << 20, RowsFrame: RowsBytes, Txns: 64, Cursors: 256},
		}},
		{"auth", TypeAuth, 0, 2, &Auth{Mechanism: ScramSHA256, Data: []byte("n,,n=ada,r=fyko")}},
		{"reply to auth", TypeOK, 0, 2, &Auth{Data: []byte("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="), Done: true}},
		{"ping", TypePing, 0, 3, raw(AppendNil(nil))},
		{"goodbye", TypeGoodbye, 0, 4, raw(AppendNil(nil))},
		{"cancel", TypeCancel, 0, 5, ptr(ID(4))},
		{"set", TypeSet, 0, 6, &Set{Keyspace: ptr("users"), Durability: ptr(NoSync), TimeoutMS: ptr(uint64(0))}},
		{"get", TypeGet, 0, 7, &Get{Key: key}},
		{"get any order", TypeGet, AnyOrder, math.MaxUint32, &Get{Key: binary}},
		{"get in a keyspace", TypeGet, 0, 8, &Get{Key: key, Keyspace: "users"}},
		{"get for update", TypeGet, 0, 9, &Get{Key: key, Txn: 3, Want: WantForUpdate}},
		{"value", TypeOK, 0, 7, raw(AppendBin(nil, value))},
		{"no value", TypeOK, 0, 7, raw(AppendNil(nil))},
		{"value and sequence number", TypeOK, 0, 7, raw(AppendUint(AppendBin(AppendArray(nil, 2), value), 1<<40))},
		{"put", TypePut, 0, 10, &Put{Key: key, Value: value}},
		{"put of nothing", TypePut, 0, 10, &Put{Key: key, Value: []byte{}}},
		{"put without reply", TypePut, NoReply, 10, &Put{Key: key, Value: value, TTL: 90_000, Durability: NoSync}},
		{"put in a transaction", TypePut, 0, 11, &Put{Key: key, Value: value, Keyspace: "users", Txn: 300}},
		{"put of 300 bytes", TypePut, 0, 12, &Put{Key: key, Value: bytes.Repeat([]byte("v"), 300)}},
		{"del", TypeDel, 0, 13, &Del{Key: key}},
		{"del with everything", TypeDel, 0, 13, &Del{Key: key, Keyspace: "users", Txn: 1, Durability: Sync}},
		{"mget", TypeMGet, 0, 14, &MGet{Keys: [][]byte{key, binary}}},
		{"mget in a transaction", TypeMGet, 0, 14, &MGet{Keys: [][]byte{}, Txn: 2}},
		{"values", TypeOK, 0, 14, raw(AppendNil(AppendBin(AppendArray(nil, 2), value)))},
		{"batch", TypeBatch, 0, 15, &Batch{Ops: []Op{
			{Kind: OpPut, Key: key, Value: value, TTL: 1000},
			{Kind: OpDelete, Key: binary, Keyspace: "users"},
			{Kind: OpDeleteRange, Key: key},
			{Kind: OpMerge, Key: []byte("n"), Operator: "counter", Value: []byte{1, 0, 0, 0, 0, 0, 0, 0}},
		}}},
		{"batch with everything", TypeBatch, 0, 16, &Batch{Ops: []Op{{Kind: OpDeleteRange, End: key}}, Keyspace: "users", Txn: 5, Durability: Sync}},
		{"scan", TypeScan, 0, 17, &Scan{}},
		{"scan with everything", TypeScan, 0, 18, &Scan{
			Keyspace: "users", Txn: 1, Lower: key, Upper: binary, Prefix: []byte("u"), Flags: ScanReverse | ScanKeysOnly, Limit: 100_000, Credit: 8,
		}},
		{"rows", TypeRows, More, 17, raw(AppendBin(AppendBin(AppendArray(nil, 2), key), value))},
		{"keys", TypeRows, More, 18, raw(AppendBin(AppendArray(nil, 1), key))},
		{"end", TypeEnd, 0, 17, &End{Rows: 1}},
		{"cas", TypeCAS, 0, 19, &CAS{Key: key, Value: value}},
		{"cas with everything", TypeCAS, 0, 19, &CAS{Key: key, Value: value, Seq: math.MaxUint64, Keyspace: "users", Durability: NoSync}},
		{"sequence number", TypeOK, 0, 19, raw(AppendUint(nil, 70_000))},
		{"delrange", TypeDelRange, 0, 20, &DelRange{}},
		{"delrange with everything", TypeDelRange, 0, 20, &DelRange{Lower: key, Upper: binary, Keyspace: "users", Txn: 1, Durability: Sync}},
		{"count", TypeCount, 0, 21, &Count{Prefix: []byte("user/")}},
		{"merge", TypeMerge, 0, 22, &Merge{Key: key, Operator: "append", Operand: value}},
	}, append(moreExamples(), sqlExamples()...)...)
}

func moreExamples() []example {
	key, value := []byte("user/1"), []byte("Ada")
	return []example{
		{"begin", TypeBegin, 0, 30, &Begin{}},
		{"begin with everything", TypeBegin, 0, 30, &Begin{Isolation: Serializable, ReadOnly: true, TimeoutMS: 5000, Durability: NoSync}},
		{"reply to begin", TypeOK, 0, 30, &BeginReply{Txn: 1, Seq: 12345}},
		{"commit", TypeCommit, 0, 31, ptr(ID(1))},
		{"rollback", TypeRollback, 0, 32, &Rollback{Txn: 1}},
		{"rollback to a savepoint", TypeRollback, 0, 33, &Rollback{Txn: 1, Savepoint: 2}},
		{"savepoint", TypeSavepoint, 0, 34, ptr(ID(1))},
		{"fetch", TypeFetch, 0, 35, &Fetch{Cursor: 17, Credit: 4}},
		{"close", TypeClose, 0, 36, ptr(ID(17))},
		{"watch", TypeWatch, 0, 37, &Watch{}},
		{"watch with everything", TypeWatch, 0, 37, &Watch{Keyspace: "users", From: 99, Prefix: []byte("u"), Credit: 1}},
		{"event", TypeEvent, More, 37, &Event{Position: 104, Changes: []Change{
			{Seq: 100, Kind: OpPut, Key: key, Value: value, Expires: 1_700_000_000_000},
			{Seq: 101, Kind: OpPut, Key: key, Value: []byte{}},
			{Seq: 102, Kind: OpDelete, Key: key},
			{Seq: 103, Kind: OpDeleteRange, End: key},
			{Seq: 104, Kind: OpMerge, Key: key, Operator: "append", Value: value},
		}}},
		{"unwatch", TypeUnwatch, 0, 38, &Unwatch{Watch: 37}},
		{"unwatch when all is delivered", TypeUnwatch, 0, 38, &Unwatch{Watch: 37, Drain: true}},
		{"stats", TypeStats, 0, 40, raw(AppendNil(nil))},
		{"reply to stats", TypeOK, 0, 40, &Stats{
			Server: ServerStats{Connections: 2}, Engine: EngineStats{LastSeq: 9},
			Levels: []LevelStats{{Level: 0, Files: 3, Score: 0.75}}, Actors: []ActorStats{{Name: "coordinator", Busy: 0.5}},
			Operations: []OperationStats{{Name: "get", Count: 12}},
		}},
		{"reply to info", TypeOK, 0, 41, &Info{Server: "middb", Version: "1.0", Path: "data", PID: 42, Started: 1_700_000_000_000, Session: 7, Keyspaces: 1}},
		{"flush", TypeFlush, 0, 42, raw(AppendNil(nil))},
		{"compact everything", TypeCompact, 0, 43, &Compact{All: true}},
		{"compact", TypeCompact, 0, 43, &Compact{Keyspace: "users", Lower: key}},
		{"compact the default keyspace", TypeCompact, 0, 43, &Compact{}},
		{"reply to sessions", TypeOK, 0, 44, raw(AppendList(nil, []Session{{Session: 7, Remote: "127.0.0.1:5000", Client: "middb-go 1.0"}}))},
		{"kill", TypeKill, 0, 45, ptr(ID(7))},
		{"users", TypeUsers, 0, 46, &Users{Op: OpAdd, Name: "ada", Password: "secret", Grants: []Grant{{Keyspace: "*", Role: "read"}}}},
		{"reply to users", TypeOK, 0, 46, raw(AppendList(nil, []User{{Name: "ada", Grants: []Grant{{Keyspace: "*", Role: "read"}}}}))},
		{"keyspaces", TypeKeyspaces, 0, 47, &Keyspaces{Op: OpOpen, Name: "users", Create: true}},
		{"reply to keyspaces", TypeOK, 0, 47, raw(AppendList(nil, []string{"default", "users"}))},
		{"notice", TypeNotice, 0, 0, &Notice{Kind: NoticeShutdown, Message: "the server is shutting down"}},
		{"error", TypeError, 0, 7, &errorMessage{Errorf(ErrKeyspaceMissing, "get user/1 of keyspace users: there is no such keyspace")}},
		{"conflict", TypeError, 0, 31, &errorMessage{&Error{
			Code: ErrConflict, Message: "commit: user/1 was written", Retry: true, Keyspace: "users", Key: key, Seq: 300,
		}}},
		{"truncated feed", TypeError, 0, 37, &errorMessage{&Error{Code: ErrFeedTruncated, Message: "watch: too late", Next: 5, Oldest: 0, HasPosition: true}}},
		{"integers", TypePing, 0, 50, raw(integers())},
	}
}

// integers is an array of the integers at which encodings change.
func integers() []byte {
	list := []int64{
		0, 127, 128, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxInt64,
		-1, -32, -33, -128, -129, -32768, -32769, math.MinInt32, math.MinInt32 - 1, math.MinInt64,
	}
	dst := AppendArray(nil, len(list))
	for _, n := range list {
		dst = AppendInt(dst, n)
	}
	return dst
}

func (e *example) frame() []byte {
	return EndFrame(e.message.Append(BeginFrame(nil, e.t, e.flags, e.id)), 0)
}

func TestGoldenFrames(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file []golden
	if err = json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	list := examples()
	if len(file) != len(list) {
		t.Fatalf("%d frames in the file, %d here; go test ./wire -run Golden -update", len(file), len(list))
	}
	for i, g := range file {
		e := list[i]
		t.Run(g.Name, func(t *testing.T) {
			want, err := hex.DecodeString(g.Hex)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.frame(); !bytes.Equal(got, want) {
				t.Errorf("%s encodes as\n%x, not\n%x", e.name, got, want)
			}
			f, err := NewFrameReader(bytes.NewReader(want), DefaultMaxFrame).Next()
			if err != nil {
				t.Fatal(err)
			}
			if f.Type != g.Type || f.Type.String() != g.Message || f.Flags != g.Flags || f.ID != g.ID {
				t.Errorf("header %+v, not that of %+v", f.Header, g)
			}
			if shown := showJSON(f.Body); !sameJSON(t, shown, g.Body) {
				t.Errorf("the body is %s, not %s", shown, g.Body)
			}
			if d, ok := e.message.(decodable); ok {
				fresh := reflect.New(reflect.TypeOf(d).Elem()).Interface()
				if err = fresh.(decodable).Decode(f.Body); err != nil {
					t.Fatal(err)
				}
				if again := fresh.(message).Append(nil); !bytes.Equal(again, f.Body) {
					t.Errorf("decoded and encoded again it is\n%x, not\n%x", again, f.Body)
				}
			}
		})
	}
}

// Every type that has a name has a golden frame.
func TestGoldenFramesHaveEveryType(t *testing.T) {
	seen := map[Type]bool{}
	for _, e := range examples() {
		seen[e.t] = true
	}
	for typ := range typeNames {
		if !seen[typ] && typ != TypeInfo && typ != TypeSessions {
			t.Errorf("no frame of type %v", typ)
		}
	}
}

func writeGolden(t *testing.T) {
	var file []golden
	for _, e := range examples() {
		frame := e.frame()
		file = append(file, golden{e.name, e.t.String(), e.t, e.flags, e.id, showJSON(frame[HeaderBytes:]), hex.EncodeToString(frame)})
	}
	var out bytes.Buffer
	out.WriteString("[\n")
	for i, g := range file {
		line, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "  %s", line)
		if i < len(file)-1 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("]\n")
	if err := os.WriteFile("testdata/golden.json", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// showJSON returns a body as JSON: bytes as {"bin": hex}, maps as {"map": [[key, value] ...]}, floats as
// {"float": x}, all else as itself.
func showJSON(body []byte) json.RawMessage {
	d := NewDecoder(body)
	out := appendJSON(nil, &d)
	if d.Err() != nil {
		panic(d.Err())
	}
	return out
}

func appendJSON(out []byte, d *Decoder) []byte {
	quote := func(s string) []byte {
		q, _ := json.Marshal(s)
		return q
	}
	list := func(n int, each func()) {
		out = append(out, '[')
		for i := range n {
			if i > 0 {
				out = append(out, ',')
			}
			each()
		}
		out = append(out, ']')
	}
	switch d.Kind() {
	case KindNil:
		d.Nil()
		out = append(out, "null"...)
	case KindBool:
		out = fmt.Appendf(out, "%v", d.Bool("a boolean"))
	case KindUint:
		out = fmt.Appendf(out, "%d", d.Uint("an integer"))
	case KindInt:
		h, _ := d.take("an integer", KindInt)
		out = fmt.Appendf(out, "%d", int64(h.bits))
	case KindFloat:
		h, _ := d.take("a float", KindFloat)
		out = fmt.Appendf(out, `{"float":%v}`, math.Float64frombits(h.bits))
	case KindStr:
		out = append(out, quote(d.Str("a string"))...)
	case KindBin:
		out = fmt.Appendf(out, `{"bin":"%x"}`, d.Bytes("bytes"))
	case KindArray:
		list(d.Array("an array"), func() { out = appendJSON(out, d) })
	case KindMap:
		h, _ := d.take("a map", KindMap)
		out = append(out, `{"map":`...)
		list(h.n, func() {
			out = append(append(append(out, '['), quote(d.Str("a key"))...), ',')
			out = append(appendJSON(out, d), ']')
		})
		out = append(out, '}')
	default:
		panic("no value")
	}
	return out
}

func sameJSON(t *testing.T, a, b json.RawMessage) bool {
	var short bytes.Buffer
	if err := json.Compact(&short, b); err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(a, short.Bytes())
}
