package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	"github.com/middb/middb/vfs"
	"github.com/middb/middb/wire"
)

// Options say what a URL cannot. The zero value is the default.
type Options struct {
	// Password returns the password of the user, at each login. Default: the one in the URL.
	Password func(ctx context.Context) (string, error)
	// TLS is used as it is given, in place of what the URL says of TLS. A server name is added where it has none.
	TLS *tls.Config
	// Dial makes network connections. Default: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// FS is where the files of certificates that the URL names are read from. Default: vfs.OS.
	FS vfs.FS
	// Logger gets what an operator should know: connections lost and made again. Default: nothing is logged.
	Logger *slog.Logger
	// Random is where the jitter of pauses comes from. It is called by one goroutine at a time. Default: a source
	// with a random seed.
	Random rand.Source
	// Name is how the server's list of sessions calls this client. Default: middb-go.
	Name string

	// Timeout is how long a call may take whose context has no deadline, reconnecting included; of Cursor how long
	// each of its steps. Flush, Compact and feeds take as long as they take. Default: the URL's, or 30 s. Negative:
	// as long as it takes.
	Timeout time.Duration
	// ConnectTimeout is how long it may take to connect to one server and to log in. Default 5 s.
	ConnectTimeout time.Duration
	// Attempts is how often a call that may be repeated is tried while connections fail. A feed goes on as long as
	// its context, unless this is given. Default 8, which takes about 5 s.
	Attempts int
	// Connections is the most that are open at a time. Default: the URL's pool, or 4.
	Connections int
	// Durability is what writes get that do not say. Default: the URL's, or that of the server.
	Durability Durability
}

// Durability says when a write is answered.
type Durability = wire.Durability

// The durabilities: see package engine.
const (
	Sync   = wire.Sync   // once it is on disk
	NoSync = wire.NoSync // once it is visible
)

const (
	defaultTimeout        = 30 * time.Second
	defaultConnectTimeout = 5 * time.Second
	defaultAttempts       = 8
	defaultConnections    = 4
)

// settings are what a Client works by: a URL and options, checked and complete.
type settings struct {
	*target
	Options
	feedAttempts int // 0: without end
}

func newSettings(url string, o Options) (*settings, error) {
	t, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	s := &settings{target: t, Options: o, feedAttempts: o.Attempts}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"ConnectTimeout", int64(o.ConnectTimeout)}, {"Attempts", int64(o.Attempts)}, {"Connections", int64(o.Connections)},
	} {
		if n.value < 0 {
			return nil, wire.Errorf(wire.ErrInvalidArgument, "Options.%s is negative", n.name)
		}
	}
	if s.Timeout == 0 {
		s.Timeout = firstOf(t.timeout, defaultTimeout)
	}
	s.Connections = firstOf(s.Connections, t.connections, defaultConnections)
	s.Durability = firstOf(s.Durability, t.durability)
	s.ConnectTimeout = firstOf(s.ConnectTimeout, defaultConnectTimeout)
	s.Attempts = firstOf(s.Attempts, defaultAttempts)
	s.Name = firstOf(s.Name, "middb-go")
	if s.Dial == nil {
		s.Dial = new(net.Dialer).DialContext
	}
	if s.FS == nil {
		s.FS = vfs.OS
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Random == nil {
		s.Random = rand.NewPCG(rand.Uint64(), rand.Uint64())
	}
	if s.Password == nil {
		s.Password = func(context.Context) (string, error) {
			if !t.hasPassword {
				return "", wire.Errorf(wire.ErrAuthRequired, "user %s has no password here", t.user)
			}
			return t.password, nil
		}
	}
	if s.TLS == nil {
		if s.TLS, err = t.security.config(s.FS); err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
	}
	return s, nil
}

// firstOf returns the first value that is not zero.
func firstOf[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}
