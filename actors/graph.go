package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/wal"
)

// Config is what the actors start from: cores that recovery has prepared, and sizes.
type Config struct {
	Set       *levels.Set       // owned by versions from now on
	Forest    *bplustree.Forest // owned by the memtable owner from now on, but for Write, which is the flusher's
	Picker    *levels.Picker    // decides what to compact
	Builder   *levels.Builder   // writes tables
	LogWriter *wal.Writer       // owned by the log writer; segment LogStart.Number is to be created
	LogStart  wal.SegmentStart  // of the first segment to write
	LastSeq   uint64            // of the last commit recovered
	Recovered []RecoveredTable  // memtables replayed from the log, oldest first
	Arenas    *memtable.Arenas  // where memtables live
	Published *Published        // where the state is published
	// MemoryChanged is called, on the flusher's goroutine, when memtables have come or gone.
	MemoryChanged func()
	Logger        *slog.Logger       // for what an operator should know
	Active        *memtable.Memtable // a recovered one to go on with; nil: a new one
	Charge        int64              // of the commits in Active, with those of the B+Trees, which leave nothing in it
	Releases      *Releases          // what the Set calls when a Version is let go
	// Scheduler runs the actors of a simulation. Nil in production.
	Scheduler    Scheduler
	Operators    *merge.Operators // fold merges
	ExpiryTime   func() int64     // the time by which values expire, in nanoseconds since 1970; it never goes back
	Live         *mvcc.Live       // the transactions under way
	HistoryBytes int64            // of what commits wrote, kept for transactions; 0: mvcc.DefaultLimit

	LogBlocks      int   // 64 KiB blocks of log between coordinator and log writer, at least 2
	MemtableBytes  int64 // a memtable's quota
	MaxSealed      int   // sealed memtables allowed before commits wait
	DirtyTreeBytes int64 // pages of B+Trees that are not durable beyond which commits that change some wait
	InFlightBytes  int64 // bytes of commits admitted at a time
	MaxCompactions int   // compactions allowed at a time
	L0Trigger      int   // level 0 tables that start a compaction
	SlowDebt       int64 // compaction debt at which writes begin to be delayed
	FeedRetention  int64 // bytes of flushed log that stay for those who will follow it
	FeedBacklog    int64 // bytes of flushed log that stay for those who follow it now
}

// A RecoveredTable is a memtable that recovery filled from the log.
type RecoveredTable struct {
	Table      *memtable.Memtable
	LastSeq    uint64
	Checkpoint *bplustree.Checkpoint // of the B+Trees after LastSeq; nil: they have not changed since the one before
}

// wiring is what the shells share: each other's mailboxes, what is published, and the clock.
type wiring struct {
	coordinator   *process
	logWriter     *process
	memtableOwner *process
	flusher       *process
	versions      *process
	compactors    [levels.NumLevels]*process

	scheduler   Scheduler // of a simulation; nil in production
	published   *Published
	alarms      *alarms
	arenas      *memtable.Arenas
	operators   *merge.Operators
	forest      *bplustree.Forest
	expiryTime  func() int64
	logger      *slog.Logger
	metrics     *Metrics
	logID       uint64
	logBlocks   int
	door        *door
	syncCallers atomic.Int64 // callers in flight that wait for durability
	manifest    atomic.Pointer[levels.ManifestState]
	syncedInLog func(segment uint64) int64
	stopping    atomic.Bool // running compactions end early
	feeds       feeds       // who follows the log

	mu      sync.Mutex    // guards what follows against requests, timers and late releases
	closing bool          // no more requests
	closed  bool          // nor anything else
	stopped chan struct{} // closed when the actors have stopped: what was not answered never will be
}

// Releases passes released Versions on to the versions actor of a Graph, once there is one.
type Releases struct{ to atomic.Pointer[wiring] }

// Released is to be called when the last reference of a Version is gone. Safe for concurrent use.
func (r *Releases) Released(v *levels.Version) {
	if w := r.to.Load(); w != nil {
		w.postIfOpen(w.versions, own(&versionReleased{version: v}))
	}
}

