package expr

import (
	"math"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
)

// A momentOperator computes with times. Those with swapped take their operands the other way round.
type momentOperator struct {
	result  catalog.Type
	of      operation
	swapped bool
}

// A momentKey says of which kinds the operands are. A number is Float64.
type momentKey struct {
	operator    ast.Operator
	left, right catalog.Kind
}

// momentOperators is what can be computed with dates, timestamps and intervals. A DATE moved by an INTERVAL is a
// TIMESTAMPTZ, and so is everything in which a DATE meets one.
var momentOperators = func() map[momentKey]momentOperator {
	const date, ts, span, whole, number = catalog.Date, catalog.Timestamp, catalog.Interval, catalog.Int64, catalog.Float64
	m := map[momentKey]momentOperator{
		{ast.Add, date, whole}:       {dateType, addDays, false},
		{ast.Add, whole, date}:       {dateType, addDays, true},
		{ast.Subtract, date, whole}:  {dateType, subtractDays, false},
		{ast.Subtract, date, date}:   {intType, daysBetween, false},
		{ast.Add, span, span}:        {intervalType, addIntervals, false},
		{ast.Subtract, span, span}:   {intervalType, subtractIntervals, false},
		{ast.Multiply, span, number}: {intervalType, multiplyInterval, false},
		{ast.Multiply, number, span}: {intervalType, multiplyInterval, true},
		{ast.Divide, span, number}:   {intervalType, divideInterval, false},
		{ast.Subtract, ts, ts}:       {intervalType, timeBetween, false},
		{ast.Subtract, date, ts}:     {intervalType, timeBetween, false},
		{ast.Subtract, ts, date}:     {intervalType, timeBetween, false},
	}
	for _, k := range []catalog.Kind{date, ts} {
		m[momentKey{ast.Add, k, span}] = momentOperator{timestampType, addInterval, false}
		m[momentKey{ast.Add, span, k}] = momentOperator{timestampType, addInterval, true}
		m[momentKey{ast.Subtract, k, span}] = momentOperator{timestampType, subtractInterval, false}
	}
	return m
}()

// momentArithmetic binds what can be computed with times.
func (b *Binder) momentArithmetic(at int, o ast.Operator, x, y *Node) (*Node, error) {
	left, right := x.Type.Kind, y.Type.Kind
	if left == catalog.Interval && numeric(right) {
		right = catalog.Float64
	}
	if right == catalog.Interval && numeric(left) {
		left = catalog.Float64
	}
	m, ok := momentOperators[momentKey{o, left, right}]
	if !ok {
		return nil, noOperator(at, o, x.Type, y.Type)
	}
	x, y = widen(x, catalog.Type{Kind: left}), widen(y, catalog.Type{Kind: right})
	build := binary(m.of)
	if m.swapped {
		build = binary(func(v, w catalog.Value) (catalog.Value, error) { return m.of(w, v) })
	}
	return operatorCall(at, o, m.result, build, x, y), nil
}

func daysBetween(v, w catalog.Value) (catalog.Value, error) {
	return catalog.Int(v.AsInt() - w.AsInt()), nil
}

// microsOf returns the microseconds of a date or timestamp.
func microsOf(v catalog.Value) int64 { return v.AsTime().UnixMicro() }

// timeBetween returns the difference of two times, in days and what is left.
func timeBetween(v, w catalog.Value) (catalog.Value, error) {
	d := microsOf(v) - microsOf(w)
	return catalog.IntervalOf(0, int32(d/microsOfDay), d%microsOfDay), nil
}

// addInterval moves a time: by months, to the end of the month if there is no such day, then by days, then by the rest.
func addInterval(v, w catalog.Value) (catalog.Value, error) {
	months, days, micros := w.AsInterval()
	t := v.AsTime()
	if months != 0 {
		year, month, day := t.Date()
		first := time.Date(year, month+time.Month(months), 1, 0, 0, 0, 0, time.UTC)
		day = min(day, daysIn(first.Year(), first.Month()))
		t = first.AddDate(0, 0, day-1).Add(t.Sub(t.Truncate(24 * time.Hour)))
	}
	t = t.AddDate(0, 0, int(days))
	if t.Year() < -1000 || t.Year() > 11_000 { // so that microseconds do not overflow
		return catalog.Null(), noTimestamp()
	}
	sum, err := addInts(catalog.Int(t.UnixMicro()), catalog.Int(micros))
	if err != nil {
		return catalog.Null(), noTimestamp()
	}
	return timestamp(sum.AsInt())
}

func subtractInterval(v, w catalog.Value) (catalog.Value, error) {
	negative, err := negatedInterval(w)
	if err != nil {
		return catalog.Null(), err
	}
	return addInterval(v, negative)
}

