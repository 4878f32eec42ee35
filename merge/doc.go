// Package merge folds the operands of merge operators: writes that say how a value changes and not what it
// becomes, so that nobody has to read first.
//
// An [Operator] is an associative function of two byte strings. So operands can be folded with each
// other before the value that they change is known, and every source of entries (memtable, sstable)
// keeps its promise of one entry a key: what it has of a key is one merge list, which whoever reads
// or compacts folds with what older sources have. [Operators] are the registered ones.
//
// Neighbours are folded first, in any grouping, so a chain of n operands costs n log n. What grows beyond
// key.MaxValueBytes meanwhile is given up: reads fail until the key is written anew.
//
// [Operators.Combine] is associative and total. What cannot be folded, because an operator is
// not registered in this process, refuses its operand, or waits for a value to expire, stays in the list as it
// is; only a user who reads the value gets an error.
//
// # Expiry
//
// When a value with an expiry has been merged into, its operands stay when it expires: they then count as
// added to nothing. So such a value is kept apart from its operands until it has expired.
//
// # Format
//
// The stored value of an entry of key.KindMerge is a list of items, oldest first. A base can only be the
// first item; with one the list is complete, and older entries of the key do not matter.
//
//	item: type (1 byte), content
//
//	type  content
//	   0  base: nothing, the key was deleted
//	   1  base: a value; length (uvarint), bytes
//	   2  base: a value with expiry; length (uvarint), expiry (8 bytes) and value as in package key
//	   3  operand: length of the operator's name (1 byte, not 0), name, length (uvarint), bytes
//	   4  base: a value that grew beyond the limit and was given up
//
// The list of one operand of the built-in operator "append" and one of the base "ab":
//
//	01 02 61 62                           base, 2 bytes, "ab"
//	03 06 61 70 70 65 6e 64 01 63         operand, "append", 1 byte, "c"
//
// It is called by iterator, memtable, levels, wal and engine.
package merge
