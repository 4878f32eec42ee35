package sqlshell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/engine"
	"github.com/middb/middb/planner/parser"
)

// A command is a dot command.
type command struct {
	name, args, about string
	run               func(s *Shell, ctx context.Context, args string) error
}

// commands returns the dot commands in the order of .help.
func commands() []command {
	return []command{
		{".tables", "", "list the tables and the views", (*Shell).tables},
		{".schema", "[TABLE]", "print the statements that make a table, or everything", (*Shell).schema},
		{".indexes", "[TABLE]", "list the indexes of a table, or all", (*Shell).indexes},
		{".mode", "MODE", "print rows as " + ModeNames(), (*Shell).setMode},
		{".timer", "on|off", "say how long each statement took", flag(func(s *Shell) *bool { return &s.timer })},
		{".explain", "on|off", "print the plan of each statement before its rows", flag(func(s *Shell) *bool { return &s.showPlans })},
		{".import", "FILE TABLE", "insert the rows of a csv or tsv file with a header into a table", (*Shell).importFile},
		{".export", "FILE TABLE|QUERY", "write rows to a file, as its extension says: csv, tsv, json, md or txt", (*Shell).exportFile},
		{".read", "FILE", "run the statements of a file", (*Shell).read},
		{".output", "[FILE]", "write what comes to a file, or no longer", (*Shell).output},
		{".dump", "[TABLE...]", "print SQL that makes the tables, or everything, with all rows", (*Shell).dump},
		{".help", "", "say this", (*Shell).help},
		{".quit", "", "leave (.exit does, too)", func(*Shell, context.Context, string) error { return ErrQuit }},
	}
}

// command runs a line that begins with a dot.
func (s *Shell) command(ctx context.Context, line string) error {
	name, args, _ := strings.Cut(strings.TrimSpace(line), " ")
	name = strings.TrimSuffix(strings.ToLower(name), ";")
	if name == ".exit" {
		name = ".quit"
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		args = strings.TrimSpace(args)
		if c.args == "" && args != "" {
			return fmt.Errorf("%s takes nothing behind it", c.name)
		}
		err := c.run(s, ctx, args)
		if errors.Is(err, errUsage) {
			return fmt.Errorf("write: %s %s", c.name, c.args)
		}
		return err
	}
	return fmt.Errorf("unknown command %s; .help lists those that begin with a dot", name)
}

// errUsage is returned by commands that were written wrongly.
var errUsage = errors.New("usage")

// flag returns what switches something on and off.
func flag(at func(*Shell) *bool) func(*Shell, context.Context, string) error {
	return func(s *Shell, _ context.Context, args string) error {
		switch strings.ToLower(args) {
		case "on":
			*at(s) = true
		case "off":
			*at(s) = false
		default:
			return errUsage
		}
		return nil
	}
}

func (s *Shell) help(context.Context, string) error {
	for _, c := range commands() {
		s.out.add(fmt.Sprintf("%-9s %s\n", c.name, c.about))
		if c.args != "" {
			s.out.add("          ", c.name, " ", c.args, "\n")
		}
	}
	s.out.add("\nEverything else is SQL, over any number of lines, until a semicolon.\n")
	return nil
}

func (s *Shell) tables(ctx context.Context, _ string) error {
	return s.Print(ctx, `SELECT table_name AS name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS kind
		FROM information_schema.tables WHERE table_schema = 'public' ORDER BY table_name`)
}

func (s *Shell) indexes(ctx context.Context, table string) error {
	const query = `SELECT table_name AS "table", index_name AS "index", column_names AS columns, is_unique AS "unique", method, state
		FROM information_schema.indexes`
	const order = ` ORDER BY table_name, NOT is_primary, index_name`
	if table == "" {
		return s.Print(ctx, query+order)
	}
	return s.Print(ctx, query+" WHERE table_name = $1"+order, nameOf(table))
}

