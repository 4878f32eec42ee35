package wire

// The messages of sessions and administration are maps: they are rare, and grow.

// Hello is the first request of a connection.
type Hello struct {
	Client   string   `msgpack:"client"`             // name and version, for logs
	Keyspace string   `msgpack:"keyspace,omitempty"` // of requests that name none; empty: the default one
	Compress []string `msgpack:"compress,omitempty"` // what the client understands: zlib
	Notices  bool     `msgpack:"notices,omitempty"`  // the client takes NOTICE frames
}

// Append appends the body.
func (m *Hello) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Hello) Decode(body []byte) error { return decodeMap(body, m) }

// Zlib is the name of the one compression.
const Zlib = "zlib"

// ScramSHA256 is the name of the one mechanism of logins, of RFC 7677.
const ScramSHA256 = "SCRAM-SHA-256"

// HelloReply says who answers, and what holds on the connection.
type HelloReply struct {
	Server     string   `msgpack:"server"` // middb
	Version    string   `msgpack:"version"`
	Session    uint64   `msgpack:"session"`
	Auth       bool     `msgpack:"auth"`               // a login is needed
	Mechanisms []string `msgpack:"mechanisms"`         // of logins
	User       string   `msgpack:"user,omitempty"`     // who the session is already
	Compress   string   `msgpack:"compress,omitempty"` // frames may be compressed so from now on, both ways
	Limits     Limits   `msgpack:"limits"`
}

// Limits hold on a connection.
type Limits struct {
	Frame     uint64 `msgpack:"frame"`              // bytes of a body
	InFlight  uint64 `msgpack:"in_flight"`          // requests; then no more are read
	Unsent    uint64 `msgpack:"unsent"`             // bytes of replies; then the connection is closed
	RowsFrame uint64 `msgpack:"rows_frame"`         // bytes of a ROWS frame, about
	Txns      uint64 `msgpack:"txns"`               // transactions under way
	Cursors   uint64 `msgpack:"cursors"`            // cursors and watches
	Timeout   uint64 `msgpack:"request_timeout_ms"` // of requests; 0: none

	Statements uint64 `msgpack:"statements,omitempty"` // prepared ones
}

// Append appends the body.
func (m *HelloReply) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *HelloReply) Decode(body []byte) error { return decodeMap(body, m) }

// Auth is a step of a login, of either side.
type Auth struct {
	Mechanism string `msgpack:"mechanism,omitempty"` // of the client's first step
	Data      []byte `msgpack:"data"`
	Done      bool   `msgpack:"done,omitempty"` // the server's: the login has succeeded
}

// Append appends the body.
func (m *Auth) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Auth) Decode(body []byte) error { return decodeMap(body, m) }

// Set changes what holds for the session; what is nil stays.
type Set struct {
	Keyspace   *string     `msgpack:"keyspace,omitempty"`
	Durability *Durability `msgpack:"durability,omitempty"`
	TimeoutMS  *uint64     `msgpack:"timeout_ms,omitempty"` // of requests; 0: the server's
}

// Append appends the body.
func (m *Set) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Set) Decode(body []byte) error { return decodeMap(body, m) }

// The names of isolation levels.
const (
	SnapshotIsolation = "snapshot"
	Serializable      = "serializable"
)

// Begin begins a transaction. The reply is [number, sequence number that it reads at].
type Begin struct {
	Isolation  string     `msgpack:"isolation,omitempty"` // empty: snapshot
	ReadOnly   bool       `msgpack:"read_only,omitempty"`
	TimeoutMS  uint64     `msgpack:"timeout_ms,omitempty"` // 0: the server's
	Durability Durability `msgpack:"durability,omitempty"`
}

// Append appends the body.
func (m *Begin) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Begin) Decode(body []byte) error { return decodeMap(body, m) }

// BeginReply is the reply to Begin.
type BeginReply struct {
	Txn uint64
	Seq uint64
}

