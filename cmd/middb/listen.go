package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/middb/middb/cmd/middb/internal/config"
)

// listenTCP listens on an address. If only this machine is to reach it that is made sure: localhost can be
// anything, for the system.
func listenTCP(address string) (net.Listener, error) {
	l, err := net.Listen(networkOf(address), address)
	if err != nil {
		return nil, err
	}
	if at := l.Addr().(*net.TCPAddr); config.Local(address) && !at.IP.IsLoopback() {
		return nil, errors.Join(fmt.Errorf("listen on %s: this system takes it for %v, which other machines reach", address, at), l.Close())
	}
	return l, nil
}

// networkOf returns the network to listen on. Of "tcp" 0.0.0.0 is all addresses, those of IPv6 as well; who writes it
// means those of IPv4.
func networkOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	switch ip, err := netip.ParseAddr(host); {
	case err != nil || ip == netip.IPv6Unspecified():
		return "tcp"
	case ip.Unmap().Is4():
		return "tcp4"
	default:
		return "tcp6"
	}
}

// listenUnix listens on a Unix socket that only our own account may connect to. A socket that is there is
// replaced if nobody listens on it, as after a crash.
func listenUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	// Not chmod afterwards: who connects before it stays connected. Files that the database makes at the same
	// time are for our account only as well.
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	return net.Listen("unix", path)
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return errors.New("there is a file, which is no socket; it was left alone")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close() // it was opened to see whether it can be
		return errors.New("another program listens there")
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	default:
		return err
	}
}
