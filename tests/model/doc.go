// Package model compares the whole engine with a model of it under random operations: keyspaces with sorted
// keys, each with its history, in which every commit has a number and every operation a sequence number.
//
// Each seed chooses options that make everything happen often (memtables, blocks and levels of a
// few kilobytes), a set of keys, and then operations: writes of every kind and durability, alone, on
// conditions, and in batches; reads; iterators, snapshots, readable batches and transactions that stay open
// across them; keyspaces that are made, dropped and made again; a clock that moves either way; flushes,
// compactions, reopening, and crashes at an arbitrary call to the file system, recovery included. Every answer
// must be the model's, errors too: it knows which merges fail and which transactions have a conflict. After
// a crash the contents of all keyspaces together must be those after some commit, no earlier than the last one
// that was acknowledged as durable: that is what "a prefix of the commit order, whole batches only"
// means, and from there the run goes on.
//
// The model, and so a specification of the engine, is in a few files:
//
//   - oracle: keyspaces, commits, histories, and what a reader sees, which is a state at a time, beneath writes
//     of its own;
//   - entry: what the operations on a key make of it; op: which keys an operation writes;
//   - cursor: where an iterator stands, and what it has read; conflict: when a transaction cannot be committed;
//   - match: which state a database shows.
//
// The others are the run: one method per kind of operation.
//
// A failure names its seed, its options and its last operations. The environment steers the tests:
// MIDDB_SEED runs one seed, MIDDB_MODEL_OPS sets the number of operations over all seeds, and
// MIDDB_BASE_SEED the first of them. The engine's background work runs beside the operations, so a
// seed repeats the operations and the crash points but not the interleaving.
package model
