// Package resp lets clients of Redis use a middb database: it speaks RESP, the protocol of Redis, in versions 2 and 3,
// and has the commands on strings and keys, and MULTI and WATCH on middb's transactions. docs/resp.md lists the commands
// and where they differ from those of Redis on purpose.
//
//	front, err := resp.New(db, resp.Options{Durability: engine.NoSync})
//	if err != nil { ... }
//	go front.Serve(ctx, listener)
//	...
//	err = front.Shutdown(ctx)
//
// It promises:
//
//   - Commands of one connection take effect, and are answered, in the order sent. All commands of all connections,
//     and of other users of the database, are strictly serializable: what a command reads, and what it then writes,
//     is of one moment, so no INCR and no EXEC loses what anybody else wrote.
//   - A write is answered when it is as durable as Options.Durability asks for.
//   - EXEC is one commit: a crash leaves all of it or nothing.
//   - No input makes it panic or hold more than Limits allow. What is not the protocol gets one line that says so and
//     the end of the connection. A client that does not read delays itself only, and is cut off.
//
// # How a connection works
//
// One goroutine runs a connection (conn). It reads what has come, takes the whole commands out of it (reader), runs
// them, and sends all replies with one call. Writes that come one behind the other are collected (pending.go). If none of
// them depends on what is there, they become one engine.Batch. Otherwise the committer runs them, with those of other
// connections, in one serializable transaction. A command that reads sees what its connection wrote before, as that is
// committed first.
//
// So a pipeline of writes costs one commit, and with Sync one share of an fsync. A pipeline that writes and reads in turn
// costs one for each turn; between MULTI and EXEC it is one again.
//
// WATCH begins a transaction that has read the keys for update, and EXEC commits that one, empty, in the
// middle of its own: it fails if anybody has written one of the keys since (multi.go).
//
// Memory is bounded for each connection, and beyond 64 KiB each way by a budget that all share.
//
// Package engine is all that this one works with; users and listeners come in through Options.
package resp
