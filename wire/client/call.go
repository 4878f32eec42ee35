package client

import (
	"context"
	"sync"
	"time"

	"github.com/middb/middb/wire"
)

// A call is a request, and then its reply. It belongs to who made it; what is marked so belongs to its connection
// while the request is in flight.
type call struct {
	typ     wire.Type
	frame   []byte // the request, header included; a connection puts the number in when it copies it
	body    []byte // of the reply; written by the connection before done
	err     error  // in place of a reply; written by the connection before done
	done    chan struct{}
	timer   *time.Timer      // nil: it was not needed yet
	expires <-chan time.Time // nil: it takes as long as the context lasts
	stream  *stream          // of requests that have many replies
	ends    uint64           // the transaction that it is to end; 0: none
	frees   need             // the place that a reply frees for which nobody waits, unless it leaves a transaction open

	// The connection's, under its mu.
	id        uint32
	at        uint64 // bytes that were to be sent before it
	abandoned bool   // nobody waits
}

// A callPool keeps calls, with their memory. Each Client has its own.
type callPool struct{ sync.Pool }

// keepBytes bounds the memory that a call keeps when it is done.
const keepBytes = 64 << 10

// take returns a call whose frame waits for its body.
func (p *callPool) take(t wire.Type, f wire.Flags) *call {
	cl, ok := p.Get().(*call)
	if !ok {
		cl = &call{done: make(chan struct{}, 1)}
	}
	cl.typ, cl.ends, cl.frees = t, 0, needNothing
	cl.frame = wire.BeginFrame(cl.frame[:0], t, f, 0)
	return cl
}

// give takes a call back that has been answered and whose reply is not needed any more.
func (p *callPool) give(cl *call) {
	if cap(cl.frame) > keepBytes {
		cl.frame = nil
	}
	if cap(cl.body) > keepBytes {
		cl.body = nil
	}
	p.Put(cl)
}

// begin starts the time that the call has, if its context has no deadline. A limit of 0 or less is none.
func (cl *call) begin(ctx context.Context, limit time.Duration) {
	cl.expires = nil
	if _, has := ctx.Deadline(); has || limit <= 0 {
		return
	}
	if cl.timer == nil {
		cl.timer = time.NewTimer(limit)
	} else {
		cl.timer.Reset(limit)
	}
	cl.expires = cl.timer.C
}

// end stops the time.
func (cl *call) end() {
	if cl.expires != nil {
		cl.timer.Stop()
		cl.expires = nil
	}
}

// await waits for a channel, and gives up with the context or when the call's time is over.
func (cl *call) await(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-cl.expires:
		return errTimeout
	}
}

// decoder returns a decoder of the reply.
func (cl *call) decoder() wire.Decoder { return wire.NewDecoder(cl.body) }
