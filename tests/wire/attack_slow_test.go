package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/middb/middb/wire"
)

// slack is what a limit in time may be exceeded by, on a machine that has more to do.
const slack = 10 * time.Second

// slowLogin sends a preface, a HELLO or an AUTH byte by byte, and never the last one. The server must not wait for it
// longer than its limit.
func (a *attack) slowLogin() error {
	return a.each(200, func(i int) error {
		for ; !a.over(); i++ {
			if err := a.slowLoginOnce(i % 4); err != nil {
				return err
			}
			a.done.Add(1)
		}
		return nil
	})
}

func (a *attack) slowLoginOnce(step int) error {
	conn, err := net.Dial("tcp", a.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	p := newPeer(conn)
	slow := wire.AppendPreface(nil)
	if step > 0 {
		if err = p.preface(); err != nil {
			return err
		}
		p.append(wire.TypeHello, 0, &wire.Hello{Client: "a slow one"})
		slow = bytes.Clone(p.out)
		p.out = nil
	}
	if step == 3 {
		if _, err = p.hello(wire.Hello{}); err != nil {
			return err
		}
		p.append(wire.TypeAuth, 0, &wire.Auth{Mechanism: wire.ScramSHA256, Data: []byte("n,,n=mallory,r=abcdefgh")})
		slow = bytes.Clone(p.out)
	}
	if step == 1 {
		slow = slow[:wire.HeaderBytes]
	}
	// That the server closes it meanwhile is what it should do.
	_ = a.trickle(conn, slow[:len(slow)-1], a.Limits.Login/time.Duration(4*len(slow)))
	said, err := closed(conn, a.Limits.Login+slack)
	if err == nil && step == 0 && len(said) > 0 && !bytes.HasPrefix(said, []byte("MIDB")) {
		err = fmt.Errorf("without a preface the server says %q", said)
	}
	return err
}

// slowFrames sends frames byte by byte, and never the last one, in sessions that are logged in.
func (a *attack) slowFrames() error {
	return a.each(200, func(i int) error {
		for ; !a.over(); i++ {
			p, err := a.session(wire.Hello{})
			if err != nil {
				return err
			}
			frame := wire.AppendHeader(nil, wire.Header{Length: uint32(2 << (i % 20)), ID: 9, Type: wire.TypePut})
			frame = append(frame, wire.AppendArray(nil, 2)...)
			_ = a.trickle(p, frame, a.Limits.Frame/50)
			_, err = closed(p, a.Limits.Frame+slack)
			p.Close()
			if err != nil {
				return fmt.Errorf("half a frame: %w", err)
			}
			a.done.Add(1)
		}
		return nil
	})
}

// halfOpen leaves sessions with transactions and cursors in every way but GOODBYE.
func (a *attack) halfOpen() error {
	return a.each(50, func(i int) error {
		for ; !a.over(); i++ {
			if err := a.halfOpenOnce(i % 4); err != nil {
				return err
			}
			a.done.Add(1)
		}
		return nil
	})
}

func (a *attack) halfOpenOnce(way int) error {
	p, err := a.session(wire.Hello{})
	if err != nil {
		return err
	}
	defer reset(p)
	if _, err = p.call(wire.TypeBegin, &wire.Begin{}); err != nil {
		return err
	}
	p.append(wire.TypeScan, 0, &wire.Scan{Credit: 1})
	p.append(wire.TypeWatch, 0, &wire.Watch{})
	if way == 1 {
		p.out = append(p.out, 0, 0, 1) // the beginning of a header
	}
	if err = p.flush(); err != nil {
		return err
	}
	if way == 3 {
		a.pause(100 * time.Millisecond) // and then not a word
		return nil
	}
	if way < 2 {
		if err = p.Conn.(*net.TCPConn).CloseWrite(); err != nil {
			return err
		}
		if _, err = closed(p, slack); err != nil {
			return fmt.Errorf("nothing more can come from the client: %w", err)
		}
	}
	return nil
}

const (
	bigValue  = 1 << 20
	bigValues = 8
)

func bigKey(i int) string { return fmt.Sprintf("big/%d", i) }

// putBig writes the values that a client asks for who never reads.
func (a *attack) putBig() error {
	p, err := a.session(wire.Hello{})
	if err != nil {
		return err
	}
	defer p.Close()
	for i := range bigValues {
		if err := p.put(bigKey(i), bytes.Repeat([]byte{byte(i)}, bigValue), wire.NoSync); err != nil {
			return err
		}
	}
	return nil
}

// neverReading asks for far more than it has memory for, and reads nothing. The server must cut it off, and must not
// have kept more for it than its limit.
func (a *attack) neverReading() error {
	if err := a.putBig(); err != nil {
		return err
	}
	return a.each(21, func(i int) error {
		if i == 20 { // one is watched
			return a.rewriteBig()
		}
		for ; !a.over(); i++ {
			if err := a.neverReadingOnce(i % 5); err != nil {
				return err
			}
			a.done.Add(1)
		}
		return nil
	})
}

// rewriteBig gives those who watch something that they do not read.
func (a *attack) rewriteBig() error {
	p, err := a.session(wire.Hello{})
	if err != nil {
		return err
	}
	defer p.Close()
	for i := 0; a.pause(20 * time.Millisecond); i++ {
		if err := p.put(bigKey(bigValues), bytes.Repeat([]byte{byte(i)}, bigValue/2), wire.NoSync); err != nil {
			return err
		}
	}
	return nil
}

func (a *attack) neverReadingOnce(way int) error {
	p, err := a.session(wire.Hello{})
	if err != nil {
		return err
	}
	defer reset(p)
	all := &wire.MGet{}
	for i := range bigValues {
		all.Keys = append(all.Keys, []byte(bigKey(i)))
	}
	for i := range 128 { // each for 8 MiB
		switch way {
		case 0:
			for _, k := range all.Keys {
				p.append(wire.TypeGet, 0, &wire.Get{Key: k})
			}
		case 1:
			p.append(wire.TypeScan, wire.AnyOrder, &wire.Scan{Prefix: []byte("big/"), Credit: 1 << 30})
		case 2:
			p.append(wire.TypeMGet, wire.AnyOrder, all)
		case 3:
			p.append(wire.TypePing, 0, raw(wire.AppendBin(nil, make([]byte, 1<<20))))
		default:
			if i == 0 {
				p.append(wire.TypeWatch, 0, &wire.Watch{Prefix: []byte("big/"), Credit: 1 << 30})
			}
		}
	}
	unread := 2 * a.Limits.Write
	if err = p.SetWriteDeadline(time.Now().Add(unread)); err != nil {
		return err
	}
	began := time.Now()
	_ = p.flush() // when the server reads no more, or has cut this client off, that is right
	time.Sleep(unread - time.Since(began))
	return a.mostlyUnsent(p, fmt.Sprintf("a client, %d, that had read nothing for %v", way, unread))
}

// mostlyUnsent reads what the server has kept for a client that did not read. Had it not cut the client off, nor
// refused what it asked for, it would now go on to send all of that, which is much.
func (a *attack) mostlyUnsent(conn net.Conn, who string) error {
	most := a.Limits.MaxUnsent + 16<<20 // and what is in the sockets
	for n := int64(0); n <= most; {
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return err
		}
		got, err := io.CopyN(io.Discard, conn, 64<<10)
		n += got
		if err != nil { // it is closed, or nothing more comes
			return nil
		}
	}
	return fmt.Errorf("more than %d bytes came to %s", most, who)
}

