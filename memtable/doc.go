// Package memtable holds the newest writes in memory, in key order, until they are flushed.
package memtable
