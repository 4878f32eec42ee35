package users

import (
	"container/list"
	"hash/maphash"
	"net"
	"net/netip"
	"sync"
	"time"
)

// How often logins may fail; see the package's comment.
const (
	failuresAtOnce   = 10
	failureInterval  = 3 * time.Second
	throttledEntries = 4096
)

// A throttle bounds how often something fails, for each of many keys. It is a leaky bucket a key: each failure
// adds failureInterval to the time at which the bucket is empty, and when that is too far ahead nothing more
// is let in (the generic cell rate algorithm). The zero throttle is ready.
type throttle struct {
	mu      sync.Mutex
	seed    maphash.Seed
	buckets map[uint64]*list.Element // of *bucket
	recent  list.List                // of *bucket, the one that failed last in front
}

type bucket struct {
	key   uint64
	empty time.Time
}

// try runs attempt, unless too many of the key have failed by now; then it returns how long it takes until one
// is let in again. No two attempts run at a time: they are to be short.
func (t *throttle) try(key [2]string, now time.Time, attempt func() (ok bool)) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait = t.wait(key, now); wait == 0 && !attempt() {
		t.fail(key, now)
	}
	return wait
}

// tryLong is try for attempts that take long, for a caller who makes one at a time.
func (t *throttle) tryLong(key [2]string, now time.Time, attempt func() (ok bool)) (wait time.Duration) {
	t.mu.Lock()
	wait = t.wait(key, now)
	t.mu.Unlock()
	if wait > 0 || attempt() {
		return wait
	}
	t.mu.Lock()
	t.fail(key, now)
	t.mu.Unlock()
	return 0
}

// wait returns how long it takes until an attempt is let in; 0: it is.
func (t *throttle) wait(key [2]string, now time.Time) time.Duration {
	if t.buckets == nil {
		t.buckets, t.seed = map[uint64]*list.Element{}, maphash.MakeSeed()
	}
	at, known := t.buckets[maphash.Comparable(t.seed, key)]
	if !known {
		return 0
	}
	return max(0, at.Value.(*bucket).empty.Sub(now)-(failuresAtOnce-1)*failureInterval)
}

// fail notes that an attempt has failed.
func (t *throttle) fail(key [2]string, now time.Time) {
	hash := maphash.Comparable(t.seed, key)
	at, known := t.buckets[hash]
	if !known {
		if t.recent.Len() == throttledEntries {
			delete(t.buckets, t.recent.Remove(t.recent.Back()).(*bucket).key)
		}
		at = t.recent.PushFront(&bucket{key: hash, empty: now})
		t.buckets[hash] = at
	}
	t.recent.MoveToFront(at)
	b := at.Value.(*bucket)
	if b.empty.Before(now) {
		b.empty = now
	}
	b.empty = b.empty.Add(failureInterval)
}

// Origin returns what counts as one place from which people log in: an IPv4 address, an IPv6 network of 64
// bits, or the kind of network for anything else.
func Origin(remote net.Addr) string {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return remote.Network()
	}
	ip, ok := netip.AddrFromSlice(tcp.IP)
	if !ok {
		return tcp.Network()
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	network, _ := ip.WithZone("").Prefix(64)
	return network.String()
}
