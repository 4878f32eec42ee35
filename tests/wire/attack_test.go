package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

// attackVariable makes the test binary a process that attacks: it has the name of the attack.
const attackVariable = "MIDDB_WIRE_ATTACK"

// An order is what the process of an attack is told, on standard input.
type order struct {
	Address  string // of the native port
	RESP     string
	Name     string // who to log in as
	Password string
	Seed     uint64
	Time     time.Duration // how long to go on at least
	Count    int           // how many, where an attack counts
	Limits   limits
}

// limits are those that the server was started with, as far as attacks look at them.
type limits struct {
	Login, Frame, Write time.Duration
	MaxFrame            int
	MaxUnsent           int64
	Connections         int
}

// An attack is a client that means harm. Its function returns an error if the server does not treat it as it should.
type attack struct {
	order
	account *account
	ctx     context.Context // ends when it is time to stop
	done    atomic.Int64    // how much it did
}

var attacks = map[string]func(*attack) error{
	"slow login":             (*attack).slowLogin,
	"slow frames":            (*attack).slowFrames,
	"half-open connections":  (*attack).halfOpen,
	"never reading":          (*attack).neverReading,
	"many connections":       (*attack).manyConnections,
	"false lengths":          (*attack).falseLengths,
	"deep nesting":           (*attack).deepNesting,
	"other protocols":        (*attack).otherProtocols,
	"compressed bombs":       (*attack).bombs,
	"random frames":          (*attack).randomFrames,
	"cancelled requests":     (*attack).cancelled,
	"dropped transactions":   (*attack).dropped,
	"wrong passwords":        (*attack).wrongPasswords,
	"RESP slow bytes":        (*attack).respSlow,
	"RESP false lengths":     (*attack).respFalseLengths,
	"RESP never reading":     (*attack).respNeverReading,
	"RESP random commands":   (*attack).respRandom,
	"RESP queues and drops":  (*attack).respQueues,
	"RESP other protocols":   (*attack).respOtherProtocols,
	"RESP wrong passwords":   (*attack).respWrongPasswords,
	"RESP endless pipelines": (*attack).respPipelines,
}

// attackMain is the whole life of the process of an attack.
func attackMain(name string) int {
	if name == echoName {
		if err := echoMain(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	a := &attack{}
	err := json.NewDecoder(os.Stdin).Decode(&a.order)
	if err == nil {
		a.account, err = newAccount(a.Name, a.Password)
	}
	if err == nil {
		var cancel context.CancelFunc
		a.ctx, cancel = context.WithTimeout(context.Background(), a.Time)
		defer cancel()
		err = attacks[name](a)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	fmt.Println(a.done.Load())
	return 0
}

// launch runs an attack in a process of its own, and returns how much it did. The process has a low priority: attackers
// bring their own processors along, and here there is none but the server's.
func (o order) launch(t *testing.T, name string) (done string, err error) {
	t.Helper()
	input, err := json.Marshal(o)
	check(t, err)
	cmd := exec.CommandContext(t.Context(), "nice", "-n", "15", os.Args[0])
	cmd.Env = append(os.Environ(), attackVariable+"="+name)
	var out, complaint strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(input)), &out, &complaint
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w: %s", err, complaint.String())
	}
	return strings.TrimSpace(out.String()), err
}

// echoName is the name of what is no attack: see echoMain.
const echoName = "echo"

// echoMain is the life of a process that sends back what it gets, on one connection to the address that it prints.
func echoMain() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	conn, err := l.Accept()
	if err != nil {
		return err
	}
	_, err = io.Copy(conn, conn)
	return err
}

// random returns a source for the n-th part of the attack.
func (a *attack) random(n int) *rand.Rand { return rand.New(rand.NewPCG(a.Seed, uint64(n))) }

// session returns a connection that is logged in. An attacker has a low priority: where there is much else to do it may
// not log in before the server's patience ends, and tries again.
func (a *attack) session(m wire.Hello) (p *peer, err error) {
	for range 5 {
		if p, err = a.trySession(m); !errors.Is(err, wire.ErrAuthTimeout) {
			break
		}
	}
	return p, err
}

func (a *attack) trySession(m wire.Hello) (*peer, error) {
	p, err := connect("tcp", a.Address)
	if err != nil {
		return nil, err
	}
	if err := p.login(a.account, m); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// each runs f in n goroutines until all have returned. An error of one ends the attack.
func (a *attack) each(n int, f func(i int) error) error {
	ctx, stop := context.WithCancel(a.ctx)
	defer stop()
	a.ctx = ctx
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if errs[i] = f(i); errs[i] != nil {
				stop()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// over reports whether it is time to stop.
func (a *attack) over() bool { return a.ctx.Err() != nil }

// pause waits for a moment, and reports whether the attack goes on.
func (a *attack) pause(d time.Duration) bool {
	select {
	case <-a.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// trickle sends bytes one by one, until they are all sent, the server closes the connection, or the attack is over.
func (a *attack) trickle(conn net.Conn, b []byte, pause time.Duration) error {
	for i := range b {
		if !a.pause(pause) {
			return nil
		}
		if _, err := conn.Write(b[i : i+1]); err != nil {
			return err
		}
	}
	return nil
}

// closed waits until the server has closed the connection, and returns what it said before.
func closed(conn net.Conn, within time.Duration) (said []byte, err error) {
	if err = conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	said, err = io.ReadAll(conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return said, fmt.Errorf("the connection is still open after %v", within)
	}
	return said, nil // by FIN or RST
}

// reset closes a connection by RST: what was on its way is thrown away.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}