// falseLengths announces what never comes.
func (a *attack) falseLengths() error {
	lies := [][]byte{
		{0xdd, 0xff, 0xff, 0xff, 0xff},
		{0xdf, 0xff, 0xff, 0xff, 0xff},
		{0xc6, 0xff, 0xff, 0xff, 0xff},
		{0xdb, 0xff, 0xff, 0xff, 0xff},
		{0xdd, 0x00, 0x0f, 0x42, 0x40, 0xc0},
		{0x92, 0xc4, 0xff},
		{0xdc, 0xff, 0xff, 0xc0},
		{0xc9, 0xff, 0xff, 0xff, 0xff, 0x01},
		{0x91, 0xdd, 0x7f, 0xff, 0xff, 0xff},
		{},
		{0xc1},
		{0xc0, 0xc0},
	}
	return a.each(200, func(i int) error {
		for ; !a.over(); i++ {
			var err error
			switch i % 4 {
			case 0:
				err = a.tooLarge(i, false)
			case 1:
				err = a.tooLarge(i, true)
			case 2:
				err = a.lie(lies)
			default:
				err = a.announce()
			}
			if err != nil {
				return err
			}
			a.done.Add(1)
		}
		return nil
	})
}

// tooLarge sends the header of a frame above the limit, before or after the login.
func (a *attack) tooLarge(i int, login bool) (err error) {
	var p *peer
	length := uint32(64<<10 + 1)
	if login {
		p, err = a.session(wire.Hello{})
		length = uint32(a.Limits.MaxFrame + 1)
	} else {
		p, err = connect("tcp", a.Address)
	}
	if err != nil {
		return err
	}
	defer p.Close()
	if i%8 >= 4 {
		length = 1<<32 - 1
	}
	if _, err := p.Write(wire.AppendHeader(nil, wire.Header{Length: length, ID: 7, Type: wire.TypeHello})); err != nil {
		return err
	}
	return p.mustFail(wire.ErrFrameTooLarge)
}

