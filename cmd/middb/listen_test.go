package main

import (
	"net"
	"testing"
)

func TestAddressesListenOnTheirOwnNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:1": "tcp4", "127.0.0.1:1": "tcp4", "[::ffff:127.0.0.1]:1": "tcp4", "[::1]:1": "tcp6", "[fe80::1%lo]:1": "tcp6",
		"[::]:1": "tcp", ":1": "tcp", "localhost:1": "tcp",
	} {
		if got := networkOf(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func TestAllOfIPv4IsNothingOfIPv6(t *testing.T) {
	probe, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("there is no IPv6 here: %v", err)
	}
	probe.Close()
	s := startServer(t, t.TempDir(), "--bind", "0.0.0.0:0", "--insecure", "--metrics", "0.0.0.0:0")
	for _, setting := range []string{"bind", "metrics"} {
		_, port, err := net.SplitHostPort(s.at[setting])
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range map[string]bool{"127.0.0.1": true, "::1": false} {
			c, err := net.Dial("tcp", net.JoinHostPort(at, port))
			if (err == nil) != want {
				t.Errorf("%s: %s: %v", setting, at, err)
			}
			if err == nil {
				c.Close()
			}
		}
	}
	s.stop()
}
