package main

import (
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
		password, err := readPassword(p.in)
		return password, failed(err)
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

// readPassword reads the first line, and nothing after it: what follows may be a script.
func readPassword(in io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < 1<<16; {
		n, err := in.Read(b)
		if n == 1 && b[0] != '\n' {
			line = append(line, b[0])
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		if err != nil || n == 1 && b[0] == '\n' {
			break
		}
	}
	password := strings.TrimSuffix(string(line), "\r")
	if password == "" {
		return "", errors.New("standard input has no password in its first line")
	}
	return password, nil
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
