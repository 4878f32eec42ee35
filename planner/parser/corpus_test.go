package parser

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/tests/environment"
)

// printsToItselfFast reads a statement and does not look at trees: what it prints as must print as that again.
func printsToItselfFast(text string) error {
	s, err := Statement(text)
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	printed := s.String()
	again, err := Statement(printed)
	if err != nil {
		return fmt.Errorf("%s\nprints as\n%s: %w", text, printed, err)
	}
	if twice := again.String(); twice != printed {
		return fmt.Errorf("%s\nprints as\n%s\nand then as\n%s", text, printed, twice)
	}
	return nil
}

// slowly is how many statements there are to one whose trees are compared too.
const slowly = 16

func TestSQLLogicTestIsRead(t *testing.T) {
	t.Parallel()
	dir := environment.Shared(t, "sqllogictest")
	read := 0
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".test" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		statements := logicStatements(string(b))
		if len(statements) == 0 {
			t.Errorf("%s: no statements were found", path)
		}
		for i, sql := range statements {
			if strings.Contains(sql, "TRIGGER") { // middb has none
				if _, err := Statement(sql); !errors.Is(err, sqlstate.NotSupported) {
					t.Errorf("%s: %s: got %v", path, sql, err)
				}
				continue
			}
			err := printsToItselfFast(sql)
			if err == nil && i%slowly == 0 {
				err = printsToStatement(sql, new(int))
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		read += len(statements)
		return nil
	})
	if err != nil || read < 80_000 {
		t.Errorf("read %d statements: %v", read, err)
	}
}

// logicStatements returns the statements and queries of a file that PostgreSQL is to run without an error, as the README
// of the corpus says.
func logicStatements(file string) []string {
	var all []string
	for record := range strings.SplitSeq(strings.ReplaceAll(file, "\r", ""), "\n\n") {
		lines := strings.Split(strings.TrimSpace(record), "\n")
		skip := false
	head:
		for len(lines) > 0 {
			kind, rest, _ := strings.Cut(lines[0], " ")
			engine, note, _ := strings.Cut(rest, " ")
			switch kind {
			case "onlyif":
				skip = skip || engine != "postgresql"
			case "skipif":
				skip = skip || engine == "postgresql" && strings.Contains(note, "GROUP BY")
			case "halt":
				if !skip {
					return all
				}
			case "statement", "query":
				skip = skip || engine == "error"
				lines = lines[1:]
				break head
			}
			lines = lines[1:]
		}
		var sql []string
		for _, line := range lines {
			if line == "----" {
				break
			}
			sql = append(sql, line)
		}
		if !skip && len(sql) > 0 {
			all = append(all, strings.Join(sql, "\n"))
		}
	}
	return all
}

func TestTPCHIsRead(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(environment.Shared(t, "tpch/queries"), "*.sql"))
	if err != nil || len(files) != 22 {
		t.Fatalf("found %d queries: %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err = printsToStatement(string(b), new(int)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestChinookIsRead(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(environment.Shared(t, "data/chinook"), "chinook_postgresql.sql"))
	if err != nil {
		t.Fatal(err)
	}
	script := strings.Replace(string(b), `\c chinook;`, "", 1) // a word of psql
	read := 0
	for _, part := range Split(script) {
		sql := script[part.From:part.To]
		if strings.HasSuffix(sql, " DATABASE IF EXISTS chinook") || sql == "CREATE DATABASE chinook" {
			if _, err := Statement(sql); !errors.Is(err, sqlstate.NotSupported) {
				t.Errorf("%s: got %v", sql, err)
			}
			continue
		}
		if err := printsToItselfFast(sql); err != nil {
			t.Errorf("%.2000v", err)
		}
		read++
	}
	if read < 40 {
		t.Errorf("read only %d statements", read)
	}
}
