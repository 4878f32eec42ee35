package merge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/middb/middb/key"
)

func drawWrite(t *rapid.T) write {
	kinds := []key.Kind{key.KindMerge, key.KindMerge, key.KindMerge, key.KindMerge, key.KindPut, key.KindPutWithExpiry, key.KindDelete}
	operators := []string{Counter, Append, "greatest", "no x", "unknown"}
	w := write{kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
	if w.kind == key.KindMerge {
		// Mostly those of one operator, so that much can be folded.
		w.operator = operators[min(rapid.IntRange(0, 12).Draw(t, "operator")/3, 4)]
	}
	if w.kind == key.KindPutWithExpiry {
		w.expiry = rapid.Int64Range(0, 4).Draw(t, "expiry")
	}
	if w.kind == key.KindDelete {
		return w
	}
	if w.operator == Counter || w.operator == "" && rapid.Bool().Draw(t, "number") {
		w.value = string(binary.LittleEndian.AppendUint64(nil, uint64(rapid.Int8().Draw(t, "n"))))
	} else {
		w.value = rapid.StringMatching("[a-w]{0,4}|[w-z]{0,3}").Draw(t, "value")
	}
	return w
}

// group is an entry that says what some writes in a row do.
type group struct {
	writes []write
	entry  Entry
	oldest bool // nothing older exists
}

// TestAnyGroupingIsRight claims that however sources and compactions fold what was written, and whenever
// compactions do so, a user sees what he would see if each write had been carried out at once.
func TestAnyGroupingIsRight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{12, 1000}).Draw(t, "limit")
		ops := testOperators(t, limit)
		writes := rapid.SliceOfN(rapid.Custom(drawWrite), 1, 9).Draw(t, "writes")
		var groups []group
		for i, w := range writes {
			groups = append(groups, group{writes[i : i+1], w.entry(), i == 0})
		}
		now := int64(0)
		room := make([]byte, 5, 30)
		for len(groups) > 1 {
			i := rapid.IntRange(0, len(groups)-2).Draw(t, "at")
			n := 2
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0: // a compaction, at some time
				now += rapid.Int64Range(0, 1).Draw(t, "later")
				g := &groups[i]
				g.entry = ops.Finish(slices.Clip(room), g.entry, now, g.oldest && rapid.Bool().Draw(t, "bottom"))
				continue
			case 1: // a chain
				for i+n < len(groups) && n < 5 && groups[i+1].entry.incomplete() {
					n++
				}
				groups[i].entry = foldChain(ops, groups[i:i+n])
			default:
				groups[i].entry = ops.Combine(slices.Clip(room), groups[i].entry, groups[i+1].entry)
			}
			from := 0
			for _, g := range groups[:i] {
				from += len(g.writes)
			}
			to := from
			for _, g := range groups[i : i+n] {
				to += len(g.writes)
			}
			groups[i].writes = writes[from:to]
			groups = slices.Delete(groups, i+1, i+n)
			// What is the oldest of all stands for itself; others are judged with what came before.
			g := groups[i]
			sum := g.entry
			for j := i - 1; j >= 0; j-- {
				sum = ops.Combine(nil, groups[j].entry, sum)
			}
			judge(t, ops, sum, writes[:to], now, limit)
		}
		judge(t, ops, groups[0].entry, writes, now, limit)
	})
}

// foldChain folds groups, oldest first, as a reader of a chain does: down to the first that is complete.
func foldChain(ops *Operators, groups []group) Entry {
	var entries []Entry
	for _, g := range slices.Backward(groups) {
		entries = append(entries, g.entry)
		if !g.entry.incomplete() {
			break
		}
	}
	return ops.Fold(nil, entries)
}

// judge claims that an entry looks like writes at all times from now on.
func judge(t *rapid.T, ops *Operators, e Entry, writes []write, now int64, limit int) {
	t.Helper()
	if !e.Kind.Point() {
		t.Fatalf("the sum is a %v", e.Kind)
	}
	if e.Kind == key.KindMerge {
		if err := CheckList(e.Value); err != nil {
			t.Fatalf("the sum %x: %v", e.Value, err)
		}
	}
	for ; now < 6; now++ {
		got, err := resolve(ops, e, now)
		want := evaluate(writes, now, limit)
		if err != nil || got.failed != want.failed || !got.failed && got != want {
			t.Fatalf("at time %d: %+v, %v; want %+v, after %+v", now, got, err, want, writes)
		}
	}
}

