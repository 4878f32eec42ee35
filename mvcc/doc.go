// Package mvcc decides whether a transaction may commit: whether what it depends on is still as it was in
// the View that it read.
//
// A transaction leaves a [Footprint]: the sequence number of its View, the keys and ranges that it wrote, and
// those that it read and relies on. It may commit if no commit with a higher sequence number wrote any of
// them. Checking what was written gives snapshot isolation, first committer wins (Berenson et al., "A
// Critique of ANSI SQL Isolation Levels", 1995). Checking also every key and range that was read, misses
// included, makes the order of commits a serial order: what a transaction read at its View is what it
// would have read at its commit. It is backward validation as in optimistic concurrency control (Kung
// and Robinson, 1981).
//
// [Recent] is what recent commits wrote. The coordinator owns it, records each commit when it numbers it, and
// asks it before it numbers a transaction's. Nothing is recorded while nobody runs transactions.
//
// [Live] lists the transactions under way. It is the one thing here that many goroutines share: a
// transaction enters before it takes its View, and Recent keeps all that was written since the oldest of
// them, up to a limit of memory; a transaction older than what was given up gets [ErrTooOld].
//
// Package actors calls Recent, package engine makes footprints. There are no goroutines here and no clock.
package mvcc
