package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/middb/middb/cmd/middb/internal/top"
)

// top returns the command that shows what a server does.
func (p *program) top() *cobra.Command {
	var r remote
	var interval time.Duration
	var count int
	cmd := &cobra.Command{
		Use:   "top [--server HOST:PORT]",
		Short: "show what a server does, as it does it",
		Long: `Show what a server does: requests and how long they take, connections, the levels
of files, and how busy the parts of the engine are. On a terminal the view is drawn
anew every second, until q or Ctrl-C; elsewhere the views are printed one after the
other. Logins are those of middb client.`,
		Example: `  middb top
  middb top --server db.example:7878 --user ada --tls verify-full
  middb top -n 1 > now.txt
  middb top --interval 10s -n 6`,
		Args: none("; name the server with --server"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case interval <= 0:
				return fmt.Errorf("--interval %v: it is more than 0", interval)
			case count < 0:
				return fmt.Errorf("--count %d: it is 0 or more", count)
			}
			c, err := p.connect(cmd.Context(), &r, 0)
			if err != nil {
				return err
			}
			defer c.Close()
			ctx, done := interruptible(cmd.Context())
			defer done()
			return failed(top.Run(ctx, top.Options{
				Source: c.Stats, Title: r.String(), Interval: interval, Count: count, In: p.in, Out: p.out,
			}))
		},
	}
	r.flags(cmd, defaultServer)
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "time between two views")
	cmd.Flags().IntVarP(&count, "count", "n", 0, "leave after so many views (default: go on)")
	return cmd
}
