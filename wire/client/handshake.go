package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/xdg-go/scram"

	"github.com/middb/middb/wire"
)

const (
	// loginFrame bounds the frames of a login.
	loginFrame = 64 << 10
	// maxFrame bounds what a server may announce as the largest frame.
	maxFrame = 1 << 30
	// maxIterations bounds how much work a server can make a login cost: about a second.
	maxIterations = 1 << 21
)

// connect makes a connection and logs in.
func (p *pool) connect(ctx context.Context, at *place) (*conn, error) {
	nc, err := p.s.Dial(ctx, at.network, at.where)
	if err != nil {
		return nil, failed(wire.ErrConnection, plain(ctx, err), "cannot connect to %v", at)
	}
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) }) //nolint:errcheck // the connection fails then, too
	defer stop()
	c, err := p.shakeHands(ctx, nc, at)
	if err == nil && !stop() {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = c.nc.SetDeadline(time.Time{})
	}
	if err == nil {
		return c, nil
	}
	nc.Close()
	var w *wire.Error
	if errors.As(err, &w) {
		return nil, err
	}
	f := failed(wire.ErrConnection, plain(ctx, err), "cannot log in at %v", at)
	if errors.Is(err, io.EOF) && p.s.TLS == nil {
		f.err.Hint = "if the server uses TLS, say so: tls=verify-full"
	}
	return nil, f
}

// plain returns the part of a network error that is not said anyway.
func plain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (p *pool) shakeHands(ctx context.Context, nc net.Conn, at *place) (*conn, error) {
	if p.s.TLS != nil {
		secure, err := p.encrypt(ctx, nc, at)
		if err != nil {
			return nil, err
		}
		nc = secure
	}
	c := &conn{nc: nc, pool: p, place: at, wake: make(chan struct{}, 1), done: make(chan struct{}), calls: map[uint32]*call{}}
	hello := wire.Hello{Client: p.s.Name, Keyspace: p.s.keyspace, Notices: true}
	if p.s.compress {
		hello.Compress = []string{wire.Zlib}
	}
	out := wire.AppendPreface(nil)
	start := len(out)
	out = wire.EndFrame(hello.Append(wire.BeginFrame(out, wire.TypeHello, 0, 1)), start)
	if _, err := nc.Write(out); err != nil {
		return nil, err
	}
	if err := c.readPreface(); err != nil {
		return nil, err
	}
	c.reader = wire.NewFrameReader(c, loginFrame)
	body, err := c.firstReply(1)
	if err != nil {
		return nil, err
	}
	if err = c.hello.Decode(body); err != nil {
		return nil, err
	}
	if c.hello.Auth {
		if err = c.login(ctx); err != nil {
			return nil, err
		}
	}
	c.settle()
	return c, nil
}

// encrypt begins TLS.
func (p *pool) encrypt(ctx context.Context, nc net.Conn, at *place) (net.Conn, error) {
	config := p.s.TLS
	if config.ServerName == "" && !config.InsecureSkipVerify {
		config = config.Clone()
		config.ServerName = at.host()
	}
	secure := tls.Client(nc, config)
	err := secure.HandshakeContext(ctx)
	if err == nil {
		return secure, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	f := failed(wire.ErrConnection, err, "TLS with %v", at)
	var header tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &header):
		f.err.Retry, f.err.Hint = false, "the server may not use TLS: tls=disable"
	case errors.As(err, &certificate):
		f.err.Retry, f.err.Hint = false, "give the certificate of who signed the server's (ca), and the name that is in it (server_name)"
	}
	return nil, f
}