// mustFail reads until an ERROR about the connection, which must have a code.
func (p *peer) mustFail(want wire.Code) error {
	if err := p.SetDeadline(time.Now().Add(slack)); err != nil {
		return err
	}
	for {
		f, err := p.next()
		if err != nil {
			return fmt.Errorf("no %s: %w", want.Name(), err)
		}
		if f.Type != wire.TypeError {
			continue
		}
		e, err := wire.DecodeError(f.Body)
		if err == nil && e.Code != want {
			err = fmt.Errorf("%s (%w), not %s", e.Code.Name(), e, want.Name())
		}
		return err
	}
}

// lie sends bodies that are shorter than they say. Each is answered by an ERROR, and the session goes on.
func (a *attack) lie(bodies [][]byte) error {
	p, err := a.session(wire.Hello{})
	if err != nil {
		return err
	}
	defer p.Close()
	for _, t := range []wire.Type{wire.TypePut, wire.TypeBatch, wire.TypeSet, wire.TypePing, wire.TypeMGet} {
		for _, b := range bodies {
			if err = p.SetDeadline(time.Now().Add(patience)); err != nil {
				return err
			}
			p.append(t, 0, raw(b))
			if err = p.flush(); err != nil {
				return err
			}
			if err = p.mustFail(wire.ErrBadMessage); err != nil {
				return fmt.Errorf("%v with the body %x: %w", t, b, err)
			}
		}
	}
	_, err = p.call(wire.TypePing, nothing)
	return err
}

// announce begins a frame that is as large as allowed, and holds the connection.
func (a *attack) announce() error {
	p, err := a.session(wire.Hello{})
	if err != nil {
		return err
	}
	defer reset(p)
	b := wire.AppendHeader(nil, wire.Header{Length: uint32(a.Limits.MaxFrame), ID: 7, Type: wire.TypePut})
	b = append(b, 0x92, 0xc6)
	b = binary.BigEndian.AppendUint32(b, uint32(a.Limits.MaxFrame-8))
	if _, err = p.Write(append(b, make([]byte, 1<<10)...)); err == nil {
		a.pause(time.Second)
	}
	return err
}
