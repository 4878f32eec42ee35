package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/peterh/liner"

	"github.com/middb/middb/cmd/middb/internal/literal"
)

// A Prompter asks a person for lines. Prompt returns io.EOF when there are no more, and
// liner.ErrPromptAborted when the line was given up.
type Prompter interface {
	// Prompt shows prompt and returns the line that was typed, without its end.
	Prompt(prompt string) (string, error)
	// AppendHistory offers line again at later prompts.
	AppendHistory(line string)
}

// Interact runs the lines that a person types until they leave. Failures are reported and are no
// failure of the session. interruptible, if set, makes the context of each command.
func (s *Session) Interact(ctx context.Context, p Prompter, interruptible func(context.Context) (context.Context, func())) error {
	for {
		line, err := p.Prompt(s.prompt())
		if errors.Is(err, liner.ErrPromptAborted) {
			if s.sql != nil {
				s.sql.Cancel()
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(s.out)
			break
		}
		if err != nil {
			return fmt.Errorf("read a line: %w", err)
		}
		if strings.TrimSpace(line) != "" {
			p.AppendHistory(line)
		}
		run, done := ctx, func() {}
		if interruptible != nil {
			run, done = interruptible(ctx)
		}
		err = s.Execute(run, []byte(line))
		done()
		if errors.Is(err, ErrQuit) {
			break
		}
		if errors.Is(err, ErrOutput) {
			return err
		}
		if err != nil && !errors.Is(err, ErrNotFound) {
			s.report("", err)
		}
	}
	for _, lost := range s.leave(ctx) {
		s.report("", lost)
	}
	return s.flush(nil)
}

// prompt says where writes go: the keyspace, unless it is the default one, a star for a transaction, or a batch.
func (s *Session) prompt() string {
	if s.batch != nil {
		return fmt.Sprintf("batch of %d> ", s.batch.len)
	}
	prompt := "middb"
	if name := s.ks.Name(); name != s.store.Default().Name() {
		prompt += ":" + literal.Show([]byte(name))
	}
	switch {
	case s.txn != nil:
		prompt += "*"
	case s.sql != nil:
		return s.sql.Prompt(prompt)
	}
	return prompt + "> "
}

// Complete returns the lines that line may become: it completes commands and flags, and what SQL there is.
func (s *Session) Complete(line string) []string {
	if s.sql != nil && s.takesSQL([]byte(line)) {
		return s.sql.Complete(line)
	}
	lines := s.completeCommand(line)
	if lines == nil && s.sql != nil {
		return s.sql.Complete(line)
	}
	return lines
}

func (s *Session) completeCommand(line string) []string {
	head, word := "", line
	if i := strings.LastIndexAny(line, " \t"); i >= 0 {
		head, word = line[:i+1], line[i+1:]
	}
	var candidates []string
	if strings.TrimSpace(head) == "" || strings.TrimSpace(head) == "help" {
		for _, c := range commands() {
			if s.has(c) {
				candidates = append(candidates, c.name)
			}
		}
	} else if c, ok := s.find(strings.Fields(head)[0]); ok && strings.HasPrefix(word, "-") {
		for _, field := range strings.FieldsFunc(c.args, func(r rune) bool { return r == ' ' || r == '[' || r == ']' }) {
			if strings.HasPrefix(field, "--") {
				candidates = append(candidates, field)
			}
		}
	}
	var lines []string
	for _, c := range candidates {
		if strings.HasPrefix(c, strings.ToLower(word)) {
			lines = append(lines, head+c+" ")
		}
	}
	return lines
}
