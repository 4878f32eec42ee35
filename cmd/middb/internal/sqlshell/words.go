package sqlshell

import (
	"slices"
	"strings"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/parser"
)

// words returns the first words of a statement in capitals.
func words(sql string, n int) []string {
	var out []string
	for len(out) < n {
		sql = strings.TrimLeft(sql, " \t\r\n(")
		switch {
		case strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
			continue
		case strings.HasPrefix(sql, "/*"):
			_, sql, _ = strings.Cut(sql, "*/")
			continue
		}
		end := strings.IndexFunc(sql, func(r rune) bool { return (r|0x20 < 'a' || r|0x20 > 'z') && r != '_' })
		if end < 0 {
			end = len(sql)
		}
		if end == 0 {
			return out
		}
		out = append(out, strings.ToUpper(sql[:end]))
		sql = sql[end:]
	}
	return out
}

func first(sql string) string {
	if w := words(sql, 1); len(w) > 0 {
		return w[0]
	}
	return ""
}

// ofServers returns a statement about databases by name, which a server has many of, or "" for any other.
func ofServers(sql string) string {
	w := words(sql, 2)
	if len(w) == 2 && w[1] == "DATABASE" && (w[0] == "CREATE" || w[0] == "DROP" || w[0] == "ALTER") {
		return w[0] + " " + w[1]
	}
	return ""
}

// hasPlan reports whether EXPLAIN takes the statement.
func hasPlan(sql string) bool {
	return slices.Contains([]string{"SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE"}, first(sql))
}

// changesNames reports whether the statement may change which tables and columns there are.
func changesNames(sql string) bool {
	return slices.Contains([]string{"CREATE", "DROP", "ALTER", "ROLLBACK", "ABORT"}, first(sql))
}

func copyOf(sql string) *ast.Copy {
	if first(sql) != "COPY" {
		return nil
	}
	tree, err := parser.Statement(sql)
	if c, ok := tree.(*ast.Copy); err == nil && ok && c.File == "" {
		return c
	}
	return nil
}

// readsRows reports whether the statement is COPY FROM STDIN.
func readsRows(sql string) bool {
	c := copyOf(sql)
	return c != nil && c.From
}

// writesRows reports whether the statement is COPY TO STDOUT.
func writesRows(sql string) bool {
	c := copyOf(sql)
	return c != nil && !c.From
}
