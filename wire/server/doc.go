// Package server serves a database to clients that speak the protocol of package wire, over any listener: TCP, TLS, Unix
// sockets, several at a time.
//
//	s, err := server.New(db, server.Options{Users: users})
//	...
//	go s.Serve(ctx, listener, server.ListenerOptions{})
//	...
//	err = s.Shutdown(ctx) // then db can be closed
//
// It promises:
//
//   - Requests without the flag any order take effect, and are answered, in the order sent. What a write asks for in
//     durability it gets, pipelined or not, and nobody sees a synced write before it is on disk.
//   - CANCEL is acted upon while requests run or wait; so is the end of a connection. What belongs to a session,
//     its requests, transactions, cursors and watches, ends with it, and releases what it holds of the database.
//   - Whatever clients do, what connections take in memory stays within Options.MaxMemory, but for what is being
//     appended at the moment. Clients that do not read are held up, then cut off; they hold up nobody else.
//   - Every request is checked against the roles of its user as they are now.
//   - A panic in a request is an error of that request, with its stack in the log.
//
// # A connection
//
// Each has one goroutine for as long as it lives, which reads (conn.read). It runs quick requests itself: a GET
// is decoded, looked up, appended to what is to be sent and, when no other request has arrived yet, written, without a
// hand-over to another goroutine. All else would keep it from reading, and goes to a goroutine that lasts while
// there is something to do: requests in order to the executor (conn.execute), of which there is one a connection,
// requests in any order to one each, open streams that have credit to one each (stream.run). Once something waits for
// the executor, everything that is in order goes there.
//
//	socket → input → wire.FrameReader → conn.take ─┬─ runHere ────────────┐
//	                                               ├─ queue → execute ────┤
//	                                               ├─ any order ──────────┼→ out → socket
//	                                               └─ stream.run ← FETCH ─┘
//
// Replies are appended to one way out (type out). Whoever has nothing more to append writes for all; the reader only
// for as long as the socket takes it at once, as the client may be waiting for it to read.
//
// Writes that follow one another, to one keyspace with one durability, become one commit (type group): that of what
// is queued when the one before it has ended.
//
// # Memory
//
// An idle connection takes some 13 KiB, goroutine and buffers included; 16 KiB for each of Options.MaxConnections are
// set apart. The rest is four equal budgets (type memory), ordered so that whoever holds one waits for later ones
// only, and nothing waits for the last:
//
//	arrivals  frames of more than 64 KiB, charged whole when their header is there    wait, then the connection ends
//	requests  what has been read and not answered, buffers for smaller frames         wait, then LIMIT
//	replies   what is being made, and what is not sent                                wait, then LIMIT
//	txns      what transactions have written and must remember of what they read      LIMIT
//
// No more is read from a connection while it has too many requests in flight, or half of Options.MaxUnsent unsent. Its
// streams make their frames one at a time, when less than 1 MiB is unsent.
//
// A reply that finds no room is let go and made again when there is: no goroutine waits for memory holding memory that
// is not charged.
//
// # The end
//
// Whoever finds a reason calls conn.fail, or conn.stop if what is under way should end first. Both make the reader
// return, and it alone takes the connection apart (conn.end).
package server
