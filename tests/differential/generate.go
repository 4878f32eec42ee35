package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A generator makes queries over tables.
type generator struct {
	*rand.Rand
	tables []Table
	names  int // given to tables of FROM
}

// A scope is what an expression can name.
type scope struct {
	integers, texts []string
	outer           *scope
}

// Query returns a random query over tables.
func Query(r *rand.Rand, tables []Table) *Node {
	g := &generator{Rand: r, tables: tables}
	q, _ := g.query(nil, 3)
	return q
}

// Condition returns a random condition over one of the tables, and the table.
func Condition(r *rand.Rand, tables []Table) (on *Table, c *Node) {
	g := &generator{Rand: r, tables: tables}
	on = &tables[g.IntN(len(tables))]
	s := &scope{}
	for _, c := range on.Columns {
		s.add(on.Name, c)
	}
	return on, g.condition(s, 3)
}

func (s *scope) add(table string, c Column) {
	name := table + "." + c.Name
	if c.Text {
		s.texts = append(s.texts, name)
	} else {
		s.integers = append(s.integers, name)
	}
}

// one is true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func (g *generator) name() string {
	g.names++
	return fmt.Sprintf("x%d", g.names)
}

// query returns a query, and whether its columns are texts.
func (g *generator) query(outer *scope, depth int) (*Node, []bool) {
	types := make([]bool, 1+g.IntN(3))
	for i := range types {
		types[i] = g.one(3)
	}
	return g.queryOf(types, outer, depth), types
}

// queryOf returns a query whose columns have types and the names c0, c1 and so on.
func (g *generator) queryOf(types []bool, outer *scope, depth int) *Node {
	if depth > 1 && g.one(6) {
		word := []string{"UNION", "UNION ALL", "INTERSECT", "EXCEPT"}[g.IntN(4)]
		// Databases do not agree on which set operation binds tighter.
		return piece(query, "SELECT * FROM (", g.queryOf(types, outer, depth-1), ") AS "+g.name()+" "+word+" ", g.selectOf(types, outer, depth-1))
	}
	return g.selectOf(types, outer, depth)
}

// selectOf returns a SELECT.
func (g *generator) selectOf(types []bool, outer *scope, depth int) *Node {
	s := &scope{outer: outer}
	from := g.from(s, depth)
	where := piece(optional)
	if g.one(2) {
		where = piece(optional, " WHERE ", g.condition(s, depth))
	}
	if g.one(3) {
		return g.grouped(types, s, from, where, depth)
	}
	var items []*Node
	for i, isText := range types {
		items = append(items, piece(fixed, g.expression(isText, s, depth), fmt.Sprintf(" AS c%d", i)))
	}
	word := "SELECT "
	if g.one(5) {
		word = "SELECT DISTINCT "
	}
	return piece(query, word, list(fixed, ", ", items), " FROM ", from, where)
}

// grouped returns a SELECT with aggregates.
func (g *generator) grouped(types []bool, s *scope, from, where *Node, depth int) *Node {
	var groups, items []*Node
	for i, isText := range types {
		var e *Node
		switch names := s.names(isText); {
		case len(names) > 0 && g.one(2):
			e = piece(fixed, names[g.IntN(len(names))])
			groups = append(groups, e)
		default:
			e = g.aggregate(isText, s, depth)
		}
		items = append(items, piece(fixed, e, fmt.Sprintf(" AS c%d", i)))
	}
	parts := []any{"SELECT ", list(fixed, ", ", items), " FROM ", from, where}
	if len(groups) > 0 {
		parts = append(parts, " GROUP BY ", list(fixed, ", ", groups))
	}
	if g.one(3) {
		parts = append(parts, piece(optional, " HAVING ", g.aggregate(false, s, depth), " "+g.comparison()+" ", fmt.Sprint(g.IntN(10))))
	}
	return piece(query, parts...)
}

func (s *scope) names(isText bool) []string {
	if isText {
		return s.texts
	}
	return s.integers
}

