// Package cowtree is an ordered map of byte strings in memory: a B-tree whose writer changes nodes in
// place, and copies those that somebody else may still read.
//
// Each node belongs to an owner, a token. A [Map] changes the nodes that bear its own token and copies others on
// the way to a change. [Map.Clone] gives both maps new tokens, so from then on neither changes what they share: a
// clone costs nothing, and what is written after it pays for a copy of each node that it is first to touch (as in
// github.com/google/btree). A map that nobody clones copies nothing.
//
// Entries are in the leaves. Beside its key each has the key's head, its first 16 bytes as two words, and a search
// compares heads, without branches that would be guessed wrong half of the time; it looks at the bytes of keys only
// where heads are equal. Stored keys begin with 6 bytes that a keyspace shares, so one word would not tell them
// apart. An insertion moves heads only. Inner nodes have separators: the shortest that part the neighbours, copied, so that a map refers to no key
// that is not in it. A single entry needs no node, and the first leaf begins small and grows. A leaf that fills up by
// keys that come in order stays full when it is split. Nodes are not merged: one goes when it is empty
// (Johnson and Shasha, "B-trees with inserts and deletes: why free-at-empty is better than merge-at-half", 1993).
//
// It is called by engine, which keeps the writes of transactions in it. A Map is for one goroutine at a time, but maps
// that share nodes, and their cursors, may be used by as many goroutines as there are maps. Nothing here locks, or
// copies keys or values.
package cowtree
