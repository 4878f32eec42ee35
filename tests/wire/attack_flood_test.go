package wire

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/middb/middb/wire"
)

// errReset says that the server has closed a connection without a word that arrived.
var errReset = errors.New("the connection was reset")

func isReset(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// manyConnections opens more connections than the server takes, most of them with sessions. Some of those that are too
// many are told so, and no more are served than the limit.
func (a *attack) manyConnections() error {
	const dialers = 50
	var told, sessions atomic.Int64
	held := make([][]*peer, dialers)
	defer func() {
		for _, peers := range held {
			for _, p := range peers {
				p.Close()
			}
		}
	}()
	err := a.each(dialers, func(i int) error {
		for n := i; n < a.Count; n += dialers {
			login := n%5 > 1
			p, err := a.knock(login)
			switch {
			case errors.Is(err, wire.ErrTooManyConnections):
				told.Add(1)
			case isReset(err): // many at a time are not all told
			case err != nil:
				return err
			default:
				held[i] = append(held[i], p)
				if login {
					sessions.Add(1)
				}
			}
			a.done.Add(1)
		}
		return nil
	})
	if most := int64(a.Limits.Connections); err == nil && (sessions.Load() > most || told.Load() == 0) {
		err = fmt.Errorf("of %d connections %d have a session; %d were told that they are too many; the limit is %d", a.Count, sessions.Load(), told.Load(), most)
	}
	return err
}

// knock opens a connection, with a session or without a word.
func (a *attack) knock(login bool) (*peer, error) {
	p, err := connect("tcp", a.Address)
	if err != nil || !login {
		return p, err
	}
	if err := p.login(a.account, wire.Hello{}); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// cancelled asks for long work, and cancels it at once.
func (a *attack) cancelled() error {
	return a.each(8, func(i int) error {
		p, err := a.session(wire.Hello{})
		if err != nil {
			return err
		}
		defer reset(p)
		answered := make(chan error, 1)
		go func() { answered <- p.drain() }()
		for ; !a.over(); i++ {
			for range 100 {
				id := p.last + 1
				switch i % 3 {
				case 0:
					p.append(wire.TypeScan, wire.AnyOrder, &wire.Scan{Credit: 1 << 30})
				case 1:
					p.append(wire.TypeCount, 0, &wire.Count{})
				default:
					p.append(wire.TypeWatch, wire.AnyOrder, &wire.Watch{})
				}
				cancel := wire.ID(id)
				p.append(wire.TypeCancel, 0, &cancel)
			}
			if err = p.SetDeadline(time.Now().Add(patience)); err != nil {
				return err
			}
			if err = p.flush(); err != nil {
				return errors.Join(err, <-answered)
			}
			a.done.Add(100)
		}
		return nil
	})
}

// drain reads frames until there are no more, and returns why.
func (p *peer) drain() error {
	for {
		f, err := p.next()
		if err != nil {
			return err
		}
		if f.Type == wire.TypeError && f.ID == 0 {
			e, err := wire.DecodeError(f.Body)
			return errors.Join(err, e)
		}
	}
}

// dropped opens as many transactions, cursors and watches as a connection may have, and leaves by RST.
func (a *attack) dropped() error {
	return a.each(8, func(i int) error {
		for ; !a.over(); i++ {
			p, err := a.session(wire.Hello{})
			if err != nil {
				return err
			}
			for n := range uint64(64) {
				p.append(wire.TypeBegin, 0, &wire.Begin{})
				p.append(wire.TypePut, wire.NoReply, &wire.Put{Key: fmt.Appendf(nil, "dropped/%d/%d", i, n), Value: make([]byte, 1000), Txn: n + 1})
				p.append(wire.TypeScan, 0, &wire.Scan{Txn: n + 1, Credit: 1})
				p.append(wire.TypeScan, 0, &wire.Scan{Credit: 1})
				if n%2 == 0 {
					p.append(wire.TypeWatch, 0, &wire.Watch{Credit: 1})
				}
			}
			err = p.flush()
			if err == nil && i%2 == 0 {
				_, err = p.next()
			}
			reset(p)
			if err != nil {
				return err
			}
			a.done.Add(1)
		}
		return nil
	})
}

// wrongPasswords guesses, and says other things that are no login.
func (a *attack) wrongPasswords() error {
	wrong, err := newAccount("victim", "guess")
	if err != nil {
		return err
	}
	steps := []string{"", "n,,", "n,,n=victim", "y,,n=victim,r=x", "n,,n=victim,r=", "p=tls-unique,,n=victim,r=abc", "c=biws,r=x,p=eA==", "\x00\xff"}
	return a.each(16, func(i int) error {
		for ; !a.over(); i++ {
			p, err := connect("tcp", a.Address)
			if err != nil {
				return err
			}
			if i%2 == 0 {
				err = p.login(wrong, wire.Hello{})
			} else if _, err = p.hello(wire.Hello{}); err == nil {
				_, err = p.call(wire.TypeAuth, &wire.Auth{Mechanism: wire.ScramSHA256, Data: []byte(steps[i/2%len(steps)])})
				if err == nil { // that was a beginning; this is no end
					_, err = p.call(wire.TypeAuth, &wire.Auth{Data: []byte(steps[i/3%len(steps)])})
				}
			}
			if err == nil {
				_, err = p.get("big/0")
			}
			p.Close()
			if !errors.Is(err, wire.ErrAuthFailed) && !errors.Is(err, wire.ErrAuthRequired) && !errors.Is(err, wire.ErrBadMessage) && !isReset(err) {
				return fmt.Errorf("a wrong login: %w", err)
			}
			a.done.Add(1)
		}
		return nil
	})
}
