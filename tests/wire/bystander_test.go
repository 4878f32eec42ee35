package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

// pace is how often a bystander makes a request.
const pace = 2 * time.Millisecond

// A bystander is a well-behaved client beside an attack. It writes and reads a few keys, at a steady pace, and knows
// what they must hold.
type bystander struct {
	*peer
	written map[string][]byte
	count   int
}

// once makes a request, and checks the answer.
func (b *bystander) once() error {
	b.count++
	k := fmt.Sprintf("bystander/%d", b.count/2%16)
	if b.count%2 == 0 {
		v := binary.BigEndian.AppendUint64(bytes.Repeat([]byte{'v'}, 100), uint64(b.count))
		if err := b.put(k, v, wire.NoSync); err != nil {
			return err
		}
		b.written[k] = v
		return nil
	}
	v, err := b.get(k)
	if err != nil {
		return err
	}
	if !bytes.Equal(v, b.written[k]) {
		return fmt.Errorf("%s has the value %q; %q was written", k, v, b.written[k])
	}
	return nil
}

// paced calls once at a steady pace until stop is closed, and returns how long requests take that come at any moment:
// for a call that took longer than the pace, those count as well that would have come meanwhile and waited for its
// end. Otherwise a server that stands still would have been asked only once. (Gil Tene, "How NOT to measure latency".)
func paced(stop <-chan struct{}, once func() error) (latencies []time.Duration, err error) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return latencies, nil
		}
		began := time.Now()
		if err := once(); err != nil {
			return latencies, err
		}
		for took := time.Since(began); took > 0; took -= pace {
			latencies = append(latencies, took)
		}
	}
}

// An echo is a server that does nothing but send back what it gets: how long it takes is how long the machine takes.
type echo struct{ net.Conn }

// startEcho starts one, as a process.
func startEcho(t *testing.T) echo {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), attackVariable+"="+echoName)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() }) // it is killed with the context
	address, err := bufio.NewReader(out).ReadString('\n')
	check(t, err)
	conn, err := net.Dial("tcp", strings.TrimSpace(address))
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	return echo{conn}
}

// once sends a request's worth of bytes and waits for them.
func (e echo) once() error {
	var b [100]byte
	if err := e.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := e.Write(b[:]); err != nil {
		return err
	}
	_, err := io.ReadFull(e, b[:])
	return err
}

// p99 returns the 99th percentile.
func p99(latencies []time.Duration) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	slices.Sort(latencies)
	return latencies[len(latencies)*99/100]
}
