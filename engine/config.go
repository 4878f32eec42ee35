package engine

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/middb/middb/actors"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/merge"
	"github.com/middb/middb/mvcc"
	"github.com/middb/middb/sstable"
	"github.com/middb/middb/vfs"
)

// Compression says how the blocks of an sstable are compressed.
type Compression = sstable.Compression

// The compressions.
const (
	NoCompression = sstable.None
	S2            = sstable.S2
	LZ4           = sstable.LZ4
	Zstd          = sstable.Zstd
)

// Durability says when a write is answered.
type Durability uint8

// The durabilities.
const (
	// Default is the durability of the database: Config.Durability, or Sync.
	Default Durability = iota
	// Sync answers when the write is on disk: no crash and no power loss can take it back. Callers
	// that write at the same time share one fdatasync.
	Sync
	// NoSync answers when the write is visible. It goes to the operating system after 64 KiB of log
	// or 50 ms, or when the sync that is under way then has ended (2 MiB of log at most), so the
	// end of the process loses at most that suffix; power loss loses at most the writes since the
	// last sync. What is kept is always a prefix of the commit order.
	NoSync
)

// Config says how a database is opened. The zero value of every field but Dir works.
type Config struct {
	// Dir is the directory of the database. It is made, with its parents, if it does not exist,
	// unless MustExist or ReadOnly is set.
	Dir string
	// MemtableBytes is how much a memtable takes before it is flushed to an sstable. Larger ones
	// make writing cheaper and opening after a crash slower. Default: an eighth of MemoryBudget,
	// at most 64 MiB.
	MemtableBytes int64
	// MemoryBudget bounds, in bytes, what memtables, cached blocks, indexes and filters take
	// together. Default 256 MiB; at least 4 MiB.
	MemoryBudget int64
	// CacheBytes is the part of the budget for cached blocks, indexes and filters. Default: what
	// the memtables leave.
	CacheBytes int64
	// BlockBytes is the size of an sstable block before compression: what a read of one key reads
	// and decompresses at least. Default 8 KiB.
	BlockBytes int
	// Compression is the compression per level, starting at level 0; the last one holds for all
	// deeper levels. Default: S2 above the last level, Zstd at the last.
	Compression []Compression
	// BloomBitsPerKey sizes the filters that spare a read most tables without its key: 10 bits
	// leave 1 % of them. Default 10; negative: no filters.
	BloomBitsPerKey int
	// L0CompactionTrigger is the number of level 0 tables that starts their compaction. Default 4.
	L0CompactionTrigger int
	// Durability is what writes get that do not say. Default Sync.
	Durability Durability
	// ReadOnly opens the database for reading; nothing is written. Any number of read-only opens
	// may share a directory, with one another, not with a writer.
	ReadOnly bool
	// MustExist refuses to make a new database.
	MustExist bool
	// Logger gets what an operator should know: recovery, flushes, compactions, failures. Default:
	// nothing is logged.
	Logger *slog.Logger
	// FS is the file system. Default vfs.OS; vfs.NewMem() makes a database in memory.
	FS vfs.FS
	// Clock tells the time. Default time.Now.
	Clock func() time.Time

	// MergeOperators are the operators that Merge takes beside the built-in ones. A database must be opened
	// with every operator whose merges it holds; reads of a key that needs a missing one fail with
	// ErrMergeOperator.
	MergeOperators []merge.Operator
	// TxnHistoryBytes bounds the memory of what recent commits wrote, which transactions are checked against.
	// It is kept for the oldest transaction under way; one that is older than what fits gets ErrTxnTooOld.
	// Default 64 MiB, enough for about 700,000 writes of 16-byte keys.
	TxnHistoryBytes int64

	// TargetFileBytes is the size at which compaction begins another table at the base level;
	// deeper ones grow from it. Default 16 MiB.
	TargetFileBytes int64
	// BaseLevelBytes is the size of the first level below level 0 that is kept filled. Default
	// 64 MiB, or what starts a compaction of level 0 if that is more.
	BaseLevelBytes int64
	// LogBytes is the size that log segments are made with, before anything is written to them.
	// Default: MemtableBytes.
	LogBytes int64
	// MaxCompactions is how many compactions may run at a time. Default 2.
	MaxCompactions int
	// FeedRetention is how many bytes of log stay, after what they hold has been flushed to sstables,
	// for feeds to begin with: DB.Watch reaches back so far, also after the database was opened again.
	// Default 0: Watch reaches back to what is not flushed yet. A segment, which is as much as a
	// memtable, is kept whole or not at all, and counts as no less than 64 KiB.
	FeedRetention int64
	// FeedBacklogBytes is how many bytes of flushed log stay for feeds that are open and have not read
	// them. A feed that falls behind further is cut off, with ErrFeedTruncated. Default 64 MiB, or two
	// segments if that is more.
	FeedBacklogBytes int64

	// ManifestBytes is the size at which the manifest is written anew. Default 4 MiB.
	ManifestBytes int64
	// LogBlocks is how many blocks of 64 KiB lie between callers and the log: what can be committed
	// while the log is being written or synced. Default 32; at least 2.
	LogBlocks int
	// InFlightBytes bounds the writes that are admitted at a time; further ones wait for room.
	// Default 16 MiB.
	InFlightBytes int64

	// Random is where the random identity of a new database comes from. Default: crypto/rand.
	Random io.Reader
	// Scheduler runs the actors, tells the time and decides who goes on when, in a simulation of the
	// engine; see actors.Scheduler. It is for tests: a program leaves it nil.
	Scheduler actors.Scheduler
}

