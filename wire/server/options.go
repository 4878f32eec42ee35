package server

import (
	"log/slog"
	"time"

	"github.com/middb/middb/engine"
	"github.com/middb/middb/wire/server/monitor"
	"github.com/middb/middb/wire/server/users"
)

// Options say how a server serves. The zero value is the default.
type Options struct {
	// Users knows who may log in, and what they may do. Nil: nobody needs to log in, and everybody may do everything.
	Users *users.Store
	// RequireLogin asks for a login also while there are no users.
	RequireLogin bool

	// MaxConnections is how many connections are served at a time; further ones are told so and closed.
	// Default 4096.
	MaxConnections int
	// MaxMemory bounds, in bytes, what connections take: their buffers, the requests in them, replies that are not
	// read, writes of transactions. Beside the memory of the engine, which is bounded by its own configuration.
	// Default 256 MiB; at least LeastMemory.
	MaxMemory int64
	// MaxFrame is the length of the longest body of a frame, in bytes. Default 16 MiB.
	MaxFrame int
	// MaxInFlight is how many requests of a connection may be under way; then no more are read. Default 1024.
	MaxInFlight int
	// MaxUnsent is how many bytes of replies may wait for a client to read them; then it is cut off. From half of it
	// on no more of its requests are read. Default 64 MiB.
	MaxUnsent int64
	// MaxTxns and MaxCursors are how many transactions, and how many cursors and watches, a connection may have open.
	// Defaults 64 and 256.
	MaxTxns    int
	MaxCursors int
	// MaxStatements is how many statements a connection may have prepared. Default 1024.
	MaxStatements int
	// QueryMemory is what all queries that are under way may keep in memory before they write to files, in bytes; each
	// gets a part of what is left, 64 MiB at most. Default 512 MiB.
	QueryMemory int64

	// LoginTimeout is how long a connection may take to say hello and log in. Default 10 s.
	LoginTimeout time.Duration
	// FrameTimeout is how long the bytes of one frame may take to arrive. Default 60 s.
	FrameTimeout time.Duration
	// WriteTimeout is how long a client may take to read a mebibyte of replies, or what there is. Default 30 s.
	WriteTimeout time.Duration
	// RequestTimeout ends requests that take longer, unless the session sets another. Default 0: none.
	RequestTimeout time.Duration
	// IdleTimeout closes connections on which nothing happens for so long. Default 0: none.
	IdleTimeout time.Duration
	// TxnTimeout rolls a transaction back that is under way for so long, unless its client asked for another.
	// Default 10 minutes; negative: none.
	TxnTimeout time.Duration
	// CursorTimeout closes a cursor or watch whose client gives it no credit for so long. Default 10 minutes;
	// negative: none.
	CursorTimeout time.Duration
	// SlowRequest has requests logged that take longer, cursors and watches excepted. Default 0: none.
	SlowRequest time.Duration

	// Durability is that of the engine's configuration. The server only decides by it which writes are quick; what
	// a request asks for, it gets.
	Durability engine.Durability
	// Beside are the servers of other protocols on the database, by protocol. STATS tells of their clients as well.
	Beside map[string]monitor.Source
	// Version and PID are what INFO tells of the program.
	Version string
	PID     int
	// Logger gets what an operator should know. Default: nothing is logged.
	Logger *slog.Logger
	// Clock tells the time for logs, latencies and INFO. Default time.Now.
	Clock func() time.Time
}

// or returns v, or the default if v is the zero value.
func or[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}

func (o Options) withDefaults() Options {
	o.MaxConnections = or(o.MaxConnections, 4096)
	o.MaxMemory = or(o.MaxMemory, 256<<20)
	o.MaxFrame = or(o.MaxFrame, 16<<20)
	o.MaxInFlight = or(o.MaxInFlight, 1024)
	o.MaxUnsent = or(o.MaxUnsent, 64<<20)
	o.MaxTxns = or(o.MaxTxns, 64)
	o.MaxCursors = or(o.MaxCursors, 256)
	o.MaxStatements = or(o.MaxStatements, 1024)
	o.QueryMemory = max(or(o.QueryMemory, 512<<20), leastQueryBytes)
	o.LoginTimeout = or(o.LoginTimeout, 10*time.Second)
	o.FrameTimeout = or(o.FrameTimeout, time.Minute)
	o.WriteTimeout = or(o.WriteTimeout, 30*time.Second)
	o.TxnTimeout = or(o.TxnTimeout, 10*time.Minute)
	o.CursorTimeout = or(o.CursorTimeout, 10*time.Minute)
	o.Durability = or(o.Durability, engine.Sync)
	o.Version = or(o.Version, "devel")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}
