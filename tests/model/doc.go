// Package model compares the whole engine with a model of it under random operations: a sorted list
// of keys, each with its history, in which every commit has a number.
//
// Each seed chooses options that make everything happen often (memtables, blocks and levels of a
// few kilobytes), a set of keys, and then operations: writes of every kind and durability, reads,
// iterators and snapshots that stay open across them, flushes, compactions, reopening, and crashes
// at an arbitrary call to the file system, recovery included. Every answer must be the model's.
// After a crash the contents must be those after some commit, no earlier than the last one that
// was acknowledged as durable: that is what "a prefix of the commit order, whole batches only"
// means, and from there the run goes on.
//
// A failure names its seed, its options and its last operations. The environment steers the tests:
// MIDDB_SEED runs one seed, MIDDB_MODEL_OPS sets the number of operations over all seeds, and
// MIDDB_BASE_SEED the first of them. The engine's background work runs beside the operations, so a
// seed repeats the operations and the crash points but not the interleaving.
package model
