package engine

// slowDebtBytes is the least compaction debt at which writes begin to be delayed.
const slowDebtBytes = 1 << 30

// memorySizes divide the memory budget.
type memorySizes struct {
	memtableBytes int64
	maxSealed     int   // memtables waiting for their flush beside the active one
	arenaBytes    int64 // what memtables may take in all
	cacheBytes    int64 // blocks, indexes and filters, when memtables take no more than the active one
	sharedBytes   int64 // memtables and cache together; 0: the cache has a size of its own

	dirtyTreeBytes int64 // changed pages of B+Trees that are not durable
}

// heapReserve is the part of the budget set aside for what lies on the Go heap and is not counted:
// buffers of flush, compaction and log, and the garbage that collects between two collections.
func heapReserve(budget int64) int64 { return min(24<<20, budget/8) + budget/16 }

// memorySizes divides the budget: memtables get the active one, those that wait for their flush, and
// one more that the garbage collector has not found yet; the cache gets what they leave at the
// time, and no less than an eighth.
func (c *Config) memorySizes() memorySizes {
	s := memorySizes{memtableBytes: c.MemtableBytes}
	s.maxSealed = int(max(1, min(4, c.MemoryBudget/2/c.MemtableBytes-2)))
	s.arenaBytes = int64(s.maxSealed+2) * c.MemtableBytes
	s.dirtyTreeBytes = c.MemoryBudget / 8
	if c.CacheBytes > 0 {
		s.cacheBytes = c.CacheBytes
		return s
	}
	s.sharedBytes = c.MemoryBudget - heapReserve(c.MemoryBudget)
	s.cacheBytes = s.cacheBeside(c.MemtableBytes)
	return s
}

// cacheBeside returns the capacity of the cache while memtables take arenaBytes.
func (s *memorySizes) cacheBeside(arenaBytes int64) int64 {
	return max(s.sharedBytes/8, s.sharedBytes-arenaBytes)
}

// rebalance gives the cache what the memtables leave of the budget.
func (db *DB) rebalance() {
	if db.sizes.sharedBytes > 0 {
		// The active memtable is counted at its full size: it grows without asking.
		grows := db.sizes.memtableBytes - db.published.State().Active.Touched()
		db.cache.SetCapacity(db.sizes.cacheBeside(db.arenas.Resident() + max(0, grows) + db.forest.DirtyBytes()))
	}
}
