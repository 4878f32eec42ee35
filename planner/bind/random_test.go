package bind

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

// schema is what random queries are about.
const schema = `CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT NOT NULL, price DECIMAL(10,2), kind BIGINT, UNIQUE (kind, name));
CREATE TABLE kind (id BIGINT PRIMARY KEY, name TEXT, parent BIGINT);
CREATE TABLE log (at TIMESTAMPTZ, item BIGINT, day DATE, n DOUBLE PRECISION, doc JSON);
CREATE VIEW cheap AS SELECT id, name, price * 2 AS twice FROM item WHERE price < 10`

// A writer writes random statements that often mean something.
type writer struct {
	*rand.Rand
	names  int
	tables []string   // names of tables that can be named, innermost last
	fields [][]string // of each of them
	withs  []string
}

func (w *writer) one(of ...string) string { return of[w.IntN(len(of))] }

func (w *writer) maybe(n int, text func() string) string {
	if w.IntN(n) == 0 {
		return text()
	}
	return ""
}

func (w *writer) list(most int, text func() string) string {
	all := make([]string, 1+w.IntN(most))
	for i := range all {
		all[i] = text()
	}
	return strings.Join(all, ", ")
}

func (w *writer) name() string {
	w.names++
	return fmt.Sprintf("t%d", w.names)
}

// add makes a table one that can be named.
func (w *writer) add(name string, fields ...string) {
	w.tables, w.fields = append(w.tables, name), append(w.fields, fields)
}

func (w *writer) column() string {
	if len(w.tables) == 0 || w.IntN(100) == 0 {
		return w.one("1", "nothing", "id")
	}
	i := len(w.tables) - 1 - min(w.IntN(3), w.IntN(len(w.tables)))
	i = max(i, 0)
	return w.tables[i] + "." + w.one(w.fields[i]...)
}

func (w *writer) scalar(depth int) string {
	if depth <= 0 {
		return w.one(w.column(), w.column(), w.column(), "1", "2", "NULL", "$1")
	}
	if w.IntN(40) == 0 { // what often does not fit
		return w.one("2.5", "'x'", "TRUE", "name", "lower('a')", "at", "rank()", "(1, 2)")
	}
	depth--
	k := w.IntN(12)
	if k >= 7 && k <= 9 && w.IntN(4) > 0 { // they are refused in many places
		k = 1
	}
	switch k {
	case 0, 1, 2:
		return w.column()
	case 3:
		return fmt.Sprintf("(%s %s %s)", w.scalar(depth), w.one("+", "-", "*"), w.scalar(depth))
	case 4:
		return fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", w.condition(depth), w.scalar(depth), w.scalar(depth))
	case 5:
		return fmt.Sprintf("%s(%s)", w.one("abs", "coalesce"), w.scalar(depth))
	case 6:
		return "(" + w.query(depth, 1) + ")"
	case 7:
		return fmt.Sprintf("%s(%s%s)%s", w.one("count", "max", "min", "sum"), w.maybe(4, func() string { return "DISTINCT " }), w.scalar(depth),
			w.maybe(5, func() string { return " FILTER (WHERE " + w.condition(depth) + ")" }))
	case 8:
		return fmt.Sprintf("%s OVER (%s%s)", w.one("rank()", "count(*)", "sum("+w.column()+")", "lag("+w.column()+")"),
			w.maybe(2, func() string { return "PARTITION BY " + w.scalar(depth) }), w.maybe(2, func() string { return " ORDER BY " + w.order(depth) }))
	case 9:
		return "count(*)"
	default:
		return w.one("1", "$2", "NULL", "CAST("+w.scalar(depth)+" AS BIGINT)")
	}
}