// nameOf returns the name that a word means, which may be in double quotes.
func nameOf(word string) string {
	word = strings.TrimSuffix(word, ";")
	if n := len(word); n >= 2 && word[0] == '"' && word[n-1] == '"' {
		return strings.ReplaceAll(word[1:n-1], `""`, `"`)
	}
	return strings.ToLower(word)
}

// namesOf returns the names that words mean.
func namesOf(words string) (names []string) {
	for _, w := range strings.Fields(words) {
		names = append(names, nameOf(w))
	}
	return names
}

func (s *Shell) schema(ctx context.Context, table string) error {
	return Dump(ctx, s.db, s.out, Dumping{Tables: namesOf(table), NoRows: true})
}

func (s *Shell) dump(ctx context.Context, tables string) error {
	return Dump(ctx, s.db, s.out, Dumping{Tables: namesOf(tables)})
}

func (s *Shell) setMode(_ context.Context, name string) error {
	m, err := ParseMode(name)
	if err == nil {
		s.mode = m
	}
	return err
}

// maxReads is how many files may read each other.
const maxReads = 16

func (s *Shell) read(ctx context.Context, name string) error {
	if name == "" {
		return errUsage
	}
	if s.depth == maxReads {
		return errors.New("files that .read each other are too many: does one read itself?")
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	s.depth++
	defer func() { s.depth-- }()
	return s.Script(ctx, Script{In: f, Name: name})
}

func (s *Shell) output(_ context.Context, name string) error { return s.toFile(name) }

// Print runs a query with parameters and prints its rows.
func (s *Shell) Print(ctx context.Context, query string, args ...any) error {
	rows, err := s.sql.Query(ctx, query, args...)
	if err == nil {
		err = paint(s.mode, s.out, rows)
	}
	return errors.Join(s.failure(err, 0), s.flush())
}

// PrintWith is Print with parameters as a person writes them: as text, whatever their types are.
func (s *Shell) PrintWith(ctx context.Context, query string, texts []string) error {
	st, err := s.sql.Prepare(ctx, query)
	if err != nil {
		return s.failure(err, 0)
	}
	defer st.Close()
	args := make([]any, len(texts))
	for i, t := range texts {
		args[i] = t
		if types := st.Parameters(); i < len(types) && types[i].Kind != 0 {
			if args[i], err = catalog.Parse(roomy(types[i], t), t); err != nil {
				return s.failure(err, 0)
			}
		}
	}
	return s.Print(ctx, query, args...)
}

// roomy returns the type of a parameter, with places for what a text has if it is a DECIMAL of any size.
func roomy(t catalog.Type, text string) catalog.Type {
	if t.Kind == catalog.Decimal && t.Precision == 0 {
		_, fraction, _ := strings.Cut(strings.TrimSpace(text), ".")
		t.Precision, t.Scale = 18, uint8(min(len(fraction), 18))
	}
	return t
}

// selection returns the query that a table's name, or a query, means.
func selection(text string) string {
	text = strings.TrimSuffix(strings.TrimSpace(text), ";")
	if _, err := parser.Statement(text); err == nil {
		return text
	}
	return "SELECT * FROM " + quote(nameOf(text))
}

// names are those that can be completed.
type names struct{ tables, columns []string }

// known returns the names of tables and columns, as far as they can be read.
func (s *Shell) known(db *engine.DB) *names {
	if s.names != nil {
		return s.names
	}
	s.names = &names{}
	session := db.Session() // not that of the shell: reading must not fail its transaction
	defer session.Close()
	rows, err := session.Query(context.Background(), `SELECT DISTINCT table_name, column_name FROM information_schema.columns
		WHERE table_schema = 'public' ORDER BY 1, 2`)
	if err != nil {
		return s.names
	}
	defer rows.Close()
	for rows.Next() {
		table, column := quote(rows.Values()[0].AsString()), quote(rows.Values()[1].AsString())
		if n := len(s.names.tables); n == 0 || s.names.tables[n-1] != table {
			s.names.tables = append(s.names.tables, table)
		}
		s.names.columns = append(s.names.columns, column)
	}
	return s.names
}
