// Command gencodes turns wire/codes.tsv, the one table of error codes, into what knows them: constants in
// Go, exceptions in Python, and a page of documentation. It runs in the folder of package wire, by go generate,
// and writes to paths relative to it.
//
//	go run ./internal/gencodes          write the files
//	go run ./internal/gencodes --check  say which of them are not what the table makes of them
package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A code is a line of the table.
type code struct {
	Number    int
	Name      string // as in the field "name" of an ERROR
	Retryable bool   // the same request may succeed when it is repeated
	Python    string // name of the exception
	Text      string
	Hint      string // what to do about it; may be empty
}

// An output is a file made from the table.
type output struct {
	path   string
	render func([]code) ([]byte, error)
}

var outputs = []output{
	{"codes_gen.go", renderGo},
	{"../pybind/src/middb/_codes.py", renderPython},
	{"../docs/errors.md", renderDocs},
}

func main() {
	check := slices.Contains(os.Args[1:], "--check")
	if err := run(check); err != nil {
		fmt.Fprintln(os.Stderr, "gencodes:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	table, err := os.ReadFile("codes.tsv")
	if err != nil {
		return err
	}
	codes, err := parse(table)
	if err != nil {
		return err
	}
	for _, o := range outputs {
		text, err := o.render(codes)
		if err != nil {
			return err
		}
		if !check {
			if err = os.WriteFile(o.path, text, 0o644); err != nil {
				return err
			}
			continue
		}
		now, err := os.ReadFile(o.path)
		if err != nil {
			return err
		}
		if !bytes.Equal(now, text) {
			return fmt.Errorf("%s is not what codes.tsv says; run: go generate ./wire", o.path)
		}
	}
	return nil
}

// parse reads the table and holds it to what it promises: codes ascend, names and exceptions are unique.
func parse(table []byte) ([]code, error) {
	var codes []code
	seen := map[string]bool{}
	for i, line := range strings.Split(string(table), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 6 {
			return nil, fmt.Errorf("codes.tsv:%d: %d columns, not 6", i+1, len(f))
		}
		n, err := strconv.Atoi(f[0])
		if err != nil || n < 1000 || n > 7999 {
			return nil, fmt.Errorf("codes.tsv:%d: %q is no code", i+1, f[0])
		}
		if k := len(codes); k > 0 && codes[k-1].Number >= n {
			return nil, fmt.Errorf("codes.tsv:%d: %d does not come after %d", i+1, n, codes[k-1].Number)
		}
		if f[2] != "yes" && f[2] != "no" {
			return nil, fmt.Errorf("codes.tsv:%d: retryable is yes or no", i+1)
		}
		for _, unique := range []string{f[1], f[3]} {
			if unique == "" || seen[unique] {
				return nil, fmt.Errorf("codes.tsv:%d: the name %q is empty or used twice", i+1, unique)
			}
			seen[unique] = true
		}
		codes = append(codes, code{n, f[1], f[2] == "yes", f[3], f[4], f[5]})
	}
	return codes, nil
}
