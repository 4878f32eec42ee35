package planted

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A bug replaces one piece of source, which must occur once, by another.
type bug struct {
	name     string
	file     string // within the module
	old, new string
	test     string // regular expression of the tests to run
	packages string // where they are
	sign     string // part of what the failing test must print
	always   bool   // run by make test, as the one of its kind of test, not only by make nightly
}

const (
	modelTest    = "^TestEngineAgreesWithModel$"
	modelPackage = "./tests/model"
	crashTest    = "^TestCrashAnywhereKeepsAcknowledgedCommits$"
	damageTest   = "^TestDamageAnywhereIsFoundOrHarmless$"
	sweepPackage = "./tests/crash"
	simTest      = "^TestSimulation$"
	simPackage   = "./tests/simulation"
	historyTest  = "^TestRandomHistories$"
	isolation    = "./tests/isolation"
	seedSign     = "MIDDB_SEED="
	relations    = "./relation"
	racesTest    = "^TestNoOrderOfTransactionsBreaksConstraints$"
	tablesTest   = "^TestTablesAgreeWithModel$"
	network      = "./tests/wire"
	tableCrash   = "^TestCrashAnywhereKeepsTablesWhole$"
	treesTest    = "^TestTrees"
	enginePkg    = "./engine"
	linearTest   = "^TestSingleKeysAreLinearizableThroughKills$"
	bankTest     = "^TestBankKeepsItsMoneyThroughKills$"

	expressionTest = "^TestRandomExpressionsAgreeWithOracle$"
	expressions    = "./planner/expr"
)

// hostile is the test of one attack on a server.
func hostile(attack string) string {
	return "^TestHostileClientsHarmNobodyElse$/^" + strings.ReplaceAll(attack, " ", "_") + "$"
}

