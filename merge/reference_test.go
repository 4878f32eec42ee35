package merge

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/middb/middb/key"
)

// A write is what a user does to a key.
type write struct {
	kind     key.Kind
	operator string // of a merge
	value    string // or operand
	expiry   int64  // of a put with one
}

func (w *write) entry() Entry {
	switch w.kind {
	case key.KindMerge:
		return Entry{w.kind, AppendOperand(nil, w.operator, []byte(w.value))}
	case key.KindPutWithExpiry:
		return Entry{w.kind, key.AppendExpiring(nil, w.expiry, []byte(w.value))}
	case key.KindPut:
		return Entry{w.kind, []byte(w.value)}
	default:
		return Entry{Kind: w.kind}
	}
}

// shown is what a user sees of a key.
type shown struct {
	value   string
	present bool
	failed  bool
}

// evaluate tells what a user sees at a time after writes, oldest first, one by one, if a value has at most
// limit bytes.
func evaluate(writes []write, now int64, limit int) (s shown) {
	for _, w := range writes {
		switch w.kind {
		case key.KindPut:
			s = shown{value: w.value, present: true}
		case key.KindPutWithExpiry:
			s = shown{}
			if w.expiry > now {
				s = shown{value: w.value, present: true}
			}
		case key.KindMerge:
			s = s.merged(w.operator, w.value, limit)
		default:
			s = shown{}
		}
	}
	return s
}

func (s shown) merged(operator, operand string, limit int) shown {
	failure := shown{failed: true}
	switch {
	case s.failed || operator != Append && operator != Counter && operator != "greatest" && operator != "no x":
		return failure
	case !s.present:
		return shown{value: operand, present: true}
	}
	switch operator {
	case Counter:
		if len(s.value) != 8 || len(operand) != 8 {
			return failure
		}
		sum := binary.LittleEndian.Uint64([]byte(s.value)) + binary.LittleEndian.Uint64([]byte(operand))
		s.value = string(binary.LittleEndian.AppendUint64(nil, sum))
	case "greatest":
		s.value = max(s.value, operand)
	default:
		if operator == "no x" && bytes.ContainsRune([]byte(s.value+operand), 'x') {
			return failure
		}
		s.value += operand
	}
	if len(s.value) > limit {
		return failure
	}
	return s
}

var errX = errors.New("there is an x in it")

// testOperators returns the operators that evaluate knows.
func testOperators(t interface{ Fatal(...any) }, maxBytes int) *Operators {
	ops, err := NewOperators(
		Operator{Name: "greatest", Merge: func(dst, older, newer []byte) ([]byte, error) {
			if bytes.Compare(older, newer) > 0 {
				return append(dst, older...), nil
			}
			return append(dst, newer...), nil
		}},
		Operator{Name: "no x", Merge: func(dst, older, newer []byte) ([]byte, error) {
			if bytes.IndexByte(older, 'x') >= 0 || bytes.IndexByte(newer, 'x') >= 0 {
				return dst, errX
			}
			return append(append(dst, older...), newer...), nil
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	ops.maxBytes = maxBytes
	return ops
}

// resolve returns what a user sees of an entry.
func resolve(ops *Operators, e Entry, now int64) (shown, error) {
	v, present, err := ops.Resolve([]byte("dst"), e, now)
	s := shown{string(v[3:]), present, err != nil}
	switch {
	case string(v[:3]) != "dst":
		return s, errors.New("the value is not appended")
	case err != nil && !errors.Is(err, ErrOperator):
		return s, err
	case !present && len(v) > 3:
		return s, errors.New("an absent value is appended")
	}
	return s, nil
}
