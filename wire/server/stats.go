package server

import (
	"maps"
	"slices"
	"strings"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/server/monitor"
)

// Activity implements monitor.Source.
func (s *Server) Activity() monitor.Activity {
	a := monitor.Activity{
		Accepted: s.accepted.Load(), Refused: s.refused.Load(), Rejected: s.rejected.Load(),
		BytesIn: s.bytesIn.Load(), BytesOut: s.bytesOut.Load(),
	}
	for _, c := range s.connections() {
		a.Connections++
		if c.phase.Load() == phaseReady {
			a.Sessions++
		}
		a.InFlight += int64(max(0, c.inFlight.Load()))
		a.UnsentBytes += max(0, c.out.unsent.Load())
		a.BytesIn += c.bytesIn.Load()
		a.BytesOut += c.bytesOut.Load()
		c.mu.Lock()
		a.Transactions += int64(len(c.txns))
		a.Cursors += int64(c.cursors)
		c.mu.Unlock()
	}
	for t := range s.operations {
		if !wire.Type(t).IsRequest() {
			continue
		}
		o := s.operations[t]
		a.Operations = append(a.Operations, monitor.Operation{
			Name: strings.ToLower(wire.Type(t).String()), Errors: o.errors.Load(), Latency: o.latency.Snapshot(),
		})
	}
	return a
}

// Stats returns what STATS answers.
func (s *Server) Stats() (*wire.Stats, error) {
	out := StatsOf(s.db)
	names, err := s.db.Keyspaces()
	if err != nil {
		return nil, err
	}
	out.Engine.Keyspaces = int64(len(names))
	uptime := s.o.Clock().Sub(s.started)
	for i := range out.Actors {
		a := &out.Actors[i]
		a.Busy = min(1, float64(a.BusyTime)/float64(max(1, uptime)))
	}
	a := s.Activity()
	for _, protocol := range slices.Sorted(maps.Keys(s.o.Beside)) {
		a.Add(s.o.Beside[protocol].Activity(), protocol)
	}
	out.Server = wire.ServerStats{
		Uptime: uint64(uptime), Connections: a.Connections, Sessions: a.Sessions, Accepted: a.Accepted, Refused: a.Refused,
		InFlight: a.InFlight, Txns: a.Transactions, Cursors: a.Cursors, BytesIn: a.BytesIn, BytesOut: a.BytesOut,
		Buffered: max(0, s.memory.used()), Statements: s.statements(),
	}
	for _, o := range a.Operations {
		count := int64(o.Latency.Count())
		if count == 0 {
			continue
		}
		out.Operations = append(out.Operations, wire.OperationStats{
			Name: o.Name, Count: count, Errors: o.Errors, Time: o.Latency.Sum,
			P50: o.Latency.Quantile(0.5), P99: o.Latency.Quantile(0.99), P999: o.Latency.Quantile(0.999), Max: o.Latency.Quantile(1),
			Latency: wire.AppendHistogram(nil, o.Latency),
		})
	}
	return out, nil
}

// StatsOf returns what a database says of itself, as STATS carries it.
func StatsOf(db *engine.DB) *wire.Stats {
	s := db.Stats()
	out := &wire.Stats{Levels: []wire.LevelStats{}, Actors: []wire.ActorStats{}, Operations: []wire.OperationStats{}}
	out.Engine = wire.EngineStats{
		LastSeq: s.LastSeq, DurableSeq: s.DurableSeq, MemtableBytes: s.MemtableBytes, MemtableKeys: int64(s.MemtableKeys),
		SealedMemtables: int64(s.SealedMemtables), ArenaBytes: s.ArenaBytes, CacheBytes: s.Cache.Bytes, CacheHits: s.Cache.Hits, CacheMisses: s.Cache.Misses,
		LogBytes: s.LogBytes, LogSyncs: s.LogSyncs, LogSyncTime: int64(s.LogSyncTime), Flushes: s.Flushes, FlushedBytes: s.FlushedBytes,
		Compactions: s.Compactions, CompactedIn: s.CompactedIn, CompactedOut: s.CompactedOut, CompactDebt: s.CompactDebt,
		Stalls: s.Stalls, WriteDelays: s.WriteDelays, WriteDelay: int64(s.WriteDelay), WriteQueued: s.WriteQueued,
		Txns: int64(s.Txns), Conflicts: s.Conflicts, Views: int64(s.Views),
		OldestViewKind: s.OldestView.Kind, OldestViewSeq: s.OldestView.Seq, OldestViewAge: int64(s.OldestView.Age),
	}
	e := &out.Engine
	e.Commits, e.WrittenBytes, e.LogKept = s.Commits, s.WrittenBytes, s.LogKept
	e.LogSyncLatency, e.Compacting, e.ObsoleteBytes = wire.AppendHistogram(nil, s.LogSync), s.Compacting, s.ObsoleteBytes
	e.StallTime, e.LogStalls, e.LogStallTime = int64(s.StallTime), s.LogStalls, int64(s.LogStallTime)
	e.WriteQueueTime = int64(s.WriteQueueTime)
	e.TableGets, e.FilterExcluded, e.FilterFound, e.FilterMissed = s.Lookups.Gets, s.Lookups.Excluded, s.Lookups.Found, s.Lookups.Missed
	e.TxnCommits, e.Feeds = s.TxnCommits, int64(s.Feeds)
	e.WriteAmp, e.ReadAmp, e.SpaceAmp = s.WriteAmplification(), int64(s.ReadAmplification()), s.SpaceAmplification()
	if s.ReadOnlyFrom != nil {
		out.Engine.ReadOnlyBecause = s.ReadOnlyFrom.Error()
	}
	for _, l := range s.Levels {
		out.Levels = append(out.Levels, wire.LevelStats{
			Level: int64(l.Level), Files: int64(l.Files), Bytes: l.Bytes, Entries: l.Entries, Tombstones: l.Tombstones, Score: l.Score,
		})
	}
	for _, a := range db.Actors() {
		out.Actors = append(out.Actors, wire.ActorStats{
			Name: a.Name, Depth: int64(a.Depth), Age: int64(a.Age), BusyTime: int64(a.Busy),
		})
	}
	return out
}
