package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/sqlshell"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/token"
)

// query returns the commands that read tables without SQL.
func (p *program) query() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query",
		Short: "print the rows of a table, all or some",
		Long:  "Print the rows of a table or a view, all or those with some value in a column. middb sql can ask more.",
		Example: `  middb query scan users --data-dir ./mydb
  middb query filter users age '>=' 18 --data-dir ./mydb --output json`,
		Args: oneOf("scan or filter"),
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(p.queryScan(), p.queryFilter())
	return cmd
}

// A tableQuery is what is the same for all of middb query.
type tableQuery struct {
	sqlFlags
	columns, order string
	limit          int64
}

func (q *tableQuery) flags(cmd *cobra.Command) {
	q.sqlFlags.flags(cmd)
	cmd.Flags().StringVar(&q.columns, "columns", "", "print these columns, with commas between them (default: all)")
	cmd.Flags().StringVar(&q.order, "order", "", "sort by these columns; a - before one has the greatest first")
	cmd.Flags().Int64Var(&q.limit, "limit", 0, "print at most this many rows (default: all)")
}

func (p *program) queryScan() *cobra.Command {
	var q tableQuery
	cmd := &cobra.Command{
		Use:   "scan TABLE",
		Short: "print all rows of a table",
		Example: `  middb query scan users --data-dir ./mydb
  middb query scan users --data-dir ./mydb --columns name,age --order -age --limit 10
  middb query scan users --data-dir ./mydb --output csv > users.csv`,
		Args: exactly("one TABLE", 1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.queryTable(cmd, &q, args[0], "") },
	}
	q.flags(cmd)
	return cmd
}

// operators are the words of filter and what SQL has for them.
var operators = map[string]string{
	"=": "=", "==": "=", "eq": "=", "<>": "<>", "!=": "<>", "ne": "<>",
	"<": "<", "lt": "<", "<=": "<=", "le": "<=", ">": ">", "gt": ">", ">=": ">=", "ge": ">=",
	"like": "LIKE", "ilike": "ILIKE", "null": "IS NULL", "notnull": "IS NOT NULL",
}

func (p *program) queryFilter() *cobra.Command {
	var q tableQuery
	cmd := &cobra.Command{
		Use:   "filter TABLE COLUMN OP VALUE",
		Short: "print the rows of a table that have some value in a column",
		Long: `Print the rows with COLUMN OP VALUE. OP is =, <>, <, <=, > or >= (or eq, ne, lt, le,
gt, ge), like or ilike with a pattern, or null or notnull, which take no VALUE. A row
with NULL in the column has only null.`,
		Example: `  middb query filter users name = ada --data-dir ./mydb
  middb query filter users age ge 18 --data-dir ./mydb --output json
  middb query filter users name like 'a%' --data-dir ./mydb
  middb query filter --data-dir ./mydb -- accounts balance lt -100
  middb query filter users left_at null --data-dir ./mydb`,
		RunE: func(cmd *cobra.Command, args []string) error {
			condition, values, err := filter(args)
			if err != nil {
				return err
			}
			return p.queryTable(cmd, &q, args[0], condition, values...)
		},
	}
	cmd.Args = func(_ *cobra.Command, args []string) error {
		_, _, err := filter(args)
		return err
	}
	q.flags(cmd)
	return cmd
}

// filter returns the condition that arguments mean, and its parameters.
func filter(args []string) (condition string, values []string, err error) {
	if len(args) < 3 {
		return "", nil, errors.New("missing: it takes TABLE, COLUMN, OP and a VALUE")
	}
	op, known := operators[strings.ToLower(args[2])]
	unary := strings.HasPrefix(op, "IS")
	switch {
	case !known:
		return "", nil, fmt.Errorf("%q is no OP; it is =, <>, <, <=, >, >=, like, ilike, null or notnull", args[2])
	case unary && len(args) > 3:
		return "", nil, fmt.Errorf("%q is too much: %s takes no VALUE", args[3], args[2])
	case unary:
		return column(args[1]) + " " + op, nil, nil
	case len(args) < 4:
		return "", nil, errors.New("the VALUE is missing")
	case len(args) > 4:
		return "", nil, fmt.Errorf("%q is too much: it takes TABLE, COLUMN, OP and a VALUE", args[4])
	}
	return column(args[1]) + " " + op + " $1", []string{args[3]}, nil
}

// column returns a name as SQL has it: one that has no capitals, or has them in quotes.
func column(name string) string { return token.QuoteColumn(nameOf(name)) }

func nameOf(name string) string {
	if n := len(name); n >= 2 && name[0] == '"' && name[n-1] == '"' {
		return strings.ReplaceAll(name[1:n-1], `""`, `"`)
	}
	return strings.ToLower(name)
}

// sql returns the query of a table.
func (q *tableQuery) sql(table, condition string) string {
	list := "*"
	if q.columns != "" {
		var names []string
		for c := range strings.SplitSeq(q.columns, ",") {
			names = append(names, column(strings.TrimSpace(c)))
		}
		list = strings.Join(names, ", ")
	}
	text := "SELECT " + list + " FROM " + column(table)
	if condition != "" {
		text += " WHERE " + condition
	}
	if q.order != "" {
		var keys []string
		for c := range strings.SplitSeq(q.order, ",") {
			name, down := strings.CutPrefix(strings.TrimSpace(c), "-")
			key := column(name)
			if down {
				key += " DESC"
			}
			keys = append(keys, key)
		}
		text += " ORDER BY " + strings.Join(keys, ", ")
	}
	return text
}

func (p *program) queryTable(cmd *cobra.Command, q *tableQuery, table, condition string, values ...string) error {
	dir, err := p.dir(nil)
	if err != nil {
		return err
	}
	o, err := q.options(p)
	if err != nil {
		return err
	}
	text := q.sql(table, condition)
	if cmd.Flags().Changed("limit") {
		if q.limit < 0 {
			return fmt.Errorf("--limit %d: it is 0 or more", q.limit)
		}
		text += fmt.Sprintf(" LIMIT %d", q.limit)
	}
	ctx, stop := interruptible(cmd.Context())
	defer stop()
	return p.with(dir, reading, engine.Default, func(db *engine.DB) error { return printQuery(ctx, db, o, text, values) })
}

func printQuery(ctx context.Context, db *engine.DB, o sqlshell.Options, text string, values []string) error {
	s := sqlshell.New(db, o)
	err := s.PrintWith(ctx, text, values)
	return errors.Join(err, s.Close())
}
