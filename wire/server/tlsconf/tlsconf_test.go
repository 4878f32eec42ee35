package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// A signed is a certificate with its key.
type signed struct {
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
	pem, kPEM []byte
}

// sign makes a certificate for a name, signed by an authority; nil: by itself, as an authority.
func sign(t testing.TB, name string, by *signed) *signed {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(10, 0, 0), DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, parentKey := tmpl, key
	if by != nil {
		parent, parentKey = by.cert, by.key
	} else {
		tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &signed{
		cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	}
}

// files is a file system of a few files.
type files struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (f *files) read(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if text, ok := f.m[name]; ok {
		return text, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (f *files) set(m map[string][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.m, m)
}

// shake makes a handshake and returns what the server and the client know after it.
func shake(server *tls.Config, client *tls.Config) (onServer, onClient tls.ConnectionState, err error) {
	// Not net.Pipe: on it both sides may write, and wait for each other.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return onServer, onClient, err
	}
	defer l.Close()
	b, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return onServer, onClient, err
	}
	defer b.Close()
	a, err := l.Accept()
	if err != nil {
		return onServer, onClient, err
	}
	defer a.Close()
	client = client.Clone()
	client.Time = func() time.Time { return noon }
	s, c := tls.Server(a, server), tls.Client(b, client)
	failed := make(chan error, 1)
	go func() {
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("x"))
		}
		if err != nil {
			a.Close()
		}
		failed <- err
	}()
	// With TLS 1.3 a server refuses a client's certificate after the client has finished.
	if _, err = c.Read(make([]byte, 1)); err != nil {
		b.Close()
	}
	if serverErr := <-failed; serverErr != nil {
		err = serverErr
	}
	return s.ConnectionState(), c.ConnectionState(), err
}

// trusting returns a client's configuration that trusts an authority and shows certificates.
func trusting(ca *signed, show ...*signed) *tls.Config {
	out := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "db.example"}
	out.RootCAs.AddCert(ca.cert)
	for _, s := range show {
		out.Certificates = append(out.Certificates, tls.Certificate{Certificate: [][]byte{s.cert.Raw}, PrivateKey: s.key})
	}
	return out
}

func TestClientCertificates(t *testing.T) {
	ca, other := sign(t, "ca", nil), sign(t, "other", nil)
	server, ada, eve := sign(t, "db.example", ca), sign(t, "ada", ca), sign(t, "ada", other)
	f := &files{m: map[string][]byte{"crt": server.pem, "key": server.kPEM, "ca": ca.pem}}
	for _, c := range []struct {
		mode ClientAuth
		show []*signed
		ok   bool
		name string
	}{
		{ClientAuthNone, nil, true, ""},
		{ClientAuthNone, []*signed{ada}, true, ""}, // not asked, so not shown
		{ClientAuthOptional, nil, true, ""},
		{ClientAuthOptional, []*signed{ada}, true, "ada"},
		{ClientAuthOptional, []*signed{eve}, false, ""},
		{ClientAuthRequired, nil, false, ""},
		{ClientAuthRequired, []*signed{ada}, true, "ada"},
		{ClientAuthRequired, []*signed{eve}, false, ""},
	} {
		r, err := Load(Files{Cert: "crt", Key: "key", ClientCA: "ca", ClientAuth: c.mode}, f.read)
		if err != nil {
			t.Fatal(err)
		}
		client := trusting(ca, c.show...)
		// Show it whatever authorities the server names.
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(client.Certificates) == 0 {
				return &tls.Certificate{}, nil
			}
			return &client.Certificates[0], nil
		}
		onServer, _, err := shake(r.Config(), client)
		if (err == nil) != c.ok {
			t.Errorf("%v, %d shown: %v", c.mode, len(c.show), err)
		}
		if err == nil && PeerName(onServer) != c.name {
			t.Errorf("%v: the client is %q, want %q", c.mode, PeerName(onServer), c.name)
		}
	}
}

func TestOldProtocolsAreRefused(t *testing.T) {
	ca := sign(t, "ca", nil)
	server := sign(t, "db.example", ca)
	f := &files{m: map[string][]byte{"crt": server.pem, "key": server.kPEM}}
	for _, c := range []struct{ least, client, want uint16 }{
		{0, tls.VersionTLS11, 0},
		{0, tls.VersionTLS12, tls.VersionTLS12},
		{0, tls.VersionTLS13, tls.VersionTLS13},
		{tls.VersionTLS10, tls.VersionTLS11, 0},
		{tls.VersionTLS13, tls.VersionTLS12, 0},
		{tls.VersionTLS13, tls.VersionTLS13, tls.VersionTLS13},
	} {
		r, err := Load(Files{Cert: "crt", Key: "key", MinVersion: c.least}, f.read)
		if err != nil {
			t.Fatal(err)
		}
		client := trusting(ca)
		client.MinVersion, client.MaxVersion = tls.VersionTLS10, c.client
		_, onClient, err := shake(r.Config(), client)
		if err != nil {
			onClient.Version = 0
		}
		if onClient.Version != c.want {
			t.Errorf("%+v: %x, %v", c, onClient.Version, err)
		}
	}
}