func noInterval() error {
	return sqlstate.New(sqlstate.IntervalOverflow, -1, "the result is out of range for INTERVAL")
}

// checkedInterval returns an interval, if its parts are not too large.
func checkedInterval(months, days int64, micros catalog.Value, err error) (catalog.Value, error) {
	if err != nil || months != int64(int32(months)) || days != int64(int32(days)) {
		return catalog.Null(), noInterval()
	}
	return catalog.IntervalOf(int32(months), int32(days), micros.AsInt()), nil
}

func negatedInterval(v catalog.Value) (catalog.Value, error) {
	m, d, n := v.AsInterval()
	micros, err := negated(catalog.Int(n))
	return checkedInterval(-int64(m), -int64(d), micros, err)
}

func addIntervals(v, w catalog.Value) (catalog.Value, error) {
	m, d, n := v.AsInterval()
	m2, d2, n2 := w.AsInterval()
	micros, err := addInts(catalog.Int(n), catalog.Int(n2))
	return checkedInterval(int64(m)+int64(m2), int64(d)+int64(d2), micros, err)
}

func subtractIntervals(v, w catalog.Value) (catalog.Value, error) {
	m, d, n := v.AsInterval()
	m2, d2, n2 := w.AsInterval()
	micros, err := subtractInts(catalog.Int(n), catalog.Int(n2))
	return checkedInterval(int64(m)-int64(m2), int64(d)-int64(d2), micros, err)
}

func multiplyInterval(v, w catalog.Value) (catalog.Value, error) {
	factor := w.AsFloat()
	return scaledInterval(v, func(x float64) float64 { return x * factor })
}

func divideInterval(v, w catalog.Value) (catalog.Value, error) {
	divisor := w.AsFloat()
	if divisor == 0 {
		return catalog.Null(), divisionByZero()
	}
	return scaledInterval(v, func(x float64) float64 { return x / divisor })
}

// scaledInterval multiplies the parts of an interval. Fractions of months become days, of 30 a month, and those of days
// become time, as PostgreSQL rounds them.
func scaledInterval(v catalog.Value, by func(float64) float64) (catalog.Value, error) {
	toMicro := func(x float64) float64 { return math.RoundToEven(x*1e6) / 1e6 }
	m, d, n := v.AsInterval()
	months, days := by(float64(m)), by(float64(d))
	if !(math.Abs(months) <= math.MaxInt32) || !(math.Abs(days) <= math.MaxInt32) {
		return catalog.Null(), noInterval()
	}
	fromMonths := toMicro((months - math.Trunc(months)) * 30)
	seconds := toMicro((days - math.Trunc(days) + fromMonths - math.Trunc(fromMonths)) * secondsOfDay)
	whole := math.Trunc(days) + math.Trunc(fromMonths)
	if math.Abs(seconds) >= secondsOfDay {
		whole += math.Trunc(seconds / secondsOfDay)
		seconds -= math.Trunc(seconds/secondsOfDay) * secondsOfDay
	}
	micros := math.RoundToEven(by(float64(n)) + seconds*1e6)
	if !(micros >= math.MinInt64 && micros < math.MaxInt64) {
		return catalog.Null(), noInterval()
	}
	return checkedInterval(int64(months), int64(whole), catalog.Int(int64(micros)), nil)
}

// justifyDays makes months of 30 days each.
func justifyDays(args []catalog.Value) (catalog.Value, error) {
	m, d, n := args[0].AsInterval()
	months, days := int64(m)+int64(d)/30, int64(d)%30
	switch {
	case months > 0 && days < 0:
		months, days = months-1, days+30
	case months < 0 && days > 0:
		months, days = months+1, days-30
	}
	return checkedInterval(months, days, catalog.Int(n), nil)
}

// justifyHours makes days of 24 hours each.
func justifyHours(args []catalog.Value) (catalog.Value, error) {
	m, d, n := args[0].AsInterval()
	days, micros := int64(d)+n/microsOfDay, n%microsOfDay
	switch {
	case days > 0 && micros < 0:
		days, micros = days-1, micros+microsOfDay
	case days < 0 && micros > 0:
		days, micros = days+1, micros-microsOfDay
	}
	return checkedInterval(int64(m), days, catalog.Int(micros), nil)
}

// justifyInterval does both, and gives all parts one sign.
func justifyInterval(args []catalog.Value) (catalog.Value, error) {
	m, d, n := args[0].AsInterval()
	months, days, micros := int64(m), int64(d)+n/microsOfDay, n%microsOfDay
	months, days = months+days/30, days%30
	switch {
	case months > 0 && (days < 0 || days == 0 && micros < 0):
		months, days = months-1, days+30
	case months < 0 && (days > 0 || days == 0 && micros > 0):
		months, days = months+1, days-30
	}
	switch {
	case days > 0 && micros < 0:
		days, micros = days-1, micros+microsOfDay
	case days < 0 && micros > 0:
		days, micros = days+1, micros-microsOfDay
	}
	return checkedInterval(months, days, catalog.Int(micros), nil)
}

