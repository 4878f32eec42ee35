package sqlshell

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// toFile has answers go to a file that is made or emptied, or with no name to where they went at first.
func (s *Shell) toFile(name string) error {
	err := s.out.Flush()
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	s.file, s.out = nil, s.main
	if err != nil || name == "" {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	s.file, s.out = f, &printer{bufio.NewWriterSize(f, 64<<10)}
	return nil
}

// fileAndRest cuts the name of a file, which may be in quotes, from what is behind it.
func fileAndRest(args string) (file, rest string, err error) {
	if args != "" && (args[0] == '"' || args[0] == '\'') {
		end := strings.IndexByte(args[1:], args[0])
		if end < 0 {
			return "", "", errors.New("the quotes around the name of the file do not end")
		}
		file, rest = args[1:1+end], args[2+end:]
	} else {
		file, rest, _ = strings.Cut(args, " ")
	}
	rest = strings.TrimSpace(rest)
	if file == "" || rest == "" {
		return "", "", errUsage
	}
	return file, rest, nil
}

// importFile inserts the rows of a file into a table. The file's first line names the columns.
func (s *Shell) importFile(ctx context.Context, args string) error {
	name, table, err := fileAndRest(args)
	if err != nil {
		return err
	}
	comma, delimiter := ',', ","
	if strings.EqualFold(filepath.Ext(name), ".tsv") {
		comma, delimiter = '\t', "\t"
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	head, err := in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(head, "\ufeff")))
	r.Comma = comma
	columns, err := r.Read()
	if err != nil {
		return fmt.Errorf("%s: the first line does not name the columns: %w", name, err)
	}
	sql := fmt.Sprintf("COPY %s (%s) FROM STDIN WITH (FORMAT csv, DELIMITER '%s')", quote(nameOf(table)), quoteAll(columns), delimiter)
	result, err := s.sql.CopyFrom(ctx, sql, in)
	if err != nil {
		return fmt.Errorf("%s, behind its first line: %w", name, err)
	}
	return s.tag(result.Tag, nil)
}

// exportFile writes the rows of a table or a query to a file.
func (s *Shell) exportFile(ctx context.Context, args string) error {
	name, what, err := fileAndRest(args)
	if err != nil {
		return err
	}
	mode := CSV
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv", ".tsv":
	case ".json":
		mode = JSON
	case ".md":
		mode = Markdown
	case ".txt":
		mode = Table
	default:
		return fmt.Errorf("%s: the extension of the file says the form: .csv, .tsv, .json, .md or .txt", name)
	}
	rows, err := s.sql.Query(ctx, selection(what))
	if err != nil {
		return err
	}
	defer rows.Close()
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := &printer{bufio.NewWriterSize(f, 64<<10)}
	p := newPainter(mode, w, rows.Columns())
	if strings.EqualFold(filepath.Ext(name), ".tsv") {
		p = newDelimited(w, rows.Columns(), '\t')
	}
	n := int64(0)
	for ; rows.Next(); n++ {
		p.row(rows.Values())
	}
	p.end(n)
	if err := errors.Join(rows.Err(), w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return s.tag(fmt.Sprintf("EXPORT %d", n), nil)
}
