package main

import "fmt"

// A transactor can run transactions.
type transactor interface {
	// ReadAndPut runs one transaction, which reads one key as Get does and puts another, and commits it. How
	// durable it is then, and what it is safe from, was decided at open.
	ReadAndPut(dst, read, key, value []byte) ([]byte, bool, error)
}

// The transactions do not conflict: they read the even entries, which nobody writes, and every caller
// puts odd entries of its own.

// txnRead draws an entry to read.
func (m *measurement) txnRead(w *worker) (id uint64) {
	return 2 * (2 * w.random.below((m.keys.entries+1)/2))
}

// txnWrite draws an entry to put: every so many of the odd ones are the worker's.
func (m *measurement) txnWrite(w *worker) (id uint64) {
	odd, callers, index := m.keys.entries/2, uint64(m.row.callers), uint64(w.index)
	own := (odd + callers - 1 - index) / callers
	return 2 * (2*(index+callers*w.random.below(own)) + 1)
}

func runTxn(m *measurement) error {
	s := m.store.(transactor)
	return m.parallel(func(w *worker) error {
		read := make([]byte, keyBytes)
		for i := range w.share {
			from, to := m.txnRead(w), m.txnWrite(w)
			m.keys.key(read, from)
			m.keys.key(w.key, to)
			m.keys.value(w.value, to, overwritten)
			start := now()
			got, found, err := s.ReadAndPut(w.got, read, w.key, w.value)
			end := now()
			if err != nil {
				return fmt.Errorf("read %q and put %q: %w", read, w.key, err)
			}
			if !found || i%verifyEvery == 0 && !m.valueOf(w, from, got) {
				return fmt.Errorf("wrong answer: key %q, found %t, value %x", read, found, got)
			}
			if !w.record(start, end) {
				return nil
			}
		}
		return nil
	})
}

// checkTxn draws the first keys of each worker again and wants the new values of those it put, the old
// ones of those it read.
func checkTxn(m *measurement) error {
	for i, done := range m.done {
		w := m.newWorker(i, m.row.callers)
		for range min(checkedKeys/len(m.done)+1, done) {
			if err := m.expect(w, m.txnRead(w), filled); err != nil {
				return err
			}
			if err := m.expect(w, m.txnWrite(w), overwritten); err != nil {
				return err
			}
		}
	}
	return nil
}
