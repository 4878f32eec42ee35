// Package config holds the settings of "middb server" and finds out their values: from flags, or else from
// the environment, or else from a file, or else the defaults.
//
//	s := config.New()
//	s.AddFlags(cmd.Flags())
//	...
//	if err := s.Load(cmd.Flags(), os.Environ(), os.ReadFile); err != nil { ... }
//	s.Server.Bind // and so on
//	s.Print(os.Stdout)
//
// A setting has one name everywhere: --max-frame, MIDDB_MAX_FRAME, and max-frame in a file, which is TOML or
// YAML by its suffix and flat. Sizes are written 64MiB, times 30s. What is not understood is an error that says
// where it stands and what is expected there; an empty variable of the environment counts as none.
package config
