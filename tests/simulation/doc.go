// Package simulation runs the whole engine, actors and callers and crashes, under a seeded scheduler.
// Everything else in tests/ leaves it to the machine what happens first; here a seed decides, and
// decides the same each time.
//
// # What a seed plays
//
// [Play] chooses options that make everything happen often: memtables, blocks, levels and log segments
// of a few hundred bytes, two log blocks, a door that lets one write in at a time. Then it plays
// lives. A life opens the database on a file system in memory, compares what is there with the model,
// and lets two to six callers put, for a time or for good, delete keys and ranges, merge, apply batches
// with and without Sync, run transactions, read, iterate, hold snapshots, flush, compact and give up,
// until they are done or the power fails: at a chosen call to
// the file system, recovery included, or between two steps. Some disks are full for a while. Some lives
// end with Close, a few of them under the callers; some only look, read-only. The next life gets what
// the disk kept: synced data, and of the rest nothing, everything, or torn pieces.
//
// # The scheduler
//
// It is an actors.Scheduler: one step is one actor handling a batch, one caller going on to where it
// must wait, or one timer. Actors and callers are coroutines, so exactly one runs at a time, and the
// seed chooses which: evenly, or with weights that starve some. A batch is a random prefix of what is
// queued. Actors are suspended in the middle of a batch too, before calls that change the disk, while
// others go on; syncs take a while. Time is simulated: it moves a little with each step, and jumps to
// the next timer when nothing else can go on, or early, if the seed likes.
//
// # What is checked
//
//   - What an opening finds is a prefix of the commits in the order in which the coordinator got
//     them, each whole. It has every Sync commit that was acknowledged or seen by a reader, all that
//     a flush or a wait for durability covered, and after Close everything acknowledged.
//   - A read shows a state between the newest one that anybody knew when it began and what was handed
//     over when it ended. A snapshot shows one state, and so does an iterator, whatever its moves.
//   - A feed yields every operation, in order and without a gap, and none that a crash takes back.
//   - A transaction conflicts exactly if something that it depends on was written since it began.
//   - A commit that is acknowledged was handed over, has the number that its place says, and one that is
//     refused was not handed over.
//   - Nobody waits for ever: if nothing can go on, the report says who waits for what.
//   - No actor fails or warns, unless the disk did first. After a crash all calls fail, and callers and
//     Close come to an end all the same.
//   - The same seed leaves the same trace, byte for byte: every message with sender and receiver, every
//     call that changes the disk, what callers did.
//
// That the checks can fail is shown by TestMissingSyncsAreFound, which lets syncs do nothing, and by
// tests/planted, which breaks actors one line at a time: answers before the sync, a lost rotation
// marker, a commit published too early, a wakeup that is missing.
//
// # Replaying
//
// A failure names its seed, the step and the command that plays it again with its trace:
//
//	go run ./tests/simulation/cmd/middb-sim --seed 1174 --trace
//	MIDDB_SEED=1174 go test ./tests/simulation -run '^TestSimulation$' -v
//
// Without MIDDB_SEED the test plays 10,000 seeds from MIDDB_BASE_SEED on, 1,000,000 if MIDDB_NIGHTLY is
// set, 300 with -short; middb-sim takes --count. A seed means the same run only as long as nobody
// changes what it chooses: note the commit beside it.
//
// # Adding an operation
//
// One function of caller and one line in operations (workload.go). What writes describes itself as a
// commit: which keys each of its operations writes, so that the model knows the state behind it. What
// reads compares with history: checkGet, follow, checkSeq. Whatever waits must wait through the
// Scheduler, or the simulation stands still; whatever takes time or chance must take it from Config. That
// holds for a mutex, too, which somebody keeps while he changes the disk: see wiring.lock in actors.
package simulation
