package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
)

// table returns the commands that show tables.
func (p *program) table() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "table",
		Short: "show the tables of a database",
		Example: `  middb table list --data-dir ./mydb
  middb table show users --data-dir ./mydb`,
		Args: oneOf("list or show"),
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	list := &cobra.Command{
		Use:     "list",
		Short:   "list all tables",
		Example: "  middb table list --data-dir ./mydb",
		Args:    exactly("nothing behind it", 0),
		RunE:    func(*cobra.Command, []string) error { return p.inTables(reading, p.listTables) },
	}
	show := &cobra.Command{
		Use:     "show TABLE",
		Short:   "show the columns, indexes and constraints of a table",
		Example: "  middb table show users --data-dir ./mydb",
		Args:    exactly("one TABLE", 1),
		RunE: func(_ *cobra.Command, args []string) error {
			return p.inTables(reading, func(db *engine.DB) error {
				schema, err := db.GetTable(args[0])
				if err != nil {
					return err
				}
				return p.showTable(db, schema)
			})
		},
	}
	cmd.AddCommand(list, show)
	return cmd
}

// oneOf refuses a command without a subcommand that it has.
func oneOf(names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%s has no %q: %s", cmd.CommandPath(), args[0], names)
		}
		return fmt.Errorf("missing: %s", names)
	}
}

// inTables opens the database that --data-dir names.
func (p *program) inTables(a access, use func(*engine.DB) error) error {
	dir, err := p.dir(nil)
	if err != nil {
		return err
	}
	return p.with(dir, a, engine.Default, use)
}

func (p *program) listTables(db *engine.DB) error {
	schemas, err := db.ListTables()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "table\tcolumns\tindexes\trows")
	for _, s := range schemas {
		rows, err := db.Table(s.Name).Count()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", s.Name, len(s.Columns), len(s.Indexes), rows)
	}
	return w.Flush()
}

// showTable prints a schema, a line for each part.
func (p *program) showTable(db *engine.DB, s *catalog.Table) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, c := range s.Columns {
		fmt.Fprintf(w, "column\t%s\t%s\n", c.Name, strings.Join(describeColumn(&c), " "))
	}
	if len(s.PrimaryKey) > 0 {
		fmt.Fprintf(w, "primary key\t\t(%s)\n", keyColumns(s, s.PrimaryKey))
	}
	for _, ix := range s.Indexes {
		fmt.Fprintln(w, describeIndex(s, &ix))
	}
	for _, c := range s.Checks {
		fmt.Fprintf(w, "check\t%s\t%s\n", c.Name, c.Expr)
	}
	all, err := db.ListTables()
	if err != nil {
		return err
	}
	for _, f := range s.ForeignKeys {
		fmt.Fprintf(w, "foreign key\t%s\t%s\n", f.Name, describeReference(s, &f, all))
	}
	return w.Flush()
}

// describeIndex describes an index in columns for a tabwriter. One that is not finished is being built, or was when a crash came.
func describeIndex(s *catalog.Table, ix *catalog.Index) string {
	kind, state := "index", ""
	if ix.Unique {
		kind = "unique index"
	}
	if ix.State == catalog.Building {
		state = ", not finished and not used"
	}
	return fmt.Sprintf("%s\t%s\t(%s) using %s%s", kind, ix.Name, keyColumns(s, ix.Columns), ix.Using, state)
}

func describeColumn(c *catalog.Column) []string {
	parts := []string{c.Type.String()}
	if c.NotNull {
		parts = append(parts, "not null")
	}
	if c.Identity != catalog.IdentityNone {
		parts = append(parts, "identity")
	}
	if c.Default != "" {
		parts = append(parts, "default "+c.Default)
	}
	return parts
}

// keyColumns prints the columns of a key as index create takes them.
func keyColumns(s *catalog.Table, columns []catalog.IndexColumn) string {
	var parts []string
	for _, k := range columns {
		part := columnName(s, k.Column)
		if k.Descending {
			part += " desc"
		}
		switch {
		case k.NullsFirst && !k.Descending:
			part += " nulls first"
		case !k.NullsFirst && k.Descending:
			part += " nulls last"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func columnName(s *catalog.Table, id uint16) string {
	if c, _, found := s.ColumnByID(id); found {
		return c.Name
	}
	return fmt.Sprintf("column %d", id)
}

func describeReference(s *catalog.Table, f *catalog.ForeignKey, all []*catalog.Table) string {
	var from, to []string
	for _, id := range f.Columns {
		from = append(from, columnName(s, id))
	}
	parent := fmt.Sprintf("table %d", f.Parent)
	for _, t := range all {
		if t.ID != f.Parent {
			continue
		}
		parent = t.Name
		for _, id := range f.ParentColumns {
			to = append(to, columnName(t, id))
		}
	}
	return fmt.Sprintf("(%s) references %s (%s) on delete %s on update %s",
		strings.Join(from, ", "), parent, strings.Join(to, ", "), f.OnDelete, f.OnUpdate)
}

// index returns the commands that make and drop indexes.
func (p *program) index() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "index",
		Short: "make or drop an index of a table",
		Example: `  middb index create users by_age 'age desc' name --data-dir ./mydb
  middb index drop users by_age --data-dir ./mydb`,
		Args: oneOf("create or drop"),
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(p.createIndex(), &cobra.Command{
		Use:     "drop TABLE NAME",
		Short:   "drop an index",
		Example: "  middb index drop users by_age --data-dir ./mydb",
		Args:    exactly("TABLE and NAME", 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.inTables(writing, func(db *engine.DB) error {
				return p.ok(db.DropIndex(cmd.Context(), args[0], args[1]))
			})
		},
	})
	return cmd
}

func (p *program) createIndex() *cobra.Command {
	var unique bool
	var using string
	cmd := &cobra.Command{
		Use:   "create TABLE NAME COLUMN...",
		Short: "make an index of the rows of a table",
		Long: `Make an index of one column or several. A COLUMN may be followed by asc or desc, and nulls
first or nulls last. An index is a B+Tree, whose entries have at most 1000 bytes, or with
--using lsm kept as keys in the levels. Ctrl-C leaves nothing of it behind.`,
		Example: `  middb index create users by_age 'age desc' name --data-dir ./mydb
  middb index create users by_mail email --unique --data-dir ./mydb`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 3 {
				return fmt.Errorf("%d arguments; name the TABLE, the index, and its columns", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			d := engine.IndexDefinition{Name: args[1], Columns: args[2:], Unique: unique}
			switch strings.ToLower(using) {
			case "btree":
			case "lsm":
				d.Using = catalog.LSM
			default:
				return fmt.Errorf("--using %s is neither btree nor lsm", using)
			}
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return p.inTables(writing, func(db *engine.DB) error {
				done := p.meter("rows", 1, false)
				defer done.end()
				return p.ok(db.CreateIndex(ctx, args[0], d, func(n, total uint64) { done.setOf(int64(n), int64(total)) }))
			})
		},
	}
	cmd.Flags().BoolVar(&unique, "unique", false, "refuse rows with the same values")
	cmd.Flags().StringVar(&using, "using", "btree", "how it is kept: btree or lsm")
	return cmd
}
