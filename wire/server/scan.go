package server

import (
	"context"
	"runtime"
	"sync"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// A scan is the source of a cursor.
type scan struct {
	c        *conn
	id       uint32
	txn      *txn    // nil: none
	stream   *stream // of a cursor in a transaction; guarded by mu
	keysOnly bool
	limit    uint64 // entries that are still wanted

	mu     *sync.Mutex // that of the transaction, if there is one: its iterators are part of it
	it     *engine.Iterator
	begun  bool
	valid  bool  // the iterator stands at the next entry
	closed error // why it is closed
}

// scan is SCAN.
func (c *conn) scan(r *request, _ []byte) ([]byte, error) {
	var m wire.Scan
	if err := m.Decode(r.body); err != nil {
		return nil, err
	}
	src, err := c.openScan(r, &m)
	if err != nil {
		return nil, err
	}
	r.stream.open(src, m.Credit, m.Keyspace)
	if src.txn != nil {
		src.txn.mu.Lock()
		src.stream = r.stream
		src.txn.mu.Unlock()
	}
	return nil, nil
}

// open makes a stream read a source of a keyspace.
func (s *stream) open(src source, credit uint64, keyspace string) {
	name := or(or(keyspace, s.c.settings.Load().keyspace), engine.DefaultKeyspace)
	s.role = func() error {
		if err := s.c.refresh(); err != nil {
			return err
		}
		return s.c.may(users.Read, name)
	}
	s.src = src
	s.mu.Lock()
	s.credit += or(credit, wire.DefaultCredit)
	s.mu.Unlock()
}

// openScan opens what a SCAN reads.
func (c *conn) openScan(r *request, m *wire.Scan) (*scan, error) {
	if m.Flags >= wire.ScanKeysOnly<<1 {
		return nil, wire.Errorf(wire.ErrInvalidArgument, "a scan has no flags %#x", uint8(m.Flags))
	}
	ks, err := c.keyspace(m.Keyspace, users.Read)
	if err != nil {
		return nil, err
	}
	s := &scan{c: c, id: r.ID, keysOnly: m.Flags&wire.ScanKeysOnly != 0, limit: m.Limit, mu: new(sync.Mutex)}
	if s.limit == 0 {
		s.limit = 1<<64 - 1
	}
	o := engine.IterOptions{
		Lower: m.Lower, Upper: m.Upper, Prefix: m.Prefix, Reverse: m.Flags&wire.ScanReverse != 0, KeysOnly: s.keysOnly,
	}
	if m.Txn == 0 {
		s.it, err = ks.NewIterator(o)
		return s, err
	}
	t, err := c.txn(m.Txn)
	if err != nil {
		return nil, err
	}
	s.txn, s.mu = t, &t.mu
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		return nil, t.ended
	}
	if s.it, err = t.txn.In(ks).NewIterator(o); err != nil {
		return nil, err
	}
	t.scans[s] = struct{}{}
	return s, nil
}

// entriesPerLook is how many entries are passed before the walker looks around.
const entriesPerLook = 256

// look returns why a walk is to end, or nil. Before, others get the processor: who walks for long would keep it
// for 10 ms each time, and quick requests would wait for as many of those as there are walkers.
func look(ctx context.Context) error {
	runtime.Gosched()
	return context.Cause(ctx)
}

// headRoom is what is left free before the entries of a frame: its header, and the longest head of an array.
const headRoom = wire.HeaderBytes + 5

// await implements source.
func (s *scan) await(context.Context) error { return nil }

// next implements source.
func (s *scan) next(ctx context.Context) (frame []byte, n int, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return nil, 0, false, s.closed
	}
	if !s.begun {
		s.begun, s.valid = true, s.it.First()
	}
	var buf []byte
	for s.valid && s.limit > 0 {
		k, v := s.it.Key(), s.it.Value()
		size := len(k) + len(v) + 2*5 // with their heads
		switch {
		case size+headRoom-wire.HeaderBytes > s.c.server.o.MaxFrame:
			return s.frame(buf, n), n, false, wire.Errorf(wire.ErrReplyTooLarge,
				"the entry of key %q has %d bytes; a frame has at most %d", shorten(k), size, s.c.server.o.MaxFrame)
		case n > 0 && len(buf)+size > min(wire.RowsBytes, s.c.server.o.MaxFrame):
			return s.frame(buf, n), n, true, nil
		case n == 0:
			buf = make([]byte, headRoom, headRoom+max(size, firstRoom))
		}
		buf = wire.AppendBin(buf, k)
		if !s.keysOnly {
			buf = wire.AppendBin(buf, v)
		}
		n++
		s.limit--
		s.valid = s.it.Next()
		if n%entriesPerLook == 0 {
			if err = look(ctx); err != nil {
				return nil, 0, false, err
			}
		}
	}
	return s.frame(buf, n), n, false, s.it.Err()
}

// firstRoom is what the first entries of a frame get; it grows from there.
const firstRoom = 4 << 10

// frame puts header and head before n entries.
func (s *scan) frame(buf []byte, n int) []byte {
	if n == 0 {
		return nil
	}
	values := n
	if !s.keysOnly {
		values *= 2
	}
	var head [headRoom]byte
	h := wire.AppendArray(wire.BeginFrame(head[:0], wire.TypeRows, wire.More, s.id), values)
	return under(buf, headRoom, h)
}

// shorten returns enough of a key to know it by.
func shorten(k []byte) []byte { return k[:min(len(k), 64)] }

// exhausted implements source.
func (s *scan) exhausted() bool {
	if !s.mu.TryLock() {
		return false // its transaction is busy; the next FETCH looks again
	}
	defer s.mu.Unlock()
	return s.begun && (!s.valid || s.limit == 0) && s.closed == nil
}

// count counts the entries that are left.
func (s *scan) count(ctx context.Context) (n uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil {
		return 0, s.closed
	}
	for ok := s.it.First(); ok; ok = s.it.Next() {
		if n++; n%entriesPerLook == 0 {
			if err = look(ctx); err != nil {
				return 0, err
			}
		}
	}
	return n, s.it.Err()
}

// close implements source.
func (s *scan) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeBecause(engine.ErrClosed)
	if s.txn != nil {
		delete(s.txn.scans, s)
	}
}

// closeBecause closes the iterator. mu is locked.
func (s *scan) closeBecause(cause error) {
	if s.closed == nil {
		s.closed = cause
		_ = s.it.Close() // what it has to say was said by next
	}
}
