package catalog

import (
	"errors"
	"time"

	"github.com/middb/middb/key"
)

var errTODO = errors.New("not written yet")

// Value is 32 bytes.
type Value struct {
	kind  Kind
	scale uint8
	n     int64
	s     string
}

func Null() Value                                   { return Value{} }
func Int(n int64) Value                             { return Value{kind: Int64, n: n} }
func Float(f float64) Value                         { return Value{} }
func DecimalOf(unscaled int64, scale uint8) Value   { return Value{} }
func BoolOf(b bool) Value                           { return Value{} }
func Str(s string) Value                            { return Value{kind: String, s: s} }
func BytesOf(b []byte) Value                        { return Value{} }
func DateOf(days int64) Value                       { return Value{} }
func TimestampOf(t time.Time) Value                 { return Value{} }
func UUIDOf(u [16]byte) Value                       { return Value{} }
func JSONOf(text string) (Value, error)             { return Value{}, errTODO }
func (v Value) Kind() Kind                          { return v.kind }
func (v Value) IsNull() bool                        { return v.kind == 0 }
func (v Value) AsInt() int64                        { return v.n }
func (v Value) AsFloat() float64                    { return 0 }
func (v Value) AsBool() bool                        { return false }
func (v Value) AsString() string                    { return v.s }
func (v Value) AsBytes() []byte                     { return nil }
func (v Value) AsTime() time.Time                   { return time.Time{} }
func (v Value) AsUUID() [16]byte                    { return [16]byte{} }
func (v Value) AsDecimal() (int64, uint8)           { return v.n, v.scale }
func (v Value) Any() any                            { return nil }
func (v Value) String() string                      { return v.s }
func (v Value) Clone() Value                        { return v }
func Compare(a, b Value) int                        { return 0 }
func From(t Type, x any) (Value, error)             { return Value{}, errTODO }
func Cast(v Value, t Type) (Value, error)           { return Value{}, errTODO }
func Parse(t Type, text string) (Value, error)      { return Value{}, errTODO }
func (t *Table) Encode() []byte                     { return nil }
func DecodeTable(b []byte) (*Table, error)          { return nil, errTODO }
func (t *Table) Validate() error                    { return errTODO }
func (t *Table) AddColumn(c Column) (*Table, error) { return nil, errTODO }
func (t *Table) DropColumn(name string) (*Table, error) {
	return nil, errTODO
}
func (t *Table) RenameColumn(from, to string) (*Table, error)           { return nil, errTODO }
func (t *Table) RenameTable(to string) (*Table, error)                  { return nil, errTODO }
func (t *Table) WidenType(column string, to Type) (*Table, error)       { return nil, errTODO }
func (t *Table) SetDefault(column, sql string) (*Table, error)          { return nil, errTODO }
func (t *Table) SetNotNull(column string) (*Table, error)               { return nil, errTODO }
func (t *Table) DropNotNull(column string) (*Table, error)              { return nil, errTODO }
func (t *Table) AddIndex(ix Index) (*Table, error)                      { return nil, errTODO }
func (t *Table) DropIndex(name string) (*Table, error)                  { return nil, errTODO }
func (t *Table) SetIndexState(name string, state State) (*Table, error) { return nil, errTODO }
func (t *Table) AddCheck(c Check) (*Table, error)                       { return nil, errTODO }
func (t *Table) AddForeignKey(fk ForeignKey) (*Table, error)            { return nil, errTODO }
func (t *Table) DropConstraint(name string) (*Table, error)             { return nil, errTODO }

// AppendKeyValue appends one element of a key.
func AppendKeyValue(dst []byte, v Value, o key.Order) []byte { return nil }

// DecodeKeyValue takes one element off.
func DecodeKeyValue(tuple *key.Tuple, t Type, o key.Order) (Value, error) { return Value{}, errTODO }

// AppendPrimaryKey appends the key of a row; a table without one returns an error: use AppendRowID.
func (t *Table) AppendPrimaryKey(dst []byte, row []Value) ([]byte, error) { return nil, errTODO }

// AppendRowID appends the key of a row of a table without a primary key.
func AppendRowID(dst []byte, id int64) []byte { return nil }

// DecodeRowID returns the hidden row id.
func DecodeRowID(primaryKey []byte) (int64, error) { return 0, errTODO }

// AppendIndexKey appends to dst.
func (t *Table) AppendIndexKey(dst []byte, ix *Index, row []Value, primaryKey []byte) (k, value []byte, err error) {
	return nil, nil, errTODO
}

// IndexEntryPrimaryKey cuts the primary key off.
func (t *Table) IndexEntryPrimaryKey(ix *Index, k, value []byte) ([]byte, error) { return nil, errTODO }

// AppendRow appends a row.
func (t *Table) AppendRow(dst []byte, row []Value) ([]byte, error) { return nil, errTODO }

// A RowDecoder decodes rows. For one goroutine at a time.
type RowDecoder struct{}

// NewRowDecoder takes positions in t.Columns.
func (t *Table) NewRowDecoder(columns []int) *RowDecoder { return nil }

// Decode appends to dst a value for each of the columns.
func (d *RowDecoder) Decode(dst []Value, primaryKey, stored []byte) ([]Value, error) {
	return nil, errTODO
}

// A Builder collects a Definition.
type Builder struct{}

// NewTable begins one.
func NewTable(name string) *Builder { return &Builder{} }

// Column options: NotNull, Default("now()"), GeneratedAlways, GeneratedByDefault.
func (b *Builder) Column(name, typ string, options ...ColumnOption) *Builder { return b }

func (b *Builder) PrimaryKey(columns ...string) *Builder               { return b } // "a", "b DESC"
func (b *Builder) Unique(columns ...string) *Builder                   { return b } // named table_columns_key
func (b *Builder) Index(name string, columns ...string) *Builder       { return b }
func (b *Builder) UniqueIndex(name string, columns ...string) *Builder { return b }
func (b *Builder) Using(m Method) *Builder                             { return b } // for the index named last
func (b *Builder) Check(expr string) *Builder                          { return b } // named table_check, table_check1 ...
func (b *Builder) NamedCheck(name, expr string) *Builder               { return b }
func (b *Builder) ForeignKey(columns []string, parent string, parentColumns []string, options ...ForeignKeyOption) *Builder {
	return b
}
func (b *Builder) Build() (*Definition, error) { return nil, errTODO }

// ColumnOption is an option.
type ColumnOption func(*Column)

func NotNull(c *Column)               {}
func GeneratedAlways(c *Column)       {}
func GeneratedByDefault(c *Column)    {}
func Default(sql string) ColumnOption { return nil }

// ForeignKeyOption is one too.
type ForeignKeyOption func(*Reference)

func OnDelete(a Action) ForeignKeyOption { return nil }
func OnUpdate(a Action) ForeignKeyOption { return nil }
func Named(name string) ForeignKeyOption { return nil }

// Resolve makes a Table of the definition: of this id, with ids for the indexes from nextID, and with the foreign keys
// looked up by parent, which is asked for the tables that they name (but not for the table itself).
func (d *Definition) Resolve(id uint32, nextID func() uint32, parent func(name string) (*Table, error)) (*Table, error) {
	return nil, errTODO
}

// ForeignKey looks a reference of t up in its parent.
func (t *Table) ForeignKey(r Reference, parent *Table) (ForeignKey, error) {
	return ForeignKey{}, errTODO
}
