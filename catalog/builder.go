package catalog

import (
	"slices"
	"strconv"
	"strings"
)

// A Builder puts a schema together. Its methods return it again. The first thing that is wrong is what Build returns.
//
// Names are in lower case, unless they are in double quotes. Where a column is to be sorted, behind its name may be ASC
// or DESC and then NULLS FIRST or NULLS LAST, as in "age DESC". As in PostgreSQL, NULL is above all values: without the
// latter it is last, and with DESC first.
type Builder struct {
	d       Definition
	err     error
	primary []string
	indexes [][]string // columns of d.Table.Indexes
}

// NewTable begins a schema.
func NewTable(name string) *Builder {
	return &Builder{d: Definition{Table: Table{Name: fold(name), Version: 1, NextColumn: 1}}}
}

// fold returns a name as SQL reads it: in lower case unless it is in double quotes.
func fold(name string) string {
	name = strings.TrimSpace(name)
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.ReplaceAll(name[1:len(name)-1], `""`, `"`)
	}
	return strings.ToLower(name)
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// A ColumnOption changes a column that is being built.
type ColumnOption func(*Column)

// NotNull forbids NULL.
func NotNull(c *Column) { c.NotNull = true }

// GeneratedAlways has the column get numbers from the sequence of the table, and no others.
func GeneratedAlways(c *Column) { c.NotNull, c.Identity = true, IdentityAlways }

// GeneratedByDefault has the column get numbers from the sequence of the table where none is given.
func GeneratedByDefault(c *Column) { c.NotNull, c.Identity = true, IdentityByDefault }

// Default gives the column an SQL expression for where no value is given.
func Default(sql string) ColumnOption { return func(c *Column) { c.Default = sql } }

// Column adds a column of a type that ParseType knows.
func (b *Builder) Column(name, sqlType string, options ...ColumnOption) *Builder {
	t := &b.d.Table
	typ, err := ParseType(sqlType)
	switch {
	case err != nil:
		b.fail(t.wrong(nil, "column %s: %v", fold(name), err))
	case len(t.Columns) == MaxColumns:
		b.fail(t.wrong(nil, "a table has at most %d columns", MaxColumns))
		return b
	}
	c := Column{ID: t.NextColumn, Name: fold(name), Type: typ}
	for _, o := range options {
		o(&c)
	}
	t.NextColumn++
	t.Columns = append(t.Columns, c)
	return b
}

// PrimaryKey names the columns of the primary key, which become NOT NULL.
func (b *Builder) PrimaryKey(columns ...string) *Builder {
	switch {
	case b.primary != nil:
		b.fail(b.d.Table.wrong(ErrDuplicate, "there are two primary keys"))
	case len(columns) == 0:
		b.fail(b.d.Table.wrong(nil, "the primary key has no columns"))
	}
	b.primary = columns
	return b
}

// Unique forbids rows with the same values in the columns, by an index of the name table_columns_key.
func (b *Builder) Unique(columns ...string) *Builder {
	return b.index(Index{Name: b.freshName(columns, "key"), Unique: true}, columns)
}

// Index adds an index.
func (b *Builder) Index(name string, columns ...string) *Builder {
	return b.index(Index{Name: fold(name)}, columns)
}

// UniqueIndex adds an index in which no two rows have the same values.
func (b *Builder) UniqueIndex(name string, columns ...string) *Builder {
	return b.index(Index{Name: fold(name), Unique: true}, columns)
}

func (b *Builder) index(ix Index, columns []string) *Builder {
	ix.State = Ready
	b.d.Table.Indexes = append(b.d.Table.Indexes, ix)
	b.indexes = append(b.indexes, columns)
	return b
}

// Using says how the index is kept that was added last. Without it, that is a BTree.
func (b *Builder) Using(m Method) *Builder {
	if list := b.d.Table.Indexes; len(list) > 0 {
		list[len(list)-1].Using = m
	} else {
		b.fail(b.d.Table.wrong(nil, "there is no index yet that could use a method"))
	}
	return b
}

// Check adds an SQL expression that is not false for any row, under the name table_check.
func (b *Builder) Check(expr string) *Builder { return b.NamedCheck(b.freshName(nil, "check"), expr) }

// NamedCheck is Check with a name.
func (b *Builder) NamedCheck(name, expr string) *Builder {
	b.d.Table.Checks = append(b.d.Table.Checks, Check{fold(name), expr})
	return b
}

