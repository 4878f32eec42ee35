package exec

import (
	"context"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// A mergeJoin joins sides that are sorted by the keys. Batches of the left side are joined piece by piece: a piece ends
// where its partners become many, so that few rows of the right side are kept; but all that have one key are, whatever
// memory that takes. Rows come in the order of the left side.
type mergeJoin struct {
	run                 *run
	budget              *budget
	joiner              *joiner
	left, right         Operator
	leftKeys, rightKeys []int
	ramp                ramp

	state  joinState
	batch  *catalog.Batch // of the left side; nil: it has ended
	piece  catalog.Batch  // the rows of batch that are being joined
	k      int            // how many rows of batch come before the next piece
	next   *catalog.Batch // of the right side; nil: it has ended
	rows   []int32        // of next
	pos    int            // of these: the first one that was not looked at
	opened bool           // the right side was begun

	buffer   *rowBuffer // rows of the right side; those that have a partner in the piece, and others if all are given
	group    [2]int     // of these: those with the key of the last row that had partners; may be none
	from, to []int32    // of each row of the piece: its partners
	pairing  int        // the row of the piece that is paired
	at       int32      // its next partner
}

func newMergeJoin(b *builder, n *physical.MergeJoin, left, right Operator) (Operator, error) {
	if n.Kind == plan.MarkJoin || n.Kind == plan.NullAntiJoin {
		return nil, b.unknown(n)
	}
	m := &mergeJoin{
		run: b.run, budget: b.budget(n), left: left, right: right, ramp: ramp{most: b.options.BatchRows},
		buffer: newRowBuffer(len(n.Right.Columns())),
	}
	var err error
	if m.leftKeys, err = placesOf(n.Left.Columns(), n.LeftKeys); err != nil {
		return nil, err
	}
	if m.rightKeys, err = placesOf(n.Right.Columns(), n.RightKeys); err != nil {
		return nil, err
	}
	m.joiner, err = b.newJoiner(n.Kind, n.Left.Columns(), n.Right.Columns(), n.Output, n.On, n.Single, true)
	return m, err
}

// Next implements Operator.
func (m *mergeJoin) Next(ctx context.Context) (*catalog.Batch, error) {
	for {
		switch m.state {
		case toBuild:
			b, err := m.left.Next(ctx)
			if err != nil {
				return nil, err
			}
			if m.batch, m.k, m.state = b, 0, toProbe; b == nil && !m.joiner.keepBuild {
				m.state = atEnd
			}
		case toProbe:
			if err := m.cut(ctx); err != nil {
				return nil, err
			}
		case inBatch:
			b, err := m.joiner.join(ctx, m, m.ramp.next())
			if b != nil || err != nil {
				return b, err
			}
			m.state = atRest
		case atRest:
			if b := m.joiner.unmatched(m.run.options.BatchRows); b != nil {
				return b, nil
			}
			switch {
			case m.batch == nil && m.next == nil:
				m.state = atEnd
			case m.batch == nil || m.k < m.batch.Rows():
				m.state = toProbe
			default:
				m.state = toBuild
			}
		default:
			return nil, nil
		}
	}
}

// cut begins with the next piece of the batch or, behind the last one, of the right side.
func (m *mergeJoin) cut(ctx context.Context) error {
	if !m.opened {
		m.opened = true
		if err := m.advance(ctx); err != nil {
			return err
		}
	}
	if m.batch == nil {
		return m.rest(ctx)
	}
	kept, err := m.keepGroup()
	if err != nil {
		return err
	}
	m.from, m.to = m.from[:0], m.to[:0]
	rows := selected(m.batch)[m.k:]
	for _, i := range rows {
		if err := m.partners(ctx, int(i)); err != nil {
			return err
		}
		if m.buffer.n > 4*m.run.options.BatchRows {
			break
		}
	}
	m.budget.Release()
	m.budget.Force(m.buffer.bytes)
	m.piece = *m.batch
	m.piece.Sel = rows[:len(m.from)]
	m.k += len(m.from)
	m.joiner.begin(m.buffer)
	copy(m.joiner.matched, kept)
	m.joiner.restTo = m.group[0] // those of the group may get partners yet
	if m.group[0] == m.group[1] {
		m.joiner.restTo = m.buffer.n
	}
	m.joiner.start(&m.piece)
	m.pairing, m.at, m.state = 0, -1, inBatch
	return nil
}

// keepGroup leaves the rows of the group in the buffer, and no others. It returns which of them were matched.
func (m *mergeJoin) keepGroup() ([]bool, error) {
	from, to := m.group[0], m.group[1]
	var kept []bool
	if m.joiner.matched != nil && to <= len(m.joiner.matched) {
		kept = append(kept, m.joiner.matched[from:to]...)
	}
	if from == 0 && to == m.buffer.n {
		return kept, nil
	}
	old := m.buffer
	m.buffer = newRowBuffer(len(old.columns))
	m.group = [2]int{0, to - from}
	if from == to {
		old.clear()
		m.buffer = old
		return kept, nil
	}
	var view catalog.Batch
	old.view(&view, from, to)
	return kept, m.buffer.append(&view, nil)
}

// rest has the buffer be the next rows of the right side, when there are none of the left one any more.
func (m *mergeJoin) rest(ctx context.Context) error {
	kept, err := m.keepGroup()
	if err != nil {
		return err
	}
	if m.group = [2]int{}; m.next != nil {
		if err := m.take(len(m.rows)); err != nil {
			return err
		}
		if err := m.advance(ctx); err != nil {
			return err
		}
	}
	m.joiner.begin(m.buffer)
	copy(m.joiner.matched, kept)
	m.state = atRest
	return nil
}

// advance reads the next batch of the right side if the rows of the present one are used up.
func (m *mergeJoin) advance(ctx context.Context) (err error) {
	if m.next != nil && m.pos < len(m.rows) {
		return nil
	}
	m.rows, m.pos = nil, 0
	if m.next, err = m.right.Next(ctx); m.next != nil {
		m.rows = selected(m.next)
	}
	return err
}

// take moves the rows of the right side before the one at end to the buffer.
func (m *mergeJoin) take(end int) error {
	if m.pos == end {
		return nil
	}
	some := *m.next
	some.Sel = m.rows[m.pos:end]
	m.pos = end
	return m.buffer.append(&some, nil)
}

// partners finds those of the row at i of the batch.
func (m *mergeJoin) partners(ctx context.Context, i int) error {
	if anyNull(m.batch.Columns, m.leftKeys, i) {
		m.from, m.to = append(m.from, 0), append(m.to, 0)
		return nil
	}
	if m.group[0] == m.group[1] || m.compare(i, m.buffer.columns, m.group[0]) != 0 {
		if err := m.seek(ctx, i); err != nil {
			return err
		}
	}
	m.from, m.to = append(m.from, int32(m.group[0])), append(m.to, int32(m.group[1]))
	return nil
}

// seek makes the group of the rows with the key of the row at i.
func (m *mergeJoin) seek(ctx context.Context, i int) error {
	for m.next != nil { // those before
		end, c := m.pos, 0
		for end < len(m.rows) {
			if c = m.compare(i, m.next.Columns, int(m.rows[end])); c <= 0 {
				break
			}
			end++
		}
		if m.joiner.keepBuild {
			if err := m.take(end); err != nil {
				return err
			}
		}
		if m.pos = end; end < len(m.rows) {
			break
		}
		if err := m.advance(ctx); err != nil {
			return err
		}
	}
	m.group = [2]int{m.buffer.n, m.buffer.n}
	for m.next != nil { // those that are equal
		end := m.pos
		for end < len(m.rows) && m.compare(i, m.next.Columns, int(m.rows[end])) == 0 {
			end++
		}
		all := end == len(m.rows)
		if err := m.take(end); err != nil {
			return err
		}
		if !all {
			break
		}
		if err := m.advance(ctx); err != nil {
			return err
		}
	}
	m.group[1] = m.buffer.n
	return nil
}

// compare compares the key of the row at i of the batch with that of a row of the right side.
func (m *mergeJoin) compare(i int, right []*catalog.Vector, j int) int {
	for k, at := range m.leftKeys {
		if c := compareAt(m.batch.Columns[at], i, right[m.rightKeys[k]], j); c != 0 {
			return c
		}
	}
	return 0
}

// compareAt compares values of vectors as catalog.Compare does.
func compareAt(x *catalog.Vector, i int, y *catalog.Vector, j int) int {
	if x.Kind != y.Kind || x.Nulls != nil || y.Nulls != nil || x.Kind == catalog.Decimal {
		return catalog.Compare(x.Value(i), y.Value(j))
	}
	switch class(x.Kind) {
	case ofInts:
		switch a, b := x.Ints[i], y.Ints[j]; {
		case a < b:
			return -1
		case a > b:
			return 1
		default:
			return 0
		}
	case ofTexts:
		return strings.Compare(x.Texts[i], y.Texts[j])
	default:
		return catalog.Compare(x.Value(i), y.Value(j))
	}
}

// find implements pairs.
func (m *mergeJoin) find(_ context.Context, l, r []int32, most int) ([]int32, []int32, bool, error) {
	for ; m.pairing < len(m.from); m.pairing, m.at = m.pairing+1, -1 {
		if m.at < 0 {
			m.at = m.from[m.pairing]
		}
		for i := m.piece.Sel[m.pairing]; m.at < m.to[m.pairing]; m.at++ {
			if len(l) >= most {
				return l, r, true, nil
			}
			l, r = append(l, i), append(r, m.at)
		}
	}
	return l, r, false, nil
}

// skip implements pairs.
func (m *mergeJoin) skip(row int32) {
	if m.pairing < len(m.from) && m.piece.Sel[m.pairing] == row {
		m.pairing, m.at = m.pairing+1, -1
	}
}

// Reset implements Operator.
func (m *mergeJoin) Reset() {
	m.left.Reset()
	m.right.Reset()
	m.ramp.reset()
	m.buffer.clear()
	m.budget.Release()
	m.batch, m.next, m.opened, m.state = nil, nil, false, toBuild
	m.rows, m.pos, m.group = nil, 0, [2]int{}
}

// Close implements Operator.
func (m *mergeJoin) Close() error {
	m.budget.Release()
	return nil
}
