package collection

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/middb/middb/catalog"
)

// A model is what a type says of its table. It is made once for each type, and does not change.
type model struct {
	typ    reflect.Type
	fields []field
}

// A field is one that has a column.
type field struct {
	tag
	name    string // such as main.User.Age
	index   []int  // in the struct, and in those that are embedded
	pointer bool
	codec   *codec
}

// nullable reports whether the field can say NULL and its column may be it.
func (f *field) nullable() bool { return (f.pointer || f.codec.nullable) && !f.notNull && !f.primary }

// skipped reports whether Insert leaves the column to its default, or to the sequence, if the field is zero.
func (f *field) skipped() bool { return f.identity || f.defaultSQL != "" }

var models sync.Map // reflect.Type to *model

// modelOf returns the model of a type.
func modelOf(t reflect.Type) (*model, error) {
	if m, ok := models.Load(t); ok {
		return m.(*model), nil
	}
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%w: %v is no struct", ErrTag, t)
	}
	m := &model{typ: t}
	if err := m.add(t, nil); err != nil {
		return nil, err
	}
	primary := false
	for _, f := range m.fields {
		primary = primary || f.primary
	}
	if !primary {
		return nil, fmt.Errorf("%w: no field of %v has the option primarykey", ErrTag, t)
	}
	models.Store(t, m)
	return m, nil
}

// add adds the fields of a struct, which is found in the outer one by the index.
func (m *model) add(t reflect.Type, index []int) error {
	for i := range t.NumField() {
		s := t.Field(i)
		path := append(index[:len(index):len(index)], i)
		text, tagged := s.Tag.Lookup("db")
		name := fmt.Sprintf("%v.%s", m.typ, s.Name)
		switch {
		case text == "-":
		case s.Anonymous && !tagged && s.Type.Kind() == reflect.Struct && codecOf(s.Type) == nil:
			if err := m.add(s.Type, path); err != nil {
				return err
			}
		case !s.IsExported() && tagged:
			return fmt.Errorf("%w: field %s has a tag and is not exported", ErrTag, name)
		case !s.IsExported():
		default:
			f := field{name: name, index: path}
			if err := f.read(s.Type, text, s.Name); err != nil {
				return fmt.Errorf("%w: field %s: %w", ErrTag, name, err)
			}
			m.fields = append(m.fields, f)
		}
	}
	return nil
}

// read makes the field of its type and tag.
func (f *field) read(t reflect.Type, text, name string) (err error) {
	if f.tag, err = parseTag(text, name); err != nil {
		return err
	}
	if t.Kind() == reflect.Pointer {
		f.pointer, t = true, t.Elem()
	}
	if f.codec = codecOf(t); f.codec == nil {
		return fmt.Errorf(`no column has the Go type %v: let it be encoding.TextMarshaler and TextUnmarshaler, or leave it out by db:"-"`, t)
	}
	if f.identity && f.codec.sql != "BIGINT" {
		return fmt.Errorf("an identity is a whole number, not %v", t)
	}
	if f.typ == "" {
		return nil
	}
	typ, err := catalog.ParseType(f.typ)
	if err == nil && !f.codec.fits(typ.Kind) {
		err = fmt.Errorf("a %v has no place in a column of type %v", t, typ)
	}
	return err
}

// definition returns the schema that the model wants. Its columns are those of the fields, in order.
func (m *model) definition(table string) (*catalog.Definition, error) {
	b := catalog.NewTable(table)
	var primary []string
	for _, f := range m.fields {
		var options []catalog.ColumnOption
		if !f.nullable() {
			options = append(options, catalog.NotNull)
		}
		if f.identity {
			options = append(options, catalog.GeneratedByDefault)
		}
		if f.defaultSQL != "" {
			options = append(options, catalog.Default(f.defaultSQL))
		}
		b.Column(f.column, f.sql(), options...)
		for _, c := range f.checks {
			b.Check(c)
		}
		if f.parent != "" {
			b.ForeignKey([]string{f.column}, f.parent, f.parentKey, catalog.OnDelete(f.onDelete))
		}
		if f.primary {
			primary = append(primary, f.column)
		}
	}
	b.PrimaryKey(primary...)
	m.indexes(b, table)
	return b.Build()
}

func (f *field) sql() string {
	if f.typ != "" {
		return f.typ
	}
	return f.codec.sql
}

// indexes adds the indexes, in the order in which the fields name them.
func (m *model) indexes(b *catalog.Builder, table string) {
	done := map[string]bool{}
	for i, f := range m.fields {
		for _, ix := range f.tag.indexes {
			columns := []string{strings.TrimSpace(f.column + " " + ix.order)}
			switch {
			case ix.name == "" && ix.unique:
				b.Unique(columns...).Using(ix.using)
				continue
			case ix.name == "":
				ix.name = table + "_" + f.column + "_idx"
			case done[ix.name]:
				continue
			default:
				done[ix.name] = true
				columns = append(columns, m.others(i+1, ix.name)...)
			}
			if ix.unique {
				b.UniqueIndex(ix.name, columns...).Using(ix.using)
			} else {
				b.Index(ix.name, columns...).Using(ix.using)
			}
		}
	}
}

// others returns the columns of an index that come from the fields behind the first one.
func (m *model) others(from int, name string) (columns []string) {
	for _, f := range m.fields[from:] {
		for _, ix := range f.tag.indexes {
			if ix.name == name {
				columns = append(columns, strings.TrimSpace(f.column+" "+ix.order))
			}
		}
	}
	return columns
}
