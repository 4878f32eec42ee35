package wire

import (
	"encoding/binary"
	"math"
)

// The requests of SQL. Their replies are a stream: ROWHEAD if the statement gives rows, ROWS frames as many as there is
// credit, and END. PREPARE and UNPREPARE are answered by OK.
//
// Values are nil for NULL, integers, floats, booleans, str for TEXT, JSON, DECIMAL and INTERVAL, bin for BYTEA and for the
// 16 bytes of a UUID, integers for DATE (days since 1970-01-01) and TIMESTAMPTZ (microseconds since 1970-01-01 00:00 UTC).
// Those of parameters are any of these that the server can make into what the statement wants: text does for a date, a time
// and a UUID as well.

// ExecFlags change how a statement is run. On the wire; never renumber.
type ExecFlags uint8

// ExecAlone runs a statement in a session of its own, which begins and ends with it. Without it, it runs in the one of the
// connection, to which belong transactions that BEGIN begins and what SET sets. In a transaction it makes no difference.
const ExecAlone ExecFlags = 1

// Exec runs a statement, or, without parameters, several with semicolons between them, of which the last one gives the rows.
type Exec struct {
	SQL    string
	Args   []any // the values of $1, $2 and so on: see AppendValue
	Txn    uint64
	Flags  ExecFlags
	Credit uint64 // frames; 0: DefaultCredit
}

// Append appends the body.
func (m *Exec) Append(dst []byte) []byte {
	n := 1
	switch {
	case m.Credit != 0:
		n = 5
	case m.Flags != 0:
		n = 4
	case m.Txn != 0:
		n = 3
	case len(m.Args) > 0:
		n = 2
	}
	dst = AppendStr(AppendArray(dst, n), m.SQL)
	if n > 1 {
		dst = appendArgs(dst, m.Args)
	}
	for i, v := range []uint64{m.Txn, uint64(m.Flags), m.Credit} {
		if n > i+2 {
			dst = AppendUint(dst, v)
		}
	}
	return dst
}

// Decode reads the body.
func (m *Exec) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("EXEC", 1)
	*m = Exec{
		t.str("the statement"), t.args(), t.uint("the transaction"), ExecFlags(t.uint8("the flags")), t.uint("the credit"),
	}
	return t.end()
}

// Prepare has the session of the connection read and plan a statement. The reply is a PrepareReply.
type Prepare struct {
	SQL string
}

// Append appends the body.
func (m *Prepare) Append(dst []byte) []byte { return appendTuple(dst, 1, str(m.SQL)) }

// Decode reads the body.
func (m *Prepare) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("PREPARE", 1)
	*m = Prepare{t.str("the statement")}
	return t.end()
}

// PrepareReply describes a statement that was prepared.
type PrepareReply struct {
	Statement  uint64
	Parameters []string // the names of their types; empty: any
	Columns    []Column // none: it gives no rows, or that is not known yet
}

// Append appends the body.
func (m *PrepareReply) Append(dst []byte) []byte {
	dst = AppendArray(AppendUint(AppendArray(dst, 3), m.Statement), len(m.Parameters))
	for _, p := range m.Parameters {
		dst = AppendStr(dst, p)
	}
	return appendColumns(dst, m.Columns)
}

// Decode reads the body.
func (m *PrepareReply) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("the reply to PREPARE", 3)
	*m = PrepareReply{Statement: t.uint("the statement")}
	t.left -= 2
	m.Parameters = make([]string, 0, min(d.Array("the parameters"), MaxElements))
	for range cap(m.Parameters) {
		m.Parameters = append(m.Parameters, d.Str("the type of a parameter"))
	}
	m.Columns = decodeColumns(&d)
	return t.end()
}

// Run runs a prepared statement.
type Run struct {
	Statement uint64
	Args      []any
	Txn       uint64
	Credit    uint64
}

// Append appends the body.
func (m *Run) Append(dst []byte) []byte {
	n := 1
	switch {
	case m.Credit != 0:
		n = 4
	case m.Txn != 0:
		n = 3
	case len(m.Args) > 0:
		n = 2
	}
	dst = AppendUint(AppendArray(dst, n), m.Statement)
	if n > 1 {
		dst = appendArgs(dst, m.Args)
	}
	for i, v := range []uint64{m.Txn, m.Credit} {
		if n > i+2 {
			dst = AppendUint(dst, v)
		}
	}
	return dst
}

// Decode reads the body.
func (m *Run) Decode(body []byte) error {
	d := NewDecoder(body)
	t := d.tuple("RUN", 1)
	*m = Run{t.uint("the statement"), t.args(), t.uint("the transaction"), t.uint("the credit")}
	return t.end()
}

// A ColumnKind is the family of types of a column, which says what its values are. On the wire; never renumber.
type ColumnKind uint8