// fail makes the engine read-only because actor name met cause.
func (w *wiring) fail(name string, cause error) {
	if w.alarms.fail(fmt.Errorf("%s: %w", name, cause)) {
		w.logger.Error("middb engine failed and is read-only", "actor", name, "cause", cause)
		w.stopping.Store(true)
	}
}

// after posts msg to an actor when d has passed, unless the engine is closed by then.
func (w *wiring) after(d time.Duration, to *process, msg message) {
	if w.scheduler != nil {
		w.scheduler.After(d, func() { w.postIfOpen(to, msg) })
		return
	}
	time.AfterFunc(d, func() { w.postIfOpen(to, msg) })
}

// postIfOpen posts msg unless the actors have stopped.
func (w *wiring) postIfOpen(to *process, msg message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		to.post(msg)
	}
}

// A Graph is the running actors of one database.
type Graph struct {
	*Published
	wiring  *wiring
	log     *wal.Writer // the log writer's; Close closes it once that has stopped
	closing sync.Once
	err     error
}

// Start starts the actors. The Published state holds the recovered memtables and Version already.
func Start(cfg Config) (*Graph, error) {
	active := cfg.Active
	if active == nil {
		var prefix []byte
		if n := len(cfg.Recovered); n > 0 {
			prefix = cfg.Recovered[n-1].Table.Prefix()
		}
		var err error
		active, err = memtable.New(cfg.Arenas, memtable.Options{Bytes: cfg.MemtableBytes, Prefix: prefix})
		if err != nil {
			return nil, err
		}
	}
	w := &wiring{
		scheduler: cfg.Scheduler, logBlocks: cfg.LogBlocks, published: cfg.Published, alarms: newAlarms(), arenas: cfg.Arenas, logger: cfg.Logger, operators: cfg.Operators, forest: cfg.Forest, expiryTime: cfg.ExpiryTime,
		metrics: &Metrics{}, logID: cfg.LogStart.LogID, syncedInLog: cfg.LogWriter.Synced, stopped: make(chan struct{}),
	}
	w.door = &door{limit: cfg.InFlightBytes, scheduler: cfg.Scheduler, stalls: &w.metrics.Stalls}
	w.door.start = w.door.now()
	manifest := cfg.Set.ManifestState()
	w.manifest.Store(&manifest)
	w.feeds.open, w.feeds.oldest = map[*Follower]struct{}{}, cfg.LogWriter.Oldest()
	w.feeds.retain, w.feeds.backlog = cfg.FeedRetention, cfg.FeedBacklog

	encoder := wal.NewEncoder(wal.NewBlocks(cfg.LogBlocks))
	encoder.Start(cfg.LogStart)
	owner := &memtableOwner{
		wiring: w, active: active, version: cfg.Set.Current(), visible: cfg.LastSeq, durable: cfg.LastSeq, readable: cfg.LastSeq,
	}
	owner.version.Ref()
	for _, r := range cfg.Recovered {
		owner.sealed = append(owner.sealed, &sealedMemtable{table: r.Table, lastSeq: r.LastSeq, frozen: true, checkpoint: r.Checkpoint})
	}
	owner.adoptTrees(cfg.LastSeq)
	owner.publishState()
	w.published.visible.Store(cfg.LastSeq)
	w.published.durable.Store(cfg.LastSeq)
	run := func(s shell, name string) *process { return spawn(s, name, false, cfg.Scheduler) }
	runStrand := func(s shell, name string) *process { return spawn(s, name, true, cfg.Scheduler) }
	w.coordinator = runStrand(&coordinator{
		wiring: w, encoder: encoder, next: cfg.LastSeq + 1, syncAsked: cfg.LastSeq, recent: mvcc.NewRecent(cfg.Live, cfg.HistoryBytes),
		memtableBytes: cfg.MemtableBytes, maxSealed: cfg.MaxSealed, dirtyTrees: cfg.DirtyTreeBytes,
		active: active, activeRoom: cfg.MemtableBytes, activeCharge: cfg.Charge,
		sealed: len(cfg.Recovered), sealedSeq: cfg.LastSeq, stall: stall{metrics: w.metrics},
	}, coordinatorName)
	w.logWriter = run(&logWriter{wiring: w, core: cfg.LogWriter}, logWriterName)
	w.memtableOwner = runStrand(owner, memtableOwnerName)
	w.flusher = run(&flusher{wiring: w, builder: cfg.Builder, limit: max(leastCollected, cfg.MemtableBytes*int64(cfg.MaxSealed+1)), memoryChanged: cfg.MemoryChanged}, flusherName)
	for level := range w.compactors {
		w.compactors[level] = run(&compactor{wiring: w, builder: cfg.Builder}, fmt.Sprintf("%s %d", compactorName, level))
	}
	v := &versions{wiring: w, set: cfg.Set, picker: cfg.Picker, maxRunning: cfg.MaxCompactions, l0Trigger: cfg.L0Trigger, slowAt: cfg.SlowDebt}
	w.versions = run(v, versionsName)
	cfg.Releases.to.Store(w)
	flushed := cfg.Set.FlushedSeq() // from the first message on the Set is its owner's
	// The first messages: make the log segment, flush what was recovered, look for compactions.
	w.logWriter.post(own(&createLog{number: cfg.LogStart.Number}))
	w.memtableOwner.post(own(&logSynced{seq: cfg.LastSeq}))
	w.logWriter.post(own(&releaseLog{flushedSeq: flushed}))
	w.versions.post(own(&retryCompactions{}))
	return &Graph{Published: w.published, wiring: w, log: cfg.LogWriter}, nil
}

