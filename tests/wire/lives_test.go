package wire

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/middb/middb/wire/client"
)

// Lives are a server that ends again and again while clients work, and is started anew on the same directory and port.
// Most lives end with SIGKILL at the moment when some client is told that its write is durable: no later moment
// would show more of a server that says so too early.
type lives struct {
	server *server
	rng    *rand.Rand // of the one who starts servers
	ended  chan struct{}
	fuse   atomic.Int64 // acknowledgements until the end of this life
	last   atomic.Bool  // this life is the last one
	kills  int
}

func newLives(t *testing.T, seed uint64) *lives {
	t.Helper()
	l := &lives{
		server: newServer(t, "--memory-budget", fmt.Sprint(8<<20)),
		rng:    rand.New(rand.NewPCG(seed, 0x6c69766573)), ended: make(chan struct{}, 1),
	}
	l.light()
	l.server.start()
	return l
}

// endless is the fuse of a life that nobody's acknowledgement ends.
const endless = -1 << 62

// light sets how many acknowledgements this life gives.
func (l *lives) light() { l.fuse.Store(20 + l.rng.Int64N(150)) }

// acknowledged is to be called by clients as soon as they are told that something is durable.
func (l *lives) acknowledged() {
	if l.fuse.Add(-1) == 0 {
		l.server.kill()
		l.ended <- struct{}{}
	}
}

// run gives the server so many lives, and lets clients work until the last one ends.
func (l *lives) run(count int, clients ...func(ctx context.Context) error) error {
	ctx, stop := context.WithTimeoutCause(context.Background(), time.Duration(count)*10*time.Second, errors.New("the lives take too long"))
	defer stop()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	errs := make([]error, len(clients))
	var work sync.WaitGroup
	for i, c := range clients {
		work.Go(func() {
			if errs[i] = c(ctx); errs[i] != nil {
				fail(errs[i])
			}
		})
	}
	var err error
	for life := 1; err == nil; life++ {
		select {
		case <-l.ended:
			l.kills++
		case <-ctx.Done():
			err = context.Cause(ctx)
			continue
		}
		if life%4 == 0 { // this one is to end well
			err = l.endWell()
		}
		if life == count {
			l.fuse.Store(endless)
			l.last.Store(true)
			err = errors.Join(err, l.server.launch())
			break
		}
		l.light()
		err = errors.Join(err, l.server.launch())
	}
	if err != nil {
		fail(err)
	}
	work.Wait()
	return errors.Join(append(errs, err)...)
}

// endWell starts the server and ends it with SIGTERM, in the middle of what clients do.
func (l *lives) endWell() error {
	l.fuse.Store(endless)
	if err := l.server.launch(); err != nil {
		return err
	}
	// The clients are given a moment to come back: as long as a few commits take.
	for began := l.fuse.Load(); l.fuse.Load() > began-20; {
		select {
		case <-l.server.exited:
			return errors.New("the server ended by itself")
		case <-time.After(time.Millisecond):
		}
	}
	if err := l.server.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-l.server.exited:
	case <-time.After(patience):
		return errors.New("the server does not end after SIGTERM")
	}
	if code := l.server.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("after SIGTERM the exit code is %d", code)
	}
	return nil
}

// open returns a client that does not give up while the server is down.
func (l *lives) open(ctx context.Context, seed uint64) (*client.Client, error) {
	return client.Open(ctx, "middb://"+l.server.address+"?durability=sync", client.Options{
		Random: rand.NewPCG(seed, 0), Attempts: 1000, Connections: 2,
	})
}
