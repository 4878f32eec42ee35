package client

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"strings"

	"github.com/middb/middb/vfs"
)

// The ways to use TLS.
const (
	tlsDisable    = "disable"     // not at all
	tlsRequire    = "require"     // without looking at the server's name or, without ca, its certificate
	tlsVerifyFull = "verify-full" // the certificate must be valid for the server's name
)

// A security is what a URL says of TLS.
type security struct {
	mode          string
	ca, cert, key string // files, PEM
	serverName    string
}

func parseTLS(value string) (string, error) {
	switch strings.ToLower(value) {
	case tlsDisable, "0", "false":
		return tlsDisable, nil
	case tlsRequire:
		return tlsRequire, nil
	case tlsVerifyFull, "1", "true":
		return tlsVerifyFull, nil
	default:
		return "", bad("parameter tls", "%s is none of disable, require and verify-full", value)
	}
}

// check completes what was said for a network: who names certificates wants them looked at.
func (s *security) check(network string) error {
	says := s.ca + s.cert + s.key + s.serverName
	switch {
	case s.mode == "" && says == "":
		s.mode = tlsDisable
	case s.mode == "":
		s.mode = tlsVerifyFull
	case s.mode == tlsDisable && says != "":
		return bad("parameter tls", "it is disable, which makes ca, cert, key and server_name useless")
	}
	if (s.cert == "") != (s.key == "") {
		return bad("parameters cert and key", "one is there without the other")
	}
	if network == "unix" && s.mode != tlsDisable {
		return bad("parameter tls", "on a Unix socket there is no TLS, which ca, cert, key and server_name ask for, too")
	}
	return nil
}

// config returns nil for connections without TLS.
func (s *security) config(fsys vfs.FS) (*tls.Config, error) {
	if s.mode == tlsDisable {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.serverName}
	if s.ca != "" {
		pem, err := readFile(fsys, s.ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", s.ca)
		}
	}
	if s.cert != "" {
		cert, err := readFile(fsys, s.cert)
		if err != nil {
			return nil, err
		}
		key, err := readFile(fsys, s.key)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("certificate %s with key %s: %w", s.cert, s.key, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if s.mode == tlsRequire {
		c.InsecureSkipVerify = true
		if roots := c.RootCAs; roots != nil {
			c.VerifyConnection = func(state tls.ConnectionState) error { return verifyChain(state, roots) }
		}
	}
	return c, nil
}

// verifyChain checks that a server's certificate is signed by one of roots, whatever name it is for.
func verifyChain(state tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, cert := range state.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(o)
	return err
}

func readFile(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := fsys.Stat(name)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, info.Size))
}
