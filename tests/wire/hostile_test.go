package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/tests/environment"
	"github.com/middb/middb/wire"
)

// Limits of the server that is attacked. They are small, so that the attacks reach them soon.
const (
	maxMemory      = 128 << 20
	maxFrame       = 4 << 20
	maxUnsent      = 4 << 20
	maxConnections = 4096
	loginTimeout   = 2 * time.Second
	frameTimeout   = time.Second
	writeTimeout   = time.Second
)

// garbage is what the process may be larger than its limit: Go's collector lets the heap become twice what is in use
// before it collects, and the engine has a memtable and a cache of its own.
const garbage = maxMemory + 64<<20

// calm is the least that the 99th percentile of quiet times is taken for: below it, it is the machine that is measured.
const calm = time.Millisecond

// TestHostileClientsHarmNobodyElse attacks a server, in one way after another.
func TestHostileClientsHarmNobodyElse(t *testing.T) {
	h := newHostile(t)
	for _, a := range []struct {
		name  string
		count int // by day
	}{
		{name: "slow login"},
		{name: "slow frames"},
		{name: "half-open connections"},
		{name: "never reading"},
		{name: "many connections", count: 10_000},
		{name: "false lengths"},
		{name: "deep nesting"},
		{name: "other protocols"},
		{name: "compressed bombs"},
		{name: "random frames", count: 1_000_000},
		{name: "cancelled requests"},
		{name: "dropped transactions"},
		{name: "wrong passwords"},
		{name: "RESP slow bytes"},
		{name: "RESP false lengths"},
		{name: "RESP never reading"},
		{name: "RESP random commands", count: 20_000},
		{name: "RESP queues and drops"},
		{name: "RESP other protocols"},
		{name: "RESP wrong passwords"},
		{name: "RESP endless pipelines"},
	} {
		fine := t.Run(strings.ReplaceAll(a.name, " ", "_"), func(t *testing.T) { h.attack(t, a.name, a.count) })
		if !fine { // the next one is to fail by itself
			h.server.kill()
			h = newHostile(t)
		}
	}
	h.server.terminate()
}

// A hostile is a server with users, one of whom is well-behaved.
type hostile struct {
	server  *server
	order   order
	admin   *peer // of the Unix socket
	quiet   *bystander
	echo    echo
	metrics string // URL
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	socket, resp, monitor := t.TempDir()+"/s", net.JoinHostPort("127.0.0.1", freePort(t)), net.JoinHostPort("127.0.0.1", freePort(t))
	bytes := func(n int) string { return strconv.Itoa(n) }
	s := newServer(t,
		"--unix", socket, "--resp", resp, "--metrics", monitor, "--max-memory", bytes(maxMemory), "--max-frame", bytes(maxFrame),
		"--max-unsent", bytes(maxUnsent), "--max-connections", bytes(maxConnections), "--auth-timeout", loginTimeout.String(),
		"--durability", "nosync", "--frame-timeout", frameTimeout.String(), "--write-timeout", writeTimeout.String(), "--memory-budget", bytes(64<<20))
	h := &hostile{server: s, echo: startEcho(t), metrics: "http://" + monitor + "/metrics"}
	h.order = order{
		Address: s.address, RESP: resp, Name: "mallory", Password: "m", Seed: environment.Seed(t),
		Limits: limits{Login: loginTimeout, Frame: frameTimeout, Write: writeTimeout, MaxFrame: maxFrame, MaxUnsent: maxUnsent, Connections: maxConnections},
	}
	s.start()
	admin, err := connect("unix", socket)
	check(t, err)
	h.admin = admin
	_, err = admin.hello(wire.Hello{})
	check(t, err)
	for _, k := range []string{"calm", "users", "default.1"} {
		h.ask(t, wire.TypeKeyspaces, &wire.Keyspaces{Op: wire.OpOpen, Name: k, Create: true})
	}
	h.addUser(t, "root", "admin", "*")
	h.addUser(t, "ada", "write", "calm")
	h.addUser(t, "mallory", "write", "default", "default.1", "users")
	h.addUser(t, "victim", "write", "default")
	h.quiet = &bystander{peer: h.login(t, "ada", wire.Hello{Keyspace: "calm"}), written: map[string][]byte{}}
	_, err = h.measureQuiet() // warms up
	check(t, err)
	return h
}

