package shell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/middb/middb/cmd/middb/internal/literal"
)

// SQL runs what of a session is SQL. It has a session and transactions of its own.
type SQL interface {
	// Take takes a line, whose number in a script is n, or 0 if nobody counts, and runs what it ends.
	Take(ctx context.Context, line string, n int) error
	// Open reports whether a statement has begun and not ended: then the next line is its, too.
	Open() bool
	// Cancel gives up what has begun.
	Cancel()
	// Finish runs what has begun, as if it ended here.
	Finish(ctx context.Context) error
	// InTransaction reports whether a transaction is under way.
	InTransaction() bool
	// Complete returns the lines that a line may become.
	Complete(line string) []string
	// Prompt returns what asks for the next line, made of a name.
	Prompt(name string) string
}

// beginners are the words that statements begin with and commands do not.
var beginners = strings.Fields(`abort alter analyze copy create explain insert reindex release reset select set show start table truncate
	update values with`)

// isSQL reports whether a line begins SQL, or is a command with a dot.
//
// Words that commands have, too, are decided by what follows: delete is SQL with FROM and a name behind it (delete from alone deletes
// the key "from"), drop with TABLE, VIEW, INDEX or SEQUENCE and a name behind it, and begin, commit, rollback, savepoint and
// end are if a semicolon ends the line, which no command has.
func isSQL(line string) bool {
	line = strings.TrimSpace(line)
	if line == "" {
		return false
	}
	if line[0] == '.' || line[0] == '(' || strings.HasPrefix(line, "--") || strings.HasPrefix(line, "/*") {
		return true
	}
	words := strings.Fields(strings.ToLower(line))
	first, ends := words[0], strings.HasSuffix(line, ";")
	if i := strings.IndexFunc(first, func(r rune) bool { return r < 'a' || r > 'z' }); i > 0 {
		first = first[:i] // VALUES(1), SELECT*
	}
	switch first {
	case "delete":
		return len(words) > 2 && words[1] == "from"
	case "drop":
		return len(words) > 2 && slices.Contains([]string{"table", "view", "index", "sequence"}, words[1])
	case "begin", "commit", "rollback", "savepoint", "end":
		return ends
	default:
		return slices.Contains(beginners, first)
	}
}

// takesSQL reports whether a line is SQL.
func (s *Session) takesSQL(line []byte) bool {
	return s.sql != nil && s.sql.Open() || s.noSQL || isSQL(string(line))
}

// runSQL runs a line of SQL.
func (s *Session) runSQL(ctx context.Context, line []byte) error {
	word, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	word = literal.Show([]byte(word))
	switch {
	case s.noSQL:
		s.noSQL = !strings.HasSuffix(strings.TrimSpace(string(line)), ";")
		return nil
	case s.sql == nil:
		s.noSQL = len(word) > 0 && word[0] != '.' && !strings.HasSuffix(strings.TrimSpace(string(line)), ";")
		return fmt.Errorf("%s is SQL, which the shell does not send to servers yet; programs do, with package wire/client, and middb sql --data-dir DIR runs it where no server has the database open", word)
	case s.batch != nil:
		return fmt.Errorf("%s is SQL, which cannot stand in a batch; write end to apply the batch first, or cancel", word)
	case s.txn != nil && !s.sql.Open():
		return fmt.Errorf("%s is SQL, which cannot stand in a transaction of keys; write commit first, or rollback (BEGIN; with a semicolon begins one of SQL)", word)
	}
	if err := s.flush(nil); err != nil {
		return err
	}
	return s.sql.Take(ctx, string(line), s.line)
}

// noTxn is the error of a command that ends a transaction where there is none.
func (s *Session) noTxn() error {
	if s.sql != nil && s.sql.InTransaction() {
		return errors.New("the transaction that is open is one of SQL; write COMMIT; or ROLLBACK; with a semicolon")
	}
	return errNoTxn
}

var (
	errOpenSQL    = errors.New("the input ended inside a statement, which was not run (a statement ends with a semicolon)")
	errOpenSQLTxn = errors.New("the input ended inside a transaction of SQL, which was rolled back (COMMIT; ends one)")
)

// leaveSQL returns what of SQL was lost.
func (s *Session) leaveSQL() (lost []error) {
	if s.sql == nil {
		return nil
	}
	if s.sql.Open() {
		s.sql.Cancel()
		lost = append(lost, errOpenSQL)
	}
	if s.sql.InTransaction() {
		lost = append(lost, errOpenSQLTxn)
	}
	return lost
}

// ended returns a command given with -c so that SQL in it ends.
func ended(command string) string {
	trimmed := strings.TrimSpace(command)
	if isSQL(trimmed) && trimmed[0] != '.' && !strings.HasSuffix(trimmed, ";") {
		return command + "\n;"
	}
	return command
}

// placed is an error that says itself in which line it is.
type placed interface{ Place() (line int) }

// reportLine reports the error of a line of a script.
func (s *Session) reportLine(n int, err error) {
	var p placed
	if errors.As(err, &p) && p.Place() > 0 {
		s.report("", err)
		return
	}
	s.report(fmt.Sprintf("line %d: ", n), err)
}
