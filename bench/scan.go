package main

import (
	"bytes"
	"errors"
	"fmt"
)

const (
	// seekNexts is how many entries a seek reads after the one it found.
	seekNexts = 10
	// scanChunk is how many entries of a full scan are timed together: timing each would cost
	// as much as reading it.
	scanChunk = 100
)

// runSeekRandom seeks among the keys and the gaps between them.
func runSeekRandom(m *measurement) error {
	return m.parallel(func(w *worker) error {
		expected, sum := make([]byte, keyBytes), 0
		for i := range w.share {
			id := w.random.below(2 * m.keys.entries)
			m.keys.key(w.key, id)
			verify := expected
			if i%verifyEvery != 0 {
				verify = nil
			}
			start := now()
			n, err := m.seekOne(w.key, id, verify)
			end := now()
			if err != nil {
				return err
			}
			sum += n
			if !w.record(start, end) {
				break
			}
		}
		w.touched += sum
		return nil
	})
}

// seekOne reads the first entry not below key, which is that of id, and the entries after it. If
// verify is not nil, it compares their keys with what they must be, made in verify.
func (m *measurement) seekOne(key []byte, id uint64, verify []byte) (sum int, err error) {
	it, err := m.store.Scan(false)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	entry, count := (id+1)/2, uint64(0)
	for ok := it.Seek(key); ok; ok = it.Next() {
		k, v := it.Key(), it.Value()
		sum += int(k[len(k)-1]) + int(v[0])
		if verify != nil {
			if m.keys.key(verify, 2*(entry+count)); !bytes.Equal(k, verify) {
				return 0, fmt.Errorf("wrong answer: seek %q, entry %d is %q, want %q", key, count, k, verify)
			}
		}
		if count++; count > seekNexts {
			break
		}
	}
	if want := min(seekNexts+1, m.keys.entries-entry); count != want {
		return 0, fmt.Errorf("wrong answer: seek %q read %d entries, want %d", key, count, want)
	}
	return sum, nil
}

func runReadSeq(m *measurement) error     { return m.scanAll(false) }
func runReadReverse(m *measurement) error { return m.scanAll(true) }

// scanAll reads everything as often as the worker's share says. A pass is not cut short: its count
// is what is verified.
func (m *measurement) scanAll(reverse bool) error {
	entries := int(m.keys.entries)
	return m.parallel(func(w *worker) error {
		passes := max(w.share/entries, 1)
		w.share = passes * entries
		for range passes {
			if err := m.scanPass(w, reverse); err != nil {
				return err
			}
			if w.truncated {
				break
			}
		}
		return nil
	})
}

func (m *measurement) scanPass(w *worker, reverse bool) (err error) {
	it, err := m.store.Scan(reverse)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	count, sum, start := uint64(0), 0, now()
	for ok := it.First(); ok; ok = it.Next() {
		k, v := it.Key(), it.Value()
		sum += int(k[len(k)-1]) + int(v[0])
		if count++; count%scanChunk != 0 {
			continue
		}
		end := now()
		w.truncated = end > w.deadline
		w.latency.record(end - start)
		entry := count - 1
		if reverse {
			entry = m.keys.entries - count
		}
		if err := m.expectEntry(w, entry, k, v); err != nil {
			return err
		}
		start = now()
	}
	w.touched += sum
	w.done += int(count)
	if count != m.keys.entries {
		return fmt.Errorf("wrong answer: a full scan read %d entries, want %d", count, m.keys.entries)
	}
	return nil
}

// expectEntry fails unless k and v are those of the given entry of the loaded database.
func (m *measurement) expectEntry(w *worker, entry uint64, k, v []byte) error {
	m.keys.key(w.key, 2*entry)
	m.keys.value(w.value, 2*entry, filled)
	if !bytes.Equal(k, w.key) || !bytes.Equal(v, w.value) {
		return fmt.Errorf("wrong answer: entry %d is %q = %x, want %q = %x", entry, k, v, w.key, w.value)
	}
	return nil
}
