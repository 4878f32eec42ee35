package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestReadmeTranscript runs the commands of the README's console blocks, in order and in one
// directory, and compares what they print. A command is a line that begins with "$ "; lines that
// begin with "> " go on with it; the lines that follow are its output.
func TestReadmeTranscript(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(func() { // if it fails before it stops its server
		if pid, err := os.ReadFile(filepath.Join(dir, "pid")); err == nil {
			_ = exec.Command("kill", strings.TrimSpace(string(pid))).Run()
		}
	})
	n := 0
	for _, block := range blocks(t, readme, "console") {
		for _, step := range strings.Split("\n"+block, "\n$ ")[1:] {
			lines := strings.Split(strings.TrimSuffix(step, "\n"), "\n")
			script := lines[0] + "\n"
			for lines = lines[1:]; len(lines) > 0 && strings.HasPrefix(lines[0], "> "); lines = lines[1:] {
				script += lines[0][2:] + "\n"
			}
			cmd := exec.Command("sh", "-c", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v", script, err)
			}
			if got, want := strings.TrimSuffix(string(out), "\n"), strings.Join(lines, "\n"); got != want {
				t.Errorf("%sprints\n%s\nthe README says\n%s", script, got, want)
			}
			n++
		}
	}
	if n < 5 {
		t.Fatalf("only %d commands found in the README", n)
	}
}

// TestReadmeShowsTheExamples wants all of the quickstart, and each other piece of Go to be a part of an example.
func TestReadmeShowsTheExamples(t *testing.T) {
	var examples []string
	for _, name := range []string{"quickstart", "transactions", "network_demo", "tables", "query_demo"} {
		examples = append(examples, read(t, "../../examples/"+name+"/main.go"))
	}
	shown := blocks(t, readme, "go")
	if !slices.Contains(shown, examples[0]) {
		t.Error("no go block of the README is examples/quickstart/main.go")
	}
	wantParts(t, shown, examples)
}

// TestTablesPageShowsCodeThatRuns wants each piece of Go in docs/tables.md to be a part of a test that runs.
func TestTablesPageShowsCodeThatRuns(t *testing.T) {
	shown := blocks(t, "../../docs/tables.md", "go")
	if len(shown) < 5 {
		t.Errorf("there are only %d pieces of Go", len(shown))
	}
	wantParts(t, shown, []string{read(t, "../../collection/guide_test.go")})
}

// wantParts wants each piece to be a part of a program.
func wantParts(t *testing.T, pieces, programs []string) {
	t.Helper()
	for _, piece := range pieces {
		if !slices.ContainsFunc(programs, func(program string) bool { return strings.Contains(program, piece) }) {
			t.Errorf("no program has\n%s", piece)
		}
	}
}

const readme = "../../README.md"

// blocks returns the fenced blocks of a language in a file.
func blocks(t *testing.T, file, language string) (out []string) {
	t.Helper()
	for _, part := range strings.Split(read(t, file), "\n```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		out = append(out, block+"\n")
	}
	return out
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
