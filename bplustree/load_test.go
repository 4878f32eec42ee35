package bplustree

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/middb/middb/page"
)

func TestLoad(t *testing.T) {
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			rng := newRandom(t, 3)
			for _, n := range []int{0, 1, 2, 100, 1000, 20_000} {
				want := map[string]string{}
				for range n {
					k := shape(rng, n)
					want[string(k)] = string(random(rng, rng.IntN(1+min(40, MaxEntryBytes-len(k)))))
				}
				m := page.NewMemory()
				l := NewLoader(m, 50+rng.IntN(51))
				for _, k := range slices.Sorted(maps.Keys(want)) {
					if err := l.Add([]byte(k), []byte(want[k])); err != nil {
						t.Fatal(err)
					}
				}
				root, err := l.Finish()
				if err != nil {
					t.Fatal(err)
				}
				compare(t, At(m, root), want, rng)
				tree := Open(m, root) // and it can be changed
				for k := range want {
					if deleted, err := tree.Delete([]byte(k)); err != nil || !deleted {
						t.Fatal(deleted, err)
					}
				}
				if used, _ := m.Pages(); used != 0 {
					t.Fatalf("%d pages are left", used)
				}
			}
		})
	}
}

func TestLoadFillsPages(t *testing.T) {
	for _, percent := range []int{50, 70, 100} {
		m := page.NewMemory()
		l := NewLoader(m, percent)
		for i := range 100_000 {
			if err := l.Add([]byte{byte(i >> 16), byte(i >> 8), byte(i), 'k', 'e', 'y'}, []byte("value")); err != nil {
				t.Fatal(err)
			}
		}
		root, err := l.Finish()
		if err != nil {
			t.Fatal(err)
		}
		shape, err := At(m, root).Check()
		if err != nil {
			t.Fatal(err)
		}
		if got := 100 * shape.Used / int64(shape.Leaves+shape.Branches) / page.Size; got < int64(percent)-2 || got > int64(percent)+2 {
			t.Errorf("pages are %d %% full, not %d", got, percent)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	l := NewLoader(page.NewMemory(), 100)
	if err := l.Add([]byte("b"), nil); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{"a", "b"} {
		if err := l.Add([]byte(k), nil); !errors.Is(err, ErrNotAscending) {
			t.Errorf("%q behind b: %v", k, err)
		}
	}
	if err := l.Add(make([]byte, MaxEntryBytes), []byte("x")); !errors.Is(err, ErrEntryTooLarge) {
		t.Error(err)
	}
}