var bugs = []bug{
	{
		name: "a tombstone is dropped while a deeper level has the key",
		file: "levels/build.go",
		old:  "bottom && t.Kind() == key.KindDelete {",
		new:  "t.Kind() == key.KindDelete {",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "the log is not synced",
		file: "actors/logwriter.go",
		old:  "if err := w.core.Sync(); err != nil {",
		new:  "if err := error(nil); err != nil {",
		test: modelTest, packages: modelPackage, sign: seedSign, always: true,
	},
	{
		name: "the checksum of an sstable block is not verified",
		file: "sstable/codec.go",
		old:  "blockChecksum(fileNum, offset, p[:n+5]); got != want {",
		new:  "blockChecksum(fileNum, offset, p[:n+5]); false && got != want {",
		test: "^TestEveryFlippedByteIsFound$", packages: "./sstable", sign: "TestEveryFlippedByteIsFound",
	},
	{
		name: "the checksum of a log chunk is not verified",
		file: "wal/scan.go",
		old:  "if chunkCRC(b, s.seed, off) != crc {",
		new:  "if false && chunkCRC(b, s.seed, off) != crc {",
		test: "^TestRecoverNoticesEveryFlip$", packages: "./wal", sign: "TestRecoverNoticesEveryFlip",
	},
	{
		name: "a tombstone is dropped while a deeper level has the key, among crashes",
		file: "levels/build.go",
		old:  "bottom && t.Kind() == key.KindDelete {",
		new:  "t.Kind() == key.KindDelete {",
		test: crashTest, packages: sweepPackage, sign: seedSign, always: true,
	},
	{
		name: "a torn log is not synced by recovery",
		file: "wal/recover.go",
		old:  "return errors.Join(f.Sync(), f.Close())",
		new:  "return f.Close()",
		test: "^TestFaultAnywhereLosesNothing$/^killed$", packages: sweepPackage, sign: seedSign,
	},
	{
		name: "the checksum of an sstable block is not verified, in a database",
		file: "sstable/codec.go",
		old:  "blockChecksum(fileNum, offset, p[:n+5]); got != want {",
		new:  "blockChecksum(fileNum, offset, p[:n+5]); false && got != want {",
		test: damageTest, packages: sweepPackage, sign: seedSign, always: true,
	},
	{
		name: "the checksum of a log chunk is not verified, in a database",
		file: "wal/scan.go",
		old:  "if chunkCRC(b, s.seed, off) != crc {",
		new:  "if false && chunkCRC(b, s.seed, off) != crc {",
		test: damageTest, packages: sweepPackage, sign: seedSign,
	},
	{
		name: "the checksum of a CURRENT file is not verified",
		file: "levels/manifest.go",
		old:  "binary.LittleEndian.Uint32(p[currentBytes-4:]); got != want {",
		new:  "binary.LittleEndian.Uint32(p[currentBytes-4:]); false && got != want {",
		test: damageTest, packages: sweepPackage, sign: seedSign,
	},
	{
		name: "the manifest is not synced",
		file: "levels/set.go",
		old:  "if err := s.m.f.SyncData(); err != nil {",
		new:  "if err := error(nil); err != nil {",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "level 0 is searched oldest first",
		file: "levels/version.go",
		old:  "for _, t := range v.Levels[0] {\n\t\tif t.holds(k) {\n\t\t\tif out",
		new:  "for _, t := range slices.Backward(v.Levels[0]) {\n\t\tif t.holds(k) {\n\t\t\tif out",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "sealed memtables are searched oldest first",
		file: "engine/read.go",
		old:  "for _, m := range state.Sealed {\n\t\tif v",
		new:  "for i := range state.Sealed {\n\t\tm := state.Sealed[len(state.Sealed)-1-i]\n\t\tif v",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a snapshot sees later commits",
		file: "engine/snapshot.go",
		old:  "snap.db.read(snap.view.State, snap.view.Seq,",
		new:  "snap.db.read(snap.view.State, 1<<56-1,",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a range delete ends where a table does",
		file: "levels/output.go",
		old:  "if o.ranges[0].Start = at; bytes.Equal(at, r.End) {",
		new:  "if o.ranges[0].Start = at; true {",
		test: "^TestCompactionMatchesModel$", packages: "./levels", sign: "seed",
	},
	{
		name: "a range delete is dropped while a deeper level has something in it",
		file: "levels/ranges.go",
		old:  "if lo == nil {",
		new:  "if lo == nil || len(lo) > 0 {",
		test: "^TestCompactionMatchesModel$", packages: "./levels", sign: "seed",
	},
	{
		name: "what sources say to a merge is folded as they met",
		file: "iterator/fold.go",
		old:  "return a.age - b.age",
		new:  "return 0 * (a.age - b.age)",
		test: "^TestRangesAndMergesMatchModel$", packages: "./iterator", sign: "seed",
	},
	{
		name: "a page of a durable checkpoint is used again before the next one is durable",
		file: "page/checkpoint.go",
		old:  "f.frozen = f.Seal() // this hold is the checkpoint's",
		new:  "f.frozen = f.Seal()\n\tf.Release(f.durable)\n\tf.durable = 0",
		test: "^TestFileModel$", packages: "./bplustree", sign: seedSign, always: true,
	},
	{
		name: "a page that a snapshot sees is used again",
		file: "page/held.go",
		old:  "if n == 0 || (*h)[n-1].generation < p.made {",
		new:  "if n == 0 || (*h)[n-1].generation <= p.made {",
		test: "^TestFileModel$", packages: "./bplustree", sign: seedSign,
	},
	{
		name: "a page of an older generation is changed in its place",
		file: "page/memory.go",
		old:  "	if p.Generation() == m.generation {\n		return id, p, nil",
		new:  "	if p.Generation()+1 >= m.generation {\n		return id, p, nil",
		test: "^TestModel$", packages: "./bplustree", sign: seedSign,
	},
	{
		name: "a page keeps its prefix when it is merged with its neighbour",
		file: "bplustree/tree.go",
		old:  "if prefix := common(low, high); size(",
		new:  "if prefix := left.prefix(); len(prefix) <= len(common(low, t.key)) && size(",
		test: "^TestModel$", packages: "./bplustree", sign: seedSign,
	},
	{
		name: "a cursor does not look into the next leaf when it is moved to behind the last entry of one",
		file: "bplustree/cursor.go",
		old:  "func(p *node) int { return p.place(k) }) && c.forward()",
		new:  "func(p *node) int { return p.place(k) }) && c.path[len(c.path)-1].index < c.path[len(c.path)-1].count()",
		test: "^TestModel$", packages: "./bplustree", sign: seedSign,
	},
	{
		name: "rows that are older than a column have NULL in it",
		file: "catalog/decoder.go",
		old:  "constant{out, c.Missing}",
		new:  "constant{out, Value{}}",
		test: "^TestRowsOutliveChangesOfTheSchema$", packages: "./catalog", sign: seedSign,
	},
	{
		name: "a decimal that has got another scale is read as it was stored",
		file: "catalog/decoder.go",
		old:  "case stored.kind != t.Kind || stored.scale != t.Scale:",
		new:  "case stored.kind != t.Kind:",
		test: "^TestRowsOutliveChangesOfTheSchema$", packages: "./catalog", sign: seedSign,
	},
	{
		name: "decimals are compared with floats as floats",
		file: "catalog/compare.go",
		old:  "return compareDecimalFloat(a.n, a.scale, b.float())",
		new:  "return compareFloats(a.AsFloat(), b.float())",
		test: "^TestNumbersCompareExactly$", packages: "./catalog", sign: seedSign,
	},
	{
		name: "rows with NULL have the same key in a unique index",
		file: "catalog/key.go",
		old:  "case null >= 0:",
		new:  "case null >= len(row):",
		test: "^TestUniqueIndexesDoNotCollideInNulls$", packages: "./catalog", sign: "rows with NULL have the same key",
	},
	{
		name: "trees are frozen after the next commit is applied",
		file: "actors/memowner.go",
		old:  "	o.freezeBefore(c.first)\n",
		new:  "	defer o.freezeBefore(c.first)\n",
		test: tableCrash, packages: sweepPackage, sign: seedSign,
	},
	{
		name: "a flush takes the trees of another memtable",
		file: "actors/memowner.go",
		old:  "lastSeq: s.lastSeq, checkpoint: s.checkpoint",
		new:  "lastSeq: s.lastSeq, checkpoint: o.sealed[len(o.sealed)-1].checkpoint",
		test: tableCrash, packages: sweepPackage, sign: seedSign,
	},
	{
		name: "trees are not published with every commit",
		file: "actors/memowner.go",
		old:  "	if !o.forest.Changed() {",
		new:  "	if !o.forest.Changed() || o.visible%2 == 0 {",
		test: treesTest, packages: enginePkg, sign: "FAIL: TestTrees",
	},
	{
		name: "trees that readers hold are released",
		file: "actors/memowner.go",
		old:  "if old != nil && old.drop() {",
		new:  "if old != nil && (old.drop() || true) {",
		test: treesTest, packages: enginePkg, sign: "FAIL: TestTrees",
	},
	{
		name: "a page is recycled although the generation that made it is held",
		file: "page/held.go",
		old:  "(*h)[n-1].generation < p.made {",
		new:  "(*h)[n-1].generation <= p.made {",
		test: treesTest, packages: enginePkg, sign: "FAIL: TestTrees",
	},
	{
		name: "a tree that was cleared is no change",
		file: "bplustree/forest.go",
		old:  "	f.unsealed, f.unfrozen = true, true\n	delete(f.trees, number)",
		new:  "	f.unsealed = true\n	delete(f.trees, number)",
		test: tableCrash, packages: sweepPackage, sign: seedSign,
	},
	{
		name: "recovery replays no operations on trees",
		file: "engine/open.go",
		old:  "err = actors.ApplyTreeOp(db.forest, kind, k, v)",
		new:  "err = nil",
		test: treesTest, packages: enginePkg, sign: "FAIL: TestTrees", always: true,
	},
	{
		name: "recovery freezes trees for the last memtable only",
		file: "engine/open.go",
		old:  "r.tables[last].Checkpoint = db.forest.Freeze()",
		new:  "_ = last",
		test: tableCrash, packages: sweepPackage, sign: seedSign,
	},
	{
		name: "the upper bound is inclusive",
		file: "iterator/bounded.go",
		old:  "bytes.Compare(b.src.Key(), b.upper) >= 0",
		new:  "bytes.Compare(b.src.Key(), b.upper) > 0",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a merge that fails ends a walk over keys",
		file: "iterator/bounded.go",
		old:  "case b.keysOnly && errors.Is(err, merge.ErrOperator):",
		new:  "case false && errors.Is(err, merge.ErrOperator):",
		test: "^TestFailingMergeIsThereButForItsValue$", packages: "./engine", sign: " keys, then ",
	},
	{
		name: "a feed misses the first commit of each log segment",
		file: "wal/tail.go",
		old:  "if last < t.next {",
		new:  "if last < t.next || sc.start < 100 {",
		test: "^TestFeedsYieldEveryCommitInOrder$", packages: "./engine", sign: "feed from ",
	},
	{
		name: "a feed is not woken when commits become visible",
		file: "actors/memowner.go",
		old:  "	o.wakeFeeds()\n",
		new:  "",
		test: "^TestFeedSeesNoSyncCommitsInBoundedTime$", packages: "./engine", sign: "Next does not return",
	},
	{
		name: "a feed delivers what is visible and not durable",
		file: "actors/feeds.go",
		old:  "return min(f.graph.Durable(), f.graph.Visible())",
		new:  "return f.graph.Visible()",
		test: "^TestFeedDeliversOnlyWhatSurvivesCrashes$", packages: "./engine", sign: "TestFeedDeliversOnlyWhatSurvivesCrashes", always: true,
	},
	{
		name: "open feeds hold no log back",
		file: "actors/feeds.go",
		old:  "keep.From = at\n",
		new:  "_ = at\n",
		test: "^TestFeedsYieldEveryCommitInOrder$", packages: "./engine", sign: "does not reach back",
	},
	{
		name: "a tail takes a stale chunk of a reused file",
		file: "wal/scan.go",
		old:  "if chunkCRC(b, s.seed, off) != crc {",
		new:  "if false && chunkCRC(b, s.seed, off) != crc {",
		test: "^TestTail", packages: "./wal", sign: "FAIL: TestTail",
	},
	{
		name: "a Sync commit is answered before it is durable",
		file: "actors/memowner.go",
		old:  "for c != nil && (!c.Sync || c.last() <= o.durable) && !o.broken {",
		new:  "for c != nil {",
		test: simTest, packages: simPackage, sign: seedSign, always: true,
	},
	{
		name: "a commit is published before one that it follows",
		file: "actors/memowner.go",
		old:  "for c != nil && (!c.Sync || c.last() <= o.durable) && !o.broken {",
		new:  "for c != nil && (!c.Sync || c.last() <= o.durable || c.next != nil) {",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "half a commit is visible",
		file: "actors/memowner.go",
		old:  "o.published.visible.Store(last)",
		new:  "o.published.visible.Store(last + 1)",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "the memtable owner gets no marker of a rotation",
		file: "actors/coordinator.go",
		old:  "c.out.push(&own(&rotateMemtable{lastSeq: last, fresh: fresh}).node)",
		new:  "_ = fresh",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "the log writer gets no marker of a rotation",
		file: "actors/coordinator.go",
		old:  "c.wiring.logWriter.post(own(&rotateLog{ended: ended, number: start.Number, lastSeq: last}))",
		new:  "_ = start",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "the coordinator is not told of a flush",
		file: "actors/memowner.go",
		old:  "o.coordinator.post(own(&memtablesFlushed{count: flushed, flushedSeq: m.flushedSeq}))",
		new:  "_ = flushed",
		test: simTest, packages: simPackage, sign: "deadlock",
	},
	{
		name: "the log is released before its memtable is flushed",
		file: "actors/memowner.go",
		old:  "o.logWriter.post(own(&releaseLog{flushedSeq: m.flushedSeq}))",
		new:  "o.logWriter.post(own(&releaseLog{flushedSeq: o.visible}))",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "who leaves the door wakes nobody",
		file: "actors/door.go",
		old:  "if d.waiters.Load() > 0 {",
		new:  "if d.waiters.Load() > 1 {",
		test: simTest, packages: simPackage, sign: "deadlock",
	},
	{
		name: "a failure wakes nobody",
		file: "actors/alarm.go",
		old:  "close(old.raised)",
		new:  "_ = old",
		test: simTest, packages: simPackage, sign: "deadlock",
	},
	{
		name: "the log writer lets nobody in when there is space again",
		file: "actors/logwriter.go",
		old:  "w.alarms.resume(logWriterName)",
		new:  "_ = logWriterName",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "a transaction commits although what it read was written",
		file: "actors/examine.go",
		old:  "if err := c.recent.Check(m.Txn); err != nil {",
		new:  "if err := c.recent.Check(m.Txn); err != nil && m.Txn == nil {",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "a feed delivers what is visible and not durable, to a crash",
		file: "actors/feeds.go",
		old:  "return min(f.graph.Durable(), f.graph.Visible())",
		new:  "return f.graph.Visible()",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "tables go while somebody reads them",
		file: "actors/memowner.go",
		old:  "old.Unref()",
		new:  "old.Unref()\n\told.Unref()",
		test: simTest, packages: simPackage, sign: seedSign,
	},
	{
		name: "what a transaction writes is not checked",
		file: "mvcc/recent.go",
		old:  "return r.CheckKey(k, f.View)",
		new:  "return nil",
		test: historyTest, packages: isolation, sign: seedSign, always: true,
	},
	{
		name: "a transaction is checked from a View that is too new",
		file: "engine/txn.go",
		old:  "t.reads.footprint(t.view.Seq)",
		new:  "t.reads.footprint(t.db.published.Visible())",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "keys that a transaction has read are not checked",
		file: "mvcc/recent.go",
		old:  "range f.Keys {",
		new:  "range f.Keys[:0] {",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "keys that a transaction has not found are not checked",
		file: "engine/txnkeyspace.go",
		old:  "\t\ttxn.reads.key(sk)\n",
		new:  "\t\tif _, found, _ := txn.read(nil, sk, false); found {\n\t\t\ttxn.reads.key(sk)\n\t\t}\n",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "ranges that a transaction has read are not checked",
		file: "mvcc/recent.go",
		old:  "return r.CheckSpans(f.Spans, f.View)",
		new:  "return r.CheckSpans(nil, f.View)",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "the first key of a range is not checked",
		file: "mvcc/recent.go",
		old:  "bytes.Compare(spans[j].Start, k) <= 0",
		new:  "bytes.Compare(spans[j].Start, k) < 0",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "what lies behind the last key of a range is not checked",
		file: "engine/readset.go",
		old:  "\t\tr.to = append(r.to[:0], r.upper...)\n\t\treturn",
		new:  "\t\treturn",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "a transaction reads what is newest",
		file: "engine/txnkeyspace.go",
		old:  "v, _, found, err = db.read(txn.view.State, txn.view.Seq,",
		new:  "v, _, found, err = db.read(db.published.State(), db.published.Visible(),",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "a View ends within a commit",
		file: "actors/view.go",
		old:  "seq = p.visible.Load()",
		new:  "seq = max(p.visible.Load(), 1) - 1",
		test: historyTest, packages: isolation, sign: seedSign,
	},
	{
		name: "a flush forgets the range deletes",
		file: "actors/flusher.go",
		old:  "table.RangeDeletes(m.lastSeq), f.expiryTime()",
		new:  "nil, f.expiryTime()",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a transaction loses its own writes in reverse",
		file: "engine/txnkeyspace.go",
		old:  "if !txn.overlay.empty() {",
		new:  "if !txn.overlay.empty() && !o.Reverse {",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "range deletes conflict with nothing",
		file: "mvcc/recent.go",
		old:  "bytes.Compare(w.Start, k) <= 0 && bytes.Compare(k, w.End) < 0 {",
		new:  "false && bytes.Compare(w.Start, k) <= 0 && bytes.Compare(k, w.End) < 0 {",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "what was read for update counts for the reader only",
		file: "actors/examine.go",
		old:  "c.recent.Write(k, m.last())",
		new:  "_ = k",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "values expire a nanosecond late",
		file: "engine/read.go",
		old:  "if !ok || expiry <= now {",
		new:  "if !ok || expiry < now {",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "time goes back with the clock",
		file: "engine/clock.go",
		old:  "if t <= latest {\n\t\t\treturn latest",
		new:  "if t <= latest {\n\t\t\treturn t",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "the time is forgotten when the database is closed",
		file: "engine/db.go",
		old:  "levels.Edit{Time: db.clock.now()}",
		new:  "levels.Edit{}",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "operands go with the value that expires",
		file: "merge/fold.go",
		old:  "\t\t\titems[0] = item{typ: itemNothing}\n",
		new:  "\t\t\treturn Entry{Kind: key.KindDelete}\n",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "operands of different sources are added in the wrong order",
		file: "iterator/fold.go",
		old:  "return a.age - b.age",
		new:  "return b.age - a.age",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a range that is known to be clear has an inclusive end",
		file: "iterator/cover.go",
		old:  "(s.end == nil || bytes.Compare(k, s.end) < 0)",
		new:  "(s.end == nil || bytes.Compare(k, s.end) <= 0)",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "range deletes stay when they are rolled back",
		file: "engine/undo.go",
		old:  "o.points, o.ranges = c.old.points, c.old.ranges",
		new:  "o.points = c.old.points",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a write that replaced another one is not undone",
		file: "engine/undo.go",
		old:  "o.points.Set(c.key, c.old.entry)",
		new:  "_ = c.old.entry",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a transaction writes to the nodes that its iterators walk over",
		file: "engine/undo.go",
		old:  "if l.open.Load() > 0 {",
		new:  "if l.open.Load() > 1 {",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "after a rollback operations are written over what an iterator reads",
		file: "engine/undo.go",
		old:  "return l.open.Load() > 0",
		new:  "return false",
		test: "^TestOverlayForgetsWhatIsRolledBack$", packages: "./engine", sign: "seed",
	},
	{
		name: "a node that clones share is changed in its place",
		file: "cowtree/map.go",
		old:  "if c.owner != m.owner {",
		new:  "if c.owner != m.owner && c.children != nil {",
		test: "^TestMapMatchesModelAndClonesStay$", packages: "./cowtree", sign: seedSign,
	},
	{
		name: "of keys with equal beginnings the first is taken",
		file: "cowtree/node.go",
		old:  "low, high := i+1, len(s.heads)",
		new:  "low, high := i+1, i+1",
		test: "^TestMapMatchesModelAndClonesStay$", packages: "./cowtree", sign: seedSign,
	},
	{
		name: "two keyspaces get one number",
		file: "engine/keyspace.go",
		old:  "binary.BigEndian.Uint32(id)+1)",
		new:  "binary.BigEndian.Uint32(id))",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a dropped keyspace takes commits",
		file: "actors/examine.go",
		old:  "if err := g.Check(); err != nil {\n\t\t\treturn err",
		new:  "if err := g.Check(); err != nil {\n\t\t\tbreak",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a put that expects an operation accepts newer ones",
		file: "engine/update.go",
		old:  "case last != seq:",
		new:  "case last < seq:",
		test: modelTest, packages: modelPackage, sign: seedSign,
	},
	{
		name: "a server takes Sync for NoSync",
		file: "wire/server/conn.go",
		old:  "case wire.Sync:\n\t\treturn engine.Sync, nil",
		new:  "case wire.Sync:\n\t\treturn engine.NoSync, nil",
		test: linearTest, packages: network, sign: seedSign, always: true,
	},
	{
		name: "a server commits transactions without syncing them",
		file: "wire/server/txn.go",
		old:  "if o.Durability, err = c.durability(m.Durability); err != nil {",
		new:  "if o.Durability = engine.NoSync; err != nil {",
		test: bankTest, packages: network, sign: seedSign,
	},
	{
		name: "a server answers a commit before it makes it",
		file: "wire/server/txn.go",
		old:  "return t.txn.CommitContext(r.ctx)",
		new:  "go t.txn.CommitContext(c.ctx)\n\t\treturn nil",
		test: bankTest, packages: network, sign: seedSign,
	},
	{
		name: "a put over the network that expects an operation accepts newer ones",
		file: "engine/update.go",
		old:  "case last != seq:",
		new:  "case last < seq:",
		test: linearTest, packages: network, sign: seedSign,
	},
	{
		name: "a client sends writes again whose answer it did not get",
		file: "wire/client/errors.go",
		old:  "return u.lost && (!u.sent || e == repeatable)",
		new:  "return u.lost",
		test: linearTest, packages: network, sign: seedSign,
	},
	{
		name: "transactions outlive their connection",
		file: "wire/server/conn.go",
		old:  "\tc.streams.Wait()\n\tc.endTxns()\n",
		new:  "\tc.streams.Wait()\n",
		test: hostile("dropped transactions"), packages: network, sign: "the server still has",
	},
	{
		name: "bodies are not validated",
		file: "wire/frame.go",
		old:  "return Frame{h, body}, Validate(body)",
		new:  "return Frame{h, body}, nil",
		test: hostile("deep nesting"), packages: network, sign: "FAIL: TestHostileClientsHarmNobodyElse",
	},
	{
		name: "memory is taken for what a compressed body becomes",
		file: "wire/frame.go",
		old:  "io.LimitReader(yielding{r.inflater}, n+1)",
		new:  "yielding{r.inflater}",
		test: hostile("compressed bombs"), packages: network, sign: "FAIL: TestHostileClientsHarmNobodyElse",
	},
	{
		name: "clients that do not read are never cut off",
		file: "wire/server/out.go",
		old:  "least, most := o.c.server.o.WriteTimeout, o.c.server.o.WriteTimeout",
		new:  "least, most := time.Hour, time.Hour",
		test: hostile("never reading"), packages: network, sign: "FAIL: TestHostileClientsHarmNobodyElse",
	},
	{
		name: "a login may take for ever",
		file: "wire/server/input.go",
		old:  "if err := c.setReadDeadline(time.Now().Add(c.server.o.LoginTimeout)); err != nil {",
		new:  "if err := c.setReadDeadline(time.Time{}); err != nil {",
		test: hostile("slow login"), packages: network, sign: "the connection is still open",
	},
	{
		name: "a frame may take for ever",
		file: "wire/server/input.go",
		old:  "return c.setReadDeadline(time.Now().Add(c.server.o.FrameTimeout))",
		new:  "return nil",
		test: hostile("slow frames"), packages: network, sign: "the connection is still open",
	},
	{
		name: "there may be any number of connections",
		file: "wire/server/server.go",
		old:  "case len(s.conns) >= s.o.MaxConnections:",
		new:  "case len(s.conns) >= 1<<30:",
		test: hostile("many connections"), packages: network, sign: "FAIL: TestHostileClientsHarmNobodyElse",
	},
	{
		name: "everybody may do everything",
		file: "wire/server/auth.go",
		old:  "return c.who.Load().May(role, keyspace)",
		new:  "return c.who.Load().May(min(role, users.Read), keyspace)",
		test: "^TestRolesAllowWhatTheyShould$", packages: network, sign: "allowed: false",
	},
	{
		name: "a row does not depend on its parent",
		file: "relation/foreign.go",
		old:  "\tt.tables.txn.DependOn(p.space, k)\n",
		new:  "",
		test: racesTest, packages: relations, sign: "serializable false, order", always: true,
	},
	{
		name: "a parent that is deleted does not depend on its children",
		file: "relation/children.go",
		old:  "\tt.tables.txn.DependOnRange(s, prefix, upper)\n",
		new:  "",
		test: racesTest, packages: relations, sign: "serializable false, order",
	},
	{
		name: "a row does not depend on the schema",
		file: "relation/table.go",
		old:  "t.tables.txn.DependOn(catalogSpace, t.shape.key)",
		new:  "_ = catalogSpace",
		test: racesTest, packages: relations, sign: "serializable false, order",
	},
	{
		name: "a change of a schema does not depend on the rows that it has looked at",
		file: "relation/alter.go",
		old:  "\tt.txn.DependOnRange(a.old.rows, nil, nil)\n",
		new:  "",
		test: racesTest, packages: relations, sign: "serializable false, order",
	},
	{
		name: "a parent does not depend on who its children are",
		file: "relation/foreign.go",
		old:  "\tt.tables.txn.DependOn(catalogSpace, idKey(referencesPrefix, t.id))\n",
		new:  "",
		test: racesTest, packages: relations, sign: "serializable false, order",
	},
	{
		name: "a row that an index has not reached is deleted unnoticed",
		file: "relation/update.go",
		old:  "\t\t\ttxn.DependOn(ix.space, k)\n",
		new:  "",
		test: "^TestIndexIsBuiltBesideWritersAtEveryStep$", packages: relations, sign: "begins before operation",
	},
	{
		name: "the building of an index does not depend on the rows that it reads",
		file: "relation/build.go",
		old:  "\ttxn.DependOnRange(h.shape.rows, b.next, upper)\n",
		new:  "\t_ = upper\n",
		test: "^TestIndexIsBuiltBesideWritersAtEveryStep$", packages: relations, sign: "begins before operation",
	},
	{
		name: "half a statement stays",
		file: "relation/statement.go",
		old:  "rollback := t.txn.RollbackTo(t.statement.point)",
		new:  "rollback := error(nil)",
		test: "^TestViolationsAreErrorsAndLeaveNothing$", packages: relations, sign: "before map",
	},
	{
		name: "unique values are not looked up",
		file: "relation/insert.go",
		old:  "if found && !bytes.Equal(t.parentData, own) {",
		new:  "if found && len(own) > 1<<20 {",
		test: tablesTest, packages: relations, sign: seedSign,
	},
	{
		name: "a row that waits for its parent may move away",
		file: "relation/update.go",
		old:  "if orphan || differ(t.old, t.row, f.columns) {",
		new:  "if _ = orphan; differ(t.old, t.row, f.columns) {",
		test: tablesTest, packages: relations, sign: seedSign,
	},
	{
		name: "operators bind to the right",
		file: "planner/parser/operator.go",
		old:  "right, err := p.expression(precedence + 1)",
		new:  "right, err := p.expression(precedence)",
		test: "^TestRandomTreesPrintToTheSameTree$", packages: "./planner/parser", sign: seedSign,
	},
	{
		name: "UNION on the right of UNION is printed without parentheses",
		file: "planner/ast/print_query.go",
		old:  "p.body(o.Right, ok && (o.Kind.Tight() || !right.Kind.Tight()))",
		new:  "p.body(o.Right, ok && o.Kind.Tight() && !right.Kind.Tight())",
		test: "^TestRandomStatementsPrintToTheSameTree$", packages: "./planner/parser", sign: seedSign,
	},
	{
		name: "a quotient is rounded towards zero at a half",
		file: "planner/expr/decimal.go",
		old:  "twice := rest.plus(rest); !twice.less(y)",
		new:  "twice := rest.plus(rest); (wide{hi: y.hi, lo: y.lo}).less(twice)",
		test: expressionTest, packages: expressions, sign: seedSign,
	},
	{
		name: "NULL and false is NULL",
		file: "planner/expr/logic.go",
		old:  "case v.AsBool() == decisive:",
		new:  "case v.AsBool() == decisive && !result.IsNull():",
		test: expressionTest, packages: expressions, sign: seedSign, always: true,
	},
	{
		name: "a sum that overflows to the other side goes unnoticed",
		file: "planner/expr/arithmetic.go",
		old:  "if (x^sum)&(y^sum) < 0 {",
		new:  "if x > 0 && y > 0 && sum < 0 {",
		test: expressionTest, packages: expressions, sign: seedSign,
	},
	{
		name: "LEFT JOIN leaves out rows without a partner",
		file: "planner/exec/joiner.go",
		old:  "j.keepProbe = kind == plan.FullJoin || kind == plan.LeftJoin && probeLeft",
		new:  "j.keepProbe = kind == plan.FullJoin",
		test: "^TestOwnFiles$", packages: "./tests/sqllogic", sign: "outer_joins.slt:",
	},
	{
		name: "a hash join with the left side in its table leaves out rows without a partner",
		file: "planner/exec/joiner.go",
		old:  "kind == plan.LeftJoin && !probeLeft ||",
		new:  "false ||",
		test: "^TestPlansAgree$", packages: "./tests/differential", sign: "seed ",
	},
	{
		name: "NOT NULL is true",
		file: "planner/expr/evaluate.go",
		old:  "return strict(args[0], func(v catalog.Value) (catalog.Value, error) { return catalog.BoolOf(!v.AsBool()), nil })",
		new: "return func(f frame) (catalog.Value, error) { v, err := args[0](f); " +
			"return catalog.BoolOf(v.IsNull() || !v.AsBool()), err }",
		test: "^TestConditionsPartition$", packages: "./tests/differential", sign: "seed ",
	},
	{
		name: "a hash join does not see the partner of the first row of a batch",
		file: "planner/exec/hashjoin.go",
		old:  "case h.chains.heads[k] != 0:",
		new:  "case h.chains.heads[k] != 0 && k > 0:",
		test: "^TestAnswers$", packages: "./tests/tpch", sign: "TestAnswers/",
	},
}

