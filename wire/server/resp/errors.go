package resp

import (
	"errors"
	"strings"

	"github.com/middb/middb/engine"
)

// ErrInvalidOptions is returned by New for Options that cannot be used.
var ErrInvalidOptions = errors.New("invalid RESP options")

// ErrClosed is returned by Serve after Shutdown, and by ServeConn.
var ErrClosed = errors.New("the RESP front is shut down")

// A replyError is an error as clients see it: a word in capitals and a text.
type replyError string

// Error implements error.
func (e replyError) Error() string { return string(e) }

// Errors with the texts that clients of Redis know.
const (
	errSyntax       = replyError("ERR syntax error")
	errNotInteger   = replyError("ERR value is not an integer or out of range")
	errNotFloat     = replyError("ERR value is not a valid float")
	errOverflow     = replyError("ERR increment or decrement would overflow")
	errInfinite     = replyError("ERR increment would produce NaN or Infinity")
	errTooLong      = replyError("ERR string exceeds maximum allowed size")
	errNoAuth       = replyError("NOAUTH Authentication required.")
	errLoginWaited  = replyError("TRYAGAIN too many logins are waiting for their turn; try again")
	errWrongPass    = replyError("WRONGPASS invalid username-password pair or user is disabled.")
	errNoPassword   = replyError("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
	errNoProto      = replyError("NOPROTO unsupported protocol version")
	errExecAbort    = replyError("EXECABORT Transaction discarded because of previous errors.")
	errNotInMulti   = replyError("ERR Command not allowed inside a transaction")
	errDBRange      = replyError("ERR DB index is out of range")
	errMaxClients   = replyError("ERR max number of clients reached")
	errBusy         = replyError("TRYAGAIN other clients keep changing the same keys; try again")
	errReplyLarge   = replyError("ERR the replies of this transaction are too large to be held until it is committed; split it")
	errSharedMemory = replyError("OOM clients hold too much at this moment; try again")
	errQueueLarge   = replyError("ERR the transaction is too large; split it")
	errCursor       = replyError("ERR invalid cursor: it is unknown, or too many scans were begun since; start again with 0")
)

// commitTexts are the errors of the engine that clients are told by a word of Redis, so that they act on it.
var commitTexts = []struct {
	err  error
	word string
}{
	{engine.ErrReadOnly, "READONLY"},
	{engine.ErrNoSpace, "MISCONF"},
	{engine.ErrFailed, "MISCONF"},
	{engine.ErrCommitUnknown, "UNKNOWN"},
}

// errorText returns the line, without the minus sign, that tells a client of an error.
func errorText(err error) string {
	if r, ok := errors.AsType[replyError](err); ok {
		return string(r)
	}
	word := "ERR"
	for _, t := range commitTexts {
		if errors.Is(err, t.err) {
			word = t.word
			break
		}
	}
	return word + " " + err.Error()
}

// wrongArity is the error for a command with too few or too many arguments.
func wrongArity(name string) error {
	return replyError("ERR wrong number of arguments for '" + name + "' command")
}

// The longest name, and how much of the arguments, an error repeats.
const (
	shownName = 128
	shownArgs = 128
)

// unknownCommand is the error for a command that there is not.
func unknownCommand(args [][]byte) error {
	var b strings.Builder
	b.WriteString("ERR unknown command '" + clip(args[0], shownName) + "', with args beginning with: ")
	start := b.Len()
	for _, a := range args[1:] {
		left := shownArgs - (b.Len() - start)
		if left <= 0 {
			break
		}
		b.WriteString("'" + clip(a, left) + "' ")
	}
	return replyError(b.String())
}

// unknownSubcommand is the error for a part of a command that there is not.
func unknownSubcommand(name string, sub []byte) error {
	return replyError("ERR unknown subcommand '" + clip(sub, shownName) + "'. Try " + strings.ToUpper(name) + " HELP.")
}

func clip(b []byte, n int) string { return string(b[:min(len(b), n)]) }
