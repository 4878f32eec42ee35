package exec

import (
	"context"
	"math"

	"github.com/middb/middb/catalog"
)

// sorter sorts rows: those that are given to add, then, after finish, next has them in order. What does not fit into memory
// goes to temporary files, sorted, which are merged.
type sorter struct {
	run     *run
	hold    holding
	what    string // whose rows they are, for errors
	keys    []sortKey
	limit   int // how many rows are wanted
	rows    *rowBuffer
	keyed   int64 // about how many bytes the keys of rows need
	sorting rowOrder
	worst   worst
	runs    []*spillFile // each of them sorted; equal rows of one before are before
	merge   *merger
	order   []int32 // of rows, once they are sorted
	at      int
	output  *output
}

func newSorter(b *builder, budget *budget, keys []sortKey, columns int, what string) *sorter {
	return &sorter{
		run: b.run, hold: b.holding(budget), what: what, keys: keys, limit: math.MaxInt,
		rows: newRowBuffer(columns), output: newOutput(columns),
	}
}

// keptRows is how many rows more than are wanted are kept before those that are too many are thrown away.
const keptRows = 256

// add gives rows of columns to the sorter: those at places.
func (s *sorter) add(columns []*catalog.Vector, rows []int32) error {
	top := s.limit < math.MaxInt
	if top {
		if s.limit == 0 {
			return nil
		}
		if rows = s.worst.before(columns, rows); len(rows) == 0 {
			return nil
		}
	}
	if err := s.rows.addRows(columns, rows); err != nil {
		return err
	}
	if top && s.rows.n-s.limit > max(s.limit, keptRows) {
		if err := s.cut(); err != nil {
			return err
		}
	}
	s.keyed += s.keyBytes(columns, rows)
	if s.hold.fits(s.rows.bytes + s.keyed + int64(s.rows.n)*bytesPerSortedRow) {
		return nil
	}
	return s.spill()
}

// keyBytes estimates what keys need of rows.
func (s *sorter) keyBytes(columns []*catalog.Vector, rows []int32) (n int64) {
	if len(s.keys) == 1 && hasWords(columns[s.keys[0].place]) {
		return 0
	}
	for _, k := range s.keys {
		n += vectorBytes(columns[k.place], rows, 0, int64(len(rows)))
	}
	return n
}

// cut throws rows away that are behind those that are wanted.
func (s *sorter) cut() error {
	order := s.sorting.sort(s.rows.columns, s.keys, s.rows.n)[:s.limit]
	s.worst.set(s.rows.columns, s.keys, order[s.limit-1])
	s.keyed = s.keyed * int64(s.limit) / int64(s.rows.n)
	return s.rows.keep(order)
}

// spill writes the rows to a file, sorted.
func (s *sorter) spill() error {
	f, err := s.run.newSpillFile(s.hold.budget, s.what)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, f)
	order := s.sorting.sort(s.rows.columns, s.keys, s.rows.n)
	order = order[:min(len(order), s.limit)]
	if top := s.limit < math.MaxInt; top && len(order) == s.limit {
		s.worst.set(s.rows.columns, s.keys, order[s.limit-1])
	}
	size := s.run.options.BatchRows
	for from := 0; from < len(order); from += size {
		if err := f.write(s.rows.columns, order[from:min(from+size, len(order))]); err != nil {
			return err
		}
	}
	s.rows, s.keyed = newRowBuffer(len(s.rows.columns)), 0
	s.sorting.release()
	s.hold.force(0)
	return f.finish()
}

// finish sorts what was added.
func (s *sorter) finish(ctx context.Context) error {
	if len(s.runs) > 0 {
		if s.rows.n > 0 {
			if err := s.spill(); err != nil {
				return err
			}
		}
		return s.beginMerge(ctx)
	}
	s.order = s.sorting.sort(s.rows.columns, s.keys, s.rows.n)
	s.order = s.order[:min(len(s.order), s.limit)]
	s.at = 0
	return nil
}

// next returns the next rows, at most so many, or nil at the end. They are lent until the next call.
func (s *sorter) next(ctx context.Context, most int) (*catalog.Batch, error) {
	if s.merge != nil {
		return s.merge.next(ctx, most)
	}
	if s.at >= len(s.order) {
		return nil, nil
	}
	to := min(s.at+most, len(s.order))
	b := s.output.gather(s.rows.columns, s.order[s.at:to])
	s.at = to
	return b, nil
}

// reset forgets all rows and removes the files, so that others can be added.
func (s *sorter) reset() error {
	err := closeFiles(s.runs)
	s.runs, s.merge, s.order, s.at = nil, nil, nil, 0
	s.worst.known = false
	s.rows.clear()
	s.keyed = 0
	s.hold.force(0)
	return err
}

// close forgets everything.
func (s *sorter) close() error {
	err := s.reset()
	s.rows = newRowBuffer(len(s.rows.columns))
	s.sorting.release()
	return err
}

// closeFiles closes and removes files. It returns the first error.
func closeFiles(files []*spillFile) error {
	var first error
	for _, f := range files {
		if err := f.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}
