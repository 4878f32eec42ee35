package sstable

// Salvage calls f with an iterator at each entry that can be read, in order, until f returns an error, which is returned. It
// goes on behind a damaged block, and says what was wrong with each.
func (r *Reader) Salvage(f func(it *Iter) error) (damaged []error, err error) {
	it := r.NewIter(IterOptions{Readahead: true})
	defer func() { _ = it.Close() }() // what was wrong is in damaged
	for i := range r.index.blocks() {
		for ok := it.open(i, 1) && it.firstInBlock(); ok; ok = it.end < it.limit && it.Next() {
			if err := f(it); err != nil {
				return damaged, err
			}
		}
		if it.err != nil {
			damaged = append(damaged, it.err)
			_ = it.Close()
			it = r.NewIter(IterOptions{Readahead: true})
		}
	}
	return damaged, nil
}
