package wire

import (
	"encoding/binary"
	"fmt"
)

// The version of the protocol that this package speaks. Peers with the same major version understand one another.
const (
	Major = 1
	Minor = 0
)

// PrefaceBytes is the length of what each side sends first.
const PrefaceBytes = 8

const magic = "MIDB"

// A Preface is the first thing that each side says: which protocol, which version.
type Preface struct {
	Major, Minor uint8
	Flags        uint16 // none are defined: senders write 0, readers ignore them
}

// AppendPreface appends the preface of this version.
func AppendPreface(dst []byte) []byte {
	dst = append(dst, magic...)
	return append(dst, Major, Minor, 0, 0)
}

// ErrNotMiddb is returned by ParsePreface for bytes of another protocol.
var ErrNotMiddb = fmt.Errorf("%w: the other side does not speak the middb protocol", ErrProtocol)

// ParsePreface reads a preface. A major version other than ours is no error here: see [Preface.Check].
func ParsePreface(b [PrefaceBytes]byte) (Preface, error) {
	if string(b[:4]) != magic {
		return Preface{}, ErrNotMiddb
	}
	return Preface{Major: b[4], Minor: b[5], Flags: binary.BigEndian.Uint16(b[6:])}, nil
}

// Check returns an Error if the versions do not fit together.
func (p Preface) Check() error {
	if p.Major != Major {
		return Errorf(ErrUnsupportedVersion, "the other side speaks version %d.%d of the protocol, this one %d.%d", p.Major, p.Minor, Major, Minor)
	}
	return nil
}
