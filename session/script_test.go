package session_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/session"
	"github.com/middb/middb/vfs"
)

var rewrite = flag.Bool("rewrite", false, "write what comes out into testdata")

func open(t testing.TB) *engine.DB {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem(), Durability: engine.NoSync, MemoryBudget: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// TestScripts runs the files of testdata. A file is statements, each with what comes of it behind ----, and an empty line
// between them. A line @name before a statement has it run in another session. What comes out are notices, the names of
// columns, rows, and the tag; or an error with its code.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runScript(t, file) })
	}
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	db := open(t)
	sessions := map[string]*session.Session{}
	defer func() {
		for _, s := range sessions {
			_ = s.Close()
		}
	}()
	var out []string
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		sql, want, _ := strings.Cut(block, "\n----")
		name := "a"
		var comments []string
		lines := strings.Split(sql, "\n")
		for len(lines) > 0 && (strings.HasPrefix(lines[0], "@") || strings.HasPrefix(lines[0], "#")) {
			if strings.HasPrefix(lines[0], "@") {
				name = lines[0][1:]
			}
			comments = append(comments, lines[0])
			lines = lines[1:]
		}
		if len(lines) == 0 {
			out = append(out, block)
			continue
		}
		if sessions[name] == nil {
			sessions[name] = db.Session()
		}
		got := outcome(sessions[name], strings.Join(lines, "\n"))
		if want = strings.TrimPrefix(want, "\n"); got != want && !*rewrite {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", sql, got, want)
		}
		out = append(out, strings.Join(append(comments, lines...), "\n")+"\n----\n"+got)
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// outcome runs a statement and prints what comes of it.
func outcome(s *session.Session, sql string) string {
	var lines []string
	rows, err := s.Query(context.Background(), sql)
	if err == nil {
		lines = append(lines, printRows(rows)...)
		err = rows.Err()
	}
	for _, n := range s.Notices() {
		lines = append(lines, "NOTICE: "+n.Message)
	}
	if err != nil {
		lines = append(lines, printError(err))
	} else {
		lines = append(lines, rows.Tag())
	}
	return strings.Join(lines, "\n")
}

func printRows(rows *session.Rows) (lines []string) {
	if len(rows.Columns()) > 0 {
		var names []string
		for _, c := range rows.Columns() {
			names = append(names, c.Name)
		}
		lines = append(lines, strings.Join(names, "|"))
	}
	for rows.Next() {
		var values []string
		for _, v := range rows.Values() {
			values = append(values, printValue(v))
		}
		lines = append(lines, strings.Join(values, "|"))
	}
	return lines
}

func printValue(v catalog.Value) string {
	switch {
	case v.IsNull():
		return "NULL"
	case v.Kind() == catalog.String && v.AsString() == "":
		return "''"
	default:
		return strings.ReplaceAll(v.String(), "\n", "\n  ")
	}
}

func printError(err error) string {
	var e *sqlstate.Error
	if !errors.As(err, &e) {
		return "NO SQL ERROR: " + err.Error()
	}
	line := "ERROR " + string(e.Code) + ": " + e.Message
	for _, part := range [][2]string{{"table", e.Table}, {"column", e.Column}, {"constraint", e.Constraint}} {
		if part[1] != "" {
			line += " [" + part[0] + " " + part[1] + "]"
		}
	}
	if e.Hint != "" {
		line += "\nHINT: " + e.Hint
	}
	return line
}