// minMemoryBudget is the smallest budget that leaves room for anything at all.
const minMemoryBudget = 4 << 20

// minLogBlocks is the fewest log blocks that always let something go on: one is being filled,
// the other is with the log writer.
const minLogBlocks = 2

// withDefaults checks c and fills in what it leaves open.
func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" {
		return c, fmt.Errorf("%w: Dir is empty; name the directory of the database", ErrInvalidConfig)
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"MemtableBytes", c.MemtableBytes},
		{"MemoryBudget", c.MemoryBudget},
		{"CacheBytes", c.CacheBytes},
		{"LogBytes", c.LogBytes},
		{"MaxCompactions", int64(c.MaxCompactions)},
		{"BlockBytes", int64(c.BlockBytes)},
		{"L0CompactionTrigger", int64(c.L0CompactionTrigger)},
		{"TargetFileBytes", c.TargetFileBytes},
		{"BaseLevelBytes", c.BaseLevelBytes},
		{"ManifestBytes", c.ManifestBytes},
		{"LogBlocks", int64(c.LogBlocks)},
		{"InFlightBytes", c.InFlightBytes},
		{"TxnHistoryBytes", c.TxnHistoryBytes},
		{"FeedRetention", c.FeedRetention},
		{"FeedBacklogBytes", c.FeedBacklogBytes},
	} {
		if f.value < 0 {
			return c, fmt.Errorf("%w: %s is %d; it must not be negative", ErrInvalidConfig, f.name, f.value)
		}
	}
	if c.Durability > NoSync {
		return c, fmt.Errorf("%w: Durability is %d; use Sync or NoSync", ErrInvalidConfig, c.Durability)
	}
	for level, compression := range c.Compression {
		if compression > sstable.Zstd {
			return c, fmt.Errorf("%w: Compression of level %d is %d, which is none", ErrInvalidConfig, level, compression)
		}
	}
	setDefault(&c.MemoryBudget, 256<<20)
	if c.MemoryBudget < minMemoryBudget {
		return c, fmt.Errorf("%w: MemoryBudget is %d; at least %d bytes are needed", ErrInvalidConfig, c.MemoryBudget, minMemoryBudget)
	}
	setDefault(&c.MemtableBytes, min(64<<20, c.MemoryBudget/8))
	setDefault(&c.BlockBytes, 8<<10)
	setDefault(&c.BloomBitsPerKey, 10)
	setDefault(&c.L0CompactionTrigger, 4)
	setDefault(&c.Durability, Sync)
	setDefault(&c.TargetFileBytes, 16<<20)
	setDefault(&c.BaseLevelBytes, max(64<<20, int64(c.L0CompactionTrigger)*c.MemtableBytes))
	setDefault(&c.LogBytes, c.MemtableBytes)
	setDefault(&c.MaxCompactions, 2)
	setDefault(&c.ManifestBytes, 4<<20)
	setDefault(&c.LogBlocks, 32)
	c.LogBlocks = max(c.LogBlocks, minLogBlocks)
	setDefault(&c.InFlightBytes, 16<<20)
	if c.Random == nil {
		c.Random = rand.Reader
	}
	setDefault(&c.TxnHistoryBytes, mvcc.DefaultLimit)
	setDefault(&c.FeedBacklogBytes, max(64<<20, 2*c.LogBytes))
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.FS == nil {
		c.FS = vfs.OS
	}
	if c.Clock == nil {
		c.Clock = time.Now
		if c.Scheduler != nil {
			c.Clock = c.Scheduler.Now
		}
	}
	return c, nil
}

func setDefault[T int | int64 | Durability](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// compressions lays the configured compressions out by level.
func (c *Config) compressions() (out [levels.NumLevels]Compression) {
	for level := range out {
		switch {
		case len(c.Compression) > 0:
			out[level] = c.Compression[min(level, len(c.Compression)-1)]
		case level == levels.NumLevels-1:
			out[level] = Zstd
		default:
			out[level] = S2
		}
	}
	return out
}
