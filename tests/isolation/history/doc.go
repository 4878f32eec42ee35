// Package history checks histories of transactions for isolation anomalies, after the fact and
// without knowing how the database works.
//
// A history is a list of transactions that appended numbers to lists, read lists, or scanned ranges
// of keys for all lists in them. Each number is appended once, so a list that was read names the
// writers of all its versions in their order: it is the history of its key. From that the checker
// infers for each key the order of its versions, which is the longest list that was read or, by
// a transaction that read the list before it appended, installed; and from the order it infers how
// transactions depend on one another:
//
//	ww  T2 appended directly after T1: T2 replaced the version of T1
//	wr  T2 read the version that T1 installed
//	rw  T1 read the version that T2 replaced; a scan has read all keys of its range, those that
//	    it did not find as empty lists, so a phantom is an rw edge too
//	rt  T1 had ended before T2 began (on demand)
//
// A cycle of these dependencies is an anomaly, classified by what it consists of:
//
//	G0             ww only: a dirty write
//	G1c            ww and wr: circular information flow
//	G-single       one rw: read skew
//	G-nonadjacent  several rw, no two of them next to one another
//	G2             two rw next to one another: write skew or a phantom
//
// Snapshot isolation forbids all but G2, which needs the two adjacent rw edges; serializability
// forbids all. A cycle that needs rt edges is named so, "G-single-realtime" for example.
//
// Besides cycles the checker finds reads of what was rolled back (G1a) and of what was not a
// transaction's last word (G1b), reads that contradict what the same transaction did before
// (internal), lists that are no prefix of one another (incompatible order), appends that
// others overwrote (lost update), numbers that occur twice (duplicate) or come from nowhere (garbage).
//
// The phenomena are those of Atul Adya, "Weak Consistency: A Generalized Theory and Optimistic
// Implementations for Distributed Transactions", MIT 1999. The inference from lists, and most of the
// classes, are those of Kyle Kingsbury and Peter Alvaro, "Elle: Inferring Isolation Anomalies from
// Experimental Observations", VLDB 2020. That snapshot isolation is the absence of cycles without
// adjacent rw edges is from Andrea Cerone and Alexey Gotsman, "Analysing Snapshot Isolation", PODC
// 2016; it holds with rt edges too, where a transaction that begins sees all that had ended.
//
// Any test may call the package. It has no goroutines and keeps nothing between calls.
package history
