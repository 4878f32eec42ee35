package main

func Example() {
	main()
	// Output:
	// # 1,000 users, in memory and in the log
	// memtable: 1000 keys
	// a read asks up to 1 sources
	// # flushed: one file in level 0, sorted, and the log is not needed any more
	// memtable: 0 keys
	// level 0: 1 files, 1000 entries, 0 tombstones
	// a read asks up to 2 sources
	// # two more files: the first 500 users again, 100 new ones
	// memtable: 0 keys
	// level 0: 3 files, 1600 entries, 0 tombstones
	// a read asks up to 4 sources
	// # deleted: what is written is a tombstone, which hides the older entries
	// memtable: 0 keys
	// level 0: 4 files, 1610 entries, 10 tombstones
	// a read asks up to 5 sources
	// # compacted: every user once, and tombstones have nothing left to hide
	// memtable: 0 keys
	// level 6: 1 files, 1090 entries, 0 tombstones
	// a read asks up to 2 sources
	// 4 flushes, 1 compactions
	// # killed: the last write is in the log, from where it is replayed
	// last words, of 1 operations replayed
	// memtable: 1 keys
	// level 6: 1 files, 1090 entries, 0 tombstones
	// a read asks up to 2 sources
}