func (w *writer) condition(depth int) string {
	if depth <= 0 {
		return w.column() + " " + w.one("=", "<", "IS DISTINCT FROM") + " " + w.column()
	}
	depth--
	not := w.maybe(2, func() string { return "NOT " })
	switch w.IntN(9) {
	case 0:
		return fmt.Sprintf("(%s %s %s)", w.condition(depth), w.one("AND", "OR"), w.condition(depth))
	case 1:
		return not + "EXISTS (" + w.query(depth, 1+w.IntN(2)) + ")"
	case 2:
		return fmt.Sprintf("%s %sIN (%s)", w.scalar(depth), not, w.query(depth, 1))
	case 3:
		return fmt.Sprintf("(%s, %s) %sIN (%s)", w.scalar(depth), w.column(), not, w.query(depth, 2))
	case 4:
		return fmt.Sprintf("%s %s %s (%s)", w.scalar(depth), w.one("=", "<", "<>", ">="), w.one("ANY", "ALL"), w.query(depth, 1))
	case 5:
		return fmt.Sprintf("(%s, %s) %s (%s, 2)", w.column(), w.column(), w.one("=", "<", ">=", "<>"), w.column())
	case 6:
		return fmt.Sprintf("%s %sBETWEEN %s AND $%d", w.scalar(depth), not, w.scalar(depth), 1+w.IntN(3))
	default:
		return w.scalar(depth) + " " + w.one("=", "<", ">") + " " + w.scalar(depth)
	}
}

func (w *writer) order(depth int) string {
	return w.list(2, func() string {
		return w.one(w.scalar(depth), w.column(), "1", "c1") + w.one("", " DESC", " NULLS FIRST")
	})
}

// table writes a part of a FROM and adds what it can be named by.
func (w *writer) table(depth int) string {
	name := w.name()
	switch k := w.IntN(10); {
	case depth > 0 && k == 0:
		inner := *w
		lateral := w.maybe(2, func() string { return "LATERAL " })
		if lateral == "" {
			inner.tables, inner.fields = nil, nil
		}
		sql := inner.query(depth-1, 2)
		w.names = inner.names
		w.add(name, "c1", "c2")
		return lateral + "(" + sql + ") AS " + name
	case depth > 0 && k == 1:
		l := w.table(depth - 1)
		r := w.table(depth - 1)
		return fmt.Sprintf("%s %s JOIN %s ON %s", l, w.one("", "LEFT", "RIGHT", "FULL"), r, w.condition(depth-1))
	case k == 2:
		w.add(name, name)
		return "generate_series(1, " + w.one("3", w.column()) + ") AS " + name
	case k == 3 && len(w.withs) > 0:
		w.add(name, "c1", "c2")
		return w.withs[w.IntN(len(w.withs))] + " AS " + name
	case k < 6:
		w.add(name, "id", "id", "price", "kind")
		return "item AS " + name
	case k == 6:
		w.add(name, "item", "n")
		return "log AS " + name
	case k == 7:
		w.add(name, "id", "twice")
		return "cheap AS " + name
	default:
		w.add(name, "id", "id", "parent")
		return "kind AS " + name
	}
}

// query writes a query of so many columns, which are called c1 and so on.
func (w *writer) query(depth, columns int) string {
	tables, fields, withs := w.tables, w.fields, w.withs
	defer func() { w.tables, w.fields, w.withs = tables, fields, withs }()
	with := ""
	if depth > 0 && w.IntN(6) == 0 {
		name := w.name()
		if w.IntN(3) == 0 {
			with = fmt.Sprintf("WITH RECURSIVE %s (c1, c2) AS (SELECT 1, 2 UNION ALL SELECT c1 + 1, c2 FROM %s WHERE c1 < 3) ", name, name)
		} else {
			with = fmt.Sprintf("WITH %s AS%s (%s) ", name, w.one("", " MATERIALIZED", " NOT MATERIALIZED"), w.query(depth-1, 2))
		}
		w.withs = append(w.withs[:len(w.withs):len(w.withs)], name)
	}
	sql := with + w.selection(depth, columns)
	if w.IntN(6) == 0 {
		w.tables, w.fields = tables, fields
		return sql + w.one(" UNION ", " UNION ALL ", " EXCEPT ", " INTERSECT ") + w.selection(depth-1, columns) + w.maybe(3, func() string { return " ORDER BY 1" })
	}
	sql += w.maybe(4, func() string { return " ORDER BY " + w.order(depth-1) })
	return sql + w.maybe(5, func() string { return " LIMIT " + w.one("3", "$4") })
}

