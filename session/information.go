package session

import (
	"maps"
	"slices"
	"sync"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/plan"
	"github.com/middb/middb/relation"
)

// An informationTable is a table of information_schema: its rows are computed of the catalog when a query reads it.
type informationTable struct {
	columns []string // "name TYPE"
	rows    func(c *informationCatalog) error
}

// catalogName is what the columns say that name the database.
const catalogName = "middb"

// informationTables are all of them, by name. Where PostgreSQL has a table of the name, columns are as there; some are left
// out. The table indexes is middb's own.
var informationTables = map[string]informationTable{
	"schemata": {[]string{"catalog_name", "schema_name", "schema_owner"}, (*informationCatalog).schemata},
	"tables": {
		[]string{"table_catalog", "table_schema", "table_name", "table_type", "is_insertable_into"},
		(*informationCatalog).tables,
	},
	"columns": {[]string{
		"table_catalog", "table_schema", "table_name", "column_name", "ordinal_position BIGINT", "column_default",
		"is_nullable", "data_type", "character_maximum_length BIGINT", "numeric_precision BIGINT", "numeric_scale BIGINT",
		"is_identity", "identity_generation", "is_generated", "is_updatable",
	}, (*informationCatalog).columns},
	"table_constraints": {[]string{
		"constraint_catalog", "constraint_schema", "constraint_name", "table_catalog", "table_schema",
		"table_name", "constraint_type", "is_deferrable", "initially_deferred",
	}, (*informationCatalog).constraints},
	"key_column_usage": {
		[]string{
			"constraint_catalog", "constraint_schema", "constraint_name", "table_catalog", "table_schema",
			"table_name", "column_name", "ordinal_position BIGINT", "position_in_unique_constraint BIGINT",
		},
		(*informationCatalog).keyColumns,
	},
	"referential_constraints": {
		[]string{
			"constraint_catalog", "constraint_schema", "constraint_name", "unique_constraint_catalog",
			"unique_constraint_schema", "unique_constraint_name", "match_option", "update_rule", "delete_rule",
		},
		(*informationCatalog).references,
	},
	"check_constraints": {
		[]string{"constraint_catalog", "constraint_schema", "constraint_name", "check_clause"},
		(*informationCatalog).checks,
	},
	"views": {[]string{
		"table_catalog", "table_schema", "table_name", "view_definition", "check_option", "is_updatable",
		"is_insertable_into",
	}, (*informationCatalog).views},
	"sequences": {[]string{
		"sequence_catalog", "sequence_schema", "sequence_name", "data_type", "start_value", "minimum_value",
		"maximum_value", "increment", "cycle_option",
	}, (*informationCatalog).sequences},
	"indexes": {[]string{
		"table_schema", "table_name", "index_name", "is_unique BOOLEAN", "is_primary BOOLEAN", "method", "state",
		"column_names", "definition",
	}, (*informationCatalog).indexes},
}

// informationSchemas has the schemas of the tables, by name.
var informationSchemas = sync.OnceValue(func() map[string]*catalog.Table {
	out := make(map[string]*catalog.Table)
	for name, t := range informationTables {
		b := catalog.NewTable(name)
		for _, c := range t.columns {
			column, typ := c, "TEXT"
			for i := range c {
				if c[i] == ' ' {
					column, typ = c[:i], c[i+1:]
				}
			}
			b.Column(column, typ)
		}
		if d, err := b.Build(); err == nil {
			out[name] = &d.Table
		}
	}
	return out
})

// information returns a table of information_schema, nil if there is none of the name.
func information(s *Session, name string, tables *relation.Tables) *plan.Relation {
	schema := informationSchemas()[name]
	if schema == nil {
		return nil
	}
	return &plan.Relation{Table: schema, Rows: 100, Virtual: func() ([][]catalog.Value, error) {
		list, err := tables.List()
		if err != nil {
			return nil, err
		}
		slices.SortFunc(list, func(a, b *catalog.Table) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		c := &informationCatalog{s: s, from: tables, list: list, names: slices.Sorted(maps.Keys(informationTables))}
		err = informationTables[name].rows(c)
		return c.out, err
	}}
}

// An informationCatalog is what rows of information_schema are made of.
type informationCatalog struct {
	s     *Session
	from  *relation.Tables
	list  []*catalog.Table
	names []string // of information_schema
	out   [][]catalog.Value
}

// add adds a row of Go values: strings, numbers, booleans, and nil for NULL.
func (c *informationCatalog) add(values ...any) {
	row := make([]catalog.Value, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case string:
			row[i] = catalog.Str(v)
		case int:
			row[i] = catalog.Int(int64(v))
		case bool:
			row[i] = catalog.BoolOf(v)
		}
	}
	c.out = append(c.out, row)
}

