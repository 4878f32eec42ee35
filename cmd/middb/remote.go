package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/middb/middb/wire"
	"github.com/middb/middb/wire/client"
)

// A remote is where a server is and who logs in, as the flags of a command say.
type remote struct {
	server        string
	user          string
	passwordStdin bool
	params        []*param
}

// A param is a flag that stands for a parameter of the URL.
type param struct{ name, value string }

// defaultServer is where middb server listens unless it is told otherwise.
const defaultServer = "localhost:" + client.DefaultPort

// flags adds the flags that all commands have that talk to servers.
func (r *remote) flags(cmd *cobra.Command, server string) {
	r.placeFlags(cmd, server)
	passwordFlag(cmd, &r.passwordStdin)
}

// placeFlags adds those of flags that leave standard input alone.
func (r *remote) placeFlags(cmd *cobra.Command, server string) {
	cmd.Flags().StringVar(&r.server, "server", server, "the server: HOST:PORT, the path of a Unix socket, or a URL such as\n"+
		"middb://HOST:PORT?tls=verify-full&ca=ca.pem")
	cmd.Flags().StringVar(&r.user, "user", "", "who logs in to it; the password is asked for, or taken from MIDDB_PASSWORD")
	r.tlsFlags(cmd)
}

// tlsFlags adds the flags that say how the connection is secured. A URL says it, too.
func (r *remote) tlsFlags(cmd *cobra.Command) {
	for _, f := range []struct{ flag, param, about string }{
		{"tls", "tls", "encrypt the connection: disable, require (without looking whose certificate it is) or verify-full"},
		{"ca", "ca", "file with the certificates of those who sign the server's, instead of the system's"},
		{"cert", "cert", "file with a certificate to log in with …"},
		{"key", "key", "… and file with its key"},
		{"server-name", "server_name", "the name in the server's certificate, if it is not the host's"},
	} {
		p := &param{name: f.param}
		r.params = append(r.params, p)
		cmd.Flags().StringVar(&p.value, f.flag, "", f.about)
	}
}

// unused returns an error if there are flags for a server and there is none.
func (r *remote) unused() error {
	tls := slices.ContainsFunc(r.params, func(p *param) bool { return p.value != "" })
	if r.server != "" || r.user == "" && !r.passwordStdin && !tls {
		return nil
	}
	return errors.New("--user, --password-stdin and the flags for TLS are for a server; name it with --server HOST:PORT")
}

// url returns what the flags say as a URL for package client.
func (r *remote) url() (string, error) {
	scheme, rest, isURL := strings.Cut(r.server, "://")
	if !isURL {
		scheme, rest = "middb", r.server
		if strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ".") {
			path, err := filepath.Abs(rest)
			if err != nil {
				return "", err
			}
			scheme, rest = "unix", (&url.URL{Path: path}).EscapedPath()
		}
	}
	if r.user != "" {
		if userOf(rest) != nil {
			return "", errors.New("two users: that of --user, and the one in the URL")
		}
		rest = url.User(r.user).String() + "@" + rest
	}
	for _, p := range r.params {
		if p.value != "" {
			mark := "?"
			if strings.Contains(rest, "?") {
				mark = "&"
			}
			rest += mark + p.name + "=" + url.QueryEscape(p.value)
		}
	}
	return scheme + "://" + rest, nil
}

// userOf returns the user, and perhaps the password, of a URL without its scheme, or nil.
func userOf(rest string) []string {
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return nil
	}
	return strings.SplitN(rest[:at], ":", 2)
}

// String returns where the server is, without who logs in.
func (r *remote) String() string {
	_, rest, isURL := strings.Cut(r.server, "://")
	if !isURL {
		rest = r.server
	}
	rest, _, _ = strings.Cut(rest, "?")
	if user := userOf(rest); user != nil {
		_, rest, _ = strings.Cut(rest[len(strings.Join(user, ":")):], "@")
	}
	return rest
}

// connect connects to the server. Its errors are failures with exit code 3.
func (p *program) connect(ctx context.Context, r *remote, d client.Durability) (*client.Client, error) {
	where, err := r.url()
	if err != nil {
		return nil, err
	}
	if p.dataDir != "" {
		return nil, errors.New("--data-dir is for a database that no server has open; leave it out, or --server")
	}
	_, rest, _ := strings.Cut(where, "://")
	user := userOf(rest)
	password, known := os.Getenv("MIDDB_PASSWORD"), os.Getenv("MIDDB_PASSWORD") != ""
	if r.passwordStdin {
		if password, err = readPassword(p.in); err != nil {
			return nil, failed(err)
		}
		known = true
	}
	o := client.Options{Name: "middb " + version(), Connections: 1, Attempts: 3, Durability: d}
	if known && (r.passwordStdin || len(user) < 2) {
		o.Password = func(context.Context) (string, error) { return password, nil }
	}
	c, err := client.Open(ctx, where, o)
	if errors.Is(err, wire.ErrAuthRequired) && len(user) == 1 && !known && isTerminal(p.in) {
		// Only now, because most servers on a socket of one's own want none. Not while the server waits for it.
		name, _ := url.PathUnescape(user[0])
		given, askErr := p.askPasswords("Password for " + name + ": ")
		if askErr != nil {
			return nil, askErr
		}
		o.Password = func(context.Context) (string, error) { return given[0], nil }
		c, err = client.Open(ctx, where, o)
	}
	if err != nil {
		return nil, &failure{exitOpen, err}
	}
	return c, nil
}

// withServer connects to the server, runs use on its database and disconnects.
func (p *program) withServer(ctx context.Context, r *remote, d client.Durability, use func(remoteStore) error) error {
	c, err := p.connect(ctx, r, d)
	if err != nil {
		return err
	}
	defer c.Close()
	return failed(use(newRemoteStore(c)))
}
