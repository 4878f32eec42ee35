package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/key"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/memtable"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wal"
)

// LockName is the file whose lock says who has a directory open. It stays when the lock is gone.
const LockName = "LOCK"

// A Recovery tells what opening a database found in its log.
type Recovery struct {
	Clean     bool   // the log was ended by Close
	Segments  int    // segments that hold something that is not in sstables
	Commits   uint64 // operations replayed into memory
	TornBytes int64  // bytes after the last whole record, which a crash left unfinished
	Took      time.Duration
}

// Spawn opens the database in cfg.Dir, or makes one, recovers what its log holds, and starts its
// actors. The caller closes it.
func Spawn(cfg Config) (*DB, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	db, err := open(cfg)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", cfg.Dir, err)
	}
	return db, nil
}

func open(cfg Config) (_ *DB, err error) {
	if err = prepareDir(&cfg); err != nil {
		return nil, err
	}
	mode := vfs.LockExclusive
	if cfg.ReadOnly {
		mode = vfs.LockShared
	}
	lock, err := cfg.FS.Lock(cfg.FS.Join(cfg.Dir, LockName), mode)
	if err != nil {
		return nil, err
	}
	sizes := cfg.memorySizes()
	db := &DB{
		cfg: cfg, lock: lock, published: &actors.Published{}, arenas: memtable.NewArenas(),
		cache: page.NewCache(sizes.cacheBytes), sizes: sizes, clock: &clock{source: cfg.Clock}, live: mvcc.NewLive(),
		spaces: openKeyspaces{byName: map[string]*Keyspace{}},
	}
	db.views = newHeldViews(db.clock)
	db.jitter.rng = rand.New(rand.NewPCG(uint64(db.clock.now()), 0))
	db.defaultKeyspace = &Keyspace{db: db, name: DefaultKeyspace, space: defaultSpace}
	db.meta = &Keyspace{db: db, space: metaSpace}
	db.arenas.SetLimit(sizes.arenaBytes)
	defer func() {
		if err != nil {
			if db.set != nil {
				err = errors.Join(err, db.set.Close())
			}
			if db.forest != nil {
				err = errors.Join(err, db.forest.Close())
			}
			db.cache.Close()
			db.arenas.Close()
			err = errors.Join(err, lock.Close())
		}
	}()
	if db.operators, err = merge.NewOperators(cfg.MergeOperators...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidConfig, err)
	}
	compressions := cfg.compressions()
	db.picker = levels.NewPicker(levels.PickerOptions{
		L0Trigger: cfg.L0CompactionTrigger, BaseBytes: cfg.BaseLevelBytes, TargetFileBytes: cfg.TargetFileBytes,
		LastCompression: compressions[levels.NumLevels-1],
	})
	var releases actors.Releases
	if db.set, err = loadOrCreate(&cfg, db.cache, releases.Released); err != nil {
		return nil, err
	}
	if db.forest, err = db.openForest(); err != nil {
		return nil, err
	}
	db.clock.atLeast(db.set.Time())
	db.clock.matters.Store(db.set.Current().Expiring() > 0)
	r, err := db.replay()
	if err != nil {
		return nil, err
	}
	if cfg.ReadOnly {
		err = db.publish(r)
		return db, err
	}
	if _, err = db.set.Resume(); err != nil {
		return nil, err
	}
	err = db.start(r, &releases)
	return db, err
}

