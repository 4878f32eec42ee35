package server

import (
	"context"
	"strconv"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/users"
)

// A change is a write of one operation, decoded.
type change struct {
	wire.Op
	durability wire.Durability
	txn        uint64
}

// decodeChange decodes a PUT, DEL, MERGE or DELRANGE.
func decodeChange(r *request) (w change, err error) {
	switch r.Type {
	case wire.TypePut:
		var m wire.Put
		err = m.Decode(r.body)
		w = change{wire.Op{Kind: wire.OpPut, Key: m.Key, Value: m.Value, Keyspace: m.Keyspace, TTL: m.TTL}, m.Durability, m.Txn}
	case wire.TypeDel:
		var m wire.Del
		err = m.Decode(r.body)
		w = change{wire.Op{Kind: wire.OpDelete, Key: m.Key, Keyspace: m.Keyspace}, m.Durability, m.Txn}
	case wire.TypeMerge:
		var m wire.Merge
		err = m.Decode(r.body)
		w = change{wire.Op{Kind: wire.OpMerge, Key: m.Key, Value: m.Operand, Operator: m.Operator, Keyspace: m.Keyspace}, m.Durability, m.Txn}
	default:
		var m wire.DelRange
		err = m.Decode(r.body)
		w = change{wire.Op{Kind: wire.OpDeleteRange, Key: m.Lower, End: m.Upper, Keyspace: m.Keyspace}, m.Durability, m.Txn}
	}
	return w, err
}

