// Package engine is middb's key-value database, embedded: byte strings under byte strings, in order
// of their keys, with atomic batches and snapshots. It is the package that programs import; package
// vfs is the only other one that they may need, for a database in memory.
//
//	db, err := engine.Spawn(engine.Config{Dir: "./data"})
//	if err != nil { ... }
//	defer db.Close()
//
//	err = db.Put([]byte("user/1"), []byte("Ada"))   // on disk when it returns
//	v, err := db.Get([]byte("user/1"))              // a copy; engine.ErrNotFound if there is none
//
//	it, err := db.NewIterator(engine.IterOptions{Prefix: []byte("user/")})
//	if err != nil { ... }
//	defer it.Close()
//	for k, v := range it.All() { ... }              // valid until the iterator moves
//	err = it.Err()
//
// Reads and writes that belong together are a transaction; Update runs one and repeats it when it conflicts:
//
//	err = db.Update(ctx, func(txn *engine.Txn) error {
//		v, err := txn.Get([]byte("user/1"))
//		if err != nil { return err }
//		return txn.Put([]byte("user/1"), change(v))
//	})
//
// A [Keyspace] is a set of keys of its own, with the methods that a DB has for its default one; batches
// and transactions may span several. DeleteRange, PutTTL, Merge, PutIf and Watch are described there.
//
// It promises:
//
//   - A commit, be it one write or a [Batch], is seen whole or not at all, and commits are seen in
//     one order by all. A read that begins after a write returned sees it.
//   - A [Txn] sees one moment and its own writes. Its commit is refused if a later commit wrote what it wrote
//     ([SnapshotIsolation]), or also what it read, keys and ranges ([Serializable]).
//   - A write that returned with [Sync], the default, survives any crash and loss of power. After a
//     crash the database holds a prefix of the commit order that has every such write. [NoSync]
//     returns sooner and says what may be lost.
//   - A [Snapshot] or an [Iterator] sees one moment, whatever is written meanwhile, and delays no
//     writer. It keeps old files and memory from being freed until it is closed.
//   - A [Feed] yields every durable operation once and in order, from any sequence number that the log
//     still reaches back to, and delays no writer.
//   - Damaged files are reported as [CorruptionError] with file and offset, never as an answer. After a
//     failure that leaves in doubt what is on disk, writes fail with [ErrFailed] and reads go on.
//   - Reads wait for no write, flush or compaction. Writes are delayed when those cannot keep up.
//
// Any goroutine may call any method of [DB], [Keyspace] and [Snapshot] at any time; an [Iterator], a [Batch]
// or a [Txn] is for one at a time. Calls after Close return [ErrClosed]. A directory is open in one DB, or in
// any number that have Config.ReadOnly. The caller closes what it opens: iterators,
// transactions and snapshots, then the DB.
package engine
