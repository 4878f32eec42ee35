package catalog

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// DecodeTable returns the schema that Encode has encoded. It is strict: every schema has one encoding, and what it
// returns is valid. Errors are of type *DamageError. The bytes stay the caller's.
func DecodeTable(b []byte) (*Table, error) {
	r := reader{rest: b, whole: len(b)}
	if v := r.byte(); v != formatVersion {
		r.fail("the version of the format is not 1: a later version of middb wrote it")
	}
	t := &Table{
		ID:          uint32(r.number(math.MaxUint32)),
		Name:        r.text(),
		Version:     uint32(r.number(math.MaxUint32)),
		NextColumn:  uint16(r.number(math.MaxUint16)),
		Columns:     elements(&r, r.column),
		PrimaryKey:  elements(&r, r.indexColumn),
		Indexes:     elements(&r, r.index),
		ForeignKeys: elements(&r, r.foreignKey),
		Checks:      elements(&r, func() Check { return Check{r.text(), r.text()} }),
		Layouts:     elements(&r, func() Layout { return Layout{elements(&r, r.stored)} }),
	}
	if len(r.rest) > 0 {
		r.fail("something follows")
	}
	if r.why == "" {
		if err := t.Validate(); err != nil {
			r.fail(err.Error())
		}
	}
	if r.why != "" {
		return nil, &DamageError{What: "schema", Offset: r.at, Why: r.why}
	}
	return t.prepare(), nil
}

// A reader is what is left of an encoded schema. After the first fault its methods return zeros.
type reader struct {
	rest  []byte
	whole int
	at    int // of the fault
	why   string
}

// fail notes the first fault.
func (r *reader) fail(why string) {
	if r.why == "" {
		r.at, r.why = r.whole-len(r.rest), why
	}
	r.rest = nil
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.fail("it is cut off")
		return make([]byte, min(n, valueNumberBytes)) // of zeros, as much as a number needs
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() uint8 { return r.take(1)[0] }

// flags reads a byte of which only some bits may be set.
func (r *reader) flags(used uint8) uint8 {
	b := r.byte()
	if b&^used != 0 {
		r.fail("bits are set that mean nothing")
		return 0
	}
	return b
}

func (r *reader) number(most uint64) uint64 {
	n, size := uvarint(r.rest)
	if size == 0 || n > most {
		r.fail("this is no number, or too large")
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) text() string {
	n := r.number(uint64(len(r.rest)))
	if r.why != "" {
		return ""
	}
	return string(r.take(int(n)))
}

// elements reads a list.
func elements[E any](r *reader, decode func() E) []E {
	n := r.number(uint64(len(r.rest))) // each has at least one byte
	var list []E
	for ; n > 0 && r.why == ""; n-- {
		list = append(list, decode())
	}
	return list
}

func (r *reader) id() uint16 { return uint16(r.number(math.MaxUint16)) }

func (r *reader) column() Column {
	c := Column{ID: r.id(), Name: r.text(), Type: r.typ()}
	flags := r.flags(flagsColumnUsed)
	c.NotNull, c.Identity = flags&flagNotNull != 0, Identity(flags>>flagsIdentity)
	c.Default = r.text()
	c.Missing = r.value()
	return c
}

func (r *reader) typ() Type {
	t := Type{Kind: Kind(r.byte())}
	switch t.Kind {
	case Decimal:
		t.Precision, t.Scale = r.byte(), r.byte()
	case String:
		t.Length = uint32(r.number(math.MaxUint32))
	default: // others have nothing more
	}
	return t
}

func (r *reader) value() (v Value) {
	if v.kind = Kind(r.byte()); v.kind == 0 {
		return v
	}
	if !v.kind.known() {
		r.fail("there is no such kind of value")
		return Value{}
	}
	switch v.kind {
	case String, Bytes, JSON, UUID:
		v.s = r.text()
		switch {
		case v.kind == UUID && len(v.s) != 16:
			r.fail("a UUID has 16 bytes")
		case (v.kind == String || v.kind == JSON) && !utf8.ValidString(v.s):
			r.fail("text is UTF-8")
		}
		return v
	case Decimal:
		if v.scale = r.byte(); v.scale > MaxPrecision {
			r.fail("a decimal has no such scale")
		}
	default: // a number and nothing more
	}
	v.n = int64(binary.LittleEndian.Uint64(r.take(valueNumberBytes)))
	if v.kind == Bool && uint64(v.n) > 1 {
		r.fail("a boolean is 0 or 1")
	}
	return v
}

func (r *reader) indexColumn() IndexColumn {
	k := IndexColumn{Column: r.id()}
	flags := r.flags(flagsOrderUsed)
	k.Descending, k.NullsFirst = flags&flagDescending != 0, flags&flagNullsFirst != 0
	return k
}

func (r *reader) index() Index {
	return Index{
		ID:      uint32(r.number(math.MaxUint32)),
		Name:    r.text(),
		Unique:  r.flags(flagsUniqueUsed) != 0,
		Using:   Method(r.byte()),
		State:   State(r.byte()),
		Columns: elements(r, r.indexColumn),
	}
}

func (r *reader) foreignKey() ForeignKey {
	return ForeignKey{
		Name:          r.text(),
		Parent:        uint32(r.number(math.MaxUint32)),
		OnDelete:      Action(r.byte()),
		OnUpdate:      Action(r.byte()),
		Columns:       elements(r, r.id),
		ParentColumns: elements(r, r.id),
	}
}

func (r *reader) stored() StoredColumn { return StoredColumn{r.id(), r.typ()} }
