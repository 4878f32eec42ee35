package wire

// RowsBytes is about how much a ROWS or EVENT frame holds: 256 KiB, or one entry that is larger.
const RowsBytes = 256 << 10

// DefaultCredit is how many frames a stream may send before a FETCH, if the request does not say.
const DefaultCredit = 4

// ScanFlags change what a [Scan] yields. On the wire; never renumber.
type ScanFlags uint8

// The flags of a scan.
const (
	ScanReverse  ScanFlags = 1 << iota // the greatest key first
	ScanKeysOnly                       // without values
)

// Scan opens a cursor over the keys of [Lower, Upper) that begin with Prefix, as they are at one moment. The replies
// are ROWS frames, as many as there is credit, and END.
type Scan struct {
	Keyspace             string
	Txn                  uint64
	Lower, Upper, Prefix []byte
	Flags                ScanFlags
	Limit                uint64 // entries; 0: all
	Credit               uint64 // frames; 0: DefaultCredit
}

// Append appends the body.
func (m *Scan) Append(dst []byte) []byte {
	return appendTuple(dst, 0, str(m.Keyspace), num(m.Txn), optional(m.Lower), optional(m.Upper), optional(m.Prefix),
		num(uint64(m.Flags)), num(m.Limit), num(m.Credit))
}

// Decode reads the body.
func (m *Scan) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("SCAN", 0)
	*m = Scan{
		t.str("the keyspace"), t.uint("the transaction"), t.bytes("the lower bound"), t.bytes("the upper bound"), t.bytes("the prefix"),
		ScanFlags(t.uint8("the flags")), t.uint("the limit"), t.uint("the credit"),
	}
	return t.end()
}

// Fetch gives a stream credit for more frames. It has no reply.
type Fetch struct {
	Cursor uint32 // request id of the SCAN or WATCH
	Credit uint32
}

// Append appends the body.
func (m *Fetch) Append(dst []byte) []byte {
	return appendTuple(dst, 2, num(uint64(m.Cursor)), num(uint64(m.Credit)))
}

// Decode reads the body.
func (m *Fetch) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("FETCH", 2)
	*m = Fetch{t.uint32("the cursor"), t.uint32("the credit")}
	return t.end()
}

// A RowReader reads the body of a ROWS frame: keys and values in turn, or keys alone. Its slices alias the body.
type RowReader struct {
	d        Decoder
	left     int
	keysOnly bool
}

// NewRowReader returns a reader of a body that has passed [Validate].
func NewRowReader(body []byte, keysOnly bool) (RowReader, error) {
	r := RowReader{d: NewDecoder(body), keysOnly: keysOnly}
	r.left = r.d.Array("ROWS")
	if !keysOnly && r.left%2 == 1 {
		return RowReader{}, Errorf(ErrBadMessage, "ROWS with a key that has no value")
	}
	return r, r.d.Err()
}

// Next returns the next entry; more is false at the end.
func (r *RowReader) Next() (k, v []byte, more bool, err error) {
	if r.left == 0 {
		return nil, nil, false, nil
	}
	r.left--
	k = r.d.Bytes("a key")
	if !r.keysOnly {
		r.left--
		v = r.d.Bytes("a value")
	}
	return k, v, r.d.Err() == nil, r.d.Err()
}

// End is the last frame of a stream.
type End struct {
	Rows uint64 `msgpack:"rows"` // entries or rows sent; of a watch, changes

	// Of a statement.
	Affected uint64      `msgpack:"affected,omitempty"` // rows written, or read by a query
	Tag      string      `msgpack:"tag,omitempty"`      // as PostgreSQL has it: INSERT 0 1, CREATE TABLE
	Notices  []SQLNotice `msgpack:"notices,omitempty"`
}

// An SQLNotice is what a statement has to say that is no error.
type SQLNotice struct {
	Code    string `msgpack:"code"` // SQLSTATE: 00000, or a warning's
	Message string `msgpack:"message"`
}

// Append appends the body.
func (m *End) Append(dst []byte) []byte { return appendMap(dst, m) }

// Decode reads the body.
func (m *End) Decode(body []byte) error { return decodeMap(body, m) }

// Watch opens a feed of what is committed, from a sequence number on, on keys that begin with Prefix. The replies are
// OK with the sequence number where it begins, EVENT frames, as many as there is credit, and END.
type Watch struct {
	Keyspace string
	From     uint64 // 0: from now on
	Prefix   []byte
	Credit   uint64 // frames; 0: DefaultCredit
}

// Append appends the body.
func (m *Watch) Append(dst []byte) []byte {
	return appendTuple(dst, 0, str(m.Keyspace), num(m.From), optional(m.Prefix), num(m.Credit))
}

// Decode reads the body.
func (m *Watch) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("WATCH", 0)
	*m = Watch{t.str("the keyspace"), t.uint("the sequence number"), t.bytes("the prefix"), t.uint("the credit")}
	return t.end()
}

// Unwatch ends a watch: at once or, with Drain, when everything that was committed before it is delivered.
type Unwatch struct {
	Watch uint32 // its request id
	Drain bool
}

// Append appends the body.
func (m *Unwatch) Append(dst []byte) []byte {
	return appendTuple(dst, 1, num(uint64(m.Watch)), boolean(m.Drain))
}

// Decode reads the body.
func (m *Unwatch) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("UNWATCH", 1)
	*m = Unwatch{t.uint32("the watch"), t.bool("drain")}
	return t.end()
}

// A Change is an operation of a commit.
type Change struct {
	Seq      uint64
	Kind     OpKind
	Key      []byte // of a delete range its lower bound; nil: none
	Value    []byte // of a put, or the operand of a merge; else nil
	End      []byte // the upper bound of a delete range; nil: none
	Operator string // of a merge
	Expires  uint64 // of a put, Unix milliseconds; 0: never
}

// Append appends the change as an element of an event.
func (c *Change) Append(dst []byte) []byte {
	return appendTuple(dst, 3, num(c.Seq), num(uint64(c.Kind)), optional(c.Key), optional(c.Value), optional(c.End), str(c.Operator), num(c.Expires))
}

func (c *Change) decode(d *Decoder) error {
	t := d.tuple("a change", 3)
	*c = Change{
		t.uint("the sequence number"), OpKind(t.uint8("the kind")), t.bytes("the key"), t.bytes("the value"), t.bytes("the upper bound"),
		t.str("the operator"), t.uint("the expiry"),
	}
	return t.end()
}

// Event is what a watch delivers.
type Event struct {
	Position uint64 // from where another watch goes on after these
	Changes  []Change
}

// Append appends the body.
func (m *Event) Append(dst []byte) []byte {
	dst = AppendArray(AppendUint(AppendArray(dst, 2), m.Position), len(m.Changes))
	for i := range m.Changes {
		dst = m.Changes[i].Append(dst)
	}
	return dst
}

// Decode reads the body.
func (m *Event) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("EVENT", 2)
	*m = Event{Position: t.uint("the position")}
	t.left--
	m.Changes = make([]Change, d.Array("the changes"))
	for i := range m.Changes {
		if err := m.Changes[i].decode(&d); err != nil {
			return err
		}
	}
	return t.end()
}
