package catalog

import "slices"

// layout returns how rows are stored that have the columns of today: those of a fixed width first.
func (t *Table) layout() Layout {
	var fixed, others []StoredColumn
	for _, c := range t.Columns {
		switch {
		case t.inPrimaryKey(c.ID):
		case c.Type.Kind.width() > 0:
			fixed = append(fixed, StoredColumn{c.ID, c.Type})
		default:
			others = append(others, StoredColumn{c.ID, c.Type})
		}
	}
	return Layout{append(fixed, others...)}
}

func (t *Table) inPrimaryKey(id uint16) bool {
	return slices.ContainsFunc(t.PrimaryKey, func(k IndexColumn) bool { return k.Column == id })
}

// same reports whether rows of both layouts are stored in the same way.
func (l Layout) same(m Layout) bool {
	return slices.EqualFunc(l.Columns, m.Columns, func(a, b StoredColumn) bool {
		return a.ID == b.ID && a.Type.storedAs(b.Type)
	})
}

// checkLayouts checks that rows of every layout can be read, and that new ones have the columns that there are.
func (t *Table) checkLayouts() error {
	n := len(t.Layouts)
	if n == 0 || n > MaxLayouts {
		return t.wrong(nil, "a table has 1 to %d layouts, not %d: copy it into a new one", MaxLayouts, n)
	}
	columns := map[uint16]*Column{}
	for i := range t.Columns {
		columns[t.Columns[i].ID] = &t.Columns[i]
	}
	for number, l := range t.Layouts {
		seen, variable := map[uint16]bool{}, false
		if len(l.Columns) > MaxColumns {
			return t.wrong(nil, "layout %d has %d columns", number, len(l.Columns))
		}
		for _, s := range l.Columns {
			if s.Type.fault() != "" || seen[s.ID] || s.ID == 0 || s.ID >= t.NextColumn || t.inPrimaryKey(s.ID) {
				return t.wrong(nil, "layout %d: column %d cannot be in it", number, s.ID)
			}
			fixed := s.Type.Kind.width() > 0
			if variable && fixed {
				return t.wrong(nil, "layout %d: column %d is of a fixed width and not before the others", number, s.ID)
			}
			if c := columns[s.ID]; c != nil && !c.Type.widens(s.Type) {
				return t.wrong(nil, "layout %d: column %s is a %s, and was stored as %s", number, c.Name, c.Type, s.Type)
			}
			seen[s.ID], variable = true, !fixed
		}
	}
	if !t.Layouts[n-1].same(t.layout()) {
		return t.wrong(nil, "the last layout does not have the columns of the table in their order")
	}
	return nil
}

// A shape says where the columns of a layout are in a row, counted from behind its head.
type shape struct {
	columns []slot
	bitmap  int   // bytes of it
	spare   uint8 // the bits of its last byte that belong to no column
	ends    int   // where the ends are, and so what bitmap and slots take
	strings int   // how many columns have an end
}

// A slot is where a column is.
type slot struct {
	id    uint16
	kind  Kind
	scale uint8
	mask  uint8 // its bit
	null  int   // in this byte of the bitmap
	at    int   // its slot; or which of the ends is its
}

func (l Layout) shape() shape {
	n := len(l.Columns)
	s := shape{bitmap: (n + 7) / 8}
	if n%8 != 0 {
		s.spare = 0xff << (n % 8)
	}
	s.ends = s.bitmap
	for i, c := range l.Columns {
		k := slot{id: c.ID, kind: c.Type.Kind, scale: c.Type.Scale, mask: 1 << (i % 8), null: i / 8}
		if w := c.Type.Kind.width(); w > 0 {
			k.at = s.ends
			s.ends += w
		} else {
			k.at = s.strings
			s.strings++
		}
		s.columns = append(s.columns, k)
	}
	return s
}

// A plan is what writing needs to know of a table, worked out once.
type plan struct {
	columns *Column // of which table, and in which state
	layouts int
	shape   shape
	places  []int // of the columns of the shape in a row
	byID    []int // place in a row by column id; -1: there is none
}

// prepare works the plan out, before others see the table.
func (t *Table) prepare() *Table {
	t.plan = t.newPlan()
	return t
}

// current returns the plan. Of a table that was put together by hand it is worked out each time.
func (t *Table) current() *plan {
	p := t.plan
	if p != nil && len(t.Columns) > 0 && p.columns == &t.Columns[0] && p.layouts == len(t.Layouts) {
		return p
	}
	return t.newPlan()
}

func (t *Table) newPlan() *plan {
	p := &plan{layouts: len(t.Layouts), byID: make([]int, int(t.NextColumn))}
	for i := range p.byID {
		p.byID[i] = -1
	}
	for i := range t.Columns {
		p.columns = &t.Columns[0]
		if id := int(t.Columns[i].ID); id < len(p.byID) {
			p.byID[id] = i
		}
	}
	if p.layouts > 0 {
		p.shape = t.Layouts[p.layouts-1].shape()
	}
	for _, s := range p.shape.columns {
		p.places = append(p.places, p.place(s.id))
	}
	return p
}

// place returns where in a row the column of an id is, or -1.
func (p *plan) place(id uint16) int {
	if int(id) >= len(p.byID) {
		return -1
	}
	return p.byID[id]
}
