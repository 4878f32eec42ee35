package sqlshell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/peterh/liner"

	"github.com/middb/middb/cmd/middb/internal/shell"
)

// Interact runs what a person types until they leave. Failures are reported, and are no failure of the shell. interruptible, if
// set, makes the context of each line.
func (s *Shell) Interact(ctx context.Context, p shell.Prompter, interruptible func(context.Context) (context.Context, func())) error {
	for {
		line, err := p.Prompt(s.Prompt("middb"))
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			s.Cancel()
			continue
		case errors.Is(err, io.EOF):
			s.out.add("\n")
			return s.flush()
		case err != nil:
			return fmt.Errorf("read a line: %w", err)
		}
		if strings.TrimSpace(line) != "" {
			p.AppendHistory(line)
		}
		run, done := ctx, func() {}
		if interruptible != nil {
			run, done = interruptible(ctx)
		}
		err = s.Take(run, line, 0)
		done()
		switch {
		case err == nil:
		case errors.Is(err, ErrQuit):
			return s.flush()
		case errors.Is(err, ErrOutput):
			return err
		default:
			fmt.Fprintf(s.errs, "middb: %v\n", err)
		}
	}
}

// Prompt returns what asks for the next line: a name, or where a statement goes on blanks of its length; with a star in a
// transaction, an exclamation mark in one that has failed.
func (s *Shell) Prompt(name string) string {
	mark := ""
	if under, failed := s.sql.InTransaction(); failed {
		mark = "!"
	} else if under {
		mark = "*"
	}
	if s.Open() {
		return strings.Repeat(".", len(name+mark)) + "> "
	}
	return name + mark + "> "
}

// keywords are offered where SQL is typed, in the order of the alphabet.
var keywords = strings.Fields(`ADD ALL ALTER ANALYZE AND AS ASC BEGIN BETWEEN BIGINT BOOLEAN BY BYTEA CASCADE CASE CAST CHECK COLUMN
	COMMIT CONFLICT CONSTRAINT COPY COUNT CREATE CROSS CURRENT_DATE CURRENT_TIMESTAMP DATE DECIMAL DEFAULT DELETE DESC DISTINCT DO DOUBLE
	DROP ELSE END EXCEPT EXISTS EXPLAIN FALSE FILTER FIRST FOREIGN FROM FULL GENERATED GROUP HAVING IDENTITY IF ILIKE IN INDEX INNER
	INSERT INT INTERSECT INTERVAL INTO IS JOIN JSON KEY LAST LATERAL LEFT LIKE LIMIT NATURAL NOT NULL NULLS OFFSET ON OR ORDER OUTER OVER
	PARTITION PRECISION PRIMARY RECURSIVE REFERENCES REINDEX RELEASE RENAME RETURNING RIGHT ROLLBACK SAVEPOINT SELECT SEQUENCE SERIAL
	SET SHOW START TABLE TEXT THEN TIMESTAMP TO TRANSACTION TRUE TRUNCATE UNION UNIQUE UPDATE USING UUID VALUES VARCHAR VIEW WHEN WHERE
	WINDOW WITH`)

// Complete returns the lines that line may become: it completes keywords, the names of tables and columns, and dot commands.
func (s *Shell) Complete(line string) []string {
	start := strings.LastIndexAny(line, " \t(,;=<>.") + 1
	if trimmed := strings.TrimLeft(line, " "); strings.HasPrefix(trimmed, ".") && !strings.Contains(trimmed, " ") {
		start = len(line) - len(trimmed)
	}
	head, word := line[:start], line[start:]
	if strings.HasPrefix(word, ".") {
		var lines []string
		for _, c := range commands() {
			if strings.HasPrefix(c.name, strings.ToLower(word)) {
				lines = append(lines, head+c.name+" ")
			}
		}
		return lines
	}
	if word == "" && !strings.HasSuffix(head, ".") {
		return nil
	}
	known := s.known(s.db)
	lists := [][]string{known.tables, known.columns, keywords}
	switch {
	case strings.HasSuffix(head, "."):
		lists = lists[1:2]
	case strings.HasPrefix(strings.TrimSpace(line), "."):
		lists = lists[:1]
	}
	var lines []string
	for _, list := range lists {
		for _, c := range list {
			if len(c) >= len(word) && strings.EqualFold(c[:len(word)], word) && !slices.Contains(lines, head+c) {
				lines = append(lines, head+c)
			}
		}
	}
	return lines
}
