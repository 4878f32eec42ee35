// Package client talks to a middb server. It has the verbs of package engine, each with a context.
//
//	db, err := client.Open(ctx, "middb://ada:secret@localhost:7878/shop?tls=verify-full", client.Options{})
//	if err != nil { ... }
//	defer db.Close()
//
//	err = db.Put(ctx, []byte("user/1"), []byte("Ada"))   // on the server's disk when it returns
//	v, err := db.Get(ctx, []byte("user/1"))              // wire.ErrNotFound if there is none
//
//	rows, err := db.Scan(ctx, client.ScanOptions{Prefix: []byte("user/")})
//	if err != nil { ... }
//	defer rows.Close()
//	for k, v := range rows.All() { ... }                 // valid until the cursor moves
//	err = rows.Err()
//
//	err = db.Update(ctx, func(txn *client.Txn) error {   // runs again after a conflict
//		v, err := txn.Get(ctx, []byte("user/1"))
//		if err != nil { return err }
//		return txn.Put(ctx, []byte("user/1"), change(v))
//	})
//
// # Errors
//
// What the server answers is a [wire.Error], which matches its [wire.Code] under errors.Is: wire.ErrNotFound,
// wire.ErrConflict and so on. What the client itself finds has codes, too. wire.ErrConnection is a server that cannot
// be reached, or a connection that was lost before it mattered. wire.ErrCommitUnknown is a write of which nobody can
// say whether it was stored: the connection was lost, or the context ended, after it was sent. Nothing of a Client
// puts a password into an error or a log.
//
// # Connections
//
// A Client keeps a few connections, which all goroutines share: requests carry numbers, so that many are under way at
// a time, what is to be sent at the same time is sent together, and a slow request holds up no other. A transaction, a
// cursor or a feed stays on the connection on which it began. When a connection is lost the Client makes another one,
// with growing pauses, to whichever of the URL's servers answers. Requests go on over that if it cannot matter: reads,
// requests that were not sent yet, and those that a server refused because it shuts down. So a transaction is lost with
// its connection, and Update begins again; a feed goes on from its position; a cursor fails, because what it reads is
// of one moment.
//
// # Waiting
//
// Every call returns soon after its context has ended, and tells the server to give the request up. A call whose
// context has no deadline is given [Options.Timeout]. A server that is asked to give a request up and answers nothing
// at all for a few seconds is taken for gone. When the time ends while there is no connection, the error says why and
// is a wire.ErrConnection, too.
//
// Any goroutine may call any method of [Client] and [Keyspace] at any time; a [Txn], [Batch], [Cursor], [Feed] or
// [Pipeline] is for one at a time. The package is for programs; the engine is not in it.
package client
