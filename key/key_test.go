package key

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestTrailerKeepsSequenceAndKind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seq := rapid.Uint64Range(0, MaxSeq).Draw(t, "seq")
		kind := Kind(rapid.Byte().Draw(t, "kind"))
		trailer := MakeTrailer(seq, kind)
		if trailer.Seq() != seq || trailer.Kind() != kind {
			t.Fatalf("MakeTrailer(%d, %v) holds %d, %v", seq, kind, trailer.Seq(), trailer.Kind())
		}
	})
}

func TestNewerTrailerIsGreater(t *testing.T) {
	old, recent := MakeTrailer(7, Kind(255)), MakeTrailer(8, KindDelete)
	if old >= recent {
		t.Fatalf("%v >= %v", old, recent)
	}
	if got := recent.String(); got != "8,delete" {
		t.Fatalf("String: %s", got)
	}
}

// The numbers are on disk.
func TestKindNumbersStay(t *testing.T) {
	names := []string{"delete", "put", "range-delete", "merge", "put-with-expiry", "tree-put", "tree-delete", "tree-clear", "kind(8)"}
	for i, name := range names {
		if got := Kind(i).String(); got != name {
			t.Errorf("kind %d is %s, want %s", i, got, name)
		}
		if known := Kind(i).Known(); known != (i <= 7) {
			t.Errorf("kind %d known: %v", i, known)
		}
		if point := Kind(i).Point(); point != (i <= 4 && i != 2) {
			t.Errorf("kind %d is of entries: %v", i, point)
		}
		if tree := Kind(i).Tree(); tree != (i >= 5 && i <= 7) {
			t.Errorf("kind %d is of trees: %v", i, tree)
		}
	}
}

func TestExpiringComesApart(t *testing.T) {
	for _, expiry := range []int64{0, -1, 1 << 62} {
		b := AppendExpiring([]byte("x"), expiry, []byte("value"))
		if len(b) != 1+ExpiringBytes(5) {
			t.Errorf("%d bytes, want %d", len(b), 1+ExpiringBytes(5))
		}
		if e, v, ok := SplitExpiring(b[1:]); e != expiry || string(v) != "value" || !ok {
			t.Errorf("%d comes back as %d %q %v", expiry, e, v, ok)
		}
	}
	if _, _, ok := SplitExpiring(make([]byte, 7)); ok {
		t.Error("seven bytes have an expiry")
	}
	if got := FormatTime(1_500_000_000_000_000_007); got != "2017-07-14T02:40:00.000000007Z" {
		t.Errorf("a time prints as %s", got)
	}
}

func TestSharedPrefix(t *testing.T) {
	for _, c := range []struct {
		a, b string
		n    int
	}{{"", "", 0}, {"", "a", 0}, {"a", "a", 1}, {"ab", "ac", 1}, {"ab", "abc", 2}, {"x", "y", 0}} {
		if n := SharedPrefix([]byte(c.a), []byte(c.b)); n != c.n {
			t.Errorf("SharedPrefix(%q, %q) = %d, want %d", c.a, c.b, n, c.n)
		}
	}
	long := []byte("0123456789abcdef0123456789")
	for n := range long {
		other := bytes.Clone(long)
		other[n]++
		if got := SharedPrefix(long, other); got != n {
			t.Errorf("SharedPrefix(%q, %q) = %d, want %d", long, other, got, n)
		}
		if got := SharedPrefix(long[:n], long); got != n {
			t.Errorf("SharedPrefix(%q, %q) = %d, want %d", long[:n], long, got, n)
		}
	}
}

func TestHeadKeepsOrder(t *testing.T) {
	last := uint64(0)
	for _, c := range []struct {
		k    string
		want uint64
	}{
		{"", 0},
		{"\x00\x00\x01", 0x0000010000000000},
		{"a", 0x6100000000000000},
		{"abcdefg", 0x6162636465666700},
		{"abcdefgh", 0x6162636465666768},
		{"abcdefghi", 0x6162636465666768},
		{"\xff\xff\xff\xff\xff\xff\xff\xff", 0xffffffffffffffff},
	} {
		got := Head([]byte(c.k))
		if got != c.want || got < last {
			t.Errorf("Head(%q) = %016x, want %016x", c.k, got, c.want)
		}
		last = got
	}
}

