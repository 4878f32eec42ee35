package wire

// The requests on data and transactions. Append appends the body, positional and without trailing defaults; Decode
// reads one that has passed [Validate], and its slices alias it. Keyspace "" is that of the session. Txn 0 is none.

// A Durability says when a write is answered.
type Durability uint8

// The durabilities. On the wire; never renumber.
const (
	DefaultDurability Durability = iota // that of the session, or else of the database
	Sync                                // once it is on disk
	NoSync                              // once it is visible
)

// Want says what a [Get] asks for.
type Want uint8

// What to ask for. On the wire; never renumber.
const (
	WantValue     Want = iota // the value, or nil
	WantExists                // whether the key is there
	WantSeq                   // [value, sequence number of its last write], or nil
	WantExpiry                // [value, expiry in Unix milliseconds or nil], or nil
	WantForUpdate             // the value, or nil; counts as written when the transaction commits
)

// Get reads a key.
type Get struct {
	Key      []byte
	Keyspace string
	Txn      uint64
	Want     Want
}

// Append appends the body.
func (m *Get) Append(dst []byte) []byte {
	return appendTuple(dst, 1, bin(m.Key), str(m.Keyspace), num(m.Txn), num(uint64(m.Want)))
}

// Decode reads the body.
func (m *Get) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("GET", 1)
	*m = Get{t.needed("the key"), t.str("the keyspace"), t.uint("the transaction"), Want(t.uint8("what is wanted"))}
	return t.end()
}

// Put writes a key.
type Put struct {
	Key, Value []byte
	Keyspace   string
	Txn        uint64
	TTL        uint64 // milliseconds; 0: it stays
	Durability Durability
}

// Append appends the body.
func (m *Put) Append(dst []byte) []byte {
	return appendTuple(dst, 2, bin(m.Key), bin(m.Value), str(m.Keyspace), num(m.Txn), num(m.TTL), num(uint64(m.Durability)))
}

// Decode reads the body.
func (m *Put) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("PUT", 2)
	*m = Put{
		t.needed("the key"), t.needed("the value"), t.str("the keyspace"), t.uint("the transaction"),
		t.uint("the time to live"), t.durability(),
	}
	return t.end()
}

func (t *tuple) durability() Durability { return Durability(t.uint8("the durability")) }

// Del removes a key.
type Del struct {
	Key        []byte
	Keyspace   string
	Txn        uint64
	Durability Durability
}

// Append appends the body.
func (m *Del) Append(dst []byte) []byte {
	return appendTuple(dst, 1, bin(m.Key), str(m.Keyspace), num(m.Txn), num(uint64(m.Durability)))
}

// Decode reads the body.
func (m *Del) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("DEL", 1)
	*m = Del{t.needed("the key"), t.str("the keyspace"), t.uint("the transaction"), t.durability()}
	return t.end()
}

// MGet reads keys at one moment. The reply is an array of values and nils.
type MGet struct {
	Keys     [][]byte
	Keyspace string
	Txn      uint64
}

// Append appends the body.
func (m *MGet) Append(dst []byte) []byte {
	n := 1
	switch {
	case m.Txn != 0:
		n = 3
	case m.Keyspace != "":
		n = 2
	}
	dst = AppendArray(AppendArray(dst, n), len(m.Keys))
	for _, k := range m.Keys {
		dst = AppendBin(dst, k)
	}
	if n > 1 {
		dst = AppendStr(dst, m.Keyspace)
	}
	if n > 2 {
		dst = AppendUint(dst, m.Txn)
	}
	return dst
}

// Decode reads the body.
func (m *MGet) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("MGET", 1)
	t.left--
	n := d.Array("the keys")
	*m = MGet{Keys: make([][]byte, n)}
	for i := range m.Keys {
		m.Keys[i] = d.Bytes("a key")
	}
	m.Keyspace, m.Txn = t.str("the keyspace"), t.uint("the transaction")
	return t.end()
}

// CAS writes a key if its last write is that with a sequence number, or, with Seq 0, if it is not there. The reply is
// the sequence number of the new write.
type CAS struct {
	Key, Value []byte
	Seq        uint64
	Keyspace   string
	Durability Durability
}