// ask has the admin make a request.
func (h *hostile) ask(t *testing.T, typ wire.Type, m message) {
	t.Helper()
	_, err := h.admin.call(typ, m)
	check(t, err)
}

// addUser adds a user whose password is the first letter of the name.
func (h *hostile) addUser(t *testing.T, name, role string, keyspaces ...string) {
	t.Helper()
	u := &wire.Users{Op: wire.OpAdd, Name: name, Password: name[:1]}
	for _, k := range keyspaces {
		u.Grants = append(u.Grants, wire.Grant{Keyspace: k, Role: role})
	}
	h.ask(t, wire.TypeUsers, u)
}

// login opens a session of such a user.
func (h *hostile) login(t *testing.T, name string, m wire.Hello) *peer {
	t.Helper()
	a, err := newAccount(name, name[:1])
	check(t, err)
	p, err := connect("tcp", h.order.Address)
	check(t, err)
	check(t, p.login(a, m))
	return p
}

// attack runs an attack, and looks at the server meanwhile and afterwards.
//
// An echo beside it tells what the machine makes of it: other programs need processor time as well, and what a
// server that does nothing waits for is not the fault of one that does something. Even so it is tried five times.
func (h *hostile) attack(t *testing.T, name string, count int) {
	o := h.order
	o.Time, o.Count = 1500*time.Millisecond, h.scaled(t, name, count)
	if environment.Nightly() {
		o.Time, o.Count = 10*o.Time, 10*o.Count
	}
	before := h.holdings(t)
	for try := 1; ; try++ {
		quiet, err := h.measureQuiet()
		check(t, err)
		began := time.Now()
		m := h.under(t, name, o)
		bound := 10 * max(quiet, calm, m.echo)
		t.Logf("%s attacks in %.1f s; 99th percentile %v, of an echo %v, when quiet %v; at most %d MiB resident and %d MiB for connections",
			m.done, time.Since(began).Seconds(), m.busy, m.echo, quiet, m.peak.resident>>20, m.peak.buffered>>20)
		h.checkMemory(t, before, m.peak)
		h.checkReleased(t, before)
		if m.busy <= bound {
			return
		}
		if try == 5 {
			t.Fatalf("others wait %v at the 99th percentile, more than %v", m.busy, bound)
		}
		o.Seed++
	}
}

// measureQuiet returns the 99th percentile of the bystander while nothing else happens.
func (h *hostile) measureQuiet() (time.Duration, error) {
	stop := make(chan struct{})
	time.AfterFunc(300*time.Millisecond, func() { close(stop) })
	latencies, err := paced(stop, h.quiet.once)
	return p99(latencies), err
}

// scaled returns how many connections an attack can open here.
func (h *hostile) scaled(t *testing.T, name string, count int) int {
	t.Helper()
	if name != "many connections" {
		return count
	}
	var files syscall.Rlimit
	check(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files))
	most := int(files.Max) - 200
	if most < maxConnections*2 {
		t.Skipf("a process may open %d files here (ulimit -n), which is too few to have more connections than %d", files.Max, maxConnections)
	}
	if count > most {
		t.Logf("%d connections instead of %d: a process may open %d files here (ulimit -n)", most, count, files.Max)
	}
	return min(count, most)
}

// A measurement is what was seen during an attack.
type measurement struct {
	done       string        // how much it did
	busy, echo time.Duration // 99th percentiles
	peak       holdings      // greatest values of memory
}

