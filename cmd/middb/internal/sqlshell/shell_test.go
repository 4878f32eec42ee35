package sqlshell

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/parser"
	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/vfs"
)

func newShell(t *testing.T, out io.Writer) *Shell {
	t.Helper()
	db, err := engine.Spawn(engine.Config{Dir: "/db", FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := New(db, Options{Out: out, Err: out})
	t.Cleanup(func() { s.Close() })
	return s
}

// TestScriptsAreCutWhereStatementsEnd cuts random texts in streams that give a few bytes at a time, and wants the pieces, and the
// numbers of their lines, to be those of the whole text.
func TestScriptsAreCutWhereStatementsEnd(t *testing.T) {
	words := []string{"a", ";", "\n", " ", "'x;y'", "'\n'", "--c;\n", "/*;*/", `"q;"`, "SELECT 1", "''", "E'\\';'", strings.Repeat("long ", 50)}
	for seed := range environment.Seeds(t, 50) {
		r := rand.New(rand.NewPCG(seed, 0))
		var b strings.Builder
		for range r.IntN(200) {
			b.WriteString(words[r.IntN(len(words))])
		}
		text := b.String()
		var want []piece
		for _, p := range parser.Split(text) {
			want = append(want, piece{text[p.From:p.To], 1 + strings.Count(text[:p.From], "\n")})
		}
		for name, in := range map[string]io.Reader{
			"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)), "halves": iotest.HalfReader(strings.NewReader(text)),
		} {
			src := &source{in: bufio.NewReaderSize(in, 16), line: 1}
			var got []piece
			for {
				p, err := src.next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s: %q is cut into %+v, not %+v", seed, name, text, got, want)
			}
		}
	}
}

func TestNamesAndKeywordsAreCompleted(t *testing.T) {
	s := newShell(t, io.Discard)
	if err := s.Take(t.Context(), `CREATE TABLE users (id INT PRIMARY KEY, "User Name" TEXT); CREATE VIEW used AS SELECT id AS used_id FROM users;`, 0); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		want []string
	}{
		{"sel", []string{"SELECT"}},
		{"SELECT * FROM us", []string{"SELECT * FROM used", "SELECT * FROM users", "SELECT * FROM used_id", "SELECT * FROM USING"}},
		{"SELECT users.", []string{"SELECT users.used_id", `SELECT users."User Name"`, "SELECT users.id"}},
		{".sch", []string{".schema "}},
		{".schema use", []string{".schema used", ".schema users"}},
		{"SELECT ", nil},
		{"", nil},
	} {
		if got := s.Complete(c.line); !slices.Equal(got, c.want) {
			t.Errorf("%q may become %q, not %q", c.line, got, c.want)
		}
	}
	if err := s.Take(t.Context(), "CREATE TABLE another (x INT);", 0); err != nil {
		t.Fatal(err)
	}
	if got := s.Complete("TABLE ano"); !slices.Equal(got, []string{"TABLE another"}) {
		t.Errorf("a new table is not completed: %q", got)
	}
}

func TestPromptsSayWhatIsOpen(t *testing.T) {
	s := newShell(t, io.Discard)
	for _, c := range []struct{ line, want string }{
		{"SELECT 1", "..> "},
		{"; ", "db> "},
		{"BEGIN;", "db*> "},
		{"SELECT 'a", "...> "},
		{"b';", "db*> "},
		{"SELECT nope;", "db!> "},
		{"ROLLBACK;", "db> "},
		{"-- nothing;", "db> "},
		{"/* a comment", "..> "},
		{"*/", "db> "},
		{"COPY t FROM STDIN;", "..> "},
		{`\.`, "db> "},
		{`\d`, "db> "},
	} {
		_ = s.Take(t.Context(), c.line, 0) // some fail, as they are to
		if got := s.Prompt("db"); got != c.want {
			t.Errorf("after %q the prompt is %q, not %q", c.line, got, c.want)
		}
	}
}

func TestTimesAreSaidIfThatIsWanted(t *testing.T) {
	var out strings.Builder
	s := newShell(t, &out)
	for _, line := range []string{".timer on", "SELECT 1 AS one;", ".timer off", "SELECT 2 AS two;"} {
		if err := s.Take(t.Context(), line, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "Time: "); n != 1 {
		t.Errorf("got\n%s", &out)
	}
}

func TestFilesThatReadThemselvesEnd(t *testing.T) {
	s := newShell(t, io.Discard)
	t.Chdir(t.TempDir())
	if err := s.toFile("loop.sql"); err != nil {
		t.Fatal(err)
	}
	s.out.add(".read loop.sql\n")
	if err := s.toFile(""); err != nil {
		t.Fatal(err)
	}
	if err := s.Take(t.Context(), ".read loop.sql", 0); err == nil || !strings.Contains(err.Error(), "loop.sql:1: files that .read each other") {
		t.Errorf("got %v", err)
	}
}