func yesNo(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}

func (c *informationCatalog) schemata() error {
	c.add(catalogName, informationSchema, catalogName)
	c.add(catalogName, "public", catalogName)
	return nil
}

func (c *informationCatalog) tables() error {
	for _, t := range c.list {
		c.add(catalogName, "public", t.Name, "BASE TABLE", "YES")
	}
	views, err := c.from.Objects(relation.ViewObject)
	for _, v := range views {
		c.add(catalogName, "public", v.Name, "VIEW", "NO")
	}
	for _, name := range c.names {
		c.add(catalogName, informationSchema, name, "VIEW", "NO")
	}
	return err
}

// primaryName is the name of the primary key of a table.
func primaryName(t *catalog.Table) string { return t.Name + "_pkey" }

func (c *informationCatalog) constraints() error {
	for _, t := range c.list {
		add := func(name, kind string) {
			c.add(catalogName, "public", name, catalogName, "public", t.Name, kind, "NO", "NO")
		}
		if len(t.PrimaryKey) > 0 {
			add(primaryName(t), "PRIMARY KEY")
		}
		for _, ix := range t.Indexes {
			if ix.Unique {
				add(ix.Name, "UNIQUE")
			}
		}
		for _, fk := range t.ForeignKeys {
			add(fk.Name, "FOREIGN KEY")
		}
		for _, k := range t.Checks {
			add(k.Name, "CHECK")
		}
	}
	return nil
}

func (c *informationCatalog) keyColumns() error {
	for _, t := range c.list {
		add := func(constraint string, columns []uint16, unique func(i int) any) {
			for i, id := range columns {
				column, _, _ := t.ColumnByID(id)
				c.add(catalogName, "public", constraint, catalogName, "public", t.Name, column.Name, i+1, unique(i))
			}
		}
		none := func(int) any { return nil }
		if len(t.PrimaryKey) > 0 {
			add(primaryName(t), columnIDs(t.PrimaryKey), none)
		}
		for _, ix := range t.Indexes {
			if ix.Unique {
				add(ix.Name, columnIDs(ix.Columns), none)
			}
		}
		for _, fk := range t.ForeignKeys {
			_, key := c.referredKey(fk)
			add(fk.Name, fk.Columns, func(i int) any { return 1 + slices.Index(key, fk.ParentColumns[i]) })
		}
	}
	return nil
}

func columnIDs(key []catalog.IndexColumn) []uint16 {
	var ids []uint16
	for _, k := range key {
		ids = append(ids, k.Column)
	}
	return ids
}

// referredKey returns the name and the columns of the key that a foreign key refers to.
func (c *informationCatalog) referredKey(fk catalog.ForeignKey) (name string, key []uint16) {
	want := slices.Sorted(slices.Values(fk.ParentColumns))
	for _, t := range c.list {
		if t.ID != fk.Parent {
			continue
		}
		if key = columnIDs(t.PrimaryKey); slices.Equal(slices.Sorted(slices.Values(key)), want) {
			return primaryName(t), key
		}
		for _, ix := range t.Indexes {
			if key = columnIDs(ix.Columns); ix.Unique && slices.Equal(slices.Sorted(slices.Values(key)), want) {
				return ix.Name, key
			}
		}
	}
	return "", nil
}

// rule returns an action as information_schema has it.
func rule(a catalog.Action) string {
	switch a {
	case catalog.Cascade:
		return "CASCADE"
	case catalog.SetNull:
		return "SET NULL"
	default:
		return "NO ACTION"
	}
}

func (c *informationCatalog) references() error {
	for _, t := range c.list {
		for _, fk := range t.ForeignKeys {
			name, _ := c.referredKey(fk)
			c.add(catalogName, "public", fk.Name, catalogName, "public", name, "NONE", rule(fk.OnUpdate), rule(fk.OnDelete))
		}
	}
	return nil
}

func (c *informationCatalog) checks() error {
	for _, t := range c.list {
		for _, k := range t.Checks {
			c.add(catalogName, "public", k.Name, k.Expr)
		}
	}
	return nil
}
