package key

import (
	"bytes"
	"cmp"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/middb/middb/tests/environment"
)

// elements of a tuple, of all types.
type element struct {
	null  bool
	order Order
	kind  int
	i     int64
	f     float64
	b     bool
	s     []byte
}

const kinds = 5

func (e *element) append(dst []byte) []byte {
	if e.null {
		return AppendNull(dst, e.order)
	}
	switch e.kind {
	case 0:
		return AppendInt(dst, e.i, e.order)
	case 1:
		return AppendFloat(dst, e.f, e.order)
	case 2:
		return AppendBool(dst, e.b, e.order)
	case 3:
		return AppendBytes(dst, e.s, e.order)
	default:
		return AppendFixed(dst, e.s, e.order)
	}
}

// compare compares as SQL does, NaN being equal to itself and above all others.
func (e *element) compare(o *element) int {
	switch {
	case e.null && o.null:
		return 0
	case e.null != o.null:
		if e.null == (e.order&NullsFirst != 0) {
			return -1
		}
		return 1
	}
	c := 0
	switch e.kind {
	case 0:
		c = cmp.Compare(e.i, o.i)
	case 1:
		switch {
		case e.f != e.f || o.f != o.f:
			c = boolCompare(e.f != e.f, o.f != o.f)
		default:
			c = cmp.Compare(e.f, o.f)
		}
	case 2:
		c = boolCompare(e.b, o.b)
	default:
		c = bytes.Compare(e.s, o.s)
	}
	if e.order&Descending != 0 {
		return -c
	}
	return c
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// vary gives the element another value, often a near one.
func (e *element) vary(rng *rand.Rand) {
	e.null = rng.IntN(8) == 0
	e.i = int64(rng.Uint64()) >> rng.IntN(64)
	e.f = []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), rng.NormFloat64(), math.Float64frombits(rng.Uint64()), 1}[rng.IntN(8)]
	e.b = rng.IntN(2) == 0
	e.s = nil
	n := rng.IntN(4)
	if e.kind == 4 {
		n = 16
	}
	for range n {
		e.s = append(e.s, []byte{0, 1, 0xff, 0xfe, 'a', byte(rng.Uint32())}[rng.IntN(6)])
	}
}

// read takes the element off a tuple, and reports whether it is equal.
func (e *element) read(t *Tuple) bool {
	if t.Null(e.order) {
		return e.null
	}
	got := *e
	switch e.kind {
	case 0:
		got.i = t.Int(e.order)
	case 1:
		got.f = t.Float(e.order)
	case 2:
		got.b = t.Bool(e.order)
	case 3:
		view := *t
		got.s = t.Bytes(nil, e.order)
		if v := view.View(e.order); !bytes.Equal(v, got.s) || !bytes.Equal(view.Rest(), t.Rest()) || view.Err() != t.Err() {
			return false
		}
	default:
		got.s = t.Fixed(nil, 16, e.order)
	}
	return !e.null && e.compare(&got) == 0
}

func TestTuplesSortAsTheirValues(t *testing.T) {
	seed := environment.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 200_000 {
		a := make([]element, 1+rng.IntN(4))
		for i := range a {
			a[i].kind, a[i].order = rng.IntN(kinds), Order(rng.IntN(4))
			a[i].vary(rng)
		}
		b := append([]element(nil), a...)
		for i := range b {
			if rng.IntN(2) == 0 {
				b[i].vary(rng)
			}
		}
		want := 0
		var encoded [2][]byte
		for i := range a {
			if want == 0 {
				want = a[i].compare(&b[i])
			}
			encoded[0], encoded[1] = a[i].append(encoded[0]), b[i].append(encoded[1])
		}
		if got := bytes.Compare(encoded[0], encoded[1]); got != want {
			t.Fatalf("MIDDB_SEED=%d: %+v as %x and %+v as %x compare as %d; the values as %d", seed, a, encoded[0], b, encoded[1], got, want)
		}
		tuple := NewTuple(encoded[0])
		for i := range a {
			if !a[i].read(&tuple) {
				t.Fatalf("MIDDB_SEED=%d: element %d of %+v is read as another one", seed, i, a)
			}
		}
		if tuple.Err() != nil || len(tuple.Rest()) > 0 {
			t.Fatalf("MIDDB_SEED=%d: %x is left: %v", seed, tuple.Rest(), tuple.Err())
		}
	}
}