// ttl returns a time to live as the engine takes it.
func ttl(ms uint64) (time.Duration, error) {
	if ms > maxMilliseconds {
		return 0, wire.Errorf(wire.ErrInvalidTTL, "a time to live of %d ms is too long", ms)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// maxMilliseconds is the longest time in milliseconds that a time.Duration can hold.
const maxMilliseconds = uint64((1<<63 - 1) / time.Millisecond)

// A writer is what operations are written to: a batch, or a transaction.
type writer interface {
	Put(k, v []byte) error
	PutTTL(k, v []byte, ttl time.Duration) error
	Delete(k []byte) error
	DeleteRange(lower, upper []byte) error
	Merge(k []byte, operator string, operand []byte) error
}

// writeOp writes an operation.
func writeOp(to writer, op *wire.Op) error {
	switch op.Kind {
	case wire.OpPut:
		if op.TTL == 0 {
			return to.Put(op.Key, op.Value)
		}
		d, err := ttl(op.TTL)
		if err != nil {
			return err
		}
		return to.PutTTL(op.Key, op.Value, d)
	case wire.OpDelete:
		return to.Delete(op.Key)
	case wire.OpDeleteRange:
		return to.DeleteRange(op.Key, op.End)
	default:
		return to.Merge(op.Key, op.Operator, op.Value)
	}
}

// direct commits one operation.
func direct(ctx context.Context, ks *engine.Keyspace, op *wire.Op, d engine.Durability) error {
	switch op.Kind {
	case wire.OpPut:
		if op.TTL == 0 {
			return ks.PutContext(ctx, op.Key, op.Value, d)
		}
		after, err := ttl(op.TTL)
		if err != nil {
			return err
		}
		return ks.PutTTLContext(ctx, op.Key, op.Value, after, d)
	case wire.OpDelete:
		return ks.DeleteContext(ctx, op.Key, d)
	case wire.OpDeleteRange:
		return ks.DeleteRangeContext(ctx, op.Key, op.End, d)
	default:
		return ks.MergeContext(ctx, op.Key, op.Operator, op.Value, d)
	}
}

// write is PUT, DEL, MERGE and DELRANGE.
func (c *conn) write(r *request, dst []byte) ([]byte, error) {
	w, err := decodeChange(r)
	if err != nil {
		return dst, err
	}
	ks, err := c.keyspace(w.Keyspace, users.Write)
	if err != nil {
		return dst, err
	}
	if w.txn != 0 {
		return wire.AppendNil(dst), c.writeInTxn(r, w.txn, ks, &w.Op)
	}
	d, err := c.durability(w.durability)
	if err != nil {
		return dst, err
	}
	ctx, stop := r.ctx, context.CancelFunc(func() {})
	if r.cancel == nil { // on the reader
		ctx, stop = c.timed()
	}
	defer stop()
	return wire.AppendNil(dst), direct(ctx, ks, &w.Op, d)
}

// batch is BATCH.
func (c *conn) batch(r *request, dst []byte) ([]byte, error) {
	m, err := wire.NewBatchReader(r.body)
	if err != nil {
		return dst, err
	}
	durability, err := c.durability(m.Durability)
	if err != nil {
		return dst, err
	}
	if m.Txn != 0 {
		return wire.AppendNil(dst), c.batchInTxn(r, &m)
	}
	b := c.server.db.NewBatch()
	err = c.eachOp(&m, func(ks *engine.Keyspace, op *wire.Op) error { return writeOp(b.In(ks), op) })
	if err != nil {
		return dst, err
	}
	return wire.AppendNil(dst), c.server.db.ApplyContext(r.ctx, b, durability)
}

// eachOp calls write for the operations of a batch.
func (c *conn) eachOp(m *wire.BatchReader, write func(*engine.Keyspace, *wire.Op) error) error {
	var (
		op   wire.Op
		ks   *engine.Keyspace
		last string // its name
	)
	for i := 0; ; i++ {
		more, err := m.Next(&op)
		if err != nil || !more {
			return err
		}
		if name := or(op.Keyspace, m.Keyspace); ks == nil || name != last {
			if ks, err = c.keyspace(name, users.Write); err != nil {
				return atOp(i, err)
			}
			last = name
		}
		if err = write(ks, &op); err != nil {
			return atOp(i, err)
		}
	}
}

// atOp says which operation of a batch failed.
func atOp(i int, err error) error {
	e := *toWire(err)
	e.Message = "operation " + strconv.Itoa(i) + " of the batch: " + e.Message
	return &e
}

// Bounds of a group.
const (
	groupRequests = 1024
	groupBytes    = 256 << 10
)

// A group collects writes that came one after another, to the same keyspace with the same durability, and makes them
// one commit: sixteen pipelined writes cost one sync and nobody sees them before they are durable. They cannot fail
// one without the other, so what the commit says is the answer to each. A group is for one goroutine.
type group struct {
	c          *conn
	batch      *engine.Batch
	ks         *engine.Keyspace
	durability engine.Durability
	requests   []request
}

// add takes a write up in the group, or runs it. It reports false if the request must be run by itself, after the
// group, where that may take its time.
func (g *group) add(r *request) bool {
	c := g.c
	w, err := decodeChange(r)
	reader := r.cancel == nil // which does not wait for disks
	if err != nil || w.txn != 0 {
		if reader {
			g.commit()
		}
		return reader && c.runHere(r, (*conn).write)
	}
	d, err := c.durability(w.durability)
	if err != nil {
		return false
	}
	if reader && (d == engine.Sync || d == engine.Default && c.server.o.Durability == engine.Sync) {
		return false
	}
	if r.ctx != nil && r.ctx.Err() != nil {
		return false
	}
	ks, err := c.keyspace(w.Keyspace, users.Write)
	if err != nil {
		return false
	}
	if reader && len(g.requests) == 0 && !c.frames.HasFrame() {
		return c.runHere(r, (*conn).write)
	}
	if len(g.requests) > 0 && (ks != g.ks || d != g.durability || len(g.requests) == groupRequests || g.batch.Bytes() > groupBytes) {
		g.commit()
	}
	if g.batch == nil {
		g.batch = c.server.db.NewBatch()
	}
	if err = writeOp(g.batch.In(ks), &w.Op); err != nil {
		return false
	}
	g.ks, g.durability = ks, d
	g.requests = append(g.requests, *r)
	g.requests[len(g.requests)-1].body = nil // the batch has a copy, and this one is the reader's
	return true
}

// commit commits and answers what is in the group.
func (g *group) commit() {
	if len(g.requests) == 0 {
		return
	}
	c := g.c
	ctx, stop := g.context()
	n := g.batch.Bytes()
	err := c.guard("a write", func() error { return c.server.db.ApplyContext(ctx, g.batch, g.durability) })
	stop()
	for i := range g.requests {
		r := &g.requests[i]
		c.finish(r, err)
		switch {
		case err != nil:
			c.sendError(r.ID, err)
		case !r.Flags.Has(wire.NoReply):
			c.sendNil(r.ID)
		}
	}
	clear(g.requests)
	g.requests = g.requests[:0]
	g.batch.Reset()
	if n > smallBufferBytes { // an idle connection keeps little
		g.batch, g.requests = nil, nil
	}
}

// context returns that of the commit. One request alone can be cancelled; what is one commit with others cannot.
func (g *group) context() (context.Context, context.CancelFunc) {
	if r := &g.requests[0]; len(g.requests) == 1 && r.ctx != nil {
		return r.ctx, func() {}
	}
	return g.c.timed()
}

// timed returns the context of writes that have none of their own.
func (c *conn) timed() (context.Context, context.CancelFunc) {
	timeout := c.settings.Load().timeout
	if timeout == 0 {
		return c.ctx, func() {}
	}
	return context.WithTimeoutCause(c.ctx, timeout, wire.Errorf(wire.ErrTimeout, "writing has taken longer than %v", timeout))
}
