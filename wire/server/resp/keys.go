package resp

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/middb/middb/engine"
)

// cmdDel makes DEL and UNLINK.
func cmdDel(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	n := int64(0)
	for _, k := range args[1:] {
		found, err := has(t, k)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		n++
		if err := t.Delete(k); err != nil {
			return err
		}
	}
	c.out.int(n)
	return nil
}

// cmdExists makes EXISTS and TOUCH. A key that is named twice counts twice.
func cmdExists(c *conn, args [][]byte, src source) error {
	return c.atOnce(src, len(args)-1, func(g getter) error {
		n := int64(0)
		for _, k := range args[1:] {
			found, err := has(g, k)
			if err != nil {
				return err
			}
			c.count(found)
			if found {
				n++
			}
		}
		c.out.int(n)
		return nil
	})
}

func cmdType(c *conn, args [][]byte, src source) error {
	found, err := has(src, args[1])
	if err != nil {
		return err
	}
	if found {
		c.out.simple("string")
	} else {
		c.out.simple("none")
	}
	return nil
}

// cmdKeys walks twice: the length of an array comes before it, and the keys are not kept.
func cmdKeys(c *conn, args [][]byte, src source) error {
	p := pattern(args[1])
	it, err := src.NewIterator(engine.IterOptions{KeysOnly: true, Prefix: p.prefix()})
	if err != nil {
		return err
	}
	defer it.Close()
	n := 0
	for k := range it.All() {
		if p.matches(k) {
			n++
		}
	}
	c.out.array(n)
	for k := range it.All() {
		if !p.matches(k) {
			continue
		}
		if err := c.bulk(k); err != nil {
			return err
		}
	}
	return it.Err()
}

const (
	// defaultScan is how many keys SCAN looks at, unless COUNT says otherwise; mostScan is how many it will.
	defaultScan = 10
	mostScan    = 10_000
)

// A scan is the arguments of SCAN.
type scan struct {
	cursor uint64
	match  pattern // nil: everything
	count  int64
	other  bool // of another type: nothing is to be found
}

func parseScan(args [][]byte) (s scan, err error) {
	s = scan{count: defaultScan}
	var ok bool
	if s.cursor, ok = parseUint(args[1]); !ok {
		return s, replyError("ERR invalid cursor")
	}
	for i := 2; i < len(args); i += 2 {
		if i+1 == len(args) {
			return s, errSyntax
		}
		switch v := args[i+1]; {
		case is(args[i], "match"):
			s.match = pattern(v)
		case is(args[i], "count"):
			if s.count, ok = parseInt(v); !ok {
				return s, errNotInteger
			}
			if s.count < 1 {
				return s, errSyntax
			}
		case is(args[i], "type"):
			s.other = !is(v, "string")
		default:
			return s, errSyntax
		}
	}
	return s, nil
}

func parseUint(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return n, true
}

func cmdScan(c *conn, args [][]byte, src source) error {
	s, err := parseScan(args)
	if err != nil {
		return err
	}
	var from []byte
	if s.cursor != 0 {
		var ok bool
		if from, ok = c.front.cursors.find(s.cursor, c.ks); !ok {
			return errCursor
		}
	}
	if s.other {
		return c.scanned(0, 0, nil)
	}
	o := engine.IterOptions{KeysOnly: true, Lower: from}
	if s.match != nil {
		o.Prefix = s.match.prefix()
	}
	it, err := src.NewIterator(o)
	if err != nil {
		return err
	}
	defer it.Close()
	found := reply{buf: c.scratch[:0]}
	n := 0
	for ok := it.First(); ok; ok = it.Next() {
		if s.count--; s.count < 0 || len(found.buf) >= flushBytes {
			break
		}
		if k := it.Key(); s.match == nil || s.match.matches(k) {
			found.bulk(k)
			n++
		}
	}
	c.scratch = found.buf
	next := uint64(0)
	if it.Valid() {
		next = c.front.cursors.keep(c.ks, it.Key())
	}
	if err := it.Err(); err != nil {
		return err
	}
	return c.scanned(next, n, found.buf)
}

// scanned adds the reply of SCAN: the next cursor, and n keys, which are encoded.
func (c *conn) scanned(next uint64, n int, keys []byte) error {
	if err := c.room(len(keys)); err != nil {
		return err
	}
	c.out.array(2)
	c.out.bulkUint(next)
	c.out.array(n)
	c.out.buf = append(c.out.buf, keys...)
	return nil
}

// cursors are where SCANs stopped, by the number that the client goes on with. There is no room for a key in that
// number, and a client may go on from another connection, so they are kept for all: the youngest ones. Safe for
// concurrent use.
type cursors struct {
	limit int // how many are kept

	mu     sync.Mutex
	kept   map[uint64]scanPosition
	oldest uint64 // number of the oldest one that may be kept
	next   uint64 // number of the next one
	bytes  int
}

// cursorBytes bounds the keys that are kept.
const cursorBytes = 16 << 20

