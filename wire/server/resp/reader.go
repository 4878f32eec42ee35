package resp

import (
	"bytes"
	"fmt"
	"io"
)

// Sizes of the reader's memory.
const (
	readBytes   = 8 << 10  // a connection's buffer to begin with
	roundBytes  = 64 << 10 // it grows to this for whoever fills it
	keptArgs    = 1 << 10  // arguments that a connection keeps memory for
	argBytes    = 32       // what the reader needs for an argument beside its bytes
	inlineBytes = 64 << 10 // of an inline command
	headerBytes = 32       // of the line with a length
)

// Limits for those who have not logged in.
const (
	strangerArgs  = 10
	strangerBytes = 16 << 10
)

// A protocolError is the end of a connection: what follows in the stream cannot be understood.
type protocolError string

// Error implements error.
func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// A span is where an argument lies, counted from the beginning of its command.
type span struct{ from, to uint32 }

// A reader takes commands out of a stream of bytes: arrays of bulk strings, or lines of words. It allocates what
// has arrived, never what a length announces, and looks at each byte once, however slowly they come.
//
// What next returns stays valid until fill.
type reader struct {
	limits   *Limits
	shared   *budget
	taken    int  // of shared
	stranger bool // not logged in: much less is accepted

	buf  []byte
	r, w int // what was received and not returned yet

	// Of the command that begins at r.
	pos   int    // parsed, or searched for the end of a line, through here
	left  int    // bulk strings still to come; 0: its first line is still to come
	bulk  int    // bytes of the one whose header was read last; -1: a header is next
	spans []span // of those that have come

	args [][]byte // of the commands returned since fill
}

// idle reports whether no command has begun to arrive.
func (d *reader) idle() bool { return d.r == d.w }

// fill reads once from src. The slices that next returned are gone then.
func (d *reader) fill(src io.Reader) error {
	d.args = d.args[:0]
	if d.idle() {
		d.r, d.w = 0, 0
		d.shrink()
	}
	if d.w == len(d.buf) {
		if err := d.makeRoom(); err != nil {
			return err
		}
	}
	n, err := src.Read(d.buf[d.w:])
	d.w += n
	if n > 0 {
		return nil
	}
	return err
}

// shrink gives back what only a great command needed.
func (d *reader) shrink() {
	if len(d.buf) > roundBytes {
		d.buf = nil
	}
	if cap(d.args) > keptArgs {
		d.args = nil
	}
	if cap(d.spans) > keptArgs {
		d.spans = nil
	}
	d.shared.give(d.taken)
	d.taken = 0
}

// close gives back everything.
func (d *reader) close() {
	d.r, d.w = 0, 0
	d.buf = nil
	d.shrink()
}

// makeRoom moves what has come to the front of the buffer, or makes that larger.
func (d *reader) makeRoom() error {
	if d.r > 0 {
		d.w = copy(d.buf, d.buf[d.r:d.w])
		d.r = 0
		if d.w < len(d.buf)/2 {
			return nil
		}
	}
	size := max(2*len(d.buf), readBytes)
	if most := d.limits.CommandBytes + headerBytes; size > most {
		// next refuses what cannot fit, so this has an end.
		size = max(most, len(d.buf)+headerBytes)
	}
	if size > roundBytes {
		if err := d.take(size - max(len(d.buf), roundBytes)); err != nil {
			return err
		}
	}
	buf := make([]byte, size)
	copy(buf, d.buf[:d.w])
	d.buf = buf
	return nil
}

func (d *reader) take(n int) error {
	if !d.shared.take(n) {
		return errSharedMemory
	}
	d.taken += n
	return nil
}

// next returns the next command that has arrived whole, at least a name; nil: there is none.
func (d *reader) next() ([][]byte, error) {
	for d.r < d.w {
		if d.left == 0 {
			if d.buf[d.r] != '*' {
				args, err := d.inline()
				if err != nil || len(args) > 0 {
					return args, err
				}
				if d.pos > 0 { // no end of the line yet
					return nil, nil
				}
				continue
			}
			n, ok, err := d.header("invalid multibulk length")
			if err != nil || !ok {
				return nil, err
			}
			if err := d.begin(n); err != nil {
				return nil, err
			}
			continue
		}
		whole, err := d.bulks()
		if err != nil || !whole {
			return nil, err
		}
		return d.command(), nil
	}
	return nil, nil
}

// begin begins a command of n arguments, or passes over an empty one.
func (d *reader) begin(n int) error {
	most := d.limits.Arguments
	if d.stranger {
		most = strangerArgs
	}
	switch {
	case n > most && d.stranger:
		return protocolError("unauthenticated multibulk length")
	case n > most:
		return protocolError("invalid multibulk length")
	case n <= 0:
		d.r, d.pos = d.r+d.pos, 0
		return nil
	}
	d.left, d.bulk, d.spans = n, -1, d.spans[:0]
	return nil
}