func (g *generator) aggregate(isText bool, s *scope, depth int) *Node {
	if isText {
		return piece(text, []string{"min(", "max("}[g.IntN(2)], g.expression(true, s, depth-1), ")")
	}
	inner := &scope{integers: s.integers, texts: s.texts} // aggregates of columns of queries around belong to those
	switch g.IntN(5) {
	case 0:
		return piece(integer, "count(*)")
	case 1:
		return piece(integer, "count(", g.expression(g.one(2), inner, depth-1), ")")
	case 2:
		return piece(integer, "count(DISTINCT ", g.expression(g.one(2), inner, depth-1), ")")
	default:
		return piece(integer, []string{"sum(", "min(", "max("}[g.IntN(3)], g.expression(false, inner, depth-1), ")")
	}
}

// from returns what FROM has, and adds its columns to a scope.
func (g *generator) from(s *scope, depth int) *Node {
	n := g.source(s, depth)
	for g.one(2) && depth > 0 {
		switch g.IntN(6) {
		case 0:
			n = piece(table, n, " CROSS JOIN ", g.source(s, 0))
		default:
			word := []string{" JOIN ", " JOIN ", " LEFT JOIN ", " RIGHT JOIN ", " FULL JOIN "}[g.IntN(5)]
			right := g.source(s, depth-1)
			on := &scope{integers: s.integers, texts: s.texts} // FULL JOIN of PostgreSQL takes equalities only
			n = piece(table, n, word, right, " ON ", g.equality(on))
		}
		depth--
	}
	return n
}

// source returns a table or a query in parentheses.
func (g *generator) source(s *scope, depth int) *Node {
	name := g.name()
	if depth > 1 && g.one(4) {
		q, types := g.query(nil, depth-1)
		for i, isText := range types {
			s.add(name, Column{fmt.Sprintf("c%d", i), isText})
		}
		return piece(table, "(", q, ") AS "+name)
	}
	t := &g.tables[g.IntN(len(g.tables))]
	for _, c := range t.Columns {
		s.add(name, c)
	}
	return piece(table, t.Name+" AS "+name)
}

// equality compares two columns of the scope.
func (g *generator) equality(s *scope) *Node {
	names := s.integers
	if len(names) == 0 || len(s.texts) > 0 && g.one(4) {
		names = s.texts
	}
	return piece(fixed, names[g.IntN(len(names))], " = ", names[len(names)-1-g.IntN(min(3, len(names)))])
}

func (g *generator) comparison() string {
	return []string{"=", "<>", "<", "<=", ">", ">="}[g.IntN(6)]
}

func (g *generator) expression(isText bool, s *scope, depth int) *Node {
	if isText {
		return g.text(s, depth)
	}
	return g.integer(s, depth)
}

// column returns a name, of a query around once in a while.
func (g *generator) column(isText bool, s *scope) *Node {
	k := integer
	if isText {
		k = text
	}
	for s.outer != nil && g.one(3) {
		s = s.outer
	}
	names := s.names(isText)
	if len(names) == 0 {
		return piece(k, simplest[k])
	}
	return piece(k, names[g.IntN(len(names))])
}

func (g *generator) integer(s *scope, depth int) *Node {
	if depth <= 0 || g.one(3) {
		if g.one(4) {
			return piece(integer, fmt.Sprint(g.IntN(10)))
		}
		return g.column(false, s)
	}
	switch g.IntN(10) {
	case 0:
		return piece(integer, "coalesce(", g.integer(s, depth-1), ", ", g.integer(s, depth-1), ")")
	case 1:
		return piece(integer, "nullif(", g.integer(s, depth-1), ", ", g.integer(s, depth-1), ")")
	case 2:
		return piece(integer, "abs(", g.integer(s, depth-1), ")")
	case 3:
		return piece(integer, "length(", g.text(s, depth-1), ")")
	case 4:
		return piece(integer, "CASE WHEN ", g.condition(s, depth-1), " THEN ", g.integer(s, depth-1), " ELSE ", g.integer(s, depth-1), " END")
	case 5:
		inner := &scope{outer: s}
		from := g.from(inner, depth-2)
		return piece(integer, "(SELECT ", g.aggregate(false, inner, 1), " FROM ", from, piece(optional, " WHERE ", g.condition(inner, depth-1)), ")")
	case 6:
		return piece(integer, "(-", g.integer(s, depth-1), ")")
	default:
		return piece(integer, "(", g.integer(s, depth-1), []string{" + ", " - ", " * "}[g.IntN(3)], g.integer(s, 0), ")")
	}
}