// under looks at the bystander and the server during an attack.
func (h *hostile) under(t *testing.T, name string, o order) (m measurement) {
	t.Helper()
	stop := make(chan struct{})
	var worked, echoed, watched error
	var beside sync.WaitGroup
	in := func(err *error, p *time.Duration, once func() error) {
		beside.Go(func() {
			var latencies []time.Duration
			latencies, *err = paced(stop, once)
			*p = p99(latencies)
		})
	}
	in(&worked, &m.busy, h.quiet.once)
	in(&echoed, &m.echo, h.echo.once)
	beside.Go(func() { m.peak, watched = h.watch(stop) })
	done, err := o.launch(t, name)
	close(stop)
	beside.Wait()
	if err = errors.Join(err, worked, echoed, watched); err != nil {
		t.Fatalf("MIDDB_SEED=%d: %v", o.Seed, err)
	}
	if m.done = done; done == "0" {
		t.Fatal("the attack did nothing")
	}
	return m
}

// holdings are what the server holds for clients, and how large it is.
type holdings struct {
	connections, sessions, inFlight, txns, cursors int64
	engineTxns, views                              int64
	goroutines                                     int64
	buffered, resident                             int64
}

// holdings asks the server.
func (h *hostile) holdings(t *testing.T) holdings {
	t.Helper()
	now, err := h.look()
	check(t, err)
	if now.goroutines, err = h.goroutines(t.Context()); err != nil {
		t.Fatal(err)
	}
	return now
}

func (h *hostile) look() (now holdings, err error) {
	s, err := h.admin.stats()
	if err != nil {
		return now, err
	}
	now = holdings{
		connections: s.Server.Connections, sessions: s.Server.Sessions, inFlight: s.Server.InFlight, txns: s.Server.Txns, cursors: s.Server.Cursors,
		engineTxns: s.Engine.Txns, views: s.Engine.Views, buffered: s.Server.Buffered,
	}
	now.resident, err = h.server.residentBytes()
	return now, err
}

var goroutineCount = regexp.MustCompile(`(?m)^go_goroutines (\d+)`)

// goroutines returns how many goroutines the server has.
func (h *hostile) goroutines(ctx context.Context) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.metrics, nil)
	if err != nil {
		return 0, err
	}
	req.Close = true
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err
	}
	found := goroutineCount.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("%s does not tell the number of goroutines", h.metrics)
	}
	return strconv.ParseInt(string(found[1]), 10, 64)
}

// watch looks at the server's memory until stop is closed, and returns the greatest values.
func (h *hostile) watch(stop <-chan struct{}) (peak holdings, err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		now, err := h.look()
		if err != nil {
			return peak, err
		}
		peak.buffered, peak.resident = max(peak.buffered, now.buffered), max(peak.resident, now.resident)
		select {
		case <-tick.C:
		case <-stop:
			return peak, nil
		}
	}
}

// checkMemory checks the greatest values.
func (h *hostile) checkMemory(t *testing.T, before, peak holdings) {
	t.Helper()
	if peak.buffered > maxMemory {
		t.Errorf("connections took %d bytes; the limit is %d", peak.buffered, maxMemory)
	}
	if most := before.resident + maxMemory + garbage; peak.resident > most {
		t.Errorf("the process had %d MiB, before the attack %d; at most %d are allowed", peak.resident>>20, before.resident>>20, most>>20)
	}
}

// checkReleased waits until the server holds no more than before.
func (h *hostile) checkReleased(t *testing.T, before holdings) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	var left string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-tick.C {
		if left = h.holdings(t).beyond(before); left == "" {
			return
		}
	}
	t.Errorf("%v after the attack the server still has %s", patience, left)
}

// beyond says what there is more of than before.
func (now holdings) beyond(before holdings) string {
	var more []string
	for _, c := range []struct {
		name        string
		now, before int64
	}{
		{"connections", now.connections, before.connections},
		{"sessions", now.sessions, before.sessions},
		{"requests in flight", now.inFlight, before.inFlight},
		{"transactions", now.txns, before.txns},
		{"cursors", now.cursors, before.cursors},
		{"transactions of the engine", now.engineTxns, before.engineTxns},
		{"Views", now.views, before.views},
		{"goroutines", now.goroutines, before.goroutines},
		{"bytes for connections", now.buffered, before.buffered + 1<<20},
	} {
		if c.now > c.before {
			more = append(more, fmt.Sprintf("%d %s, before %d", c.now, c.name, c.before))
		}
	}
	return strings.Join(more, "; ")
}
