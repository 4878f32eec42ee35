package resp

import "sync/atomic"

// A budget is memory that all connections share, in bytes. Safe for concurrent use.
type budget struct {
	limit int64
	used  atomic.Int64
}

// take reports whether there were n bytes left, which are the caller's until it gives them back.
func (b *budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.limit {
		return true
	}
	b.used.Add(-int64(n))
	return false
}

func (b *budget) give(n int) {
	if n != 0 {
		b.used.Add(-int64(n))
	}
}
