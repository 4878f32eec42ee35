package exec

import (
	"context"
	"errors"

	"github.com/middb/middb/catalog"
)

// uniqueRows finds the first of the rows that are equal in some columns. Rows that it cannot remember go to temporary
// files: they are found when all others were.
type uniqueRows struct {
	run     *run
	hold    holding
	what    string
	columns int
	table   *groupTable
	level   int
	parts   *partitions
	todo    []part
	reader  *spillReader
	current part
	spilled []int32
}

// newUniqueRows returns one for rows of so many columns that compares those at places, which have these types.
func newUniqueRows(b *builder, budget *budget, what string, places []int, types []catalog.Type, columns int) *uniqueRows {
	return &uniqueRows{
		run: b.run, hold: b.holding(budget), what: what, columns: columns, table: newGroupTable(places, types),
	}
}

// add returns which of the rows are the first that are as they are. They are valid until the next call.
func (u *uniqueRows) add(columns []*catalog.Vector, rows []int32) ([]int32, error) {
	list, fresh, err := u.table.find(columns, rows)
	if err != nil {
		return nil, err
	}
	if !u.table.frozen {
		if !u.hold.fits(u.table.bytes()) {
			u.table.frozen = true
			u.parts = newPartitions(u.run, u.hold.budget, u.what, u.table.places, u.columns, u.level)
		}
		return fresh, nil
	}
	u.spilled = u.spilled[:0]
	for i, g := range list {
		if g == noGroup {
			u.spilled = append(u.spilled, rows[i])
		}
	}
	return nil, u.parts.add(columns, u.spilled)
}

// rest returns a batch of rows that went to files, and which of them are the first that are as they are; nil at the end.
// It is called when there is nothing to add any more, and until the end.
func (u *uniqueRows) rest(ctx context.Context) (*catalog.Batch, []int32, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if u.reader == nil {
			if err := u.nextPart(); err != nil || u.reader == nil {
				return nil, nil, err
			}
		}
		b, err := u.reader.next()
		if err != nil {
			return nil, nil, err
		}
		if b == nil {
			u.reader = nil
			continue
		}
		fresh, err := u.add(b.Columns, rowsOf(b))
		if err != nil {
			return nil, nil, err
		}
		if len(fresh) > 0 {
			return b, fresh, nil
		}
	}
}

// nextPart begins to read the next file. Those that its rows are divided among come before others.
func (u *uniqueRows) nextPart() error {
	if u.parts != nil {
		more, err := u.parts.finish()
		u.todo = append(u.todo, more...)
		if err != nil {
			return err
		}
		u.parts = nil
	}
	if err := u.current.file.close(); err != nil {
		return err
	}
	u.current = part{}
	u.table.reset()
	u.hold.force(0)
	if len(u.todo) == 0 {
		return nil
	}
	last := len(u.todo) - 1
	u.current, u.todo = u.todo[last], u.todo[:last]
	u.level = u.current.level
	u.reader = u.current.file.reader(u.columns)
	return nil
}

// reset forgets all rows.
func (u *uniqueRows) reset() error {
	err := errors.Join(u.parts.close(), closeParts(u.todo), u.current.file.close())
	u.parts, u.todo, u.reader, u.current, u.level = nil, nil, nil, part{}, 0
	u.table.reset()
	u.hold.force(0)
	return err
}