// age binds AGE(x, y), the difference in years, months and days, and AGE(y), which counts up to today.
func (b *Binder) age(c *call) (*Node, error) {
	if err := b.arguments(c, timestampType, timestampType); err != nil {
		return nil, err
	}
	if len(c.args) == 2 {
		return foldCall(c, intervalType, binary(age), c.args...), nil
	}
	return moody(stable, c, intervalType, withEnv(func(f frame, args []catalog.Value) (catalog.Value, error) {
		return age(catalog.TimestampOf(f.env.Now.UTC().Truncate(24*time.Hour)), args[0])
	}), c.args...), nil
}

// age subtracts field by field, and borrows from the one above where that is negative.
func age(v, w catalog.Value) (catalog.Value, error) {
	x, y := v.AsTime(), w.AsTime()
	sign := int64(1)
	if x.Before(y) {
		x, y, sign = y, x, -1
	}
	clock := func(t time.Time) int64 { return t.UnixMicro() - t.Truncate(24*time.Hour).UnixMicro() }
	micros := clock(x) - clock(y)
	days := int64(x.Day() - y.Day())
	months := int64(x.Year()-y.Year())*12 + int64(x.Month()-y.Month())
	if micros < 0 {
		days, micros = days-1, micros+microsOfDay
	}
	if days < 0 { // the month of the earlier time has so many
		months, days = months-1, days+int64(daysIn(y.Year(), y.Month()))
	}
	return checkedInterval(sign*months, sign*days, catalog.Int(sign*micros), nil)
}

// dateTrunc binds DATE_TRUNC(field, x), which is a TIMESTAMPTZ, or an INTERVAL of one. A zone can be given, if it is UTC.
func (b *Binder) dateTrunc(c *call) (*Node, error) {
	t := timestampType
	if c.args[1].Type.Kind == catalog.Interval {
		t = intervalType
	}
	if err := b.arguments(c, textType, t, textType); err != nil {
		return nil, err
	}
	of := truncTime
	if t.Kind == catalog.Interval {
		of = truncInterval
	}
	return foldCall(c, t, eachStrict(func(args []catalog.Value) (catalog.Value, error) {
		if len(args) == 3 && !strings.EqualFold(args[2].AsString(), "utc") {
			return catalog.Null(), sqlstate.New(sqlstate.NotSupported, -1, "times are in UTC, not in %q", shorten(args[2].AsString()))
		}
		return of(strings.ToLower(args[0].AsString()), args[1])
	}), c.args...), nil
}

func noField(name string) error {
	return sqlstate.New(sqlstate.InvalidParameter, -1, "times cannot be cut off to %q", shorten(name)).
		WithHint("there are year, quarter, month, week, day, hour, minute, second and others")
}

// clockUnits are those that divide a day, in microseconds.
var clockUnits = map[string]int64{
	"microsecond": 1, "microseconds": 1, "millisecond": 1000, "milliseconds": 1000, "second": 1_000_000,
	"minute": 60_000_000, "hour": 3_600_000_000, "day": microsOfDay,
}

// monthUnits are those that have whole months.
var monthUnits = map[string]int{
	"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12000,
}

func truncTime(field string, v catalog.Value) (catalog.Value, error) {
	t := v.AsTime()
	if unit, ok := clockUnits[field]; ok {
		n := t.UnixMicro()
		return timestamp(n - (n%unit+unit)%unit)
	}
	if field == "week" {
		days := (int(t.Weekday()) + 6) % 7
		return timestamp(t.Truncate(24*time.Hour).AddDate(0, 0, -days).UnixMicro())
	}
	unit, ok := monthUnits[field]
	if !ok {
		return catalog.Null(), noField(field)
	}
	months := t.Year()*12 + int(t.Month()) - 1
	if unit > 120 { // centuries begin with the year 1
		months = (months-12)/unit*unit + 12
	} else {
		months = months / unit * unit
	}
	return timestamp(time.Date(months/12, time.Month(months%12+1), 1, 0, 0, 0, 0, time.UTC).UnixMicro())
}

func truncInterval(field string, v catalog.Value) (catalog.Value, error) {
	m, d, n := v.AsInterval()
	if unit, ok := clockUnits[field]; ok {
		if field == "day" {
			n = 0
		}
		return catalog.IntervalOf(m, d, n-n%unit), nil
	}
	unit, ok := monthUnits[field]
	if !ok {
		return catalog.Null(), noField(field)
	}
	return catalog.IntervalOf(m-m%int32(unit), 0, 0), nil
}
