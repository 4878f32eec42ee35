package relation

import (
	"slices"
	"sync/atomic"

	"github.com/middb/middb/catalog"
)

// A reading is how some columns are read: of rows, or of entries of an index. It does not change; transactions share it.
type reading struct {
	index   *index // nil: of rows
	columns []int
	rows    *catalog.RowDecoder
	from    []int                 // see covered; nil: the index does not have them all
	entries *catalog.EntryDecoder // nil likewise; to be copied
	finder  *catalog.EntryDecoder // of the primary keys of entries
	texts   bool                  // there are texts among the values
	hidden  bool                  // the row id is asked for
}

// readings are those that were asked for lately: queries ask for the same again and again. Any number of goroutines may use them.
type readings struct{ kept atomic.Pointer[[]*reading] }

// readingsKept is how many readings of a schema are kept.
const readingsKept = 64

// of returns the reading of some columns.
func (r *readings) of(s *shape, ix *index, columns []int) *reading {
	var kept []*reading
	if p := r.kept.Load(); p != nil {
		kept = *p
	}
	for _, k := range kept {
		if k.index == ix && slices.Equal(k.columns, columns) {
			return k
		}
	}
	if len(kept) == readingsKept {
		kept = nil
	}
	next := append(slices.Clone(kept), s.newReading(ix, slices.Clone(columns)))
	r.kept.Store(&next) // what another one adds at the same time is made again
	return next[len(next)-1]
}

func (s *shape) newReading(ix *index, columns []int) *reading {
	r := &reading{index: ix, columns: columns, rows: s.NewRowDecoder(columns)}
	if ix != nil {
		r.from = s.cover(ix, columns)
		r.entries, r.finder = s.NewEntryDecoder(ix.Index, columns), s.NewEntryDecoder(ix.Index, nil)
	}
	for _, at := range columns {
		switch {
		case at < 0:
			r.hidden = true
		case at < len(s.Columns):
			r.texts = r.texts || s.Columns[at].Type.Kind.Textual()
		}
	}
	return r
}
