package client

import (
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/middb/middb/wire"
)

// DefaultPort is the port of a server whose URL names none.
const DefaultPort = "7878"

// A target is what a URL says.
type target struct {
	addresses      []address
	user, password string
	hasPassword    bool
	keyspace       string
	security       security
	durability     wire.Durability
	timeout        time.Duration
	connections    int
	compress       bool
}

// An address is where a server listens.
type address struct {
	network string // tcp or unix
	where   string // host:port, or a path
}

func (a address) String() string { return a.where }

// host returns the name that a certificate must have.
func (a address) host() string {
	host, _, _ := net.SplitHostPort(a.where)
	return host
}

// bad returns the error of a part of a URL. It must not be given any of the text before the ?, where passwords are.
func bad(part, format string, args ...any) error {
	return wire.Errorf(wire.ErrInvalidArgument, "the URL's "+part+": "+format, args...)
}

// badEscape returns the error of a part whose percent signs are not those of an escape.
func badEscape(part string) error {
	return bad(part, "a %% must be followed by two hexadecimal digits; write %%25 for a percent sign")
}

// parseURL reads
//
//	middb://user:password@host:7878,host2:7878/keyspace?tls=verify-full&ca=…
//	unix://user:password@/path/to.sock?keyspace=ks
//
// by itself: package net/url refuses several hosts, and its errors show the whole URL, with the password. The grammar
// is that of all clients: testdata/urls.json of package wire has the cases.
func parseURL(text string) (*target, error) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme != "middb" && scheme != "unix" {
		return nil, bad("scheme", "a URL begins with middb:// or unix://, as in middb://localhost:7878")
	}
	t, err := parseParts(scheme, rest)
	if err == nil {
		return t, nil
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 && strings.Contains(rest[i:], "@") {
		// What looks like a port or a parameter may be a piece of a password.
		return nil, bad("parts", "they cannot be told apart: there is an @ after the first / or ?; "+
			"write / ? @ in a password as %%2F %%3F %%40, or, if it is in no password, that @ as %%40 to learn what is wrong")
	}
	return nil, err
}

// parseParts reads what follows the ://.
func parseParts(scheme, rest string) (*target, error) {
	rest, query, _ := strings.Cut(rest, "?")
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	t := &target{}
	hosts := authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		hosts = authority[i+1:]
		if err := t.setUser(authority[:i]); err != nil {
			return nil, err
		}
	}
	place := t.setHosts
	if scheme == "unix" {
		place = t.setSocket
	}
	if err := place(hosts, path); err != nil {
		return nil, err
	}
	return t, t.setQuery(query)
}

func (t *target) setUser(text string) error {
	user, password, has := strings.Cut(text, ":")
	var err error
	if t.user, err = url.PathUnescape(user); err != nil {
		return badEscape("user")
	}
	if t.password, err = url.PathUnescape(password); err != nil {
		return badEscape("password")
	}
	t.hasPassword = has
	if t.user == "" {
		return bad("user", "there is a password or an @ without a user")
	}
	return nil
}

func (t *target) setHosts(hosts, path string) error {
	for host := range strings.SplitSeq(hosts, ",") {
		name, port, err := net.SplitHostPort(host)
		if err != nil {
			name, port = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), DefaultPort
			if strings.Contains(name, ":") && !strings.HasPrefix(host, "[") {
				return bad("host", "it has several colons; write an IPv6 address in brackets, as in [::1]:7878")
			}
		}
		if name == "" {
			return bad("host", "a name is missing, as in middb://localhost:7878")
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return bad("port", "it is no number from 1 to 65535")
		}
		t.addresses = append(t.addresses, address{"tcp", net.JoinHostPort(name, port)})
	}
	keyspace, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	if err != nil {
		return badEscape("keyspace")
	}
	if strings.Count(path, "/") > 1 {
		return bad("keyspace", "it has a slash; write %%2F for one that is in the name")
	}
	t.keyspace = keyspace
	return nil
}

func (t *target) setSocket(hosts, path string) error {
	if hosts != "" {
		return bad("path", "the path of a socket begins with a slash, after three in all, as in unix:///run/middb.sock")
	}
	path, err := url.PathUnescape(path)
	if err != nil {
		return badEscape("path")
	}
	if path == "" || path == "/" {
		return bad("path", "the path of the socket is missing, as in unix:///run/middb.sock")
	}
	t.addresses = []address{{"unix", path}}
	return nil
}

func (t *target) setQuery(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return badEscape("parameters")
	}
	for name, all := range values {
		if len(all) > 1 {
			return bad("parameter "+name, "it is there %d times", len(all))
		}
		if err := t.set(name, all[0]); err != nil {
			return err
		}
	}
	return t.security.check(t.addresses[0].network)
}

func (t *target) set(name, value string) error {
	var err error
	switch name {
	case "tls":
		if t.security.mode, err = parseTLS(value); err != nil {
			return err
		}
	case "ca":
		t.security.ca = value
	case "cert":
		t.security.cert = value
	case "key":
		t.security.key = value
	case "server_name":
		t.security.serverName = value
	case "user":
		if value == "" || t.user != "" && t.user != value {
			return bad("parameter user", "it is empty, or another one than the user before the @")
		}
		t.user = value
	case "keyspace":
		if t.keyspace != "" && t.keyspace != value {
			return bad("parameter keyspace", "%s is another one than that of the path", value)
		}
		t.keyspace = value
	case "durability":
		durabilities := map[string]wire.Durability{"sync": wire.Sync, "nosync": wire.NoSync}
		if t.durability = durabilities[value]; t.durability == 0 {
			return bad("parameter durability", "%s is neither sync nor nosync", value)
		}
	case "timeout":
		duration := value
		if strings.Trim(value, "0123456789.") == "" {
			duration += "s"
		}
		if t.timeout, err = time.ParseDuration(duration); err != nil || t.timeout <= 0 {
			return bad("parameter timeout", "%s is neither a number of seconds nor a duration above 0, such as 5s or 500ms", value)
		}
	case "pool":
		if t.connections, err = strconv.Atoi(value); err != nil || t.connections < 1 {
			return bad("parameter pool", "%s is no number of connections, 1 or more", value)
		}
	case "compress":
		if t.compress = value == wire.Zlib; !t.compress && value != "none" {
			return bad("parameter compress", "%s is neither zlib nor none", value)
		}
	default:
		return bad("parameters", "there is none of the name %s; there are "+
			"tls, ca, cert, key, server_name, user, keyspace, durability, timeout, pool and compress", name)
	}
	return nil
}
