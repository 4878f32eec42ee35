package resp

import (
	"strconv"
)

// A reply is the replies of a connection that have not been sent, in one of the two versions of the protocol.
type reply struct {
	buf []byte
	v3  bool
}

func (r *reply) line(kind byte, s string) {
	r.buf = append(r.buf, kind)
	r.buf = append(r.buf, s...)
	r.end()
}

func (r *reply) end() { r.buf = append(r.buf, '\r', '\n') }

func (r *reply) header(kind byte, n int) {
	r.buf = append(r.buf, kind)
	r.buf = strconv.AppendInt(r.buf, int64(n), 10)
	r.end()
}

// simple adds a simple string.
func (r *reply) simple(s string) { r.line('+', s) }

func (r *reply) ok() { r.buf = append(r.buf, "+OK\r\n"...) }

// error adds an error. What would end the line early becomes a space.
func (r *reply) error(s string) {
	at := len(r.buf)
	r.line('-', s)
	for i := at; i < len(r.buf)-2; i++ {
		if r.buf[i] == '\r' || r.buf[i] == '\n' {
			r.buf[i] = ' '
		}
	}
}

func (r *reply) int(n int64) {
	r.buf = append(r.buf, ':')
	r.buf = strconv.AppendInt(r.buf, n, 10)
	r.end()
}

func (r *reply) bulk(b []byte) {
	r.header('$', len(b))
	r.buf = append(r.buf, b...)
	r.end()
}

func (r *reply) bulkString(s string) {
	r.header('$', len(s))
	r.buf = append(r.buf, s...)
	r.end()
}

// bulkUint adds a number as a string.
func (r *reply) bulkUint(n uint64) {
	var text [20]byte
	r.bulk(strconv.AppendUint(text[:0], n, 10))
}

// text adds a text for people, which is marked as such in version 3.
func (r *reply) text(s string) {
	if !r.v3 {
		r.bulkString(s)
		return
	}
	r.header('=', len(s)+len("txt:"))
	r.buf = append(r.buf, "txt:"...)
	r.buf = append(r.buf, s...)
	r.end()
}

// null adds the value that is not there.
func (r *reply) null() {
	if r.v3 {
		r.buf = append(r.buf, "_\r\n"...)
		return
	}
	r.buf = append(r.buf, "$-1\r\n"...)
}

// nullArray adds the array that is not there.
func (r *reply) nullArray() {
	if r.v3 {
		r.buf = append(r.buf, "_\r\n"...)
		return
	}
	r.buf = append(r.buf, "*-1\r\n"...)
}

// array begins an array: n values must follow.
func (r *reply) array(n int) { r.header('*', n) }

// mapping begins a map: n keys, each with its value behind it, must follow.
func (r *reply) mapping(n int) {
	if r.v3 {
		r.header('%', n)
		return
	}
	r.header('*', 2*n)
}

// set begins a set of n values.
func (r *reply) set(n int) {
	if r.v3 {
		r.header('~', n)
		return
	}
	r.header('*', n)
}
