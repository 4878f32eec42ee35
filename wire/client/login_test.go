package client

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

// scramServer has one user, ada, with the password hunter2.
func scramServer(t *testing.T) *scram.Server {
	user, err := scram.SHA256.NewClient("ada", "hunter2", "")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := user.GetStoredCredentialsWithError(scram.KeyFactors{Salt: "0123456789abcdef", Iters: 4096})
	if err != nil {
		t.Fatal(err)
	}
	s, err := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
		if name != "ada" {
			return scram.StoredCredentials{}, errors.New("no such user")
		}
		return stored, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// login is hello for a server that requires a login. tamper changes what the server says.
func (p *peer) login(s *scram.Server, tamper func(string) string) {
	var preface [wire.PrefaceBytes]byte
	if _, err := io.ReadFull(p.nc, preface[:]); err != nil {
		return
	}
	hello := p.expect(wire.TypeHello)
	p.nc.Write(wire.AppendPreface(nil))
	p.ok(hello, &wire.HelloReply{Auth: true, Mechanisms: []string{wire.ScramSHA256}})
	conversation := s.NewConversation()
	for mechanism := wire.ScramSHA256; !conversation.Done(); mechanism = "" { // the first step alone names it
		f := p.next()
		if f.Type == 0 {
			return
		}
		var step wire.Auth
		if err := step.Decode(f.Body); err != nil || f.Type != wire.TypeAuth || step.Mechanism != mechanism {
			p.f.t.Errorf("%v %+v, %v", f.Type, step, err)
		}
		if bytes.Contains(step.Data, []byte("hunter2")) {
			p.f.t.Error("the password is sent")
		}
		answer, err := conversation.Step(string(step.Data))
		if err != nil {
			p.refuse(f, wire.ErrAuthFailed, "the login failed")
			return
		}
		p.ok(f, &wire.Auth{Data: []byte(tamper(answer)), Done: conversation.Done()})
	}
	p.echo()
}

func honest(s string) string { return s }

func TestLogins(t *testing.T) {
	server := scramServer(t)
	asks := func(password string, err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return password, err }
	}
	own := errors.New("the user gave up")
	for name, c := range map[string]struct {
		url    string
		o      Options
		tamper func(string) string
		want   error
		says   string
	}{
		"in the URL":       {"middb://ada:hunter2@a", Options{}, honest, nil, ""},
		"asked for":        {"middb://ada@a", Options{Password: asks("hunter2", nil)}, honest, nil, ""},
		"nobody to ask":    {"middb://ada@a", Options{Password: asks("", own)}, honest, own, ""},
		"no user":          {"middb://a", Options{}, honest, wire.ErrAuthRequired, "names no user"},
		"no password":      {"middb://ada@a", Options{}, honest, wire.ErrAuthRequired, "user ada has no password"},
		"a wrong password": {"middb://ada:hunter3@a", Options{}, honest, wire.ErrAuthFailed, "the login failed"},
		"an unknown user":  {"middb://bob:hunter2@a", Options{}, honest, wire.ErrAuthFailed, ""},
		"unprintable":      {"middb://ada:hunter2%00@a", Options{}, honest, wire.ErrAuthFailed, "characters that none may have"},
		"endless work": {"middb://ada:hunter2@a", Options{}, func(s string) string {
			return strings.Replace(s, "i=4096", "i=2000000000", 1)
		}, wire.ErrAuthFailed, "2000000000 iterations"},
		"too little work": {"middb://ada:hunter2@a", Options{}, func(s string) string {
			return strings.Replace(s, "i=4096", "i=1", 1)
		}, wire.ErrAuthFailed, "login as ada at a:7878"},
		"a server that does not know the password": {"middb://ada:hunter2@a", Options{}, func(s string) string {
			if strings.HasPrefix(s, "v=") {
				return "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
			}
			return s
		}, wire.ErrAuthFailed, "login as ada at a:7878"},
		"nonsense": {"middb://ada:hunter2@a", Options{}, func(string) string { return "nonsense" }, wire.ErrAuthFailed, "login as ada"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.serve("a:7878", func(p *peer) { p.login(server, c.tamper) })
				var log bytes.Buffer
				c.o.Logger = slog.New(slog.NewTextHandler(&log, nil))
				cl, err := f.tryOpen(c.url, c.o)
				if err == nil {
					gets(t, cl, "k", "k")
					cl.Close()
				}
				if c.want == nil && err != nil {
					t.Error(err)
				}
				if c.want != nil && (!errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says)) {
					t.Errorf("got %v, want %v with %q", err, c.want, c.says)
				}
				for _, text := range []string{log.String(), fmt.Sprint(err), fmt.Sprintf("%+v", err)} {
					if strings.Contains(text, "hunter") {
						t.Errorf("it shows the password: %s", text)
					}
				}
			})
		})
	}
}