// Submit hands a commit over, waits for its answer, and returns the sequence number of its last
// operation. The commit must not be used afterwards.
func (g *Graph) Submit(ctx context.Context, c *Commit) (last uint64, err error) {
	w := g.wiring
	if ctx.Err() != nil {
		c.recycle()
		return 0, context.Cause(ctx)
	}
	a := w.alarms.current.Load()
	if a.refuse != nil {
		c.recycle()
		return 0, a.refuse
	}
	n := int64(len(c.Ops)) + 1
	if err = w.door.enter(ctx, n); err != nil {
		c.recycle()
		return 0, err
	}
	if now := w.alarms.current.Load(); now != a { // raised while the commit waited at the door
		if a = now; a.refuse != nil {
			w.door.leave(n)
			c.recycle()
			return 0, a.refuse
		}
	}
	sync := c.Sync
	if sync {
		w.syncCallers.Add(1)
	}
	w.coordinator.postInline(c)
	last, err = c.await(ctx, a, w.scheduler)
	if sync {
		w.syncCallers.Add(-1)
	}
	w.door.leave(n)
	return last, err
}

// Flush writes what is in the active memtable to an sstable and waits until it is there.
func (g *Graph) Flush(ctx context.Context) error {
	r := newReply()
	return g.request(ctx, g.wiring.coordinator, own(&rotateNow{reply: r}), r)
}

// Compact moves everything between lower and upper (nil: no bound) to the deepest level.
func (g *Graph) Compact(ctx context.Context, lower, upper []byte) error {
	if err := g.Flush(ctx); err != nil {
		return err
	}
	r := newReply()
	return g.request(ctx, g.wiring.versions, own(&compactRange{waiting: ctx, lower: lower, upper: upper, asOf: g.Visible(), now: g.wiring.expiryTime(), reply: r}), r)
}

// WaitIdle waits until there is nothing to flush that is sealed and nothing to compact.
func (g *Graph) WaitIdle(ctx context.Context) error {
	r := newReply()
	if err := g.request(ctx, g.wiring.coordinator, own(&awaitFlushes{reply: r}), r); err != nil {
		return err
	}
	r = newReply()
	return g.request(ctx, g.wiring.versions, own(&awaitCompactions{reply: r}), r)
}

