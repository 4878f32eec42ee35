package catalog

import "encoding/binary"

// formatVersion is the first byte of an encoded schema.
const formatVersion = 1

// The bits of what a column is.
const (
	flagNotNull      = 1 << 0
	flagsIdentity    = 1 // shifted by so many bits
	flagsColumnUsed  = 0x07
	flagDescending   = 1 << 0
	flagNullsFirst   = 1 << 1
	flagsOrderUsed   = 0x03
	flagUnique       = 1 << 0
	flagsUniqueUsed  = 0x01
	valueNumberBytes = 8
)

// Encode returns the schema in the format of the package's documentation.
func (t *Table) Encode() []byte {
	b := encoder{formatVersion}
	b.number(uint64(t.ID))
	b.text(t.Name)
	b.number(uint64(t.Version))
	b.number(uint64(t.NextColumn))
	list(&b, t.Columns, b.column)
	list(&b, t.PrimaryKey, b.indexColumn)
	list(&b, t.Indexes, b.index)
	list(&b, t.ForeignKeys, b.foreignKey)
	list(&b, t.Checks, func(c *Check) { b.text(c.Name); b.text(c.Expr) })
	list(&b, t.Layouts, func(l *Layout) { list(&b, l.Columns, b.stored) })
	return b
}

// An encoder is what has been encoded.
type encoder []byte

func (b *encoder) byte(c uint8)    { *b = append(*b, c) }
func (b *encoder) number(n uint64) { *b = binary.AppendUvarint(*b, n) }

func (b *encoder) text(s string) {
	b.number(uint64(len(s)))
	*b = append(*b, s...)
}

// list encodes how many elements there are, and each of them.
func list[E any](b *encoder, elements []E, encode func(*E)) {
	b.number(uint64(len(elements)))
	for i := range elements {
		encode(&elements[i])
	}
}

func flag(set bool, bit uint8) uint8 {
	if set {
		return bit
	}
	return 0
}

func (b *encoder) column(c *Column) {
	b.number(uint64(c.ID))
	b.text(c.Name)
	b.typ(c.Type)
	b.byte(flag(c.NotNull, flagNotNull) | uint8(c.Identity)<<flagsIdentity)
	b.text(c.Default)
	b.value(c.Missing)
}

func (b *encoder) typ(t Type) {
	b.byte(uint8(t.Kind))
	switch t.Kind {
	case Decimal:
		b.byte(t.Precision)
		b.byte(t.Scale)
	case String:
		b.number(uint64(t.Length))
	default: // others have nothing more
	}
}

func (b *encoder) value(v Value) {
	b.byte(uint8(v.kind))
	switch v.kind {
	case 0:
	case String, Bytes, JSON, UUID:
		b.text(v.s)
	case Decimal:
		b.byte(v.scale)
		fallthrough
	default:
		*b = binary.LittleEndian.AppendUint64(*b, uint64(v.n))
	}
}

func (b *encoder) indexColumn(k *IndexColumn) {
	b.number(uint64(k.Column))
	b.byte(flag(k.Descending, flagDescending) | flag(k.NullsFirst, flagNullsFirst))
}

func (b *encoder) index(ix *Index) {
	b.number(uint64(ix.ID))
	b.text(ix.Name)
	b.byte(flag(ix.Unique, flagUnique))
	b.byte(uint8(ix.Using))
	b.byte(uint8(ix.State))
	list(b, ix.Columns, b.indexColumn)
}

func (b *encoder) foreignKey(fk *ForeignKey) {
	b.text(fk.Name)
	b.number(uint64(fk.Parent))
	b.byte(uint8(fk.OnDelete))
	b.byte(uint8(fk.OnUpdate))
	id := func(c *uint16) { b.number(uint64(*c)) }
	list(b, fk.Columns, id)
	list(b, fk.ParentColumns, id)
}

func (b *encoder) stored(s *StoredColumn) {
	b.number(uint64(s.ID))
	b.typ(s.Type)
}