func (w *writer) selection(depth, columns int) string {
	from := w.maybe(1, func() string { return " FROM " + w.list(2, func() string { return w.table(depth) }) })
	items := make([]string, columns)
	grouped := ""
	if w.IntN(4) == 0 {
		grouped = w.column()
	}
	for i := range items {
		items[i] = fmt.Sprintf("%s AS c%d", w.scalar(depth-1), i+1)
		if grouped != "" {
			items[i] = fmt.Sprintf("%s AS c%d", w.one(grouped, "count(*)", "max("+w.column()+")", "coalesce("+grouped+", "+grouped+")"), i+1)
		}
	}
	sql := "SELECT " + w.one("", "", "", "DISTINCT ", w.maybe(3, func() string { return "DISTINCT ON (" + w.column() + ") " })) + strings.Join(items, ", ") + from
	sql += w.maybe(2, func() string { return " WHERE " + w.condition(depth-1) })
	if grouped != "" {
		sql += " GROUP BY " + grouped + w.maybe(3, func() string { return " HAVING count(*) > 1" })
	}
	return sql
}

func (w *writer) statement() string {
	switch w.IntN(8) {
	case 0:
		return "INSERT INTO kind (id, parent) " + w.query(3, 2) + w.one("", " ON CONFLICT DO NOTHING", " ON CONFLICT (id) DO UPDATE SET parent = excluded.id + kind.parent") + w.one("", " RETURNING *, id + 1")
	case 1:
		w.add("item", "id", "price", "kind")
		from := w.maybe(2, func() string { return " FROM " + w.table(2) })
		return "UPDATE item SET " + w.one("price = "+w.scalar(2), "(kind, id) = ("+w.query(2, 2)+")", "name = DEFAULT") + from + " WHERE " + w.condition(2) + w.one("", " RETURNING *")
	case 2:
		w.add("log", "item", "n")
		return "DELETE FROM log" + w.maybe(2, func() string { return " USING " + w.table(2) }) + " WHERE " + w.condition(3)
	default:
		return w.query(4, 1+w.IntN(3))
	}
}

func TestRandomStatementsAreBoundOrRefused(t *testing.T) {
	t.Parallel()
	c := newTables()
	if err := c.run(schema); err != nil {
		t.Fatal(err)
	}
	count := uint64(6000)
	if environment.Nightly() {
		count = 1_000_000
	}
	bound, tried := 0, 0
	why := map[sqlstate.Code]int{}
	for seed := range environment.Seeds(t, count) {
		w := &writer{Rand: rand.New(rand.NewPCG(seed, 6))}
		sql := w.statement()
		tried++
		if err := isBound(c, sql); err == nil {
			bound++
		} else {
			var e *sqlstate.Error
			if !errors.As(err, &e) || e.Code == sqlstate.InternalError || e.At > len(sql) || e.Text != sql {
				t.Fatalf("MIDDB_SEED=%d: %s\n%v", seed, sql, err)
			}
			why[e.Code]++
		}
	}
	if !environment.Single() && bound < tried/5 {
		t.Errorf("only %d of %d statements were bound: %v", bound, tried, why)
	}
	t.Logf("%d of %d statements were bound: %v", bound, tried, why)
}

// isBound binds a statement and checks the plan.
func isBound(c Catalog, sql string) error {
	b, err := bindText(c, sql)
	if err != nil {
		return err
	}
	return checkQuery(b.source)
}

// FuzzBind binds any text that is a statement.
func FuzzBind(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.SplitSeq(string(b), "\n") {
			if strings.HasPrefix(line, "SELECT") || strings.HasPrefix(line, "WITH") || strings.HasPrefix(line, "INSERT") {
				f.Add(line)
			}
		}
	}
	c := newTables()
	if err := c.run(schema); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		var e *sqlstate.Error
		if err := isBound(c, sql); err != nil && (!errors.As(err, &e) || e.Code == sqlstate.InternalError) && !strings.HasPrefix(err.Error(), "the tests cannot") {
			t.Fatal(err)
		}
	})
}
