package exec

import (
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
	"github.com/middb/middb/planner/sqlstate"
)

// appendIntervalKey appends an Interval as appendKey does.
func appendIntervalKey(dst []byte, v catalog.Value, o key.Order) []byte {
	days, micros := v.IntervalSpan()
	return key.AppendInt(key.AppendInt(dst, days, o), micros, o)
}

// intervalSum is the sum of the Intervals of a group, part by part.
type intervalSum struct {
	months, days, micros wide
	count                int64
}

// intervalSums is SUM and AVG of INTERVAL.
type intervalSums struct {
	groups  []intervalSum
	average bool
}

func (a *intervalSums) grow(n int) { a.groups = grown(a.groups, n) }

func (a *intervalSums) add(args []*catalog.Vector, rows, groups []int32) error {
	for i, g := range groups {
		months, days, micros := args[0].Value(int(rows[i])).AsInterval()
		s := &a.groups[g]
		s.months, s.days = s.months.plus(wideOf(int64(months))), s.days.plus(wideOf(int64(days)))
		s.micros = s.micros.plus(wideOf(micros))
		s.count++
	}
	return nil
}

func (a *intervalSums) value(group int32) (catalog.Value, error) {
	s := &a.groups[group]
	if s.count == 0 {
		return catalog.Null(), nil
	}
	months, ok1 := s.months.int64()
	days, ok2 := s.days.int64()
	micros, ok3 := s.micros.int64()
	ok := ok1 && ok2 && ok3
	if a.average {
		// What is left of months becomes days of 1/30 month, and what is left of these microseconds.
		months, days, micros = averageInterval(months, days, micros, s.count)
	}
	if !ok || months != int64(int32(months)) || days != int64(int32(days)) {
		return catalog.Null(), sqlstate.New(sqlstate.DatetimeOverflow, -1, "the result is out of range for INTERVAL")
	}
	return catalog.IntervalOf(int32(months), int32(days), micros), nil
}

// averageInterval divides the parts of an Interval, as PostgreSQL does.
func averageInterval(months, days, micros, n int64) (m, d, us int64) {
	const monthDays, daySeconds = 30, 86400
	by := float64(n)
	m, d = months/n, days/n
	monthRest := (float64(months)/by - float64(m)) * monthDays
	monthRest = math.Round(monthRest*1e6) / 1e6
	rest := math.Round((float64(days)/by-float64(d)+monthRest-math.Trunc(monthRest))*daySeconds*1e6) / 1e6
	d += int64(monthRest)
	if math.Abs(rest) >= daySeconds {
		d += int64(rest / daySeconds)
		rest -= math.Trunc(rest/daySeconds) * daySeconds
	}
	return m, d, int64(math.RoundToEven(float64(micros)/by + rest*1e6))
}

func (a *intervalSums) merge(to, from int32) error {
	t, f := &a.groups[to], &a.groups[from]
	t.months, t.days, t.micros = t.months.plus(f.months), t.days.plus(f.days), t.micros.plus(f.micros)
	t.count += f.count
	return nil
}

func (a *intervalSums) zero(group int32) { a.groups[group] = intervalSum{} }

func (a *intervalSums) bytes() int64 { return 56 * int64(cap(a.groups)) }
func (a *intervalSums) reset()       { a.groups = a.groups[:0] }
