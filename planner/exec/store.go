package exec

import "github.com/middb/middb/catalog"

// A rowStore keeps rows in order: in memory, and those that do not fit there in a temporary file. Rows can be added while
// others are read.
type rowStore struct {
	run  *run
	hold holding
	what string // whose rows they are, for errors
	rows *rowBuffer
	file *spillFile // what comes behind rows; nil: nothing
}

// newRowStore returns an empty one, which has the budget for itself.
func (r *run) newRowStore(b *budget, columns int, what string) *rowStore {
	return &rowStore{run: r, hold: r.holding(b), what: what, rows: newRowBuffer(columns)}
}

// add copies the rows of a batch.
func (s *rowStore) add(b *catalog.Batch) (err error) {
	if s.file == nil {
		if s.hold.fits(s.rows.bytes + batchBytes(b, nil)) {
			return s.rows.append(b, nil)
		}
		s.hold.force(s.rows.bytes)
		if s.file, err = s.run.newSpillFile(s.hold.budget, s.what); err != nil {
			return err
		}
	}
	return s.file.write(b.Columns, selected(b))
}

// count returns how many rows there are.
func (s *rowStore) count() int {
	if s.file == nil {
		return s.rows.n
	}
	return s.rows.n + int(s.file.rows)
}

// clear forgets all rows and removes the file.
func (s *rowStore) clear() error {
	err := s.file.close()
	s.file = nil
	s.rows.clear()
	s.hold.force(0)
	return err
}

// A storeReader reads a rowStore from its beginning.
type storeReader struct {
	store  *rowStore
	at     int // of the rows in memory
	reader *spillReader
	batch  catalog.Batch
}

// next returns the next rows, or nil if there are no more, for now. They are lent until the next call; of those that come
// from memory there are at most so many.
func (r *storeReader) next(most int) (*catalog.Batch, error) {
	s := r.store
	if n := min(most, s.rows.n-r.at); n > 0 {
		s.rows.view(&r.batch, r.at, r.at+n)
		r.at += n
		return &r.batch, nil
	}
	if s.file == nil {
		return nil, nil
	}
	if r.reader == nil {
		r.reader = s.file.reader(len(s.rows.columns))
	}
	if r.reader.offset >= s.file.size {
		if err := s.file.flush(); err != nil {
			return nil, err
		}
	}
	return r.reader.next()
}

// reset has it begin again.
func (r *storeReader) reset() { r.at, r.reader = 0, nil }
