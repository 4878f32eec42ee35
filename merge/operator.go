package merge

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/middb/middb/key"
)

var (
	// ErrOperator is matched by the error of a read or write that needs an operator which is not
	// registered, or that the operator refused.
	ErrOperator = errors.New("merge failed")
	// ErrMalformed is matched by the errors for bytes that are no merge list.
	ErrMalformed = errors.New("malformed merge list")
)

// An Operator changes values by operands.
type Operator struct {
	// Name tells operators apart, on disk: 1 to 255 bytes that never change their meaning.
	Name string
	// Merge appends to dst what becomes of a value, or an operand, when an operand is added to it. It must
	// be associative, in what it refuses too, depend on nothing else, and keep or return neither slice. An
	// operand that is added to nothing is the value. Safe for concurrent use. An error says why the two
	// do not fit.
	Merge func(dst, older, newer []byte) ([]byte, error)
	// Check says why an operand is not one; nil accepts all.
	Check func(operand []byte) error
}

// The names of the built-in operators.
const (
	Counter = "counter" // adds 8-byte little-endian signed integers, wrapping around
	Append  = "append"  // appends byte strings
)

// Operators are the operators of a database by name. Immutable. A nil *Operators has the built-in ones.
type Operators struct {
	byName   map[string]Operator
	maxBytes int // 0: key.MaxValueBytes; tests have less
}

var builtIn = map[string]Operator{
	Counter: {Name: Counter, Merge: add, Check: func(operand []byte) error {
		_, err := Count(operand)
		return err
	}},
	Append: {Name: Append, Merge: func(dst, older, newer []byte) ([]byte, error) {
		return append(append(dst, older...), newer...), nil
	}},
}

// NewOperators returns the built-in operators and these.
func NewOperators(ops ...Operator) (*Operators, error) {
	o := &Operators{byName: map[string]Operator{}}
	for name, op := range builtIn {
		o.byName[name] = op
	}
	for _, op := range ops {
		switch _, taken := o.byName[op.Name]; {
		case op.Name == "" || len(op.Name) > 255:
			return nil, fmt.Errorf("merge operator %q: the name must have 1 to 255 bytes", op.Name)
		case op.Merge == nil:
			return nil, fmt.Errorf("merge operator %q has no Merge function", op.Name)
		case taken:
			return nil, fmt.Errorf("merge operator %q is registered twice or built in", op.Name)
		}
		o.byName[op.Name] = op
	}
	return o, nil
}

func (o *Operators) find(name []byte) (Operator, error) {
	byName := builtIn
	if o != nil {
		byName = o.byName
	}
	op, ok := byName[string(name)]
	if !ok {
		return op, fmt.Errorf("%w: operator %q is not registered; name it when the database is opened", ErrOperator, name)
	}
	return op, nil
}

// Check verifies that an operator is registered and takes an operand.
func (o *Operators) Check(operator string, operand []byte) error {
	op, err := o.find([]byte(operator))
	if err != nil || op.Check == nil {
		return err
	}
	if err := op.Check(operand); err != nil {
		return fmt.Errorf("%w: operator %q: %w", ErrOperator, operator, err)
	}
	return nil
}

// listBytes is how much longer than a value a merge list may be.
const listBytes = key.MaxStoredValueBytes - key.MaxValueBytes

// limit returns how long a value may be.
func (o *Operators) limit() int {
	if o == nil || o.maxBytes == 0 {
		return key.MaxValueBytes
	}
	return o.maxBytes
}

// AppendCount appends the value or operand of the operator Counter that stands for n.
func AppendCount(dst []byte, n int64) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(n)) }

// Count returns the number that a value or an operand of the operator Counter stands for.
func Count(v []byte) (int64, error) {
	if len(v) != 8 {
		return 0, fmt.Errorf("a counter has 8 bytes, and this has %d: %s", len(v), key.Format(v[:min(len(v), 32)]))
	}
	return int64(binary.LittleEndian.Uint64(v)), nil
}

func add(dst, older, newer []byte) ([]byte, error) {
	a, err := Count(older)
	if err != nil {
		return dst, err
	}
	b, err := Count(newer)
	if err != nil {
		return dst, err
	}
	return AppendCount(dst, a+b), nil
}
