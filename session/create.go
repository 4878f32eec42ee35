package session

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// informationSchema is the schema of the tables about tables.
const informationSchema = "information_schema"

// name returns the name of something that is to be changed, which must be in the only schema that there is for that.
func (x *changing) name(r ast.Relation) (string, error) {
	switch r.Schema {
	case "", "public", "main":
		return r.Name, nil
	case informationSchema:
		return "", sqlstate.New(sqlstate.InsufficientPrivilege, r.At, "%s.%s cannot be changed", r.Schema, r.Name)
	default:
		return "", sqlstate.New(sqlstate.InvalidSchema, r.At, "there is no schema %q", r.Schema).
			WithHint("all tables are in the schema public")
	}
}

// table returns the schema of a table, or nil if there is none and that does not matter.
func (x *changing) table(r ast.Relation, optional bool) (*catalog.Table, error) {
	name, err := x.name(r)
	if err != nil {
		return nil, err
	}
	t, err := x.tables.Schema(name)
	if !errors.Is(err, relation.ErrNoTable) {
		return t, err
	}
	if optional {
		x.s.notice("00000", "there is no table "+strconv.Quote(name)+", which is left out")
		return nil, nil
	}
	return nil, x.missingObject("table", r, false)
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quotedNames(names []ast.Name) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quoted(n.Name)
	}
	return out
}

// createTable runs CREATE TABLE with columns.
func (x *changing) createTable(st *ast.CreateTable) error {
	name, err := x.name(st.Table)
	if err != nil {
		return err
	}
	if there, e := x.there(name, st.Table.At, st.IfNotExists); there || e != nil {
		return e
	}
	if st.Temporary {
		return sqlstate.New(sqlstate.NotSupported, st.At, "there are no temporary tables").
			WithHint("create a table and drop it later")
	}
	d, err := definition(name, st.Columns, st.Constraints)
	if err != nil {
		return err
	}
	if err := x.tables.Create(d); err != nil {
		return err
	}
	for i := range st.Columns {
		for _, k := range st.Columns[i].Constraints {
			if k.Kind == ast.Identity && k.Sequence.Start != nil {
				return x.tables.StartIdentity(name, *k.Sequence.Start)
			}
		}
	}
	return nil
}

// there reports whether something has a name that is to be that of a new table. Unless that is optional it is an error.
func (x *changing) there(name string, at int, optional bool) (bool, error) {
	kind, err := x.kindOf(name)
	if err != nil || kind == "" {
		return false, err
	}
	if optional && kind != "index" {
		x.s.notice(sqlstate.DuplicateTable, "there is "+article(kind)+" "+strconv.Quote(name)+" already, which stays")
		return true, nil
	}
	e := sqlstate.New(sqlstate.DuplicateTable, at, "there is %s %q already", article(kind), name)
	e.Table = name
	return false, e
}

// article puts one before a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// kindOf returns what has a name: a table, a view, a sequence, an index, or "" for nothing.
func (x *changing) kindOf(name string) (string, error) {
	if _, err := x.tables.Schema(name); err == nil {
		return "table", nil
	} else if !errors.Is(err, relation.ErrNoTable) {
		return "", err
	}
	for _, kind := range []string{relation.ViewObject, relation.SequenceObject} {
		if _, found, err := x.tables.Object(kind, name); found || err != nil {
			return kind, err
		}
	}
	t, _, err := x.indexOf(name)
	if err == nil && t != nil {
		return "index", nil
	}
	return "", err
}

// definition makes a schema of what CREATE TABLE says.
func definition(name string, columns []ast.TableColumn, constraints []ast.Constraint) (*catalog.Definition, error) {
	b := catalog.NewTable(quoted(name))
	for i := range columns {
		c := &columns[i]
		if slices.ContainsFunc(columns[:i], func(o ast.TableColumn) bool { return o.Name == c.Name }) {
			e := sqlstate.New(sqlstate.DuplicateColumn, c.At, "column %q is there twice", c.Name)
			e.Column = c.Name
			return nil, e
		}
		made, err := column(c, true)
		if err != nil {
			return nil, err
		}
		b.Column(quoted(c.Name), c.Type.String(), func(to *catalog.Column) {
			to.NotNull, to.Default, to.Identity = made.NotNull, made.Default, made.Identity
		})
	}
	keys := 0
	for i := range columns {
		for j := range columns[i].Constraints {
			c := columns[i].Constraints[j] // a copy, of the table
			c.Columns = []ast.Name{{At: c.At, Name: columns[i].Name}}
			if err := constrain(b, &c, &keys); err != nil {
				return nil, err
			}
		}
	}
	for i := range constraints {
		if err := constrain(b, &constraints[i], &keys); err != nil {
			return nil, err
		}
	}
	return b.Build()
}

