package engine

// inFlightBytes bounds the commits that are admitted at a time.
const inFlightBytes = 16 << 20

// slowDebtBytes is the least compaction debt at which writes begin to be delayed.
const slowDebtBytes = 1 << 30

// memorySizes divide the memory budget.
type memorySizes struct {
	memtableBytes int64
	maxSealed     int   // memtables waiting for their flush beside the active one
	cacheBytes    int64 // blocks, indexes and filters
}

// memorySizes divides the budget: memtables get the active one, those that wait for their flush, and
// one more that a reader may still hold; the cache gets the rest. Half of the budget goes to
// memtables where they are small enough to have a choice.
func (c *Config) memorySizes() memorySizes {
	s := memorySizes{memtableBytes: c.MemtableBytes}
	s.maxSealed = int(max(1, min(4, c.MemoryBudget/2/c.MemtableBytes-2)))
	s.cacheBytes = max(c.MemoryBudget/8, c.MemoryBudget-int64(s.maxSealed+2)*c.MemtableBytes)
	if c.CacheBytes > 0 {
		s.cacheBytes = c.CacheBytes
	}
	return s
}
