package simulation

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/middb/middb/engine"
)

// directory is where the database lives.
const directory = "db"

// options are what a seed chooses before the first life.
type options struct {
	config      engine.Config
	lives       int
	callers     int
	operations  int // of a caller in a life, at most
	syncPercent int // of the writes
	valueBytes  int // at most
	batch       int // operations of a batch, at most
	pause       int // see disk, as the next one
	times       syncTimes
	full        bool // the disk may be full for a while
	follow      bool // somebody watches the changes
	huge        bool // a few values exceed memtables and log blocks
	keys        [][]byte
}

func chooseOptions(rng *rand.Rand) options {
	pick := func(choices ...int) int { return choices[rng.IntN(len(choices))] }
	o := options{
		config: engine.Config{
			Dir:                 directory,
			MemtableBytes:       int64(pick(512, 1<<10, 2<<10, 4<<10, 64<<10)),
			MemoryBudget:        4 << 20,
			BlockBytes:          pick(32, 128, 1024),
			BloomBitsPerKey:     pick(-1, 0, 2),
			L0CompactionTrigger: pick(1, 2, 3, 4),
			TargetFileBytes:     int64(pick(256, 1<<10, 4<<10)),
			BaseLevelBytes:      int64(pick(512, 2<<10, 8<<10)),
			ManifestBytes:       int64(pick(256, 2<<10)),
			LogBytes:            int64(pick(1<<10, 4<<10, 16<<10)),
			MaxCompactions:      pick(1, 2, 4),
			LogBlocks:           pick(2, 3),
			InFlightBytes:       int64(pick(64, 256, 1<<20)),
			Durability:          engine.Durability(pick(int(engine.Sync), int(engine.NoSync))),
			Compression:         []engine.Compression{engine.Compression(pick(int(engine.NoCompression), int(engine.S2)))},
		},
		lives:       1 + rng.IntN(3),
		callers:     2 + rng.IntN(5),
		operations:  pick(4, 12, 40),
		syncPercent: pick(0, 20, 50, 100),
		valueBytes:  pick(8, 40, 200),
		batch:       pick(2, 5, 12),
		pause:       pick(0, 1, 2, 8),
		times: syncTimes{
			log:        time.Duration(pick(0, 50, 400, 4000)) * time.Microsecond,
			compaction: time.Duration(pick(0, 400, 500_000)) * time.Microsecond,
			other:      time.Duration(pick(0, 400, 20_000)) * time.Microsecond,
		},
		full:   rng.IntN(8) == 0,
		huge:   rng.IntN(16) == 0,
		follow: rng.IntN(4) == 0,
	}
	if rng.IntN(16) == 0 { // compactions fall so far behind that writes are delayed
		o.config.MemtableBytes, o.config.L0CompactionTrigger, o.config.MaxCompactions = 512, 1, 1
		o.operations, o.valueBytes, o.batch = 40, 200, 12
		o.times.other, o.times.compaction = 0, time.Second
	}
	for range pick(2, 6, 20, 60) {
		o.keys = append(o.keys, makeKey(rng))
	}
	slices.SortFunc(o.keys, bytes.Compare)
	o.keys = slices.CompactFunc(o.keys, bytes.Equal)
	return o
}

// makeKey returns a key, some of which are prefixes of others or lie at the ends of the order.
func makeKey(rng *rand.Rand) []byte {
	switch rng.IntN(4) {
	case 0:
		alphabet := []byte{0x00, 0x01, 'a', 0xff}
		k := make([]byte, 1+rng.IntN(4))
		for i := range k {
			k[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return k
	default:
		return fmt.Appendf(nil, "k/%03d", rng.IntN(200))
	}
}

// String prints the options for a report.
func (o options) String() string {
	c := o.config
	return fmt.Sprintf("%d lives, %d callers, up to %d operations, %d keys, %d%% sync, values to %d, batches to %d, pause %d, syncs to %v, full %v, huge %v, follow %v; "+
		"memtable %d, block %d, bloom %d, L0 trigger %d, table %d, base level %d, manifest %d, log %d in %d blocks, %d compactions, %d in flight, durability %d",
		o.lives, o.callers, o.operations, len(o.keys), o.syncPercent, o.valueBytes, o.batch, o.pause, o.times, o.full, o.huge, o.follow,
		c.MemtableBytes, c.BlockBytes, c.BloomBitsPerKey, c.L0CompactionTrigger, c.TargetFileBytes, c.BaseLevelBytes,
		c.ManifestBytes, c.LogBytes, c.LogBlocks, c.MaxCompactions, c.InFlightBytes, c.Durability)
}
