package resp

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/middb/middb/engine"
)

// A Role is what a command needs its user to be allowed, on the keyspace that it works on. Each includes the ones
// before.
type Role uint8

// The roles. Anyone may run what needs Anyone, once logged in.
const (
	Anyone Role = iota
	Read
	Write
	Admin
)

// String returns the name of the role.
func (r Role) String() string { return [...]string{"anyone", "read", "write", "admin"}[r] }

// An Identity is who a connection acts for. Safe for concurrent use, and immutable: a connection asks it once, and
// then the Authenticator for another one when users have changed.
type Identity interface {
	Name() string
	// May returns nil, or an error that says what is missing.
	May(role Role, keyspace string) error
}

// An Authenticator knows the users. Safe for concurrent use.
type Authenticator interface {
	// Open reports whether everybody may do everything, as there are no users: then default is one who needs no
	// password.
	Open() bool
	// Authenticate returns the user of a name and password, or an error: the same one whichever is wrong. It gives
	// up when ctx ends.
	Authenticate(ctx context.Context, from net.Addr, user, password string) (Identity, error)
	// Generation returns a number that changes whenever users do.
	Generation() uint64
	// Refresh returns what an identity has become, or an error if its connection has to log in anew.
	Refresh(Identity) (Identity, error)
}

// A Section is a part of what the command INFO tells: lines "name:value" under a heading.
type Section struct {
	Name   string
	Fields [][2]string
}

// Options say how a Front serves. The zero value works: everyone may do everything with the default keyspace.
type Options struct {
	// Keyspace is database 0. Default: engine.DefaultKeyspace. Database n is the keyspace of that name with a
	// dot and n behind it, which is made when somebody first selects it.
	Keyspace string
	// Databases is how many databases SELECT offers. Default 16.
	Databases int
	// Durability is that of every write: it is answered, and seen by others, when it is that durable. Default:
	// that of the database.
	Durability engine.Durability

	// Authenticator has connections log in, with AUTH or HELLO, before they may do anything else. Nil: nobody
	// has to, and everybody may do everything.
	Authenticator Authenticator
	// Peer returns who a connection acts for without a login, by its address or certificate; nil: it has to log
	// in. A nil Peer knows nobody. It is asked only with an Authenticator.
	Peer func(net.Conn) Identity

	Limits Limits

	// Version is what INFO tells of the server as middb_version.
	Version string
	// Info returns further sections of INFO; nil: none. It is called by many connections at a time.
	Info func() []Section
	// SlowRequest has commands logged that take longer to their replies, with those that came and were answered
	// together with them. Default 0: none.
	SlowRequest time.Duration
	// Logger gets what an operator should know. Default: nothing is logged.
	Logger *slog.Logger
	// Clock tells the time, for expiries and for clients. It should be the database's. Default time.Now.
	Clock func() time.Time
}

// Limits bound what clients can make a Front hold. Zero fields have the defaults.
type Limits struct {
	// Connections is how many are served at a time; further ones get an error. Default 4096.
	Connections int
	// CommandBytes is the size of the greatest command, arguments and protocol together. Default 16 MiB.
	CommandBytes int
	// Arguments is how many a command may have. Default 1,048,576.
	Arguments int
	// QueuedBytes bounds the commands that MULTI queues, and what WATCH notes, for a connection. Default 16 MiB.
	QueuedBytes int
	// ReplyBytes bounds the replies of a transaction that writes, which are held back until it is committed.
	// Others are sent while they are made. Default 64 MiB.
	ReplyBytes int
	// SharedBytes bounds what all connections together hold beyond 64 KiB each way. Default 256 MiB.
	SharedBytes int64
	// LoginTimeout is how long a connection may take to log in, if it has to. Default 10 s.
	LoginTimeout time.Duration
	// FrameTimeout is how long the bytes of one command may take to arrive. Default 60 s.
	FrameTimeout time.Duration
	// IdleTimeout is after how long without a command a connection is closed. Default 0: never.
	IdleTimeout time.Duration
	// WriteTimeout is how long a client may take to read a part of its replies. Default 30 s.
	WriteTimeout time.Duration
	// WatchTimeout is how long after WATCH a transaction can still succeed: until then versions that the
	// database would drop are kept. Default 5 min.
	WatchTimeout time.Duration
	// ScanCursors is how many SCANs can be under way, of all connections. Further ones end the oldest. Default 16,384.
	ScanCursors int
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// withDefaults returns the options with every field set, or why they cannot be used.
func (o Options) withDefaults() (Options, error) {
	orDefault(&o.Keyspace, engine.DefaultKeyspace)
	orDefault(&o.Databases, 16)
	l := &o.Limits
	orDefault(&l.Connections, 4096)
	orDefault(&l.CommandBytes, 16<<20)
	orDefault(&l.Arguments, 1<<20)
	orDefault(&l.QueuedBytes, 16<<20)
	orDefault(&l.ReplyBytes, 64<<20)
	orDefault(&l.SharedBytes, 256<<20)
	orDefault(&l.LoginTimeout, 10*time.Second)
	orDefault(&l.FrameTimeout, time.Minute)
	orDefault(&l.WriteTimeout, 30*time.Second)
	orDefault(&l.WatchTimeout, 5*time.Minute)
	orDefault(&l.ScanCursors, 16<<10)
	orDefault(&o.Version, "unknown")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Databases", int64(o.Databases)},
		{"Limits.Connections", int64(l.Connections)},
		{"Limits.CommandBytes", int64(l.CommandBytes)},
		{"Limits.Arguments", int64(l.Arguments)},
		{"Limits.QueuedBytes", int64(l.QueuedBytes)},
		{"Limits.ReplyBytes", int64(l.ReplyBytes)},
		{"Limits.SharedBytes", l.SharedBytes},
		{"Limits.LoginTimeout", int64(l.LoginTimeout)},
		{"Limits.FrameTimeout", int64(l.FrameTimeout)},
		{"Limits.WriteTimeout", int64(l.WriteTimeout)},
		{"Limits.WatchTimeout", int64(l.WatchTimeout)},
		{"Limits.ScanCursors", int64(l.ScanCursors)},
	} {
		if f.value <= 0 {
			return o, fmt.Errorf("%w: %s is %d; it must be positive, or 0 for the default", ErrInvalidOptions, f.name, f.value)
		}
	}
	switch {
	case l.IdleTimeout < 0:
		return o, fmt.Errorf("%w: Limits.IdleTimeout is %v; it must not be negative", ErrInvalidOptions, l.IdleTimeout)
	case l.CommandBytes > maxCommandBytes:
		return o, fmt.Errorf("%w: Limits.CommandBytes is %d; it may be %d", ErrInvalidOptions, l.CommandBytes, maxCommandBytes)
	case o.Durability > engine.NoSync:
		return o, fmt.Errorf("%w: Durability is %d; it may be Default, Sync or NoSync", ErrInvalidOptions, o.Durability)
	}
	return o, nil
}

// maxCommandBytes bounds Limits.CommandBytes: positions within a command are kept in 32 bits.
const maxCommandBytes = 1 << 30
