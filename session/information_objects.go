package session

import (
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/bind"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/relation"
)

func (c *informationCatalog) columns() error {
	for _, t := range c.list {
		for i := range t.Columns {
			column := &t.Columns[i]
			var preset, identity any
			if column.Default != "" {
				preset = column.Default
			}
			switch column.Identity {
			case catalog.IdentityAlways:
				identity = "ALWAYS"
			case catalog.IdentityByDefault:
				identity = "BY DEFAULT"
			default:
			}
			c.addColumn(t.Name, i, column.Name, column.Type, column.NotNull, preset, identity, "YES")
		}
	}
	views, err := c.from.Objects(relation.ViewObject)
	if err != nil {
		return err
	}
	for _, v := range views {
		c.viewColumns(v)
	}
	return nil
}

func (c *informationCatalog) addColumn(
	table string, at int, name string, t catalog.Type, notNull bool, preset, identity any, updatable string,
) {
	var length, precision, scale any
	switch {
	case t.Kind == catalog.String && t.Length > 0:
		length = int(t.Length)
	case t.Kind == catalog.Decimal:
		precision, scale = int(t.Precision), int(t.Scale)
	case t.Kind == catalog.Int64:
		precision, scale = 64, 0
	case t.Kind == catalog.Float64:
		precision = 53
	}
	c.add(catalogName, "public", table, name, at+1, preset, yesNo(!notNull), dataType(t), length, precision, scale,
		yesNo(identity != nil), identity, "NEVER", updatable)
}

// dataType returns the name of a type as information_schema has it.
func dataType(t catalog.Type) string {
	switch {
	case t.Kind == catalog.Decimal:
		return "numeric"
	case t.Kind == catalog.String && t.Length > 0:
		return "character varying"
	case t.Kind == catalog.Timestamp:
		return "timestamp with time zone"
	case t.Kind == 0:
		return "text"
	default:
		return strings.ToLower(t.Kind.String())
	}
}

// viewColumns adds the columns of a view, none if it is broken.
func (c *informationCatalog) viewColumns(o relation.Object) {
	v, err := decodeView(o.Name, o.Value)
	if err != nil {
		return
	}
	tree, err := parser.Statement(v.Text)
	query, ok := tree.(*ast.Query)
	if err != nil || !ok {
		return
	}
	q, err := bind.Query(query, &bind.Options{Text: v.Text, Catalog: &lookup{s: c.s, tables: c.from}})
	if err != nil {
		return
	}
	for i, column := range q.Output {
		name := column.Name
		if i < len(v.Columns) {
			name = v.Columns[i]
		}
		c.addColumn(o.Name, i, name, column.Type, false, nil, nil, "NO")
	}
}

func (c *informationCatalog) views() error {
	views, err := c.from.Objects(relation.ViewObject)
	if err != nil {
		return err
	}
	for _, o := range views {
		v, err := decodeView(o.Name, o.Value)
		if err != nil {
			return err
		}
		c.add(catalogName, "public", o.Name, v.Text, "NONE", "NO", "NO")
	}
	return nil
}

func (c *informationCatalog) sequences() error {
	list, err := c.from.Objects(relation.SequenceObject)
	if err != nil {
		return err
	}
	for _, o := range list {
		d, _, err := c.from.Sequence(o.Name)
		if err != nil {
			return err
		}
		c.add(catalogName, "public", o.Name, "bigint", decimal(d.Start), decimal(d.Min), decimal(d.Max), decimal(d.Increment),
			yesNo(d.Cycle))
	}
	return nil
}

func (c *informationCatalog) indexes() error {
	for _, t := range c.list {
		if len(t.PrimaryKey) > 0 {
			columns := sortedColumns(t, t.PrimaryKey)
			c.add("public", t.Name, primaryName(t), true, true, "rows", "ready", columns, "PRIMARY KEY ("+columns+")")
		}
		for _, ix := range t.Indexes {
			columns, state, head := sortedColumns(t, ix.Columns), "ready", "CREATE INDEX "
			if ix.State == catalog.Building {
				state = "building"
			}
			if ix.Unique {
				head = "CREATE UNIQUE INDEX "
			}
			c.add("public", t.Name, ix.Name, ix.Unique, false, ix.Using.String(), state, columns,
				head+sqlName(ix.Name)+" ON "+sqlName(t.Name)+" USING "+ix.Using.String()+" ("+columns+")")
		}
	}
	return nil
}

// sqlName returns a name as SQL reads it, in double quotes if it must be.
func sqlName(name string) string {
	for i, r := range name {
		if (r < 'a' || r > 'z') && r != '_' && (i == 0 || r < '0' || r > '9') {
			return quoted(name)
		}
	}
	return name
}

// sortedColumns returns the columns of a key as CREATE INDEX has them.
func sortedColumns(t *catalog.Table, columns []catalog.IndexColumn) string {
	var parts []string
	for _, k := range columns {
		column, _, _ := t.ColumnByID(k.Column)
		spec := sqlName(column.Name)
		if k.Descending {
			spec += " DESC"
		}
		if k.Descending != k.NullsFirst {
			if k.NullsFirst {
				spec += " NULLS FIRST"
			} else {
				spec += " NULLS LAST"
			}
		}
		parts = append(parts, spec)
	}
	return strings.Join(parts, ", ")
}
