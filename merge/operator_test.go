package merge

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestOperatorsAreChecked(t *testing.T) {
	fold := func(dst, _, _ []byte) ([]byte, error) { return dst, nil }
	long := strings.Repeat("n", 256)
	for name, list := range map[string][]Operator{
		"no name":    {{Merge: fold}},
		"long name":  {{Name: long, Merge: fold}},
		"no merge":   {{Name: "op"}},
		"built in":   {{Name: Counter, Merge: fold}},
		"same names": {{Name: "op", Merge: fold}, {Name: "op", Merge: fold}},
	} {
		if _, err := NewOperators(list...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	ops, err := NewOperators(Operator{Name: long[1:], Merge: fold})
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckList(AppendOperand(nil, long[1:], nil)); err != nil {
		t.Errorf("the longest name: %v", err)
	}
	if err := ops.Check(long[1:], []byte("anything")); err != nil {
		t.Errorf("without a check: %v", err)
	}
}

func TestOperandsAreChecked(t *testing.T) {
	var ops *Operators
	if err := ops.Check(Counter, AppendCount(nil, -1)); err != nil {
		t.Error(err)
	}
	if err := ops.Check(Append, nil); err != nil {
		t.Error(err)
	}
	for operator, operand := range map[string]string{Counter: "1234567", "unknown": ""} {
		if err := ops.Check(operator, []byte(operand)); !errors.Is(err, ErrOperator) || !strings.Contains(err.Error(), operator) {
			t.Errorf("%s: %v", operator, err)
		}
	}
}

func TestCounterWraps(t *testing.T) {
	sum, err := add([]byte("dst"), AppendCount(nil, math.MaxInt64), AppendCount(nil, 1))
	if err != nil || string(sum[:3]) != "dst" {
		t.Fatal(sum, err)
	}
	if n, err := Count(sum[3:]); n != math.MinInt64 || err != nil {
		t.Fatal(n, err)
	}
}