// Append appends the body.
func (m *CAS) Append(dst []byte) []byte {
	return appendTuple(dst, 3, bin(m.Key), bin(m.Value), num(m.Seq), str(m.Keyspace), num(uint64(m.Durability)))
}

// Decode reads the body.
func (m *CAS) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("CAS", 3)
	*m = CAS{t.needed("the key"), t.needed("the value"), t.uint("the sequence number"), t.str("the keyspace"), t.durability()}
	return t.end()
}

// DelRange removes the keys of [Lower, Upper); nil is no bound.
type DelRange struct {
	Lower, Upper []byte
	Keyspace     string
	Txn          uint64
	Durability   Durability
}

// Append appends the body.
func (m *DelRange) Append(dst []byte) []byte {
	return appendTuple(dst, 2, optional(m.Lower), optional(m.Upper), str(m.Keyspace), num(m.Txn), num(uint64(m.Durability)))
}

// Decode reads the body.
func (m *DelRange) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("DELRANGE", 2)
	*m = DelRange{t.bytes("the lower bound"), t.bytes("the upper bound"), t.str("the keyspace"), t.uint("the transaction"), t.durability()}
	return t.end()
}

// Count counts the keys of [Lower, Upper) that begin with Prefix. The reply is their number.
type Count struct {
	Keyspace             string
	Txn                  uint64
	Lower, Upper, Prefix []byte
}

// Append appends the body.
func (m *Count) Append(dst []byte) []byte {
	return appendTuple(dst, 0, str(m.Keyspace), num(m.Txn), optional(m.Lower), optional(m.Upper), optional(m.Prefix))
}

// Decode reads the body.
func (m *Count) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("COUNT", 0)
	*m = Count{t.str("the keyspace"), t.uint("the transaction"), t.bytes("the lower bound"), t.bytes("the upper bound"), t.bytes("the prefix")}
	return t.end()
}

// Merge changes the value of a key by an operator.
type Merge struct {
	Key        []byte
	Operator   string
	Operand    []byte
	Keyspace   string
	Txn        uint64
	Durability Durability
}

// Append appends the body.
func (m *Merge) Append(dst []byte) []byte {
	return appendTuple(dst, 3, bin(m.Key), str(m.Operator), bin(m.Operand), str(m.Keyspace), num(m.Txn), num(uint64(m.Durability)))
}

// Decode reads the body.
func (m *Merge) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("MERGE", 3)
	*m = Merge{
		t.needed("the key"), t.str("the operator"), t.needed("the operand"), t.str("the keyspace"), t.uint("the transaction"), t.durability(),
	}
	return t.end()
}

// ID is the body of requests that name one thing: CANCEL a request, COMMIT and SAVEPOINT a transaction, CLOSE a cursor,
// KILL a session.
type ID uint64

// Append appends the body.
func (m ID) Append(dst []byte) []byte { return appendTuple(dst, 1, num(uint64(m))) }

// Decode reads the body.
func (m *ID) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("the message", 1)
	*m = ID(t.uint("the number"))
	return t.end()
}

// Rollback ends a transaction without its writes or, with a savepoint, takes back those since then.
type Rollback struct {
	Txn       uint64
	Savepoint uint64
}

// Append appends the body.
func (m *Rollback) Append(dst []byte) []byte {
	return appendTuple(dst, 1, num(m.Txn), num(m.Savepoint))
}

// Decode reads the body.
func (m *Rollback) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("ROLLBACK", 1)
	*m = Rollback{t.uint("the transaction"), t.uint("the savepoint")}
	return t.end()
}

// Compact brings a range to the deepest level. All says that it is everything, whatever the keyspace.
type Compact struct {
	All          bool
	Keyspace     string
	Lower, Upper []byte
}

// Append appends the body.
func (m *Compact) Append(dst []byte) []byte {
	if m.All {
		return AppendArray(dst, 0)
	}
	return appendTuple(dst, 1, str(m.Keyspace), optional(m.Lower), optional(m.Upper))
}

// Decode reads the body.
func (m *Compact) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("COMPACT", 0)
	*m = Compact{All: t.left == 0}
	m.Keyspace, m.Lower, m.Upper = t.str("the keyspace"), t.bytes("the lower bound"), t.bytes("the upper bound")
	return t.end()
}
