package expr

import (
	"math"
	"slices"

	"github.com/middb/middb/catalog"
)

// A castStep converts numbers and times. What it cannot say at once it leaves to the program of the node.
type castStep struct {
	typ    catalog.Type
	arg    step
	row    *rowStep
	live   selection
	result result
}

// newCastStep returns nil if nothing is gained.
func newCastStep(n *Node, args []operand, row *rowStep) step {
	from, to := n.Args[0].Type.Kind, n.Type.Kind
	switch {
	case numeric(from) && numeric(to), from == catalog.Date && to == catalog.Timestamp:
		return &castStep{typ: n.Type, arg: args[0].step, row: row}
	case from == catalog.String && to == catalog.String && n.Type.Length == 0:
		return args[0].step
	default:
		return nil
	}
}

func (s *castStep) choose(_ input, dst []int32, _ bool) ([]int32, error) {
	return dst, errGivenUp // no number is true
}

func (s *castStep) eval(in input) (*catalog.Vector, error) {
	v, err := s.arg.eval(in)
	if err != nil {
		return nil, err
	}
	out := s.result.reset(s.typ, in.n)
	live := s.result.nullWhere(in, &s.live, v)
	if len(live.sel) == 0 {
		return out, nil
	}
	if v.Kind == s.typ.Kind && (v.Kind != catalog.Decimal || s.typ.Precision == 0) {
		return v, nil
	}
	if v.Scales == nil {
		switch s.typ.Kind {
		case catalog.Float64:
			return out, s.toFloats(v, live)
		case catalog.Int64:
			return out, s.toInts(v, live)
		case catalog.Decimal:
			return out, s.toDecimals(v, live)
		case catalog.Timestamp:
			return out, s.toTimes(v, live)
		default:
		}
	}
	return out, s.each(live)
}

// element computes a value by the program.
func (s *castStep) element(in input, i int32) error {
	if err := s.row.compile(); err != nil {
		return err
	}
	x, err := s.row.at(in.columns, int(i), in.env)
	if err == nil {
		s.result.set(int(i), in.n, x)
	}
	return err
}

func (s *castStep) each(in input) error {
	for _, i := range in.sel {
		if err := s.element(in, i); err != nil {
			return err
		}
	}
	return nil
}

func (s *castStep) toFloats(v *catalog.Vector, in input) error {
	out := s.result.v.Floats
	if v.Kind == catalog.Int64 {
		for _, i := range in.sel {
			out[i] = float64(v.Ints[i])
		}
		return nil
	}
	for _, i := range in.sel {
		out[i] = catalog.DecimalOf(v.Ints[i], v.Scale).AsFloat()
	}
	return nil
}

// toInts rounds half away from zero.
func (s *castStep) toInts(v *catalog.Vector, in input) error {
	out := s.result.v.Ints
	if v.Kind == catalog.Float64 {
		for _, i := range in.sel {
			f := math.Round(v.Floats[i])
			if !(f >= -1<<63 && f < 1<<63) {
				return errGivenUp
			}
			out[i] = int64(f)
		}
		return nil
	}
	unit := int64(pow10[min(v.Scale, maxDigits)])
	for _, i := range in.sel {
		q, r := v.Ints[i]/unit, v.Ints[i]%unit
		if r >= unit-r && r > 0 {
			q++
		}
		if -r >= unit+r && r < 0 {
			q--
		}
		out[i] = q
	}
	return nil
}

// toDecimals converts whole numbers, and DECIMALs that get no fewer places.
func (s *castStep) toDecimals(v *catalog.Vector, in input) error {
	from, limit := v.Scale*isDecimal(v.Kind), uint64(maxUnscaled)
	to := from
	if s.typ.Precision > 0 {
		to, limit = s.typ.Scale, pow10[min(s.typ.Precision, maxDigits)]-1
	}
	if v.Kind == catalog.Float64 || to < from || from > maxDigits || to > maxDigits {
		return s.each(in)
	}
	unit := int64(pow10[to-from])
	limit /= uint64(unit)
	s.result.v.Scale = to
	out := s.result.v.Ints
	for _, i := range in.sel {
		if n := v.Ints[i]; uint64(n)+limit <= 2*limit {
			out[i] = n * unit
		} else if err := s.element(in, i); err != nil {
			return err
		}
	}
	return nil
}

func (s *castStep) toTimes(v *catalog.Vector, in input) error {
	const days = 1_000_000 // well inside of what there are timestamps of
	out := s.result.v.Ints
	for _, i := range in.sel {
		if n := v.Ints[i]; uint64(n)+days <= 2*days {
			out[i] = n * microsOfDay
		} else if err := s.element(in, i); err != nil {
			return err
		}
	}
	return nil
}

// An extractStep is EXTRACT of the year, month or day of a DATE or TIMESTAMPTZ.
type extractStep struct {
	part   int // of what civil returns
	typ    catalog.Type
	arg    step
	live   selection
	result result
}

// newExtractStep returns nil for other fields.
func newExtractStep(n *Node, args []operand) step {
	part := slices.Index([]string{"year", "month", "day"}, n.Name)
	if moment(n.Args[0].Type.Kind) && part >= 0 {
		return &extractStep{part: part, typ: n.Type, arg: args[0].step}
	}
	of, err := fieldOf(n.Name, n.Args[0].Type.Kind)
	if err != nil {
		return nil
	}
	t := n.Type
	return &elementStep{typ: t, args: args, of: func(v []catalog.Value) (catalog.Value, error) { return of(v[0], t), nil }}
}

func (s *extractStep) choose(_ input, dst []int32, _ bool) ([]int32, error) {
	return dst, errGivenUp // no number is true
}

func (s *extractStep) eval(in input) (*catalog.Vector, error) {
	v, err := s.arg.eval(in)
	if err != nil {
		return nil, err
	}
	out := s.result.reset(s.typ, in.n)
	live := s.result.nullWhere(in, &s.live, v)
	out.Scale = 0
	for _, i := range live.sel {
		day := v.Ints[i]
		if v.Kind == catalog.Timestamp {
			micros := day
			if day = micros / microsOfDay; micros%microsOfDay < 0 {
				day--
			}
		}
		date := civil(day)
		n := date[s.part]
		if s.typ.Kind == catalog.Float64 {
			out.Floats[i] = float64(n)
		} else {
			out.Ints[i] = n
		}
	}
	return out, nil
}

// civil returns the year, month and day of a day after 1970-01-01, by Howard Hinnant's algorithm: years begin in March, so that the leap
// day is the last one, and 400 of them have the same days.
func civil(days int64) [3]int64 {
	const ofEra = 146_097
	days += 719_468 // from 0000-03-01
	era := days / ofEra
	if days%ofEra < 0 {
		era--
	}
	d := uint32(days - era*ofEra)
	year := (d - d/1460 + d/36_524 - d/146_096) / 365
	d -= 365*year + year/4 - year/100
	m := (5*d + 2) / 153
	date := [3]int64{int64(year) + era*400, int64(m) + 3, int64(d-(153*m+2)/5) + 1}
	if m >= 10 {
		date[0]++
		date[1] -= 12
	}
	return date
}
