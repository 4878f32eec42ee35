package exec

import (
	"bytes"
	"context"
	"slices"

	"github.com/middb/middb/catalog"
)

// mostRuns is how many files are merged at once. If there are more, some are merged to one first.
const mostRuns = 64

// beginMerge merges files until there are few, and begins to merge these.
func (s *sorter) beginMerge(ctx context.Context) error {
	for len(s.runs) > mostRuns {
		var fewer []*spillFile
		for part := range slices.Chunk(s.runs, mostRuns) {
			f, err := s.mergeFiles(ctx, part)
			if f != nil {
				fewer = append(fewer, f)
			}
			if err != nil {
				s.runs = append(s.runs, fewer...) // all are to be removed
				return err
			}
		}
		if err := closeFiles(s.runs); err != nil {
			s.runs = append(s.runs, fewer...)
			return err
		}
		s.runs = fewer
	}
	var err error
	s.merge, err = newMerger(s.runs, s.keys, len(s.rows.columns), s.limit)
	return err
}

// mergeFiles writes what several files have to one.
func (s *sorter) mergeFiles(ctx context.Context, files []*spillFile) (*spillFile, error) {
	m, err := newMerger(files, s.keys, len(s.rows.columns), s.limit)
	if err != nil {
		return nil, err
	}
	f, err := s.run.newSpillFile(s.hold.budget, s.what)
	if err != nil {
		return nil, err
	}
	for {
		b, err := m.next(ctx, s.run.options.BatchRows)
		if err != nil || b == nil {
			if err == nil {
				err = f.finish()
			}
			return f, err
		}
		if err := f.write(b.Columns, rowsOf(b)); err != nil {
			return f, err
		}
	}
}

// merger gives the rows of several sorted files in order.
type merger struct {
	inputs []*mergeInput // a heap: the one whose row is next is first; those at their end are gone
	left   int           // how many rows are wanted yet
	buffer *rowBuffer
	refs   []mergeRef
	rows   []int32
	batch  catalog.Batch
}

// mergeInput is a file at a row.
type mergeInput struct {
	number  int
	reader  *spillReader
	encoder keyEncoder
	batch   *catalog.Batch
	row     int
}

// mergeRef is a row of the present batch of an input.
type mergeRef struct {
	input *mergeInput
	row   int32
}

func newMerger(files []*spillFile, keys []sortKey, columns, limit int) (*merger, error) {
	m := &merger{left: limit, buffer: newRowBuffer(columns)}
	for i, f := range files {
		in := &mergeInput{number: i, reader: f.reader(columns), encoder: keyEncoder{keys: keys}}
		if err := in.load(); err != nil {
			return nil, err
		}
		if in.batch != nil {
			m.inputs = append(m.inputs, in)
		}
	}
	for i := len(m.inputs)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// load reads the next batch.
func (in *mergeInput) load() error {
	var err error
	if in.batch, err = in.reader.next(); err != nil || in.batch == nil {
		return err
	}
	in.row = 0
	in.encoder.encode(in.batch.Columns, rowsOf(in.batch))
	return nil
}

// less reports whether the row of an input comes before that of another.
func (in *mergeInput) less(other *mergeInput) bool {
	c := bytes.Compare(in.encoder.key(in.row), other.encoder.key(other.row))
	return c < 0 || c == 0 && in.number < other.number
}

// down restores the heap, in which the input at i may be behind those below it.
func (m *merger) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.inputs); child++ {
			if m.inputs[child].less(m.inputs[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		m.inputs[i], m.inputs[least] = m.inputs[least], m.inputs[i]
		i = least
	}
}

// next returns the next rows, at most so many, or nil at the end. They are lent until the next call.
func (m *merger) next(ctx context.Context, most int) (*catalog.Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.buffer.clear()
	m.refs = m.refs[:0]
	most = min(most, m.left)
	for m.buffer.n+len(m.refs) < most && len(m.inputs) > 0 {
		in := m.inputs[0]
		m.refs = append(m.refs, mergeRef{in, int32(in.row)})
		if in.row++; in.row == in.batch.Len {
			if err := m.advance(in); err != nil {
				return nil, err
			}
			if len(m.inputs) == 0 {
				break
			}
		}
		m.down(0)
	}
	if err := m.take(); err != nil {
		return nil, err
	}
	m.left -= m.buffer.n
	if m.buffer.n == 0 {
		return nil, nil
	}
	m.buffer.view(&m.batch, 0, m.buffer.n)
	return &m.batch, nil
}

// advance loads the next batch of the first input, or leaves it out if there is none. The rows that were chosen of its
// present one are copied first.
func (m *merger) advance(in *mergeInput) error {
	if err := m.take(); err != nil {
		return err
	}
	if err := in.load(); err != nil {
		return err
	}
	if in.batch == nil {
		last := len(m.inputs) - 1
		m.inputs[0] = m.inputs[last]
		m.inputs = m.inputs[:last]
	}
	return nil
}

// take copies the rows that were chosen, those of one input in a row at once.
func (m *merger) take() error {
	rows := m.rows
	for from := 0; from < len(m.refs); {
		in := m.refs[from].input
		rows = rows[:0]
		to := from
		for ; to < len(m.refs) && m.refs[to].input == in; to++ {
			rows = append(rows, m.refs[to].row)
		}
		if err := m.buffer.addRows(in.batch.Columns, rows); err != nil {
			return err
		}
		from = to
	}
	m.rows = rows
	m.refs = m.refs[:0]
	return nil
}
