package server

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
)

// fill writes n keys with values of a size.
func (c *client) fill(n, size int) {
	c.Helper()
	for i := range n {
		c.ok(wire.TypePut, &wire.Put{Key: fmt.Appendf(nil, "k%05d", i), Value: make([]byte, size), Durability: wire.NoSync})
	}
}

func TestScansYieldWhatIsAskedFor(t *testing.T) {
	c := session(t, serve(t, Options{}))
	for _, k := range []string{"a", "b1", "b2", "b3", "c"} {
		c.put(k, "v")
	}
	for _, x := range []struct {
		scan wire.Scan
		want string
	}{
		{wire.Scan{}, "[a=v b1=v b2=v b3=v c=v]"},
		{wire.Scan{Flags: wire.ScanReverse}, "[c=v b3=v b2=v b1=v a=v]"},
		{wire.Scan{Flags: wire.ScanKeysOnly, Prefix: []byte("b")}, "[b1= b2= b3=]"},
		{wire.Scan{Lower: []byte("b2"), Upper: []byte("c")}, "[b2=v b3=v]"},
		{wire.Scan{Limit: 2}, "[a=v b1=v]"},
		{wire.Scan{Limit: 2, Flags: wire.ScanReverse, Prefix: []byte("b")}, "[b3=v b2=v]"},
		{wire.Scan{Prefix: []byte("x")}, "[]"},
	} {
		id := c.push(wire.TypeScan, 0, &x.scan)
		c.flush()
		got, _ := c.stream(id, x.scan.Flags&wire.ScanKeysOnly != 0)
		if fmt.Sprint(got) != x.want {
			t.Errorf("%+v yields %s, want %s", x.scan, got, x.want)
		}
	}
}

func TestStreamsSendNoMoreFramesThanTheirCredit(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	const n, size = 120, 20_000 // 13 to a frame
	c.fill(n, size)
	id := c.push(wire.TypeScan, 0, &wire.Scan{Credit: 2})
	c.flush()
	entries := 0
	frame := func() {
		t.Helper()
		body := c.want(id, wire.TypeRows)
		if len(body) > wire.RowsBytes {
			t.Errorf("a frame of %d bytes", len(body))
		}
		entries += len(rows(t, body, false))
	}
	frame()
	frame()
	c.ok(wire.TypePing, nil) // nothing in between
	c.push(wire.TypeFetch, 0, &wire.Fetch{Cursor: id, Credit: 1})
	c.push(wire.TypeFetch, 0, &wire.Fetch{Cursor: id + 1000, Credit: 1}) // is ignored
	c.flush()
	frame()
	if st := s.db.Stats(); st.Views != 1 || s.Activity().Cursors != 1 {
		t.Errorf("%d views, %d cursors", st.Views, s.Activity().Cursors)
	}
	c.push(wire.TypeFetch, 0, &wire.Fetch{Cursor: id, Credit: 1 << 31})
	c.flush()
	for entries < n {
		frame()
	}
	var end wire.End
	if err := end.Decode(c.want(id, wire.TypeEnd)); err != nil || end.Rows != n {
		t.Errorf("END says %d rows: %v", end.Rows, err)
	}
	eventually(t, "the cursor is closed", func() bool { return s.db.Stats().Views == 0 && s.Activity().Cursors == 0 })
}

func TestCursorsAreClosedAndCancelled(t *testing.T) {
	s := serve(t, Options{MaxCursors: 2})
	c := session(t, s)
	c.fill(40, 20_000)
	open := func() uint32 {
		t.Helper()
		id := c.push(wire.TypeScan, 0, &wire.Scan{Credit: 1})
		c.flush()
		c.want(id, wire.TypeRows)
		return id
	}
	first, second := open(), open()
	c.fails(wire.TypeScan, &wire.Scan{}, wire.ErrLimit)
	closing := c.push(wire.TypeClose, 0, wire.ID(first))
	c.flush()
	c.wantBoth(closing, first, wire.TypeEnd)
	cancel := c.push(wire.TypeCancel, 0, wire.ID(second))
	c.flush()
	if e, err := wire.DecodeError(c.wantBoth(cancel, second, wire.TypeError)); err != nil || e.Code != wire.ErrCanceled {
		t.Errorf("the cursor ends with %v, %v", e, err)
	}
	if st := s.db.Stats(); st.Views != 0 {
		t.Errorf("%d views are left", st.Views)
	}
	open()
}

