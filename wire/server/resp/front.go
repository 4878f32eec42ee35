package resp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/engine"
)

// A Front serves the keyspaces of a database to clients that speak RESP. Make one with New; all methods are safe for
// concurrent use.
type Front struct {
	db      *engine.DB
	options Options
	started time.Time

	databases databases
	committer committer
	blind     blindWrites
	cursors   cursors
	counts    keyCounts
	shared    budget
	counters  counters

	operations []operation // by kind of command, as in a tally

	mu        sync.Mutex
	closing   bool
	listeners map[net.Listener]struct{}
	conns     map[int64]*conn
	lastID    int64
	running   sync.WaitGroup // of connections
}

// counters are what a Front has done since it was made.
type counters struct {
	accepted, refused        atomic.Int64 // connections
	commands, failed         atomic.Int64
	hits, misses             atomic.Int64 // of keys read
	bytesIn, bytesOut        atomic.Int64
	protocolErrors, timeouts atomic.Int64 // connections ended by them
	retries                  atomic.Int64
}

// Stats are counts since the Front was made, and what it holds now.
type Stats struct {
	Connections    int   // open now
	Accepted       int64 // connections in all
	Refused        int64 // connections beyond Limits.Connections
	Commands       int64
	FailedCommands int64 // answered with an error
	Hits, Misses   int64 // keys that read commands found, and did not find
	BytesIn        int64
	BytesOut       int64
	ProtocolErrors int64 // connections ended because of what they sent
	SlowClients    int64 // connections ended because they did not read, or send the rest of a command
	Retries        int64 // transactions run again because of conflicts
	SharedBytes    int64 // of Limits.SharedBytes, in use
	ScanPositions  int   // where SCANs can go on
}

// New returns a front for a database, which stays the caller's to close, after Shutdown.
func New(db *engine.DB, o Options) (*Front, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Front{
		db: db, options: o, started: o.Clock(), listeners: map[net.Listener]struct{}{}, conns: map[int64]*conn{},
		shared: budget{limit: o.Limits.SharedBytes},
	}
	f.databases.open = make([]atomic.Pointer[engine.Keyspace], o.Databases)
	f.operations = make([]operation, 1+len(table))
	f.committer.front = f
	durable := o.Durability != engine.NoSync
	f.committer.lane = newLane(durable, f.committer.run)
	f.blind = blindWrites{front: f, batch: db.NewBatch()}
	f.blind.lane = newLane(durable, f.blind.run)
	f.cursors.limit = o.Limits.ScanCursors
	if _, err := f.database(0); err != nil {
		return nil, fmt.Errorf("serve RESP: %w", err)
	}
	return f, nil
}

// Stats returns the counts now.
func (f *Front) Stats() Stats {
	c := &f.counters
	f.mu.Lock()
	open := len(f.conns)
	f.mu.Unlock()
	return Stats{
		Connections: open, Accepted: c.accepted.Load(), Refused: c.refused.Load(), Commands: c.commands.Load(), FailedCommands: c.failed.Load(),
		Hits: c.hits.Load(), Misses: c.misses.Load(), BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(),
		ProtocolErrors: c.protocolErrors.Load(), SlowClients: c.timeouts.Load(), Retries: c.retries.Load(),
		SharedBytes: f.shared.used.Load(), ScanPositions: f.cursors.count(),
	}
}

// Serve accepts connections and serves each until it ends. It closes the listener, and returns the cause of ctx when
// that has ended, ErrClosed after Shutdown, or the failure of the listener. Connections then go on; see Shutdown.
func (f *Front) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	if !f.listen(l) {
		return ErrClosed
	}
	defer f.unlisten(l)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for pause := time.Duration(0); ; {
		nc, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			f.running.Go(func() {
				if e := f.ServeConn(ctx, nc); e != nil {
					f.options.Logger.Debug("RESP connection ended", "remote", nc.RemoteAddr().String(), "cause", e)
				}
			})
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case f.shut():
			return ErrClosed
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept RESP connections: %w", err)
		}
		// Out of file descriptors, for example: others may close some.
		pause = min(max(2*pause, firstAcceptPause), longAcceptPause)
		f.options.Logger.Warn("cannot accept a RESP connection; trying again", "cause", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

const (
	firstAcceptPause = 5 * time.Millisecond
	longAcceptPause  = time.Second
)

// ServeConn serves one connection until the client or ctx ends it, or Shutdown does, and closes it. When ctx ends
// the command that runs is finished first. The error says why the connection ended; nil: as the client wished.
func (f *Front) ServeConn(ctx context.Context, nc net.Conn) error {
	defer nc.Close()
	c, err := f.admit(nc)
	if err != nil {
		_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = fmt.Fprintf(nc, "-%s\r\n", errorText(err))
		return err
	}
	defer f.leave(c)
	stop := context.AfterFunc(ctx, c.stop)
	defer stop()
	return c.serve()
}

// admit makes a connection one of those that are served.
func (f *Front) admit(nc net.Conn) (*conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing {
		return nil, ErrClosed
	}
	if len(f.conns) >= f.options.Limits.Connections {
		f.counters.refused.Add(1)
		return nil, errMaxClients
	}
	f.counters.accepted.Add(1)
	f.lastID++
	c := newConn(f, nc, f.lastID)
	f.conns[c.id] = c
	f.running.Add(1)
	return c, nil
}

func (f *Front) leave(c *conn) {
	c.release()
	f.mu.Lock()
	delete(f.conns, c.id)
	f.mu.Unlock()
	f.running.Done()
}

func (f *Front) listen(l net.Listener) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closing {
		f.listeners[l] = struct{}{}
	}
	return !f.closing
}

func (f *Front) unlisten(l net.Listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.listeners, l)
}

func (f *Front) shut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closing
}

// connections returns those that are open, in no order.
func (f *Front) connections() []*conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make([]*conn, 0, len(f.conns))
	for _, c := range f.conns {
		all = append(all, c)
	}
	return all
}

// Shutdown stops accepting, lets every connection finish the commands that it has received, send the replies and
// close, and waits for that. When ctx ends first it closes the others and returns the cause of ctx.
func (f *Front) Shutdown(ctx context.Context) error {
	f.mu.Lock()
	f.closing = true
	for l := range f.listeners {
		l.Close()
	}
	f.mu.Unlock()
	for _, c := range f.connections() {
		c.stop()
	}
	ended := make(chan struct{})
	go func() {
		f.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	for _, c := range f.connections() {
		c.nc.Close()
	}
	<-ended // what runs in the engine now is bounded by the engine
	return fmt.Errorf("shut down the RESP front: %w", context.Cause(ctx))
}