// A certificate and its key, PEM, signed by an authority or by itself.
type issued struct {
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
	pem, priv []byte
}

func issue(t *testing.T, name string, by *issued) *issued {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: by == nil, BasicConstraintsValid: true,
	}
	signer := &issued{cert: c, key: k}
	if by != nil {
		signer = by
	}
	der, err := x509.CreateCertificate(rand.Reader, c, signer.cert, &k.PublicKey, signer.key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{
		c, k, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func TestTLS(t *testing.T) {
	ca, stranger := issue(t, "ca", nil), issue(t, "stranger", nil)
	server, user := issue(t, "db.example", ca), issue(t, "ada", ca)
	pair, err := tls.X509KeyPair(server.pem, server.priv)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	fsys := vfs.NewMem()
	for name, content := range map[string][]byte{
		"/ca": ca.pem, "/stranger": stranger.pem, "/user": user.pem, "/key": user.priv, "/empty": nil, "/other-key": server.priv,
	} {
		f, err := fsys.Create(name)
		if err == nil {
			_, err = f.WriteAt(content, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	for query, says := range map[string]string{
		"tls=require":                        "",
		"tls=require&ca=/ca":                 "",
		"tls=require&ca=/stranger":           "signed by unknown authority",
		"ca=/ca":                             "IP SANs",
		"ca=/ca&server_name=db.example":      "",
		"server_name=db.example":             "signed by unknown authority",
		"ca=/stranger&server_name=db.exampl": "certificate",
		"tls=require&cert=/user&key=/key":    "",
		"ca=/empty":                          "/empty holds no certificate",
		"ca=/nothing":                        "/nothing",
		"cert=/user&key=/other-key":          "private key",
		"tls=disable":                        "the server closed the connection",
	} {
		t.Run(query, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				nc, err := l.Accept()
				if err != nil {
					return
				}
				defer nc.Close()
				c := tls.Server(nc, &tls.Config{
					Certificates: []tls.Certificate{pair}, ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool,
				})
				if err := c.Handshake(); err != nil {
					return
				}
				if strings.Contains(query, "cert=") && c.ConnectionState().PeerCertificates[0].Subject.CommonName != "ada" {
					t.Error("the client has no certificate")
				}
				echoServer(&peer{f: &fake{t: t}, nc: c, r: wire.NewFrameReader(c, wire.DefaultMaxFrame)})
			}()
			cl, err := Open(t.Context(), "middb://"+l.Addr().String()+"?"+query, Options{FS: fsys})
			if err == nil {
				gets(t, cl, "k", "k")
				cl.Close()
			}
			l.Close()
			<-served
			if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want %q in it", err, says)
			}
		})
	}
}

func TestTLSWithAServerThatHasNone(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.serve("a:7878", func(p *peer) {
			p.nc.Read(make([]byte, 4096))
			p.nc.Write([]byte("middb: this port speaks the middb protocol\n"))
		})
		_, err := f.tryOpen("middb://a?tls=1", Options{})
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != wire.ErrConnection || !strings.Contains(e.Hint, "tls=disable") || e.Retry {
			t.Errorf("%v: %+v", err, e)
		}
	})
}

// TestOverARealSocket checks that the default dialer works, and that a refused connection is told in few words.
func TestOverARealSocket(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t}
	served := make(chan struct{})
	go func() {
		defer close(served)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		echoServer(&peer{f: f, nc: nc, r: wire.NewFrameReader(nc, wire.DefaultMaxFrame)})
		nc.Close()
	}()
	c, err := Open(t.Context(), "middb://"+l.Addr().String(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	gets(t, c, "k", "k")
	c.Close()
	<-served
	l.Close()
	_, err = Open(t.Context(), "middb://"+l.Addr().String(), Options{})
	wants(t, err, wire.ErrConnection)
	if want := "cannot connect to " + l.Addr().String() + ": connect: connection refused"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
