package wire

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/wire"
)

// TestTerminationFinishesWhatIsUnderWay sends a server many writes at once and SIGTERM behind them. Every write is
// either acknowledged, and there when the server runs again, or refused because it shuts down.
func TestTerminationFinishesWhatIsUnderWay(t *testing.T) {
	s := startServer(t)
	const clients, writes = 8, 20_000 // more than is read before the signal comes
	acknowledged := make([][]string, clients)
	var begun, work sync.WaitGroup
	begun.Add(clients)
	for i := range clients {
		p, err := connect("tcp", s.address)
		check(t, err)
		_, err = p.hello(wire.Hello{Notices: i%2 == 0})
		check(t, err)
		work.Go(func() {
			defer p.Close()
			keys := map[uint32]string{}
			for n := range writes {
				k := fmt.Sprintf("%d/%d", i, n)
				keys[p.append(wire.TypePut, 0, &wire.Put{Key: []byte(k), Value: make([]byte, 100), Durability: wire.Sync})] = k
			}
			out := p.out
			work.Go(func() { _, _ = p.Write(out) }) // the server may read no more
			// As soon as the first one is acknowledged there are some that are not.
			first := sync.OnceFunc(begun.Done)
			defer first()
			for {
				f, err := p.next()
				if err != nil {
					if !isReset(err) {
						t.Errorf("read: %v", err)
					}
					return
				}
				if f.Type == wire.TypeOK {
					acknowledged[i] = append(acknowledged[i], keys[f.ID])
					first()
				}
				if f.Type == wire.TypeError {
					if e, err := wire.DecodeError(f.Body); err != nil || !errors.Is(e, wire.ErrShuttingDown) {
						t.Errorf("refused: %v, %v", err, e)
					}
				}
			}
		})
	}
	begun.Wait()
	s.signal(syscall.SIGTERM)
	work.Wait() // all connections end
	if code := s.wait(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.start()
	p, err := connect("tcp", s.address)
	check(t, err)
	_, err = p.hello(wire.Hello{})
	check(t, err)
	total := 0
	for _, keys := range acknowledged {
		for _, k := range keys {
			total++
			if v, err := p.get(k); err != nil || v == nil {
				t.Fatalf("%s was acknowledged, and is not there: %v", k, err)
			}
		}
	}
	t.Logf("%d of %d writes were acknowledged", total, clients*writes)
	if p.Close(); total == 0 {
		t.Error("no write was acknowledged")
	}
	s.terminate()
}

// TestKilledServersLeaveNothingBehind kills a server, and starts the next one at once: neither a lock nor a socket that
// is left behind may stop it.
func TestKilledServersLeaveNothingBehind(t *testing.T) {
	socket := t.TempDir() + "/s"
	s := startServer(t, "--unix", socket)
	for range 3 {
		p, err := connect("unix", socket)
		check(t, err)
		_, err = p.hello(wire.Hello{})
		check(t, err)
		check(t, p.put("k", []byte("v"), wire.Sync))
		s.kill()
		began := time.Now()
		s.start()
		if took := time.Since(began); took > patience/2 {
			t.Errorf("the next server took %v", took)
		}
		p.Close()
	}
	s.terminate()
}