// TestFoldIsNotQuadratic claims that a long chain costs little more than its length.
func TestFoldIsNotQuadratic(t *testing.T) {
	const count = 1 << 14
	copied := 0
	ops, err := NewOperators(Operator{Name: "count copies", Merge: func(dst, older, newer []byte) ([]byte, error) {
		copied += len(older) + len(newer)
		return append(append(dst, older...), newer...), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var entries []Entry
	var list []byte
	for range count {
		entries = append(entries, Entry{key.KindMerge, AppendOperand(nil, "count copies", []byte("12345678"))})
		list = AppendOperand(list, "count copies", []byte("12345678"))
	}
	entries = append(entries, Entry{key.KindPut, []byte("12345678")})
	if e := ops.Fold(nil, entries); e.Kind != key.KindPut || len(e.Value) != 8*(count+1) {
		t.Fatalf("%v of %d bytes", e.Kind, len(e.Value))
	}
	v, _, err := ops.Resolve(nil, Entry{key.KindMerge, list}, 0)
	if err != nil || len(v) != 8*count {
		t.Fatalf("%d bytes, %v", len(v), err)
	}
	if copied > 2*(8*count)*17 {
		t.Errorf("%d bytes were copied for a value of %d", copied, 8*count)
	}
}

// TestOperatorsOfAKeyMayDiffer claims that what can be folded onto a value is, whatever the operators.
func TestOperatorsOfAKeyMayDiffer(t *testing.T) {
	ops := testOperators(t, 0)
	var entries []Entry
	for _, w := range []write{
		{key.KindMerge, Append, "e", 0}, {key.KindMerge, "no x", "d", 0}, {key.KindMerge, "greatest", "a", 0}, {key.KindMerge, Append, "c", 0},
	} {
		entries = append(entries, w.entry())
	}
	for _, base := range []write{{kind: key.KindDelete}, {kind: key.KindPut, value: "b"}} {
		e := ops.Fold(nil, append(slices.Clip(entries), base.entry()))
		if want := base.value + "cde"; e.Kind != key.KindPut || string(e.Value) != want {
			t.Errorf("on a %v: %v %s, want %s", base.kind, e.Kind, Format(e.Value), want)
		}
	}
}

// TestFoldUsesTheRoom claims that dst keeps what it has and lends the rest, and that without enough of it
// nothing breaks.
func TestFoldUsesTheRoom(t *testing.T) {
	var ops *Operators
	entries := []Entry{
		{key.KindMerge, AppendOperand(nil, Append, []byte("cc"))},
		{key.KindMerge, AppendOperand(nil, Counter, AppendCount(nil, 1))},
		{key.KindMerge, AppendOperand(nil, Append, []byte("bb"))},
		{key.KindPut, []byte("aaaa")},
	}
	before := fmt.Sprint(entries)
	want := ops.Fold(nil, entries)
	for size := range 80 {
		dst := bytes.Repeat([]byte("d"), size)
		for used := range size + 1 {
			got := ops.Fold(dst[:used], entries)
			if got.Kind != want.Kind || !bytes.Equal(got.Value, want.Value) || strings.Trim(string(dst[:used]), "d") != "" {
				t.Fatalf("%d bytes of %d used: %v %x, dst %q", used, size, got.Kind, got.Value, dst)
			}
			copy(dst, bytes.Repeat([]byte("d"), size))
		}
	}
	if after := fmt.Sprint(entries); after != before {
		t.Fatal("the entries were changed")
	}
	room, base := make([]byte, 0, 100), Entry{key.KindPut, []byte("12345678")}
	if n := testing.AllocsPerRun(100, func() {
		ops.Combine(room, base, entries[1])
	}); n > 0 {
		t.Errorf("%v allocations although there is room", n)
	}
}

func TestExpiredValueLeavesItsOperands(t *testing.T) {
	var ops *Operators
	e := Entry{key.KindPutWithExpiry, key.AppendExpiring(nil, 100, AppendCount(nil, 1000))}
	for range 3 {
		e = ops.Combine(nil, e, Entry{key.KindMerge, AppendOperand(nil, Counter, AppendCount(nil, 7))})
	}
	if want := `"\xe8\x03\x00\x00\x00\x00\x00\x00" until 1970-01-01T00:00:00.0000001Z, counter +21`; Format(e.Value) != want {
		t.Errorf("the list is %s, want %s", Format(e.Value), want)
	}
	for now, want := range map[int64]int64{99: 1021, 100: 21} {
		v, present, err := ops.Resolve(nil, e, now)
		if n, _ := Count(v); n != want || !present || err != nil {
			t.Errorf("at %d: %d %v %v, want %d", now, n, present, err, want)
		}
	}
	if got := ops.Finish(nil, e, 99, true); !bytes.Equal(got.Value, e.Value) {
		t.Errorf("a compaction before makes it %v %x", got.Kind, got.Value)
	}
	if got := ops.Finish(nil, e, 100, false); got.Kind != key.KindPut || !bytes.Equal(got.Value, AppendCount(nil, 21)) {
		t.Errorf("a compaction after makes it %v %x", got.Kind, got.Value)
	}
	for now, want := range map[int64]key.Kind{99: key.KindPutWithExpiry, 100: key.KindDelete} {
		e := Entry{key.KindPutWithExpiry, key.AppendExpiring(nil, 100, nil)}
		if got := ops.Finish(nil, e, now, false); got.Kind != want {
			t.Errorf("at %d a compaction makes it %v, want %v", now, got.Kind, want)
		}
	}
}

func TestCompactionEndsBottomLists(t *testing.T) {
	e := Entry{key.KindMerge, AppendOperand(nil, "greatest", []byte("b"))}
	ops := testOperators(t, 0)
	if got := ops.Finish(nil, e, 0, false); got.Kind != key.KindMerge || !bytes.Equal(got.Value, e.Value) {
		t.Errorf("above the bottom it is %v %s", got.Kind, Format(got.Value))
	}
	if got := ops.Finish(nil, e, 0, true); got.Kind != key.KindPut || string(got.Value) != "b" {
		t.Errorf("at the bottom it is %v %q", got.Kind, got.Value)
	}
	var unregistered *Operators
	got := unregistered.Finish(nil, e, 0, true)
	if want := `nothing, greatest "b"`; Format(got.Value) != want || !Complete(got.Value) {
		t.Errorf("without the operator it is %v %s", got.Kind, Format(got.Value))
	}
}

// TestUnregisteredOperatorLosesNothing claims that entries folded by a process without the operator are
// what they were once it is registered.
func TestUnregisteredOperatorLosesNothing(t *testing.T) {
	var without *Operators
	ops := testOperators(t, 0)
	e := Entry{Kind: key.KindDelete}
	for _, v := range []string{"b", "c", "a"} {
		e = without.Combine(nil, e, Entry{key.KindMerge, AppendOperand(nil, "greatest", []byte(v))})
	}
	_, _, err := without.Resolve(nil, e, 0)
	if !errors.Is(err, ErrOperator) || !strings.Contains(err.Error(), `"greatest" is not registered`) {
		t.Errorf("the error is %v", err)
	}
	if v, _, err := ops.Resolve(nil, e, 0); string(v) != "c" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	e = ops.Combine(nil, e, Entry{key.KindMerge, AppendOperand(nil, "greatest", []byte("d"))})
	if e.Kind != key.KindPut || string(e.Value) != "d" {
		t.Errorf("%v %s", e.Kind, Format(e.Value))
	}
}

func TestRefusalIsTheReadersError(t *testing.T) {
	ops := testOperators(t, 0)
	e := Entry{key.KindPut, []byte("text")}
	for n := range int64(3) {
		e = ops.Combine(nil, e, Entry{key.KindMerge, AppendOperand(nil, Counter, AppendCount(nil, n))})
	}
	if want := `"text", counter +3`; Format(e.Value) != want {
		t.Errorf("the list is %s, want %s", Format(e.Value), want)
	}
	_, _, err := ops.Resolve(nil, e, 0)
	if !errors.Is(err, ErrOperator) || !strings.Contains(err.Error(), `operator "counter": a counter has 8 bytes, and this has 4: text`) {
		t.Errorf("the error is %v", err)
	}
	refused := Entry{key.KindMerge, AppendOperand(nil, "no x", []byte("x"))}
	e = ops.Combine(nil, Entry{key.KindPut, nil}, refused)
	if _, _, err := ops.Resolve(nil, e, 0); !errors.Is(err, ErrOperator) || !errors.Is(err, errX) {
		t.Errorf("the error is %v", err)
	}
	if e = ops.Combine(nil, e, Entry{key.KindPut, []byte("fine")}); e.Kind != key.KindPut {
		t.Errorf("a put does not end it: %v", e.Kind)
	}
}

// TestGrownValueIsGivenUp claims that a value beyond the limit fails reads, takes no room, and is forgotten
// with the next put.
func TestGrownValueIsGivenUp(t *testing.T) {
	ops := testOperators(t, 10)
	grow := Entry{key.KindMerge, AppendOperand(nil, Append, []byte("123456"))}
	for name, e := range map[string]Entry{
		"value":        ops.Combine(nil, Entry{key.KindPut, []byte("12345")}, grow),
		"operands":     ops.Combine(nil, grow, grow),
		"mixed":        ops.Fold(nil, []Entry{grow, grow, {key.KindMerge, AppendOperand(nil, Counter, AppendCount(nil, 1))}, {key.KindPut, nil}}),
		"far too long": ops.Combine(nil, Entry{key.KindPut, nil}, Entry{key.KindMerge, unfoldable(listBytes)}),
	} {
		if e.Kind != key.KindMerge || Format(e.Value) != "given up" || CheckList(e.Value) != nil || !Complete(e.Value) {
			t.Errorf("%s: %v %s", name, e.Kind, Format(e.Value))
		}
		for _, operator := range []string{Append, Counter, "unknown"} {
			if e = ops.Combine(nil, e, Entry{key.KindMerge, AppendOperand(nil, operator, []byte("1"))}); Format(e.Value) != "given up" {
				t.Errorf("%s: one more %s makes it %s", name, operator, Format(e.Value))
			}
		}
		if e = ops.Finish(nil, e, math.MaxInt64, true); Format(e.Value) != "given up" {
			t.Errorf("%s: a compaction makes it %s", name, Format(e.Value))
		}
		if _, _, err := ops.Resolve(nil, e, 0); !errors.Is(err, ErrOperator) || !strings.Contains(err.Error(), "grew beyond 10 bytes") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	e := ops.Combine(nil, Entry{key.KindPut, []byte("1234")}, grow)
	if e.Kind != key.KindPut || len(e.Value) != 10 {
		t.Errorf("a value of the limit is %v %s", e.Kind, Format(e.Value))
	}
}

// unfoldable returns a list longer than n bytes that stays as it is.
func unfoldable(n int) (list []byte) {
	for len(list) < n {
		list = AppendOperand(list, "unknown", []byte("1234567890"))
	}
	return AppendOperand(AppendOperand(list, "unknown", []byte("1234567890")), "unknown", nil)
}

// TestDamageIsShownToReaders claims that nothing is put on top of what cannot be read.
func TestDamageIsShownToReaders(t *testing.T) {
	var ops *Operators
	operand := AppendOperand(nil, Append, []byte("a"))
	for _, damaged := range [][]byte{{}, {9}, {itemOperand, 200, 'a'}, operand[:len(operand)-1], append(bytes.Clone(operand), itemNothing)} {
		e := Entry{key.KindMerge, damaged}
		for _, sum := range []Entry{
			ops.Combine(nil, e, Entry{key.KindMerge, operand}),
			ops.Combine(nil, Entry{key.KindPut, nil}, e),
			ops.Finish(nil, e, 0, true),
		} {
			if _, _, err := ops.Resolve(nil, sum, 0); !errors.Is(err, ErrMalformed) {
				t.Errorf("%x: %v", damaged, err)
			}
		}
	}
	short := Entry{key.KindPutWithExpiry, []byte("1234567")}
	if _, _, err := ops.Resolve(nil, short, 0); !errors.Is(err, ErrMalformed) {
		t.Errorf("half an expiry: %v", err)
	}
	sum := ops.Combine(nil, short, Entry{key.KindMerge, operand})
	if _, _, err := ops.Resolve(nil, sum, 0); !errors.Is(err, ErrMalformed) {
		t.Errorf("half an expiry and an operand: %v", err)
	}
}

// FuzzResolve claims that whatever bytes a list has, they are refused or read the same way by everyone.
func FuzzResolve(f *testing.F) {
	f.Add(AppendOperand(AppendOperand(nil, Append, []byte("a")), Append, []byte("b")), int64(0))
	f.Add(appendItem(AppendOperand([]byte{itemNothing}, Counter, AppendCount(nil, 1)), item{itemOperand, []byte("no x"), []byte("y")}), int64(0))
	f.Add(appendItem(appendItem(nil, item{typ: itemExpiring, content: key.AppendExpiring(nil, 5, []byte("v"))}), item{itemOperand, []byte("greatest"), nil}), int64(4))
	f.Add([]byte{itemGivenUp}, int64(1))
	ops := testOperators(f, 0)
	f.Fuzz(func(t *testing.T, list []byte, now int64) {
		e := Entry{key.KindMerge, list}
		got, err := resolve(ops, e, now)
		if bad := CheckList(list); bad != nil {
			if !errors.Is(err, ErrMalformed) || !errors.Is(bad, ErrMalformed) {
				t.Fatalf("%x: %v, but reading it: %v", list, bad, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		items, _ := parse(nil, list)
		writes := []write{{kind: key.KindDelete}}
		for _, it := range items {
			switch it.typ {
			case itemGivenUp:
				return
			case itemValue:
				writes = append(writes, write{kind: key.KindPut, value: string(it.content)})
			case itemExpiring:
				expiry, v, _ := key.SplitExpiring(it.content)
				writes = append(writes, write{kind: key.KindPutWithExpiry, value: string(v), expiry: expiry})
			case itemOperand:
				writes = append(writes, write{kind: key.KindMerge, operator: string(it.name), value: string(it.content)})
			}
		}
		if want := evaluate(writes, now, math.MaxInt); got.failed != want.failed || !got.failed && got != want {
			t.Fatalf("%s: %+v, want %+v", Format(list), got, want)
		}
		if again := appendItems(nil, items); len(again) > len(list) || CheckList(again) != nil {
			t.Fatalf("%x is written as %x", list, again)
		}
	})
}
