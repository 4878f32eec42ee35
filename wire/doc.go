// Package wire is the protocol between middb's server and its clients: prefaces, frames, and the messages in them. It
// is codec only: no sockets, no goroutines, no clock. This text is the specification; package wire/server and
// package wire/client are its two ends, pybind a third one, and testdata/golden.json has frames that all of them must
// read and write alike.
//
// # Preface
//
// Each side begins with 8 bytes, the client first:
//
//	offset  size  field
//	     0     4  "MIDB"
//	     4     1  major version, 1
//	     5     1  minor version, 0
//	     6     2  flags, 0; readers ignore them
//
// A server answers another major version with its own preface and an ERROR, and bytes of another protocol with one
// line of text; then it closes. Minor versions only add: message types, elements at the end of arrays, keys of maps.
//
// # Frames
//
// After the prefaces both directions are frames: a header of 12 bytes and a body. Integers of the header are
// big-endian.
//
//	offset  size  field
//	     0     4  length n of the body as it is sent
//	     4     4  request id; 0: the frame concerns the connection
//	     8     1  type
//	     9     1  flags: 1 more frames follow, 2 compressed, 4 any order, 8 no reply
//	    10     2  reserved, 0
//	    12     n  body
//
// A client numbers its requests as it likes, but not 0, and not as one that is in flight. Replies have the number of
// their request. Bits that are not defined, and frames above the limit, end the connection.
//
// A compressed body is the length of the plain one, 4 bytes, and a zlib stream of it. It is sent only after HELLO has
// agreed on it.
//
// # Bodies
//
// A body is one msgpack value. Senders write the shortest form; readers take any. Hot requests are arrays by
// position: elements that have their default, nil, 0, false or "", are left out at the end, and readers pass what they
// do not know at the end. Rare ones are maps with string keys, of which readers ignore those that they do not know.
// Keys and values are bin, names are str, times are Unix milliseconds, sequence numbers and the like are integers.
// Extension types are not used.
//
// Whoever receives a body checks it by [Validate] before anything is decoded. The receiver closes the connection when
// framing is broken; a body that is wrong in itself is answered with an ERROR, and the connection goes on.
//
// # Order
//
// HELLO is the first request. Requests take effect, and are answered, in the order sent, unless they have the flag
// any order. A server reads no further request while as many are in flight as it has announced. CANCEL is acted upon
// at once. The replies to SCAN, WATCH, EXEC and RUN are streams: their first frame has its place in the order, the others come
// in between other replies.
// Each frame of a stream uses up a credit; FETCH gives more. Everything that belongs to a connection,
// transactions and cursors and requests, ends with it.
//
// # Messages
//
// The types are listed at [TypeHello] and [TypeOK]; the struct named there has the fields of the body in their order.
//
// # SQL
//
// EXEC runs a statement, PREPARE keeps one that RUN runs, and UNPREPARE forgets it. Every connection has a session: its
// statements run one after the other, and BEGIN, COMMIT and SET are about it. A statement with the flag [ExecAlone] has a session
// of its own, so that those who share a connection are not in one another's way; one with a transaction that BEGIN, the
// request, began runs in that.
//
// The reply is ROWHEAD, if the statement gives rows, ROWS, and END; the frames before END have the flag more. ROWS frames
// need credit, the others do not. The body of ROWHEAD is an array of columns,
//
//	[name, type, kind, nullable, digits, scale, length]
//
// where kind is a [ColumnKind], and what follows it is left out at the end where it is false or 0. ROWS is an array of rows,
// each an array of as many values. END tells how many rows were sent, how many were affected, the tag that PostgreSQL
// would give, such as "INSERT 0 1", and what there is to notice.
//
// What a statement has done is done when END comes. An ERROR says that it has done nothing, even after ROWS; except for
// COMMIT_UNKNOWN. A statement that was done before CANCEL reached it is answered as done. Timeouts of requests count the time
// that the server works on a statement, not that in which its client reads.
//
// ERRORs of statements have the SQLSTATE that PostgreSQL gives and, where there is one, the position in the statement:
// which of its characters, from 1.
//
// # Errors
//
// An ERROR has the map that [Error] describes. Its codes are one table, codes.tsv, from which the constants here, the
// exceptions of the Python package and docs/errors.md are generated.
//
// # Example
//
// A client asks for the value of the key "user/1", and the server answers "Ada":
//
//	00 00 00 09  00 00 00 07  10  00  00 00    9 bytes, request 7, GET
//	91 c4 06 75 73 65 72 2f 31                 [bin "user/1"]
//
//	00 00 00 05  00 00 00 07  80  00  00 00    5 bytes, request 7, OK
//	c4 03 41 64 61                             bin "Ada"
package wire
