package client

import (
	"context"
	"errors"
	"time"

	"github.com/middb/middb/wire"
)

// A Pipeline collects requests and makes them together: one after the other on the server, but without waiting for
// the answers in between. It is no transaction: others' writes come in between, and one request may fail while those
// after it succeed. It is for one goroutine; the keys and values that it is given it copies.
//
//	p := db.Pipeline()
//	ada := p.Get([]byte("user/1"))
//	p.Put([]byte("seen"), now)
//	if err := p.Run(ctx); err != nil { ... }
//	v, err := ada.Value()
type Pipeline struct {
	s       scope
	replies []*Reply
}

// A Reply is what becomes of a request of a Pipeline.
type Reply struct {
	cl     *call
	effect effect
	sent   bool
	run    bool
	err    error
}

// Pipeline returns an empty pipeline of requests on the keyspace.
func (ks *Keyspace) Pipeline() *Pipeline { return &Pipeline{s: ks.scope} }

func (p *Pipeline) add(t wire.Type, e effect, body interface{ Append([]byte) []byte }) *Reply {
	cl := p.s.c.calls.take(t, 0) // in order
	cl.frame = wire.EndFrame(body.Append(cl.frame), 0)
	r := &Reply{cl: cl, effect: e}
	p.replies = append(p.replies, r)
	return r
}

// Get adds a read of k.
func (p *Pipeline) Get(k []byte) *Reply {
	return p.add(wire.TypeGet, repeatable, &wire.Get{Key: k, Keyspace: p.s.keyspace})
}

// Put adds a write of v under k.
func (p *Pipeline) Put(k, v []byte, d ...Durability) *Reply {
	return p.add(wire.TypePut, once, &wire.Put{Key: k, Value: v, Keyspace: p.s.keyspace, Durability: p.s.c.durability(d)})
}

// PutTTL adds a write of v under k that is gone after ttl.
func (p *Pipeline) PutTTL(k, v []byte, ttl time.Duration, d ...Durability) (*Reply, error) {
	ms, err := timeToLive(ttl)
	if err != nil {
		return nil, err
	}
	return p.add(wire.TypePut, once,
		&wire.Put{Key: k, Value: v, Keyspace: p.s.keyspace, TTL: ms, Durability: p.s.c.durability(d)}), nil
}

// Delete adds a deletion of k.
func (p *Pipeline) Delete(k []byte, d ...Durability) *Reply {
	return p.add(wire.TypeDel, once, &wire.Del{Key: k, Keyspace: p.s.keyspace, Durability: p.s.c.durability(d)})
}

// Merge adds a merge: see Keyspace.Merge.
func (p *Pipeline) Merge(k []byte, operator string, operand []byte, d ...Durability) *Reply {
	return p.add(wire.TypeMerge, once,
		&wire.Merge{Key: k, Operator: operator, Operand: operand, Keyspace: p.s.keyspace, Durability: p.s.c.durability(d)})
}

// Len returns the number of requests.
func (p *Pipeline) Len() int { return len(p.replies) }

// Run makes the requests and empties the pipeline. It returns the first failure; a key that is not there is none.
// Nothing is made again when the connection is lost: each Reply says what that means for its request.
func (p *Pipeline) Run(ctx context.Context) error {
	replies := p.replies
	p.replies = nil
	if len(replies) == 0 {
		return nil
	}
	if _, has := ctx.Deadline(); !has && p.s.c.s.Timeout > 0 {
		limited, stop := context.WithTimeoutCause(ctx, p.s.c.s.Timeout, errTimeout)
		defer stop()
		ctx = limited
	}
	c, err := p.s.c.pool.acquire(ctx, replies[0].cl, needNothing)
	for _, r := range replies {
		if r.err = err; err != nil {
			continue
		}
		r.err = c.start(ctx, r.cl)
		r.sent = r.err == nil
		if isUnanswered(r.err) {
			err = r.err // nor can those after it be sent
		}
	}
	var first error
	for _, r := range replies {
		if r.run = true; r.sent {
			r.err = c.wait(ctx, r.cl)
		}
		r.err = public(r.err, r.cl.typ, r.effect)
		if first == nil {
			first = r.err
		}
	}
	return first
}

func isUnanswered(err error) bool {
	var u *unanswered
	return errors.As(err, &u)
}

var errNotRun = errors.New("the pipeline was not run")

// Err returns how the request failed, or nil.
func (r *Reply) Err() error {
	if !r.run {
		return errNotRun
	}
	return r.err
}

// Value returns the value that a Get found, or wire.ErrNotFound. It is the caller's.
func (r *Reply) Value() ([]byte, error) {
	if err := r.Err(); err != nil {
		return nil, err
	}
	d := r.cl.decoder()
	if d.Nil() {
		if r.cl.typ == wire.TypeGet {
			return nil, errNotFound
		}
		return nil, nil
	}
	return d.Bytes("the value"), d.Err()
}
