package tlsconf

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// ClientAuth says what a server wants to see of its clients' certificates.
type ClientAuth uint8

// The ways to treat clients' certificates. A certificate that does not verify is refused in each but the first.
const (
	ClientAuthNone     ClientAuth = iota // none is asked for
	ClientAuthOptional                   // who has one shows it; others log in otherwise
	ClientAuthRequired                   // without one there is no connection
)

var clientAuthNames = []string{"none", "optional", "required"}

// String returns the name of the way.
func (c ClientAuth) String() string {
	if int(c) < len(clientAuthNames) {
		return clientAuthNames[c]
	}
	return fmt.Sprintf("client auth %d", uint8(c))
}

// ParseClientAuth returns the way with a name.
func ParseClientAuth(name string) (ClientAuth, error) {
	if i := slices.Index(clientAuthNames, name); i >= 0 {
		return ClientAuth(i), nil
	}
	return 0, fmt.Errorf("%q is not none, optional or required", name)
}

// Files say what a configuration is made of. All files are PEM.
type Files struct {
	Cert       string // the server's certificate, and what is between it and the root
	Key        string // its private key
	ClientCA   string // certificates of the authorities that sign clients' certificates; empty: none
	ClientAuth ClientAuth
	MinVersion uint16 // tls.VersionTLS12 or later; 0: that
}

// ErrFiles is matched by the errors of Load and Reload.
var ErrFiles = errors.New("TLS cannot be set up")

// A Reloader holds the configuration that is in force. Safe for concurrent use.
type Reloader struct {
	files    Files
	readFile func(name string) ([]byte, error)

	loading sync.Mutex
	current atomic.Pointer[loaded]
}

// loaded is a configuration and what it was made of.
type loaded struct {
	cert, key, clientCA []byte
	config              *tls.Config
	leaf                *x509.Certificate
}

// Load reads the files. Its errors match ErrFiles and name the file and what is wrong with it.
func Load(files Files, readFile func(name string) ([]byte, error)) (*Reloader, error) {
	r := &Reloader{files: files, readFile: readFile}
	if _, err := r.Reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Reload reads the files again and uses them for connections from now on; changed is false if they are what
// they were. After an error, which is like Load's, the server goes on with what it had.
func (r *Reloader) Reload() (changed bool, err error) {
	r.loading.Lock()
	defer r.loading.Unlock()
	next, err := r.load()
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrFiles, err)
	}
	if now := r.current.Load(); now != nil && now.sameFiles(next) {
		return false, nil
	}
	r.current.Store(next)
	return true, nil
}

func (l *loaded) sameFiles(o *loaded) bool {
	return bytes.Equal(l.cert, o.cert) && bytes.Equal(l.key, o.key) && bytes.Equal(l.clientCA, o.clientCA)
}

func (r *Reloader) load() (*loaded, error) {
	var l loaded
	for _, f := range []struct {
		name string
		into *[]byte
	}{{r.files.Cert, &l.cert}, {r.files.Key, &l.key}, {r.files.ClientCA, &l.clientCA}} {
		if f.name == "" {
			continue
		}
		var err error
		if *f.into, err = r.readFile(f.name); err != nil {
			return nil, err
		}
	}
	pair, err := tls.X509KeyPair(l.cert, l.key)
	if err != nil {
		return nil, r.blame(l.cert, l.key, err)
	}
	l.leaf = pair.Leaf
	l.config = &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   max(r.files.MinVersion, tls.VersionTLS12),
	}
	if r.files.ClientCA != "" {
		l.config.ClientCAs = x509.NewCertPool()
		if err := addCertificates(l.config.ClientCAs, l.clientCA); err != nil {
			return nil, fmt.Errorf("%s: %w", r.files.ClientCA, err)
		}
	}
	switch r.files.ClientAuth {
	case ClientAuthNone:
	case ClientAuthOptional:
		l.config.ClientAuth = tls.VerifyClientCertIfGiven
	default:
		l.config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if r.files.ClientAuth != ClientAuthNone && l.config.ClientCAs == nil {
		return nil, fmt.Errorf("client certificates are %v, but no file of authorities is given to verify them with", r.files.ClientAuth)
	}
	return &l, nil
}

// blame says which of certificate and key an error of their pair is about.
func (r *Reloader) blame(cert, key []byte, err error) error {
	if certErr := addCertificates(x509.NewCertPool(), cert); certErr != nil {
		return fmt.Errorf("%s: %w", r.files.Cert, certErr)
	}
	switch {
	case hasBlock(key, "ENCRYPTED PRIVATE KEY"):
		return fmt.Errorf("%s: the private key needs a passphrase, which a server cannot type; openssl pkey writes it without", r.files.Key)
	case !hasBlock(key, "PRIVATE KEY"):
		return fmt.Errorf("%s: there is no private key in PEM form in it", r.files.Key)
	}
	return fmt.Errorf("%s and %s: %w", r.files.Cert, r.files.Key, err)
}

// hasBlock reports whether text has a PEM block of a type, or of one that ends with it, such as RSA PRIVATE KEY.
func hasBlock(text []byte, kind string) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, kind) {
			return true
		}
	}
	return false
}

// addCertificates adds every certificate in a PEM text, of which there must be one.
func addCertificates(pool *x509.CertPool, text []byte) error {
	n := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		n++
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("certificate %d in it: %w", n, err)
		}
		pool.AddCert(cert)
	}
	if n == 0 {
		return errors.New("there is no certificate in PEM form in it")
	}
	return nil
}

// Config returns a configuration for tls.Server whose every handshake uses what is in force then.
func (r *Reloader) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return r.current.Load().config, nil
		},
	}
}

// Certificate returns the server's certificate that is in force.
func (r *Reloader) Certificate() *x509.Certificate { return r.current.Load().leaf }

// Validity returns what is to be said of a certificate's time at the time now, or an empty string: it has not
// begun, is over, or will be in two weeks. A server uses such a certificate all the same, as clients decide
// whom they trust.
func Validity(cert *x509.Certificate, now time.Time) string {
	const soon = 14 * 24 * time.Hour
	switch {
	case now.Before(cert.NotBefore):
		return "is not valid before " + cert.NotBefore.UTC().Format(time.RFC3339)
	case now.After(cert.NotAfter):
		return "has expired at " + cert.NotAfter.UTC().Format(time.RFC3339)
	case now.Add(soon).After(cert.NotAfter):
		return "will expire at " + cert.NotAfter.UTC().Format(time.RFC3339)
	default:
		return ""
	}
}

// PeerName returns the common name of the certificate that a client has shown and that was verified, or an
// empty string. The handshake must be over.
func PeerName(state tls.ConnectionState) string {
	if !state.HandshakeComplete || len(state.VerifiedChains) == 0 {
		return ""
	}
	return state.VerifiedChains[0][0].Subject.CommonName
}