// readPreface reads what a server says first. One that speaks another protocol, or was told something that it does
// not understand, mostly says so in a line of text, which then is in the error.
func (c *conn) readPreface() error {
	var b [wire.PrefaceBytes]byte
	n, err := io.ReadFull(c, b[:])
	if err != nil && (n == 0 || !errors.Is(err, io.ErrUnexpectedEOF)) {
		return err
	}
	preface, err := wire.ParsePreface(b)
	if err != nil {
		rest := make([]byte, 200)
		m, _ := io.ReadFull(c, rest)
		e := wire.Errorf(wire.ErrProtocol, "%v does not speak the middb protocol", c.place)
		if line := printable(string(b[:n]) + string(rest[:m])); line != "" {
			e.Message += "; it says: " + line
		}
		e.Hint = "check the port; if the server uses TLS, say so: tls=verify-full"
		return e
	}
	return preface.Check()
}

// printable returns the first line of a text if it can be shown.
func printable(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.TrimSpace(line)
	if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ""
	}
	return line
}

// firstReply reads the reply to a request of the login.
func (c *conn) firstReply(id uint32) ([]byte, error) {
	for {
		f, err := c.reader.Next()
		switch {
		case err != nil:
			return nil, err
		case f.Type == wire.TypeNotice && f.ID == 0:
			continue
		case f.Type == wire.TypeError && (f.ID == id || f.ID == 0):
			return nil, decodeError(f.Body)
		case f.Type != wire.TypeOK || f.ID != id:
			return nil, violation("%v for request %d during the login", f.Type, f.ID)
		}
		return f.Body, nil
	}
}

// login proves that the client knows the password, and that the server does, without sending it.
func (c *conn) login(ctx context.Context) error {
	s := c.pool.s
	if s.user == "" {
		return wire.Errorf(wire.ErrAuthRequired, "%v requires a login, and the URL names no user", c.place)
	}
	password, err := s.Password(ctx)
	if err != nil {
		return err
	}
	user, err := scram.SHA256.NewClient(s.user, password, "")
	if err != nil {
		return wire.Errorf(wire.ErrAuthFailed, "the name or password of user %s has characters that none may have", s.user)
	}
	conversation := user.NewConversation()
	challenge := ""
	for id := uint32(2); ; id++ {
		if err = checkIterations(challenge); err != nil {
			return err
		}
		data, err := conversation.Step(challenge)
		if err != nil {
			return wire.Errorf(wire.ErrAuthFailed, "login as %s at %v: %v", s.user, c.place, err)
		}
		if conversation.Done() {
			return nil
		}
		step := wire.Auth{Data: []byte(data)}
		if challenge == "" {
			step.Mechanism = wire.ScramSHA256
		}
		frame := wire.EndFrame(step.Append(wire.BeginFrame(nil, wire.TypeAuth, 0, id)), 0)
		if _, err = c.nc.Write(frame); err != nil {
			return err
		}
		body, err := c.firstReply(id)
		if err != nil {
			return err
		}
		var reply wire.Auth
		if err = reply.Decode(body); err != nil {
			return err
		}
		challenge = string(reply.Data)
	}
}

// checkIterations refuses a server that would have a login compute for ever.
func checkIterations(challenge string) error {
	for field := range strings.SplitSeq(challenge, ",") {
		if count, ok := strings.CutPrefix(field, "i="); ok {
			if n, err := strconv.Atoi(count); err != nil || n > maxIterations {
				return wire.Errorf(wire.ErrAuthFailed, "the server asks for %s iterations of the password's hash", count)
			}
		}
	}
	return nil
}

// settle makes the limits those that the server has announced.
func (c *conn) settle() {
	l := &c.hello.Limits
	if l.Frame == 0 {
		l.Frame = wire.DefaultMaxFrame
	}
	l.Frame = min(l.Frame, maxFrame)
	c.reader.SetLimit(int(l.Frame))
	if l.InFlight == 0 {
		l.InFlight = 128
	}
	// The rest is for requests that must not wait: CANCEL and FETCH.
	c.inFlight = int(max(1, min(l.InFlight, 1<<20)*7/8))
	if l.Txns == 0 {
		l.Txns = 1 << 20
	}
	if l.Cursors == 0 {
		l.Cursors = 1 << 20
	}
	if c.hello.Compress == wire.Zlib {
		c.reader.AllowCompression()
		c.deflate = new(sync.Pool)
	}
	c.lastID = 16 // above those of the login
}
