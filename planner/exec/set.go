package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/physical"
	"github.com/middb/middb/planner/plan"
)

// setInput is where the rows of one side of a set operation come from: an operator, or a temporary file.
type setInput struct {
	operator Operator
	places   []int
	reader   *spillReader // of a file; it has the columns of the result
	batch    catalog.Batch
}

func (s *setInput) next(ctx context.Context) (*catalog.Batch, error) {
	if s.reader != nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return s.reader.next()
	}
	b, err := s.operator.Next(ctx)
	if b == nil || err != nil {
		return nil, err
	}
	choose(&s.batch, b, s.places)
	return &s.batch, nil
}

// setPair is files of rows that may be equal to each other. Each may be nil: there are none.
type setPair struct {
	left, right *spillFile
	level       int
}

// intersection is INTERSECT and EXCEPT: it counts the rows of its right side, in a hash table, and then looks at those of
// its left side. Rows of groups for which there is no memory go to temporary files, of both sides.
type intersection struct {
	run         *run
	hold        holding
	except, all bool
	left, right setInput
	columns     int
	table       *groupTable
	counts      []int32 // of each group: how many rows of the right side are left; if not all, whether one can be given
	leftParts   *partitions
	rightParts  *partitions
	level       int
	todo        []setPair
	current     setPair
	built, done bool
	sel, away   []int32
	batch       catalog.Batch
}

func newHashSet(b *builder, n *physical.HashSet, left, right Operator) (Operator, error) {
	l, err := placesOf(n.Left.Columns(), n.LeftColumns)
	if err != nil {
		return nil, err
	}
	r, err := placesOf(n.Right.Columns(), n.RightColumns)
	if err != nil {
		return nil, err
	}
	types := make([]catalog.Type, len(l))
	for i, c := range n.Columns() {
		types[i] = c.Type
	}
	places := make([]int, len(l))
	for i := range places {
		places[i] = i
	}
	inputs := [2]setInput{{operator: left, places: l}, {operator: right, places: r}}
	if n.Kind == plan.Union {
		u := &union{inputs: inputs, all: n.All}
		u.rows = newUniqueRows(b, b.budget(n), "the rows of a UNION", places, types, len(l))
		return u, nil
	}
	return &intersection{
		run: b.run, hold: b.holding(b.budget(n)), except: n.Kind == plan.Except, all: n.All, left: inputs[0], right: inputs[1],
		columns: len(l), table: newGroupTable(places, types),
	}, nil
}

// Next implements Operator.
func (x *intersection) Next(ctx context.Context) (*catalog.Batch, error) {
	for !x.done {
		if !x.built {
			if err := x.build(ctx); err != nil {
				return nil, err
			}
			x.built = true
		}
		b, err := x.left.next(ctx)
		if err != nil {
			return nil, err
		}
		if b == nil {
			if err = x.nextPair(); err != nil {
				return nil, err
			}
			continue
		}
		sel, err := x.look(b)
		if err != nil {
			return nil, err
		}
		if len(sel) > 0 {
			x.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: sel}
			return &x.batch, nil
		}
	}
	return nil, nil
}

// build counts the rows of the right side.
func (x *intersection) build(ctx context.Context) error {
	for {
		b, err := x.right.next(ctx)
		if b == nil || err != nil {
			return err
		}
		rows := rowsOf(b)
		groups, _, err := x.table.find(b.Columns, rows)
		if err != nil {
			return err
		}
		x.counts = grown(x.counts, x.table.groups)
		x.away = x.away[:0]
		for i, g := range groups {
			if g == noGroup {
				x.away = append(x.away, rows[i])
			} else {
				x.counts[g]++
			}
		}
		if len(x.away) > 0 {
			if err := x.rightParts.add(b.Columns, x.away); err != nil {
				return err
			}
		}
		if !x.fits() {
			x.freeze()
			x.rightParts = x.parts()
		}
	}
}

// fits reports whether the table may stay as it is, or takes nothing in any more.
func (x *intersection) fits() bool {
	return x.hold.fits(x.table.bytes()+4*int64(cap(x.counts))) || x.table.frozen
}

// freeze has the table take nothing in any more.
func (x *intersection) freeze() {
	x.table.frozen = true
	x.leftParts = x.parts()
}

func (x *intersection) parts() *partitions {
	return newPartitions(x.run, x.hold.budget, "the rows of "+map[bool]string{false: "an INTERSECT", true: "an EXCEPT"}[x.except],
		x.table.places, x.columns, x.level)
}

