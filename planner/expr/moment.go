package expr

import (
	"io"
	"strings"
	"time"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/sqlstate"
)

// addDays returns the date so many days behind one.
func addDays(v, w catalog.Value) (catalog.Value, error) {
	sum, err := addInts(catalog.Int(v.AsInt()), w)
	if err != nil {
		return catalog.Null(), noDate()
	}
	return checkedDate(sum.AsInt())
}

func subtractDays(v, w catalog.Value) (catalog.Value, error) {
	difference, err := subtractInts(catalog.Int(v.AsInt()), w)
	if err != nil {
		return catalog.Null(), noDate()
	}
	return checkedDate(difference.AsInt())
}

func checkedDate(days int64) (catalog.Value, error) {
	v, err := catalog.Cast(catalog.DateOf(days), dateType)
	if err != nil {
		return catalog.Null(), noDate()
	}
	return v, nil
}

func noDate() error {
	return sqlstate.New(sqlstate.DatetimeOverflow, -1, "the result is out of range for DATE")
}

// timeOf returns the time of an evaluation.
func (f frame) timeOf() time.Time {
	if f.env == nil {
		return time.Time{}
	}
	return f.env.Now
}

// volatile returns the node of a function without arguments that depends on time or chance.
func volatile(c *call, t catalog.Type, eval evaluator) *Node {
	n := &Node{Op: OpCall, At: c.at, Name: c.name, Type: t, Volatile: true, moody: true}
	n.build = func(*Node, []evaluator) evaluator { return eval }
	return n
}

func (b *Binder) now(c *call) (*Node, error) {
	return volatile(c, timestampType, func(f frame) (catalog.Value, error) {
		return catalog.TimestampOf(f.timeOf()), nil
	}), nil
}

func (b *Binder) today(c *call) (*Node, error) {
	return volatile(c, dateType, func(f frame) (catalog.Value, error) {
		return convertValue(catalog.TimestampOf(f.timeOf()), dateType, c.at)
	}), nil
}

// randomUUID binds GEN_RANDOM_UUID(): a UUID of version 4.
func (b *Binder) randomUUID(c *call) (*Node, error) {
	return volatile(c, uuidType, func(f frame) (catalog.Value, error) {
		if f.env == nil || f.env.Random == nil {
			return catalog.Null(), sqlstate.New(sqlstate.NotSupported, c.at, "%s cannot be called here", c.name)
		}
		var u [16]byte
		if _, err := io.ReadFull(f.env.Random, u[:]); err != nil {
			e := sqlstate.New(sqlstate.InternalError, c.at, "the source of random numbers failed: %v", err)
			e.Cause = err
			return catalog.Null(), e
		}
		u[6] = u[6]&0x0f | 0x40
		u[8] = u[8]&0x3f | 0x80
		return catalog.UUIDOf(u), nil
	}), nil
}

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
	"epoch":        func(t time.Time) (int64, uint8) { return t.UnixMicro(), 6 },
	"week": whole(func(t time.Time) int64 {
		_, week := t.ISOWeek()
		return int64(week)
	}),
	"isoyear": whole(func(t time.Time) int64 {
		year, _ := t.ISOWeek()
		return int64(year)
	}),
}

// micros returns the microseconds of the minute.
func micros(t time.Time) int64 { return int64(t.Second())*1_000_000 + int64(t.Nanosecond())/1000 }

// ofDates are the fields that a date has too.
const ofDates = " year month day dow isodow doy quarter decade century millennium epoch week isoyear "

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
	case !moment(x.Type.Kind):
		return nil, wrongArgument(c, x, "DATE or TIMESTAMPTZ")
	}
	ofDate := x.Type.Kind == catalog.Date
	if name.Op == OpConstant && !name.Value.IsNull() { // what is wrong with it can be said at once
		if _, err := fieldOf(name.Value.AsString(), ofDate); err != nil {
			return nil, placed(err, name.At)
		}
	}
	t := decimalType
	if c.name == "date_part" {
		t = floatType
	}
	return foldCall(c, t, binary(func(name, v catalog.Value) (catalog.Value, error) {
		of, err := fieldOf(name.AsString(), ofDate)
		if err != nil {
			return catalog.Null(), err
		}
		d := catalog.DecimalOf(of(v.AsTime()))
		if t.Kind == catalog.Float64 {
			return catalog.Float(d.AsFloat()), nil
		}
		return d, nil
	}), name, x), nil
}

func fieldOf(name string, ofDate bool) (field, error) {
	name = strings.ToLower(name)
	of, ok := fields[name]
	switch {
	case !ok:
		return nil, sqlstate.New(sqlstate.InvalidParameter, -1, "a time has no field %q", shorten(name)).
			WithHint("there are year, month, day, hour, minute, second, dow, doy, week, quarter, epoch and others")
	case ofDate && !strings.Contains(ofDates, " "+name+" "):
		return nil, sqlstate.New(sqlstate.NotSupported, -1, "a DATE has no field %q", name)
	}
	return of, nil
}
