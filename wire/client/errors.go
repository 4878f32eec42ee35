package client

import (
	"errors"
	"io"
	"strings"

	"github.com/middb/middb/wire"
)

// ErrTxnManaged is returned by Commit and Rollback of a transaction that Update or View commits or rolls back: return
// from its function instead.
var ErrTxnManaged = errors.New("the transaction is committed by the function that runs it")

var (
	errNotFound = wire.Errorf(wire.ErrNotFound, "key not found")
	errClosed   = wire.Errorf(wire.ErrClosed, "the client is closed")
	errTimeout  = wire.Errorf(wire.ErrTimeout, "the call took longer than Options.Timeout")
	errSilent   = errors.New("the server does not answer")
)

// A failure is an error that the client found itself, and what caused it.
type failure struct {
	err   *wire.Error
	cause error
}

func (f *failure) Error() string   { return f.err.Message }
func (f *failure) Unwrap() []error { return []error{f.err, f.cause} }

// failed returns a failure; the cause is named at the end of the text.
func failed(c wire.Code, cause error, format string, args ...any) *failure {
	e := wire.Errorf(c, format, args...)
	e.Message += ": " + reason(cause)
	return &failure{e, cause}
}

// reason returns the text of an error, in words for those that have none.
func reason(err error) string {
	if err == io.EOF || err == io.ErrUnexpectedEOF { //nolint:errorlint // what one is wrapped in says more
		return "the server closed the connection"
	}
	return err.Error()
}

// A stuck is the error of a caller that stopped waiting for a connection: how the wait ended, and why there was none.
type stuck struct {
	end, why error
}

func (s *stuck) Error() string   { return reason(s.end) + ": " + reason(s.why) }
func (s *stuck) Unwrap() []error { return []error{s.end, s.why} }

// An unanswered says why a request has no reply. It does not leave the package.
type unanswered struct {
	sent  bool // or may have been, in part
	lost  bool // the connection failed; otherwise it was the caller who gave up
	where address
	cause error
}

func (u *unanswered) Error() string { return reason(u.cause) }
func (u *unanswered) Unwrap() error { return u.cause }

// abandoned reports whether err says that the caller gave up a request that was sent: its reply may still come.
func abandoned(err error) bool {
	var u *unanswered
	return errors.As(err, &u) && u.sent && !u.lost
}

// An effect says what it means that a request may have been run.
type effect uint8

const (
	repeatable effect = iota // nothing: it may be run again
	once                     // a write that may have been stored
)

// public returns the error that a caller gets for err, of a request.
func public(err error, t wire.Type, e effect) error {
	var u *unanswered
	if !errors.As(err, &u) {
		return err
	}
	name := strings.ToLower(t.String())
	switch {
	case u.sent && e == once && u.lost:
		return failed(wire.ErrCommitUnknown, u.cause, "%s: the connection to %v was lost before the answer came", name, u.where)
	case u.sent && e == once:
		return failed(wire.ErrCommitUnknown, u.cause, "%s: nobody waited for the answer", name)
	case u.lost:
		return failed(wire.ErrConnection, u.cause, "%s: the connection to %v was lost", name, u.where)
	case errors.Is(u.cause, errTimeout):
		return failed(wire.ErrTimeout, u.cause, "%s: no answer", name)
	default:
		return &given{name, u.cause}
	}
}

// A given is the error of a request whose caller gave it up: the cause of the context's end.
type given struct {
	name  string
	cause error
}

func (g *given) Error() string { return g.name + ": " + g.cause.Error() }
func (g *given) Unwrap() error { return g.cause }

// again reports whether a request that failed with err may be made again, on another connection: it had no effect,
// or has none that matters.
func again(err error, e effect) bool {
	var u *unanswered
	if errors.As(err, &u) {
		return u.lost && (!u.sent || e == repeatable) && !errors.Is(u.cause, errClosed)
	}
	var w *wire.Error
	return errors.As(err, &w) && w.Retry &&
		(w.Code == wire.ErrConnection || w.Code == wire.ErrShuttingDown || w.Code == wire.ErrTooManyConnections)
}

// gaveUp returns the unanswered of a caller that stopped waiting for cause, unless the cause is another error.
func gaveUp(cause error, sent bool) error { return &unanswered{sent: sent, cause: cause} }

// violation returns the error of a server that breaks the protocol.
func violation(format string, args ...any) error {
	return wire.Errorf(wire.ErrProtocol, format, args...)
}
