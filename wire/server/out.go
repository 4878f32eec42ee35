package server

import (
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/wire"
)

// Sizes of the way out.
const (
	chunkBytes    = 16 << 10 // small frames are collected in chunks of this size; larger ones are chunks by themselves
	writeBytes    = 1 << 20  // what is written at a time, and has the write timeout for itself
	streamUnsent  = 1 << 20  // streams wait while more than this is unsent
	flushBytes    = 64 << 10 // what is collected while more requests are there to be answered
	patience      = 50 * time.Millisecond
	patienceSlack = 20 * time.Millisecond
)

// out is the way out of a connection: frames that wait to be written, in order. Whoever appends may flush; whoever
// finds nobody writing writes, for all. A reader must not be held up by a client that does not read, because that
// client may be waiting for us to read: it writes with a short deadline, and what is left then goes to a goroutine.
// TLS does not survive deadlines, so there a goroutine writes from the start.
type out struct {
	c      *conn
	nc     net.Conn
	plain  bool // a write that timed out can be gone on with
	unsent atomic.Int64

	mu       sync.Mutex
	chunks   [][]byte
	part     [][]byte // what is being written
	spare    []byte   // a small chunk, for the next reply
	writing  bool
	broken   bool          // nothing is written any more
	deadline time.Time     // of writes, as it is set
	final    time.Time     // the deadline of all that is to be written yet; zero: there is none
	drained  chan struct{} // closed when unsent falls; nil: nobody waits
	rested   chan struct{} // closed when writing ends; nil: nobody waits
}

// append appends whole frames. They are copied if they are small; otherwise they are the way out's from now on. It
// reports whether they were copied.
func (o *out) append(frames []byte) (copied bool) {
	n := int64(len(frames))
	o.mu.Lock()
	if o.broken {
		o.mu.Unlock()
		return true
	}
	unsent := o.unsent.Add(n)
	copied = n <= chunkBytes/2
	if copied {
		o.collect(frames)
	} else {
		o.chunks = append(o.chunks, frames)
	}
	o.mu.Unlock()
	o.c.server.memory.replies.use(n)
	if unsent > o.c.server.o.MaxUnsent {
		o.c.fail(wire.Errorf(wire.ErrSlowClient, "%d bytes of replies wait for the client to read them; the limit is %d",
			unsent, o.c.server.o.MaxUnsent))
		o.abandon()
	}
	return copied
}

// collect copies small frames into the last chunk, or another one.
func (o *out) collect(frames []byte) {
	if last := len(o.chunks) - 1; last >= 0 && cap(o.chunks[last])-len(o.chunks[last]) >= len(frames) {
		o.chunks[last] = append(o.chunks[last], frames...)
		return
	}
	var chunk []byte
	switch {
	case len(o.chunks) > 0 || len(frames) > smallBufferBytes: // this is more than one reply
		chunk = chunks.Get().(*[chunkBytes]byte)[:0]
	case o.spare != nil:
		chunk, o.spare = o.spare, nil
	default:
		chunk = make([]byte, 0, smallBufferBytes)
	}
	o.chunks = append(o.chunks, append(chunk, frames...))
}

// flush has written what is there. A caller that is a reader does not wait for a client that does not read.
func (o *out) flush(reader bool) {
	o.mu.Lock()
	switch {
	case o.writing || len(o.chunks) == 0:
		o.mu.Unlock()
	case reader && !o.plain:
		o.writing = true
		o.mu.Unlock()
		o.background()
	default:
		o.writing = true
		o.write(reader)
	}
}

// flushLater has written what is there, on a goroutine.
func (o *out) flushLater() {
	o.mu.Lock()
	mine := !o.writing && len(o.chunks) > 0
	o.writing = o.writing || mine
	o.mu.Unlock()
	if mine {
		o.background()
	}
}

// background goes on writing on a goroutine.
func (o *out) background() {
	go func() {
		o.mu.Lock()
		o.write(false)
	}()
}

// write writes until nothing is left. The caller has set writing, and mu is locked; it is unlocked on return.
func (o *out) write(reader bool) {
	for !o.broken && len(o.chunks) > 0 {
		part, n := o.take()
		o.setDeadline(reader)
		o.mu.Unlock()
		wrote, rest, err := o.writePart(part)
		o.c.server.memory.replies.free(wrote)
		o.mu.Lock()
		o.unsent.Add(-wrote)
		o.c.bytesOut.Add(wrote)
		if o.drained != nil {
			close(o.drained)
			o.drained = nil
		}
		switch {
		case err == nil:
			o.recycle(part)
		case reader && isTimeout(err):
			o.chunks = append(rest, o.chunks...)
			o.mu.Unlock()
			o.background()
			return
		default:
			o.broken = true
			left := n - wrote
			o.unsent.Add(-left)
			o.c.server.memory.replies.free(left)
			o.drop()
			o.mu.Unlock()
			o.c.fail(o.failure(err))
			o.mu.Lock()
		}
	}
	o.writing = false
	if o.rested != nil {
		close(o.rested)
		o.rested = nil
	}
	o.mu.Unlock()
}