// wantBoth reads the OK of a request and the last frame of a stream, in either order, and returns the latter's body.
func (c *client) wantBoth(request, stream uint32, last wire.Type) (body []byte) {
	c.Helper()
	got := map[uint32]wire.Type{}
	for range 2 {
		f := c.read()
		if got[f.ID] = f.Type; f.ID == stream {
			body = f.Body
		}
	}
	if got[request] != wire.TypeOK || got[stream] != last {
		c.Fatalf("got %v, want OK of %d and %v of %d", got, request, last, stream)
	}
	return body
}

func TestCursorsThatGetNoCreditAreClosed(t *testing.T) {
	s := serve(t, Options{CursorTimeout: time.Millisecond})
	c := session(t, s)
	c.fill(40, 20_000)
	id := c.push(wire.TypeScan, 0, &wire.Scan{Credit: 1})
	c.flush()
	c.want(id, wire.TypeRows)
	c.wantError(id, wire.ErrTimeout)
	if st := s.db.Stats(); st.Views != 0 {
		t.Errorf("%d views are left", st.Views)
	}
}

func TestManyStreamsShareAConnection(t *testing.T) {
	s := serve(t, Options{MaxConnections: 8, MaxFrame: 1 << 20, MaxMemory: 8<<20 + 8*connBytes, MaxUnsent: 4 << 20})
	c := session(t, s)
	const n = 60
	c.fill(n, 20_000)
	streams := map[uint32]int{}
	for range 64 { // 77 MB in all
		streams[c.push(wire.TypeScan, 0, &wire.Scan{Credit: 1000})] = 0
	}
	c.flush()
	var peak int64
	for len(streams) > 0 {
		f := c.read()
		peak = max(peak, s.memory.used())
		switch f.Type {
		case wire.TypeRows:
			streams[f.ID] += len(rows(t, f.Body, false))
		case wire.TypeEnd:
			if streams[f.ID] != n {
				t.Errorf("stream %d has %d entries", f.ID, streams[f.ID])
			}
			delete(streams, f.ID)
		default:
			t.Fatalf("got %s", show(f))
		}
	}
	if peak > 8<<20 {
		t.Errorf("they took %d bytes", peak)
	}
}

// change reads the changes of an EVENT as text.
func (c *client) events(id uint32, n int) (changes []string, position uint64) {
	c.Helper()
	for len(changes) < n {
		var e wire.Event
		if err := e.Decode(c.want(id, wire.TypeEvent)); err != nil {
			c.Fatal(err)
		}
		for _, x := range e.Changes {
			changes = append(changes, fmt.Sprintf("%d %s=%s%s", x.Kind, x.Key, x.Value, x.End))
		}
		position = e.Position
	}
	return changes, position
}

func (c *client) watch(m wire.Watch) (id uint32, next uint64) {
	c.Helper()
	id = c.push(wire.TypeWatch, 0, &m)
	c.flush()
	d := wire.NewDecoder(c.want(id, wire.TypeOK))
	d.Array("the reply")
	return id, d.Uint("the sequence number")
}

