package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/middb/middb/wire/server"
	"github.com/middb/middb/wire/server/tlsconf"
)

// Local reports whether only this machine reaches an address: it names a loopback address or localhost.
func Local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Exposed returns the setting and address of the first listener for clients that other machines reach, or "".
func (c *Server) Exposed() (setting, address string) {
	switch {
	case c.Bind != "" && !Local(c.Bind):
		return "bind", c.Bind
	case c.RESP != "" && !Local(c.RESP):
		return "resp", c.RESP
	default:
		return "", ""
	}
}

// check returns what is wrong with the settings together.
func (s *Settings) check() error {
	c := &s.Server
	switch {
	case c.DataDir == "":
		return errors.New("the directory of the database is missing; name it with --data-dir DIR, MIDDB_DATA_DIR, or data-dir in a file of settings")
	case c.Bind == "" && c.Unix == "" && c.RESP == "":
		return errors.New("bind, unix and resp are off; at least one of them is where clients are served")
	case c.TLSCert != "" && c.TLSKey == "":
		return s.together("tls-cert", "needs tls-key, the file with its private key")
	case c.TLSKey != "" && c.TLSCert == "":
		return s.together("tls-key", "needs tls-cert, the file with its certificate")
	case c.TLSClientCA != "" && c.TLSCert == "":
		return s.together("tls-client-ca", "needs tls-cert and tls-key: clients show certificates to servers with TLS only")
	case c.TLSClientAuth != tlsconf.ClientAuthNone && c.TLSClientCA == "":
		return s.together("tls-client-auth", "needs tls-client-ca, the file with the certificates that sign those of clients")
	case c.TLSClientCA != "" && c.TLSClientAuth == tlsconf.ClientAuthNone:
		return s.together("tls-client-ca", "is of no use unless tls-client-auth is optional or required")
	case c.TLSCert != "" && c.Bind == "" && c.RESP == "":
		return s.together("tls-cert", "is of no use while bind and resp are off")
	case c.UnixAuth && c.Unix == "":
		return s.together("unix-auth", "is of no use without unix")
	case c.Pprof != "" && !Local(c.Pprof):
		return s.together("pprof", "is for this machine only, such as 127.0.0.1:6060: profiles show what is in memory")
	}
	if err := s.checkMemory(); err != nil {
		return err
	}
	if name, address := c.Exposed(); name != "" && c.TLSCert == "" && !c.Insecure {
		return fmt.Errorf("%w\n  set tls-cert and tls-key, or bind to 127.0.0.1; --insecure serves %s all the same",
			s.together(name, "is reached by other machines, and without TLS they would send passwords and data in the clear"), address)
	}
	return nil
}

// checkMemory returns an error if the longest requests would not fit into what connections may take.
func (s *Settings) checkMemory() error {
	least := server.LeastMemory(s.Server.MaxConnections, int(s.Server.MaxFrame))
	if s.Server.MaxMemory >= least {
		return nil
	}
	const unit = 1 << 20
	least = (least + unit - 1) / unit * unit
	return s.together("max-memory", fmt.Sprintf("is too little for max-frame (%s) and max-connections (%s), which need %s or more",
		s.find("max-frame"), s.find("max-connections"), formatSize(least)))
}

// together returns an error about a setting and what others say.
func (s *Settings) together(name, what string) error {
	return fmt.Errorf("%s (%v) %s", name, s.find(name), what)
}