// prepareDir makes the directory if it may, and refuses what cannot be a database.
func prepareDir(cfg *Config) error {
	fs := cfg.FS
	info, err := fs.Stat(cfg.Dir)
	switch {
	case vfs.IsNotExist(err) && (cfg.MustExist || cfg.ReadOnly):
		return fmt.Errorf("%w: the directory does not exist; check the path", ErrDatabaseMissing)
	case vfs.IsNotExist(err):
		return makeDir(fs, cfg.Dir)
	case err != nil:
		return err
	case !info.IsDir:
		return fmt.Errorf("%w: it is a file; name a directory", ErrNotDatabase)
	case !cfg.MustExist && !cfg.ReadOnly:
		return nil
	}
	// Look before taking the lock: it would leave a file where no database is.
	names, err := fs.List(cfg.Dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(names, belongs) {
		return nil
	}
	if err := refuseForeign(names); err != nil {
		return err
	}
	return errMissingHere
}

// refuseForeign refuses a directory that holds something else.
func refuseForeign(names []string) error {
	for _, name := range names {
		if !ours(name) {
			return fmt.Errorf("%w: it holds %q and no database; name an empty or new directory", ErrNotDatabase, name)
		}
	}
	return nil
}

var errMissingHere = fmt.Errorf("%w in this directory; check the path", ErrDatabaseMissing)

// belongs reports whether a file is one that only a database has.
func belongs(name string) bool {
	_, isLog := wal.ParseFileName(name)
	_, isTable := levels.ParseTableName(name)
	_, isPages := levels.ParsePagesName(name)
	return isLog || isTable || isPages || name != LockName && ours(name)
}

// makeDir makes a directory and its missing parents, durably: a directory that a crash could forget
// would take everything in it along. Each is synced before the next is made, so only the lowest that
// exists may be of a run that was killed before it could sync it.
func makeDir(fs vfs.FS, dir string) error {
	var missing []string
	d := dir
	for ; ; d = fs.Join(d, "..") {
		if _, err := fs.Stat(d); err == nil {
			break
		} else if !vfs.IsNotExist(err) {
			return err
		}
		missing = append(missing, d)
	}
	if err := syncParent(fs, d); err != nil {
		return err
	}
	for _, d := range slices.Backward(missing) {
		if err := fs.MkdirAll(d); err != nil {
			return err
		}
		if err := fs.SyncDir(fs.Join(d, "..")); err != nil {
			return err
		}
	}
	return nil
}

// syncParent makes the name of a directory durable that this process may not have made. Whoever made
// one in a directory that we may not read has to see to that.
func syncParent(fs vfs.FS, dir string) error {
	err := fs.SyncDir(fs.Join(dir, ".."))
	if errors.Is(err, iofs.ErrPermission) {
		return nil
	}
	return err
}

func loadOrCreate(cfg *Config, cache *page.Cache, released func(*levels.Version)) (*levels.Set, error) {
	o := levels.Options{
		FS: cfg.FS, Dir: cfg.Dir, Cache: cache, ManifestBytes: cfg.ManifestBytes, Released: released,
	}
	set, err := levels.Load(o)
	if !errors.Is(err, levels.ErrNotDatabase) {
		return set, err
	}
	names, err := cfg.FS.List(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := refuseForeign(names); err != nil {
		return nil, err
	}
	if cfg.MustExist || cfg.ReadOnly {
		return nil, errMissingHere
	}
	if err := syncParent(cfg.FS, cfg.Dir); err != nil {
		return nil, err
	}
	var id [8]byte
	if _, err := io.ReadFull(cfg.Random, id[:]); err != nil {
		return nil, fmt.Errorf("choose a log id: %w", err)
	}
	return levels.Create(o, levels.Identity{LogID: binary.LittleEndian.Uint64(id[:])})
}

// ours reports whether a file may be what an unfinished creation left behind.
func ours(name string) bool {
	return name == LockName || strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, "CURRENT-") ||
		name == "CURRENT.tmp"
}

// replayed is what the log held beyond the sstables.
type replayed struct {
	tables []actors.RecoveredTable // oldest first
	charge int64                   // of what is in the newest, and in the B+Trees since the one before it
	state  wal.State
}

// replay reads the log into memtables.
func (db *DB) replay() (*replayed, error) {
	began := time.Now()
	r := &replayed{}
	flushed := db.set.FlushedSeq()
	state, err := wal.Recover(db.cfg.FS, db.cfg.Dir, wal.RecoverOptions{
		FlushedSeq: flushed, LogID: db.set.Identity().LogID, ReadOnly: db.cfg.ReadOnly,
	}, func(rec wal.Record) error {
		db.recovery.Commits += uint64(rec.Count)
		return r.add(db, flushed, rec)
	})
	if err != nil {
		return nil, err
	}
	r.state = state
	if err := db.set.CheckManifestAtLeast(state.ManifestNumber, state.ManifestSynced); err != nil {
		return nil, err
	}
	db.recovery.Clean, db.recovery.TornBytes = state.Clean, state.TornBytes
	for _, s := range state.Segments {
		if s.LastSeq > flushed {
			db.recovery.Segments++
		}
	}
	db.recovery.Took = time.Since(began)
	db.cfg.Logger.Info("recovered", "dir", db.cfg.Dir, "clean", state.Clean, "operations", db.recovery.Commits,
		"torn bytes", state.TornBytes, "took", db.recovery.Took)
	return r, nil
}

// add replays a record. A record goes into one memtable whole, so that a flush never splits a commit.
func (r *replayed) add(db *DB, flushed uint64, rec wal.Record) error {
	bound, err := chargeBound(rec)
	if err != nil {
		return err
	}
	last := len(r.tables) - 1
	if room := max(db.sizes.memtableBytes, bound); last < 0 || r.charge+bound > room {
		var prefix []byte
		if last >= 0 {
			prefix = r.tables[last].Table.Prefix()
			r.tables[last].Checkpoint = db.forest.Freeze()
		}
		r.charge = 0
		m, err := memtable.New(db.arenas, memtable.Options{Bytes: room, Prefix: prefix})
		if err != nil {
			return err
		}
		r.tables = append(r.tables, actors.RecoveredTable{Table: m})
		last++
	}
	t := &r.tables[last]
	r.charge += bound
	ops := rec.Ops
	for i := range rec.Count {
		kind, k, v, rest, err := wal.DecodeOp(ops)
		if err != nil {
			return err
		}
		ops = rest
		if seq := rec.FirstSeq + uint64(i); seq > flushed {
			if kind == key.KindPutWithExpiry {
				db.clock.matters.Store(true)
			}
			t.LastSeq = seq
			if kind.Tree() {
				err = actors.ApplyTreeOp(db.forest, kind, k, v)
			} else {
				actors.ApplyOp(t.Table, kind, k, v, seq, db.operators)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// chargeBound returns what the operations of a record are charged.
func chargeBound(rec wal.Record) (bound int64, err error) {
	ops := rec.Ops
	for range rec.Count {
		kind, k, v, rest, err := wal.DecodeOp(ops)
		if err != nil {
			return 0, err
		}
		switch ops = rest; kind {
		case key.KindRangeDelete:
			bound += memtable.RangeBytes(len(k), len(v))
		case key.KindMerge:
			bound += memtable.EntryBytes(len(k), max(len(v), memtable.MergeRoom))
		default:
			bound += memtable.EntryBytes(len(k), len(v))
		}
	}
	return bound, nil
}

// publish shows what was read to readers of a read-only database, which has no actors.
func (db *DB) publish(r *replayed) error {
	s := &actors.State{Version: db.set.Current()}
	for i := len(r.tables) - 1; i >= 0; i-- {
		s.Sealed = append(s.Sealed, r.tables[i].Table)
	}
	if len(s.Sealed) > 0 {
		s.Active, s.Sealed = s.Sealed[0], s.Sealed[1:]
	} else {
		var err error
		if s.Active, err = memtable.New(db.arenas, memtable.Options{Bytes: db.sizes.memtableBytes}); err != nil {
			return err
		}
	}
	s.Version.Ref()
	db.published.Publish(s, db.forest.Seal(), max(r.state.LastSeq, db.set.FlushedSeq()))
	return nil
}

// keptSegments is how many old log segments may still be needed when the database starts without
// writing the recovered memtable to an sstable: more would make the next open slow.
const keptSegments = 4

// start starts the actors.
func (db *DB) start(r *replayed, releases *actors.Releases) error {
	cfg, sizes := &db.cfg, &db.sizes
	lastSeq := max(r.state.LastSeq, db.set.FlushedSeq())
	manifest := db.set.ManifestState()
	compressions := cfg.compressions()
	c := actors.Config{
		Set: db.set, Forest: db.forest, DirtyTreeBytes: sizes.dirtyTreeBytes,
		Picker: db.picker,
		Builder: &levels.Builder{
			Tables: db.set.Tables(), NextFileNum: db.set.NextFileNum, Compression: compressions,
			BlockBytes: cfg.BlockBytes, BloomBitsPerKey: cfg.BloomBitsPerKey, Operators: db.operators,
		},
		LogWriter: wal.NewWriter(cfg.FS, cfg.Dir, wal.WriterOptions{
			SegmentBytes: cfg.LogBytes, Old: r.state.Segments, LastSeq: r.state.LastSeq,
		}),
		LogStart: wal.SegmentStart{
			Number: r.state.NextNumber, LogID: db.set.Identity().LogID, Predecessor: r.state.Predecessor,
			ManifestNumber: manifest.Number, ManifestSynced: manifest.Synced,
		},
		LastSeq: lastSeq, Recovered: r.tables, Arenas: db.arenas, Published: db.published, Releases: releases,
		MemoryChanged: db.rebalance, Operators: db.operators, ExpiryTime: db.clock.now, Live: db.live, HistoryBytes: cfg.TxnHistoryBytes,
		Logger: cfg.Logger, MemtableBytes: sizes.memtableBytes, MaxSealed: sizes.maxSealed,
		InFlightBytes: cfg.InFlightBytes, LogBlocks: cfg.LogBlocks, Scheduler: cfg.Scheduler, MaxCompactions: cfg.MaxCompactions, L0Trigger: cfg.L0CompactionTrigger,
		SlowDebt: max(slowDebtBytes, 4*cfg.BaseLevelBytes), FeedRetention: cfg.FeedRetention, FeedBacklog: cfg.FeedBacklogBytes,
	}
	// A little that was recovered stays in memory and takes more: a program that opens, writes one
	// key and closes would otherwise make a table each time.
	if n := len(c.Recovered); n == 1 && db.recovery.Segments <= keptSegments &&
		r.charge < sizes.memtableBytes/2 && db.forest.DirtyBytes() < sizes.dirtyTreeBytes/2 {
		c.Active, c.Charge, c.Recovered = c.Recovered[0].Table, r.charge, nil
	} else if n > 0 {
		c.Recovered[n-1].Checkpoint = db.forest.Freeze()
	}
	graph, err := actors.Start(c)
	if err != nil {
		return err
	}
	db.graph = graph
	return nil
}
