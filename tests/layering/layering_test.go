package layering

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/middb/middb/"

// layers lists the packages from the bottom up. A package imports only from layers below its own;
// packages in one folder, such as those under cmd, may also import each other. A folder stands for
// everything in it that is not listed itself.
var layers = [][]string{
	{"invariant", "integrity"},
	{"metrics", "vfs", "offheap"},
	{"key"},
	{"treap", "cowtree", "merge"},
	{"iterator", "page", "sstable/bloom"},
	{"memtable", "wal", "sstable", "bplustree", "mvcc", "catalog"},
	{"levels"},
	{"planner"},
	{"relation"},
	{"actors", "wire", "session"},
	{"engine", "wire/client"},
	{"collection", "wire/server", "driver"},
	{"cmd", "examples", "tests"},
}

// lastCore is the index of the highest layer of cores: synchronous, without goroutines.
var lastCore = slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, "actors") }) - 1

// A restriction names the only folders that may import some packages.
type restriction struct {
	packages []string // import paths; what lies below them is meant too
	folders  []string
	why      string
}

var restrictions = []restriction{
	{
		packages: []string{"github.com/asynkron/protoactor-go"},
		folders:  []string{"actors", "wire/server"},
		why:      "only shells know the actor framework",
	},
	{
		packages: []string{"github.com/prometheus", "net/http"},
		folders:  []string{"wire/server", "cmd", "examples", "tests"},
		why:      "an embedded database serves nobody",
	},
	{
		packages: []string{"os", "io/ioutil"},
		folders:  []string{"vfs", "cmd", "examples", "tests", "wire/internal/gencodes"},
		why:      "files are reached through vfs",
	},
	{
		packages: []string{"golang.org/x/sys/unix", "syscall"},
		folders:  []string{"vfs", "offheap", "wire/server/peercred", "cmd", "examples", "tests"},
		why:      "the system is reached through vfs and offheap, and asked for accounts in wire/server/peercred",
	},
}

// A pkg is what go list says of a package, without its tests.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func TestImportsGoDown(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, complaint := range check(p) {
			t.Error(complaint)
		}
	}
}

// The check must be able to fail: each case plants one import.
func TestPlantedImportsAreFound(t *testing.T) {
	for _, c := range []struct {
		from, to string // within the module unless to has no such package
		want     string // part of the complaint; empty: allowed
	}{
		{"sstable", module + "key", ""},
		{"sstable", module + "sstable/bloom", ""},
		{"sstable/bloom", module + "sstable", "sstable/bloom (layer 4) may not import sstable (layer 5)"},
		{"memtable", module + "wal", "memtable (layer 5) may not import wal (layer 5)"},
		{"key", module + "engine", "key (layer 2) may not import engine (layer 10)"},
		{"page", module + "memtable", "may not import"},
		{"catalog", module + "key", ""},
		{"catalog", module + "bplustree", "catalog (layer 5) may not import bplustree (layer 5)"},
		{"levels", module + "wal", ""},
		{"engine", module + "actors", ""},
		{"actors", module + "engine", "may not import"},
		{"wire/client", module + "wire", ""},
		{"wire/client", module + "engine", "may not import"},
		{"planner/opt", module + "planner/ast", ""},
		{"planner/expr", module + "catalog", ""},
		{"catalog", module + "planner/expr", "may not import"},
		{"planner/parser", module + "engine", "may not import"},
		{"planner/expr", module + "relation", "may not import"},
		{"relation", module + "planner/expr", ""},
		{"relation", module + "engine", "relation (layer 8) may not import engine (layer 10)"},
		{"session", module + "relation", ""},
		{"session", module + "engine", "session (layer 9) may not import engine (layer 10)"},
		{"engine", module + "session", ""},
		{"collection", module + "engine", ""},
		{"engine", module + "collection", "may not import"},
		{"cmd/middb", module + "cmd/middb/shell", ""},
		{"cmd/middb", module + "tests/model", "may not import"},
		{"engine", module + "util", "util has no layer"},
		{"util", "fmt", "util has no layer"},
		{"actors", "github.com/asynkron/protoactor-go/actor", ""},
		{"engine", "github.com/asynkron/protoactor-go/actor", "only shells know the actor framework"},
		{"wire/server/monitor", "github.com/prometheus/client_golang/prometheus", ""},
		{"engine", "github.com/prometheus/client_golang/prometheus", "an embedded database serves nobody"},
		{"metrics", "net/http/pprof", "an embedded database serves nobody"},
		{"wal", "os", "files are reached through vfs"},
		{"engine", "os/exec", "files are reached through vfs"},
		{"offheap", "os", "files are reached through vfs"},
		{"offheap", "golang.org/x/sys/unix", ""},
		{"wal", "golang.org/x/sys/unix", "the system is reached through vfs and offheap"},
		{"wire/server/peercred", "golang.org/x/sys/unix", ""},
		{"wire/server", "golang.org/x/sys/unix", "asked for accounts in wire/server/peercred"},
		{"vfs", "os", ""},
		{"cmd/middb", "os/signal", ""},
		{"wal", "osprey.example/os", ""},
	} {
		got := strings.Join(check(pkg{ImportPath: module + c.from, Imports: []string{c.to}}), "; ")
		if c.want == "" && got != "" {
			t.Errorf("%s may import %s, but: %s", c.from, c.to, got)
		}
		if c.want != "" && !strings.Contains(got, c.want) {
			t.Errorf("%s imports %s: found %q, want %q", c.from, c.to, got, c.want)
		}
	}
}

// check returns what is wrong with the imports of p.
func check(p pkg) []string {
	from := strings.TrimPrefix(p.ImportPath, module)
	fromLayer, ok := layerOf(from)
	if !ok {
		return []string{from + " has no layer: give it one here, as DESIGN section 2 orders them"}
	}
	var complaints []string
	for _, path := range p.Imports {
		for _, r := range restrictions {
			if slices.ContainsFunc(r.packages, within(path)) && !slices.ContainsFunc(r.folders, within(from)) {
				complaints = append(complaints, fmt.Sprintf("%s may not import %s: %s", from, path, r.why))
			}
		}
		to, ours := strings.CutPrefix(path, module)
		if !ours {
			continue
		}
		toLayer, ok := layerOf(to)
		switch {
		case !ok:
			complaints = append(complaints, fmt.Sprintf("%s imports %s: %s has no layer", from, to, to))
		case toLayer < fromLayer, toLayer == fromLayer && folder(from) == folder(to):
		default:
			complaints = append(complaints,
				fmt.Sprintf("%s (layer %d) may not import %s (layer %d)", from, fromLayer, to, toLayer))
		}
	}
	return complaints
}

// layerOf finds the layer of the longest listed folder that holds the package.
func layerOf(name string) (layer int, ok bool) {
	longest := 0
	for i, l := range layers {
		for _, f := range l {
			if len(f) > longest && within(name)(f) {
				layer, longest = i, len(f)
			}
		}
	}
	return layer, longest > 0
}

// within returns a predicate that tells whether a folder is path or holds it.
func within(path string) func(folder string) bool {
	return func(folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
}

func folder(name string) string {
	first, _, _ := strings.Cut(name, "/")
	return first
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports", module+"...")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			if len(pkgs) < 5 {
				t.Fatalf("go list found only %d packages", len(pkgs))
			}
			return pkgs
		case err != nil:
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
