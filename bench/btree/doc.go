// Command btree measures the B+Tree of middb beside other ordered maps of Go: github.com/tidwall/btree and
// github.com/google/btree in memory, go.etcd.io/bbolt on disk.
//
//	cd bench && go run ./btree
//
// Keys have 16 bytes in random order, values 8. In memory, all trees hold byte strings that are theirs: those that keep
// what they are given get copies. On disk, middb's tree is in a file of pages whose cache has 64 MiB, and bbolt maps its
// file; both were written and closed, and the file is in the cache of the system. The rounds of all trees alternate, and
// each row gives the median of its rounds, in nanoseconds a key, and the ratio of the peer's to middb's: above 1 middb is
// faster.
package main
