package main

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"time"
)

// Values are of generation 0 when loaded or filled, of generation 1 when overwritten.
const (
	filled      = 0
	overwritten = 1
)

// checkedKeys is how many of the keys just written are read back.
const checkedKeys = 1000

// load fills the database for the workloads that read: every key once, in random order, so that
// the tables overlap as they do in life, then settled.
func (m *measurement) load() error {
	const batch = 256
	keys, values := make([][]byte, batch), make([][]byte, batch)
	for i := range batch {
		keys[i], values[i] = make([]byte, keyBytes), make([]byte, m.spec.Config.ValueBytes)
	}
	start := now()
	for at := uint64(0); at < m.keys.entries; {
		n := 0
		for ; n < batch && at < m.keys.entries; at++ {
			id := 2 * m.order.at(at)
			m.keys.key(keys[n], id)
			m.keys.value(values[n], id, filled)
			n++
		}
		if err := m.store.Load(keys[:n], values[:n]); err != nil {
			return fmt.Errorf("load: %w", err)
		}
	}
	m.result.Ops, m.result.Seconds = int(m.keys.entries), seconds(now()-start)
	if _, err := m.settle(); err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	return nil
}

// fillID is the id that operation i of a fill writes.
func (m *measurement) fillID(i int) uint64 {
	if m.row.workload.name == "fillseq" {
		return 2 * uint64(i)
	}
	return 2 * m.order.at(uint64(i))
}

func runFill(m *measurement) error {
	return m.parallel(func(w *worker) error {
		for i := w.index; i < m.ops; i += m.row.callers {
			id := m.fillID(i)
			m.keys.key(w.key, id)
			m.keys.value(w.value, id, filled)
			start := now()
			err := m.store.Put(w.key, w.value)
			end := now()
			if err != nil {
				return fmt.Errorf("put %q: %w", w.key, err)
			}
			if !w.record(start, end) {
				return nil
			}
		}
		return nil
	})
}

// checkFill reads back some of what was put.
func checkFill(m *measurement) error {
	draw := newRandom(m.spec.Config.Seed, "check", 0)
	w := m.newWorker(0, 1)
	for range min(checkedKeys, m.result.Ops) {
		by := int(draw.below(uint64(len(m.done))))
		if m.done[by] == 0 {
			continue
		}
		i := by + m.row.callers*int(draw.below(uint64(m.done[by])))
		if err := m.expect(w, m.fillID(i), filled); err != nil {
			return err
		}
	}
	return nil
}

func runOverwrite(m *measurement) error {
	return m.parallel(func(w *worker) error {
		for range w.share {
			start, end, err := m.overwriteOne(w)
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

func (m *measurement) overwriteOne(w *worker) (start, end int64, err error) {
	id := 2 * w.random.below(m.keys.entries)
	m.keys.key(w.key, id)
	m.keys.value(w.value, id, overwritten)
	start = now()
	err = m.store.Put(w.key, w.value)
	end = now()
	if err != nil {
		err = fmt.Errorf("put %q: %w", w.key, err)
	}
	return start, end, err
}

// checkOverwrite draws the first keys of each worker again and wants their new values.
func checkOverwrite(m *measurement) error {
	for i, done := range m.done {
		w := m.newWorker(i, m.row.callers)
		for range min(checkedKeys/len(m.done)+1, done) {
			if err := m.expect(w, 2*w.random.below(m.keys.entries), overwritten); err != nil {
				return err
			}
		}
	}
	return nil
}

// expect reads the key of id and fails unless it has the value of generation gen.
func (m *measurement) expect(w *worker, id, gen uint64) error {
	m.keys.key(w.key, id)
	got, found, err := m.store.Get(w.got, w.key)
	if err != nil {
		return fmt.Errorf("get %q: %w", w.key, err)
	}
	m.keys.value(w.value, id, gen)
	if !found || !bytes.Equal(got, w.value) {
		return fmt.Errorf("wrong answer: key %q, found %t, value %x, want %x", w.key, found, got, w.value)
	}
	return nil
}

// runReadWhileWriting reads in m's callers while one more goroutine overwrites until they end.
func runReadWhileWriting(m *measurement) error {
	var stop atomic.Bool
	writer := m.newWorker(m.row.callers, m.row.callers+1)
	ended := make(chan error, 1)
	go func() { ended <- m.writeAtRate(writer, &stop) }()
	readErr := runReadRandom(m)
	stop.Store(true)
	writeErr := <-ended
	m.result.WriterOps, m.result.WriterP99 = int(writer.latency.total), writer.latency.quantile(0.99)
	if readErr != nil {
		return readErr
	}
	return writeErr
}

// writeAtRate overwrites until told to stop. Behind its schedule it writes without pause, ahead of
// it it sleeps a millisecond: the schedule is of the whole, not of each put.
func (m *measurement) writeAtRate(w *worker, stop *atomic.Bool) error {
	begun, rate := now(), m.spec.Config.WriteRate
	for !stop.Load() {
		if rate > 0 && float64(w.latency.total) > seconds(now()-begun)*float64(rate) {
			time.Sleep(time.Millisecond)
			continue
		}
		start, end, err := m.overwriteOne(w)
		if err != nil {
			return err
		}
		w.latency.record(end - start)
	}
	return nil
}
