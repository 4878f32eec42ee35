// Package peercred says which account of the machine is at the other end of a Unix socket, as the kernel
// knows it: by SO_PEERCRED on Linux, by LOCAL_PEERCRED on macOS and FreeBSD. On other systems nobody is known.
package peercred
