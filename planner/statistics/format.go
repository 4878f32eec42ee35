package statistics

import (
	"encoding/binary"
	"math"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/key"
	"github.com/middb/middb/planner/plan"
)

// formatVersion is the first byte of encoded statistics.
const formatVersion = 1

// Encode returns statistics in the format of the package's documentation.
func Encode(s *plan.Statistics) []byte {
	b := appendFloat([]byte{formatVersion}, s.Rows)
	b = binary.AppendUvarint(b, uint64(len(s.Columns)))
	for i := range s.Columns {
		b = appendColumn(b, &s.Columns[i])
	}
	return b
}

func appendFloat(b []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
}

func appendColumn(b []byte, c *plan.ColumnStatistics) []byte {
	b = binary.AppendUvarint(b, uint64(c.ID))
	for _, f := range []float64{c.Nulls, c.Distinct, c.Width, c.Correlation} {
		b = appendFloat(b, f)
	}
	var kind catalog.Kind
	var scale uint8
	some := c.Common
	if len(some) == 0 {
		some = c.Bounds
	}
	if len(some) > 0 {
		if kind = some[0].Kind(); kind == catalog.Decimal {
			_, scale = some[0].AsDecimal()
		}
	}
	b = append(b, uint8(kind), scale)
	b = binary.AppendUvarint(b, uint64(len(c.Common)))
	for _, f := range c.Frequency {
		b = appendFloat(b, f)
	}
	for _, v := range c.Common {
		b = catalog.AppendKeyValue(b, v, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(c.Bounds)))
	for _, v := range c.Bounds {
		b = catalog.AppendKeyValue(b, v, 0)
	}
	return b
}

// Decode returns the statistics that Encode has encoded. Errors are of type *catalog.DamageError.
func Decode(data []byte) (*plan.Statistics, error) {
	d := &decoder{all: data, rest: data}
	if d.byte() != formatVersion {
		d.fail("this is another version of the format")
	}
	s := &plan.Statistics{Rows: d.float(0, math.MaxFloat64)}
	n := d.count(1 + 4*8 + 4)
	for range n {
		if d.err != nil {
			break
		}
		s.Columns = append(s.Columns, d.column())
	}
	if len(d.rest) > 0 {
		d.fail("something follows")
	}
	if d.err != nil {
		return nil, d.err
	}
	return s, nil
}

// A decoder takes things off encoded statistics. After an error it returns zeros.
type decoder struct {
	all, rest []byte
	err       *catalog.DamageError
}

func (d *decoder) fail(why string) {
	if d.err == nil {
		d.err = &catalog.DamageError{What: "statistics", Offset: len(d.all) - len(d.rest), Why: why}
	}
	d.rest = nil
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || len(d.rest) < n {
		d.fail("they end too early")
		return make([]byte, n)
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() uint8 { return d.take(1)[0] }

// float takes a number within bounds.
func (d *decoder) float(least, most float64) float64 {
	f := math.Float64frombits(binary.LittleEndian.Uint64(d.take(8)))
	if !(f >= least && f <= most) || f == 0 && math.Signbit(f) {
		d.fail("a number is out of bounds")
		return 0
	}
	return f
}

func (d *decoder) uvarint() uint64 {
	n, length := binary.Uvarint(d.rest)
	if d.err != nil || length <= 0 || length > 1 && d.rest[length-1] == 0 {
		d.fail("this is no number")
		return 0
	}
	d.rest = d.rest[length:]
	return n
}

// count takes how many of something follow that have so many bytes at least.
func (d *decoder) count(bytes int) int {
	n := d.uvarint()
	if n > uint64(len(d.rest)/bytes) {
		d.fail("there cannot be so many")
		return 0
	}
	return int(n)
}

func (d *decoder) column() (c plan.ColumnStatistics) {
	id := d.uvarint()
	if id == 0 || id > math.MaxUint16 {
		d.fail("this is no column")
	}
	c.ID = uint16(id)
	c.Nulls, c.Distinct, c.Width = d.float(0, 1), d.float(0, math.MaxFloat64), d.float(0, math.MaxFloat64)
	c.Correlation = d.float(-1, 1)
	t := catalog.Type{Kind: catalog.Kind(d.byte())}
	t.Scale = d.byte()
	if t.Kind > catalog.JSON || t.Scale > catalog.MaxPrecision || t.Scale > 0 && t.Kind != catalog.Decimal {
		d.fail("this is no type")
	}
	n := d.count(8 + 1)
	last := 1.0
	for range n {
		last = d.float(0, last)
		c.Frequency = append(c.Frequency, last)
	}
	c.Common = d.values(t, n)
	c.Bounds = d.values(t, d.count(1))
	for i := 1; i < len(c.Bounds); i++ {
		if catalog.Compare(c.Bounds[i-1], c.Bounds[i]) > 0 {
			d.fail("the bounds do not ascend")
		}
	}
	if (t.Kind == 0) != (len(c.Common)+len(c.Bounds) == 0) {
		d.fail("there are values without a kind, or none with one")
	}
	return c
}

// values takes so many values.
func (d *decoder) values(t catalog.Type, n int) []catalog.Value {
	var all []catalog.Value
	for range n {
		if d.err != nil || t.Kind == 0 {
			d.fail("there are values of no kind")
			return nil
		}
		tuple := key.NewTuple(d.rest)
		v, err := catalog.DecodeKeyValue(&tuple, t, 0)
		if err != nil || v.IsNull() {
			d.fail("this is no " + t.Kind.String())
			return nil
		}
		d.rest = tuple.Rest()
		all = append(all, v.Clone())
	}
	return all
}