func TestTuplesAsDocumented(t *testing.T) {
	for _, c := range []struct {
		what string
		got  []byte
		want string
	}{
		{"0", AppendInt(nil, 0, 0), "\x80"},
		{"1", AppendInt(nil, 1, 0), "\x81\x01"},
		{"256", AppendInt(nil, 256, 0), "\x82\x01\x00"},
		{"-1", AppendInt(nil, -1, 0), "\x7f"},
		{"-2", AppendInt(nil, -2, 0), "\x7e\xfe"},
		{"-257", AppendInt(nil, -257, 0), "\x7d\xfe\xff"},
		{"1 descending", AppendInt(nil, 1, Descending), "\x7e\xfe"},
		{"NULL", AppendNull(nil, Descending), "\xfe"},
		{"NULL first", AppendNull(nil, NullsFirst), "\x01"},
		{"true", AppendBool(nil, true, 0), "\x81"},
		{"1.5", AppendFloat(nil, 1.5, 0), "\x80\xbf\xf8\x00\x00\x00\x00\x00\x00"},
		{"a zero byte", AppendBytes(nil, []byte("a\x00"), 0), "\x80a\x00\xff\x00\x01"},
		{"fixed", AppendFixed(nil, []byte("ab"), 0), "\x80ab"},
	} {
		if string(c.got) != c.want {
			t.Errorf("%s is %x; %x is documented", c.what, c.got, c.want)
		}
	}
}

// FuzzTuple reads any bytes as elements: what is read is encoded as it was.
func FuzzTuple(f *testing.F) {
	f.Add([]byte("\x80a\x00\xff\x00\x01"), byte(3), byte(0))
	f.Add([]byte("\x7d\xfe\xff"), byte(0), byte(1))
	f.Add([]byte("\x80\xbf\xf8\x00\x00\x00\x00\x00\x00"), byte(1), byte(2))
	f.Fuzz(func(t *testing.T, b []byte, kind, order byte) {
		o := Order(order & 3)
		tuple := NewTuple(b)
		var again []byte
		switch {
		case tuple.Null(o):
			again = AppendNull(nil, o)
		case kind%kinds == 0:
			again = AppendInt(nil, tuple.Int(o), o)
		case kind%kinds == 1:
			again = AppendFloat(nil, tuple.Float(o), o)
		case kind%kinds == 2:
			again = AppendBool(nil, tuple.Bool(o), o)
		case kind%kinds == 3:
			view := tuple
			v := view.View(o)
			again = AppendBytes(nil, tuple.Bytes(nil, o), o)
			if tuple.Err() == nil && !bytes.Equal(AppendBytes(nil, v, o), again) || view.Err() != tuple.Err() {
				t.Fatalf("%x is viewed as %x", b, v)
			}
		default:
			again = AppendFixed(nil, tuple.Fixed(nil, 16, o), o)
		}
		if read := b[:len(b)-len(tuple.Rest())]; tuple.Err() == nil && !bytes.Equal(again, read) {
			t.Fatalf("%x is read and encoded as %x", read, again)
		}
	})
}

// LeadingInt agrees with Tuple.Int wherever it finds something, and finds all that is not negative.
func TestLeadingIntIsInt(t *testing.T) {
	for seed := range environment.Seeds(t, 20) {
		r := rand.New(rand.NewPCG(seed, 5))
		for range 2000 {
			v := r.Int64() >> r.IntN(64)
			if r.IntN(2) == 0 {
				v = ^v
			}
			b := append(AppendInt(nil, v, 0), make([]byte, r.IntN(3))...)
			if r.IntN(2) == 0 {
				b[r.IntN(len(b))] ^= 1 << r.IntN(8)
				b = b[:r.IntN(len(b)+1)]
			}
			tuple := NewTuple(b)
			want := tuple.Int(0)
			got, size := LeadingInt(b)
			if found := tuple.Err() == nil && want >= 0; found != (size > 0) || found && (got != want || len(tuple.Rest()) != len(b)-size) {
				t.Fatalf("MIDDB_SEED=%d: % x is %d of %d bytes, want %d, %v", seed, b, got, size, want, tuple.Err())
			}
		}
	}
}
