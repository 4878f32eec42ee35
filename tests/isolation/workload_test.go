package isolation

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/middb/middb/tests/isolation/history"
)

const (
	workers = 8
	// windowKeys is how many keys are in use at a time, and keyAppends after how many appends the next
	// key comes into use and the first falls out: so there are always missing keys, and lists stay short.
	windowKeys = 6
	keyAppends = 12
)

// A workload is random transactions of several goroutines, which read lists, append to them and scan.
type workload struct {
	store   store
	level   level
	merges  bool         // append also without reading
	clock   atomic.Int64 // moments, for real-time order
	appends atomic.Int64 // numbers that were appended
}

// run lets all workers run so many transactions each, and returns the history.
func (w *workload) run(seed uint64, txns int) ([]history.Txn, error) {
	all := make([][]history.Txn, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := range txns {
				txn, err := w.transact(rng, fmt.Sprintf("%c%d", 'A'+i, n))
				if err != nil {
					errs[i] = fmt.Errorf("worker %c: %w", 'A'+i, err)
					return
				}
				all[i] = append(all[i], txn)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	last, err := w.readAll()
	return append(slices.Concat(all...), last), err
}

// transact runs one random transaction.
func (w *workload) transact(rng *rand.Rand, name string) (history.Txn, error) {
	h := history.Txn{Name: name, Begin: w.clock.Add(1)}
	t, err := w.store.begin(w.level)
	if err != nil {
		return h, err
	}
	for range 1 + rng.IntN(4) {
		if rng.IntN(2) == 0 {
			runtime.Gosched()
		}
		if err := w.operate(t, rng, &h); err != nil {
			return h, errors.Join(err, t.rollback())
		}
	}
	if rng.IntN(12) == 0 {
		h.Status = history.Aborted
		err = t.rollback()
	} else if err = t.commit(); isConflict(err) {
		h.Status, err = history.Aborted, nil
	}
	h.End = w.clock.Add(1)
	return h, err
}

// operate does something random in a transaction.
func (w *workload) operate(t txn, rng *rand.Rand, h *history.Txn) error {
	first := int(w.appends.Load()) / keyAppends
	k := keyName(first + rng.IntN(windowKeys))
	switch p := rng.IntN(100); {
	case p < 30:
		list, err := readList(t, k)
		h.Ops = append(h.Ops, history.Read(k, list))
		return err
	case p < 58 || p < 70 && !w.merges:
		list, err := readList(t, k)
		if err != nil {
			return err
		}
		v := w.appends.Add(1)
		h.Ops = append(h.Ops, history.Read(k, list), history.Append(k, v))
		return t.put(k, formatList(append(slices.Clone(list), v)))
	case p < 70:
		v := w.appends.Add(1)
		h.Ops = append(h.Ops, history.Append(k, v))
		return t.add(k, formatList([]int64{v}))
	default:
		upper := max(keyName(first+windowKeys+1-rng.IntN(3)), k+"\x00")
		op, err := scanLists(t, span{k, upper, rng.IntN(4) * rng.IntN(2), rng.IntN(2) == 0})
		h.Ops = append(h.Ops, op)
		return err
	}
}

// readAll reads everything that is there in the end.
func (w *workload) readAll() (history.Txn, error) {
	h := history.Txn{Name: "final", Begin: w.clock.Add(1)}
	t, err := w.store.begin(w.level)
	if err != nil {
		return h, err
	}
	op, err := scanLists(t, span{lower: "k", upper: "l"})
	h.Ops = append(h.Ops, op)
	err = errors.Join(err, t.rollback())
	h.End = w.clock.Add(1)
	return h, err
}

func keyName(i int) string { return fmt.Sprintf("k%05d", i) }

// keysIn returns the names of all keys in [lower, upper), upper being the name of a key or after one.
func keysIn(lower, upper string) (keys []string) {
	first, _ := strconv.Atoi(strings.TrimLeft(lower[1:], "0"))
	for i := first; i < first+100; i++ {
		if k := keyName(i); inRange(k, lower, upper) {
			keys = append(keys, k)
		}
	}
	return keys
}

func readList(t txn, k string) ([]int64, error) {
	v, found, err := t.get(k)
	if err != nil || !found {
		return nil, err
	}
	return parseList(v)
}

// scanLists scans a span; what counts is what a limit has left of it.
func scanLists(t txn, s span) (history.Op, error) {
	found, err := t.scan(s)
	if err != nil {
		return history.Op{}, err
	}
	lists := map[string][]int64{}
	for _, p := range found {
		if lists[p.k], err = parseList(p.v); err != nil {
			return history.Op{}, err
		}
	}
	if n := len(found); n > 0 && n == s.limit {
		if last := found[n-1].k; s.down {
			s.lower = last
		} else {
			s.upper = last + "\x00"
		}
	}
	return history.Scan(s.lower, s.upper, lists), nil
}

func parseList(v string) (list []int64, err error) {
	for _, w := range strings.Fields(v) {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("not a list: %q", v)
		}
		list = append(list, n)
	}
	return list, nil
}

func formatList(list []int64) string {
	var b []byte
	for _, n := range list {
		b = append(strconv.AppendInt(b, n, 10), ' ')
	}
	return string(b)
}

// forbidden returns the anomalies that a level does not allow, and how many others there are.
func forbidden(l level, found []history.Anomaly) (bad []history.Anomaly, allowed int) {
	for _, a := range found {
		if l == snapshot && (a.Kind == history.G2 || a.Kind == history.G2+history.Realtime) {
			allowed++
		} else {
			bad = append(bad, a)
		}
	}
	return bad, allowed
}
