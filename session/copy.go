package session

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/middb/middb/catalog"
	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/relation"
)

// CopyFrom runs COPY ... FROM STDIN with r as STDIN. All rows are one statement.
func (s *Session) CopyFrom(ctx context.Context, sql string, r io.Reader) (Result, error) {
	tree, err := s.copyStatement(sql, true)
	if err == nil {
		var result Result
		if result, err = s.copyFrom(ctx, sql, tree, r); err == nil {
			return result, nil
		}
	}
	return Result{}, s.copyFailed(ctx, err, sql)
}

// CopyTo runs COPY ... TO STDOUT with w as STDOUT.
func (s *Session) CopyTo(ctx context.Context, sql string, w io.Writer) (Result, error) {
	tree, err := s.copyStatement(sql, false)
	if err == nil {
		var result Result
		if result, err = s.copyTo(ctx, sql, tree, w); err == nil {
			return result, nil
		}
	}
	return Result{}, s.copyFailed(ctx, err, sql)
}

func (s *Session) copyFailed(ctx context.Context, err error, sql string) error {
	if s.txn != nil {
		s.txn.fail()
	}
	return s.failure(ctx, err, sql)
}

// copyStatement reads a COPY in the direction that is wanted.
func (s *Session) copyStatement(sql string, from bool) (*ast.Copy, error) {
	if err := s.begun(); err != nil {
		return nil, err
	}
	list, err := s.shared.statements(sql, s.settings.planner)
	if err != nil {
		return nil, err
	}
	if s.txn != nil {
		if err := s.txn.check(); err != nil {
			return nil, err
		}
	}
	if len(list) == 1 {
		if tree, ok := list[0].tree.(*ast.Copy); ok && tree.From == from && tree.File == "" {
			return tree, nil
		}
	}
	return nil, sqlstate.New(sqlstate.SyntaxError, -1, "this is not one COPY FROM STDIN or COPY TO STDOUT, as was called for")
}

// copyFile runs COPY from or to a file, if the session may use files.
func (s *Session) copyFile(ctx context.Context, st *statement, tree *ast.Copy) (*Rows, error) {
	if tree.File == "" {
		return nil, sqlstate.New(sqlstate.NotSupported, tree.At, "there is no STDIN and no STDOUT here").
			WithHint("use the methods CopyFrom and CopyTo of a session, or name a file")
	}
	if s.files == nil {
		return nil, sqlstate.New(sqlstate.InsufficientPrivilege, tree.At, "files cannot be used in this session").
			WithHint("allow them with Session.AllowFiles, or use STDIN and STDOUT")
	}
	var r Result
	var err error
	if tree.From {
		var f io.ReadCloser
		if f, err = s.openFile(tree.File); err == nil {
			r, err = s.copyFrom(ctx, st.text, tree, f)
			err = errors.Join(err, f.Close())
		}
	} else {
		r, err = s.copyToFile(ctx, st.text, tree)
	}
	if err != nil {
		return nil, fileError(err, tree.At)
	}
	return s.finished(r), nil
}

// fileError makes an error of the file system one of SQL.
func fileError(err error, at int) error {
	var e *sqlstate.Error
	if errors.As(err, &e) {
		return err
	}
	e = sqlstate.New(sqlstate.FileError, at, "%v", err)
	e.Cause = err
	return e
}

// copyFrom inserts the rows of a file into a table, as one statement.
func (s *Session) copyFrom(ctx context.Context, text string, tree *ast.Copy, in io.Reader) (Result, error) {
	ctx, cancel := s.limit(ctx)
	defer cancel()
	format, err := formatOf(tree.Options)
	if err != nil {
		return Result{}, err
	}
	n := int64(0)
	ran := false
	// The file is read once: after a conflict with another transaction it cannot begin again.
	err = s.write(ctx, "COPY FROM", func(_ Txn, tables *relation.Tables) error {
		if ran {
			return sqlstate.New(sqlstate.SerializationFailure, tree.At, "another transaction has written the same rows; run COPY again")
		}
		ran = true
		tables.UseSequences(&sequences{s, tables})
		x := &changing{s: s, ctx: ctx, text: text, tables: tables}
		return tables.Statement(func() (err error) {
			n, err = x.copyRows(tree, format, in)
			return err
		})
	})
	if err != nil {
		return Result{}, err
	}
	return Result{RowsAffected: n, Tag: "COPY " + decimal(n)}, nil
}

