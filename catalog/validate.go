package catalog

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a table.
const (
	MaxNameBytes   = 63
	MaxColumns     = 1600
	MaxKeyColumns  = 32
	MaxIndexes     = 64
	MaxConstraints = 256 // foreign keys, and checks
	MaxLayouts     = 4096
)

// Validate says what is wrong with the schema: the first thing that it finds, as an error that matches ErrSchema. What SQL
// text there is, in defaults and checks, it does not look at; nor at the parents of foreign keys.
func (t *Table) Validate() error {
	if why := nameFault(t.Name); why != "" {
		return t.wrong(nil, "the name of the table %s", why)
	}
	if t.Version == 0 {
		return t.wrong(nil, "versions begin at 1")
	}
	for _, check := range []func() error{
		t.checkColumns, t.checkPrimaryKey, t.checkIndexes, t.checkForeignKeys, t.checkChecks, t.checkLayouts, t.checkNames,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// nameFault says why something cannot have the name, and nothing if it can.
func nameFault(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > MaxNameBytes:
		return "is longer than 63 bytes"
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return "is not UTF-8 without zero bytes"
	default:
		return ""
	}
}

func (t *Table) checkColumns() error {
	if n := len(t.Columns); n == 0 || n > MaxColumns {
		return t.wrong(nil, "a table has 1 to %d columns, not %d", MaxColumns, n)
	}
	names, ids, identities := map[string]bool{}, map[uint16]bool{}, 0
	for _, c := range t.Columns {
		if why := nameFault(c.Name); why != "" {
			return t.wrong(nil, "the name %q of a column %s", c.Name, why)
		}
		if c.Identity != IdentityNone {
			identities++
		}
		fault := c.Type.fault()
		switch {
		case names[c.Name]:
			return t.wrong(ErrDuplicate, "there are two columns %s", c.Name)
		case fault != "":
			return t.wrong(nil, "column %s: %s", c.Name, fault)
		case ids[c.ID] || c.ID == 0 || c.ID >= t.NextColumn:
			return t.wrong(nil, "column %s has the id %d, which is not its own, or not below %d", c.Name, c.ID, t.NextColumn)
		case !c.Type.has(c.Missing):
			return t.wrong(nil, "column %s is a %s, and what old rows have in it is the %s", c.Name, c.Type, c.Missing.given())
		case c.Identity > IdentityByDefault:
			return t.wrong(nil, "column %s: there is no identity of the number %d", c.Name, c.Identity)
		case c.Identity != IdentityNone && (c.Type.Kind != Int64 || c.Default != ""):
			return t.wrong(nil, "column %s: an identity column is a BIGINT without a default", c.Name)
		case identities > 1:
			return t.wrong(nil, "column %s: a table has one identity column, and there is another already", c.Name)
		}
		names[c.Name], ids[c.ID] = true, true
	}
	return nil
}

// checkKey checks the columns of a key.
func (t *Table) checkKey(what string, columns []IndexColumn) error {
	if n := len(columns); n > MaxKeyColumns {
		return t.wrong(nil, "%s has %d columns; at most %d are possible", what, n, MaxKeyColumns)
	}
	for i, k := range columns {
		c, _, found := t.ColumnByID(k.Column)
		switch {
		case !found:
			return t.wrong(ErrUnknown, "%s: there is no column with the id %d", what, k.Column)
		case !c.Type.Key():
			return t.wrong(nil, "%s: column %s is %s, which cannot be in a key", what, c.Name, c.Type)
		case slices.ContainsFunc(columns[:i], func(o IndexColumn) bool { return o.Column == k.Column }):
			return t.wrong(ErrDuplicate, "%s has column %s twice", what, c.Name)
		}
	}
	return nil
}

func (t *Table) checkPrimaryKey() error {
	if err := t.checkKey("the primary key", t.PrimaryKey); err != nil {
		return err
	}
	for _, k := range t.PrimaryKey {
		if c, _, _ := t.ColumnByID(k.Column); !c.NotNull {
			return t.wrong(nil, "column %s is in the primary key and must be NOT NULL", c.Name)
		}
	}
	return nil
}

func (t *Table) checkIndexes() error {
	if len(t.Indexes) > MaxIndexes {
		return t.wrong(nil, "a table has at most %d indexes", MaxIndexes)
	}
	ids := map[uint32]bool{}
	for _, ix := range t.Indexes {
		switch {
		case len(ix.Columns) == 0:
			return t.wrong(nil, "index %s has no columns", ix.Name)
		case ix.Using > LSM || ix.State > Ready:
			return t.wrong(nil, "index %s: there is no method %d or no state %d", ix.Name, ix.Using, ix.State)
		case ix.ID != 0 && (ids[ix.ID] || ix.ID == t.ID):
			return t.wrong(nil, "index %s: the id %d is taken", ix.Name, ix.ID)
		}
		if err := t.checkKey("index "+ix.Name, ix.Columns); err != nil {
			return err
		}
		ids[ix.ID] = true
	}
	return nil
}

func (t *Table) checkForeignKeys() error {
	if len(t.ForeignKeys) > MaxConstraints {
		return t.wrong(nil, "a table has at most %d foreign keys", MaxConstraints)
	}
	for _, fk := range t.ForeignKeys {
		n := len(fk.Columns)
		switch {
		case n == 0 || n > MaxKeyColumns || n != len(fk.ParentColumns):
			return t.wrong(nil, "foreign key %s: %d columns cannot refer to %d", fk.Name, n, len(fk.ParentColumns))
		case fk.OnDelete > SetNull || fk.OnUpdate > SetNull:
			return t.wrong(nil, "foreign key %s: there is no such action", fk.Name)
		}
		for i, id := range fk.Columns {
			c, _, found := t.ColumnByID(id)
			switch {
			case !found:
				return t.wrong(ErrUnknown, "foreign key %s: there is no column with the id %d", fk.Name, id)
			case slices.Contains(fk.Columns[:i], id) || slices.Contains(fk.ParentColumns[:i], fk.ParentColumns[i]):
				return t.wrong(ErrDuplicate, "foreign key %s has a column twice", fk.Name)
			case (fk.OnDelete == SetNull || fk.OnUpdate == SetNull) && c.NotNull:
				return t.wrong(nil, "foreign key %s: column %s is NOT NULL and cannot be set to NULL", fk.Name, c.Name)
			}
		}
	}
	return nil
}

func (t *Table) checkChecks() error {
	if len(t.Checks) > MaxConstraints {
		return t.wrong(nil, "a table has at most %d checks", MaxConstraints)
	}
	for _, c := range t.Checks {
		if c.Expr == "" {
			return t.wrong(nil, "check %s is empty", c.Name)
		}
	}
	return nil
}

// checkNames checks the names of what can be dropped by name.
func (t *Table) checkNames() error {
	taken := map[string]bool{}
	for name := range t.names() {
		if why := nameFault(name); why != "" {
			return t.wrong(nil, "the name %q of an index or constraint %s", name, why)
		}
		if taken[name] {
			return t.wrong(ErrDuplicate, "there are two indexes or constraints %s", name)
		}
		taken[name] = true
	}
	return nil
}

// names yields the names of indexes and constraints.
func (t *Table) names() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, ix := range t.Indexes {
			if !yield(ix.Name) {
				return
			}
		}
		for _, fk := range t.ForeignKeys {
			if !yield(fk.Name) {
				return
			}
		}
		for _, c := range t.Checks {
			if !yield(c.Name) {
				return
			}
		}
	}
}
