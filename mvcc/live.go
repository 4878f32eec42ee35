package mvcc

import (
	"math"
	"sync"
	"sync/atomic"
)

// notRecording is the value of Live.from while nothing is recorded.
const notRecording = math.MaxUint64

// Live lists the transactions that are under way, so that Recent keeps what they must be checked against.
// Safe for concurrent use. The zero Live is not usable; see NewLive.
type Live struct {
	count atomic.Int64

	mu    sync.Mutex
	root  Entry
	total int64  // transactions that were ever listed
	from  uint64 // commits above this are recorded; notRecording: none are. Only Recent changes it
}

// An Entry is the place of one transaction in a Live.
type Entry struct {
	prev, next *Entry
	seq        uint64 // its View is not below
}

// NewLive returns an empty Live.
func NewLive() *Live {
	l := &Live{from: notRecording}
	l.root.prev, l.root.next = &l.root, &l.root
	return l
}

// Enter lists a transaction that will take a View no older than what visible returns now. It reports whether
// every commit since is, and will be, recorded; if not, the caller has the coordinator begin recording
// and, when all before that is visible, calls Renew.
func (l *Live) Enter(e *Entry, visible func() uint64) (recorded bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.seq = visible()
	e.prev, e.next = l.root.prev, &l.root
	e.prev.next, e.next.prev = e, e
	l.count.Add(1)
	l.total++
	return l.from <= e.seq
}

// Renew is Enter for a transaction that is listed already and has taken no View yet.
func (l *Live) Renew(e *Entry, visible func() uint64) (recorded bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.prev.next, e.next.prev = e.next, e.prev
	e.seq = visible()
	e.prev, e.next = l.root.prev, &l.root
	e.prev.next, e.next.prev = e, e
	return l.from <= e.seq
}

// Leave takes the transaction off the list.
func (l *Live) Leave(e *Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.prev.next, e.next.prev = e.next, e.prev
	e.prev, e.next = nil, nil
	l.count.Add(-1)
}

// Count returns the number of transactions listed.
func (l *Live) Count() int { return int(l.count.Load()) }

// Total returns the number of transactions that were ever listed.
func (l *Live) Total() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// forget raises what is recorded to the commits above the oldest transaction, or to above at least, and
// returns that number. With nobody listed it is above last.
func (l *Live) forget(last, least uint64) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := last
	if l.root.next != &l.root {
		oldest = min(oldest, l.root.next.seq)
	}
	l.from = max(l.from, oldest, least)
	return l.from
}

// begin says that commits above last are recorded from now on.
func (l *Live) begin(last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.from = last
}

// end says that nothing is recorded any more, unless a transaction is listed.
func (l *Live) end() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.root.next != &l.root {
		return false
	}
	l.from = notRecording
	return true
}
