package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// prefix begins the names of variables of the environment.
const prefix = "MIDDB_"

// others are the variables with the prefix that are no settings of a server: MIDDB_CONFIG names the file,
// MIDDB_PASSWORD is for clients, and with MIDDB_BINARY Python finds this program.
var others = []string{prefix + "CONFIG", prefix + "PASSWORD", prefix + "BINARY"}

// variable returns the name of a setting in the environment.
func (st *setting) variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(st.name, "-", "_"))
}

// findStrangers finds the variables that look like settings and are none. One that is a setting but for case and
// separators is an error. The others may be somebody else's: MIDDB_PORT is Kubernetes' for a service of this name.
func (s *Settings) findStrangers(env map[string]string) error {
	s.Strangers = nil
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if len(name) < len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) || env[name] == "" || slices.Contains(others, name) {
			continue
		}
		switch meant := s.meant(name[len(prefix):]); {
		case meant == nil:
			s.Strangers = append(s.Strangers, name)
		case name != meant.variable():
			return fmt.Errorf("%s: %w; %s is meant", name, ErrUnknown, meant.variable())
		}
	}
	return nil
}