func (g *generator) text(s *scope, depth int) *Node {
	if depth <= 0 || g.one(3) {
		if g.one(4) {
			return piece(text, "'"+words[g.IntN(len(words))]+"'")
		}
		return g.column(true, s)
	}
	switch g.IntN(5) {
	case 0:
		return piece(text, "coalesce(", g.text(s, depth-1), ", ", g.text(s, depth-1), ")")
	case 1:
		return piece(text, "upper(", g.text(s, depth-1), ")")
	case 2:
		return piece(text, "substr(", g.text(s, depth-1), fmt.Sprintf(", 1, %d)", g.IntN(3)))
	case 3:
		return piece(text, "CASE WHEN ", g.condition(s, depth-1), " THEN ", g.text(s, depth-1), " ELSE ", g.text(s, depth-1), " END")
	default:
		return piece(text, "(", g.text(s, depth-1), " || ", g.text(s, 0), ")")
	}
}

func (g *generator) condition(s *scope, depth int) *Node {
	if depth > 0 && g.one(2) {
		switch g.IntN(3) {
		case 0:
			return piece(condition, "(NOT ", g.condition(s, depth-1), ")")
		case 1:
			return piece(condition, "(", g.condition(s, depth-1), " OR ", g.condition(s, depth-1), ")")
		default:
			return piece(condition, "(", g.condition(s, depth-1), " AND ", g.condition(s, depth-1), ")")
		}
	}
	isText := g.one(4)
	x := g.expression(isText, s, depth-1)
	not := []string{"", "NOT "}[g.IntN(2)]
	switch g.IntN(9) {
	case 0:
		return piece(condition, "(", x, " IS "+not+"NULL)")
	case 1:
		return piece(condition, "(", x, " "+not+"BETWEEN ", g.expression(isText, s, 0), " AND ", g.expression(isText, s, 0), ")")
	case 2:
		return piece(condition, "(", x, " "+not+"IN (", list(fixed, ", ", []*Node{g.expression(isText, s, 0), g.literal(isText), g.literal(isText)}), "))")
	case 3:
		if depth > 0 {
			return piece(condition, "(", x, " "+not+"IN (", g.selectOf([]bool{isText}, s, depth-1), "))")
		}
	case 4:
		if depth > 0 {
			return piece(condition, "("+not+"EXISTS (", g.selectOf([]bool{false}, s, depth-1), "))")
		}
	case 5:
		return piece(condition, "(", g.text(s, 0), " "+not+"LIKE '"+g.pattern()+"')")
	case 6:
		return piece(condition, "(", x, " IS "+not+"DISTINCT FROM ", g.expression(isText, s, 0), ")")
	}
	return piece(condition, "(", x, " "+g.comparison()+" ", g.expression(isText, s, depth-1), ")")
}

func (g *generator) literal(isText bool) *Node {
	switch {
	case g.one(8):
		return piece(fixed, "NULL")
	case isText:
		return piece(text, "'"+words[g.IntN(len(words))]+"'")
	default:
		return piece(integer, fmt.Sprint(g.IntN(10)))
	}
}

func (g *generator) pattern() string {
	var b strings.Builder
	for range 1 + g.IntN(3) {
		b.WriteString([]string{"%", "_", "a", "b", " "}[g.IntN(5)])
	}
	return b.String()
}
