package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/middb/middb/cmd/middb/internal/literal"
)

// binary is the program under test, built by TestMain.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "middb-test")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "middb")
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// command returns a run of the program in dir.
func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+filepath.Join(dir, "state"))
	return cmd
}

// middb runs the program and returns what it says and its exit code.
func middb(t *testing.T, dir, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must is middb for a run that succeeds; it returns standard output.
func must(t *testing.T, dir, stdin string, args ...string) string {
	t.Helper()
	out, errs, code := middb(t, dir, stdin, args...)
	if code != 0 {
		t.Fatalf("middb %q: exit code %d, %s", args, code, errs)
	}
	return out
}

// start starts a run of the program and returns its standard input and output.
func start(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err = cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return in, out
}

// volatile is what differs from run to run.
var volatile = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`in [0-9.]+ s, [0-9]+ rows/s`), "in T s, R rows/s"},
	{regexp.MustCompile(`pid [0-9]+`), "pid N"},
	{regexp.MustCompile(`in [0-9.]+ s\n`), "in T s\n"},
}

// TestTranscripts runs the transcripts under testdata against the real program, in one directory
// for each file. The input of "run" is a command line and then standard input; the output is
// standard output, the lines of standard error, and the exit code if it is not 0.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) { play(t, path, t.TempDir(), nil) })
}

// play runs a transcript in a directory. change, if it is not nil, changes command lines before they are run.
func play(t *testing.T, path, dir string, change func(args []string) []string) {
	t.Helper()
	datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
		switch d.Cmd {
		case "run":
			line, stdin, _ := strings.Cut(d.Input, "\n")
			words, err := literal.Split([]byte(line))
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			args := make([]string, len(words))
			for i, w := range words {
				args[i] = w.Raw
				if w.Quoted {
					args[i] = string(w.Bytes)
				}
			}
			if change != nil {
				args = change(args)
			}
			out, errs, code := middb(t, dir, stdin, args...)
			for line := range strings.Lines(errs) {
				out += "stderr: " + line
			}
			if code != 0 {
				out += fmt.Sprintf("exit code %d\n", code)
			}
			for _, v := range volatile {
				out = v.pattern.ReplaceAllString(out, v.with)
			}
			return strings.ReplaceAll(out, dir, "DIR")
		case "file": // write a file
			if err := os.WriteFile(filepath.Join(dir, d.CmdArgs[0].Key), []byte(d.Input+"\n"), 0o644); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return ""
		case "show": // print a file
			text, err := os.ReadFile(filepath.Join(dir, d.CmdArgs[0].Key))
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			return string(text)
		default:
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		}
	})
}

func TestEveryCommandHasHelpWithExamples(t *testing.T) {
	root := (&program{}).root()
	for _, cmd := range root.Commands() {
		if cmd.Hidden { // it says where to find it
			continue
		}
		if cmd.HasSubCommands() {
			for _, sub := range cmd.Commands() {
				if sub.Example == "" || sub.Short == "" {
					t.Errorf("%s has no example", sub.CommandPath())
				}
			}
			continue
		}
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
	}
}

func TestAnswersComeOneByOneThroughPipes(t *testing.T) {
	cmd := command(t.TempDir(), "local", "db")
	in, out := start(t, cmd)
	for _, turn := range [][2]string{{"put a 1", "OK\n"}, {"get a", "1\n"}, {"get b", "(nil)\n"}} {
		fmt.Fprintln(in, turn[0])
		buf := make([]byte, 64)
		n, err := out.Read(buf)
		if err != nil || string(buf[:n]) != turn[1] {
			t.Fatalf("%s: got %q, %v, want %q", turn[0], buf[:n], err, turn[1])
		}
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}
