package engine

import (
	"bytes"
	"testing"
)

func TestStoredKeysKeepTheirOrderAndLead(t *testing.T) {
	keys := [][]byte{{0}, {0, 0}, {0, 1}, {0, 1, 0}, {0, 0xff}, {1}, []byte("a"), {0xfe, 0xff}, {0xff}, {0xff, 0}, {0xff, 1}, {0xff, 0xff}}
	named := numberedSpace(7)
	for _, s := range []*space{&defaultSpace, &named, &metaSpace} {
		for _, a := range keys {
			sa, buf := s.stored(a)
			if back := s.user(sa); !bytes.Equal(back, a) {
				t.Errorf("%x is stored as %x, which is %x", a, sa, back)
			}
			if bytes.Compare(sa, s.lower) < 0 || bytes.Compare(sa, s.upper) >= 0 {
				t.Errorf("%x is stored as %x, outside of %x to %x", a, sa, s.lower, s.upper)
			}
			for _, b := range keys {
				if sb := s.appendStored(nil, b); bytes.Compare(a, b) != bytes.Compare(sa, sb) {
					t.Errorf("%x and %x are stored as %x and %x, in another order", a, b, sa, sb)
				}
			}
			putKeyBuffer(buf)
		}
		for _, damaged := range [][]byte{nil, {0}, {0, 0, 0}, {0xff}} {
			s.user(damaged) // must not panic
		}
	}
}