// bulks takes the bulk strings of a command, and reports whether all are there.
func (d *reader) bulks() (whole bool, err error) {
	for d.left > 0 {
		if d.bulk < 0 {
			at := d.r + d.pos
			if at == d.w {
				return false, nil
			}
			if c := d.buf[at]; c != '$' {
				return false, protocolError(fmt.Sprintf("expected '$', got '%s'", printable(c)))
			}
			n, ok, err := d.header("invalid bulk length")
			if err != nil || !ok {
				return false, err
			}
			switch {
			case d.stranger && n > strangerBytes:
				return false, protocolError("unauthenticated bulk length")
			case n < 0 || d.pos+n+2+argBytes*len(d.spans) > d.limits.CommandBytes:
				return false, protocolError("invalid bulk length")
			}
			d.bulk = n
		}
		from := d.pos
		to := from + d.bulk
		if d.r+to+2 > d.w {
			return false, nil
		}
		if d.buf[d.r+to] != '\r' || d.buf[d.r+to+1] != '\n' {
			return false, protocolError("expected CRLF behind a bulk string")
		}
		if len(d.spans) == cap(d.spans) && len(d.spans) >= keptArgs {
			if err := d.take(argBytes * len(d.spans)); err != nil {
				return false, err
			}
		}
		d.spans = append(d.spans, span{uint32(from), uint32(to)})
		d.pos, d.bulk = to+2, -1
		d.left--
	}
	return true, nil
}

// command returns the command whose bulk strings are all there, and passes over it.
func (d *reader) command() [][]byte {
	first := len(d.args)
	for _, s := range d.spans {
		d.args = append(d.args, d.buf[d.r+int(s.from):d.r+int(s.to):d.r+int(s.to)])
	}
	d.r, d.pos = d.r+d.pos, 0
	return d.args[first:len(d.args):len(d.args)]
}

// header takes a line that is a character and a number; it reports false if its end has not come.
func (d *reader) header(complaint protocolError) (n int, ok bool, err error) {
	at := d.r + d.pos + 1
	line := d.buf[at:d.w]
	i, negative := 0, false
	if len(line) > 0 && line[0] == '-' {
		negative, i = true, 1
	}
	digits := i
	for ; i < len(line) && i < headerBytes; i++ {
		c := line[i]
		if c == '\r' {
			break
		}
		if c < '0' || c > '9' || n > maxCommandBytes {
			return 0, false, complaint
		}
		n = 10*n + int(c-'0')
	}
	switch {
	case i == headerBytes:
		return 0, false, complaint
	case i+2 > len(line):
		return 0, false, nil
	case i == digits || line[i+1] != '\n':
		return 0, false, complaint
	case negative:
		n = -n
	}
	d.pos += 1 + i + 2
	return n, true, nil
}

// nativePreface is how a client of middb's own protocol begins, before the number of its version: see wire.Preface.
const nativePreface = "MIDB"

// native reports whether a client speaks middb's own protocol, by what it sent.
func native(b []byte) bool {
	n := len(nativePreface)
	return len(b) > n && string(b[:n]) == nativePreface && b[n] < '\t'
}

// inline takes a line of words. It returns none if the line is empty, or, with pos above 0, if its end has not come.
func (d *reader) inline() ([][]byte, error) {
	if native(d.buf[d.r:d.w]) {
		return nil, protocolError("this port speaks the protocol of Redis, and middb's own has another port")
	}
	i := bytes.IndexByte(d.buf[d.r+d.pos:d.w], '\n')
	if i < 0 || d.pos+i > inlineBytes {
		if d.pos = d.w - d.r; d.pos > inlineBytes {
			return nil, protocolError("too big inline request")
		}
		return nil, nil
	}
	line := d.buf[d.r : d.r+d.pos+i]
	first := len(d.args)
	var ok bool
	if d.args, ok = splitWords(d.args, bytes.TrimSuffix(line, []byte("\r"))); !ok {
		return nil, protocolError("unbalanced quotes in request")
	}
	if d.stranger && len(d.args)-first > strangerArgs {
		return nil, protocolError("unauthenticated multibulk length")
	}
	d.r, d.pos = d.r+d.pos+i+1, 0
	return d.args[first:len(d.args):len(d.args)], nil
}

// printable returns a byte as an error line can have it.
func printable(c byte) string {
	if c < ' ' || c > '~' {
		return fmt.Sprintf(`\x%02x`, c)
	}
	return string(rune(c))
}
