package exec

import (
	"math"
	"sort"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// rangeSearch finds the rows whose values of ORDER BY are at some distance from that of a row.
type rangeSearch struct {
	values     *catalog.Vector
	descending bool
	add        func(v, offset catalog.Value, back bool) catalog.Value
	start, end catalog.Value
	known      windowPartition // whose rows without NULL are first to last
	first      int32
	last       int32
}

func (s *rangeSearch) begin(f *frameFinder, values *catalog.Vector) error {
	*s = rangeSearch{values: values, descending: f.key.Descending, start: f.startOffset, end: f.endOffset}
	kind := f.startOffset.Kind()
	if kind == 0 {
		kind = f.endOffset.Kind()
	}
	switch {
	case values.Kind == catalog.Float64, values.Kind.Numeric() && kind == catalog.Float64:
		s.add = addFloat
	case values.Kind.Numeric() && kind.Numeric():
		s.add = addExact
	case values.Kind == catalog.Date && kind == catalog.Int64:
		s.add = addDays
	case (values.Kind == catalog.Date || values.Kind == catalog.Timestamp) && kind == catalog.Interval:
		s.add = addInterval
	case values.Kind == 0:
	default:
		return sqlstate.New(sqlstate.NotSupported, -1, "RANGE with an offset of type %s is not for ORDER BY of type %s", kind, values.Kind)
	}
	return nil
}

// bound returns where a frame starts, or the row behind its end. Forward says that the offset is FOLLOWING.
func (s *rangeSearch) bound(d *windowRows, p windowPartition, row int32, forward, start bool) int32 {
	if s.values.IsNull(int(row)) { // as far as the others that are NULL
		if start {
			return d.groups[d.group[row]]
		}
		return d.groupEnd(d.group[row])
	}
	if s.known != p {
		s.known, s.first, s.last = p, p.from, p.to
		for s.first < s.last && s.values.IsNull(int(s.first)) {
			s.first++
		}
		for s.last > s.first && s.values.IsNull(int(s.last-1)) {
			s.last--
		}
	}
	offset := s.end
	if start {
		offset = s.start
	}
	limit := s.add(s.values.Value(int(row)), offset, forward == s.descending)
	n := sort.Search(int(s.last-s.first), func(i int) bool {
		c := compareMoments(s.values.Value(int(s.first)+i), limit)
		if s.descending {
			c = -c
		}
		return c > 0 || start && c == 0
	})
	return s.first + int32(n)
}

// compareMoments is catalog.Compare that finds a Date equal to the Timestamp of its midnight.
func compareMoments(v, limit catalog.Value) int {
	if v.Kind() == catalog.Date && limit.Kind() == catalog.Timestamp {
		v = catalog.TimestampOf(v.AsTime())
	}
	return catalog.Compare(v, limit)
}

func addFloat(v, offset catalog.Value, back bool) catalog.Value {
	f := offset.AsFloat()
	if back {
		f = -f
	}
	return catalog.Float(v.AsFloat() + f)
}

// addExact adds BIGINTs or DECIMALs. What is out of range becomes infinite.
func addExact(v, offset catalog.Value, back bool) catalog.Value {
	n, scale := v.AsDecimal()
	m, other := offset.AsDecimal()
	var s decimalSum
	err := s.add(wideOf(n), scale)
	w := wideOf(m)
	if back {
		w = wideOf(0).minus(w)
	}
	if err == nil {
		err = s.add(w, other)
	}
	sum, ok := s.sum.int64()
	if err != nil || !ok {
		if back {
			return catalog.Float(math.Inf(-1))
		}
		return catalog.Float(math.Inf(1))
	}
	if s.scale == 0 {
		return catalog.Int(sum)
	}
	return catalog.DecimalOf(sum, s.scale)
}

func addDays(v, offset catalog.Value, back bool) catalog.Value {
	n := offset.AsInt()
	if back {
		n = -n
	}
	return catalog.DateOf(v.AsInt() + min(max(n, -1e9), 1e9))
}

// addInterval adds months, of which no one has more days than it has, then days, then the rest.
func addInterval(v, offset catalog.Value, back bool) catalog.Value {
	months, days, micros := offset.AsInterval()
	if back {
		months, days, micros = -months, -days, -micros
	}
	t := v.AsTime()
	if months != 0 {
		year, month, day := t.Date()
		first := time.Date(year, month+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
		day = min(day, first.AddDate(0, 1, -1).Day())
		t = first.AddDate(0, 0, day-1).Add(t.Sub(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)))
	}
	t = t.AddDate(0, 0, int(days))
	const most = math.MaxInt64 / 1000
	for ; micros > most || micros < -most; micros -= micros / 2 {
		t = t.Add(time.Duration(micros/2) * time.Microsecond)
	}
	return catalog.TimestampOf(t.Add(time.Duration(micros) * time.Microsecond))
}