func TestPlantedBugsAreFound(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bugs {
		t.Run(strings.ReplaceAll(b.name, " ", "_"), func(t *testing.T) {
			if !b.always && os.Getenv("MIDDB_NIGHTLY") == "" {
				t.Skip("make nightly plants this one")
			}
			output, failed := b.plant(t, root)
			switch {
			case !failed:
				t.Errorf("nothing was found:\n%s", tail(output))
			case !strings.Contains(output, b.sign):
				t.Errorf("the test failed, but does not say %q:\n%s", b.sign, tail(output))
			}
		})
	}
}

// plant runs the test with the bug in it, and returns what it printed and whether it failed.
func (b bug) plant(t *testing.T, root string) (output string, failed bool) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(b.file))
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), b.old); n != 1 {
		t.Fatalf("%s has %d places like this, not one: plant the bug anew\n%s", b.file, n, b.old)
	}
	dir := t.TempDir()
	mutant, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	write(t, mutant, []byte(strings.Replace(string(source), b.old, b.new, 1)))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, overlay, replace)
	cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-failfast", "-timeout=120s", "-run", b.test, b.packages)
	cmd.Dir = root
	// By the environment, the bug is in programs as well that the test builds.
	flags := strings.TrimSpace(os.Getenv("GOFLAGS") + " -overlay=" + overlay)
	cmd.Env = append(os.Environ(), "GOFLAGS="+flags, "MIDDB_MODEL_OPS=200000", "MIDDB_NIGHTLY=")
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "[build failed]") {
		t.Fatalf("the bug does not compile:\n%s", out)
	}
	return string(out), err != nil
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func tail(s string) string { return s[max(0, len(s)-2000):] }
