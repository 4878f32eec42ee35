package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

func TestValidateRefuses(t *testing.T) {
	nested := func(depth int) []byte { return append(bytes.Repeat([]byte{0x91}, depth), 0xc0) }
	many := func(n int) []byte { return append(AppendArray(nil, n), make([]byte, n)...) }
	for _, test := range []struct {
		name string
		body []byte
		ok   bool
	}{
		{"nothing", nil, false},
		{"nil", []byte{0xc0}, true},
		{"two values", []byte{0xc0, 0xc0}, false},
		{"the unused byte", []byte{0xc1}, false},
		{"an extension", []byte{0xd4, 1, 2}, false},
		{"a long extension", []byte{0xc7, 1, 5, 0}, false},
		{"a false array length", []byte{0xdd, 0x7f, 0xff, 0xff, 0xff}, false},
		{"a false map length", []byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0, 0xc0}, false},
		{"a false string length", []byte{0xdb, 0xff, 0xff, 0xff, 0xff, 'a'}, false},
		{"false bytes", []byte{0xc4, 2, 'a'}, false},
		{"an unfinished head", []byte{0xc6, 0, 0}, false},
		{"an unfinished array", []byte{0x92, 0xc0}, false},
		{"an array in place of a rest", []byte{0x92, 0x91, 0xc0}, false},
		{"a map under an integer", []byte{0x81, 0x01, 0xc0}, false},
		{"a map under bytes", []byte{0x81, 0xc4, 0x00, 0xc0}, false},
		{"a map", []byte{0x82, 0xa1, 'a', 0x91, 0x80, 0xa1, 'b', 0xc2}, true},
		{"a map without its last value", []byte{0x82, 0xa1, 'a', 0x91, 0x80, 0xa1, 'b'}, false},
		{"empty containers", []byte{0x92, 0x90, 0x80}, true},
		{"as deep as allowed", nested(MaxDepth), true},
		{"deeper", nested(MaxDepth + 1), false},
		{"four million deep", nested(4 << 20), false},
		{"as many as allowed", many(MaxElements - 1), true},
		{"more", many(MaxElements), false},
	} {
		err := Validate(test.body)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && !errors.Is(err, ErrBadMessage) {
			t.Errorf("%s: the wrong error: %v", test.name, err)
		}
	}
}

// FuzzValidate: what passes, the library decodes too, wholly, and to the same when it is encoded again.
func FuzzValidate(f *testing.F) {
	for _, e := range examples() {
		f.Add(e.message.Append(nil))
	}
	f.Add([]byte{0xdd, 0, 0, 0, 1, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		if Validate(body) != nil {
			return
		}
		d := NewDecoder(body)
		d.Skip()
		if d.Err() != nil || d.at != len(body) {
			t.Fatalf("skipping ends at %d of %d: %v", d.at, len(body), d.Err())
		}
		var v any
		r := bytes.NewReader(body)
		if err := msgpack.NewDecoder(r).Decode(&v); err != nil {
			t.Fatalf("the library refuses %s: %v", hex.EncodeToString(body), err)
		}
		if r.Len() != 0 {
			t.Fatalf("the library leaves %d bytes of %s", r.Len(), hex.EncodeToString(body))
		}
	})
}

func BenchmarkValidateGet(b *testing.B) {
	body := (&Get{Key: []byte("user/00000001"), Keyspace: "users"}).Append(nil)
	for b.Loop() {
		if Validate(body) != nil {
			b.Fatal("refused")
		}
	}
}

func BenchmarkGet(b *testing.B) {
	m := &Get{Key: []byte("user/00000001"), Keyspace: ""}
	var buf []byte
	var back Get
	b.ReportAllocs()
	for b.Loop() {
		buf = m.Append(buf[:0])
		if back.Decode(buf) != nil {
			b.Fatal("refused")
		}
	}
}
