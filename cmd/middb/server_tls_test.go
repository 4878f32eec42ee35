package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// An authority signs certificates for tests.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newAuthority makes one, whose certificate is in the file NAME.crt.
func newAuthority(t *testing.T, dir, name string) *authority {
	a := &authority{t: t, dir: dir}
	a.cert, a.key = a.issue(name)
	return a
}

// issue writes NAME.crt and NAME.key.
func (a *authority) issue(name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	now := time.Now()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{"crt": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(a.dir, name+"."+suffix), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// config is that of a client that trusts the authority and shows the certificate NAME, if there is a name.
func (a *authority) config(name string) *tls.Config {
	a.t.Helper()
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	c.RootCAs.AddCert(a.cert)
	if name != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(a.dir, name+".crt"), filepath.Join(a.dir, name+".key"))
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	addUser(t, dir, "root", "--role", "admin")
	ca := newAuthority(t, dir, "ca")
	ca.issue("server")
	ca.issue("root")
	ca.issue("stranger")
	s := startServer(t, dir, "--bind", "127.0.0.1:0", "--resp", "127.0.0.1:0", "--tls-cert", "server.crt", "--tls-key", "server.key",
		"--tls-client-ca", "ca.crt", "--tls-client-auth", "optional")
	try := func(user, cert string) error {
		c, err := client.Open(t.Context(), "middb://"+user+s.at["bind"], client.Options{Attempts: 1, TLS: ca.config(cert)})
		if err == nil {
			defer c.Close()
			err = c.Put(t.Context(), []byte("a"), []byte("1"))
		}
		return err
	}
	for _, c := range []struct {
		user, cert string
		want       error
	}{
		{"root:pw@", "", nil},
		{"root:wrong@", "", wire.ErrAuthFailed},
		{"", "root", nil}, // the certificate is the login
		{"", "stranger", wire.ErrAuthRequired},
		{"root:pw@", "stranger", nil},
	} {
		if err := try(c.user, c.cert); !errors.Is(err, c.want) {
			t.Errorf("%q with %q: %v", c.user, c.cert, err)
		}
	}
	if _, err := open(t, "middb://root:pw@"+s.at["bind"]); err == nil {
		t.Error("it speaks without TLS")
	}
	rc, err := tls.Dial("tcp", s.at["resp"], ca.config("root"))
	if err != nil {
		t.Fatal(err)
	}
	defer rc.Close()
	if got := redis(t, rc, "APPEND a 2"); got != ":2" {
		t.Errorf("RESP: %s", got)
	}

	// Whatever talks to a server has the same flags for that.
	for _, args := range []string{"put a 1", "get a", "scan", "stats", "compact", "user list", "client -c ping", "top -n 1"} {
		cmd := command(dir, append(strings.Fields(args), "--server", s.at["bind"], "--tls", "verify-full", "--ca", "ca.crt", "--cert", "root.crt", "--key", "root.key")...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v, %s", args, err, out)
		}
	}

	serial := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", s.at["bind"], ca.config(""))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	if err := os.WriteFile(filepath.Join(dir, "server.key"), []byte("noise"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.signal(syscall.SIGHUP)
	if line := s.await("stay in use"); !strings.Contains(line, "server.key: there is no private key") {
		t.Error(line)
	}
	if serial() != first {
		t.Error("a bad key was taken")
	}
	ca.issue("server")
	s.signal(syscall.SIGHUP)
	s.await("new certificates are in use")
	if serial() == first {
		t.Error("the new certificate is not in use")
	}
	s.stop()
}

func TestServerOthersReachIsRefusedUnlessItIsSafe(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t, dir, "server")
	secure := []string{"--tls-cert", "server.crt", "--tls-key", "server.key"}
	for _, at := range []string{"--bind=0.0.0.0:0", "--bind=:0", "--resp=0.0.0.0:0"} {
		_, errs, code := middb(t, dir, "", "server", "--data-dir", "db", at)
		if code != exitUsage || !strings.Contains(errs, "set tls-cert and tls-key, or bind to 127.0.0.1; --insecure") {
			t.Errorf("%s without TLS: exit code %d, %s", at, code, errs)
		}
		_, errs, code = middb(t, dir, "", append([]string{"server", "--data-dir", "db", at}, secure...)...)
		if code != exitUsage || !strings.Contains(errs, "middb user add NAME --data-dir db --role admin makes the first one") {
			t.Errorf("%s without users: exit code %d, %s", at, code, errs)
		}
	}
	startServer(t, dir, "--bind=0.0.0.0:0", "--insecure").stop()
	addUser(t, dir, "root", "--role", "admin")
	startServer(t, dir, append(secure, "--bind=0.0.0.0:0")...).stop()
}