// copyColumns returns the places of the columns that COPY names, of all if it names none.
func (x *changing) copyColumns(t *catalog.Table, names []ast.Name) (places []int, err error) {
	for _, n := range names {
		if err := x.hasColumn(t.Name, n); err != nil {
			return nil, err
		}
		_, at, _ := t.Column(n.Name)
		if slices.Contains(places, at) {
			return nil, sqlstate.New(sqlstate.DuplicateColumn, n.At, "column %q is named twice", n.Name)
		}
		places = append(places, at)
	}
	if len(names) == 0 {
		for i := range t.Columns {
			places = append(places, i)
		}
	}
	return places, nil
}

func (x *changing) copyRows(tree *ast.Copy, format copyFormat, in io.Reader) (n int64, err error) {
	t, err := x.table(*tree.Table, false)
	if err != nil {
		return 0, err
	}
	places, err := x.copyColumns(t, tree.Columns)
	if err != nil {
		return 0, err
	}
	h, err := x.tables.Table(t.Name)
	if err != nil {
		return 0, err
	}
	r := &fieldReader{format: format, in: bufio.NewReaderSize(in, 64<<10)}
	row := make([]catalog.Value, len(places))
	for {
		fields, err := r.next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err == nil && r.line%1024 == 0 {
			err = x.ctx.Err()
		}
		if err != nil {
			return n, err
		}
		if format.header && r.line == 1 {
			continue
		}
		if len(fields) != len(places) {
			return n, r.fault("there are %d fields, and the table has %d columns", len(fields), len(places))
		}
		for i, f := range fields {
			row[i] = catalog.Null()
			if !f.null {
				c := &t.Columns[places[i]]
				if row[i], err = catalog.Parse(c.Type, f.text); err != nil {
					return n, inLine(catalog.At(err, t.Name, c.Name), r.line)
				}
			}
		}
		// As in PostgreSQL, columns that are GENERATED ALWAYS take what a file has.
		if _, err := h.InsertWith(places, row, relation.InsertOptions{Given: true}); err != nil {
			return n, err
		}
		n++
	}
}

// inLine says in which line a value is wrong.
func inLine(err error, line int) error {
	if e := inData(err); e != nil {
		e.Message, e.At = "line "+decimal(int64(line))+": "+e.Message, -1
		return e
	}
	return err
}

// copyTo writes the rows of a table or of a query.
func (s *Session) copyTo(ctx context.Context, text string, tree *ast.Copy, out io.Writer) (Result, error) {
	format, err := formatOf(tree.Options)
	if err != nil {
		return Result{}, err
	}
	query := tree.Query
	if query == nil {
		items := []ast.Item{{At: tree.At, Expr: &ast.Star{At: tree.At}}}
		if len(tree.Columns) > 0 {
			items = nil
			for _, n := range tree.Columns {
				items = append(items, ast.Item{At: n.At, Expr: &ast.Column{At: n.At, Name: n.Name}})
			}
		}
		query = &ast.Query{At: tree.At, Body: &ast.Select{
			At: tree.At, Items: items, From: []ast.Table{&ast.Named{At: tree.Table.At, Relation: *tree.Table}},
		}}
	}
	rows, err := s.runQuery(ctx, &statement{text: text, tree: query}, nil)
	if err != nil {
		return Result{}, err
	}
	w := bufio.NewWriterSize(out, 64<<10)
	var line []byte
	var fields []field
	if format.header {
		for _, c := range rows.Columns() {
			fields = append(fields, field{text: c.Name})
		}
		line = format.appendRow(nil, fields)
	}
	n := int64(0)
	for {
		if _, err = w.Write(line); err != nil || !rows.Next() {
			break
		}
		fields = fields[:0]
		for _, v := range rows.Values() {
			fields = append(fields, field{text: v.String(), null: v.IsNull()})
		}
		line = format.appendRow(line[:0], fields)
		n++
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		err = fileError(err, tree.At)
	}
	if err = errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return Result{}, err
	}
	return Result{RowsAffected: n, Tag: "COPY " + decimal(n)}, nil
}