// A scanPosition is the key that a scan goes on with.
type scanPosition struct {
	ks  *engine.Keyspace
	key []byte
}

// keep returns a number for a position.
func (s *cursors) keep(ks *engine.Keyspace, k []byte) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[uint64]scanPosition{}
		// Numbers of an earlier process should not be taken for ours. Some clients keep them in a float64.
		s.next = 1 + rand.Uint64N(1<<44)
		s.oldest = s.next
	}
	id := s.next
	s.next++
	s.kept[id] = scanPosition{ks, append([]byte(nil), k...)}
	s.bytes += len(k)
	for len(s.kept) > s.limit || s.bytes > cursorBytes {
		s.bytes -= len(s.kept[s.oldest].key)
		delete(s.kept, s.oldest)
		s.oldest++
	}
	return id
}

// find returns the position of a number.
func (s *cursors) find(id uint64, ks *engine.Keyspace) (key []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.kept[id]
	return p.key, ok && p.ks == ks
}

func (s *cursors) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept)
}

// cmdRandomkey finds the neighbour of a random string between the first and the last key, so that not every key is as
// likely as the others.
func cmdRandomkey(c *conn, _ [][]byte, src source) error {
	it, err := src.NewIterator(engine.IterOptions{KeysOnly: true})
	if err != nil {
		return err
	}
	defer it.Close()
	if !it.Last() {
		c.out.null()
		return it.Err()
	}
	last := append([]byte(nil), it.Key()...)
	it.First()
	first := append([]byte(nil), it.Key()...)
	if it.Valid() && !it.Seek(between(first, last)) {
		it.First()
	}
	if err := it.Err(); err != nil {
		return err
	}
	return c.bulk(it.Key())
}

// between returns a random string that begins as both do, and then with something from the one to the other.
func between(first, last []byte) []byte {
	n := 0
	for n < len(first) && n < len(last) && first[n] == last[n] {
		n++
	}
	digit := func(k []byte, i int) uint64 {
		if i < len(k) {
			return uint64(k[i])
		}
		return 0
	}
	var lo, hi uint64
	for i := n; i < n+7; i++ {
		lo, hi = lo<<8|digit(first, i), hi<<8|digit(last, i)
	}
	at := lo
	if hi > lo {
		at += rand.Uint64N(hi - lo + 1)
	}
	out := append([]byte(nil), first[:n]...)
	for i := 6; i >= 0; i-- {
		out = append(out, byte(at>>(8*i)))
	}
	return out
}

func cmdFlushdb(c *conn, args [][]byte, t engine.TxnKeyspace) error {
	if err := checkFlush(args); err != nil {
		return err
	}
	c.out.ok()
	return t.DeleteRange(nil, nil)
}

func cmdFlushall(c *conn, args [][]byte, _ engine.TxnKeyspace) error {
	if err := checkFlush(args); err != nil {
		return err
	}
	c.out.ok()
	return c.front.existingDatabases(func(n int, ks *engine.Keyspace) error {
		if err := c.identity.May(Write, c.front.keyspaceName(n)); err != nil {
			return noPermission("flushall", err)
		}
		return c.txn.In(ks).DeleteRange(nil, nil)
	})
}

func checkFlush(args [][]byte) error {
	if len(args) > 2 || len(args) == 2 && !is(args[1], "sync") && !is(args[1], "async") {
		return errSyntax
	}
	return nil
}

func cmdDbsize(c *conn, _ [][]byte, src source) error {
	n, err := countKeys(src)
	if err != nil {
		return err
	}
	c.out.int(n)
	return nil
}

func countKeys(src source) (n int64, err error) {
	it, err := src.NewIterator(engine.IterOptions{KeysOnly: true})
	if err != nil {
		return 0, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		n++
	}
	return n, it.Close()
}

// keyCounts are what INFO tells of the size of databases: it is asked for every second, and counting takes as long as
// there are keys. So a count is used again until ten times the time that it took has passed.
type keyCounts struct {
	mu sync.Mutex
	of map[*engine.Keyspace]keyCount
}

type keyCount struct {
	n     int64
	until time.Time
	seq   uint64 // of the newest commit then: without another one nothing has changed
}

// countRest is how much longer a count is used than it took.
const countRest = 10

// about returns how many keys a keyspace has, or had lately.
func (k *keyCounts) about(f *Front, ks *engine.Keyspace) (int64, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	start := time.Now()
	seq := f.db.Stats().LastSeq
	if old, ok := k.of[ks]; ok && (old.seq == seq || start.Before(old.until)) {
		return old.n, nil
	}
	n, err := countKeys(ks)
	if err != nil {
		return 0, err
	}
	if k.of == nil {
		k.of = map[*engine.Keyspace]keyCount{}
	}
	end := time.Now()
	k.of[ks] = keyCount{n, end.Add(countRest * end.Sub(start)), seq}
	return n, nil
}