// request posts a message and waits for its reply, the context, the failure of the engine, or its end.
func (g *Graph) request(ctx context.Context, to *process, msg message, r reply) error {
	w := g.wiring
	a := w.alarms.current.Load()
	if a.refuse != nil {
		return a.refuse
	}
	w.mu.Lock()
	if w.closing {
		w.mu.Unlock()
		return ErrClosed
	}
	to.post(msg)
	w.mu.Unlock()
	return w.awaitReply(ctx, r, a, w.stopped)
}

// Failure returns why the engine is read-only, or nil.
func (g *Graph) Failure() error { return g.wiring.alarms.failed() }

// closeFlushBytes is how full the active memtable must be for Close to write it to an sstable:
// below this, reading it from the log at the next open is quicker.
const closeFlushBytes = 1 << 20

// closeFlushTreeBytes is the same for changed pages of B+Trees: single entries, and the pages they are in are read
// again.
const closeFlushTreeBytes = 4 << 20

// Close lets callers inside finish, ends the log, and stops the actors in the order of the data
// flow. What is in the log is not lost if it fails; the error says what could not be done.
func (g *Graph) Close() error {
	g.closing.Do(func() { g.err = g.close() })
	return g.err
}

func (g *Graph) close() error {
	w := g.wiring
	defer close(w.stopped)
	// A rotation asked for after the last seal record would find nothing to seal.
	w.mu.Lock()
	w.closing = true
	w.mu.Unlock()
	w.door.close()
	var errs []error
	if w.alarms.current.Load().refuse == nil {
		if w.published.State().Active.Bytes() >= closeFlushBytes || w.forest.DirtyBytes() >= closeFlushTreeBytes {
			r := newReply()
			errs = append(errs, g.finish(w.coordinator, own(&rotateNow{reply: r}), r))
		}
		// Sync first, so that the seal record can say of all before it that it was once on disk.
		errs = append(errs, g.barrier())
		r := newReply()
		errs = append(errs, g.finish(w.coordinator, own(&quit{reply: r}), r))
	}
	w.stopping.Store(true)
	// Without disk space the above was cut short: what is framed belongs into the log all the same.
	w.coordinator.post(own(&flushTick{}))
	w.coordinator.stop()
	errs = append(errs, g.finishLog())
	w.memtableOwner.stop()
	w.flusher.stop()
	for _, c := range w.compactors {
		c.stop()
	}
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.versions.stop()
	w.logWriter.stop()
	errs = append(errs, g.log.Close()) // open still if it could not be sealed
	// Commits that were answered before they were durable may be lost by a failure that nobody else
	// has been told of.
	if failure := w.alarms.failed(); failure != nil {
		return failure
	}
	return errors.Join(errs...)
}

// barrier waits until every commit so far is durable.
func (g *Graph) barrier() error {
	a := g.wiring.alarms.current.Load()
	if a.refuse != nil {
		return a.refuse
	}
	c := NewCommit()
	c.Sync = true
	g.wiring.coordinator.postInline(c)
	_, err := c.await(context.Background(), a, g.wiring.scheduler)
	return err
}

// finishLog has everything that was handed to the log writer written and synced. A full disk is tried
// once more; only the failure of the engine leaves this without an answer.
func (g *Graph) finishLog() error {
	alarms := g.wiring.alarms
	r := newReply()
	g.wiring.logWriter.post(own(&quit{reply: r}))
	for {
		a := alarms.current.Load()
		if failure := alarms.failed(); failure != nil {
			return failure
		}
		if s := g.wiring.scheduler; s != nil {
			s.Wait("the end of the log", func() bool { return len(r) > 0 || ended(a.raised) })
			if len(r) > 0 {
				return <-r
			}
		}
		select {
		case err := <-r:
			return err
		case <-a.raised:
		}
	}
}

// finish posts a message that an actor answers before it stops, and waits for the answer unless the
// engine can no longer give it.
func (g *Graph) finish(to *process, msg message, r reply) error {
	a := g.wiring.alarms.current.Load()
	if a.refuse != nil {
		return a.refuse
	}
	to.post(msg)
	return g.wiring.awaitReply(context.Background(), r, a, nil)
}