// The kinds.
const (
	ColumnNull      ColumnKind = iota // all values are nil
	ColumnInt                         // integers
	ColumnFloat                       // floats
	ColumnDecimal                     // str
	ColumnBool                        // booleans
	ColumnText                        // str
	ColumnBytes                       // bin
	ColumnDate                        // integers: days since 1970-01-01
	ColumnTimestamp                   // integers: microseconds since 1970-01-01 00:00 UTC
	ColumnUUID                        // bin, 16 bytes
	ColumnJSON                        // str
	ColumnInterval                    // str
)

// A Column is one of what a statement gives.
type Column struct {
	Name     string
	Type     string // as SQL writes it, such as DECIMAL(10,2)
	Kind     ColumnKind
	Nullable bool   // there may be NULLs
	Digits   uint8  // of a DECIMAL, all in all
	Scale    uint8  // of a DECIMAL: how many of them are behind the point
	Length   uint32 // of a VARCHAR: how many characters there may be
}

func (c *Column) append(dst []byte) []byte {
	return appendTuple(dst, 3, str(c.Name), str(c.Type), num(uint64(c.Kind)), boolean(c.Nullable),
		num(uint64(c.Digits)), num(uint64(c.Scale)), num(uint64(c.Length)))
}

func appendColumns(dst []byte, list []Column) []byte {
	dst = AppendArray(dst, len(list))
	for i := range list {
		dst = list[i].append(dst)
	}
	return dst
}

func decodeColumns(d *Decoder) []Column {
	n := d.Array("the columns")
	list := make([]Column, 0, min(n, 1<<10)) // a body that announces more than it has is none, but its elements may be small
	for i := 0; i < n && d.err == nil; i++ {
		t := d.tuple("a column", 3)
		list = append(list, Column{
			t.str("the name"), t.str("the type"), ColumnKind(t.uint8("the kind")), t.bool("nullable"),
			t.uint8("the digits"), t.uint8("the scale"), t.uint32("the length"),
		})
		_ = t.end() // d keeps the error
	}
	return list
}

// RowHead says which columns the rows of a statement have.
type RowHead struct {
	Columns []Column
}

// Append appends the body.
func (m *RowHead) Append(dst []byte) []byte { return appendColumns(dst, m.Columns) }

// Decode reads the body.
func (m *RowHead) Decode(body []byte) error {
	d := NewDecoder(body)
	m.Columns = decodeColumns(&d)
	return d.Err()
}

// A ResultReader reads the body of a ROWS frame of a statement: an array of rows, each an array of values.
type ResultReader struct {
	d    Decoder
	left int
}

// NewResultReader returns a reader of a body that has passed [Validate].
func NewResultReader(body []byte) (ResultReader, error) {
	r := ResultReader{d: NewDecoder(body)}
	r.left = r.d.Array("ROWS")
	return r, r.d.Err()
}

// Next appends the values of the next row to dst; more is false at the end. Bytes alias the body.
func (r *ResultReader) Next(dst []any) (row []any, more bool, err error) {
	if r.left == 0 {
		return dst, false, nil
	}
	r.left--
	for range r.d.Array("a row") {
		if r.d.err != nil {
			break
		}
		dst = append(dst, r.d.Value("a value"))
	}
	return dst, r.d.err == nil, r.d.err
}

// AppendFloat appends a float.
func AppendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, 0xcb), math.Float64bits(v))
}

// AppendValue appends a value of SQL: nil, int64, uint64, float64, bool, string or []byte. It is for those only: anything
// else becomes nil.
func AppendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return AppendInt(dst, v)
	case uint64:
		return AppendUint(dst, v)
	case float64:
		return AppendFloat(dst, v)
	case bool:
		return AppendBool(dst, v)
	case string:
		return AppendStr(dst, v)
	case []byte:
		if v == nil {
			return AppendNil(dst)
		}
		return AppendBin(dst, v)
	default:
		return AppendNil(dst)
	}
}

func appendArgs(dst []byte, args []any) []byte {
	dst = AppendArray(dst, len(args))
	for _, a := range args {
		dst = AppendValue(dst, a)
	}
	return dst
}

// args reads the values of parameters.
func (t *tuple) args() []any {
	if !t.next() {
		return nil
	}
	n := t.Array("the parameters")
	var list []any
	for i := 0; i < n && t.err == nil; i++ {
		list = append(list, t.Value("a parameter"))
	}
	return list
}

// Value reads a value of SQL as AppendValue takes it. An integer is an int64, unless it is too large: then it is a uint64.
func (d *Decoder) Value(what string) any {
	h, _ := parseHead(d.body[d.at:])
	switch h.kind {
	case KindNil:
		d.at++
		return nil
	case KindBool:
		return d.Bool(what)
	case KindUint, KindInt:
		d.at += h.bytes
		if h.kind == KindUint && h.bits > math.MaxInt64 {
			return h.bits
		}
		return int64(h.bits)
	case KindFloat:
		d.at += h.bytes
		if h.bytes == 5 {
			return float64(math.Float32frombits(uint32(h.bits)))
		}
		return math.Float64frombits(h.bits)
	case KindStr:
		return d.Str(what)
	case KindBin:
		return d.Bytes(what)
	default:
		d.fail(what, KindNil, h.kind)
		return nil
	}
}