func TestReloadKeepsTheOldWhenTheNewIsBad(t *testing.T) {
	ca := sign(t, "ca", nil)
	first, second := sign(t, "db.example", ca), sign(t, "db.example", ca)
	f := &files{m: map[string][]byte{"crt": first.pem, "key": first.kPEM, "ca": ca.pem}}
	r, err := Load(Files{Cert: "crt", Key: "key", ClientCA: "ca", ClientAuth: ClientAuthOptional}, f.read)
	if err != nil {
		t.Fatal(err)
	}
	config := r.Config()
	serves := func(want *signed) {
		t.Helper()
		_, onClient, err := shake(config, trusting(ca))
		if err != nil || !onClient.PeerCertificates[0].Equal(want.cert) || !r.Certificate().Equal(want.cert) {
			t.Errorf("it serves another certificate, %v", err)
		}
	}
	serves(first)
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	for _, c := range []struct {
		change map[string][]byte
		want   string // part of the error
	}{
		{map[string][]byte{"crt": second.pem}, "crt and key: tls: private key does not match"},
		{map[string][]byte{"crt": nil}, "crt: there is no certificate in PEM form"},
		{map[string][]byte{"crt": second.kPEM}, "crt: there is no certificate in PEM form"},
		{map[string][]byte{"crt": broken}, "crt: certificate 1 in it"},
		{map[string][]byte{"key": []byte("noise")}, "key: there is no private key"},
		{map[string][]byte{"key": encrypted}, "passphrase"},
		{map[string][]byte{"ca": []byte("noise")}, "ca: there is no certificate"},
		{map[string][]byte{"ca": append(ca.pem[:len(ca.pem):len(ca.pem)], broken...)}, "ca: certificate 2 in it"},
	} {
		f.set(c.change)
		if changed, err := r.Reload(); changed || !errors.Is(err, ErrFiles) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("got %v, %v, want %s", changed, err, c.want)
		}
		serves(first)
		f.set(map[string][]byte{"crt": first.pem, "key": first.kPEM, "ca": ca.pem})
	}
	if changed, err := r.Reload(); changed || err != nil {
		t.Errorf("nothing changed, but: %v, %v", changed, err)
	}
	f.set(map[string][]byte{"crt": second.pem, "key": second.kPEM})
	if changed, err := r.Reload(); !changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
	serves(second)
}

func TestLoadNamesWhatIsMissing(t *testing.T) {
	ca := sign(t, "ca", nil)
	f := &files{m: map[string][]byte{"crt": ca.pem, "key": ca.kPEM}}
	if _, err := Load(Files{Cert: "crt", Key: "nowhere"}, f.read); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
		t.Error(err)
	}
	_, err := Load(Files{Cert: "crt", Key: "key", ClientAuth: ClientAuthRequired}, f.read)
	if !errors.Is(err, ErrFiles) || !strings.Contains(err.Error(), "required") {
		t.Error(err)
	}
}

// A session that began before a reload is not resumed after it: the authority of the client may be gone.
func TestReloadEndsSessions(t *testing.T) {
	ca, next := sign(t, "ca", nil), sign(t, "next", nil)
	server, ada := sign(t, "db.example", ca), sign(t, "ada", ca)
	f := &files{m: map[string][]byte{"crt": server.pem, "key": server.kPEM, "ca": ca.pem}}
	r, err := Load(Files{Cert: "crt", Key: "key", ClientCA: "ca", ClientAuth: ClientAuthRequired}, f.read)
	if err != nil {
		t.Fatal(err)
	}
	config, client := r.Config(), trusting(ca, ada)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for _, resumed := range []bool{false, true} {
		onServer, _, err := shake(config, client)
		if err != nil || onServer.DidResume != resumed || PeerName(onServer) != "ada" {
			t.Fatalf("resumed %v, %q, %v", onServer.DidResume, PeerName(onServer), err)
		}
	}
	f.set(map[string][]byte{"ca": next.pem})
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if onServer, _, err := shake(config, client); err == nil {
		t.Errorf("a client whose authority is gone gets in: resumed %v", onServer.DidResume)
	}
}

func TestReloadsAndHandshakesAtOnce(t *testing.T) {
	ca := sign(t, "ca", nil)
	pairs := []*signed{sign(t, "db.example", ca), sign(t, "db.example", ca)}
	f := &files{m: map[string][]byte{"crt": pairs[0].pem, "key": pairs[0].kPEM}}
	r, err := Load(Files{Cert: "crt", Key: "key"}, f.read)
	if err != nil {
		t.Fatal(err)
	}
	config := r.Config()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 50 {
			f.set(map[string][]byte{"crt": pairs[i%2].pem, "key": pairs[i%2].kPEM})
			if _, err := r.Reload(); err != nil {
				t.Error(err)
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 20 {
				if _, _, err := shake(config, trusting(ca)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestValidity(t *testing.T) {
	cert := sign(t, "x", nil).cert // from a year ago to in ten years
	for days, want := range map[int]string{-366: "is not valid before", 0: "", 3640: "will expire at", 3660: "has expired at"} {
		if got := Validity(cert, noon.AddDate(0, 0, days)); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("day %d: %q, want %q", days, got, want)
		}
	}
}

func TestClientAuthNames(t *testing.T) {
	for _, c := range []ClientAuth{ClientAuthNone, ClientAuthOptional, ClientAuthRequired} {
		if got, err := ParseClientAuth(c.String()); got != c || err != nil {
			t.Error(got, err)
		}
	}
	if _, err := ParseClientAuth("maybe"); err == nil {
		t.Error("maybe is a way")
	}
}
