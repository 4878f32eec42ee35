package expr

import (
	"strings"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// A field computes a part of a time: a number in units of 10^-scale.
type field func(t time.Time) (n int64, scale uint8)

func whole(of func(t time.Time) int64) field {
	return func(t time.Time) (int64, uint8) { return of(t), 0 }
}

// fields by name.
var fields = map[string]field{
	"year":         whole(func(t time.Time) int64 { return int64(t.Year()) }),
	"month":        whole(func(t time.Time) int64 { return int64(t.Month()) }),
	"day":          whole(func(t time.Time) int64 { return int64(t.Day()) }),
	"hour":         whole(func(t time.Time) int64 { return int64(t.Hour()) }),
	"minute":       whole(func(t time.Time) int64 { return int64(t.Minute()) }),
	"second":       func(t time.Time) (int64, uint8) { return micros(t), 6 },
	"millisecond":  func(t time.Time) (int64, uint8) { return micros(t), 3 },
	"milliseconds": func(t time.Time) (int64, uint8) { return micros(t), 3 },
	"microsecond":  whole(micros),
	"microseconds": whole(micros),
	"dow":          whole(func(t time.Time) int64 { return int64(t.Weekday()) }),
	"isodow":       whole(func(t time.Time) int64 { return int64(t.Weekday()+6)%7 + 1 }),
	"doy":          whole(func(t time.Time) int64 { return int64(t.YearDay()) }),
	"quarter":      whole(func(t time.Time) int64 { return int64(t.Month()-1)/3 + 1 }),
	"decade":       whole(func(t time.Time) int64 { return int64(t.Year()) / 10 }),
	"century":      whole(func(t time.Time) int64 { return int64(t.Year()+99) / 100 }),
	"millennium":   whole(func(t time.Time) int64 { return int64(t.Year()+999) / 1000 }),
	"julian":       julian,
	"timezone":     whole(func(time.Time) int64 { return 0 }), // everything is in UTC
	"epoch":        func(t time.Time) (int64, uint8) { return t.UnixMicro(), 6 },
	"week": whole(func(t time.Time) int64 {
		_, week := t.ISOWeek()
		return int64(week)
	}),
	"timezone_hour":   whole(func(time.Time) int64 { return 0 }),
	"timezone_minute": whole(func(time.Time) int64 { return 0 }),
	"isoyear": whole(func(t time.Time) int64 {
		year, _ := t.ISOWeek()
		return int64(year)
	}),
}

// micros returns the microseconds of the minute.
func micros(t time.Time) int64 { return int64(t.Second())*1_000_000 + int64(t.Nanosecond())/1000 }

// ofDates are the fields that a date has too.
const ofDates = " year month day dow isodow doy quarter decade century millennium epoch week isoyear julian "

// julian returns the Julian day, with the part of it that is over.
func julian(t time.Time) (int64, uint8) {
	const places = 10
	day := t.Unix()/secondsOfDay + 2440588
	over := t.UnixMicro() - (day-2440588)*microsOfDay
	if over < 0 {
		day, over = day-1, over+microsOfDay
	}
	if over == 0 {
		return day, 0
	}
	return day*int64(pow10[places]) + (over*int64(pow10[places-6])+secondsOfDay/2)/secondsOfDay, places
}

// intervalFields are the fields of an interval, in the same way.
var intervalFields = map[string]func(months, days int32, micros int64) (int64, uint8){
	"year":         ofMonths(func(m int64) int64 { return m / 12 }),
	"month":        ofMonths(func(m int64) int64 { return m % 12 }),
	"quarter":      ofMonths(func(m int64) int64 { return m%12/3 + 1 }),
	"decade":       ofMonths(func(m int64) int64 { return m / 120 }),
	"century":      ofMonths(func(m int64) int64 { return m / 1200 }),
	"millennium":   ofMonths(func(m int64) int64 { return m / 12000 }),
	"day":          func(_, d int32, _ int64) (int64, uint8) { return int64(d), 0 },
	"hour":         func(_, _ int32, n int64) (int64, uint8) { return n / 3_600_000_000, 0 },
	"minute":       func(_, _ int32, n int64) (int64, uint8) { return n / 60_000_000 % 60, 0 },
	"second":       func(_, _ int32, n int64) (int64, uint8) { return n % 60_000_000, 6 },
	"millisecond":  func(_, _ int32, n int64) (int64, uint8) { return n % 60_000_000, 3 },
	"milliseconds": func(_, _ int32, n int64) (int64, uint8) { return n % 60_000_000, 3 },
	"microsecond":  func(_, _ int32, n int64) (int64, uint8) { return n % 60_000_000, 0 },
	"microseconds": func(_, _ int32, n int64) (int64, uint8) { return n % 60_000_000, 0 },
	"epoch": func(m, d int32, n int64) (int64, uint8) { // a year has 365.25 days
		days := int64(m/12)*1461*6 + int64(m%12)*30*24 + int64(d)*24 // in hours
		return days*3_600_000_000 + n, 6
	},
}

func ofMonths(of func(m int64) int64) func(months, days int32, micros int64) (int64, uint8) {
	return func(m, _ int32, _ int64) (int64, uint8) { return of(int64(m)), 0 }
}

// extract binds EXTRACT(field FROM x), which is DECIMAL, and DATE_PART('field', x), which is DOUBLE PRECISION. Times
// are taken apart in UTC.
func (b *Binder) extract(c *call) (*Node, error) {
	name, err := b.settle(c.args[0], textType)
	if err != nil {
		return nil, err
	}
	x, err := b.settle(c.args[1], timestampType)
	switch {
	case err != nil:
		return nil, err
	case name.Type.Kind != catalog.String:
		return nil, wrongArgument(c, name, "TEXT as the field")
	case !moment(x.Type.Kind) && x.Type.Kind != catalog.Interval:
		return nil, wrongArgument(c, x, "DATE, TIMESTAMPTZ or INTERVAL")
	}
	t := decimalType
	if c.name == "date_part" {
		t = floatType
	}
	kind := x.Type.Kind
	if name.Op != OpConstant || name.Value.IsNull() {
		return foldCall(c, t, binary(func(name, v catalog.Value) (catalog.Value, error) {
			of, err := fieldOf(name.AsString(), kind)
			if err != nil {
				return catalog.Null(), err
			}
			return of(v, t), nil
		}), name, x), nil
	}
	field := strings.ToLower(name.Value.AsString())
	if _, err := fieldOf(field, kind); err != nil { // what is wrong with it can be said at once
		return nil, placed(err, name.At)
	}
	n := plain(OpExtract, c.at, t, extractEval, x)
	n.Name = field
	return n.folded(), nil
}

// extractEval builds an OpExtract.
func extractEval(n *Node, args []evaluator) evaluator {
	of, err := fieldOf(n.Name, n.Args[0].Type.Kind)
	t, at := n.Type, n.At
	return strict(args[0], func(v catalog.Value) (catalog.Value, error) {
		if err != nil {
			return catalog.Null(), placed(err, at)
		}
		return of(v, t), nil
	})
}

// fieldOf returns what computes a field of values of a kind, as a type.
func fieldOf(name string, k catalog.Kind) (func(v catalog.Value, t catalog.Type) catalog.Value, error) {
	name = strings.ToLower(name)
	as := func(n int64, scale uint8, t catalog.Type) catalog.Value {
		d := catalog.DecimalOf(n, scale)
		if t.Kind == catalog.Float64 {
			return catalog.Float(d.AsFloat())
		}
		return d
	}
	of, known := fields[name]
	if k == catalog.Interval {
		if of, ok := intervalFields[name]; ok {
			return func(v catalog.Value, t catalog.Type) catalog.Value {
				n, scale := of(v.AsInterval())
				return as(n, scale, t)
			}, nil
		}
		if known {
			return nil, sqlstate.New(sqlstate.NotSupported, -1, "an INTERVAL has no field %q", name)
		}
	}
	switch {
	case !known:
		return nil, sqlstate.New(sqlstate.InvalidParameter, -1, "a time has no field %q", shorten(name)).
			WithHint("there are year, month, day, hour, minute, second, dow, doy, week, quarter, epoch and others")
	case k == catalog.Date && !strings.Contains(ofDates, " "+name+" "):
		return nil, sqlstate.New(sqlstate.NotSupported, -1, "a DATE has no field %q", name)
	}
	return func(v catalog.Value, t catalog.Type) catalog.Value {
		n, scale := of(v.AsTime())
		if k == catalog.Date && name == "epoch" {
			n, scale = n/1_000_000, 0
		}
		return as(n, scale, t)
	}, nil
}
