package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire/client"
)

// client returns the command that opens a shell on a server's database.
func (p *program) client() *cobra.Command {
	var r remote
	var commands []string
	var durability, keyspace string
	cmd := &cobra.Command{
		Use:   "client [--server HOST:PORT]",
		Short: "open a shell on the database of a server",
		Long: `Open a shell on the database of a server (middb server). It has the commands of middb
local, see middb local --help, but for SQL, and ping, sessions and kill. On a terminal Ctrl-C ends
the command that is running, on the server, too.

Who must log in is asked for the password, unless MIDDB_PASSWORD has it or, with
--password-stdin, the first line of standard input; what follows it there is the
script. A password in a URL on the command line can be seen by others who use the
machine.

When the connection is lost the next command makes another one. An open transaction
is lost with it: rollback, and begin again.`,
		Example: `  middb client                                   # localhost:7878
  middb client --server db.example:7878 --user ada --tls verify-full
  middb client --server ./middb.sock -c 'get a'
  printf 'put a 1\nget a\n' | middb client --server localhost:7878
  middb client --server 'middb://db1:7878,db2:7878?tls=verify-full&ca=ca.pem' -c ping
  MIDDB_PASSWORD=... middb client --user ada --keyspace users < commands.txt`,
		Args: none("; name the server with --server, and a command with -c"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var d client.Durability
			if durability != "" {
				local, err := parseDurability(durability)
				if err != nil {
					return err
				}
				if d = client.Sync; local == engine.NoSync {
					d = client.NoSync
				}
			}
			return p.withServer(cmd.Context(), &r, d, func(st remoteStore) error {
				info, err := st.Info(cmd.Context())
				if err != nil {
					return err
				}
				greeting := fmt.Sprintf("middb %s, server %s at %v", version(), info.Version, &r)
				if info.User != "" {
					greeting += ", user " + info.User
				}
				if !cmd.Flags().Changed("keyspace") {
					keyspace = st.Name() // of the URL
				}
				return p.session(cmd.Context(), st, nil, greeting, commands, keyspace)
			})
		},
	}
	r.flags(cmd, defaultServer)
	commandFlag(cmd, &commands)
	cmd.Flags().StringVar(&durability, "durability", "", "when a write is answered: sync, once it is on disk; nosync, up to 50 ms before it is\n"+
		"written (default: as the server has it)")
	keyspaceFlag(cmd, &keyspace)
	return cmd
}

func commandFlag(cmd *cobra.Command, commands *[]string) {
	cmd.Flags().StringArrayVarP(commands, "command", "c", nil, "run this command and leave; repeat it for several")
}
