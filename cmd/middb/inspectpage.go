package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/middb/middb/bplustree"
	"github.com/middb/middb/levels"
	"github.com/middb/middb/page"
	"github.com/middb/middb/vfs"
)

// inspectPage returns the command that draws pages of B+Trees.
func (p *program) inspectPage() *cobra.Command {
	return &cobra.Command{
		Use:   "page FILE [NUMBER]",
		Short: "draw a page of the B+Trees, or list all pages",
		Long: `Draw page NUMBER of a file of pages: what takes which part of it, and every key with its value,
or the page below. Without NUMBER, list all pages of the file, a line each. Pages that are not used any
more are there as they were last written, or not at all.`,
		Example: `  middb inspect page ./mydb/000013.pages
  middb inspect page ./mydb/000013.pages 7`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return fmt.Errorf("%d arguments; name one FILE, and a NUMBER if you like", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) (err error) {
			number, ok := levels.ParsePagesName(filepath.Base(args[0]))
			if !ok {
				return fmt.Errorf("%s is not named as a file of pages, such as %s", args[0], levels.PagesName(13))
			}
			f, err := vfs.OS.Open(args[0])
			if err != nil {
				return &failure{exitOpen, err}
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			out := bufio.NewWriter(p.out)
			if len(args) == 1 {
				return failed(errors.Join(listPages(out, f, number), out.Flush()))
			}
			id, err := strconv.ParseUint(args[1], 10, 32)
			if err != nil {
				return fmt.Errorf("%q is no number of a page", args[1])
			}
			return failed(errors.Join(drawPage(out, f, number, page.ID(id)), out.Flush()))
		},
	}
}

func drawPage(w io.Writer, f vfs.File, number uint64, id page.ID) error {
	var pg page.Page
	if err := page.ReadPage(&pg, f, number, id); err != nil {
		return err
	}
	text := pg.String()
	if text == "" {
		drawing, err := bplustree.Draw(&pg)
		if err != nil {
			return fmt.Errorf("page %d of %s: %w", id, f.Name(), err)
		}
		text = drawing
	}
	_, err := fmt.Fprintf(w, "page %d: %s\n", id, text)
	return err
}

// listPages prints a line for each page. Those that cannot be read are no failure: they may never have been written.
func listPages(w io.Writer, f vfs.File, number uint64) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	for id := range page.ID(size / page.Size) {
		var pg page.Page
		text := ""
		if err := page.ReadPage(&pg, f, number, id); err != nil {
			text = "unreadable, or never written"
		} else if text = pg.String(); text == "" {
			text = bplustree.Describe(&pg)
		}
		if _, err := fmt.Fprintf(w, "%6d  %s\n", id, text); err != nil {
			return err
		}
	}
	return nil
}
