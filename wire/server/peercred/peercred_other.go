//go:build unix && !linux && !darwin && !freebsd

package peercred

func peerUID(int) (uint32, error) { return 0, ErrUnsupported }
