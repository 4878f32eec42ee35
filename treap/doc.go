// Package treap is the set of stretches of the key space that range deletes cover: [Ranges]. It is immutable: a change
// makes a new one and leaves the old one as it is, at the cost of copying the path to the place (Driscoll, Sarnak,
// Sleator and Tarjan, 1989). So whoever holds one has a snapshot for nothing, which is what savepoints, iterators over
// the writes of a transaction, and readers of a memtable's range deletes need. What has many writes for each that
// somebody holds is better off with a cowtree.Map.
//
// The tree is a treap (Seidel and Aragon, 1996): in order of its keys, and a heap of their
// priorities. The priority of a key is its xxh3 hash, so the shape depends on the keys alone, not on the
// order of arrival nor on chance. Finding, setting, and removing a whole range take a number of steps that is
// logarithmic in the number of keys.
//
// It is called by memtable, levels and engine. Nothing here locks, allocates beyond nodes, or copies keys.
package treap
