// Package shelltest plays transcripts of the shell against a store. Those under testdata/any hold for every store, be
// it in memory, in a directory or behind a network; whoever makes a store plays them.
package shelltest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/peterh/liner"

	"github.com/middb/middb/cmd/middb/internal/shell"
)

// Play runs the transcripts in a directory, each file on a store of its own. The input of "script" is what a pipe
// holds, that of "commands" what -c gives, that of "type" what a person types.
func Play(t *testing.T, dir string, open func(*testing.T) shell.Store) {
	t.Helper()
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		store := open(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var out, errs bytes.Buffer
			s := shell.New(store, shell.Options{Out: &out, Err: &errs, Terminal: d.HasArg("terminal")})
			var err error
			switch d.Cmd {
			case "script":
				err = s.Run(t.Context(), strings.NewReader(d.Input))
			case "commands":
				err = s.RunCommands(t.Context(), strings.Split(d.Input, "\n"))
			case "type":
				err = s.Interact(t.Context(), &typist{lines: strings.Split(d.Input, "\n"), screen: &out}, nil)
			default:
				d.Fatalf(t, "unknown command %s", d.Cmd)
			}
			for line := range strings.Lines(errs.String()) {
				out.WriteString("stderr: " + line)
			}
			if err != nil {
				fmt.Fprintf(&out, "result: %v\n", err)
			}
			return out.String()
		})
	})
}

// typist types lines; ^C gives one up, and ^D or the end leaves.
type typist struct {
	lines  []string
	screen io.Writer
}

func (p *typist) Prompt(prompt string) (string, error) {
	if len(p.lines) == 0 || p.lines[0] == "^D" {
		fmt.Fprint(p.screen, prompt)
		return "", io.EOF
	}
	line := p.lines[0]
	p.lines = p.lines[1:]
	fmt.Fprintln(p.screen, prompt+line)
	if line == "^C" {
		return "", liner.ErrPromptAborted
	}
	return line, nil
}

func (*typist) AppendHistory(string) {}
