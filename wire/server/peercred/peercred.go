package peercred

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// ErrUnsupported is returned where the system does not tell, and for connections that are not Unix sockets.
var ErrUnsupported = errors.New("the other end's account is not known")

// UID returns the user id that the process at the other end had when it connected.
func UID(c net.Conn) (uint32, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("%w: this is a %T", ErrUnsupported, c)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var uid uint32
	var uidErr error
	if err := raw.Control(func(fd uintptr) { uid, uidErr = peerUID(int(fd)) }); err != nil {
		return 0, err
	}
	return uid, uidErr
}

// Trusted reports whether the other end runs as the account of this process, or as root: who can read the
// files of the database anyway. Where that is not known it is false.
func Trusted(c net.Conn) bool {
	uid, err := UID(c)
	return err == nil && (uid == 0 || uint64(uid) == uint64(unix.Getuid()))
}
