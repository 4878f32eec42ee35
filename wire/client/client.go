package client

import (
	"context"
	"time"

	"github.com/middb/middb/wire"
)

// A Client is a database on a server. Make one with Open; all methods are safe for concurrent use. It has the methods
// of the [Keyspace] that its URL names, or else of the default one: Get, Put, Scan and so on.
type Client struct {
	*sessionKeyspace
	s     *settings
	pool  *pool
	calls callPool
}

// sessionKeyspace gives Client the methods of Keyspace beside a method of that name.
type sessionKeyspace = Keyspace

// DefaultKeyspace is the name of the keyspace of a URL that names none. It is always there.
const DefaultKeyspace = "default"

// Open connects to the server, or the first that answers of several, that a URL names:
//
//	middb://[user[:password]@]host[:port][,host[:port]…][/keyspace][?name=value…]
//	unix://[user[:password]@]/path/to/socket[?name=value…]
//
// The parameters are
//
//	tls=disable|require|verify-full  default verify-full with any of the next four, else disable; require does not
//	                                 look whose certificate it is, and without ca takes any; on a Unix socket
//	                                 there is no TLS
//	ca, cert, key                    files: who signs the server's certificate; the client's own and its key
//	server_name                      the name in the server's certificate, if it is not the host's
//	user                             the user, in place of the one before the @
//	keyspace                         the keyspace, in place of the path
//	durability=sync|nosync           when writes are answered that do not say
//	timeout=5s                       see Options.Timeout; a number without a unit is of seconds
//	pool=4                           see Options.Connections
//	compress=none|zlib               default none; zlib compresses what is larger than 1 KiB
//
// In a user's name and a password write / ? @ and % as %2F %3F %40 and %25. The error tells which part of the URL is wrong, or why there is no connection: wire.ErrConnection,
// wire.ErrAuthFailed and so on. The caller closes the Client.
func Open(ctx context.Context, url string, o Options) (*Client, error) {
	s, err := newSettings(url, o)
	if err != nil {
		return nil, err
	}
	c := &Client{s: s, pool: newPool(s)}
	c.sessionKeyspace = &Keyspace{scope: scope{c: c}, name: firstOf(s.keyspace, DefaultKeyspace)}
	cl := c.call(wire.TypeHello)
	cl.begin(ctx, s.Timeout)
	defer cl.end()
	for range s.addresses {
		if _, err = c.pool.acquire(ctx, cl, needNothing); err == nil {
			return c, nil
		}
		if !again(err, repeatable) {
			break
		}
	}
	c.pool.close()
	return nil, public(err, wire.TypeHello, repeatable)
}

// Close ends the connections, and what is open on them. Calls that are under way return wire.ErrClosed, or
// wire.ErrCommitUnknown.
func (c *Client) Close() error {
	c.pool.close()
	return nil
}

// call returns a call for a request that may be run and answered out of order: whoever makes one waits for its
// reply before making one that depends on it.
func (c *Client) call(t wire.Type) *call { return c.calls.take(t, wire.AnyOrder) }

// do makes a request whose body is in the call. When the error is nil the reply is there, and the caller gives the
// call back.
func (c *Client) do(ctx context.Context, cl *call, e effect) error {
	return c.doWithin(ctx, c.s.Timeout, cl, e)
}

// doWithin is do with a time limit for contexts without deadline.
func (c *Client) doWithin(ctx context.Context, limit time.Duration, cl *call, e effect) error {
	cl.frame = wire.EndFrame(cl.frame, 0)
	cl.begin(ctx, limit)
	_, err := c.pool.run(ctx, cl, needNothing, e)
	cl.end()
	if err != nil {
		return public(err, cl.typ, e)
	}
	return nil
}

