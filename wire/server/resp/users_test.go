package resp

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// changingUsers has one user, ada, whose role changes; without one she is gone.
type changingUsers struct {
	mu         sync.Mutex
	generation uint64
	role       Role
}

// A holder is ada with the role that she had at a time.
type holder struct{ role Role }

func (holder) Name() string { return "ada" }

func (h holder) May(role Role, _ string) error {
	if role <= h.role {
		return nil
	}
	return errors.New("ada lacks a role")
}

func (u *changingUsers) set(role Role) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.generation++
	u.role = role
}

func (u *changingUsers) Generation() uint64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.generation
}

func (u *changingUsers) Open() bool { return false }

func (u *changingUsers) Refresh(Identity) (Identity, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.role == Anyone {
		return nil, errors.New("ada was removed")
	}
	return holder{u.role}, nil
}

func (u *changingUsers) Authenticate(context.Context, net.Addr, string, string) (Identity, error) {
	return u.Refresh(nil)
}

func TestUsersMayChangeWhileTheyAreConnected(t *testing.T) {
	u := &changingUsers{role: Write}
	s := newServer(t, Options{Authenticator: u})
	c := s.client()
	refused := func(command ...string) {
		t.Helper()
		if got := c.do(command...); !strings.HasPrefix(got, "-NOPERM") {
			t.Errorf("%q: %s", command, got)
		}
	}
	c.want("+OK", "AUTH", "ada", "pw")
	c.want("+OK", "SET", "a", "1")
	u.set(Read)
	refused("SET", "a", "2")
	c.want(`"1"`, "GET", "a")
	u.set(Write)
	c.want("+OK", "SET", "a", "3")

	// What was queued by somebody who might is not executed for somebody who may not.
	c.want("+OK", "MULTI")
	c.want("+QUEUED", "SET", "a", "4")
	u.set(Read)
	if got := c.do("EXEC"); !strings.HasPrefix(got, "-EXECABORT") {
		t.Errorf("EXEC: %s", got)
	}
	c.want(`"3"`, "GET", "a")

	u.set(Anyone)
	if got := c.do("GET", "a"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("a user who is gone reads: %s", got)
	}
	u.set(Read)
	c.want("+OK", "AUTH", "ada", "pw")
	c.want(`"3"`, "GET", "a")
}

// crowdedUsers never get to look at a password, but for bob's.
type crowdedUsers struct{ testUsers }

func (u crowdedUsers) Authenticate(ctx context.Context, from net.Addr, user, password string) (Identity, error) {
	if user == "bob" {
		return u.testUsers.Authenticate(ctx, from, user, password)
	}
	<-ctx.Done()
	return nil, context.Cause(ctx)
}

func TestALoginThatWaitedTooLongIsNoWrongPassword(t *testing.T) {
	s := newServer(t, Options{Authenticator: crowdedUsers{}, Limits: Limits{LoginTimeout: 50 * time.Millisecond}})
	c := s.client()
	c.want("+OK", "AUTH", "bob", "bobpw")
	if got := c.do("AUTH", "ada", "adapw"); !strings.HasPrefix(got, "-TRYAGAIN") {
		t.Errorf("AUTH: %s", got)
	}
}
