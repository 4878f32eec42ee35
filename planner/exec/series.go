package exec

import (
	"math"
	"math/bits"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// newSeries returns generate_series(from, to [, step]).
func newSeries(args []catalog.Value, at int) (rowSeries, error) {
	switch {
	case args[0].Kind() == catalog.Timestamp || args[0].Kind() == catalog.Date:
		return newMoments(args, at)
	case args[0].Kind() == catalog.Int64 && args[1].Kind() == catalog.Int64 && (len(args) < 3 || args[2].Kind() == catalog.Int64):
		s := &numberSeries{at: args[0].AsInt(), to: args[1].AsInt(), step: 1}
		if len(args) == 3 {
			s.step = args[2].AsInt()
		}
		s.value = catalog.Int
		return s.begun(at)
	default:
		return newDecimals(args, at)
	}
}

// numberSeries are a series of whole numbers.
type numberSeries struct {
	at, to, step int64
	value        func(int64) catalog.Value
	ended        bool
}

func (s *numberSeries) begun(at int) (rowSeries, error) {
	if s.step == 0 {
		return nil, zeroStep(at)
	}
	return s, nil
}

func zeroStep(at int) error {
	return sqlstate.New(sqlstate.InvalidParameter, at, "the step of generate_series must not be zero")
}

func (s *numberSeries) next(dst []catalog.Value) ([]catalog.Value, bool, error) {
	if s.ended || s.step > 0 && s.at > s.to || s.step < 0 && s.at < s.to {
		return dst, false, nil
	}
	dst = append(dst, s.value(s.at))
	next := s.at + s.step
	s.ended = (next > s.at) != (s.step > 0) // there are no such numbers any more
	s.at = next
	return dst, true, nil
}

// newDecimals returns a series of DECIMALs, with as many places as the argument with the most.
func newDecimals(args []catalog.Value, at int) (rowSeries, error) {
	if len(args) < 3 {
		args = append(args[:2:2], catalog.Int(1))
	}
	scale := uint8(0)
	for _, v := range args {
		_, s := v.AsDecimal()
		scale = max(scale, s)
	}
	var n [3]int64
	for i, v := range args {
		unscaled, s := v.AsDecimal()
		hi, lo := bits.Mul64(uint64(max(unscaled, -unscaled)), uint64(powers[scale-s]))
		if hi != 0 || lo > math.MaxInt64 {
			return nil, sqlstate.New(sqlstate.OutOfRange, at, "generate_series needs numbers of more than 18 digits")
		}
		n[i] = unscaled * powers[scale-s]
	}
	s := &numberSeries{at: n[0], to: n[1], step: n[2]}
	s.value = func(n int64) catalog.Value { return catalog.DecimalOf(n, scale) }
	return s.begun(at)
}

// momentSeries are a series of timestamps.
type momentSeries struct {
	at, to       int64 // microseconds
	months, days int32
	micros       int64
	down         bool
	place        int
	ended        bool
}

func newMoments(args []catalog.Value, at int) (rowSeries, error) {
	s := &momentSeries{at: microsOf(args[0]), to: microsOf(args[1]), place: at}
	if len(args) < 3 || args[2].Kind() != catalog.Interval {
		return nil, sqlstate.New(sqlstate.InvalidParameter, at, "generate_series of times needs an interval as its step")
	}
	s.months, s.days, s.micros = args[2].AsInterval()
	days, micros := args[2].IntervalSpan()
	if days == 0 && micros == 0 {
		return nil, zeroStep(at)
	}
	s.down = days < 0
	return s, nil
}

// microsOf returns the microseconds of a timestamp, or of the midnight of a date.
func microsOf(v catalog.Value) int64 {
	if v.Kind() == catalog.Date {
		return v.AsTime().UnixMicro()
	}
	return v.AsInt()
}

func (s *momentSeries) next(dst []catalog.Value) ([]catalog.Value, bool, error) {
	if s.ended || !s.down && s.at > s.to || s.down && s.at < s.to {
		return dst, false, nil
	}
	t := time.UnixMicro(s.at).UTC()
	dst = append(dst, catalog.TimestampOf(t))
	next := addMonths(t, int(s.months)).AddDate(0, 0, int(s.days)).UnixMicro()
	sum := next + s.micros
	s.ended = (sum > next) != (s.micros > 0) && s.micros != 0 || sum == s.at
	s.at = sum
	return dst, true, nil
}

// addMonths goes to the same day of another month, or to its last one.
func addMonths(t time.Time, months int) time.Time {
	if months == 0 {
		return t
	}
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