// look returns which rows of the left side are rows of the result.
func (x *intersection) look(b *catalog.Batch) ([]int32, error) {
	rows := rowsOf(b)
	spilled := x.leftParts != nil
	adding := x.except && !x.all
	x.table.frozen = spilled || !adding
	groups, fresh, err := x.table.find(b.Columns, rows)
	if err != nil {
		return nil, err
	}
	x.sel, x.away = x.sel[:0], x.away[:0]
	if adding && !spilled {
		x.counts = grown(x.counts, x.table.groups)
		if !x.fits() {
			x.freeze()
		}
		return fresh, nil
	}
	for i, g := range groups {
		switch {
		case g == noGroup && spilled:
			x.away = append(x.away, rows[i])
		case g == noGroup:
			if x.except {
				x.sel = append(x.sel, rows[i])
			}
		case x.except && x.counts[g] > 0:
			x.counts[g]--
		case x.except:
			if x.all {
				x.sel = append(x.sel, rows[i])
			}
		case x.counts[g] > 0:
			x.sel = append(x.sel, rows[i])
			if x.counts[g]--; !x.all {
				x.counts[g] = 0
			}
		}
	}
	if len(x.away) == 0 {
		return x.sel, nil
	}
	return x.sel, x.leftParts.add(b.Columns, x.away)
}

// nextPair begins with the next files, or notes that there are none.
func (x *intersection) nextPair() error {
	if x.leftParts != nil {
		for i := range x.leftParts.files {
			p := setPair{left: x.leftParts.files[i], level: x.level + 1}
			if x.rightParts != nil {
				p.right = x.rightParts.files[i]
			}
			x.todo = append(x.todo, p)
		}
		x.leftParts, x.rightParts = nil, nil
	}
	if err := errors.Join(x.current.left.close(), x.current.right.close()); err != nil {
		return err
	}
	x.current = setPair{}
	x.table.reset()
	x.counts = x.counts[:0]
	x.hold.force(0)
	for len(x.todo) > 0 && x.current.left == nil {
		last := len(x.todo) - 1
		p := x.todo[last]
		x.todo = x.todo[:last]
		if p.left != nil {
			x.current = p
		} else if err := p.right.close(); err != nil {
			return err
		}
	}
	if x.current.left == nil {
		x.done = true
		return nil
	}
	x.level, x.built = x.current.level, x.current.right == nil
	if err := x.current.left.finish(); err != nil {
		return err
	}
	x.left.reader = x.current.left.reader(x.columns)
	if x.built {
		return nil
	}
	if err := x.current.right.finish(); err != nil {
		return err
	}
	x.right.reader = x.current.right.reader(x.columns)
	return nil
}

// forget has it begin again.
func (x *intersection) forget() error {
	err := errors.Join(x.leftParts.close(), x.rightParts.close(), x.current.left.close(), x.current.right.close())
	for _, p := range x.todo {
		err = errors.Join(err, p.left.close(), p.right.close())
	}
	x.leftParts, x.rightParts, x.current, x.todo = nil, nil, setPair{}, nil
	x.left.reader, x.right.reader = nil, nil
	x.built, x.done, x.level = false, false, 0
	x.table.reset()
	x.counts = x.counts[:0]
	x.hold.force(0)
	return err
}

// Reset implements Operator.
func (x *intersection) Reset() {
	x.left.operator.Reset()
	x.right.operator.Reset()
	_ = x.forget() // Close says if a file cannot be removed
}

// Close implements Operator.
func (x *intersection) Close() error { return x.forget() }

// union is UNION: the rows of both sides, each once unless all is set.
type union struct {
	inputs [2]setInput
	at     int
	all    bool
	rows   *uniqueRows
	batch  catalog.Batch
}

// Next implements Operator.
func (u *union) Next(ctx context.Context) (*catalog.Batch, error) {
	for u.at < len(u.inputs) {
		b, err := u.inputs[u.at].next(ctx)
		if err != nil {
			return nil, err
		}
		if b == nil {
			u.at++
			continue
		}
		if u.all {
			return b, nil
		}
		fresh, err := u.rows.add(b.Columns, rowsOf(b))
		if err != nil {
			return nil, err
		}
		if len(fresh) > 0 {
			u.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: fresh}
			return &u.batch, nil
		}
	}
	b, fresh, err := u.rows.rest(ctx)
	if b == nil || err != nil {
		return nil, err
	}
	u.batch = catalog.Batch{Columns: b.Columns, Len: b.Len, Sel: fresh}
	return &u.batch, nil
}

// Reset implements Operator.
func (u *union) Reset() {
	for i := range u.inputs {
		u.inputs[i].operator.Reset()
	}
	u.at = 0
	_ = u.rows.reset() // Close says if a file cannot be removed
}

// Close implements Operator.
func (u *union) Close() error { return u.rows.reset() }