func TestWatchesDeliverWhatIsCommitted(t *testing.T) {
	s := serve(t, Options{})
	c, writer := session(t, s), session(t, s)
	writer.ok(wire.TypePut, &wire.Put{Key: []byte("k0"), Value: []byte("before")})
	id, next := c.watch(wire.Watch{Prefix: []byte("k")})
	writer.put("k1", "a")
	writer.put("other", "a")
	writer.ok(wire.TypeDel, &wire.Del{Key: []byte("k1")})
	writer.ok(wire.TypeDelRange, &wire.DelRange{Lower: []byte("a"), Upper: []byte("z")})
	writer.ok(wire.TypeMerge, &wire.Merge{Key: []byte("k2"), Operator: "append", Operand: []byte("m")})
	got, position := c.events(id, 4)
	if want := []string{"1 k1=a", "2 k1=", "3 a=z", "4 k2=m"}; !slices.Equal(got[len(got)-4:], want) {
		t.Errorf("got %q, want %q at the end", got, want)
	}
	if position != s.db.Stats().LastSeq+1 {
		t.Errorf("it goes on at %d, of %d", position, s.db.Stats().LastSeq)
	}
	unwatch := c.push(wire.TypeUnwatch, 0, &wire.Unwatch{Watch: id})
	c.flush()
	for range 2 {
		if f := c.read(); f.ID == id && f.Type != wire.TypeEnd || f.ID == unwatch && f.Type != wire.TypeOK {
			t.Errorf("got %s", show(f))
		}
	}
	again, from := c.watch(wire.Watch{From: next, Prefix: []byte("k")})
	if from != next {
		t.Errorf("it begins at %d, want %d", from, next)
	}
	if got, _ := c.events(again, 4); !slices.Equal(got[len(got)-4:], []string{"1 k1=a", "2 k1=", "3 a=z", "4 k2=m"}) {
		t.Errorf("again: %q", got)
	}
}

func TestDrainDeliversEverythingBefore(t *testing.T) {
	s := serve(t, Options{})
	c := session(t, s)
	for _, credit := range []uint64{100, 1} {
		id, _ := c.watch(wire.Watch{Prefix: []byte("k"), Credit: credit, From: s.db.Stats().LastSeq + 1})
		const n = 40
		for i := range n {
			c.push(wire.TypePut, wire.NoReply, &wire.Put{Key: fmt.Appendf(nil, "k%d", i), Value: make([]byte, 20_000), Durability: wire.NoSync})
		}
		c.push(wire.TypePut, wire.NoReply, &wire.Put{Key: []byte("unrelated"), Value: []byte("v"), Durability: wire.NoSync})
		unwatch := c.push(wire.TypeUnwatch, 0, &wire.Unwatch{Watch: id, Drain: true})
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.flush()
		}()
		changes, ended := 0, false
		for !ended {
			f := c.read()
			switch {
			case f.ID == unwatch && f.Type == wire.TypeOK:
			case f.ID == id && f.Type == wire.TypeEvent:
				var e wire.Event
				if err := e.Decode(f.Body); err != nil {
					t.Fatal(err)
				}
				changes += len(e.Changes)
				if credit == 1 {
					<-done
					c.push(wire.TypeFetch, 0, &wire.Fetch{Cursor: id, Credit: 1})
					c.flush()
				}
			case f.ID == id && f.Type == wire.TypeEnd:
				ended = true
			default:
				t.Fatalf("got %s", show(f))
			}
		}
		<-done
		if changes != n {
			t.Errorf("with credit %d, %d changes were delivered, want %d", credit, changes, n)
		}
	}
}

func TestAWatchThatIsTooLateSaysWhatThereIs(t *testing.T) {
	db := openMem(t, func(c *engine.Config) { c.MemoryBudget, c.MemtableBytes = 8<<20, 256<<10 })
	s := serveDB(t, db, Options{}, ListenerOptions{})
	c := session(t, s)
	c.fill(100, 10_000)
	c.ok(wire.TypeFlush, nil)
	c.put("k", "v")
	e := c.fails(wire.TypeWatch, &wire.Watch{From: 1}, wire.ErrFeedTruncated)
	if !e.HasPosition || e.Next != 1 || e.Oldest <= 1 {
		t.Errorf("the error is %+v", e)
	}
	id, _ := c.watch(wire.Watch{From: e.Oldest})
	if got, _ := c.events(id, 1); len(got) == 0 {
		t.Error("nothing from the oldest on")
	}
}
