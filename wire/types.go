package wire

import "fmt"

// A Type says what a frame is: a request, or a reply. On the wire; never renumber.
type Type uint8

// The requests, and what their bodies are.
const (
	TypeHello   Type = 0x01 // [Hello]
	TypeAuth    Type = 0x02 // [Auth]
	TypePing    Type = 0x03 // any value, which comes back
	TypeGoodbye Type = 0x04 // nil
	TypeCancel  Type = 0x05 // [ID]
	TypeSet     Type = 0x06 // [Set]

	TypeGet      Type = 0x10 // [Get]
	TypePut      Type = 0x11 // [Put]
	TypeDel      Type = 0x12 // [Del]
	TypeMGet     Type = 0x13 // [MGet]
	TypeBatch    Type = 0x14 // [Batch]
	TypeScan     Type = 0x15 // [Scan]
	TypeCAS      Type = 0x16 // [CAS]
	TypeDelRange Type = 0x17 // [DelRange]
	TypeCount    Type = 0x18 // [Count]
	TypeMerge    Type = 0x19 // [Merge]

	TypeBegin     Type = 0x20 // [Begin]
	TypeCommit    Type = 0x21 // [ID]
	TypeRollback  Type = 0x22 // [Rollback]
	TypeSavepoint Type = 0x23 // [ID]

	TypeExec      Type = 0x30 // [Exec]
	TypePrepare   Type = 0x31 // [Prepare]
	TypeRun       Type = 0x32 // [Run]
	TypeUnprepare Type = 0x33 // [ID]

	TypeFetch Type = 0x40 // [Fetch]
	TypeClose Type = 0x41 // [ID]

	TypeWatch   Type = 0x50 // [Watch]
	TypeUnwatch Type = 0x51 // [Unwatch]

	TypeStats     Type = 0x60 // nil
	TypeInfo      Type = 0x61 // nil
	TypeFlush     Type = 0x62 // nil
	TypeCompact   Type = 0x63 // [Compact]
	TypeSessions  Type = 0x67 // nil
	TypeKill      Type = 0x68 // [ID]
	TypeUsers     Type = 0x69 // [Users]
	TypeKeyspaces Type = 0x6a // [Keyspaces]
)

// The replies, and what their bodies are.
const (
	TypeOK      Type = 0x80 // depends on the request
	TypeRowHead Type = 0x81 // [RowHead]
	TypeRows    Type = 0x82 // of a SCAN see [RowReader], of a statement [ResultReader]
	TypeEnd     Type = 0x83 // [End]
	TypeEvent   Type = 0x84 // [Event]
	TypeNotice  Type = 0x85 // [Notice]
	TypeError   Type = 0xff // [Error]
)

var typeNames = map[Type]string{
	TypeHello: "HELLO", TypeAuth: "AUTH", TypePing: "PING", TypeGoodbye: "GOODBYE", TypeCancel: "CANCEL", TypeSet: "SET",
	TypeGet: "GET", TypePut: "PUT", TypeDel: "DEL", TypeMGet: "MGET", TypeBatch: "BATCH", TypeScan: "SCAN", TypeCAS: "CAS",
	TypeDelRange: "DELRANGE", TypeCount: "COUNT", TypeMerge: "MERGE",
	TypeBegin: "BEGIN", TypeCommit: "COMMIT", TypeRollback: "ROLLBACK", TypeSavepoint: "SAVEPOINT",
	TypeExec: "EXEC", TypePrepare: "PREPARE", TypeRun: "RUN", TypeUnprepare: "UNPREPARE",
	TypeFetch: "FETCH", TypeClose: "CLOSE", TypeWatch: "WATCH", TypeUnwatch: "UNWATCH",
	TypeStats: "STATS", TypeInfo: "INFO", TypeFlush: "FLUSH", TypeCompact: "COMPACT", TypeSessions: "SESSIONS", TypeKill: "KILL",
	TypeUsers: "USERS", TypeKeyspaces: "KEYSPACES",
	TypeOK: "OK", TypeRowHead: "ROWHEAD", TypeRows: "ROWS", TypeEnd: "END", TypeEvent: "EVENT", TypeNotice: "NOTICE", TypeError: "ERROR",
}

// String returns the name of the type, or its number if it is not known.
func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("0x%02x", uint8(t))
}

// IsRequest reports whether the type is a request that this version knows.
func (t Type) IsRequest() bool { return t < 0x80 && typeNames[t] != "" }

// Flags of a frame. On the wire; never renumber.
type Flags uint8

// The flags.
const (
	More       Flags = 1 << iota // further frames of the request follow
	Compressed                   // the body is compressed
	AnyOrder                     // a request that may be run, and answered, out of order
	NoReply                      // a request that gets no OK; an ERROR it gets
)

// Has reports whether all bits of flag are set.
func (f Flags) Has(flag Flags) bool { return f&flag == flag }