func TestSeparatorExamples(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"apple", "banana", "b"}, // a proper prefix of b lies below it
		{"apple", "b", "aq"},     // but b itself does not
		{"apple", "apricot", "apq"},
		{"apple", "apq", "appm"},
		{"app", "apple", "app"}, // a is a prefix of b
		{"a\xff\xffq", "b", "a\xff\xffq"},
		{"a\xff\xffqq", "b", "a\xff\xffr"},
		{"\xff\xff", "", "\xff\xff"},
		{"apple", "", "b"},
		{"a", "c", "a"},
	} {
		if got := Separator(nil, []byte(c.a), []byte(c.b)); string(got) != c.want {
			t.Errorf("Separator(%q, %q) = %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

// Over a small alphabet every pair of short keys is tried against every shorter key.
func TestSeparatorIsShortest(t *testing.T) {
	keys := allKeys([]byte{0x00, 0x01, 0xfe, 0xff}, 4)
	for _, a := range keys {
		for _, b := range keys {
			if len(a) == 0 || len(b) > 0 && bytes.Compare(a, b) >= 0 {
				continue
			}
			checkSeparator(t, a, b)
			sep := Separator(nil, a, b)
			if shortest := shortestBetween(a, b); len(sep) > shortest {
				t.Fatalf("Separator(%q, %q) = %q: %d bytes would do", a, b, sep, shortest)
			}
		}
	}
}

func FuzzSeparator(f *testing.F) {
	f.Add([]byte("apple"), []byte("banana"))
	f.Add([]byte("a\xff"), []byte("b"))
	f.Add([]byte("\xff\xff"), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(b) > 0 && bytes.Compare(a, b) >= 0 {
			t.Skip()
		}
		checkSeparator(t, a, b)
	})
}

func TestSuccessorExamples(t *testing.T) {
	for _, c := range []struct{ p, want string }{
		{"a", "b"}, {"ab", "ac"}, {"a\xff", "b"}, {"a\xff\xff", "b"}, {"\x00", "\x01"},
	} {
		if got := Successor([]byte(c.p)); string(got) != c.want {
			t.Errorf("Successor(%q) = %q, want %q", c.p, got, c.want)
		}
	}
	for _, p := range []string{"", "\xff", "\xff\xff"} {
		if got := Successor([]byte(p)); got != nil {
			t.Errorf("Successor(%q) = %q, want nil", p, got)
		}
	}
}

// A key k of the alphabet has prefix p exactly when p <= k < Successor(p).
func FuzzSuccessor(f *testing.F) {
	f.Add([]byte("a\xff"), []byte("a\xff\xff"))
	f.Add([]byte{}, []byte("k"))
	f.Add([]byte("\xff"), []byte("\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, p, k []byte) {
		checkSuccessor(t, p, k)
		checkSuccessor(t, p, append(bytes.Clone(p), k...))
	})
}

func TestFormatIsReadableAndInjective(t *testing.T) {
	in := []byte("a \"b\"\\\n\t\r\x00\x7f\xff~")
	want := `a \"b\"\\\n\t\r\x00\x7f\xff~`
	if got := Format(in); got != want {
		t.Fatalf("Format(%q) = %s, want %s", in, got, want)
	}
	seen := map[string][]byte{}
	for _, k := range allKeys([]byte{'\\', 'n', '\n', 'x', '0', 0x00}, 4) {
		s := Format(k)
		if other, ok := seen[s]; ok {
			t.Fatalf("%q and %q both print as %s", other, k, s)
		}
		seen[s] = k
	}
}

func ExampleSeparator() {
	fmt.Printf("%s\n", Separator(nil, []byte("monday"), []byte("tuesday")))
	// Output: n
}

func checkSeparator(t *testing.T, a, b []byte) {
	t.Helper()
	sep := Separator([]byte("dst"), a, b)
	if !bytes.HasPrefix(sep, []byte("dst")) {
		t.Fatalf("Separator(%q, %q) does not append: %q", a, b, sep)
	}
	sep = sep[len("dst"):]
	if bytes.Compare(a, sep) > 0 || len(b) > 0 && bytes.Compare(sep, b) >= 0 {
		t.Fatalf("Separator(%q, %q) = %q lies outside", a, b, sep)
	}
	if len(sep) > len(a) {
		t.Fatalf("Separator(%q, %q) = %q is longer than the first", a, b, sep)
	}
}

func checkSuccessor(t *testing.T, p, k []byte) {
	t.Helper()
	end := Successor(p)
	inside := bytes.Compare(p, k) <= 0 && (end == nil || bytes.Compare(k, end) < 0)
	if inside != bytes.HasPrefix(k, p) {
		t.Fatalf("prefix %q ends at %q, which puts %q on the wrong side", p, end, k)
	}
}

// shortestBetween returns the length of the shortest k with a <= k < b. Between keys a and b of
// the alphabet a shortest key of any alphabet is as long as one that the candidates here include:
// a prefix of a or b, or a prefix of a with its last byte incremented.
func shortestBetween(a, b []byte) int {
	for n := range a {
		up := bytes.Clone(a[:n+1])
		candidates := [][]byte{a[:n+1], b[:min(n+1, len(b))]}
		if up[n] != 0xff {
			up[n]++
			candidates = append(candidates, up)
		}
		for _, k := range candidates {
			if bytes.Compare(a, k) <= 0 && (len(b) == 0 || bytes.Compare(k, b) < 0) {
				return n + 1
			}
		}
	}
	return len(a)
}

func allKeys(alphabet []byte, maxLen int) [][]byte {
	keys := [][]byte{{}}
	for from, n := 0, 0; n < maxLen; n++ {
		to := len(keys)
		for _, k := range keys[from:to] {
			for _, c := range alphabet {
				keys = append(keys, append(bytes.Clone(k), c))
			}
		}
		from = to
	}
	return keys
}
