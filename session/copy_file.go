package session

import (
	"context"
	"errors"
	"io"

	"github.com/middb/middb/planner/ast"
	"github.com/middb/middb/planner/sqlstate"
	"github.com/middb/middb/vfs"
)

// A fileInput reads a file of a vfs from its beginning.
type fileInput struct {
	*io.SectionReader
	io.Closer
}

// openFile opens a file for COPY FROM.
func (s *Session) openFile(name string) (io.ReadCloser, error) {
	f, err := s.files.Open(name)
	if err != nil {
		if vfs.IsNotExist(err) {
			e := sqlstate.New(sqlstate.UndefinedFile, -1, "there is no file %q", name)
			e.Cause = err
			return nil, e
		}
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return fileInput{io.NewSectionReader(f, 0, size), f}, nil
}

// A fileOutput writes a file of a vfs from its beginning.
type fileOutput struct {
	file vfs.File
	at   int64
}

// Write implements io.Writer.
func (o *fileOutput) Write(p []byte) (int, error) {
	n, err := o.file.WriteAt(p, o.at)
	o.at += int64(n)
	return n, err
}

// copyToFile runs COPY TO a file, which is made or emptied.
func (s *Session) copyToFile(ctx context.Context, text string, tree *ast.Copy) (Result, error) {
	f, err := s.files.Create(tree.File)
	if err != nil {
		return Result{}, err
	}
	r, err := s.copyTo(ctx, text, tree, &fileOutput{file: f})
	return r, errors.Join(err, f.Close())
}