// settle has everything written, and returns when nobody writes any more.
func (o *out) settle() {
	o.mu.Lock()
	for o.writing {
		if o.rested == nil {
			o.rested = make(chan struct{})
		}
		rested := o.rested
		o.mu.Unlock()
		<-rested
		o.mu.Lock()
	}
	o.writing = true
	o.write(false)
}

// take takes chunks off for one write.
func (o *out) take() (part [][]byte, n int64) {
	i := 0
	for ; i < len(o.chunks) && (i == 0 || n+int64(len(o.chunks[i])) <= writeBytes); i++ {
		if len(o.chunks[i]) > writeBytes { // a great frame goes in pieces
			if i == 0 {
				o.part = append(o.part[:0], o.chunks[0][:writeBytes:writeBytes])
				o.chunks[0] = o.chunks[0][writeBytes:]
				return o.part, writeBytes
			}
			break
		}
		n += int64(len(o.chunks[i]))
	}
	o.part = append(o.part[:0], o.chunks[:i]...)
	o.chunks = slices.Delete(o.chunks, 0, i)
	return o.part, n
}

// writePart writes chunks, and returns what was not written.
func (o *out) writePart(part [][]byte) (wrote int64, rest [][]byte, err error) {
	if len(part) == 1 {
		var n int
		n, err = o.nc.Write(part[0])
		return int64(n), [][]byte{part[0][n:]}, err
	}
	buffers := append(net.Buffers(nil), part...)
	wrote, err = buffers.WriteTo(o.nc)
	return wrote, buffers, err
}

// chunks are shared by all connections: one that is idle has none.
var chunks = sync.Pool{New: func() any { return new([chunkBytes]byte) }}

// recycle keeps chunks that were written: a small one for the next reply. mu is locked.
func (o *out) recycle(part [][]byte) {
	for _, chunk := range part {
		switch cap(chunk) {
		case smallBufferBytes:
			o.spare = chunk[:0]
		case chunkBytes:
			chunks.Put((*[chunkBytes]byte)(chunk[:chunkBytes]))
		}
	}
	clear(part)
}

// setDeadline sets the deadline of the next write. For readers, which come back often, it is set to a bit more than
// needed and then left for a while.
func (o *out) setDeadline(reader bool) {
	if !o.final.IsZero() {
		_ = o.nc.SetWriteDeadline(o.final) // an error shows in the write as well
		return
	}
	now := time.Now() // what deadlines are counted from, whatever the server's clock says
	least, most := o.c.server.o.WriteTimeout, o.c.server.o.WriteTimeout
	if reader {
		least, most = patienceSlack, patience+patienceSlack
	}
	if left := o.deadline.Sub(now); left < least || left > most {
		o.deadline = now.Add(most)
		_ = o.nc.SetWriteDeadline(o.deadline)
	}
}

// failure says why a write failed.
func (o *out) failure(err error) error {
	if isTimeout(err) {
		return wire.Errorf(wire.ErrSlowClient, "the client has read none of its replies for %v", o.c.server.o.WriteTimeout)
	}
	return errLost
}

// drop forgets what is not written. mu is locked.
func (o *out) drop() {
	var n int64
	for _, chunk := range o.chunks {
		n += int64(len(chunk))
	}
	o.chunks = nil
	o.unsent.Add(-n)
	o.c.server.memory.replies.free(n)
	if o.drained != nil {
		close(o.drained)
		o.drained = nil
	}
}

// abandon writes nothing any more, and ends a write that is under way.
func (o *out) abandon() {
	o.mu.Lock()
	o.broken = true
	o.drop()
	o.mu.Unlock()
	_ = o.nc.SetWriteDeadline(time.Unix(1, 0)) // it may be closed already
}

// room returns nil if at most limit bytes are unsent, or else what is closed when they have become fewer.
func (o *out) room(limit int64) <-chan struct{} {
	if o.unsent.Load() <= limit {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.unsent.Load() <= limit || o.broken {
		return nil
	}
	if o.drained == nil {
		o.drained = make(chan struct{})
	}
	return o.drained
}

// hurry sets the deadline of all that is still to be written.
func (o *out) hurry(deadline time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.final = deadline
	_ = o.nc.SetWriteDeadline(deadline) // an error shows in the write as well
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}
