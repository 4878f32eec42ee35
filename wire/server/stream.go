package server

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/middb/middb/wire"
)

// A source is what a stream reads.
type source interface {
	// await waits until next has something to do.
	await(ctx context.Context) error
	// next returns the next frame, whole but for its length, and how many entries it has; no entries: no frame. With
	// more false there is nothing behind it.
	next(ctx context.Context) (frame []byte, n int, more bool, err error)
	// exhausted reports whether next would find nothing, when that can be said without waiting.
	exhausted() bool
	// close releases what the source holds. It is called once next is not running any more.
	close()
}

// A stream answers a SCAN, a WATCH or a statement frame by frame, as many as it has credit for. Without credit it has no goroutine;
// FETCH starts one. It is part of its request, and ends with it. The connection does not end before it has.
type stream struct {
	c       *conn
	r       *request
	src     source // set once it is open
	role    func() error
	entries uint64

	mu      sync.Mutex
	credit  uint64
	running bool        // somebody is in run or finish, or will be
	ended   bool        // nothing more is sent but the end
	asked   bool        // it is ended because somebody called end
	cause   error       // why; nil: the client wants no more
	timer   *time.Timer // while it waits for credit
}

// newStream returns a stream that is not open yet. Whoever makes it calls runStream.
func newStream(c *conn, r *request) *stream {
	c.streams.Add(1)
	return &stream{c: c, r: r, running: true}
}

// runStream opens the stream that a request asks for, and answers with its first frame.
func (c *conn) runStream(r *request) {
	s := r.stream
	c.mu.Lock()
	c.cursors++
	tooMany := c.cursors > c.server.o.MaxCursors
	c.mu.Unlock()
	err := context.Cause(r.ctx)
	if err == nil && tooMany {
		err = wire.Errorf(wire.ErrLimit, "the connection has %d cursors and watches open, as many as it may", c.server.o.MaxCursors)
	}
	if err == nil && !c.server.memory.requests.try(streamBytes) {
		err = memoryLimit()
	}
	if err == nil {
		r.cost += streamBytes
	}
	if err == nil {
		var frame []byte
		frame, err = c.call(r, kinds[r.Type].run, nil) // which sets src
		if err == nil && frame != nil {
			c.send(frame)
		}
	}
	r.body = nil
	if err != nil {
		s.finish(err)
		return
	}
	if r.Type == wire.TypeWatch || s.step() { // a watch may have to wait
		go s.run()
	}
}

// run sends frames until there is no credit, or no more to send.
func (s *stream) run() {
	for s.step() {
		s.c.out.flush(false)
	}
	s.c.out.flush(false)
}

// step sends a frame, if there is credit, and the end, if it has come. It reports whether there is more to do now.
func (s *stream) step() bool {
	s.mu.Lock()
	if s.ended {
		s.mu.Unlock()
		s.finish(nil)
		return false
	}
	if s.credit == 0 && !s.src.exhausted() {
		s.running = false
		s.startTimer()
		s.mu.Unlock()
		return false
	}
	s.credit -= min(s.credit, 1)
	s.mu.Unlock()
	more := false
	err := s.c.guard(s.r.Type.String(), func() (err error) {
		more, err = s.sendFrame()
		return err
	})
	s.mu.Lock()
	s.ended = s.ended || err != nil || !more
	ended := s.ended
	s.mu.Unlock()
	if ended {
		s.finish(err)
	}
	return !ended
}

