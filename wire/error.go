package wire

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5"
)

//go:generate go run ./internal/gencodes

// A Code says what kind of error it is. It is an error itself, so that errors.Is finds what kind an
// [Error] is: errors.Is(err, wire.ErrConflict).
type Code uint32

type codeInfo struct {
	name      string
	retryable bool
	text      string
	hint      string
}

// Name returns the name of the code, such as CONFLICT. For one that this program does not know, it is UNKNOWN.
func (c Code) Name() string {
	if info, ok := codes[c]; ok {
		return info.name
	}
	return "UNKNOWN"
}

// Retryable reports whether the request may succeed when it is made again.
func (c Code) Retryable() bool { return codes[c].retryable }

// Hint returns what to do about it, or an empty string.
func (c Code) Hint() string { return codes[c].hint }

// Error implements error.
func (c Code) Error() string {
	if info, ok := codes[c]; ok {
		return info.text
	}
	return fmt.Sprintf("error %d", uint32(c))
}

// An Error is the body of an ERROR frame: why a request failed. It matches its Code under errors.Is.
type Error struct {
	Code     Code
	Message  string // what was tried and what is wrong
	Hint     string // what to do about it; may be empty
	SQLState string // of SQL errors
	Position uint64 // of SQL errors: which character of the statement they are about, from 1; 0: none
	Detail   string // of SQL errors: the line of the place, with a mark below it
	// What an SQL error is about, as far as that is known.
	Table, Column, Constraint string

	// Retry says that the request may succeed when it is made again, whatever the code says in general.
	Retry bool

	Keyspace    string // where a transaction conflicts
	Key         []byte // on which key
	Seq         uint64 // with which operation
	Next        uint64 // the first sequence number that a truncated feed did not deliver
	Oldest      uint64 // the oldest that a feed can begin with
	HasPosition bool   // Next and Oldest are given
}

// Errorf returns an Error with the hint of its code.
func Errorf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...), Hint: c.Hint(), Retry: c.Retryable()}
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Is reports that an Error is its Code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// errorBody is an Error as msgpack, with keys in this order.
type errorBody struct {
	Code      uint64  `msgpack:"code"`
	Name      string  `msgpack:"name"`
	Message   string  `msgpack:"message"`
	Retryable bool    `msgpack:"retryable"`
	Hint      string  `msgpack:"hint,omitempty"`
	SQLState  string  `msgpack:"sqlstate,omitempty"`
	Keyspace  string  `msgpack:"keyspace,omitempty"`
	Key       []byte  `msgpack:"key,omitempty"`
	Seq       uint64  `msgpack:"seq,omitempty"`
	Next      *uint64 `msgpack:"next,omitempty"`
	Oldest    *uint64 `msgpack:"oldest,omitempty"`

	Position   uint64 `msgpack:"position,omitempty"`
	Detail     string `msgpack:"detail,omitempty"`
	Table      string `msgpack:"table,omitempty"`
	Column     string `msgpack:"column,omitempty"`
	Constraint string `msgpack:"constraint,omitempty"`
}

// Append appends the body of an ERROR frame.
func (e *Error) Append(dst []byte) []byte {
	body := errorBody{
		Code: uint64(e.Code), Name: e.Code.Name(), Message: e.Message, Retryable: e.Retry, Hint: e.Hint,
		SQLState: e.SQLState, Keyspace: e.Keyspace, Key: e.Key, Seq: e.Seq,
		Position: e.Position, Detail: e.Detail, Table: e.Table, Column: e.Column, Constraint: e.Constraint,
	}
	if e.HasPosition {
		body.Next, body.Oldest = &e.Next, &e.Oldest
	}
	return appendMap(dst, &body)
}

// DecodeError reads the body of an ERROR frame.
func DecodeError(body []byte) (*Error, error) {
	var b errorBody
	if err := decodeMap(body, &b); err != nil {
		return nil, err
	}
	e := &Error{
		Code: Code(min(b.Code, 1<<32-1)), Message: b.Message, Hint: b.Hint, Retry: b.Retryable,
		SQLState: b.SQLState, Keyspace: b.Keyspace, Key: b.Key, Seq: b.Seq,
		Position: b.Position, Detail: b.Detail, Table: b.Table, Column: b.Column, Constraint: b.Constraint,
	}
	if b.Next != nil && b.Oldest != nil {
		e.Next, e.Oldest, e.HasPosition = *b.Next, *b.Oldest, true
	}
	return e, nil
}

// appendMap appends the map that a struct with msgpack tags is. What is encoded here cannot fail.
func appendMap(dst []byte, body any) []byte {
	w := appender{dst}
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(&w)
	enc.UseCompactInts(true)
	enc.UseCompactFloats(false)
	if err := enc.Encode(body); err != nil {
		panic(fmt.Sprintf("wire: encode %T: %v", body, err))
	}
	return w.b
}

type appender struct{ b []byte }

func (w *appender) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}

// decodeMap decodes a map into a struct with msgpack tags. The body must have passed [Validate]; what is not a
// map, or does not fit, is an Error with ErrBadMessage. A nil body leaves the struct as it is.
func decodeMap(body []byte, into any) error {
	d := NewDecoder(body)
	if d.Nil() {
		return nil
	}
	return decodeValue(body, KindMap, into)
}

// decodeValue decodes a body of a kind.
func decodeValue(body []byte, kind Kind, into any) error {
	d := NewDecoder(body)
	if k := d.Kind(); k != kind {
		return Errorf(ErrBadMessage, "the body is %v, not %v", k, kind)
	}
	if err := msgpack.Unmarshal(body, into); err != nil {
		return Errorf(ErrBadMessage, "cannot read the body: %v", err)
	}
	return nil
}
