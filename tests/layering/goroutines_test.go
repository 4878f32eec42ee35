package layering

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Cores are synchronous: whoever drives them, an actor or a seeded scheduler, decides what runs when.
func TestCoresStartNoGoroutines(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if layer, ok := layerOf(name); !ok || layer > lastCore {
			continue
		}
		for _, file := range p.GoFiles {
			for _, at := range goStatements(t, filepath.Join(p.Dir, file), nil) {
				t.Errorf("%s starts a goroutine at %v", name, at)
			}
		}
	}
}

func TestPlantedGoroutineIsFound(t *testing.T) {
	src := "package wal\n\nfunc f(g func()) {\n\tgo g()\n}\n"
	if at := goStatements(t, "planted.go", src); len(at) != 1 || at[0].Line != 4 {
		t.Fatalf("found at %v", at)
	}
}

// goStatements returns where a file starts goroutines. A nil src means the file on disk.
func goStatements(t *testing.T, file string, src any) []token.Position {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var at []token.Position
	ast.Inspect(f, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			at = append(at, fset.Position(g.Go))
		}
		return true
	})
	return at
}