// column makes a column of its definition, without what constraints of the table do.
func column(c *ast.TableColumn, newTable bool) (catalog.Column, error) {
	out := catalog.Column{Name: c.Name, Type: c.Type}
	null := false
	for i := range c.Constraints {
		k := &c.Constraints[i]
		switch k.Kind {
		case ast.NotNull:
			out.NotNull = true
		case ast.Nullable:
			null = true
		case ast.DefaultValue:
			if out.Default != "" || out.Identity != catalog.IdentityNone {
				return out, sqlstate.New(sqlstate.SyntaxError, k.At, "column %q has two defaults", c.Name)
			}
			out.Default = k.Expr.String()
		case ast.Identity:
			if out.Default != "" || out.Identity != catalog.IdentityNone {
				return out, sqlstate.New(sqlstate.SyntaxError, k.At, "column %q has two defaults", c.Name)
			}
			if err := plainIdentity(k, newTable); err != nil {
				return out, err
			}
			out.NotNull, out.Identity = true, k.Identity
		case ast.Generated:
			return out, sqlstate.New(sqlstate.NotSupported, k.At, "there are no columns that are computed from others").
				WithHint("create a view that computes it")
		default:
		}
	}
	if null && out.NotNull {
		return out, sqlstate.New(sqlstate.SyntaxError, c.At, "column %q is both NULL and NOT NULL", c.Name)
	}
	return out, nil
}

// plainIdentity refuses what identity columns cannot do: they count in steps of 1, those of a new table from where they are told.
func plainIdentity(k *ast.Constraint, newTable bool) error {
	one := func(n *int64) bool { return n == nil || *n == 1 }
	o := &k.Sequence
	start := one(o.Start) || newTable && *o.Start >= 1
	if one(o.Increment) && one(o.Min) && start && o.Max == nil && !o.Cycle {
		return nil
	}
	return sqlstate.New(sqlstate.NotSupported, k.At, "identity columns count from 1 or, in CREATE TABLE, START WITH, in steps of 1").
		WithHint("create a sequence and use DEFAULT nextval('its name')")
}

// constrain adds a constraint to a schema.
func constrain(b *catalog.Builder, c *ast.Constraint, keys *int) error {
	if c.Deferred {
		return sqlstate.New(sqlstate.NotSupported, c.At, "constraints are checked at the end of each statement, not of the transaction").
			WithHint("leave INITIALLY DEFERRED away")
	}
	switch c.Kind {
	case ast.PrimaryKey:
		if *keys++; *keys > 1 {
			return sqlstate.New(sqlstate.InvalidTableDefinition, c.At, "a table has one primary key at most")
		}
		b.PrimaryKey(quotedNames(c.Columns)...)
	case ast.Unique:
		if c.Name == "" {
			b.Unique(quotedNames(c.Columns)...)
		} else {
			b.UniqueIndex(quoted(c.Name), quotedNames(c.Columns)...)
		}
	case ast.Check:
		if c.Name == "" {
			b.Check(c.Expr.String())
		} else {
			b.NamedCheck(quoted(c.Name), c.Expr.String())
		}
	case ast.ForeignKey:
		if err := inPublic(c.References.Table); err != nil {
			return err
		}
		options := []catalog.ForeignKeyOption{catalog.OnDelete(c.References.OnDelete), catalog.OnUpdate(c.References.OnUpdate)}
		if c.Name != "" {
			options = append(options, catalog.Named(quoted(c.Name)))
		}
		b.ForeignKey(quotedNames(c.Columns), quoted(c.References.Table.Name), quotedNames(c.References.Columns), options...)
	default:
	}
	return nil
}

func inPublic(r ast.Relation) error {
	_, err := (*changing)(nil).name(r)
	return err
}
