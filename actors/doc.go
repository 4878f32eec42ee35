// Package actors runs the engine: it wraps the cores (wal, memtable, levels) into actors that own
// them and talk by messages only, and publishes what they make for readers, who talk to nobody.
// Package engine is its only user.
//
//	           callers (put, delete, batch)                    readers (get, iterate)
//	                      │ door: bytes in flight, write delays        ▲
//	                      ▼                                            │ one atomic load each
//	┌──────────────────────────────────────┐   Commit,    ┌────────────┴──────────────┐
//	│ coordinator                          │   rotate     │ memtable owner            │
//	│ order, numbers, log frames, rotation ├─────────────▶│ active memtable, State,   │
//	└──▲───────┬──────────────────────▲────┘              │ visible sequence number   │
//	   │       │ appendLog, rotateLog │ memtablesFlushed  └─▲───┬────────▲────────┬───┘
//	   │       ▼                      └─────────────────────┼───┘        │        │
//	   │   ┌──────────────┐  logSynced                      │            │        │ flushMemtable
//	   └───┤ log writer   ├─────────────────────────────────┘            │        ▼
//	 block │ open segment │◀── releaseLog ── memtable owner              │  ┌───────────┐
//	 freed └──────────────┘                             versionInstalled │  │ flusher   │
//	                                                                     │  └─────┬─────┘
//	┌──────────────┐ runCompaction  ┌────────────────────────────────────┴──┐     │
//	│ compactor n  │◀───────────────┤ versions                              │◀────┘
//	│ one a level  ├───────────────▶│ current Version, manifest, live files │ installEdit
//	└──────────────┘ installEdit    └───────────────────────────────────────┘
//
// # Who owns what
//
//	coordinator     the next sequence number, the log encoder with its current block, when to rotate
//	log writer      the open segment and the older ones that are not flushed
//	memtable owner  the active memtable, the queue of applied commits that are not visible yet,
//	                the B+Trees, the published State and Trees
//	flusher         sealed memtables on their way into level 0, with their checkpoints of the B+Trees
//	versions        the levels.Set: current Version, manifest, claims, which files are live
//	compactor n     the compaction out of level n that runs
//
// State has one owner. An actor never waits for another: when it cannot go on it keeps what it has
// and returns, and the message that changes this resumes it. Callers wait, on the slot in their
// commit, for the answer, their context, or an alarm.
//
// Followers of the log (package engine's feeds) are callers too: they read the log's files themselves, up
// to what the memtable owner has published as visible and durable. feeds.go is all they share with
// actors: the memtable owner wakes those who wait, the log writer deletes no segment that one of them
// still needs (within bounds), the coordinator asks for durability on their behalf.
//
// # How an actor runs
//
// Messages are linked into the mailbox through a node inside them, so posting allocates nothing, and
// an actor receives all that was queued as one batch: group commit is what happens when there is
// more than one. The coordinator and the memtable owner are strands: the caller that finds one idle
// runs it, then runs the next one after it has left the first, so actors never nest and stages
// overlap; after a few batches the actor moves to its own goroutine. The others always run on
// their own goroutine. system.go and mailbox.go are all that knows protoactor.
//
// In a simulation Config.Scheduler takes the place of all this: mailboxes only queue, and the
// scheduler decides which actor handles how much of its queue, which caller goes on, and what time it
// is. So whoever waits in this package asks it first: see simulation.go and tests/simulation.
//
// # Failure
//
// An I/O error or a panic in an actor raises an alarm that is never lowered: the cause is kept,
// writes return it (ErrFailed; ErrCommitUnknown for those under way), nothing is flushed or installed
// any more, reads go on from the last State, and Close works. Running out of disk space raises an
// alarm that is lowered when the write that failed succeeds at the same offset.
package actors
