package relation

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/middb/middb/catalog"
)

// A SequenceDefinition says which numbers a sequence gives: Start first, then always Increment more, as long as they are
// from Min to Max. Then it begins again at the other end, if it may Cycle, and else gives ErrExhausted.
type SequenceDefinition struct {
	Start, Increment, Min, Max int64
	Cycle                      bool
}

// sequenceBytes is how long an encoded definition is.
const sequenceBytes = 4 + 4*8 + 1

// check returns what is wrong with a definition.
func (d *SequenceDefinition) check(name string) error {
	why := ""
	switch {
	case d.Increment == 0:
		why = "it goes nowhere: the increment is 0"
	case d.Min > d.Max:
		why = fmt.Sprintf("its least number %d is above its greatest one %d", d.Min, d.Max)
	case d.Start < d.Min || d.Start > d.Max:
		why = fmt.Sprintf("it starts at %d, and its numbers are from %d to %d", d.Start, d.Min, d.Max)
	default:
		return nil
	}
	return fmt.Errorf("sequence %s: %w: %s", name, ErrArguments, why)
}

// at returns the number that comes at a place, counted from 1.
func (d *SequenceDefinition) at(place uint64) (n int64, ok bool) {
	place--
	step := uint64(d.Increment)
	first, last := d.Min, d.Max // of a round but the first one
	up := d.Increment > 0
	if !up {
		step, first, last = -step, d.Max, d.Min
	}
	steps := distance(d.Start, last) / step // that the first round has
	from := d.Start
	if place > steps {
		if !d.Cycle {
			return 0, false
		}
		place -= steps + 1
		from = first
		if round := distance(first, last)/step + 1; round != 0 { // 0: all there are, which no count reaches
			place %= round
		}
	}
	if up {
		return int64(uint64(from) + place*step), true
	}
	return int64(uint64(from) - place*step), true
}

// distance returns how far two numbers are from each other.
func distance(a, b int64) uint64 {
	if a > b {
		a, b = b, a
	}
	return uint64(b) - uint64(a)
}

// encode returns the value of the object of a sequence.
func (d *SequenceDefinition) encode(id uint32) []byte {
	v := binary.BigEndian.AppendUint32(make([]byte, 0, sequenceBytes), id)
	for _, n := range [...]int64{d.Start, d.Increment, d.Min, d.Max} {
		v = binary.BigEndian.AppendUint64(v, uint64(n))
	}
	if d.Cycle {
		return append(v, 1)
	}
	return append(v, 0)
}

func decodeSequence(name string, v []byte) (id uint32, d SequenceDefinition, err error) {
	if len(v) != sequenceBytes || v[sequenceBytes-1] > 1 {
		return 0, d, &catalog.DamageError{What: "sequence " + name, Why: fmt.Sprintf("%x is no definition", v)}
	}
	number := func(i int) int64 { return int64(binary.BigEndian.Uint64(v[4+8*i:])) }
	d = SequenceDefinition{number(0), number(1), number(2), number(3), v[sequenceBytes-1] == 1}
	return binary.BigEndian.Uint32(v), d, nil
}

// Sequence returns the definition of a sequence.
func (t *Tables) Sequence(name string) (d SequenceDefinition, found bool, err error) {
	v, found, err := t.Object(SequenceObject, name)
	if err != nil || !found {
		return d, false, err
	}
	_, d, err = decodeSequence(name, v)
	return d, err == nil, err
}

// PutSequence makes a sequence, or has one that is there go on as this definition says, from its Start. To set the number that
// comes next is to store the definition with another Start.
func (t *Tables) PutSequence(name string, d SequenceDefinition) error {
	if err := d.check(name); err != nil {
		return err
	}
	return t.schemaStatement(func() error {
		ids, err := t.newIDs(1) // numbers that are reserved of the old one are worth nothing any more
		if err == nil {
			err = t.forgetSequence(name)
		}
		if err != nil {
			return err
		}
		return t.PutObject(SequenceObject, name, d.encode(ids()))
	})
}

// SetSequence has a sequence go on with n or, if n was given already, with what comes after it. It is undone with the
// transaction.
func (t *Tables) SetSequence(name string, n int64, given bool) error {
	d, found, err := t.Sequence(name)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("sequence %s: %w", name, ErrNoSequence)
	case n < d.Min || n > d.Max:
		return fmt.Errorf("sequence %s: %w: %d is not from %d to %d", name, ErrArguments, n, d.Min, d.Max)
	}
	d.Start = n
	if given {
		// The next one, as a sequence says that begins with n.
		next, ok := d.at(2)
		if !ok {
			return fmt.Errorf("sequence %s: %w: it ends at %d", name, ErrExhausted, d.end())
		}
		d.Start = next
	}
	return t.PutSequence(name, d)
}

// DropSequence removes a sequence, if it is there.
func (t *Tables) DropSequence(name string) error {
	return t.schemaStatement(func() error {
		if err := t.forgetSequence(name); err != nil {
			return err
		}
		return t.DeleteObject(SequenceObject, name)
	})
}

// forgetSequence has what is known of the numbers of a sequence be forgotten when the transaction is committed.
func (t *Tables) forgetSequence(name string) error {
	v, found, err := t.Object(SequenceObject, name)
	if err != nil || !found {
		return err
	}
	id, _, err := decodeSequence(name, v)
	if err != nil {
		return err
	}
	t.dropped = append(t.dropped, id)
	return nil
}

// NextValue returns the next number of a sequence. Each is given once, whether the transaction is committed or not, and there
// may be gaps: numbers are reserved in blocks, as those of identity columns.
func (t *Tables) NextValue(name string) (int64, error) {
	v, found, err := t.Object(SequenceObject, name)
	if err != nil {
		return 0, err
	}
	if !found {
		return 0, fmt.Errorf("sequence %s: %w", name, ErrNoSequence)
	}
	id, d, err := decodeSequence(name, v)
	if err != nil {
		return 0, err
	}
	place, err := t.catalog.sequence(id).next(t.ctx, t.catalog.db)
	if err != nil {
		return 0, fmt.Errorf("sequence %s: %w", name, err)
	}
	n, ok := d.at(uint64(place))
	if !ok {
		return 0, fmt.Errorf("sequence %s: %w: it ends at %d", name, ErrExhausted, d.end())
	}
	return n, nil
}

// end returns the last number that a sequence may give.
func (d *SequenceDefinition) end() int64 {
	if d.Increment > 0 {
		return d.Max
	}
	return d.Min
}

// DefaultSequence is what CREATE SEQUENCE makes if nothing else is said: 1, 2 and so on.
func DefaultSequence() SequenceDefinition {
	return SequenceDefinition{Start: 1, Increment: 1, Min: 1, Max: math.MaxInt64}
}
