package exec

import (
	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// noGroup stands for a group that a table does not have and does not take in.
const noGroup = int32(-1)

// groupTable numbers the groups of rows that are equal in some columns, from 0 in the order in which they are first seen.
// NULL is equal to itself, and values are equal if catalog.Compare says so.
type groupTable struct {
	places []int // of the columns in batches
	index  groupIndex
	groups int
	frozen bool // no new groups are taken in
	fresh  []int32
	list   []int32
}

// groupIndex is a hash table of one kind of keys.
type groupIndex interface {
	// find sets list[i] to the group of the row at rows[i]. Those that it has not seen it numbers from next, and appends
	// their rows to fresh; or, if frozen, gives noGroup.
	find(columns []*catalog.Vector, rows, list, fresh []int32, next int32, frozen bool) ([]int32, error)
	bytes() int64
	reset()
}

// newGroupTable returns a table for the columns at places, of these types.
func newGroupTable(places []int, types []catalog.Type) *groupTable {
	t := &groupTable{places: places}
	switch {
	case len(places) == 0:
		t.index = &onlyGroup{}
	case len(places) == 1 && class(types[0].Kind) == ofInts && types[0].Kind != catalog.Decimal:
		t.index = &intGroups{place: places[0], kind: types[0].Kind}
	case len(places) == 1 && class(types[0].Kind) == ofTexts:
		t.index = &textGroups{place: places[0], kind: types[0].Kind}
	default:
		keys := make([]sortKey, len(places))
		for i, at := range places {
			keys[i].place = at
		}
		t.index = &keyGroups{encoder: keyEncoder{keys: keys}}
	}
	return t
}

// find returns the group of each row, and the rows with which new groups begin. Both are valid until the next call.
func (t *groupTable) find(columns []*catalog.Vector, rows []int32) (list, fresh []int32, err error) {
	t.list = extend(t.list[:0], len(rows))
	t.fresh, err = t.index.find(columns, rows, t.list, t.fresh[:0], int32(t.groups), t.frozen)
	t.groups += len(t.fresh)
	return t.list, t.fresh, err
}

func (t *groupTable) bytes() int64 { return t.index.bytes() }

// reset forgets all groups.
func (t *groupTable) reset() {
	t.index.reset()
	t.groups, t.frozen = 0, false
}

// onlyGroup is the table of no columns.
type onlyGroup struct{ seen bool }

func (t *onlyGroup) find(_ []*catalog.Vector, rows, list, fresh []int32, next int32, _ bool) ([]int32, error) {
	clear(list)
	if t.seen || len(rows) == 0 {
		return fresh, nil
	}
	t.seen = true
	if next > 0 {
		return fresh, nil
	}
	return append(fresh, rows[0]), nil
}

func (t *onlyGroup) bytes() int64 { return 0 }
func (t *onlyGroup) reset()       { t.seen = false }

// firstSlots is how many slots a hash table has first. They are a power of two, and at most 5/8 of them are used.
const firstSlots = 64

// keptSlots is how many slots are kept when a table is emptied.
const keptSlots = 4096

// full reports whether a table needs more slots for another group.
func full(groups, slots int) bool { return groups >= slots/8*5 }

// intSlot is a group of a number: its number plus 1, or 0 if the slot is free.
type intSlot struct {
	key   int64
	group int32
}

// intGroups is the table of one column of whole numbers, such as BIGINT and DATE. Slots are searched from the hash on.
type intGroups struct {
	place int
	kind  catalog.Kind
	slots []intSlot
	used  int
	null  int32 // the group of NULL plus 1; 0: there is none
}

func (t *intGroups) find(columns []*catalog.Vector, rows, list, fresh []int32, next int32, frozen bool) ([]int32, error) {
	v := columns[t.place]
	if err := checkKind(v, t.kind); err != nil {
		return fresh, err
	}
	if t.slots == nil {
		t.slots = make([]intSlot, firstSlots)
	}
	mask := uint64(len(t.slots) - 1)
	for i, row := range rows {
		if v.Kind == 0 || v.Nulls != nil && v.Nulls[row] {
			if t.null == 0 && !frozen {
				next++
				t.null = next
				fresh = append(fresh, row)
			}
			list[i] = t.null - 1
			continue
		}
		n := v.Ints[row]
		at := hashInt(n) & mask
		for t.slots[at].group != 0 && t.slots[at].key != n {
			at = (at + 1) & mask
		}
		list[i] = t.slots[at].group - 1
		if list[i] >= 0 || frozen {
			continue
		}
		list[i] = next
		next++
		t.slots[at] = intSlot{n, next}
		fresh = append(fresh, row)
		if t.used++; full(t.used, len(t.slots)) {
			t.grow()
			mask = uint64(len(t.slots) - 1)
		}
	}
	return fresh, nil
}

func (t *intGroups) grow() {
	old := t.slots
	t.slots = make([]intSlot, 2*len(old))
	mask := uint64(len(t.slots) - 1)
	for _, s := range old {
		if s.group == 0 {
			continue
		}
		at := hashInt(s.key) & mask
		for t.slots[at].group != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = s
	}
}

func (t *intGroups) bytes() int64 { return int64(len(t.slots)) * 16 }

func (t *intGroups) reset() {
	t.used, t.null = 0, 0
	if len(t.slots) > keptSlots {
		t.slots = nil
	}
	clear(t.slots)
}

// checkKind reports values of another kind than the plan has said.
func checkKind(v *catalog.Vector, want catalog.Kind) error {
	if v.Kind == want || v.Kind == 0 {
		return nil
	}
	return sqlstate.New(sqlstate.InternalError, -1, "a column of %s has values of %s", want, v.Kind)
}
