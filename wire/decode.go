package wire

import "math"

// A Decoder reads the values of a body that has passed [Validate], one after another. What it returns aliases the
// body. After the first value that is not what was asked for it returns zero values, and Err says what was wrong.
type Decoder struct {
	body []byte
	at   int
	err  error
}

// NewDecoder returns a Decoder that stands at the start of body.
func NewDecoder(body []byte) Decoder { return Decoder{body: body} }

// Err returns the first failure: an [Error] with ErrBadMessage, or nil.
func (d *Decoder) Err() error { return d.err }

// Kind returns the kind of the next value; KindNone at the end.
func (d *Decoder) Kind() Kind {
	h, _ := parseHead(d.body[d.at:])
	return h.kind
}

// Nil reports whether the next value is nil, and if so passes it.
func (d *Decoder) Nil() bool {
	if d.Kind() != KindNil {
		return false
	}
	d.at++
	return true
}

// take passes the head of the next value, which must be of a kind; what names it in the error.
func (d *Decoder) take(what string, kind Kind) (head, bool) {
	h, ok := parseHead(d.body[d.at:])
	if !ok || h.kind != kind || len(d.body)-d.at-h.bytes < h.n && (kind == KindStr || kind == KindBin) {
		d.fail(what, kind, h.kind)
		return head{}, false
	}
	d.at += h.bytes
	return h, true
}

func (d *Decoder) fail(what string, want, got Kind) {
	if d.err == nil {
		d.err = Errorf(ErrBadMessage, "%s is %v at byte %d, where %v is expected", what, got, d.at, want)
	}
	d.at = len(d.body)
}

// Bytes reads bytes. what names the value in errors, as for all that follow.
func (d *Decoder) Bytes(what string) []byte {
	h, ok := d.take(what, KindBin)
	if !ok {
		return nil
	}
	d.at += h.n
	return d.body[d.at-h.n : d.at : d.at]
}

// OptionalBytes reads bytes or nil.
func (d *Decoder) OptionalBytes(what string) []byte {
	if d.Nil() {
		return nil
	}
	return d.Bytes(what)
}

// Str reads a string.
func (d *Decoder) Str(what string) string {
	h, ok := d.take(what, KindStr)
	if !ok {
		return ""
	}
	d.at += h.n
	return string(d.body[d.at-h.n : d.at])
}

// Uint reads an integer that is not negative.
func (d *Decoder) Uint(what string) uint64 {
	h, _ := d.take(what, KindUint)
	return h.bits
}

// Bool reads a boolean.
func (d *Decoder) Bool(what string) bool {
	h, _ := d.take(what, KindBool)
	return h.n == 1
}

// Array reads the head of an array and returns how many values follow.
func (d *Decoder) Array(what string) int {
	h, _ := d.take(what, KindArray)
	return h.n
}

// Skip passes a value with all that is in it.
func (d *Decoder) Skip() {
	for n := 1; n > 0 && d.at < len(d.body); n-- {
		h, ok := parseHead(d.body[d.at:])
		if !ok {
			d.fail("a value", KindNil, KindNone)
			return
		}
		d.at += h.bytes
		switch h.kind {
		case KindStr, KindBin:
			d.at = min(d.at+h.n, len(d.body))
		case KindArray:
			n += h.n
		case KindMap:
			n += 2 * h.n
		default:
		}
	}
}

// A tuple is an array that is being read by position. Values that are left out at the end are nil; those that a later
// version has added are passed.
type tuple struct {
	*Decoder
	name string // of the message
	left int
}

// tuple begins to read an array with at least a number of values.
func (d *Decoder) tuple(name string, least int) tuple {
	if n := d.Array(name); d.err == nil && n < least {
		d.err = Errorf(ErrBadMessage, "%s has %d values, and needs %d", name, n, least)
		d.at = len(d.body)
	} else if d.err == nil {
		return tuple{d, name, n}
	}
	return tuple{d, name, 0}
}

// next reports whether there is another value that is not nil.
func (t *tuple) next() bool {
	if t.left == 0 {
		return false
	}
	t.left--
	return !t.Nil()
}

// bytes reads bytes; without them the result is nil. what names them in errors.
func (t *tuple) bytes(what string) []byte {
	if !t.next() {
		return nil
	}
	return t.Bytes(what)
}

// needed reads bytes that must be there.
func (t *tuple) needed(what string) []byte {
	t.left--
	return t.Bytes(what)
}

func (t *tuple) str(what string) string {
	if !t.next() {
		return ""
	}
	return t.Str(what)
}

func (t *tuple) uint(what string) uint64 {
	if !t.next() {
		return 0
	}
	return t.Uint(what)
}

// uint32 reads an integer that fits into 32 bits.
func (t *tuple) uint32(what string) uint32 { return uint32(t.below(what, math.MaxUint32)) }

// uint8 reads an integer that fits into 8 bits.
func (t *tuple) uint8(what string) uint8 { return uint8(t.below(what, math.MaxUint8)) }

func (t *tuple) below(what string, limit uint64) uint64 {
	n := t.uint(what)
	if n > limit && t.err == nil {
		t.err = Errorf(ErrBadMessage, "%s: %s is %d, more than %d", t.name, what, n, limit)
	}
	return min(n, limit)
}

func (t *tuple) bool(what string) bool { return t.next() && t.Bool(what) }

// end passes what a later version has added, and returns the first failure.
func (t *tuple) end() error {
	for ; t.left > 0; t.left-- {
		t.Skip()
	}
	return t.err
}