// sendFrame sends a frame, when it is the stream's turn: the streams of a connection make their frames one after the
// other, and only while not much is unsent. It reports whether there are more.
func (s *stream) sendFrame() (more bool, err error) {
	ctx := s.r.ctx
	if err = s.src.await(ctx); err != nil {
		return false, err
	}
	select {
	case s.c.turn <- struct{}{}:
		defer func() { <-s.c.turn }()
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	for room := s.c.out.room(streamUnsent); room != nil; room = s.c.out.room(streamUnsent) {
		s.c.out.flushLater()
		select {
		case <-room:
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
	if err = s.role(); err != nil {
		return false, err
	}
	budget := s.c.server.memory.replies
	if err = budget.wait(ctx, wire.RowsBytes); err != nil {
		return false, err
	}
	defer budget.free(wire.RowsBytes) // the way out charges it from there on
	frame, n, more, err := s.src.next(ctx)
	if n > 0 {
		s.entries += uint64(n)
		s.c.send(frame)
	}
	return more, err
}

// finish closes the stream and sends its end. An error that came of being asked to end is none.
func (s *stream) finish(err error) {
	defer s.c.streams.Done()
	s.mu.Lock()
	s.ended = true
	if s.asked {
		err = s.cause
	}
	s.stopTimer()
	s.mu.Unlock()
	of, isResult := s.src.(*result)
	if isResult {
		err = of.outcome(err)
	}
	if s.src != nil {
		s.src.close()
	}
	c := s.c
	c.mu.Lock()
	c.cursors--
	c.mu.Unlock()
	c.finish(s.r, err)
	if err != nil {
		c.sendError(s.r.ID, err)
		return
	}
	end := wire.End{Rows: s.entries}
	if isResult {
		of.end(&end)
	}
	c.send(end.Append(wire.BeginFrame(nil, wire.TypeEnd, 0, s.r.ID)))
}

// end ends the stream for a cause; nil: the client wants no more of it.
func (s *stream) end(cause error) {
	if s.stop(cause) { // elsewhere: closing may have to wait for what a transaction is doing, and this may be the reader
		go func() {
			s.finish(nil)
			s.c.out.flush(false)
		}()
	}
}

// stop has the stream end for a cause, and reports whether it is the caller who has to call finish: nobody is at it.
func (s *stream) stop(cause error) (idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.ended, s.asked, s.cause = true, true, cause
	idle, s.running = !s.running, true
	s.stopTimer()
	s.r.cancel(errCanceled)
	return idle
}

// grant gives credit for more frames.
func (s *stream) grant(n uint64) {
	s.mu.Lock()
	if s.credit > math.MaxUint64-n {
		n = math.MaxUint64 - s.credit
	}
	s.credit += n
	start := !s.running && !s.ended
	if start {
		s.running = true
		s.stopTimer()
	}
	s.mu.Unlock()
	if start {
		go s.run()
	}
}

// wake has run look again, for instance whether the source is exhausted.
func (s *stream) wake() { s.grant(0) }

// startTimer ends the stream when it gets no credit for long. mu is locked.
func (s *stream) startTimer() {
	if timeout := s.c.server.o.CursorTimeout; timeout > 0 {
		s.timer = time.AfterFunc(timeout, func() {
			s.end(wire.Errorf(wire.ErrTimeout, "%v has waited for a FETCH for %v", s.r.Type, timeout))
		})
	}
}

// stopTimer stops what startTimer has started. mu is locked.
func (s *stream) stopTimer() {
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
}

// fetch is FETCH, which is not answered: who asks for more of a stream that has just ended has done nothing wrong.
func (c *conn) fetch(r *request) {
	var m wire.Fetch
	err := m.Decode(r.body)
	if err == nil {
		if found := c.find(m.Cursor); found != nil && found.stream != nil {
			found.stream.grant(uint64(m.Credit))
		}
	}
	c.finish(r, err)
	if err != nil {
		c.sendError(r.ID, err)
	}
}

// cursor returns the stream with a number.
func (c *conn) cursor(id uint64, t wire.Type) (*stream, error) {
	if id <= math.MaxUint32 {
		if r := c.find(uint32(id)); r != nil && r.stream != nil && (t == 0 || r.Type == t) {
			return r.stream, nil
		}
	}
	return nil, wire.Errorf(wire.ErrNoSuchCursor, "the connection has no cursor or watch with the number %d", id)
}

// closeCursor is CLOSE.
func (c *conn) closeCursor(r *request, dst []byte) ([]byte, error) {
	var id wire.ID
	if err := id.Decode(r.body); err != nil {
		return dst, err
	}
	s, err := c.cursor(uint64(id), 0)
	if err != nil {
		return dst, err
	}
	s.end(nil)
	return wire.AppendNil(dst), nil
}

// stopStreams ends all streams of a connection that ends.
func (c *conn) stopStreams(cause error) {
	c.mu.Lock()
	var open []*stream
	for _, r := range c.requests {
		if r.stream != nil {
			open = append(open, r.stream)
		}
	}
	c.mu.Unlock()
	if errors.Is(cause, errGoodbye) || errors.Is(cause, errLost) {
		cause = nil
	}
	for _, s := range open {
		if s.stop(cause) {
			s.finish(nil) // one after the other: there may be hundreds, and others want the processor as well
			runtime.Gosched()
		}
	}
}
