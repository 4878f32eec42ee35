package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// A rangeDeleter can delete a range of keys in one operation.
type rangeDeleter interface {
	// DeleteRange deletes the keys from lower, inclusive, to upper, exclusive.
	DeleteRange(lower, upper []byte) error
	// Compact brings everything between two keys to the deepest level.
	Compact(ctx context.Context, lower, upper []byte) error
}

// A rangeDeletion is how long a range deletion took and the first seek over what it deleted: while the
// deletion was fresh, after it had settled, and after compaction of the whole, in nanoseconds.
type rangeDeletion struct {
	Delete, Fresh, Settled, Compacted int64
}

// runRangeDelete deletes every entry but the last in one operation and seeks over them: from the first, by the
// workers from any, to the last. No seek reads what lies between.
func runRangeDelete(m *measurement) error {
	first, last := m.entryKey(0), m.entryKey(m.keys.entries-1)
	start := now()
	if err := m.store.(rangeDeleter).DeleteRange(first, last); err != nil {
		return fmt.Errorf("delete a range: %w", err)
	}
	m.result.Ranges.Delete = now() - start
	var err error
	if m.result.Ranges.Fresh, err = m.seekOver(first, last); err != nil {
		return fmt.Errorf("while the deletion is fresh: %w", err)
	}
	return m.parallel(func(w *worker) error {
		for range w.share {
			m.keys.key(w.key, w.random.below(2*m.keys.entries-1))
			start := now()
			err := m.seekTo(w.key, last)
			end := now()
			if err != nil {
				return err
			}
			if !w.record(start, end) {
				return nil
			}
		}
		return nil
	})
}

// checkRangeDelete times the first seek again: now that the deletion has settled, and after compaction.
func checkRangeDelete(m *measurement) (err error) {
	first, last := m.entryKey(0), m.entryKey(m.keys.entries-1)
	if m.result.Ranges.Settled, err = m.seekOver(first, last); err != nil {
		return fmt.Errorf("with the deletion settled: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	if err = m.store.(rangeDeleter).Compact(ctx, first, append(last, 0)); err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	if m.result.Ranges.Compacted, err = m.seekOver(first, last); err != nil {
		return fmt.Errorf("after compaction: %w", err)
	}
	return nil
}

func (m *measurement) entryKey(entry uint64) []byte {
	k := make([]byte, keyBytes)
	m.keys.key(k, 2*entry)
	return k
}

// seekOver times a seek that must find last.
func (m *measurement) seekOver(first, last []byte) (nanoseconds int64, err error) {
	start := now()
	err = m.seekTo(first, last)
	return now() - start, err
}

// seekTo opens an iterator, seeks to k, where it must find last and nothing behind it, and closes it.
func (m *measurement) seekTo(k, last []byte) (err error) {
	it, err := m.store.Scan(false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	if !it.Seek(k) || !bytes.Equal(it.Key(), last) {
		return fmt.Errorf("wrong answer: seek %q over deleted keys does not find %q", k, last)
	}
	if it.Next() {
		return fmt.Errorf("wrong answer: %q behind the last key", it.Key())
	}
	return nil
}

// sentence describes the deletion of one engine.
func (d rangeDeletion) sentence(engine string) string {
	return fmt.Sprintf("%s deleted in %v; first seek %v, settled %v, compacted %v", engine,
		shortly(d.Delete), shortly(d.Fresh), shortly(d.Settled), shortly(d.Compacted))
}

// medianDeletion returns the medians of what the rounds took.
func medianDeletion(rs []Result) rangeDeletion {
	of := func(f func(rangeDeletion) int64) int64 {
		return int64(median(rs, func(r Result) float64 { return float64(f(r.Ranges)) }))
	}
	return rangeDeletion{
		Delete:    of(func(d rangeDeletion) int64 { return d.Delete }),
		Fresh:     of(func(d rangeDeletion) int64 { return d.Fresh }),
		Settled:   of(func(d rangeDeletion) int64 { return d.Settled }),
		Compacted: of(func(d rangeDeletion) int64 { return d.Compacted }),
	}
}

// shortly rounds a time to a hundredth of a microsecond.
func shortly(ns int64) time.Duration { return time.Duration(ns).Round(10 * time.Nanosecond) }
