package collection

import (
	"fmt"
	"reflect"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/relation"
)

// A binding is a model with a schema of its table: where the columns of the fields are. It does not change.
type binding struct {
	model  *model
	schema *catalog.Table
	places []int // in schema.Columns, of the columns of the fields
}

// bind finds the columns of the fields. The schema may be another than at Open.
func (m *model) bind(schema *catalog.Table, d *catalog.Definition) (*binding, error) {
	b := &binding{model: m, schema: schema}
	for i := range m.fields {
		f, want := &m.fields[i], &d.Table.Columns[i]
		c, at, ok := schema.Column(want.Name)
		if !ok || !f.codec.fits(c.Type.Kind) {
			found := "no column"
			if ok {
				found = describe(c)
			}
			return nil, &MismatchError{schema.Name, f.name, want.Name, describe(want), found, "the table has changed: open the collection again"}
		}
		b.places = append(b.places, at)
	}
	return b, nil
}

// encode returns the values of the fields of a row. If inserting, without those that the table fills in.
func (b *binding) encode(row reflect.Value, inserting bool) (places []int, values []catalog.Value, err error) {
	places, values = make([]int, 0, len(b.places)), make([]catalog.Value, 0, len(b.places))
	for i := range b.model.fields {
		f := &b.model.fields[i]
		from := f.of(row)
		if inserting && f.skipped() && from.IsZero() {
			continue
		}
		v, err := f.encode(from, b.schema.Columns[b.places[i]].Type)
		if err != nil {
			return nil, nil, b.at(i, err)
		}
		places, values = append(places, b.places[i]), append(values, v)
	}
	return places, values, nil
}

// of returns the field of a row.
func (f *field) of(row reflect.Value) reflect.Value {
	for _, i := range f.index {
		row = row.Field(i)
	}
	return row
}

func (f *field) encode(from reflect.Value, t catalog.Type) (catalog.Value, error) {
	if f.pointer {
		if from.IsNil() {
			return catalog.Null(), nil
		}
		from = from.Elem()
	}
	return f.codec.encode(from, t)
}

// decode fills a row from the values of its fields' columns.
func (b *binding) decode(row reflect.Value, values []catalog.Value) error {
	for i := range b.model.fields {
		f := &b.model.fields[i]
		if err := f.decode(f.of(row), values[i]); err != nil {
			return b.at(i, err)
		}
	}
	return nil
}

func (f *field) decode(to reflect.Value, v catalog.Value) error {
	switch {
	case v.IsNull() && !f.pointer && !f.codec.nullable:
		return fmt.Errorf("it is NULL, for which a %v has no value: make the field a pointer", to.Type())
	case v.IsNull():
		to.SetZero()
		return nil
	case f.pointer:
		to.Set(reflect.New(to.Type().Elem())) // one that is there may be shared with another row
		to = to.Elem()
	}
	return f.codec.decode(to, v)
}

// decodeAll is decode with the values of all columns of the table.
func (b *binding) decodeAll(row reflect.Value, all []catalog.Value) error {
	values := make([]catalog.Value, len(b.places))
	for i, at := range b.places {
		values[i] = all[at]
	}
	return b.decode(row, values)
}

// at says which field an error is about.
func (b *binding) at(i int, err error) error {
	f := &b.model.fields[i]
	column := b.schema.Columns[b.places[i]].Name
	if e, ok := err.(*catalog.TypeError); ok { //nolint:errorlint // it comes from catalog.From as it is
		return catalog.At(e, b.schema.Name, column)
	}
	return fmt.Errorf("table %s, column %s, field %s: %w", b.schema.Name, column, f.name, err)
}

// key turns Go values into values of the first columns of a key.
func (b *binding) key(columns []catalog.IndexColumn, given []any) ([]catalog.Value, error) {
	if len(given) > len(columns) {
		return nil, fmt.Errorf("table %s: %w: the key has %d columns, given are %d", b.schema.Name, relation.ErrArguments, len(columns), len(given))
	}
	var out []catalog.Value
	for i, x := range given {
		c, _, _ := b.schema.ColumnByID(columns[i].Column)
		t := c.Type
		if t.Kind == catalog.Decimal { // all digits, so that what would have to be rounded is refused and not found
			t.Precision, t.Scale = catalog.MaxPrecision, catalog.MaxPrecision-(t.Precision-t.Scale)
		}
		v, err := catalog.From(t, x)
		if err != nil {
			return nil, catalog.At(err, b.schema.Name, c.Name)
		}
		out = append(out, v)
	}
	return out, nil
}

// primary returns the primary key in the fields of a row, and whether it is all there: 0 is no number of an identity.
func (b *binding) primary(row reflect.Value) (key []catalog.Value, known bool, err error) {
	for _, k := range b.schema.PrimaryKey {
		_, place, _ := b.schema.ColumnByID(k.Column)
		for i, at := range b.places {
			if at != place {
				continue
			}
			f := &b.model.fields[i]
			from := f.of(row)
			if f.skipped() && from.IsZero() {
				return nil, false, nil
			}
			v, err := f.encode(from, b.schema.Columns[at].Type)
			if err != nil {
				return nil, false, b.at(i, err)
			}
			key = append(key, v)
		}
	}
	return key, len(key) == len(b.schema.PrimaryKey), nil
}
