package model

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/key"
	"github.com/middb/middb/merge"
)

// never is the expiry of a value that stays.
const never = math.MaxInt64

// An entry is what the operations on a key made of it: a base, which is a value or nothing, and the
// operands that were merged into it since. What that is for a reader depends on the time.
type entry struct {
	there    bool // the base is a value
	value    []byte
	expiry   int64 // of the value
	operands []operand
}

// An operand says how a value changes.
type operand struct {
	operator string
	value    []byte
}

// after returns what an operation makes of the entry.
func (e entry) after(o *op) entry {
	switch o.kind {
	case key.KindPut, key.KindPutWithExpiry:
		return entry{there: true, value: o.value, expiry: o.expiry}
	case key.KindMerge:
		n := len(e.operands)
		e.operands = append(e.operands[:n:n], operand{o.operator, o.value})
		return e
	default:
		return entry{}
	}
}

// nothing reports whether the key is gone at any time.
func (e entry) nothing() bool { return !e.there && len(e.operands) == 0 }

// see returns what a reader sees at a time. Operands that are left without a value are added to nothing: the
// first of them becomes the value.
func (e entry) see(now int64) outcome {
	v, found := e.value, e.there && e.expiry > now
	for _, m := range e.operands {
		if !found {
			v, found = m.value, true
			continue
		}
		var ok bool
		if v, ok = combine(m.operator, v, m.value); !ok {
			return outcome{failed: true}
		}
	}
	if !found {
		return outcome{}
	}
	return outcome{value: v, found: true}
}

// tail is an operator that the run registers: it keeps the last bytes of all operands, and refuses empty
// ones. It is associative and does not commute.
const (
	tail      = "tail"
	tailBytes = 40
)

var errEmpty = errors.New("the operand is empty")

var tailOperator = merge.Operator{
	Name: tail,
	Merge: func(dst, older, newer []byte) ([]byte, error) {
		if len(older) == 0 || len(newer) == 0 {
			return dst, errEmpty
		}
		n := len(dst)
		dst = append(append(dst, older...), newer...)
		if extra := len(dst) - n - tailBytes; extra > 0 {
			dst = append(dst[:n], dst[n+extra:]...)
		}
		return dst, nil
	},
	Check: func(operand []byte) error {
		if len(operand) == 0 {
			return errEmpty
		}
		return nil
	},
}

// combine is the model of all operators: what becomes of a value, or false if the operator refuses it.
func combine(operator string, v, operand []byte) ([]byte, bool) {
	joined := append(append(make([]byte, 0, len(v)+len(operand)), v...), operand...)
	switch operator {
	case merge.Append:
		return joined, true
	case tail:
		return joined[max(0, len(joined)-tailBytes):], len(v) > 0 && len(operand) > 0
	default: // merge.Counter
		if len(v) != 8 || len(operand) != 8 {
			return nil, false
		}
		sum := binary.LittleEndian.Uint64(v) + binary.LittleEndian.Uint64(operand)
		return binary.LittleEndian.AppendUint64(nil, sum), true
	}
}

// An outcome is the answer of a read: a value, that there is none, or that it cannot be told because an
// operator refuses an operand.
type outcome struct {
	value  []byte
	found  bool
	failed bool
}

// there reports whether the key is there, if only to be deleted.
func (o outcome) there() bool { return o.found || o.failed }

// answered returns the outcome that the answer of a read says; any other error ends the run.
func (r *run) answered(v []byte, err error, what string) outcome {
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return outcome{}
	case errors.Is(err, engine.ErrMergeOperator):
		return outcome{failed: true}
	}
	r.must(err, what)
	return outcome{value: v, found: true}
}

func (o outcome) equal(p outcome) bool {
	return o.found == p.found && o.failed == p.failed && bytes.Equal(o.value, p.value)
}

// String prints the outcome.
func (o outcome) String() string {
	switch {
	case o.failed:
		return "(merge failed)"
	case !o.found:
		return "(nil)"
	}
	return brief(o.value)
}

// String prints the entry.
func (e entry) String() string {
	s := "(nil)"
	if e.there {
		s = brief(e.value)
		if e.expiry != never {
			s += fmt.Sprintf(" until %d", e.expiry)
		}
	}
	for _, m := range e.operands {
		s += fmt.Sprintf(" %s %s", m.operator, brief(m.value))
	}
	return s
}

// brief prints the beginning of a key or value, and how long it is if that is not all.
func brief(b []byte) string {
	const most = 24
	switch {
	case b == nil:
		return "none"
	case len(b) <= most:
		return `"` + key.Format(b) + `"`
	}
	return fmt.Sprintf(`"%s"...(%d bytes)`, key.Format(b[:most]), len(b))
}