// ask makes a request with a map or nothing as its body, and decodes the reply.
func (c *Client) ask(ctx context.Context, t wire.Type, body interface{ Append([]byte) []byte }, e effect, decode func([]byte) error) error {
	cl := c.call(t)
	if body == nil {
		cl.frame = wire.AppendNil(cl.frame)
	} else {
		cl.frame = body.Append(cl.frame)
	}
	if err := c.do(ctx, cl, e); err != nil {
		return err
	}
	defer c.calls.give(cl)
	if decode == nil {
		return nil
	}
	return decode(cl.body)
}

// durability returns what a write asks for.
func (c *Client) durability(d []Durability) Durability {
	if len(d) > 0 && d[0] != wire.DefaultDurability {
		return d[0]
	}
	return c.s.Durability
}

// Ping returns how long the server takes to answer.
func (c *Client) Ping(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	err := c.ask(ctx, wire.TypePing, nil, repeatable, nil)
	return time.Since(begin), err
}

// Stats describes the server and its database.
func (c *Client) Stats(ctx context.Context) (*wire.Stats, error) {
	var s wire.Stats
	return &s, c.ask(ctx, wire.TypeStats, nil, repeatable, s.Decode)
}

// Info says who the server is, and as whom it knows this client.
func (c *Client) Info(ctx context.Context) (*wire.Info, error) {
	var i wire.Info
	return &i, c.ask(ctx, wire.TypeInfo, nil, repeatable, i.Decode)
}

// Flush writes everything committed so far that is only in memory and in the log to sstables.
func (c *Client) Flush(ctx context.Context) error {
	cl := c.call(wire.TypeFlush)
	cl.frame = wire.AppendNil(cl.frame)
	err := c.doWithin(ctx, 0, cl, repeatable)
	if err == nil {
		c.calls.give(cl)
	}
	return err
}

// Compact brings everything between lower, inclusive, and upper, exclusive, to the deepest level; nil is no bound.
// Without bounds it is all keyspaces, otherwise that of the client.
func (c *Client) Compact(ctx context.Context, lower, upper []byte) error {
	if lower == nil && upper == nil {
		return c.compact(ctx, &wire.Compact{All: true})
	}
	return c.sessionKeyspace.Compact(ctx, lower, upper)
}

func (c *Client) compact(ctx context.Context, m *wire.Compact) error {
	cl := c.call(wire.TypeCompact)
	cl.frame = m.Append(cl.frame)
	err := c.doWithin(ctx, 0, cl, repeatable)
	if err == nil {
		c.calls.give(cl)
	}
	return err
}

// Keyspaces returns the names of all keyspaces, the default one first, the others in order.
func (c *Client) Keyspaces(ctx context.Context) (names []string, err error) {
	err = c.ask(ctx, wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpList}, repeatable, func(body []byte) error {
		names, err = wire.DecodeList[string](body)
		return err
	})
	return names, err
}

// KeyspaceOptions say how a keyspace is opened.
type KeyspaceOptions struct {
	// MustExist refuses to make a keyspace that is not there, with wire.ErrKeyspaceMissing.
	MustExist bool
}

// Keyspace opens a keyspace by name, and makes it if it is not there, durably.
func (c *Client) Keyspace(ctx context.Context, name string, o KeyspaceOptions) (*Keyspace, error) {
	m := wire.Keyspaces{Op: wire.OpOpen, Name: name, Create: !o.MustExist}
	if err := c.ask(ctx, wire.TypeKeyspaces, &m, repeatable, nil); err != nil {
		return nil, err
	}
	return c.KeyspaceNamed(name), nil
}

// KeyspaceNamed returns a keyspace without asking the server for it: if it is not there, or not for this user, what is
// done with it fails.
func (c *Client) KeyspaceNamed(name string) *Keyspace {
	return &Keyspace{scope: scope{c: c, keyspace: name}, name: name}
}

// DropKeyspace removes a keyspace with all its keys, durably. A Keyspace is known to the server by its name: those of
// that name return wire.ErrKeyspaceMissing from then on, and work again on another one that is made under it.
func (c *Client) DropKeyspace(ctx context.Context, name string) error {
	return c.ask(ctx, wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpDrop, Name: name}, once, nil)
}
