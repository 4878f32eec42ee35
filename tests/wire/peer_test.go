package wire

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/xdg-go/scram"

	"github.com/middb/middb/wire"
)

// A peer is the simplest client there is, independent of package client: one request at a time, or whatever bytes an
// attack likes. It is for one goroutine.
type peer struct {
	net.Conn
	frames *wire.FrameReader
	last   uint32 // request id
	out    []byte
}

// A message is a body that package wire can encode.
type message interface{ Append(dst []byte) []byte }

// raw is a body as it is.
type raw []byte

func (r raw) Append(dst []byte) []byte { return append(dst, r...) }

var nothing = raw(wire.AppendNil(nil))

// connect opens a connection and exchanges prefaces. Nothing on it takes longer than patience.
func connect(network, address string) (*peer, error) {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return nil, err
	}
	p := newPeer(conn)
	if err := p.preface(); err != nil {
		conn.Close()
		return nil, err
	}
	return p, nil
}

func newPeer(conn net.Conn) *peer {
	return &peer{Conn: conn, frames: wire.NewFrameReader(conn, 64<<20)}
}

func (p *peer) preface() error {
	if err := p.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := p.Write(wire.AppendPreface(nil)); err != nil {
		return err
	}
	var answer [wire.PrefaceBytes]byte
	for n := 0; n < len(answer); {
		got, err := p.Read(answer[n:])
		if n += got; err != nil {
			return err
		}
	}
	preface, err := wire.ParsePreface(answer)
	return errors.Join(err, preface.Check())
}

// append appends a request to what flush sends, and returns its id.
func (p *peer) append(t wire.Type, f wire.Flags, body message) uint32 {
	p.last++
	start := len(p.out)
	p.out = wire.EndFrame(body.Append(wire.BeginFrame(p.out, t, f, p.last)), start)
	return p.last
}

// flush sends what was appended.
func (p *peer) flush() error {
	_, err := p.Write(p.out)
	p.out = p.out[:0]
	return err
}

// next returns the next frame; an ERROR is a frame here.
func (p *peer) next() (wire.Frame, error) { return p.frames.Next() }

// call makes a request and returns the body of its OK, valid until the next call.
func (p *peer) call(t wire.Type, body message) ([]byte, error) {
	if err := p.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	id := p.append(t, 0, body)
	lost := p.flush() // the server may have said why
	f, err := p.next()
	if err != nil {
		err = errors.Join(lost, err)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%v: %w", t, err)
	case f.Type == wire.TypeError:
		e, err := wire.DecodeError(f.Body)
		return nil, fmt.Errorf("%v: %w", t, errors.Join(err, e))
	case f.Type != wire.TypeOK || f.ID != id:
		return nil, fmt.Errorf("%v, request %d, is answered by %v to request %d", t, id, f.Type, f.ID)
	}
	return f.Body, nil
}

// hello begins a session.
func (p *peer) hello(m wire.Hello) (r wire.HelloReply, err error) {
	m.Client = "test"
	body, err := p.call(wire.TypeHello, &m)
	if err == nil {
		err = r.Decode(body)
	}
	return r, err
}

// An account is who an attack logs in as.
type account struct {
	name  string
	scram *scram.Client // keeps the keys that it has derived, which takes long
}

func newAccount(name, password string) (*account, error) {
	c, err := scram.SHA256.NewClient(name, password, "")
	return &account{name, c}, err
}

// login says hello, and who it is.
func (p *peer) login(a *account, m wire.Hello) error {
	if _, err := p.hello(m); err != nil || a == nil {
		return err
	}
	talk := a.scram.NewConversation()
	answer, mechanism := "", wire.ScramSHA256
	for {
		data, err := talk.Step(answer)
		if err != nil || data == "" && talk.Done() {
			return err
		}
		body, err := p.call(wire.TypeAuth, &wire.Auth{Mechanism: mechanism, Data: []byte(data)})
		if err != nil {
			return err
		}
		var r wire.Auth
		if err := r.Decode(body); err != nil {
			return err
		}
		answer, mechanism = string(r.Data), "" // it is named in the first step only
	}
}

// get returns the value of a key; nil if it is not there.
func (p *peer) get(k string) ([]byte, error) {
	body, err := p.call(wire.TypeGet, &wire.Get{Key: []byte(k)})
	if err != nil {
		return nil, err
	}
	d := wire.NewDecoder(body)
	v := d.OptionalBytes("the value")
	return v, d.Err()
}

func (p *peer) put(k string, v []byte, d wire.Durability) error {
	_, err := p.call(wire.TypePut, &wire.Put{Key: []byte(k), Value: v, Durability: d})
	return err
}

func (p *peer) stats() (s wire.Stats, err error) {
	body, err := p.call(wire.TypeStats, nothing)
	if err == nil {
		err = s.Decode(body)
	}
	return s, err
}
