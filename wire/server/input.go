package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/middb/middb/wire"
)

// Sizes and times of the way in.
const (
	loginFrameBytes = 64 << 10 // the limit of frames before the login
	keptReadBytes   = 16 << 10 // of buffer that an idle connection keeps
	leastReadBytes  = 4 << 10  // of buffer that is part of connBytes
	smallFrameBytes = 64 << 10 // a frame that is not longer needs no leave to arrive
	lingerTimeout   = time.Second
	lingerBytes     = 1 << 20
)

// input is a conn as the reader of its frames: it charges what frames take in memory, and limits how long they take.
type input conn

// Read reads what has arrived.
func (in *input) Read(p []byte) (int, error) {
	c := (*conn)(in)
	if err := c.chargeBuffers(); err != nil {
		return 0, err
	}
	for {
		if err := c.limitRead(); err != nil {
			return 0, err
		}
		n, err := c.nc.Read(p)
		c.bytesIn.Add(int64(n))
		if n == 0 && isTimeout(err) && c.isWaitedFor() {
			continue
		}
		return n, err
	}
}

// isWaitedFor reports whether the client, of which nothing was heard for long, may well be waiting for us.
func (c *conn) isWaitedFor() bool {
	return c.phase.Load() == phaseReady && c.frames.Buffered() == 0 && c.inFlight.Load() > 0 && c.reason() == nil
}

// readMemory is what a connection is charged for the buffers of its frames, beyond what is part of connBytes.
type readMemory struct{ small, arriving int64 }

// chargeBuffers charges what the buffers take, or will take once the frame that arrives is there: who has begun must
// be able to go on. Nobody waits for long; a frame that finds no room ends its connection.
func (c *conn) chargeBuffers() error {
	m := &c.server.memory
	now := readMemory{small: int64(max(0, c.frames.Memory()-leastReadBytes)) + c.inflater}
	if frame, memory := c.frames.Arriving(); frame > smallFrameBytes && frame <= c.server.o.MaxFrame+wire.HeaderBytes {
		now = readMemory{small: c.inflater, arriving: int64(memory)}
	} else if large := now.small - c.inflater; large > smallFrameBytes {
		now = readMemory{small: c.inflater, arriving: large}
	}
	if now == c.readMem {
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.server.o.WriteTimeout)
	defer cancel()
	if err := m.requests.change(ctx, &c.readMem.small, now.small); err != nil {
		return err
	}
	return m.arrivals.change(ctx, &c.readMem.arriving, now.arriving)
}

// inflaterBytes is what inflating takes beside the body.
const inflaterBytes = 48 << 10

// admitInflated charges what a body takes that is about to be inflated. What the last one took is charged anew at the
// next read.
func (c *conn) admitInflated(plain int) error {
	ctx, cancel := context.WithTimeout(c.ctx, c.server.o.WriteTimeout)
	defer cancel()
	return c.server.memory.arrivals.change(ctx, &c.readMem.arriving, c.readMem.arriving+2*int64(plain)) // a buffer that doubles
}

// limitRead sets the deadline of a read.
func (c *conn) limitRead() error {
	switch {
	case c.phase.Load() != phaseReady:
		return nil // that of the login holds
	case c.frames.Buffered() > 0:
		if c.dated {
			return nil
		}
		c.dated = true
		return c.setReadDeadline(time.Now().Add(c.server.o.FrameTimeout))
	case c.server.o.IdleTimeout > 0:
		return c.setReadDeadline(time.Now().Add(c.server.o.IdleTimeout))
	case c.deadline:
		return c.setReadDeadline(time.Time{})
	default:
		return nil
	}
}

// open takes the connection to where frames are exchanged.
func (c *conn) open() error {
	if err := c.setReadDeadline(time.Now().Add(c.server.o.LoginTimeout)); err != nil {
		return errLost
	}
	if t, ok := c.nc.(*tls.Conn); ok {
		ctx, cancel := context.WithTimeout(c.ctx, c.server.o.LoginTimeout)
		defer cancel()
		if err := t.HandshakeContext(ctx); err != nil {
			c.server.o.Logger.Warn("TLS handshake failed", "remote", remote(c.nc), "cause", err)
			return errLost
		}
	}
	var first [wire.PrefaceBytes]byte
	n, err := readPreface(c.nc, first[:])
	c.bytesIn.Add(int64(n))
	if err != nil {
		return c.readFailure(err)
	}
	preface, err := wire.ParsePreface(first)
	if err != nil {
		_, _ = io.WriteString(c.nc, notOurs(first[:n])) // whoever it is, it is told if it listens
		linger(c.nc)
		return errForeign
	}
	c.greet()
	if err = preface.Check(); err != nil {
		return err
	}
	return c.identify()
}

// greet sends the preface, if it was not sent before.
func (c *conn) greet() {
	if !c.greeted {
		c.greeted = true
		c.out.append(wire.AppendPreface(nil))
	}
}

// errForeign ends connections that speak another protocol.
var errForeign = errors.New("the client does not speak the middb protocol")

// readPreface reads until b is full, or begins as no preface does.
func readPreface(from io.Reader, b []byte) (n int, err error) {
	want := wire.AppendPreface(nil)[:4]
	for n < len(b) {
		got, err := from.Read(b[n:])
		n += got
		if known := min(n, len(want)); !bytes.Equal(b[:known], want[:known]) {
			return n, nil
		}
		if err != nil && got == 0 {
			return n, err
		}
	}
	return n, nil
}

const foreignLine = "middb: this port speaks the middb protocol; connect with middb client --server, or a middb client library\n"

// notOurs returns what a client is told that begins in another way.
func notOurs(first []byte) string {
	for _, method := range []string{"GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI "} {
		if strings.HasPrefix(string(first), method) {
			return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" + foreignLine
		}
	}
	return foreignLine
}

// linger reads what the peer still sends, for a moment: closing a socket with unread bytes in it takes back what was
// written and is not read yet.
func linger(nc net.Conn) {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		if half.CloseWrite() != nil {
			return
		}
	}
	if nc.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
		_, _ = io.CopyN(io.Discard, nc, lingerBytes)
	}
}

func isPlain(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	default:
		return false
	}
}

// remote returns where a connection comes from.
func remote(nc net.Conn) string {
	if a := nc.RemoteAddr(); a != nil && a.String() != "" && a.String() != "@" {
		return a.String()
	}
	return "unix socket"
}
