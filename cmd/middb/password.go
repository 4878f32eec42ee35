package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func passwordFlag(cmd *cobra.Command, stdin *bool) {
	cmd.Flags().BoolVar(stdin, "password-stdin", false, "read the password from the first line of standard input")
}

// newPassword asks for the password that a user is to have, twice, or reads it from standard input. Never is it
// an argument, which every user of the machine can see.
func (p *program) newPassword(user string, stdin bool) (string, error) {
	if stdin {
		return p.passwordLine()
	}
	given, err := p.askPasswords("Password for "+user+": ", "Once more: ")
	if err != nil {
		return "", err
	}
	if given[0] != given[1] {
		return "", failed(errors.New("these are two passwords; nothing was changed"))
	}
	return given[0], nil
}

// passwordLine returns the first line of standard input.
func (p *program) passwordLine() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(p.in, 1<<16)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", failed(fmt.Errorf("read the password: %w", err))
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", failed(errors.New("standard input has no password in its first line"))
	}
	return line, nil
}

// askPasswords reads a line for each prompt from the terminal, without showing it.
func (p *program) askPasswords(prompts ...string) ([]string, error) {
	if !isTerminal(p.in) {
		return nil, errors.New("standard input is no terminal to ask for the password on; pipe it in and say --password-stdin")
	}
	fd := int(p.in.(*os.File).Fd())
	// Before the first prompt, so that nothing is shown of who types at once. Ctrl-C comes as a key then.
	before, err := term.MakeRaw(fd)
	if err != nil {
		return nil, failed(err)
	}
	defer func() { _ = term.Restore(fd, before) }() // the program ends in any case
	screen := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{p.in, p.err}, "")
	given := make([]string, len(prompts))
	for i, prompt := range prompts {
		if given[i], err = screen.ReadPassword(prompt); err != nil || given[i] == "" {
			return nil, failed(errors.New("no password was given; nothing was changed"))
		}
	}
	return given, nil
}
