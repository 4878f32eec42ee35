package peercred

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// TestMain is also the client that connects as somebody else.
func TestMain(m *testing.M) {
	if socket := os.Getenv("PEERCRED_CONNECT"); socket != "" {
		c, err := net.Dial("unix", socket)
		if err != nil {
			panic(err)
		}
		_, _ = c.Read(make([]byte, 1)) // until the server has looked
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func listen(t *testing.T, dir string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func accept(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func skipWhereUnknown(t *testing.T) {
	t.Helper()
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd":
	default:
		t.Skip("this system does not tell")
	}
}

func TestOwnAccountIsTrusted(t *testing.T) {
	skipWhereUnknown(t)
	l := listen(t, t.TempDir())
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c := accept(t, l)
	if uid, err := UID(c); err != nil || int(uid) != os.Getuid() {
		t.Errorf("uid %d, %v", uid, err)
	}
	if !Trusted(c) {
		t.Error("it is not trusted")
	}
}

func TestOtherAccountIsNotTrusted(t *testing.T) {
	skipWhereUnknown(t)
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "peer") //nolint:usetesting // a path that everybody may enter
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l := listen(t, dir)
	// A copy of this program that everybody may run.
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "client")
	for _, err := range []error{
		os.WriteFile(program, self, 0o755), os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "s"), 0o777),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "PEERCRED_CONNECT="+l.Addr().String())
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if err := cmd.Start(); err != nil {
		t.Skipf("cannot run as somebody else: %v", err)
	}
	c := accept(t, l)
	uid, err := UID(c)
	if err != nil || uid != nobody {
		t.Errorf("uid %d, %v", uid, err)
	}
	if Trusted(c) {
		t.Error("somebody else is trusted")
	}
	c.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestOnlyUnixSocketsAreKnown(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, err := UID(a); !errors.Is(err, ErrUnsupported) || Trusted(a) {
		t.Error(err)
	}
}