// A ForeignKeyOption changes a foreign key that is being built.
type ForeignKeyOption func(*Reference)

// OnDelete says what happens when the parent is deleted. Without it, that is not possible.
func OnDelete(a Action) ForeignKeyOption { return func(r *Reference) { r.OnDelete = a } }

// OnUpdate says what happens when the parent gets other values. Without it, that is not possible.
func OnUpdate(a Action) ForeignKeyOption { return func(r *Reference) { r.OnUpdate = a } }

// Named gives the foreign key a name. Without it, that is table_columns_fkey.
func Named(name string) ForeignKeyOption { return func(r *Reference) { r.Name = fold(name) } }

// ForeignKey says that columns have the values of columns of a row of another table, or of this one: of its primary key if
// parentColumns is empty, and else of the primary key or a unique index.
func (b *Builder) ForeignKey(columns []string, parent string, parentColumns []string, options ...ForeignKeyOption) *Builder {
	r := Reference{Columns: folded(columns), Parent: fold(parent), ParentColumns: folded(parentColumns)}
	for _, o := range options {
		o(&r)
	}
	if r.Name == "" {
		r.Name = b.freshName(columns, "fkey")
	}
	b.d.References = append(b.d.References, r)
	return b
}

func folded(names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, fold(n))
	}
	return out
}

// freshName returns a name for an index or constraint: table_columns_suffix, with a number if it is taken, and without
// the end of the middle part if it were too long.
func (b *Builder) freshName(columns []string, suffix string) string {
	base := b.d.Table.Name
	for _, c := range columns {
		name, _, _ := sortedColumn(c)
		base += "_" + name
	}
	for i := 0; ; i++ {
		end := "_" + suffix
		if i > 0 {
			end += strconv.Itoa(i)
		}
		name := strings.ToValidUTF8(base[:min(len(base), MaxNameBytes-len(end))], "") + end
		if !b.taken(name) {
			return name
		}
	}
}

func (b *Builder) taken(name string) bool {
	for n := range b.d.Table.names() {
		if n == name {
			return true
		}
	}
	return slices.ContainsFunc(b.d.References, func(r Reference) bool { return r.Name == name })
}

// sortedColumn takes what says how a column is sorted off its name.
func sortedColumn(spec string) (name string, descending, nullsFirst bool) {
	name, nulls := strings.TrimSpace(spec), false
	cut := func(words ...string) bool {
		rest := name
		for _, w := range slices.Backward(words) {
			n := len(rest) - len(w)
			if n < 2 || !strings.EqualFold(rest[n:], w) || rest[n-1] != ' ' {
				return false
			}
			rest = strings.TrimRight(rest[:n], " ")
		}
		name = rest
		return true
	}
	switch {
	case cut("NULLS", "FIRST"):
		nulls, nullsFirst = true, true
	case cut("NULLS", "LAST"):
		nulls = true
	}
	if descending = cut("DESC"); !descending {
		cut("ASC")
	}
	return fold(name), descending, nullsFirst || descending && !nulls
}

// key looks the columns of a key up.
func (b *Builder) key(what string, specs []string) []IndexColumn {
	var k []IndexColumn
	for _, spec := range specs {
		name, descending, nullsFirst := sortedColumn(spec)
		c, _, found := b.d.Table.Column(name)
		if !found {
			b.fail(b.d.Table.wrong(ErrUnknown, "%s: there is no column %s", what, name))
			return nil
		}
		k = append(k, IndexColumn{c.ID, descending, nullsFirst})
	}
	return k
}

// Build returns the schema, or what is wrong with it, as an error that matches ErrSchema. It is called once.
func (b *Builder) Build() (*Definition, error) {
	t := &b.d.Table
	t.PrimaryKey = b.key("the primary key", b.primary)
	for _, k := range t.PrimaryKey {
		c, _, _ := t.ColumnByID(k.Column)
		c.NotNull = true
	}
	for i := range t.Indexes {
		t.Indexes[i].Columns = b.key("index "+t.Indexes[i].Name, b.indexes[i])
	}
	for _, r := range b.d.References {
		for _, name := range r.Columns {
			if _, _, found := t.Column(name); !found {
				b.fail(t.wrong(ErrUnknown, "foreign key %s: there is no column %s", r.Name, name))
			}
		}
	}
	t.Layouts = []Layout{t.layout()}
	if b.err == nil {
		b.err = t.Validate()
	}
	if b.err != nil {
		return nil, b.err
	}
	t.prepare()
	return &b.d, nil
}
