package expr

import (
	"math"
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

// momentFunctions are those of dates, timestamps and intervals.
func momentFunctions() map[string]function {
	return map[string]function{
		"now":                   {0, 0, (*Binder).now},
		"current_timestamp":     {0, 1, (*Binder).now},
		"localtimestamp":        {0, 1, (*Binder).now},
		"transaction_timestamp": {0, 0, (*Binder).now},
		"statement_timestamp":   {0, 0, (*Binder).now},
		"clock_timestamp":       {0, 0, (*Binder).clock},
		"current_date":          {0, 0, (*Binder).today},
		"extract":               {2, 2, (*Binder).extract},
		"date_part":             {2, 2, (*Binder).extract},
		"date_trunc":            {2, 3, (*Binder).dateTrunc},
		"age":                   {1, 2, (*Binder).age},
		"make_date":             {3, 3, simple(dateType, makeDate, intType, intType, intType)},
		"make_timestamptz":      {6, 6, simple(timestampType, makeTimestamp, intType, intType, intType, intType, intType, floatType)},
		"make_timestamp":        {6, 6, simple(timestampType, makeTimestamp, intType, intType, intType, intType, intType, floatType)},
		"to_timestamp":          {1, 2, (*Binder).toTimestamp},
		"to_date":               {2, 2, simple(dateType, toDate)},
		"to_char":               {2, 2, (*Binder).toChar},
		"isfinite":              {1, 1, (*Binder).isFinite},
		"justify_days":          {1, 1, simple(intervalType, justifyDays, intervalType)},
		"justify_hours":         {1, 1, simple(intervalType, justifyHours, intervalType)},
		"justify_interval":      {1, 1, simple(intervalType, justifyInterval, intervalType)},
	}
}

// fromEnv returns the builder of a function of nothing but the environment.
func fromEnv(of func(f frame) (catalog.Value, error)) builder {
	return func(n *Node, _ []evaluator) evaluator {
		at := n.At
		return func(f frame) (catalog.Value, error) {
			if f.env == nil {
				f.env = &Env{}
			}
			v, err := of(f)
			return v, placed(err, at)
		}
	}
}

// now binds NOW(). It may be told how many digits the seconds have.
func (b *Binder) now(c *call) (*Node, error) {
	unit := int64(1)
	if len(c.args) == 1 {
		n := c.args[0]
		if n.Op != OpConstant || n.Type.Kind != catalog.Int64 || n.Value.AsInt() < 0 {
			return nil, wrongArgument(c, n, "a number of digits")
		}
		unit = int64(pow10[6-min(n.Value.AsInt(), 6)])
	}
	return moody(stable, c, timestampType, fromEnv(func(f frame) (catalog.Value, error) {
		v := catalog.TimestampOf(f.env.Now)
		return timestamp((v.AsInt() + unit/2) / unit * unit)
	})), nil
}

// clock binds CLOCK_TIMESTAMP(), which goes on within a statement.
func (b *Binder) clock(c *call) (*Node, error) {
	return moody(unstable, c, timestampType, fromEnv(func(f frame) (catalog.Value, error) {
		if f.env.Clock == nil {
			return catalog.TimestampOf(f.env.Now), nil
		}
		return catalog.TimestampOf(f.env.Clock()), nil
	})), nil
}

func (b *Binder) today(c *call) (*Node, error) {
	return moody(stable, c, dateType, fromEnv(func(f frame) (catalog.Value, error) {
		return convertValue(catalog.TimestampOf(f.env.Now), dateType, c.at)
	})), nil
}

// timestamp returns the timestamp of microseconds.
func timestamp(micros int64) (catalog.Value, error) {
	v, err := catalog.Cast(catalog.TimestampOf(time.UnixMicro(micros)), timestampType)
	if err != nil {
		return catalog.Null(), noTimestamp()
	}
	return v, nil
}

func noTimestamp() error {
	return sqlstate.New(sqlstate.DatetimeOverflow, -1, "the result is out of range for TIMESTAMPTZ")
}

// makeDate computes MAKE_DATE(year, month, day).
func makeDate(args []catalog.Value) (catalog.Value, error) {
	year, month, day := args[0].AsInt(), args[1].AsInt(), args[2].AsInt()
	if year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > int64(daysIn(int(year), time.Month(month))) {
		return catalog.Null(), sqlstate.New(sqlstate.DatetimeOverflow, -1, "there is no date %d-%02d-%02d", year, month, day)
	}
	return catalog.DateOf(time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay), nil
}

const (
	secondsOfDay = 24 * 60 * 60
	microsOfDay  = secondsOfDay * 1_000_000
)

// daysIn returns how many days a month has.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// makeTimestamp computes MAKE_TIMESTAMPTZ(year, month, day, hour, minute, second).
func makeTimestamp(args []catalog.Value) (catalog.Value, error) {
	date, err := makeDate(args[:3])
	if err != nil {
		return date, err
	}
	hour, minute, second := args[3].AsInt(), args[4].AsInt(), args[5].AsFloat()
	if hour < 0 || minute < 0 || minute > 59 || !(second >= 0 && second <= 60) || hour > 24 || hour == 24 && (minute > 0 || second > 0) {
		return catalog.Null(), sqlstate.New(sqlstate.DatetimeOverflow, -1, "there is no time %d:%02d:%g", hour, minute, second)
	}
	return timestamp(date.AsInt()*microsOfDay + (hour*60+minute)*60_000_000 + int64(math.RoundToEven(second*1e6)))
}

// isFinite binds ISFINITE, which is always true: there are no infinite times.
func (b *Binder) isFinite(c *call) (*Node, error) {
	x, err := b.settle(c.args[0], timestampType)
	switch {
	case err != nil:
		return nil, err
	case !moment(x.Type.Kind) && x.Type.Kind != catalog.Interval:
		return nil, wrongArgument(c, x, "DATE, TIMESTAMPTZ or INTERVAL")
	}
	return foldCall(c, boolType, unary(func(catalog.Value) (catalog.Value, error) { return catalog.BoolOf(true), nil }), x), nil
}
