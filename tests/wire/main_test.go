package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
)

// program is the middb under test, built by TestMain.
var program string

// TestMain builds the program. As the process of an attack it runs that instead.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		if name := os.Getenv(attackVariable); name != "" {
			return attackMain(name)
		}
		dir, err := os.MkdirTemp("", "middb-wire")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "middb")
		if out, err := exec.Command("go", "build", "-o", program, "../../cmd/middb").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

var ports atomic.Uint64 // that were asked for

// freePort returns a port that nobody listens on. It lies below those that the system gives to connections: else a
// client that dials it while the server is down could be given it, and be connected with itself.
func freePort(t testing.TB) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(os.Getpid()), ports.Add(1)))
	for range 1000 {
		port := strconv.Itoa(10000 + rng.IntN(22000))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("1000 ports are in use")
	return ""
}

// check fails the test at an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