// Append appends the body.
func (m *BeginReply) Append(dst []byte) []byte { return appendTuple(dst, 2, num(m.Txn), num(m.Seq)) }

// Decode reads the body.
func (m *BeginReply) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("the reply to BEGIN", 2)
	*m = BeginReply{t.uint("the transaction"), t.uint("the sequence number")}
	return t.end()
}

// NoticeShutdown is the kind of the notice that says: finish what is under way, the server stops.
const NoticeShutdown = "shutdown"

// Notice is what the server says unasked.
type Notice struct {
	Kind    string `msgpack:"kind"`
	Message string `msgpack:"message"`
}

// Append appends the body.
func (m *Notice) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Notice) Decode(body []byte) error { return decodeMap(body, m) }

// Info says who the server is.
type Info struct {
	Server    string `msgpack:"server"`
	Version   string `msgpack:"version"`
	Path      string `msgpack:"path"`
	PID       uint64 `msgpack:"pid"`
	Started   uint64 `msgpack:"started"` // Unix milliseconds
	Session   uint64 `msgpack:"session"`
	User      string `msgpack:"user"`
	Keyspaces uint64 `msgpack:"keyspaces"`
	ReadOnly  bool   `msgpack:"read_only"`
}

// Append appends the body.
func (m *Info) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Info) Decode(body []byte) error { return decodeMap(body, m) }

// A Session is a connection that has said HELLO, as the reply to SESSIONS lists it.
type Session struct {
	Session  uint64 `msgpack:"session"`
	User     string `msgpack:"user"`
	Remote   string `msgpack:"remote"`
	Client   string `msgpack:"client"`
	Since    uint64 `msgpack:"since"` // Unix milliseconds
	Requests uint64 `msgpack:"requests"`
	InFlight uint64 `msgpack:"in_flight"`
	Txns     uint64 `msgpack:"txns"`
	Cursors  uint64 `msgpack:"cursors"`
}

// The operations of [Users] and [Keyspaces].
const (
	OpList   = "list"
	OpAdd    = "add"
	OpPasswd = "passwd"
	OpGrant  = "grant"
	OpRemove = "remove"
	OpOpen   = "open"
	OpDrop   = "drop"
)

// Users administers users: lists them, or adds, changes or removes one.
type Users struct {
	Op       string  `msgpack:"op"`
	Name     string  `msgpack:"name,omitempty"`
	Password string  `msgpack:"password,omitempty"`
	Grants   []Grant `msgpack:"grants,omitempty"`
}

// A Grant is what a user may do in a keyspace; "*" is all of them.
type Grant struct {
	Keyspace string `msgpack:"keyspace"`
	Role     string `msgpack:"role"` // read, write or admin
}

// A User is one as the reply to [Users] lists it.
type User struct {
	Name   string  `msgpack:"name"`
	Grants []Grant `msgpack:"grants"`
}

// Append appends the body.
func (m *Users) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Users) Decode(body []byte) error { return decodeMap(body, m) }

// Keyspaces lists keyspaces, or opens or drops one.
type Keyspaces struct {
	Op     string `msgpack:"op"`
	Name   string `msgpack:"name,omitempty"`
	Create bool   `msgpack:"create,omitempty"` // open makes it if it is not there
}

// Append appends the body.
func (m *Keyspaces) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *Keyspaces) Decode(body []byte) error { return decodeMap(body, m) }

// AppendList appends an array of maps or strings: the reply to requests that list something.
func AppendList[T Session | User | string](dst []byte, list []T) []byte {
	dst = AppendArray(dst, len(list))
	for i := range list {
		dst = appendMap(dst, list[i])
	}
	return dst
}

// DecodeList reads what [AppendList] appends, from a body that has passed [Validate].
func DecodeList[T Session | User | string](body []byte) ([]T, error) {
	var list []T
	return list, decodeValue(body, KindArray, &list)
}
