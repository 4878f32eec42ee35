package bplustree

import "testing"

// FuzzCheck has any bytes checked as a page: whatever they are, that is said of them.
func FuzzCheck(f *testing.F) {
	p := new(node)
	p.format(kindLeaf, 0, 1, []byte("pre"))
	for i, k := range []string{"a", "bcd", "efghij"} {
		p.insert(i, []byte(k), 0, []byte("value"))
	}
	if err := p.check(0, []byte("pre"), []byte("prf")); err == nil {
		f.Fatal("the prefix of keys from pre to prf is pr")
	}
	if err := p.check(0, []byte("pre"), []byte("prez")); err != nil {
		f.Fatal(err)
	}
	f.Add(p[:], -1, []byte("pre"), []byte("prez"))
	p.format(kindBranch, 1, 1, nil)
	p.insert(0, []byte("k"), 7, nil)
	f.Add(p[:], 1, []byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, b []byte, level int, low, high []byte) {
		var p node
		copy(p[:], b)
		if p.check(level, low, high) != nil {
			return
		}
		for i := range p.count() { // what is right can be found
			k := p.appendKey(nil, i)
			if at, found := p.search(k); !found || at != i {
				t.Fatalf("slot %d has the key %q, which is found at %d: %v", i, k, at, found)
			}
		}
		_ = p.String()
	})
}
