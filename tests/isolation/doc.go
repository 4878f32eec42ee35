// Package isolation tests what transactions see of one another, and which of them are refused.
//
// Stories, under testdata, play the anomalies of Hermitage (https://github.com/ept/hermitage) step by
// step at each isolation level, side by side. Those of the levels that middb does not have are played by
// a small store in memory, which has all four; it shows that the stories notice an anomaly, and
// must agree with the engine on the other two. What the stories show is this:
//
//	| Anomaly   | Read uncommitted | Read committed | Snapshot  | Serializable |
//	|-----------|------------------|----------------|-----------|--------------|
//	| G0        | occurs           | prevented      | prevented | prevented    |
//	| G1a       | occurs           | prevented      | prevented | prevented    |
//	| G1b       | occurs           | prevented      | prevented | prevented    |
//	| G1c       | occurs           | prevented      | prevented | prevented    |
//	| OTV       | occurs           | prevented      | prevented | prevented    |
//	| PMP       | occurs           | occurs         | prevented | prevented    |
//	| PMP-write | occurs           | occurs         | prevented | prevented    |
//	| P4        | occurs           | occurs         | prevented | prevented    |
//	| G-single  | occurs           | occurs         | prevented | prevented    |
//	| G2-item   | occurs           | occurs         | occurs    | prevented    |
//	| G2        | occurs           | occurs         | occurs    | prevented    |
//
// Three tests leave the interleaving to chance. Random histories of transactions that append to lists
// are given to package history, which finds every anomaly that they show. Transfers between
// accounts, through flushes, compactions and power losses, must keep the sum in all that anyone
// sees. Operations on single keys, with the database closed and killed between them, must be
// linearizable, as porcupine decides (https://github.com/anishathalye/porcupine).
//
// Each test must find bugs, which are planted around the store that it runs on. A failure names its
// seed, and MIDDB_SEED runs that one alone; the engine's goroutines run beside the test's, so a seed repeats what
// was asked for and not the interleaving.
package isolation
