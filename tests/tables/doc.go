// Package tables uses typed tables as programs do, in processes of their own that are killed.
//
// The OpenFlights files (see package environment) are loaded as three tables whose codes are indexed. The process that does
// that is killed with SIGKILL again and again, in the middle of transactions and of the making of indexes. Each time all files
// must verify, each index must agree with its table, and every transaction that was told to be durable must be there. In the
// end what the tables answer is compared with what the files say.
//
// MIDDB_SEED decides at which of the child's answers it is killed.
package tables
