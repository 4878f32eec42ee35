package server

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire"
)

// engineErrors returns the names of the errors that package engine exports.
func engineErrors(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../../engine/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if strings.HasPrefix(n.Name, "Err") {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// tabled returns the names of the errors of package engine in the table of codes.
func tabled(t *testing.T) (names []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		row, ok := n.(*ast.CompositeLit)
		if !ok || len(row.Elts) != 2 {
			return true
		}
		if s, ok := row.Elts[0].(*ast.SelectorExpr); ok && s.X.(*ast.Ident).Name == "engine" {
			names = append(names, s.Sel.Name)
		}
		return true
	})
	return names
}

func TestEveryErrorOfTheEngineHasACode(t *testing.T) {
	have, all := tabled(t), engineErrors(t)
	if len(all) < 30 {
		t.Fatalf("found only %d errors in the engine: %v", len(all), all)
	}
	for _, name := range all {
		if !slices.Contains(have, name) {
			t.Errorf("engine.%s has no code", name)
		}
	}
}

func TestErrorsGetTheirCodeAndDetails(t *testing.T) {
	for _, c := range codes {
		if got := toWire(fmt.Errorf("tried: %w", c.err)); got.Code != c.code || got.Message != "tried: "+c.err.Error() {
			t.Errorf("%v became %s: %s", c.err, got.Code.Name(), got.Message)
		}
	}
	unknown := fmt.Errorf("commit: %w: %w", engine.ErrCommitUnknown, errCanceled)
	for _, x := range []struct {
		err  error
		code wire.Code
	}{
		{unknown, wire.ErrCommitUnknown},
		{fmt.Errorf("commit: %w: %w", engine.ErrCommitUnknown, engine.ErrFailed), wire.ErrCommitUnknown},
		{fmt.Errorf("put: %w: %w", engine.ErrFailed, engine.ErrCorruption), wire.ErrFailed},
		{fmt.Errorf("put: %w", errCanceled), wire.ErrCanceled},
		{context.DeadlineExceeded, wire.ErrTimeout},
		{wire.ErrNotFound, wire.ErrNotFound},
		{errors.New("anything else"), wire.ErrInternal},
	} {
		if got := toWire(x.err); got.Code != x.code {
			t.Errorf("%v became %s", x.err, got.Code.Name())
		}
	}
	conflict := toWire(fmt.Errorf("commit: %w", &engine.ConflictError{Keyspace: "red", Key: []byte("k"), Seq: 7}))
	if conflict.Keyspace != "red" || string(conflict.Key) != "k" || conflict.Seq != 7 || !conflict.Retry {
		t.Errorf("a conflict became %+v", conflict)
	}
	cut := toWire(fmt.Errorf("feed: %w", &engine.FeedTruncatedError{Next: 0, Oldest: 9}))
	if !cut.HasPosition || cut.Next != 0 || cut.Oldest != 9 || cut.Code != wire.ErrFeedTruncated {
		t.Errorf("a truncated feed became %+v", cut)
	}
}
