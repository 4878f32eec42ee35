package main

import (
	"bytes"
	"fmt"
)

// verifyEvery is the share of point reads and seeks whose answer is compared byte by byte, one in
// so many: enough to catch an engine that lies, too few to weigh.
const verifyEvery = 64

// warm reads an eighth of the keys at random, with one caller: several reads fall into each data
// block, so that a cache that can hold all of them does.
func (m *measurement) warm() error {
	w := m.newWorker(0, 1)
	w.random = newRandom(m.spec.Config.Seed, "warm", 0)
	for range max(m.keys.entries/8, 1000) {
		id := 2 * w.random.below(m.keys.entries)
		m.keys.key(w.key, id)
		if _, found, err := m.store.Get(w.got, w.key); err != nil || !found {
			return fmt.Errorf("get %q: found %t, %w", w.key, found, err)
		}
	}
	return nil
}

func runReadRandom(m *measurement) error {
	return m.parallel(func(w *worker) error {
		for i := range w.share {
			id := 2 * w.random.below(m.keys.entries)
			m.keys.key(w.key, id)
			start := now()
			got, found, err := m.store.Get(w.got, w.key)
			end := now()
			if err != nil {
				return fmt.Errorf("get %q: %w", w.key, err)
			}
			if !found || i%verifyEvery == 0 && !m.valueOf(w, id, got) {
				return fmt.Errorf("wrong answer: key %q, found %t, value %x", w.key, found, got)
			}
			if !w.record(start, end) {
				return nil
			}
		}
		return nil
	})
}

// valueOf reports whether got is the value of id, loaded or, where the workload writes, overwritten.
func (m *measurement) valueOf(w *worker, id uint64, got []byte) bool {
	m.keys.value(w.value, id, filled)
	if bytes.Equal(got, w.value) {
		return true
	}
	m.keys.value(w.value, id, overwritten)
	return m.row.workload.start == copied && bytes.Equal(got, w.value)
}

func runReadMissing(m *measurement) error {
	return m.parallel(func(w *worker) error {
		for range w.share {
			m.keys.key(w.key, 2*w.random.below(m.keys.entries)+1)
			start := now()
			got, found, err := m.store.Get(w.got, w.key)
			end := now()
			if err != nil {
				return fmt.Errorf("get %q: %w", w.key, err)
			}
			if found {
				return fmt.Errorf("wrong answer: missing key %q has value %x", w.key, got)
			}
			if !w.record(start, end) {
				return nil
			}
		}
		return nil
	})
}
